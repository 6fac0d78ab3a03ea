/* The disk in memory loses what was not synced, and nothing else: the other tests lean on it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "wal/memory_device.h"

#include <errno.h>
#include <string.h>

#include "wal/random.h"

static struct memory_device *memory;
static struct wal_device device;

static int
setup(void **state)
{
	(void)state;
	memory = memory_device_create(random_seed());
	device = memory_device_wal(memory);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	memory_device_destroy(memory);
	return 0;
}

static ssize_t
write_at(int file, char byte, size_t bytes, uint64_t offset)
{
	char data[4 * MEMORY_SECTOR];
	struct iovec pieces[] = { { data, bytes / 2 }, { data, 0 }, { data, bytes - bytes / 2 } };

	assert_true(bytes <= sizeof(data));
	memset(data, byte, sizeof(data));
	return device.write(device.context, file, pieces, 3, offset);
}

static void
nothing_unsynced_survives(void **state)
{
	int file = device.open(device.context, "a", true);

	(void)state;
	assert_true(file >= 0);
	assert_int_equal(write_at(file, 'x', 1000, 0), 1000);
	assert_int_equal(device.sync(device.context, file), 0);
	assert_int_equal(device.sync_directory(device.context), 0);
	assert_int_equal(write_at(file, 'y', 1000, 500), 1000);
	assert_int_equal(device.rename(device.context, "a", "b"), 0);
	assert_null(memory_device_file(memory, "a"));
	memory_device_crash_all(memory, false);
	assert_null(memory_device_file(memory, "b"));
	const struct memory_file *found = memory_device_file(memory, "a");

	assert_non_null(found);
	assert_int_equal(found->bytes, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(found->data[i], 'x');
}

/* Each sector as a whole, some lost and some kept, in many crashes. */
static void
any_subset_survives(void **state)
{
	unsigned kept_count = 0;

	(void)state;
	memory_device_put(memory, "a", "", 0);
	for (int i = 0; i < 300; i++) {
		unsigned char byte = (unsigned char)(i % 200 + 1);
		int file = device.open(device.context, "a", false);

		assert_int_equal(write_at(file, '\0', 4 * MEMORY_SECTOR, 0), 4 * MEMORY_SECTOR);
		assert_int_equal(device.sync(device.context, file), 0);
		assert_int_equal(write_at(file, (char)byte, 4 * MEMORY_SECTOR, 0), 4 * MEMORY_SECTOR);
		memory_device_crash(memory);
		const struct memory_file *found = memory_device_file(memory, "a");

		assert_int_equal(found->bytes, 4 * MEMORY_SECTOR);
		for (int j = 0; j < 4 * MEMORY_SECTOR; j++) {
			assert_true(found->data[j] == byte || found->data[j] == 0);
			assert_int_equal(found->data[j], found->data[j - j % MEMORY_SECTOR]);
		}
		for (int j = 0; j < 4; j++)
			kept_count += found->data[j * MEMORY_SECTOR] == byte;
	}
	assert_in_range(kept_count, 300, 900);
}

static void
transfers_are_short(void **state)
{
	char data[100];
	int whole = 0;
	int file = device.open(device.context, "a", true);

	(void)state;
	memory->short_transfers = true;
	for (int i = 0; i < 1000; i++) {
		ssize_t written = write_at(file, 'x', 100, 0);
		ssize_t read = device.read(device.context, file, data, 50, 0);

		assert_in_range(written, 1, 100);
		assert_in_range(read, 1, 50);
		whole += written == 100;
	}
	assert_in_range(whole, 1, 100);
	device.close(device.context, file);
	assert_int_equal(memory_device_opened(memory), 0);
}

static void
room_ends(void **state)
{
	int file = device.open(device.context, "a", true);

	(void)state;
	memory->room = 1000;
	assert_int_equal(device.allocate(device.context, file, 600), 0);
	assert_int_equal(device.allocate(device.context, file, 1001), -ENOSPC);
	assert_int_equal(memory->room, 400);
	assert_int_equal(write_at(file, 'x', 600, 0), 600);
	assert_int_equal(write_at(file, 'x', 600, 600), 400);
	assert_int_equal(write_at(file, 'x', 1, 1000), -ENOSPC);
	assert_int_equal(device.remove(device.context, "a"), 0);
	assert_int_equal(memory->room, 1000);
}

static void
calls_fail_when_told(void **state)
{
	int file = device.open(device.context, "a", true);

	(void)state;
	memory->fault[MEMORY_SYNC].countdown = 2;
	memory->fault[MEMORY_SYNC].error = -EIO;
	assert_int_equal(write_at(file, 'x', 10, 0), 10);
	assert_int_equal(device.sync(device.context, file), 0);
	assert_int_equal(write_at(file, 'y', 10, 0), 10);
	assert_int_equal(device.sync(device.context, file), -EIO);
	assert_false(memory_device_file(memory, "a")->synced);
	assert_int_equal(device.sync(device.context, file), 0);
	memory->fault[MEMORY_WRITE].countdown = 1;
	memory->fault[MEMORY_WRITE].error = -EIO;
	memory->fault[MEMORY_WRITE].forever = true;
	assert_int_equal(write_at(file, 'x', 10, 0), -EIO);
	assert_int_equal(write_at(file, 'x', 10, 0), -EIO);
	assert_int_equal(memory->calls[MEMORY_SYNC], 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_unsynced_survives, setup, teardown),
		cmocka_unit_test_setup_teardown(any_subset_survives, setup, teardown),
		cmocka_unit_test_setup_teardown(transfers_are_short, setup, teardown),
		cmocka_unit_test_setup_teardown(room_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(calls_fail_when_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
