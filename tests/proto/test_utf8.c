/* UTF-8 is taken exactly as RFC 3629 defines it: every character round-trips, every other sequence is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/utf8.h"

static bool
is_surrogate(uint32_t character)
{
	return character >= 0xd800 && character <= 0xdfff;
}

/* Every character there is encodes to a sequence of its own that is accepted whole, and never in part. */
static void
every_character_round_trips(void **state)
{
	(void)state;
	for (uint32_t character = 0; character <= 0x10ffff; character++) {
		char text[UTF8_SEQUENCE_MAX];

		if (is_surrogate(character))
			continue;
		const size_t bytes = utf8_encode(character, text);

		if (utf8_sequence(text, text + bytes) != bytes || (bytes > 1 && utf8_valid(text, bytes - 1)))
			fail_msg("U+%04X is not taken as it should be", character);
	}
}

/* What the bytes mean when lengths and bounds are ignored: the slow definition to compare with. */
static bool
valid_by_definition(const unsigned char *text, size_t bytes)
{
	static const uint32_t first_of[] = { 0, 0, 0x80, 0x800, 0x10000 };
	static const unsigned char lead_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	static const unsigned char lead_mark[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };

	if ((text[0] & ~lead_bits[bytes]) != lead_mark[bytes])
		return false;
	uint32_t character = text[0] & lead_bits[bytes];

	for (size_t i = 1; i < bytes; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return false;
		character = character << 6 | (text[i] & 0x3f);
	}
	return character >= first_of[bytes] && character <= 0x10ffff && !is_surrogate(character);
}

static size_t
sequence_by_definition(const unsigned char *text, size_t bytes)
{
	for (size_t length = 1; length <= bytes; length++) {
		if (valid_by_definition(text, length))
			return length;
	}
	return 0;
}

/* Every pair of first bytes, with each kind of continuation, is judged as the slow definition judges it. */
static void
every_lead_is_judged_by_its_bounds(void **state)
{
	enum { OTHERS = 11 };
	static const unsigned char others[OTHERS] = {
		0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff
	};

	(void)state;
	for (unsigned lead = 0; lead < 256; lead++) {
		for (unsigned second = 0; second < 256; second++) {
			for (size_t i = 0; i < (size_t)OTHERS * OTHERS; i++) {
				const unsigned char text[] = { (unsigned char)lead, (unsigned char)second,
					                       others[i / OTHERS], others[i % OTHERS] };
				const char *start = (const char *)text;

				for (size_t bytes = 1; bytes <= sizeof(text); bytes++)
					assert_int_equal(utf8_sequence(start, start + bytes),
					                 sequence_by_definition(text, bytes));
			}
		}
	}
}

/* A text is valid when all of it is; the empty one is. */
static void
a_text_is_valid_as_a_whole(void **state)
{
	(void)state;
	assert_true(utf8_valid("", 0));
	assert_true(utf8_valid("a\0b", 3));
	assert_true(utf8_valid("\xd0\xbd\xf0\x9f\x98\x80", 6));
	assert_false(utf8_valid("a\xd0", 2));
	assert_false(utf8_valid("a\x80z", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_character_round_trips),
		cmocka_unit_test(every_lead_is_judged_by_its_bounds),
		cmocka_unit_test(a_text_is_valid_as_a_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
