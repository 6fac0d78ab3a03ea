#include "store/set_aside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "log/log.h"
#include "store/fault.h"
#include "store/files.h"
#include "store/store_internal.h"
#include "wal/recover.h"

/* ---- which files ---- */

static int
files_push(struct log_files *files, const char *name)
{
	if (files->count == files->capacity) {
		size_t capacity = files->capacity > 0 ? 2 * files->capacity : 16;
		void *names = mem_realloc(files->names, capacity * sizeof(*files->names));

		if (names == NULL)
			return -ENOMEM;
		files->names = names;
		files->capacity = capacity;
	}
	(void)snprintf(files->names[files->count++], sizeof(*files->names), "%s", name);
	return 0;
}

static int
visit_log_file(void *context, int directory_fd, const struct dirent *entry)
{
	(void)directory_fd;
	if (wal_name_is_segment(entry->d_name) || wal_name_is_spare(entry->d_name))
		return files_push(context, entry->d_name);
	return 0;
}

int
log_files_read(int directory_fd, struct log_files *ret)
{
	*ret = (struct log_files){ 0 };
	int r = directory_each(directory_fd, visit_log_file, ret);

	if (r < 0)
		log_files_deinit(ret);
	return r;
}

void
log_files_deinit(struct log_files *files)
{
	mem_free(files->names);
	*files = (struct log_files){ 0 };
}

static int
visit_segment(void *context, int directory_fd, const struct dirent *entry)
{
	(void)directory_fd;
	if (!wal_name_is_segment(entry->d_name))
		return 0;
	(void)snprintf(context, SET_ASIDE_FILE_MAX, "%s", entry->d_name);
	return 1;
}

int
log_file_find(int directory_fd, char *ret)
{
	return directory_each(directory_fd, visit_segment, ret);
}

/* ---- moving ---- */

/* Makes a directory that was not there before: a second one in the same second gets a number. */
static int
make_directory(int directory_fd, char *ret_directory)
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

static int
sync_both(int directory_fd, int fd)
{
	return fsync(fd) == 0 && fsync(directory_fd) == 0 ? 0 : -errno;
}

/* The first one is on disk before the next is touched. */
static int
move_files(int directory_fd, int fd, const struct log_files *files)
{
	int r = 0;
	size_t moved = 0;

	for (size_t i = 0; i < files->count && r == 0; i++) {
		const char *file = files->names[i];

		if (renameat(directory_fd, file, fd, file) != 0)
			r = errno == ENOENT ? 0 : -errno;
		else if (moved++ == 0)
			r = sync_both(directory_fd, fd);
	}
	return r == 0 ? sync_both(directory_fd, fd) : r;
}

static bool
any_exists(int directory_fd, const struct log_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		if (faccessat(directory_fd, files->names[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

int
set_aside(int directory_fd, const struct log_files *files, char *ret_directory)
{
	ret_directory[0] = '\0';
	if (!any_exists(directory_fd, files))
		return 0;
	int r = make_directory(directory_fd, ret_directory);

	if (r < 0)
		return r;
	int fd = openat(directory_fd, ret_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	r = move_files(directory_fd, fd, files);
	(void)close(fd);
	return r;
}

static int
set_aside_logged(struct store *store, const struct log_files *files, const char *event, struct store_fault *ret_fault)
{
	char directory[SET_ASIDE_NAME_MAX];
	int r = set_aside(store->directory_fd, files, directory);

	if (r < 0) {
		store_fault_set(ret_fault, "files of \"%s\" could not be set aside: %s", store->options.directory,
		                store_error_text(r));
		return -1;
	}
	if (directory[0] != '\0')
		log_warn(event, log_string("directory", directory), log_u64("files", files->count));
	return 0;
}

int
set_aside_database(struct store *store, struct store_fault *ret_fault)
{
	struct log_files files = { 0 };
	int r = files_push(&files, MANIFEST_FILE);

	if (r == 0)
		r = directory_each(store->directory_fd, visit_log_file, &files);
	if (r == 0)
		r = set_aside_logged(store, &files, "manifest and log set aside", ret_fault);
	else
		store_fault_set(ret_fault, "directory \"%s\" could not be read: %s", store->options.directory,
		                store_error_text(r));
	log_files_deinit(&files);
	return r < 0 ? -1 : 0;
}

int
set_aside_log(struct store *store, const struct log_files *files, struct store_fault *ret_fault)
{
	return set_aside_logged(store, files, "log set aside", ret_fault);
}
