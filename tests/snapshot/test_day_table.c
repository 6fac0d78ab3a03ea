/* The table gives each day once, ascending, with its last count, as a plain array indexed by day would. */
#include "snapshot/kit.h"

#include <stdlib.h>
#include <time.h>

#include "snapshot/day_table.h"

static void
agrees_with_an_array(void **state)
{
	enum { DAYS = 200 };
	uint64_t random = kit_seed("day_table");
	struct day_table table;

	(void)state;
	day_table_init(&table);
	for (int round = 0; round < 2000; round++) {
		uint64_t model[DAYS];
		size_t distinct = 0;
		size_t adds = (size_t)(kit_random(&random) % 300);
		uint64_t span = 1 + kit_random(&random) % DAYS;

		for (size_t i = 0; i < DAYS; i++)
			model[i] = UINT64_MAX;
		day_table_clear(&table);
		for (size_t i = 0; i < adds; i++) {
			uint32_t day = (uint32_t)(round % 3 == 0 ? i % span : kit_random(&random) % span);

			distinct += model[day] == UINT64_MAX;
			model[day] = i;
			assert_int_equal(day_table_add(&table, day, i), 0);
		}
		assert_int_equal(day_table_settle(&table), 0);
		assert_int_equal(table.count, distinct);
		for (size_t i = 0; i < table.count; i++) {
			assert_true(i == 0 || table.days[i - 1].day < table.days[i].day);
			assert_int_equal(table.days[i].count, model[table.days[i].day]);
		}
	}
	day_table_deinit(&table);
}

/* A pair with 0 right before: a decrement has taken the day to 0 once. */
static void
tells_what_was_kept(void **state)
{
	static const uint64_t pairs[][2] = { { 5, 0 }, { 5, 7 }, { 4, 7 }, { 3, 0 },
		                             { 3, 0 }, { 2, 1 }, { 2, 7 }, { 1, 0 } };
	static const bool kept[] = { [2] = false, [3] = true, [4] = false, [5] = true };
	struct day_table table;

	(void)state;
	day_table_init(&table);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		assert_int_equal(day_table_add(&table, (uint32_t)pairs[i][0], pairs[i][1]), 0);
	assert_int_equal(day_table_settle(&table), 0);
	assert_int_equal(table.count, 5);
	for (size_t i = 1; i < table.count; i++)
		assert_int_equal(table.days[i].kept, kept[table.days[i].day]);
	day_table_deinit(&table);
}

/* Two days in turns, a million times: neither memory nor time may follow the number of pairs squared. */
static void
repeated_days_cost_no_memory(void **state)
{
	struct day_table table;

	(void)state;
	day_table_init(&table);
	for (uint64_t i = 0; i < 1000000; i++)
		assert_int_equal(day_table_add(&table, (uint32_t)(i % 2), i), 0);
	assert_int_equal(day_table_settle(&table), 0);
	assert_int_equal(table.count, 2);
	assert_true(table.capacity <= 64);
	assert_int_equal(table.days[0].count, 999998);
	assert_int_equal(table.days[1].count, 999999);
	day_table_deinit(&table);
}

static void
descending_days_take_little_time(void **state)
{
	struct day_table table;
	clock_t start = clock();

	(void)state;
	day_table_init(&table);
	for (uint32_t i = 0; i < 1000000; i++)
		assert_int_equal(day_table_add(&table, 2000000 - i, i), 0);
	assert_int_equal(day_table_settle(&table), 0);
	assert_int_equal(table.count, 1000000);
	assert_true(clock() - start < 10 * CLOCKS_PER_SEC); /* squared it would be hours */
	day_table_deinit(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_an_array),
		cmocka_unit_test(tells_what_was_kept),
		cmocka_unit_test(repeated_days_cost_no_memory),
		cmocka_unit_test(descending_days_take_little_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
