/*
 * A crash between any two steps of full dumps, with writes between them, leaves every answered write counted exactly once.
 *
 * The calls that make something durable or move it are wrapped by the linker; before each the directory is copied, with how
 * many writes had been answered by then. Every copy is then started, and all of them are sent again, with one more crash in between.
 */
#include "ledger/database.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

enum { COPIES_MAX = 400, STEPS_MIN = 20, ROUNDS = 3, WRITES = 4 };

struct copy {
	struct kit *kit;
	int answered;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool recording;
static struct kit *recorded;
static _Atomic int answered;
static struct copy copies[COPIES_MAX];
static size_t copy_count;

static void
step(void)
{
	if (!recording)
		return;
	(void)pthread_mutex_lock(&lock);
	if (recording && copy_count < COPIES_MAX) {
		int before = answered; /* first: an answer that comes meanwhile may be in the copy, it need not be */

		copies[copy_count++] = (struct copy){ kit_copy(recorded), before };
	}
	(void)pthread_mutex_unlock(&lock);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
ssize_t __real_pwritev64v2(int fd, const struct iovec *pieces, int count, off_t offset, int flags);
ssize_t __wrap_pwritev64v2(int fd, const struct iovec *pieces, int count, off_t offset, int flags);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);

int
__wrap_fsync(int fd)
{
	step();
	return __real_fsync(fd);
}

int
__wrap_fdatasync(int fd)
{
	step();
	return __real_fdatasync(fd);
}

/* Around the cache a write makes durable. */
ssize_t
__wrap_pwritev64v2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
	step();
	return __real_pwritev64v2(fd, pieces, count, offset, flags);
}

int
__wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	step();
	return __real_renameat(from_fd, from, to_fd, to);
}

int
__wrap_unlinkat(int fd, const char *name, int flags)
{
	step();
	return __real_unlinkat(fd, name, flags);
}

static const char *
key_of(int write)
{
	static char key[24];

	(void)snprintf(key, sizeof(key), "write %d", write);
	return key;
}

static void
must_open(struct database *database)
{
	if (database_open(database) < 0)
		fail_msg("%s", database->kit->fault.text);
}

/* One that was not answered may have been counted: then its record is there, and it is not counted again. */
static void
check_copy(struct copy *copy)
{
	enum { ALL = ROUNDS * WRITES };
	struct database database = { .kit = copy->kit, .options = { .records_max = 1000 } };

	must_open(&database);
	for (int i = 0; i < copy->answered; i++)
		assert_true(database_knows(&database, key_of(i)));
	for (int i = 0; i < ALL / 2; i++)
		(void)database_add(&database, key_of(i), (uint64_t)1 << i);
	database_crash(&database);
	must_open(&database);
	for (int i = 0; i < ALL; i++)
		(void)database_add(&database, key_of(i), (uint64_t)1 << i);
	/* Each has a bit of its own. */
	assert_int_equal(kit_total(copy->kit, "t", 1), (1 << ALL) - 1);
	database_close(&database);
	(void)kit_teardown((void **)&copy->kit);
}

static void
a_crash_at_any_step(void **state)
{
	struct database database = { .kit = *state, .options = { .records_max = 1000 } };

	must_open(&database);
	recorded = database.kit;
	recording = true;
	for (int i = 0; i < ROUNDS * WRITES; i++) {
		assert_true(database_add(&database, key_of(i), (uint64_t)1 << i));
		answered = i + 1;
		if (i % WRITES == WRITES / 2)
			assert_int_equal(kit_dump_all(database.kit), 0);
	}
	(void)pthread_mutex_lock(&lock);
	recording = false;
	(void)pthread_mutex_unlock(&lock);
	database_close(&database); /* one process has one maintenance thread */
	assert_in_range(copy_count, STEPS_MIN, COPIES_MAX - 1);
	for (size_t i = 0; i < copy_count; i++)
		check_copy(&copies[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_crash_at_any_step, kit_setup_log, kit_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
