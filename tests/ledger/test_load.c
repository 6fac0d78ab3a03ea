/* Bodies have one form, and whatever order and number of them a ledger is loaded from, it is the same afterwards. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "epoch/epoch.h"
#include "ledger/codec.h"

static const uint8_t fingerprint[FINGERPRINT_BYTES] = { 9, 8, 7, [FINGERPRINT_BYTES - 1] = 1 };

/* ---- bodies ---- */

static struct ledger_use
use_of(const char *response, uint64_t created_at, uint64_t sequence)
{
	return (
	    struct ledger_use){ fingerprint, LEDGER_BATCH_ADD, response, strlen(response), created_at, sequence, 0 };
}

/* From a copy of the exact size, so that AddressSanitizer sees a byte read too far. */
static bool
decode(const uint8_t *body, size_t bytes, struct ledger_body *ret)
{
	uint8_t *copy = malloc(bytes > 0 ? bytes : 1);

	assert_non_null(copy);
	memcpy(copy, body, bytes);
	bool good = ledger_body_decode(copy, bytes, ret);

	free(copy);
	return good;
}

static void
a_use_comes_back(void **state)
{
	char key[LEDGER_KEY_BYTES_MAX], response[LEDGER_RESPONSE_BYTES_MAX + 1] = { 0 };
	uint8_t bytes[LEDGER_BODY_BYTES_MAX];
	struct ledger_body body;

	(void)state;
	memset(key, 'k', sizeof(key));
	for (size_t n = 0; n <= LEDGER_RESPONSE_BYTES_MAX; n++) {
		struct ledger_use use = use_of(response, UINT64_MAX, UINT64_MAX - 1);
		size_t key_bytes = 1 + (n * 97) % LEDGER_KEY_BYTES_MAX;
		size_t count = ledger_use_encode(key, key_bytes, &use, bytes);

		assert_true(count <= sizeof(bytes));
		assert_true(ledger_body_decode(bytes, count, &body));
		assert_int_equal(body.kind, LEDGER_BODY_USE);
		assert_int_equal(body.key_bytes, key_bytes);
		assert_memory_equal(body.key, key, key_bytes);
		assert_int_equal(body.use.response_bytes, n);
		assert_memory_equal(body.use.response, response, n);
		assert_memory_equal(body.use.fingerprint, fingerprint, sizeof(fingerprint));
		assert_int_equal(body.use.operation, LEDGER_BATCH_ADD);
		assert_true(body.use.created_at_unix == UINT64_MAX && body.use.sequence == UINT64_MAX - 1);
		/* Cut before its key begins it is none. */
		for (size_t cut = 0; cut <= count - key_bytes; cut++)
			assert_false(decode(bytes, cut, &body));
		response[n] = 'r';
	}
}

static void
what_cannot_be_is_refused(void **state)
{
	uint8_t bytes[LEDGER_BODY_BYTES_MAX + 1] = { 0 };
	struct ledger_use use = use_of("12", 5, 7);
	size_t count = ledger_use_encode("key", 3, &use, bytes);
	struct ledger_body body;
	struct ledger_range range = { 3, 9 };

	(void)state;
	assert_true(decode(bytes, count, &body));
	for (int operation = 0; operation < 256; operation++) {
		bytes[17] = (uint8_t)operation;
		assert_int_equal(decode(bytes, count, &body), operation > 0 && operation < LEDGER_OPERATIONS);
	}
	bytes[17] = 1;
	bytes[18] = LEDGER_RESPONSE_BYTES_MAX + 1;
	assert_false(decode(bytes, sizeof(bytes), &body));
	bytes[18] = 0;
	assert_false(decode(bytes, LEDGER_USE_BYTES + LEDGER_KEY_BYTES_MAX + 1, &body));
	assert_true(decode(bytes, LEDGER_USE_BYTES + LEDGER_KEY_BYTES_MAX, &body));
	memset(bytes + 1, 0, 8); /* sequences begin at 1 */
	assert_false(decode(bytes, count, &body));

	count = ledger_removed_encode(&range, bytes);
	assert_true(decode(bytes, count, &body));
	assert_true(body.kind == LEDGER_BODY_REMOVED && body.removed.first == 3 && body.removed.last == 9);
	assert_false(decode(bytes, count + 1, &body));
	assert_false(decode(bytes, count - 1, &body));
	bytes[1] = 10; /* first above last */
	assert_false(decode(bytes, count, &body));
	bytes[1] = 0;
	assert_false(decode(bytes, count, &body));
	for (int kind = 0; kind < 256; kind++) {
		bytes[0] = (uint8_t)kind;
		bytes[1] = 1;
		assert_int_equal(decode(bytes, count, &body), kind == LEDGER_BODY_REMOVED);
	}
	assert_false(decode(bytes, 0, &body));
}

