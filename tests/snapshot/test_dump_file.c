/* Every damage to a file of ours is found: a cut, a flipped bit, a byte more; what is no dump file is missing. */
#include "snapshot/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/pack.h"

static int
visit_nothing(void *context, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	(void)context, (void)key, (void)total, (void)days, (void)day_count;
	return 0;
}

struct fixture {
	struct kit_directory directory;
	struct dump_info info;
	unsigned char *data;
	size_t bytes;
	size_t tree_bytes; /* of the first object */
};

static int
setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	static const struct cut_day days[] = { { .day = 20230701, .count = 3 }, { .day = 20230702, .count = 126 } };
	struct kit_tree tree = { 0 };

	if (fixture == NULL)
		return -1;
	kit_directory_open(&fixture->directory);
	(void)kit_tree_visit(&tree, 12345, 129, days, 2);
	(void)kit_tree_visit(&tree, 67890, 1, days, 1);
	(void)kit_tree_visit(&tree, UINT64_MAX, 70000, NULL, 0);
	kit_tree_write(fixture->directory.fd, "1688299200_articles.tree", &tree, &fixture->info);
	fixture->data = kit_file_get(fixture->directory.fd, "1688299200_articles.tree", &fixture->bytes);
	fixture->tree_bytes = fixture->bytes - (size_t)pack_get_u64(fixture->data + fixture->bytes - 37);
	kit_tree_deinit(&tree);
	*state = fixture;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fixture = *state;

	kit_directory_close(&fixture->directory);
	free(fixture->data);
	free(fixture);
	return 0;
}

/* From memory of exactly that size, and from a file. */
static int
read_both(const struct fixture *fixture, const unsigned char *data, size_t bytes, struct dump_info *ret_info,
          struct dump_fault *ret_fault)
{
	struct dump_fault fault;
	struct dump_info info;
	unsigned char *copy = malloc(bytes > 0 ? bytes : 1);

	assert_non_null(copy);
	memcpy(copy, data, bytes);
	int r = dump_bytes_read(copy, bytes, "5_y.tree", visit_nothing, NULL, ret_info, ret_fault);

	free(copy);
	kit_file_put(fixture->directory.fd, "5_y.tree", data, bytes);
	assert_int_equal(dump_file_read(fixture->directory.fd, "5_y.tree", visit_nothing, NULL, &info, &fault), r);
	if (r == DUMP_DAMAGED) {
		assert_string_equal(fault.text, ret_fault->text);
		assert_memory_equal(fault.text, "5_y.tree: offset ", 17);
	}
	return r;
}

static void
every_cut_is_found(void **state)
{
	struct fixture *fixture = *state;
	struct dump_info info;
	struct dump_fault fault;

	for (size_t bytes = 0; bytes < fixture->bytes; bytes++) {
		int r = read_both(fixture, fixture->data, bytes, &info, &fault);

		/* Less exactly the second object it is a file of the original's: no reader can know. */
		assert_int_equal(r, bytes == fixture->tree_bytes ? DUMP_OK : DUMP_DAMAGED);
		if (r == DUMP_OK) {
			assert_false(info.ours);
			assert_int_equal(info.keys, 3);
			assert_int_equal(info.days, 3);
			assert_memory_equal(info.name, "y", 1);
		}
	}
	assert_int_equal(read_both(fixture, fixture->data, fixture->bytes, &info, &fault), DUMP_OK);
	assert_true(info.ours);
}

