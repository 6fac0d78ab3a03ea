/*
 * inspect_list.c - what the files of a directory are, one line each
 *
 * Only heads and ends of files are read, and the log's segments along their chains; whether everything is sound says verify.
 */
#include "look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/files.h"
#include "store/ledger_file.h"
#include "wal/recover.h"

#define LOCK_FILE "karma.lock"

struct list {
	struct look look;
	struct buffer out;
	struct wal_device device;
	enum status status;
};

static void
line_begin(struct list *list, const char *kind, uint64_t bytes, const char *file)
{
	print(&list->out, "%-9s %12" PRIu64 "  ", kind, bytes);
	print_file(&list->out, file);
	buffer_append_literal(&list->out, "  ");
}

static void
line_end(struct list *list)
{
	buffer_append_byte(&list->out, '\n');
	(void)output_passed(&list->out);
}

static uint64_t
bytes_of(const struct list *list, const char *file)
{
	struct stat status;

	return fstatat(list->look.directory_fd, file, &status, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)status.st_size : 0;
}

/* ---- the manifest ---- */

static void
print_identity(struct buffer *out, const uint8_t *identity)
{
	for (size_t i = 0; i < DIRECTORY_IDENTITY_BYTES; i++)
		print(out, "%02x", identity[i]);
}

static void
list_manifest(struct list *list)
{
	const struct manifest *manifest = &list->look.manifest;

	if (list->look.outcome == MANIFEST_MISSING)
		return;
	line_begin(list, "manifest", list->look.bytes.bytes, MANIFEST_FILE);
	if (list->look.outcome == MANIFEST_OK) {
		buffer_append_literal(&list->out, "identity ");
		print_identity(&list->out, manifest->identity);
		print(&list->out, ", trees %zu, next tree id %" PRIu64 ", today %" PRIu32, manifest->count,
		      manifest->tree_id_next, manifest->today);
		if (manifest->log.first > 0)
			print(&list->out, ", log from segment %" PRIu64 ", epoch %" PRIu64 ", synced %" PRIu64,
			      manifest->log.first, manifest->log.epoch, manifest->log.synced);
		else
			buffer_append_literal(&list->out, ", no log");
		if (manifest->ledger > 0)
			print(&list->out, ", ledger %" PRIu64, manifest->ledger);
	} else {
		print(&list->out, "DAMAGED: %s", list->look.fault.text);
		list->status = STATUS_DAMAGE;
	}
	line_end(list);
}

/* ---- dumps ---- */

static const char *
role_of(const struct list *list, const struct candidate *candidate, const struct dump_info *info)
{
	if (list->look.chosen[candidate - list->look.candidates.items])
		return "current";
	if (!info->ours)
		return "of no known directory";
	if (!candidate->own)
		return list->look.outcome == MANIFEST_OK ? "of another directory" : "older";
	for (size_t i = 0; i < list->look.manifest.count; i++) {
		if (list->look.manifest.trees[i].id == candidate->id)
			return "older";
	}
	return "of no live tree";
}

static void
list_dump(struct list *list, const struct candidate *candidate)
{
	struct dump_info info;
	int r = dump_file_info(list->look.directory_fd, candidate->file, &info);

	if (r == DUMP_MISSING)
		return; /* gone since it was listed */
	line_begin(list, "dump", bytes_of(list, candidate->file), candidate->file);
	if (r == DUMP_OK) {
		buffer_append_literal(&list->out, "tree ");
		print_tree(&list->out, info.name, info.name_bytes);
		if (info.ours)
			print(&list->out, ", id %" PRIu64 ", generation %" PRIu64 ", keys %" PRIu64 ", days %" PRIu64,
			      info.tree_id, info.generation, info.keys, info.days);
		print(&list->out, ", %s", role_of(list, candidate, &info));
	} else if (r == DUMP_DAMAGED) {
		buffer_append_literal(&list->out, "DAMAGED, see verify");
		list->status = status_worse(list->status, STATUS_DAMAGE);
	} else {
		print(&list->out, "cannot be read: %s", strerrordesc_np(-r));
		list->status = STATUS_FAILED;
	}
	line_end(list);
}

static void
list_dumps(struct list *list)
{
	for (size_t i = 0; i < list->look.candidates.count; i++)
		list_dump(list, list->look.candidates.by_name[i]);
}

/* ---- the log ---- */

struct blocks {
	uint64_t count;
	uint64_t epoch_first;
};

