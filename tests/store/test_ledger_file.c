/* A file of the ledger's records gives back what it was written with, and no other bytes pass for one. */
#include "store/kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/ledger_file.h"
#include "wal/record.h"

static const uint8_t ours[DIRECTORY_IDENTITY_BYTES] = { 1, 2, 3 };

/* ---- a ledger that says body i: i % 700 bytes, all i ---- */

struct fake {
	uint32_t count;
	uint32_t read; /* so far */
	uint32_t fail_at;
	int result;
};

static size_t
body_of(uint32_t i, uint8_t body[WAL_LEDGER_BODY_MAX])
{
	memset(body, (int)(i & 0xff), WAL_LEDGER_BODY_MAX);
	return i == 0 ? WAL_LEDGER_BODY_MAX : i % 700;
}

static int
save(void *context, store_ledger_fn *visit, void *visit_context)
{
	struct fake *fake = context;
	uint8_t body[WAL_LEDGER_BODY_MAX];
	int r = 0;

	for (uint32_t i = 0; i < fake->count && r == 0; i++) {
		size_t bytes = body_of(i, body);

		r = visit(visit_context, body, bytes);
	}
	return r;
}

static int
load(void *context, const uint8_t *body, size_t bytes)
{
	struct fake *fake = context;
	uint8_t wanted[WAL_LEDGER_BODY_MAX];

	if (fake->result != 0 && fake->read == fake->fail_at)
		return fake->result;
	assert_true(fake->read < fake->count);
	assert_int_equal(bytes, body_of(fake->read, wanted));
	assert_memory_equal(body, wanted, bytes);
	fake->read++;
	return 0;
}

static void
must_write(struct kit *kit, uint64_t number, uint32_t count)
{
	struct fake fake = { .count = count };
	struct store_ledger ledger = { .save = save, .context = &fake };
	uint64_t records;

	assert_int_equal(ledger_file_write(kit->directory_fd, number, ours, &ledger, &records), 0);
	assert_int_equal(records, count);
}

static int
read_file(struct kit *kit, uint64_t number, struct fake *fake, uint64_t *ret_records)
{
	return ledger_file_read(kit->directory_fd, number, ours, load, fake, ret_records, &kit->fault);
}

/* ---- tests ---- */

static void
comes_back_as_written(void **state)
{
	static const uint32_t counts[] = { 1, 2, 3000 }; /* the last in many frames */
	struct kit *kit = *state;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct fake fake = { .count = counts[i] };
		uint64_t records;

		must_write(kit, 7, counts[i]);
		assert_int_equal(read_file(kit, 7, &fake, &records), 0);
		assert_int_equal(records, counts[i]);
		assert_int_equal(fake.read, counts[i]);
		assert_int_equal(kit_file_count(kit, ""), 1);
	}
}

static void
without_records_there_is_no_file(void **state)
{
	struct kit *kit = *state;

	must_write(kit, 7, 0);
	assert_int_equal(kit_file_count(kit, ""), 0);
}

static int
fail_to_save(void *context, store_ledger_fn *visit, void *visit_context)
{
	(void)context;
	return visit(visit_context, (const uint8_t *)"x", 1) == 0 ? -ENOMEM : 0;
}

static void
a_failure_leaves_what_was_there(void **state)
{
	struct kit *kit = *state;
	struct store_ledger ledger = { .save = fail_to_save };
	struct fake fake = { .count = 5 };
	uint64_t records;

	must_write(kit, 7, 5);
	assert_int_equal(ledger_file_write(kit->directory_fd, 7, ours, &ledger, &records), -ENOMEM);
	assert_int_equal(read_file(kit, 7, &fake, &records), 0);
	assert_int_equal(kit_file_count(kit, ""), 1);
}

static void
assert_refused(struct kit *kit, const char *said)
{
	struct fake fake = { .count = 3 };
	uint64_t records;
	char name[LEDGER_FILE_NAME_MAX];

	ledger_file_name(7, name);
	assert_int_equal(read_file(kit, 7, &fake, &records), -EBADMSG);
	kit_assert_fault(kit, name);
	kit_assert_fault(kit, said);
}

