/* Every latency is in the total once, and in the slice of its time; slices are never more than there may be. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "load/load_slices.h"

static struct load_slices slices;

static void
reply(uint64_t now_ns, uint64_t latency_ns)
{
	load_slices_advance(&slices, now_ns);
	histogram_record(&slices.open, latency_ns);
	slices.replies++;
}

/* Percentiles of a slice are those of what came in it, to 3.2 %, and its max is exact. */
static void
slices_part_the_time(void **state)
{
	(void)state;
	assert_int_equal(load_slices_init(&slices, 1000, 1250, 100), 0);
	assert_int_equal(slices.count, 3);
	for (uint64_t now_ns = 1000; now_ns < 1250; now_ns++)
		reply(now_ns, 1000 * now_ns);
	load_slices_advance(&slices, 1250);
	assert_int_equal(slices.current, 3);
	/* After the window: in the total alone. */
	histogram_record(&slices.open, 7);
	load_slices_finish(&slices);
	assert_int_equal(slices.total.count, 251);
	assert_int_equal(slices.total.max, 1249000);
	for (uint32_t i = 0; i < 3; i++) {
		struct histogram latency = { 0 };
		const uint64_t last = i < 2 ? 1099 + 100 * i : 1249;
		const uint64_t middle = i < 2 ? 1049 + 100 * i : 1224;

		load_slices_unfold(&slices, i, &latency);
		assert_int_equal(latency.count, i < 2 ? 100 : 50);
		assert_int_equal(slices.slice[i].replies, latency.count);
		assert_int_equal(latency.max, last * 1000);
		const uint64_t median = histogram_percentile(&latency, 0.5);

		assert_in_range(median, middle * 1000, middle * 1032);
	}
	load_slices_deinit(&slices);
}

/* Nothing for a long time: the slices between are empty. */
static void
silence_leaves_empty_slices(void **state)
{
	(void)state;
	assert_int_equal(load_slices_init(&slices, 0, 1000, 10), 0);
	reply(5, 1);
	reply(995, 2);
	load_slices_finish(&slices);
	assert_int_equal(slices.current, 100);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(slices.slice[i].replies, i == 0 || i == 99);
	load_slices_deinit(&slices);
}

/* A run without end has the most slices, the last of which takes the rest. */
static void
slices_are_bounded(void **state)
{
	(void)state;
	assert_int_equal(load_slices_init(&slices, 0, UINT64_MAX, 1), 0);
	for (uint64_t now_ns = 0; now_ns < 2 * LOAD_SLICES_MAX; now_ns++)
		reply(now_ns, now_ns);
	load_slices_finish(&slices);
	assert_int_equal(slices.current, LOAD_SLICES_MAX);
	assert_int_equal(slices.slice[LOAD_SLICES_MAX - 2].replies, 1);
	assert_int_equal(slices.slice[LOAD_SLICES_MAX - 1].replies, LOAD_SLICES_MAX + 1);
	assert_int_equal(slices.total.count, 2 * LOAD_SLICES_MAX);
	load_slices_deinit(&slices);
}

/* Two threads' slices add up. */
static void
slices_add_up(void **state)
{
	struct histogram latency = { 0 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(load_slices_init(&slices, 0, 10, 10), 0);
		for (unsigned n = 0; n < 5; n++)
			reply(n, i == 0 ? 10 : 2000000);
		load_slices_finish(&slices);
		load_slices_unfold(&slices, 0, &latency);
		load_slices_deinit(&slices);
	}
	assert_int_equal(latency.count, 10);
	assert_in_range(histogram_percentile(&latency, 0.5), 10, 12);
	assert_int_equal(histogram_percentile(&latency, 1), 2000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_part_the_time),
		cmocka_unit_test(silence_leaves_empty_slices),
		cmocka_unit_test(slices_are_bounded),
		cmocka_unit_test(slices_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
