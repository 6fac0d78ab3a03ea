#include "store/files.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "snapshot/dump_file.h"

#define TEMPORARY_PREFIX ".tmp-"

/* ---- walking the directory ---- */

/* A non-zero return ends the walk and is returned. */
typedef int entry_fn(void *context, int directory_fd, const struct dirent *entry);

static int
directory_each(int directory_fd, entry_fn *visit, void *context)
{
	/* Opened anew: a duplicate of the handle would share its position with other walks. */
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	DIR *stream = fdopendir(fd);

	if (stream == NULL) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	int r = 0;

	while (r == 0) {
		errno = 0;
		/* One thread uses this stream. */
		const struct dirent *entry = readdir(stream); /* NOLINT(concurrency-mt-unsafe) */

		if (entry == NULL) {
			r = -errno;
			break;
		}
		r = visit(context, directory_fd, entry);
	}
	(void)closedir(stream);
	return r;
}

static bool
is_regular(int directory_fd, const struct dirent *entry)
{
	struct stat status;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_REG;
	return fstatat(directory_fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode);
}

/* ---- lists ---- */

struct list_build {
	struct file_list *list;
	size_t capacity;
};

static int
list_add(void *context, int directory_fd, const struct dirent *entry)
{
	struct list_build *build = context;
	struct file_list *list = build->list;
	const char *name = entry->d_name;
	struct file_entry added;

	if (!dump_name_split(name, &added.stamp, &added.part, &added.part_bytes) || !utf8_valid(name, strlen(name)) ||
	    !is_regular(directory_fd, entry))
		return 0;
	if (list->count == build->capacity) {
		size_t capacity = build->capacity > 0 ? 2 * build->capacity : 64;
		struct file_entry *entries = mem_realloc(list->entries, capacity * sizeof(*entries));

		if (entries == NULL)
			return -ENOMEM;
		list->entries = entries;
		build->capacity = capacity;
	}
	size_t bytes = strlen(name) + 1;

	added.file = mem_alloc(bytes);
	if (added.file == NULL)
		return -ENOMEM;
	memcpy(added.file, name, bytes);
	added.part = added.file + (added.part - name);
	list->entries[list->count++] = added;
	return 0;
}

static int
part_compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
	int order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);

	return order != 0 ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static int
entry_compare(const void *a, const void *b)
{
	const struct file_entry *first = a;
	const struct file_entry *second = b;
	int order = part_compare(first->part, first->part_bytes, second->part, second->part_bytes);

	if (order != 0)
		return order;
	if (first->stamp != second->stamp)
		return first->stamp > second->stamp ? -1 : 1;
	return strcmp(first->file, second->file); /* leading zeros */
}

int
file_list_read(int directory_fd, struct file_list *ret_list)
{
	struct list_build build = { .list = ret_list };

	*ret_list = (struct file_list){ 0 };
	int r = directory_each(directory_fd, list_add, &build);

	if (r < 0) {
		file_list_deinit(ret_list);
		return r;
	}
	if (ret_list->count > 0)
		qsort(ret_list->entries, ret_list->count, sizeof(*ret_list->entries), entry_compare);
	return 0;
}

void
file_list_deinit(struct file_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		mem_free(list->entries[i].file);
	mem_free(list->entries);
	*list = (struct file_list){ 0 };
}

static int
stamp_compare(const void *a, const void *b)
{
	const struct file_entry *first = a;
	const struct file_entry *second = b;

	if (first->stamp != second->stamp)
		return first->stamp > second->stamp ? -1 : 1;
	return strcmp(first->file, second->file);
}

int
files_newest_first(int directory_fd, char ***ret_names, size_t *ret_count)
{
	struct file_list list;
	int r = file_list_read(directory_fd, &list);

	if (r < 0)
		return r;
	char **names = mem_alloc((list.count + 1) * sizeof(char *));

	if (names == NULL) {
		file_list_deinit(&list);
		return -ENOMEM;
	}
	if (list.count > 0)
		qsort(list.entries, list.count, sizeof(*list.entries), stamp_compare);
	for (size_t i = 0; i < list.count; i++)
		names[i] = list.entries[i].file;
	mem_free(list.entries); /* the names go to the caller */
	*ret_names = names;
	*ret_count = list.count;
	return 0;
}

