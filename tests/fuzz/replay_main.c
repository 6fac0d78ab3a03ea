/*
 * replay_main.c - feeds files to a fuzz target, without a fuzzer
 *
 *   replay_NAME PATH…
 *
 * A path is a file, or a directory whose files are taken (not those of folders in it). Links with any fuzz target, so
 * that what a fuzzer once found stays a test of every ordinary build.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replayed_count;

static bool
complain(const char *path)
{
	(void)fprintf(stderr, "%s: %s\n", path, strerrordesc_np(errno));
	return false;
}

/* A block of exactly the file's size, so that AddressSanitizer sees a byte read too far. */
static bool
replay_stream(FILE *file, size_t bytes)
{
	uint8_t *data = malloc(bytes > 0 ? bytes : 1);

	if (data == NULL || fread(data, 1, bytes, file) != bytes) {
		free(data);
		return false;
	}
	(void)LLVMFuzzerTestOneInput(data, bytes);
	free(data);
	replayed_count++;
	return true;
}

static bool
replay_file(const char *path, size_t bytes)
{
	FILE *file = fopen(path, "rbe");

	if (file == NULL)
		return complain(path);
	/* Said before the target runs: when it aborts, this is the last line. */
	printf("%s\n", path);
	(void)fflush(stdout);
	const bool done = replay_stream(file, bytes) || complain(path);

	(void)fclose(file);
	return done;
}

static bool replay_path(const char *path, bool enter);

static bool
replay_directory(const char *path)
{
	struct dirent **entries;
	const int count = scandir(path, &entries, NULL, alphasort);
	bool done = count >= 0 || complain(path);

	for (int i = 0; i < count; i++) {
		char *inner = NULL;

		if (asprintf(&inner, "%s/%s", path, entries[i]->d_name) < 0)
			done = complain(path);
		else
			done &= replay_path(inner, false);
		free(inner);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return done;
}

static bool
replay_path(const char *path, bool enter)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return complain(path);
	if (S_ISDIR(status.st_mode))
		return !enter || replay_directory(path);
	return replay_file(path, (size_t)status.st_size);
}

int
main(int argc, char **argv)
{
	bool done = true;

	for (int i = 1; i < argc; i++)
		done &= replay_path(argv[i], true);
	printf("%zu files replayed\n", replayed_count);
	return done && replayed_count > 0 ? 0 : 1;
}
