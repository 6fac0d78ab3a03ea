/* Fingerprints are those of the protocol, byte by byte: clients compute them, too. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ledger/fingerprint.h"

static void
assert_is(struct fingerprint *fingerprint, const char *expected)
{
	uint8_t digest[FINGERPRINT_BYTES];
	char hex[FINGERPRINT_HEX_BYTES + 1] = { 0 };

	fingerprint_final(fingerprint, digest);
	fingerprint_to_hex(digest, hex);
	assert_string_equal(hex, expected);
}

/* The SHA-256 of these very lines, by nettle at once. */
static void
assert_lines(struct fingerprint *fingerprint, const char *lines)
{
	struct sha256_ctx hash;
	uint8_t expected[FINGERPRINT_BYTES], digest[FINGERPRINT_BYTES];

	sha256_init(&hash);
	sha256_update(&hash, strlen(lines), (const uint8_t *)lines);
	sha256_digest(&hash, sizeof(expected), expected);
	fingerprint_final(fingerprint, digest);
	assert_memory_equal(digest, expected, sizeof(expected));
}

/* Seen on the original. */
static void
an_increment_of_the_original(void **state)
{
	struct fingerprint fingerprint;

	(void)state;
	fingerprint_init(&fingerprint, LEDGER_INCREMENT);
	fingerprint_text(&fingerprint, "series", "i", 1);
	fingerprint_number(&fingerprint, "key", 1);
	fingerprint_number(&fingerprint, "bucket", 20260101);
	fingerprint_number(&fingerprint, "value", 2);
	assert_is(&fingerprint, "3c0e743a103693b46098771a957b9f29c135240d6bac3cc5ed6c8a5dc65ca735");
}

static void
every_kind_of_line(void **state)
{
	struct fingerprint fingerprint;

	(void)state;
	fingerprint_init(&fingerprint, LEDGER_DELETE);
	fingerprint_text(&fingerprint, "series", "golden_fp \xc3\xa9", 12);
	fingerprint_absent(&fingerprint, "key");
	fingerprint_count(&fingerprint, "items_count", 10000);
	fingerprint_text(&fingerprint, "empty", "", 0);
	fingerprint_number(&fingerprint, "range_from", 0);
	fingerprint_number(&fingerprint, "range_to", UINT64_MAX);
	assert_lines(&fingerprint, "command:s:6:delete\nseries:s:12:golden_fp \xc3\xa9\nkey:n\nitems_count:i:10000\n"
	                           "empty:s:0:\nrange_from:u:0\nrange_to:u:18446744073709551615\n");
}

static void
hex_there_and_back(void **state)
{
	static const char text[] = "00ff10a53c0e743a103693b46098771a957b9f29c135240d6bac3cc5ed6c8a5d";
	uint8_t bytes[FINGERPRINT_BYTES];
	char again[FINGERPRINT_HEX_BYTES], wrong[FINGERPRINT_HEX_BYTES];

	(void)state;
	assert_true(fingerprint_from_hex(text, FINGERPRINT_HEX_BYTES, bytes));
	fingerprint_to_hex(bytes, again);
	assert_memory_equal(again, text, sizeof(again));
	assert_false(fingerprint_from_hex(text, FINGERPRINT_HEX_BYTES - 1, bytes));
	memcpy(wrong, text, sizeof(wrong));
	wrong[2] = 'F'; /* the protocol wants lower case */
	assert_false(fingerprint_from_hex(wrong, sizeof(wrong), bytes));
	wrong[2] = '\0';
	assert_false(fingerprint_from_hex(wrong, sizeof(wrong), bytes));
}

static void
names_of_operations(void **state)
{
	(void)state;
	for (enum ledger_operation i = LEDGER_INCREMENT; i < LEDGER_OPERATIONS; i++) {
		const char *name = ledger_operation_name(i);
		enum ledger_operation found;

		assert_true(ledger_operation_find(name, strlen(name), &found));
		assert_int_equal(found, i);
		assert_false(ledger_operation_find(name, strlen(name) - 1, &found));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_increment_of_the_original),
		cmocka_unit_test(every_kind_of_line),
		cmocka_unit_test(hex_there_and_back),
		cmocka_unit_test(names_of_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