/* ---- loading ---- */

static struct ledger *
create(uint64_t records_max, uint64_t age_max_seconds)
{
	struct ledger_options options = { .records_max = records_max, .age_max_seconds = age_max_seconds };
	struct ledger *ledger;

	assert_int_equal(ledger_create(&options, &ledger), 0);
	return ledger;
}

static void
load(struct ledger *ledger, const char *key, const char *response, uint64_t created_at, uint64_t sequence)
{
	uint8_t body[LEDGER_BODY_BYTES_MAX];
	struct ledger_use use = use_of(response, created_at, sequence);

	assert_int_equal(ledger_load(ledger, body, ledger_use_encode(key, strlen(key), &use, body)), 0);
}

static void
load_removed(struct ledger *ledger, uint64_t first, uint64_t last)
{
	uint8_t body[LEDGER_BODY_BYTES_MAX];
	struct ledger_range range = { first, last };

	assert_int_equal(ledger_load(ledger, body, ledger_removed_encode(&range, body)), 0);
}

struct text {
	size_t bytes;
	char data[1024];
};

static int
append(void *context, const char *key, size_t key_bytes, const struct ledger_use *use)
{
	struct text *text = context;

	assert_int_equal(use->tag, 0); /* on disk: nothing waits for it */
	text->bytes += (size_t)sprintf(text->data + text->bytes, "%.*s=%.*s@%lu ", (int)key_bytes, key,
	                               (int)use->response_bytes, use->response, use->sequence);
	return 0;
}

/* What it holds, in order; destroys it. */
static void
assert_holds(struct ledger *ledger, uint64_t now, const char *expected)
{
	struct text text = { .data = "" };

	assert_int_equal(ledger_loaded(ledger, now), 0);
	assert_int_equal(ledger_walk(ledger, append, &text), 0);
	assert_string_equal(text.data, expected);
	ledger_destroy(ledger);
	epoch_reclaim();
	assert_int_equal(epoch_retired_bytes(), 0);
}

static void
the_order_of_bodies_does_not_matter(void **state)
{
	/* Of "a" the second use counts; 4 and 5 were removed, and 2, which is not there any more anyway. */
	static const char expected[] = "c=3@3 a=6@6 b=7@7 ";
	int order[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	uint64_t random = 1;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct ledger *ledger = create(10, 0);

		for (int i = 0; i < 16; i++) { /* each twice, the second time in another order */
			if (i % 8 == 0) {
				for (int k = 7; k > 0; k--) {
					random = random * 6364136223846793005 + 1442695040888963407;
					int other = (int)((random >> 33) % (uint64_t)(k + 1)), kept = order[k];

					order[k] = order[other];
					order[other] = kept;
				}
			}
			switch (order[i % 8]) {
			case 0:
				load(ledger, "a", "1", 100, 1);
				break;
			case 1:
				load(ledger, "c", "3", 100, 3);
				break;
			case 2:
				load(ledger, "d", "4", 100, 4);
				break;
			case 3:
				load(ledger, "e", "5", 100, 5);
				break;
			case 4:
				load(ledger, "a", "6", 100, 6);
				break;
			case 5:
				load(ledger, "b", "7", 100, 7);
				break;
			case 6:
				load_removed(ledger, 4, 5);
				break;
			default:
				load_removed(ledger, 2, 2);
			}
		}
		assert_holds(ledger, 1000, expected);
	}
}

