/* The device does to a real directory what device.h says, and answers with negative errnos. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "wal/device.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In the C library's place: a file system that can not preallocate. */
static bool no_fallocate;

int fallocate(int fd, int mode, off_t offset, off_t bytes);

int
fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	if (no_fallocate) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
}

static char path[64];
static int directory_fd;
static struct wal_device device;

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/karma-device-XXXXXX");
	if (mkdtemp(path) == NULL)
		return -1;
	directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	device = wal_device_directory(&directory_fd);
	return directory_fd < 0 ? -1 : 0;
}

static int
remove_name(void *context, const char *name)
{
	(void)context;
	return unlinkat(directory_fd, name, 0) == 0 ? 0 : unlinkat(directory_fd, name, AT_REMOVEDIR);
}

static int
teardown(void **state)
{
	(void)state;
	int r = device.list(device.context, remove_name, NULL);

	(void)close(directory_fd);
	return r == 0 ? rmdir(path) : r;
}

static void
bytes_stay_where_they_were_put(void **state)
{
	char found[32] = { 0 };
	uint64_t bytes;
	struct iovec pieces[] = { { (void *)(uintptr_t) "one", 3 }, { NULL, 0 }, { (void *)(uintptr_t) "two", 3 } };

	(void)state;
	assert_int_equal(device.open(device.context, "a", false), -ENOENT);
	int file = device.open(device.context, "a", true);

	assert_true(file >= 0);
	assert_int_equal(device.write(device.context, file, pieces, 3, 10), 6);
	assert_int_equal(device.size(device.context, file, &bytes), 0);
	assert_int_equal(bytes, 16);
	assert_int_equal(device.sync(device.context, file), 0);
	assert_int_equal(device.push(device.context, file, 0, 16), 0);
	device.close(device.context, file);
	/* create leaves what is there. */
	file = device.open(device.context, "a", true);
	assert_int_equal(device.read(device.context, file, found, sizeof(found), 8), 8);
	assert_memory_equal(found, "\0\0onetwo", 8);
	assert_int_equal(device.read(device.context, file, found, sizeof(found), 16), 0);
	device.close(device.context, file);
	assert_int_equal(device.sync_directory(device.context), 0);
}

static void
many_pieces_are_written_in_part(void **state)
{
	static struct iovec pieces[IOV_MAX + 10];
	int file = device.open(device.context, "a", true);

	(void)state;
	for (int i = 0; i < IOV_MAX + 10; i++)
		pieces[i] = (struct iovec){ (void *)(uintptr_t) "x", 1 };
	assert_int_equal(device.write(device.context, file, pieces, IOV_MAX + 10, 0), IOV_MAX);
	device.close(device.context, file);
}

static void
check_room(void)
{
	struct iovec piece = { (void *)(uintptr_t) "data", 4 };
	struct stat status;
	char found[8];
	uint64_t bytes;
	int file = device.open(device.context, "a", true);

	assert_int_equal(device.write(device.context, file, &piece, 1, 0), 4);
	assert_int_equal(device.allocate(device.context, file, 200000), 0);
	assert_int_equal(device.size(device.context, file, &bytes), 0);
	assert_int_equal(bytes, 200000);
	assert_int_equal(fstat(file, &status), 0);
	assert_true(status.st_blocks * 512 >= 200000);
	assert_int_equal(device.read(device.context, file, found, 8, 0), 8);
	assert_memory_equal(found, "data\0\0\0\0", 8);
	/* Less than there is: nothing happens. */
	assert_int_equal(device.allocate(device.context, file, 10), 0);
	assert_int_equal(device.size(device.context, file, &bytes), 0);
	assert_int_equal(bytes, 200000);
	device.close(device.context, file);
}

static void
room_is_made_and_data_kept(void **state)
{
	(void)state;
	check_room();
}

static void
room_is_made_without_fallocate(void **state)
{
	(void)state;
	no_fallocate = true;
	check_room();
	no_fallocate = false;
}

struct names {
	char text[64];
	int stop;
};

static int
collect(void *context, const char *name)
{
	struct names *names = context;

	(void)strncat(names->text, name, sizeof(names->text) - strlen(names->text) - 1);
	return names->stop;
}

static void
names_change(void **state)
{
	struct names names = { "" };

	(void)state;
	device.close(device.context, device.open(device.context, "a", true));
	assert_int_equal(device.rename(device.context, "a", "b"), 0);
	assert_int_equal(device.rename(device.context, "a", "c"), -ENOENT);
	/* Twice: a list begins at the first name each time. */
	for (int i = 0; i < 2; i++) {
		names.text[0] = '\0';
		assert_int_equal(device.list(device.context, collect, &names), 0);
		assert_string_equal(names.text, "b");
	}
	names.stop = 77;
	assert_int_equal(device.list(device.context, collect, &names), 77);
	assert_int_equal(device.remove(device.context, "b"), 0);
	assert_int_equal(device.remove(device.context, "b"), -ENOENT);
}

static void
only_regular_files_are_opened(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(directory_fd, "directory", 0700), 0);
	assert_int_equal(device.open(device.context, "directory", false), -EISDIR);
	assert_int_equal(mkfifoat(directory_fd, "pipe", 0600), 0);
	assert_int_equal(device.open(device.context, "pipe", false), -EINVAL);
	assert_int_equal(symlinkat("a", directory_fd, "link"), 0);
	assert_int_equal(device.open(device.context, "link", true), -ELOOP);
}

static void
errors_are_told(void **state)
{
	struct iovec piece = { (void *)(uintptr_t) "x", 1 };
	uint64_t bytes;
	char byte;

	(void)state;
	assert_int_equal(device.read(device.context, -1, &byte, 1, 0), -EBADF);
	assert_int_equal(device.write(device.context, -1, &piece, 1, 0), -EBADF);
	assert_int_equal(device.sync(device.context, -1), -EBADF);
	assert_int_equal(device.push(device.context, -1, 0, 1), -EBADF);
	assert_int_equal(device.allocate(device.context, -1, 1), -EBADF);
	assert_int_equal(device.size(device.context, -1, &bytes), -EBADF);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bytes_stay_where_they_were_put, setup, teardown),
		cmocka_unit_test_setup_teardown(many_pieces_are_written_in_part, setup, teardown),
		cmocka_unit_test_setup_teardown(room_is_made_and_data_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(room_is_made_without_fallocate, setup, teardown),
		cmocka_unit_test_setup_teardown(names_change, setup, teardown),
		cmocka_unit_test_setup_teardown(only_regular_files_are_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_are_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
