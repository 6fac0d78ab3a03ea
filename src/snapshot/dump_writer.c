/*
 * Keys arrive in any order and are sorted into the branches of the original, key mod 9. The branches wait in spills;
 * dump_writer_finish() puts the file together under a temporary name, so a file with the name of a dump is always whole.
 *
 *   CREATED --key()*--> CREATED --finish()--> FINISHED --publish()--> PUBLISHED
 *
 * A call that failed may leave a branch half written: the writer then refuses all but dump_writer_destroy().
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/give_way.h"
#include "base/memory.h"
#include "snapshot/dump_file.h"
#include "snapshot/dump_name.h"
#include "snapshot/file_io.h"
#include "snapshot/pack.h"
#include "snapshot/spill.h"
#include "snapshot/trailer.h"

enum writer_state { WRITER_CREATED, WRITER_FINISHED, WRITER_PUBLISHED, WRITER_FAILED };

enum { OUTPUT_BYTES = 64 * 1024 };

struct dump_writer {
	enum writer_state state;
	int directory_fd;
	int fd;               /* of the temporary file; -1 before there is one and after it is closed */
	uint64_t bytes;       /* written to it */
	struct buffer output; /* what stands behind them */
	struct checksum *checksum;
	uint64_t days;
	struct branch {
		struct spill spill;
		uint32_t keys;
	} branches[DUMP_BRANCHES];
	char temporary[DUMP_FILE_NAME_MAX + 1];
};

static_assert(SPILL_RECORD_BYTES_MAX >= 4 * PACK_TOKEN_BYTES_MAX + sizeof("table") + sizeof("total"),
              "a day twice, and what stands around the days, fit into what spill_room() gives");
static_assert((size_t)OUTPUT_BYTES > (size_t)TRAILER_BYTES_MAX, "the second object fits into an empty output");

int
dump_writer_create(int directory_fd, struct dump_writer **ret)
{
	struct dump_writer *writer = mem_alloc_zeroed(sizeof(*writer));

	if (writer == NULL)
		return -ENOMEM;
	writer->state = WRITER_CREATED;
	writer->directory_fd = directory_fd;
	writer->fd = -1;
	buffer_init(&writer->output, OUTPUT_BYTES);
	for (int i = 0; i < DUMP_BRANCHES; i++)
		spill_init(&writer->branches[i].spill, directory_fd);
	writer->checksum = checksum_create();
	if (writer->checksum == NULL) {
		dump_writer_destroy(writer);
		return -ENOMEM;
	}
	*ret = writer;
	return 0;
}

/* ---- keys ---- */

/* Needs to be told, beyond the count: see day_table.h. */
static bool
is_kept(const struct cut_day *day)
{
	return day->kept && day->count > 0;
}

static uint32_t
pairs_of(const struct cut_day *days, size_t day_count)
{
	uint32_t pairs = (uint32_t)day_count;

	for (size_t i = 0; i < day_count; i++)
		pairs += is_kept(&days[i]);
	return pairs;
}

static int
days_encode(struct spill *spill, const struct cut_day *days, size_t day_count)
{
	for (size_t i = 0; i < day_count; i++) {
		int r = spill_room(spill);

		if (r < 0)
			return r;
		if (is_kept(&days[i])) {
			pack_uint(&spill->buffer, days[i].day);
			pack_uint(&spill->buffer, 0);
		}
		pack_uint(&spill->buffer, days[i].day);
		pack_uint(&spill->buffer, days[i].count);
	}
	return 0;
}

static int
key_encode(struct spill *spill, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	int r = spill_room(spill);

	if (r < 0)
		return r;
	pack_uint(&spill->buffer, key);
	pack_map(&spill->buffer, 2);
	pack_str_literal(&spill->buffer, "table");
	pack_map(&spill->buffer, pairs_of(days, day_count));
	r = days_encode(spill, days, day_count);
	if (r == 0)
		r = spill_room(spill);
	if (r < 0)
		return r;
	pack_str_literal(&spill->buffer, "total");
	pack_uint(&spill->buffer, total);
	return 0;
}

/* What the reader would refuse must not be written: a dump that cannot be loaded is none. */
static bool
key_is_valid(uint64_t total, const struct cut_day *days, size_t day_count)
{
	if (total > COUNT_MAX || day_count > (size_t)DAY_MAX + 1)
		return false;
	for (size_t i = 0; i < day_count; i++) {
		if (days[i].day > DAY_MAX || days[i].count > COUNT_MAX)
			return false;
	}
	return true;
}

int
dump_writer_key(struct dump_writer *writer, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	assert(writer->state == WRITER_CREATED || writer->state == WRITER_FAILED);
	if (writer->state == WRITER_FAILED)
		return -EIO;
	struct branch *branch = &writer->branches[key % DUMP_BRANCHES];
	int r = -ERANGE;

	if (key_is_valid(total, days, day_count) && branch->keys < UINT32_MAX)
		r = key_encode(&branch->spill, key, total, days, day_count);
	if (r < 0) {
		writer->state = WRITER_FAILED;
		return r;
	}
	branch->keys++;
	writer->days += day_count;
	return 0;
}

/* ---- putting the file together ---- */