static void
too_many_and_too_old_are_left_out(void **state)
{
	struct ledger *ledger = create(3, 50);

	(void)state;
	for (uint64_t i = 1; i <= 6; i++)
		load(ledger, (char[]){ (char)('a' + i), 0 }, "1", 100 + i, i);
	assert_holds(ledger, 155, "f=1@5 g=1@6 ");
}

/* A log of many more uses than there may be records, which are cut down on the way. */
static void
the_youngest_of_very_many(void **state)
{
	struct ledger *ledger = create(2, 0);
	char key[16];

	(void)state;
	for (uint64_t i = 1; i <= 20000; i++) {
		/* Not quite in order, as writers are not. */
		uint64_t sequence = i % 2 == 0 ? i - 1 : i + 1;

		(void)snprintf(key, sizeof(key), "%lu", sequence % 15000);
		load(ledger, key, "1", 100, sequence);
	}
	load_removed(ledger, 1, 19999);
	assert_holds(ledger, 1000, "5000=1@20000 ");
}

static void
numbers_go_on_above(void **state)
{
	struct ledger *ledger = create(10, 0);

	(void)state;
	load(ledger, "a", "1", 100, 17);
	load(ledger, "b", "1", 100, 3);
	assert_int_equal(ledger_loaded(ledger, 1000), 0);
	assert_int_equal(ledger_sequence_next(ledger), 18);
	ledger_destroy(ledger);
	ledger = create(10, 0);
	load_removed(ledger, 1, 20);
	assert_int_equal(ledger_loaded(ledger, 1000), 0);
	assert_int_equal(ledger_sequence_next(ledger), 21);
	assert_int_equal(ledger_loaded(ledger, 1000), 0); /* of nothing: nothing happens */
	ledger_destroy(ledger);
}

static void
refuses_what_is_no_body(void **state)
{
	struct ledger *ledger = create(10, 0);

	(void)state;
	assert_int_equal(ledger_load(ledger, (const uint8_t *)"xyz", 3), -EBADMSG);
	load(ledger, "a", "1", 100, 17);
	ledger_destroy(ledger); /* in the middle */
}

/* ---- and back ---- */

static int
load_again(void *context, const uint8_t *body, size_t bytes)
{
	return ledger_load(context, body, bytes);
}

static void
what_is_saved_loads_the_same(void **state)
{
	struct ledger *one = create(10, 0), *other = create(10, 0);
	struct epoch_worker *worker = epoch_worker_create();
	struct ledger_record *claim;
	struct ledger_use use;

	(void)state;
	assert_non_null(worker);
	load(one, "b", "{\"applied\":1}", 100, 2);
	load(one, "a", "7", 99, 4);
	assert_int_equal(ledger_loaded(one, 1000), 0);
	assert_int_equal(ledger_save(one, load_again, other), 0);
	ledger_destroy(one);
	assert_int_equal(ledger_loaded(other, 1000), 0);
	epoch_begin(worker);
	assert_int_equal(ledger_claim(other, "b", 1, fingerprint, NULL, &claim, &use), LEDGER_REPLAY);
	assert_memory_equal(use.response, "{\"applied\":1}", 13);
	epoch_end(worker);
	epoch_worker_destroy(worker);
	assert_holds(other, 1000, "b={\"applied\":1}@2 a=7@4 ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_use_comes_back),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(the_order_of_bodies_does_not_matter),
		cmocka_unit_test(too_many_and_too_old_are_left_out),
		cmocka_unit_test(the_youngest_of_very_many),
		cmocka_unit_test(numbers_go_on_above),
		cmocka_unit_test(refuses_what_is_no_body),
		cmocka_unit_test(what_is_saved_loads_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