static int
count_block(void *context, const struct wal_block_header *block, const uint8_t *payload)
{
	struct blocks *blocks = context;

	(void)payload;
	if (blocks->count++ == 0)
		blocks->epoch_first = block->epoch;
	return 0;
}

static const char *
segment_role(const struct list *list, const struct wal_segment_header *header)
{
	const struct manifest *manifest = &list->look.manifest;

	if (list->look.outcome != MANIFEST_OK)
		return "";
	if (memcmp(header->identity, manifest->identity, sizeof(header->identity)) != 0)
		return ", of another directory";
	return manifest->log.first > 0 && header->sequence >= manifest->log.first ? ", needed" : ", not needed";
}

static void
list_segment_opened(struct list *list, const char *name, int file)
{
	struct wal_segment_header header;
	struct wal_position end;
	struct blocks blocks = { 0 };
	uint64_t bytes = 0;
	int r = list->device.size(list->device.context, file, &bytes);

	if (r == 0)
		r = wal_segment_read(&list->device, file, &header, count_block, &blocks, &end);
	line_begin(list, wal_name_is_spare(name) ? "spare" : "segment", bytes, name);
	if (r == 0) {
		print(&list->out, "sequence %" PRIu64 ", blocks %" PRIu64, header.sequence, blocks.count);
		if (blocks.count > 0)
			print(&list->out, ", epochs %" PRIu64 " to %" PRIu64, blocks.epoch_first, end.epoch);
		print(&list->out, ", ends at %" PRIu64 "%s", end.end,
		      wal_name_is_spare(name) ? "" : segment_role(list, &header));
	} else if (r == -EBADMSG) {
		buffer_append_literal(&list->out, "no header");
	} else {
		print(&list->out, "cannot be read: %s", strerrordesc_np(-r));
		list->status = STATUS_FAILED;
	}
	line_end(list);
}

static void
list_segment(struct list *list, const char *name)
{
	int file = list->device.open(list->device.context, name, false);

	if (file >= 0) {
		list_segment_opened(list, name, file);
		list->device.close(list->device.context, file);
	} else if (file != -ENOENT) { /* gone since it was listed */
		list->status = failed("\"%s\" cannot be opened: %s", name, strerrordesc_np(-file));
	}
}

/* ---- every file ---- */

static int
is_other(const struct dirent *entry)
{
	const char *name = entry->d_name;
	uint64_t number;

	return ledger_file_number(name, &number) || wal_name_is_segment(name) || wal_name_is_spare(name) ||
	       dump_name_is_temporary(name) || strcmp(name, LOCK_FILE) == 0;
}

static const char *
ledger_role(const struct list *list, uint64_t number)
{
	if (list->look.outcome != MANIFEST_OK)
		return "";
	return list->look.manifest.ledger == number ? ", needed" : ", not needed";
}

static void
list_other(struct list *list, const struct dirent *entry)
{
	const char *name = entry->d_name;
	uint64_t number;

	if (!directory_is_file(list->look.directory_fd, entry))
		return;
	if (wal_name_is_segment(name) || wal_name_is_spare(name)) {
		list_segment(list, name);
		return;
	}
	if (ledger_file_number(name, &number)) {
		line_begin(list, "ledger", bytes_of(list, name), name);
		print(&list->out, "number %" PRIu64 "%s", number, ledger_role(list, number));
		line_end(list);
		return;
	}
	line_begin(list, strcmp(name, LOCK_FILE) == 0 ? "lock" : "temporary", bytes_of(list, name), name);
	line_end(list);
}

static void
list_others(struct list *list)
{
	struct dirent **entries;
	int count = scandirat(list->look.directory_fd, ".", &entries, is_other, alphasort);

	if (count < 0) {
		list->status = failed("the directory cannot be read: %s", strerrordesc_np(errno));
		return;
	}
	for (int i = 0; i < count; i++) {
		list_other(list, entries[i]);
		free(entries[i]);
	}
	free(entries);
}

enum status
inspect_list(const struct inspect *inspect)
{
	int directory_fd = directory_open(inspect->path);
	struct list list = { .device = wal_device_reading(&directory_fd) };

	if (directory_fd < 0)
		return STATUS_FAILED;
	buffer_init(&list.out, SIZE_MAX);
	list.status = look_begin(&list.look, directory_fd);
	if (list.status == STATUS_SOUND) {
		list_manifest(&list);
		list_dumps(&list);
		list_others(&list);
		look_end(&list.look);
	}
	list.status = output_end(&list.out, list.status);
	buffer_deinit(&list.out);
	(void)close(directory_fd);
	return list.status;
}
