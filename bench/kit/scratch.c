#include "kit/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/must.h"

void
scratch_make(struct scratch *scratch, const char *base)
{
	int bytes = snprintf(scratch->path, sizeof(scratch->path), "%s/karma-bench-XXXXXX", base);

	must(bytes < 0 || (size_t)bytes >= sizeof(scratch->path) ? -ENAMETOOLONG : 0, base);
	must(mkdtemp(scratch->path) == NULL ? -errno : 0, base);
	scratch->fd = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(scratch->fd < 0 ? -errno : 0, scratch->path);
}

void
scratch_clear(const struct scratch *scratch)
{
	DIR *stream = opendir(scratch->path);
	const struct dirent *entry;

	must(stream == NULL ? -errno : 0, scratch->path);
	while ((entry = readdir(stream)) != NULL) { /* NOLINT(concurrency-mt-unsafe): our own stream */
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			must(unlinkat(scratch->fd, entry->d_name, 0) < 0 ? -errno : 0, entry->d_name);
	}
	(void)closedir(stream);
}

void
scratch_remove(struct scratch *scratch)
{
	scratch_clear(scratch);
	(void)close(scratch->fd);
	must(rmdir(scratch->path) < 0 ? -errno : 0, scratch->path);
}
