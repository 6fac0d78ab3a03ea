/*
 * retention.c - removing old dumps after a full dump
 *
 * Files are counted per tree part of their names, which is the same for all dumps of a tree; only those with our second
 * object count, and only those are ever removed. So a copy that somebody saved under another name, and everything of the
 * original's, stays.
 */
#include "store/store_internal.h"

#include <string.h>
#include <unistd.h>

#include "log/log.h"

static bool
is_ours(int directory_fd, const char *file, struct dump_info *info)
{
	return dump_file_info(directory_fd, file, info) == DUMP_OK && info->ours;
}

static bool
is_named(const struct catalog *catalog, const char *file, const struct dump_info *info)
{
	const struct catalog_entry *entry = catalog_find(catalog, info->name, info->name_bytes);

	return entry != NULL && strcmp(entry->tree.file, file) == 0;
}

/* `entries` have one tree part, newest first. */
static size_t
retain_part(int directory_fd, uint32_t keep, const struct catalog *catalog, const struct file_entry *entries,
            size_t count)
{
	struct dump_info info;
	uint32_t kept = 0;
	size_t removed = 0;

	for (size_t i = 0; i < count; i++) {
		const char *file = entries[i].file;

		if (!is_ours(directory_fd, file, &info))
			continue;
		if (kept < keep) {
			kept++;
			continue;
		}
		if (is_named(catalog, file, &info))
			continue;
		if (unlinkat(directory_fd, file, 0) == 0) {
			removed++;
			log_debug("old dump removed", log_string("file", file));
		}
	}
	return removed;
}

size_t
retention_run(int directory_fd, uint32_t keep, const struct catalog *catalog)
{
	struct file_list list;
	size_t removed = 0;

	if (keep == 0 || file_list_read(directory_fd, &list) < 0)
		return 0;
	for (size_t first = 0, end; first < list.count; first = end) {
		end = file_list_part_end(&list, first);
		if (end - first > keep) /* else no file needs to be opened */
			removed += retain_part(directory_fd, keep, catalog, &list.entries[first], end - first);
	}
	file_list_deinit(&list);
	return removed;
}