size_t
file_list_part_end(const struct file_list *list, size_t first)
{
	const struct file_entry *entry = &list->entries[first];
	size_t end = first + 1;

	assert(first < list->count);
	while (end < list->count && part_compare(entry->part, entry->part_bytes, list->entries[end].part,
	                                         list->entries[end].part_bytes) == 0)
		end++;
	return end;
}

bool
file_list_stamp(const struct file_list *list, const char *tree, size_t tree_bytes, uint64_t *ret_stamp)
{
	char file[DUMP_FILE_NAME_MAX + 1];
	uint64_t ignored;
	const char *part = NULL;
	size_t part_bytes = 0;
	size_t low = 0;
	size_t high = list->count;

	dump_name_encode(0, tree, tree_bytes, file);
	bool split = dump_name_split(file, &ignored, &part, &part_bytes);

	assert(split);
	(void)split;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct file_entry *entry = &list->entries[middle];

		if (part_compare(entry->part, entry->part_bytes, part, part_bytes) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == list->count ||
	    part_compare(list->entries[low].part, list->entries[low].part_bytes, part, part_bytes) != 0)
		return false;
	*ret_stamp = list->entries[low].stamp;
	return true;
}

/* ---- changes ---- */

static int
remove_temporary(void *context, int directory_fd, const struct dirent *entry)
{
	size_t *removed = context;

	if (dump_name_is_temporary(entry->d_name) && is_regular(directory_fd, entry) &&
	    unlinkat(directory_fd, entry->d_name, 0) == 0)
		++*removed;
	return 0;
}

size_t
files_remove_temporary(int directory_fd)
{
	size_t removed = 0;

	(void)directory_each(directory_fd, remove_temporary, &removed);
	return removed;
}

static int
write_all(int fd, const char *data, size_t bytes)
{
	while (bytes > 0) {
		ssize_t written = write(fd, data, bytes);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0) {
			data += written;
			bytes -= (size_t)written;
		}
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

int
file_replace(int directory_fd, const char *file, const void *data, size_t bytes)
{
	char temporary[DUMP_FILE_NAME_MAX + 1];

	(void)snprintf(temporary, sizeof(temporary), TEMPORARY_PREFIX "%s", file);
	int fd = openat(directory_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return -errno;
	int r = write_all(fd, data, bytes);

	if (close(fd) != 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat(directory_fd, temporary, directory_fd, file) != 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(directory_fd, temporary, 0);
		return r;
	}
	return fsync(directory_fd) == 0 ? 0 : -errno;
}

/* Makes a directory that was not there before: a second one in the same second gets a number. */
static int
set_aside_directory(int directory_fd, char *ret_directory)
{
	enum { TRIES_MAX = 1000 };
	const time_t now = time(NULL);
	struct tm utc;
	char stamp[32];

	if (gmtime_r(&now, &utc) == NULL || strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc) == 0)
		return -EOVERFLOW;
	for (int i = 1; i <= TRIES_MAX; i++) {
		if (i == 1)
			(void)snprintf(ret_directory, SET_ASIDE_NAME_MAX, "set-aside-%s", stamp);
		else
			(void)snprintf(ret_directory, SET_ASIDE_NAME_MAX, "set-aside-%s-%d", stamp, i);
		if (mkdirat(directory_fd, ret_directory, 0755) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int
file_set_aside(int directory_fd, const char *file, char *ret_directory)
{
	if (faccessat(directory_fd, file, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	int r = set_aside_directory(directory_fd, ret_directory);

	if (r < 0)
		return r;
	int fd = openat(directory_fd, ret_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (renameat(directory_fd, file, fd, file) != 0 || fsync(fd) != 0 || fsync(directory_fd) != 0)
		r = -errno;
	(void)close(fd);
	return r;
}
