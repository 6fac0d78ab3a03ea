/*
 * However input is cut into pieces, the lines come out whole and in order, each once, also when a batch executes only
 * some of what it read, or the input is set aside in between; and no piece is kept when all was taken.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "net/input.h"
#include "net/pool.h"
#include "net/segment.h"

enum { TEXT_MAX = 4096 };

static struct segments segments;
static struct pool pool;
static char memory[IO_BUFFERS][64];
static uint16_t free_pieces[IO_BUFFERS];
static uint32_t free_count;

static int
setup(void **state)
{
	(void)state;
	memset(&segments, 0, sizeof(segments));
	free_count = 0;
	for (int i = 0; i < IO_BUFFERS; i++)
		free_pieces[free_count++] = (uint16_t)i;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pool_deinit(&pool);
	return 0;
}

/* Given back: overwritten at once, so a line that is still used from there is noticed. */
static void
take_back(void)
{
	while (segments.returned_count > 0) {
		uint16_t index = segments.returned[--segments.returned_count];

		memset(memory[index], '#', sizeof(memory[index]));
		free_pieces[free_count++] = index;
	}
}

static void
feed(struct input *input, const char *data, size_t bytes)
{
	assert_true(free_count > 0);
	assert_true(bytes <= sizeof(memory[0]));
	uint16_t index = free_pieces[--free_count];

	memcpy(memory[index], data, bytes);
	segment_get(&segments, index, memory[index], (uint32_t)bytes);
	input_add(input, &segments, index);
}

struct reading {
	struct input input;
	struct input_rules rules;
	char out[TEXT_MAX * 2]; /* the lines, each with LF */
	size_t out_bytes;
	bool too_long;
};

/* One batch: reads at most `read_max` lines, executes at most `execute_max` of them. Returns false when nothing is left. */
static bool
batch(struct reading *reading, int read_max, int execute_max)
{
	const char *lines[64];
	size_t bytes[64];
	struct input_cursor after[64];
	enum input_status status = INPUT_LINE;
	int count = 0;

	assert_true(input_join(&reading->input, &segments, &pool));
	struct input_cursor cursor = input_begin(&reading->input);
	struct input_cursor executed = cursor;

	while (count < read_max) {
		status = input_next(&reading->input, &segments, &reading->rules, &cursor, &lines[count], &bytes[count]);
		if (status != INPUT_LINE)
			break;
		after[count++] = cursor;
	}
	for (int i = 0; i < count && i < execute_max; i++) {
		memcpy(reading->out + reading->out_bytes, lines[i], bytes[i]);
		reading->out_bytes += bytes[i];
		reading->out[reading->out_bytes++] = '\n';
		executed = after[i];
	}
	input_commit(&reading->input, &segments, &pool, &executed);
	take_back();
	reading->too_long = status == INPUT_TOO_LONG && count <= execute_max;
	return status == INPUT_LATER || count == read_max || count > execute_max;
}

static void
open_reading(struct reading *reading)
{
	*reading = (struct reading){ .rules = { .line_bytes_max = TEXT_MAX } };
	input_init(&reading->input);
}

static void
every_cut_gives_the_same_lines(void **state)
{
	const char text[] = "first\nsecond line\r\n\n\nx\nthe last has no end";
	const char expected[] = "first\nsecond line\r\n\n\nx\nthe last has no end\n";
	const size_t bytes = sizeof(text) - 1;

	(void)state;
	for (size_t i = 0; i <= bytes; i++) {
		for (size_t j = i; j <= bytes; j++) {
			static struct reading reading;
			const size_t cuts[] = { 0, i, j, bytes };

			open_reading(&reading);
			for (int k = 0; k < 3; k++) {
				if (cuts[k] == cuts[k + 1])
					continue;
				feed(&reading.input, text + cuts[k], cuts[k + 1] - cuts[k]);
				while (batch(&reading, 10, 10))
					;
				assert_true(input_hold(&reading.input, &segments, &pool));
				take_back();
			}
			reading.rules.last = true;
			while (batch(&reading, 10, 10))
				;
			assert_int_equal(reading.out_bytes, sizeof(expected) - 1);
			assert_memory_equal(reading.out, expected, sizeof(expected) - 1);
			assert_int_equal(free_count, IO_BUFFERS);
			assert_null(reading.input.held.data);
		}
	}
}

