/* Slots are used again, generations are not; slabs go when they are empty; the table keeps to its size. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/conn.h"
#include "net/conn_table.h"

static void
an_old_generation_is_not_found(void **state)
{
	struct conn_table table;

	(void)state;
	assert_int_equal(conn_table_init(&table, 100), 0);
	struct conn *first = conn_table_take(&table);
	uint32_t slot = first->slot;
	uint32_t generation = first->generation;

	assert_ptr_equal(conn_table_find(&table, slot, generation), first);
	conn_table_give(&table, first);
	assert_null(conn_table_find(&table, slot, generation));
	struct conn *second = conn_table_take(&table);

	assert_int_equal(second->slot, slot);
	assert_int_not_equal(second->generation, generation);
	assert_null(conn_table_find(&table, slot, generation));
	assert_null(conn_table_find(&table, 5000000, generation));
	conn_table_give(&table, second);
	conn_table_deinit(&table);
}

static void
keeps_to_its_size_and_gives_memory_back(void **state)
{
	static struct conn *conns[640];
	struct conn_table table;

	(void)state;
	assert_int_equal(conn_table_init(&table, 640), 0);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 640; i++) {
			conns[i] = conn_table_take(&table);
			assert_non_null(conns[i]);
			assert_int_equal(conns[i]->slot, i);
		}
		assert_null(conn_table_take(&table));
		/* From the middle outwards, so slabs empty in no order. */
		for (uint32_t i = 0; i < 640; i++)
			conn_table_give(&table, conns[(i + 320) % 640]);
		assert_int_equal(table.used, 0);
		assert_null(conn_table_next(&table, 0));
		for (uint32_t i = 1; i < table.slab_count; i++)
			assert_null(table.slabs[i]);
	}
	conn_table_deinit(&table);
}

static void
walks_all_in_order_of_slots(void **state)
{
	struct conn_table table;
	struct conn *conns[200];
	uint32_t expected = 0;

	(void)state;
	assert_int_equal(conn_table_init(&table, 1000), 0);
	for (int i = 0; i < 200; i++)
		conns[i] = conn_table_take(&table);
	for (int i = 0; i < 200; i++) {
		if (i % 3 != 0)
			conn_table_give(&table, conns[i]);
	}
	for (struct conn *conn = conn_table_next(&table, 0); conn != NULL;
	     conn = conn_table_next(&table, conn->slot + 1)) {
		assert_int_equal(conn->slot, expected);
		expected += 3;
	}
	assert_int_equal(expected, 201);
	for (int i = 0; i < 200; i += 3)
		conn_table_give(&table, conns[i]);
	conn_table_deinit(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_old_generation_is_not_found),
		cmocka_unit_test(keeps_to_its_size_and_gives_memory_back),
		cmocka_unit_test(walks_all_in_order_of_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
