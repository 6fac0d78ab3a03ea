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
#include "store/ledger_file.h"
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

static int
visit_ledger_file(void *context, int directory_fd, const struct dirent *entry)
{
	uint64_t number;

	(void)directory_fd;
	return ledger_file_number(entry->d_name, &number) ? files_push(context, entry->d_name) : 0;
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

/* A directory that was made for the files. */
struct aside {
	int directory_fd; /* where they come from */
	int fd;
	char name[SET_ASIDE_NAME_MAX];
};

static int
aside_open(struct aside *aside, int directory_fd)
{
	aside->directory_fd = directory_fd;
	int r = make_directory(directory_fd, aside->name);

	if (r < 0)
		return r;
	aside->fd = openat(directory_fd, aside->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return aside->fd < 0 ? -errno : 0;
}

static int
aside_sync(const struct aside *aside)
{
	return fsync(aside->fd) == 0 && fsync(aside->directory_fd) == 0 ? 0 : -errno;
}

static int
aside_move(const struct aside *aside, const char *file)
{
	if (renameat(aside->directory_fd, file, aside->fd, file) != 0 && errno != ENOENT)
		return -errno;
	return 0;
}

/* A second name of a file, which stays for now. */
static int
aside_keep(const struct aside *aside, const char *file)
{
	if (linkat(aside->directory_fd, file, aside->fd, file, 0) == 0 || errno == ENOENT)
		return aside_sync(aside);
	return aside_move(aside, file); /* no file, or no links here */
}

static int
aside_move_all(const struct aside *aside, const struct log_files *files)
{
	int r = 0;

	for (size_t i = 0; i < files->count && r == 0; i++)
		r = aside_move(aside, files->names[i]);
	return r == 0 ? aside_sync(aside) : r;
}

/* The new manifest names none. */
static int
aside_move_ledger(const struct aside *aside)
{
	struct log_files files = { 0 };
	int r = directory_each(aside->directory_fd, visit_ledger_file, &files);

	if (r == 0)
		r = aside_move_all(aside, &files);
	log_files_deinit(&files);
	return r;
}

static bool
exists(int directory_fd, const char *file)
{
	return faccessat(directory_fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool
any_exists(int directory_fd, const struct log_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		if (exists(directory_fd, files->names[i]))
			return true;
	}
	return false;
}

int
set_aside(int directory_fd, const struct log_files *files, char *ret_directory)
{
	struct aside aside;

	ret_directory[0] = '\0';
	if (!any_exists(directory_fd, files))
		return 0;
	int r = aside_open(&aside, directory_fd);

	if (r < 0)
		return r;
	r = aside_move_all(&aside, files);
	(void)close(aside.fd);
	memcpy(ret_directory, aside.name, sizeof(aside.name));
	return r;
}

/* ---- of the store ---- */

static int
fail(const struct store *store, int r, struct store_fault *ret_fault)
{
	store_fault_set(ret_fault, "files of \"%s\" could not be set aside: %s", store->options.directory,
	                store_error_text(r));
	return -1;
}

int
set_aside_log(struct store *store, const struct log_files *files, struct store_fault *ret_fault)
{
	char directory[SET_ASIDE_NAME_MAX];
	int r = set_aside(store->directory_fd, files, directory);

	if (r < 0)
		return fail(store, r, ret_fault);
	if (directory[0] != '\0')
		log_warn("log set aside", log_string("directory", directory), log_u64("files", files->count));
	return 0;
}

static int
replace_database(struct store *store, const struct aside *aside, const struct log_files *log,
                 struct store_fault *ret_fault)
{
	int r = aside_keep(aside, MANIFEST_FILE);

	if (r < 0)
		return fail(store, r, ret_fault);
	if (store_publish(store, ret_fault) < 0)
		return -1;
	r = aside_move_all(aside, log);
	if (r == 0)
		r = aside_move_ledger(aside);
	return r < 0 ? fail(store, r, ret_fault) : 0;
}

int
set_aside_database(struct store *store, const struct log_files *log, struct store_fault *ret_fault)
{
	struct aside aside;

	if (!exists(store->directory_fd, MANIFEST_FILE) && !any_exists(store->directory_fd, log))
		return store_publish(store, ret_fault);
	int r = aside_open(&aside, store->directory_fd);

	if (r < 0)
		return fail(store, r, ret_fault);
	r = replace_database(store, &aside, log, ret_fault);
	(void)close(aside.fd);
	if (r == 0)
		log_warn("manifest and log set aside", log_string("directory", aside.name),
		         log_u64("log_files", log->count));
	return r;
}