static size_t
random_text(char *text, unsigned *seed)
{
	size_t bytes = (size_t)rand_r(seed) % TEXT_MAX;
	int spread = 1 + rand_r(seed) % 100;

	for (size_t i = 0; i < bytes; i++)
		text[i] = "abcdefghijklmnopqrstuvwxyz\n"[rand_r(seed) % spread == 0 ? 26 : rand_r(seed) % 26];
	return bytes;
}

/* All of a text through random pieces, batches and holds. */
static void
one_random_run(unsigned seed)
{
	static char text[TEXT_MAX];
	static struct reading reading;
	size_t bytes = random_text(text, &seed);
	size_t fed = 0;
	bool more = true;

	open_reading(&reading);
	while (fed < bytes || more) {
		size_t piece = 1 + (size_t)rand_r(&seed) % sizeof(memory[0]);

		if (fed < bytes && free_count > 8 && rand_r(&seed) % 3 != 0) {
			piece = piece < bytes - fed ? piece : bytes - fed;
			feed(&reading.input, text + fed, piece);
			fed += piece;
		}
		reading.rules.last = fed == bytes;
		int read_max = 1 + rand_r(&seed) % 20;

		more = batch(&reading, read_max, rand_r(&seed) % 3 == 0 ? rand_r(&seed) % 3 : read_max);
		if (rand_r(&seed) % 4 == 0 || free_count <= 8)
			assert_true(input_hold(&reading.input, &segments, &pool));
		take_back();
	}
	if (bytes > 0 && text[bytes - 1] != '\n')
		text[bytes++] = '\n';
	assert_int_equal(reading.out_bytes, bytes);
	assert_memory_equal(reading.out, text, bytes);
	assert_int_equal(input_bytes(&reading.input, &segments), 0);
	assert_int_equal(free_count, IO_BUFFERS);
	assert_null(reading.input.held.data);
}

static void
random_pieces_give_the_same_lines(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 3000; seed++) {
		print_message(seed % 1000 == 0 ? "seed %u\n" : "", seed);
		one_random_run(seed);
	}
}

/* `bytes` of a line in pieces, LF in a piece of its own or in the last one: is it too long? */
static bool
is_too_long_with(size_t bytes, size_t bytes_max, size_t piece, bool own_end)
{
	static struct reading reading;
	char xs[64];
	bool too_long = false;

	memset(xs, 'x', sizeof(xs));
	open_reading(&reading);
	reading.rules.line_bytes_max = bytes_max;
	for (size_t left = bytes; left > 0 && !too_long;) {
		size_t now = left < piece ? left : piece;

		left -= now;
		if (left == 0 && !own_end)
			xs[now++] = '\n';
		feed(&reading.input, xs, now);
		(void)batch(&reading, 10, 10);
		too_long = reading.too_long;
		assert_true(input_hold(&reading.input, &segments, &pool));
		take_back();
	}
	if (!too_long) {
		if (own_end)
			feed(&reading.input, "\n", 1);
		while (batch(&reading, 10, 10))
			;
		too_long = reading.too_long;
	}
	input_clear(&reading.input, &segments, &pool);
	take_back();
	assert_int_equal(free_count, IO_BUFFERS);
	assert_int_equal(reading.out_bytes, too_long ? 0 : bytes + 1);
	return too_long;
}

static bool
is_too_long(size_t bytes, size_t bytes_max, size_t piece)
{
	bool too_long = is_too_long_with(bytes, bytes_max, piece, true);

	assert_int_equal(is_too_long_with(bytes, bytes_max, piece, false), too_long);
	return too_long;
}

static void
a_line_may_be_as_long_as_allowed(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 64; piece++) {
		assert_false(is_too_long(200, 200, piece));
		assert_true(is_too_long(201, 200, piece));
		assert_true(is_too_long(1000, 200, piece));
		assert_false(is_too_long(30, 30, piece));
		assert_true(is_too_long(31, 30, piece));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_cut_gives_the_same_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(random_pieces_give_the_same_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_may_be_as_long_as_allowed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
