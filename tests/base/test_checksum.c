/* The checksum in pieces is the one in one go, and both are XXH3 as published. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/checksum.h"

static void
is_xxh3(void **state)
{
	(void)state;
	/* The values of the reference implementation. */
	assert_int_equal(checksum_of("", 0), UINT64_C(0x2d06800538d394c2));
	assert_int_equal(checksum_of("karma", 5), UINT64_C(0x74e33cfbf664cc7f));
	assert_int_not_equal(checksum_of("karma", 5), checksum_of("karmb", 5));
}

static void
pieces_do_not_matter(void **state)
{
	unsigned char data[3000];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7 + i / 256);
	for (size_t bytes = 0; bytes <= sizeof(data); bytes += 37) {
		for (size_t piece = 1; piece < 1100; piece = 3 * piece + 1) {
			struct checksum *checksum = checksum_create();

			assert_non_null(checksum);
			for (size_t at = 0; at < bytes; at += piece)
				checksum_add(checksum, data + at, bytes - at < piece ? bytes - at : piece);
			checksum_add(checksum, NULL, 0);
			assert_int_equal(checksum_value(checksum), checksum_of(data, bytes));
			checksum_destroy(checksum);
		}
		const struct checksum_piece pieces[] = { { data, bytes / 3 },
			                                 { NULL, 0 },
			                                 { data + bytes / 3, bytes - bytes / 3 } };

		assert_int_equal(checksum_of_pieces(pieces, 3), checksum_of(data, bytes));
	}
	checksum_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_xxh3),
		cmocka_unit_test(pieces_do_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