static int
output_flush(struct dump_writer *writer)
{
	struct buffer *output = &writer->output;
	int r = output->failed ? -ENOMEM : file_write_at(writer->fd, output->data, output->bytes, writer->bytes);

	if (r < 0)
		return r;
	checksum_add(writer->checksum, output->data, output->bytes);
	writer->bytes += output->bytes;
	buffer_truncate(output, 0);
	give_way();
	return 0;
}

static int
output_take(void *context, const void *data, size_t bytes)
{
	struct dump_writer *writer = context;

	if (writer->output.bytes + bytes > OUTPUT_BYTES) {
		int r = output_flush(writer);

		if (r < 0)
			return r;
	}
	assert(writer->output.bytes + bytes <= OUTPUT_BYTES);
	buffer_append(&writer->output, data, bytes);
	return 0;
}

/* Room for the small parts between the branches. */
static int
output_room(struct dump_writer *writer, size_t bytes)
{
	return writer->output.bytes + bytes > OUTPUT_BYTES ? output_flush(writer) : 0;
}

static int
output_tree(struct dump_writer *writer)
{
	pack_map(&writer->output, 2);
	pack_str_literal(&writer->output, "branches_num");
	pack_uint(&writer->output, DUMP_BRANCHES);
	pack_str_literal(&writer->output, "branches");
	pack_array(&writer->output, DUMP_BRANCHES);
	for (int i = 0; i < DUMP_BRANCHES; i++) {
		struct branch *branch = &writer->branches[i];
		int r = output_room(writer, PACK_TOKEN_BYTES_MAX);

		if (r < 0)
			return r;
		pack_map(&writer->output, branch->keys);
		r = spill_drain(&branch->spill, output_take, writer);
		if (r < 0)
			return r;
		spill_deinit(&branch->spill); /* its part of the disk is free before the next one is copied */
	}
	return 0;
}

static int
output_trailer(struct dump_writer *writer, const struct dump_info *info)
{
	int r = output_room(writer, TRAILER_BYTES_MAX);

	if (r < 0)
		return r;
	trailer_encode(&writer->output, info);
	r = output_flush(writer);
	if (r < 0)
		return r;
	pack_u64_bytes(&writer->output, checksum_value(writer->checksum));
	return output_flush(writer);
}

static int
temporary_create(struct dump_writer *writer)
{
	char name[DUMP_FILE_NAME_MAX + 1];
	int r = dump_name_temporary(name);

	if (r < 0)
		return r;
	int fd = openat(writer->directory_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	writer->fd = fd;
	memcpy(writer->temporary, name, sizeof(name));
	return 0;
}

/* Errors of a delayed write come out at fsync or at close: both are looked at. */
static int
temporary_sync(struct dump_writer *writer)
{
	int r = fsync(writer->fd) < 0 ? -errno : 0;
	int closed = close(writer->fd) < 0 ? -errno : 0;

	writer->fd = -1;
	return r < 0 ? r : closed;
}

static int
writer_assemble(struct dump_writer *writer, struct dump_info *info)
{
	int r = temporary_create(writer);

	if (r == 0)
		r = output_tree(writer);
	if (r == 0)
		r = output_trailer(writer, info);
	if (r == 0)
		r = temporary_sync(writer);
	return r;
}

int
dump_writer_finish(struct dump_writer *writer, struct dump_info *info)
{
	assert(writer->state == WRITER_CREATED || writer->state == WRITER_FAILED);
	assert(info->name_bytes <= sizeof(info->name));
	if (writer->state == WRITER_FAILED)
		return -EIO;
	info->keys = 0;
	for (int i = 0; i < DUMP_BRANCHES; i++)
		info->keys += writer->branches[i].keys;
	info->days = writer->days;
	int r = writer_assemble(writer, info);

	buffer_deinit(&writer->output); /* many finished writers may wait for their names */
	writer->state = r == 0 ? WRITER_FINISHED : WRITER_FAILED;
	info->ours = r == 0;
	info->bytes = writer->bytes;
	return r;
}

/* ---- giving it its name ---- */

/* An existing file is never replaced, where the file system can tell. */
static int
rename_new(int directory_fd, const char *from, const char *to)
{
	if (renameat2(directory_fd, from, directory_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EINVAL && renameat(directory_fd, from, directory_fd, to) == 0)
		return 0;
	return -errno;
}

int
dump_writer_publish(struct dump_writer *writer, const char *file_name)
{
	assert(writer->state == WRITER_FINISHED);
	assert(strchr(file_name, '/') == NULL);
	int r = rename_new(writer->directory_fd, writer->temporary, file_name);

	if (r < 0)
		return r;
	writer->state = WRITER_PUBLISHED;
	return fsync(writer->directory_fd) < 0 ? -errno : 0;
}

void
dump_writer_destroy(struct dump_writer *writer)
{
	if (writer == NULL)
		return;
	if (writer->fd >= 0)
		(void)close(writer->fd); /* not finished: about to be removed */
	if (writer->temporary[0] != '\0' && writer->state != WRITER_PUBLISHED)
		(void)unlinkat(writer->directory_fd, writer->temporary, 0); /* else the next start removes it */
	for (int i = 0; i < DUMP_BRANCHES; i++)
		spill_deinit(&writer->branches[i].spill);
	buffer_deinit(&writer->output);
	checksum_destroy(writer->checksum);
	mem_free(writer);
}
