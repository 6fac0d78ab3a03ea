/*
 * inspect_export.c - a tree's file, or what a directory holds, as rows
 *
 * A file is read twice: what is printed has passed its checksum. Memory is that of one key.
 */
#include "emit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"
#include "snapshot/dump_reader.h"

static int
visit_nothing(void *context, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	(void)context, (void)key, (void)total, (void)days, (void)day_count;
	return 0;
}

static int
visit_row(void *context, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	return emit_key(context, key, total, days, day_count);
}

/* DUMP_OK, or what is to be said of a file that is not exported. */
static enum status
file_status(const char *path, int r, const struct dump_fault *fault)
{
	if (r == DUMP_MISSING)
		return failed("\"%s\" is not there, or no regular file", path);
	(void)failed("%s", fault->text);
	return r == DUMP_DAMAGED ? STATUS_DAMAGE : STATUS_FAILED;
}

static enum status
export_name_check(const struct inspect *inspect, const struct dump_info *info)
{
	if (!utf8_valid(info->name, info->name_bytes))
		return failed("\"%s\": the tree's name is not UTF-8; rename the file to <seconds>_<name>.tree",
		              inspect->path);
	if (inspect->tree != NULL &&
	    (inspect->tree_bytes != info->name_bytes || memcmp(inspect->tree, info->name, info->name_bytes) != 0))
		return failed("\"%s\" holds the tree \"%.*s\", not \"%s\"", inspect->path, (int)info->name_bytes,
		              info->name, inspect->tree);
	return STATUS_SOUND;
}

static enum status
export_opened(const struct inspect *inspect, const struct dump_reader *reader)
{
	struct emitter emitter;
	struct dump_info info;
	int r = dump_reader_run(reader, visit_nothing, NULL, &info);

	if (r != DUMP_OK)
		return file_status(inspect->path, r, reader->fault);
	if (export_name_check(inspect, &info) != STATUS_SOUND)
		return STATUS_FAILED;
	emit_begin(&emitter, inspect->format);
	emit_tree(&emitter, info.name, info.name_bytes);
	struct dump_info again;

	r = dump_reader_run(reader, visit_row, &emitter, &again);
	if (r == DUMP_OK)
		emit_tree_end(&emitter);
	return emit_end(&emitter, r == DUMP_OK ? STATUS_SOUND : file_status(inspect->path, r, reader->fault));
}

static enum status
export_file(const struct inspect *inspect)
{
	const char *slash = strrchr(inspect->path, '/');
	const char *file = slash != NULL ? slash + 1 : inspect->path;
	int directory_fd = AT_FDCWD;
	struct dump_reader reader;
	struct dump_fault fault;

	if (slash != NULL) {
		char directory[PATH_MAX];

		(void)snprintf(directory, sizeof(directory), "%.*s/", (int)(slash - inspect->path), inspect->path);
		directory_fd = directory_open(directory);
		if (directory_fd < 0)
			return STATUS_FAILED;
	}
	int r = dump_reader_open(&reader, directory_fd, file, &fault);
	enum status status;

	if (r == DUMP_OK) {
		status = export_opened(inspect, &reader);
		dump_reader_close(&reader);
	} else {
		status = file_status(inspect->path, r, &fault);
	}
	if (directory_fd >= 0)
		(void)close(directory_fd);
	return status;
}

enum status
inspect_export(const struct inspect *inspect)
{
	struct stat found;

	if (stat(inspect->path, &found) < 0)
		return failed("\"%s\" cannot be opened: %s", inspect->path, strerrordesc_np(errno));
	return S_ISDIR(found.st_mode) ? export_directory(inspect) : export_file(inspect);
}