static void
every_flipped_bit_is_found(void **state)
{
	struct fixture *fixture = *state;

	for (size_t bit = 0; bit < 8 * fixture->bytes; bit++) {
		struct dump_info info;
		struct dump_fault fault;

		fixture->data[bit / 8] ^= (unsigned char)(1 << bit % 8);
		if (dump_bytes_read(fixture->data, fixture->bytes, "f", visit_nothing, NULL, &info, &fault) !=
		    DUMP_DAMAGED)
			fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
		fixture->data[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
}

static void
every_changed_byte_is_found(void **state)
{
	struct fixture *fixture = *state;

	for (size_t at = 0; at < fixture->bytes; at++) {
		unsigned char good = fixture->data[at];

		for (unsigned change = 1; change < 256; change++) {
			struct dump_info info;
			struct dump_fault fault;

			fixture->data[at] = (unsigned char)(good ^ change);
			if (dump_bytes_read(fixture->data, fixture->bytes, "f", visit_nothing, NULL, &info, &fault) !=
			    DUMP_DAMAGED)
				fail_msg("byte %zu as %02x", at, fixture->data[at]);
		}
		fixture->data[at] = good;
	}
}

static void
stray_bytes_are_found(void **state)
{
	struct fixture *fixture = *state;
	struct dump_info info;
	struct dump_fault fault;
	static const char empty[] = "\x82\254branches_num\x01\250branches\x91\x80";
	unsigned char *more = calloc(1, fixture->bytes * 2 + 3000);

	assert_non_null(more);
	memcpy(more, fixture->data, fixture->bytes);
	assert_int_equal(read_both(fixture, more, fixture->bytes + 1, &info, &fault), DUMP_DAMAGED);
	assert_int_equal(read_both(fixture, more, fixture->bytes + 2999, &info, &fault), DUMP_DAMAGED);
	assert_non_null(strstr(fault.text, "stray bytes behind the tree"));
	/* The second object twice. */
	memcpy(more + fixture->bytes, fixture->data + fixture->tree_bytes, fixture->bytes - fixture->tree_bytes);
	assert_int_equal(read_both(fixture, more, 2 * fixture->bytes - fixture->tree_bytes, &info, &fault),
	                 DUMP_DAMAGED);
	/* One of another tree: the check of its own is right, that over the file is not. */
	memcpy(more, empty, sizeof(empty));
	memcpy(more + 26, fixture->data + fixture->tree_bytes, fixture->bytes - fixture->tree_bytes);
	assert_int_equal(read_both(fixture, more, 26 + fixture->bytes - fixture->tree_bytes, &info, &fault),
	                 DUMP_DAMAGED);
	assert_non_null(strstr(fault.text, "does not match its checksum"));
	free(more);
}

static void
info_is_read_from_the_end(void **state)
{
	struct fixture *fixture = *state;
	struct dump_info info;

	assert_int_equal(dump_file_info(fixture->directory.fd, "1688299200_articles.tree", &info), DUMP_OK);
	assert_memory_equal(&info, &fixture->info, sizeof(info));

	/* Damage to the tree is not its business; to the second object it is. */
	for (size_t at = 0; at < fixture->bytes; at++) {
		int expected = DUMP_DAMAGED;

		fixture->data[at] ^= 0x10;
		kit_file_put(fixture->directory.fd, "5_y.tree", fixture->data, fixture->bytes);
		int r = dump_file_info(fixture->directory.fd, "5_y.tree", &info);

		if (at < fixture->tree_bytes || at >= fixture->bytes - 8)
			expected = DUMP_OK;
		if (r == DUMP_OK && !info.ours)
			r = DUMP_DAMAGED; /* no longer known as ours: reading it finds stray bytes */
		assert_int_equal(r, expected);
		fixture->data[at] ^= 0x10;
	}
	for (size_t bytes = 0; bytes < fixture->bytes; bytes++) {
		kit_file_put(fixture->directory.fd, "5_y.tree", fixture->data, bytes);
		assert_int_equal(dump_file_info(fixture->directory.fd, "5_y.tree", &info), DUMP_OK);
		assert_false(info.ours);
		assert_int_equal(info.bytes, bytes);
	}
}

static void
names_of_any_length_are_kept(void **state)
{
	struct fixture *fixture = *state;
	struct dump_info info = { .tree_id = UINT64_MAX - 1, .generation = UINT64_MAX - 1 };
	struct dump_info seen;
	struct dump_fault fault;

	memset(info.identity, 0xff, sizeof(info.identity));
	static const size_t lengths[] = { 0, 1, 31, 32, 60, 61, 62, 255, 256, 1000, TREE_NAME_BYTES_MAX };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct dump_writer *writer;
		size_t bytes = lengths[i];

		memset(info.name, 'a' + (int)i, bytes);
		info.name_bytes = bytes;
		assert_int_equal(dump_writer_create(fixture->directory.fd, &writer), 0);
		assert_int_equal(dump_writer_finish(writer, &info), 0);
		assert_int_equal(dump_writer_publish(writer, "9_n.tree"), 0);
		dump_writer_destroy(writer);
		assert_int_equal(dump_file_info(fixture->directory.fd, "9_n.tree", &seen), DUMP_OK);
		assert_memory_equal(&seen, &info, sizeof(info));
		assert_int_equal(dump_file_read(fixture->directory.fd, "9_n.tree", visit_nothing, NULL, &seen, &fault),
		                 DUMP_OK);
		assert_memory_equal(&seen, &info, sizeof(info));
		assert_int_equal(unlinkat(fixture->directory.fd, "9_n.tree", 0), 0);
	}
}

static void
what_is_no_file_of_the_directory_is_missing(void **state)
{
	struct fixture *fixture = *state;
	int directory = fixture->directory.fd;
	struct dump_info info;
	struct dump_fault fault;
	char name[400];

	assert_int_equal(mkdirat(directory, "1_d.tree", 0755), 0);
	assert_int_equal(mkfifoat(directory, "1_f.tree", 0644), 0);
	assert_int_equal(symlinkat("1688299200_articles.tree", directory, "1_l.tree"), 0);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	const char *names[] = {
		"1_none.tree", "1_d.tree",
		"1_f.tree",    "1_l.tree",
		name,          "",
		".",           "..",
		"/etc/passwd", "./1688299200_articles.tree",
		"1_d.tree/..", "1688299200_articles.tree/",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(dump_file_read(directory, names[i], visit_nothing, NULL, &info, &fault), DUMP_MISSING);
		assert_int_equal(dump_file_info(directory, names[i], &info), DUMP_MISSING);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_cut_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(every_flipped_bit_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(every_changed_byte_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(stray_bytes_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(info_is_read_from_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(names_of_any_length_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_file_of_the_directory_is_missing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
