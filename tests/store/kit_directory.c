#include "store/kit_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/kit.h"

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

struct kit_listing *
kit_directory_list(int directory_fd)
{
	struct kit_listing *listing = calloc(1, sizeof(*listing));
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY);
	DIR *stream = fdopendir(fd);
	const struct dirent *entry;

	assert_non_null(listing);
	assert_non_null(stream);
	while ((entry = readdir(stream)) != NULL) { /* NOLINT(concurrency-mt-unsafe): our own stream */
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		assert_true(listing->count < KIT_FILES_MAX);
		(void)snprintf(listing->names[listing->count++], KIT_NAME_BYTES, "%s", entry->d_name);
	}
	(void)closedir(stream);
	qsort(listing->names, listing->count, KIT_NAME_BYTES, compare_names);
	return listing;
}

void
kit_directory_clear(int directory_fd)
{
	struct kit_listing *listing = kit_directory_list(directory_fd);

	for (size_t i = 0; i < listing->count; i++) {
		int fd;

		if (unlinkat(directory_fd, listing->names[i], 0) == 0)
			continue;
		fd = openat(directory_fd, listing->names[i], O_RDONLY | O_DIRECTORY);
		if (fd >= 0) {
			kit_directory_clear(fd);
			(void)close(fd);
			(void)unlinkat(directory_fd, listing->names[i], AT_REMOVEDIR);
		}
	}
	free(listing);
}

void
kit_directory_copy(int from_fd, int to_fd)
{
	struct kit_listing *listing = kit_directory_list(from_fd);

	for (size_t i = 0; i < listing->count; i++) {
		const char *name = listing->names[i];
		int from = openat(from_fd, name, O_RDONLY | O_NONBLOCK);
		struct stat status;

		if (from < 0)
			continue;
		assert_int_equal(fstat(from, &status), 0);
		if (S_ISDIR(status.st_mode)) {
			assert_int_equal(mkdirat(to_fd, name, 0755), 0);
			int to = openat(to_fd, name, O_RDONLY | O_DIRECTORY);

			kit_directory_copy(from, to);
			(void)close(to);
		} else if (S_ISREG(status.st_mode)) {
			int to = openat(to_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
			off_t offset = 0;

			assert_true(to >= 0);
			while (offset < status.st_size)
				assert_true(sendfile(to, from, &offset, (size_t)(status.st_size - offset)) > 0);
			(void)close(to);
		}
		(void)close(from);
	}
	free(listing);
}