static void
no_changed_byte_passes(void **state)
{
	struct kit *kit = *state;
	char name[LEDGER_FILE_NAME_MAX];
	char bytes[4096];

	ledger_file_name(7, name);
	must_write(kit, 7, 3);
	size_t count = kit_file_read(kit, name, bytes, sizeof(bytes));

	assert_true(count < sizeof(bytes) - 1);
	for (size_t i = 0; i < count; i++) {
		bytes[i] ^= (char)(1 << (i % 8));
		kit_file_write(kit, name, bytes, count);
		assert_refused(kit, "offset");
		bytes[i] ^= (char)(1 << (i % 8));
		kit_file_write(kit, name, bytes, i); /* cut there */
		assert_refused(kit, "offset");
	}
	bytes[count] = 'x';
	kit_file_write(kit, name, bytes, count + 1);
	assert_refused(kit, "behind its end");
}

/* A frame whole in itself is none where another stood. */
static void
no_frame_counts_elsewhere(void **state)
{
	enum { HEADER = 40, HEAD = 16 };
	struct kit *kit = *state;
	char name[LEDGER_FILE_NAME_MAX];
	static char bytes[1 << 20];

	ledger_file_name(7, name);
	must_write(kit, 7, 400);
	size_t count = kit_file_read(kit, name, bytes, sizeof(bytes));
	uint32_t payload;

	memcpy(&payload, bytes + HEADER, sizeof(payload));
	size_t first = HEAD + payload;

	/* Without the first frame. */
	memmove(bytes + HEADER, bytes + HEADER + first, count - HEADER - first);
	kit_file_write(kit, name, bytes, count - first);
	assert_refused(kit, "checksum");
}

static void
of_another_directory(void **state)
{
	static const uint8_t other[DIRECTORY_IDENTITY_BYTES] = { 3, 2, 1 };
	struct kit *kit = *state;
	struct fake fake = { .count = 3 };
	uint64_t records;

	must_write(kit, 7, 3);
	assert_int_equal(ledger_file_read(kit->directory_fd, 7, other, load, &fake, &records, &kit->fault), -EBADMSG);
	kit_assert_fault(kit, "of another directory");
}

static void
says_what_is_wrong(void **state)
{
	struct kit *kit = *state;
	struct fake fake = { .count = 3, .fail_at = 2, .result = -EBADMSG };
	uint64_t records;

	assert_int_equal(read_file(kit, 7, &fake, &records), -ENOENT);
	kit_assert_fault(kit, "karma-ledger-00000000000000000007.records is missing");
	must_write(kit, 7, 3);
	assert_int_equal(read_file(kit, 7, &fake, &records), -EBADMSG);
	kit_assert_fault(kit, "does not know");
	assert_int_equal(records, 2);
	fake = (struct fake){ .count = 3, .result = -ENOMEM };
	assert_int_equal(read_file(kit, 7, &fake, &records), -ENOMEM);
	kit_assert_fault(kit, "memory");
}

static void
names(void **state)
{
	char name[LEDGER_FILE_NAME_MAX];
	uint64_t number;

	(void)state;
	for (unsigned bits = 0; bits < 64; bits++) {
		ledger_file_name(UINT64_C(1) << bits, name);
		assert_true(ledger_file_number(name, &number));
		assert_true(number == UINT64_C(1) << bits);
	}
	assert_false(ledger_file_number("karma-ledger-0000000000000000001.records", &number));
	assert_false(ledger_file_number("karma-ledger-00000000000000000001.record", &number));
	assert_false(ledger_file_number("karma-ledger-00000000000000000001.records~", &number));
	assert_false(ledger_file_number("karma-ledger-99999999999999999999.records", &number));
	assert_false(ledger_file_number("karma-00000000000000000001.wal", &number));
}

static void
forgets_the_others(void **state)
{
	struct kit *kit = *state;

	for (uint64_t i = 1; i <= 3; i++)
		must_write(kit, i, 1);
	assert_int_equal(mkdirat(kit->directory_fd, "karma-ledger-00000000000000000009.records", 0755), 0);
	assert_int_equal(ledger_files_forget(kit->directory_fd, 2), 2);
	assert_true(kit_file_exists(kit, "karma-ledger-00000000000000000002.records"));
	assert_int_equal(ledger_files_forget(kit->directory_fd, 0), 1);
	assert_int_equal(unlinkat(kit->directory_fd, "karma-ledger-00000000000000000009.records", AT_REMOVEDIR), 0);
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(comes_back_as_written),
		kit_test(without_records_there_is_no_file),
		kit_test(a_failure_leaves_what_was_there),
		kit_test(no_changed_byte_passes),
		kit_test(no_frame_counts_elsewhere),
		kit_test(of_another_directory),
		kit_test(says_what_is_wrong),
		cmocka_unit_test(names),
		kit_test(forgets_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
