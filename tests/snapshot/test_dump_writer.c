/* What is written is what the original writes, for every size of tree, checked by another MessagePack decoder; a file has
 * its name only when it is whole. */
#include "snapshot/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <msgpack.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/spill.h"

/* ---- the oracle: msgpack-c ---- */

static bool
oracle_is(const msgpack_object *object, const char *text)
{
	return object->type == MSGPACK_OBJECT_STR && object->via.str.size == strlen(text) &&
	       memcmp(object->via.str.ptr, text, object->via.str.size) == 0;
}

static uint64_t
oracle_uint(const msgpack_object *object)
{
	assert_int_equal(object->type, MSGPACK_OBJECT_POSITIVE_INTEGER);
	return object->via.u64;
}

static void
oracle_counter(struct kit_tree *tree, const msgpack_object_kv *entry)
{
	const msgpack_object *counter = &entry->val;

	assert_int_equal(counter->type, MSGPACK_OBJECT_MAP);
	assert_int_equal(counter->via.map.size, 2);
	const msgpack_object_kv *members = counter->via.map.ptr;

	assert_true(oracle_is(&members[0].key, "table"));
	assert_true(oracle_is(&members[1].key, "total"));
	const msgpack_object_map *table = &members[0].val.via.map;

	assert_int_equal(members[0].val.type, MSGPACK_OBJECT_MAP);
	struct cut_day *days = calloc(table->size + 1, sizeof(*days));

	assert_non_null(days);
	for (uint32_t d = 0; d < table->size; d++) {
		days[d].day = (uint32_t)oracle_uint(&table->ptr[d].key);
		days[d].count = oracle_uint(&table->ptr[d].val);
	}
	(void)kit_tree_visit(tree, oracle_uint(&entry->key), oracle_uint(&members[1].val), days, table->size);
	free(days);
}

/* Decodes the first object; returns its length. */
static size_t
oracle_read(const unsigned char *data, size_t bytes, struct kit_tree *tree)
{
	msgpack_unpacked result;
	size_t end = 0;

	msgpack_unpacked_init(&result);
	assert_int_equal(msgpack_unpack_next(&result, (const char *)data, bytes, &end), MSGPACK_UNPACK_SUCCESS);
	assert_int_equal(result.data.type, MSGPACK_OBJECT_MAP);
	assert_int_equal(result.data.via.map.size, 2);
	const msgpack_object_kv *members = result.data.via.map.ptr;

	assert_true(oracle_is(&members[0].key, "branches_num"));
	assert_int_equal(oracle_uint(&members[0].val), 9);
	assert_true(oracle_is(&members[1].key, "branches"));
	assert_int_equal(members[1].val.type, MSGPACK_OBJECT_ARRAY);
	assert_int_equal(members[1].val.via.array.size, 9);
	for (uint32_t i = 0; i < 9; i++) {
		const msgpack_object *branch = &members[1].val.via.array.ptr[i];

		assert_int_equal(branch->type, MSGPACK_OBJECT_MAP);
		for (uint32_t k = 0; k < branch->via.map.size; k++) {
			assert_int_equal(oracle_uint(&branch->via.map.ptr[k].key) % 9, i);
			oracle_counter(tree, &branch->via.map.ptr[k]);
		}
	}
	msgpack_unpacked_destroy(&result);
	return end;
}

/* Packs what it decodes again, in msgpack-c's forms, which are the shortest: they have to be the bytes that were there. */
static void
assert_shortest(const unsigned char *data, size_t bytes)
{
	msgpack_unpacked result;
	msgpack_sbuffer again;
	msgpack_packer packer;
	size_t end = 0;

	msgpack_unpacked_init(&result);
	msgpack_sbuffer_init(&again);
	msgpack_packer_init(&packer, &again, msgpack_sbuffer_write);
	assert_int_equal(msgpack_unpack_next(&result, (const char *)data, bytes, &end), MSGPACK_UNPACK_SUCCESS);
	assert_int_equal(msgpack_pack_object(&packer, result.data), 0);
	assert_int_equal(again.size, end);
	assert_memory_equal(again.data, data, end);
	msgpack_sbuffer_destroy(&again);
	msgpack_unpacked_destroy(&result);
}

/* ---- tests ---- */

static void
assert_round_trip(const struct kit_directory *directory, struct kit_tree *tree)
{
	struct kit_tree oracle = { 0 };
	struct kit_tree back = { 0 };
	struct dump_info info;
	struct dump_info seen;
	struct dump_fault fault;
	size_t bytes;

	kit_tree_write(directory->fd, "1_x.tree", tree, &info);
	unsigned char *data = kit_file_get(directory->fd, "1_x.tree", &bytes);

	assert_int_equal(info.bytes, bytes);
	assert_int_equal(info.keys, tree->count);
	assert_true(oracle_read(data, bytes, &oracle) < bytes);
	kit_tree_assert_equal(tree, &oracle);
	assert_shortest(data, bytes);
	if (dump_file_read(directory->fd, "1_x.tree", kit_tree_visit, &back, &seen, &fault) != DUMP_OK)
		fail_msg("%s", fault.text);
	kit_tree_assert_equal(tree, &back);
	assert_true(seen.ours && info.ours);
	assert_int_equal(seen.tree_id, 77);
	assert_int_equal(seen.generation, 300);
	assert_int_equal(seen.keys, info.keys);
	assert_int_equal(seen.days, info.days);
	assert_int_equal(seen.bytes, bytes);
	assert_memory_equal(seen.identity, info.identity, sizeof(seen.identity));
	assert_int_equal(seen.name_bytes, 8);
	assert_memory_equal(seen.name, "articles", 8);
	assert_int_equal(unlinkat(directory->fd, "1_x.tree", 0), 0);
	kit_tree_deinit(&oracle);
	kit_tree_deinit(&back);
	free(data);
}

static void
random_trees_round_trip(void **state)
{
	struct kit_directory directory;
	uint64_t random = kit_seed("dump_writer");

	(void)state;
	kit_directory_open(&directory);
	for (int round = 0; round < 100; round++) {
		struct kit_tree tree;

		kit_random_tree(&random, (size_t)kit_random_sized(&random, 1000), &tree);
		assert_round_trip(&directory, &tree);
		kit_tree_deinit(&tree);
	}
	kit_directory_close(&directory);
}

static void
every_edge_of_a_header_round_trips(void **state)
{
	static const size_t counts[] = { 0, 1, 15, 16, 17, 255, 256, 65535, 65536 };
	struct kit_directory directory;

	(void)state;
	kit_directory_open(&directory);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct kit_tree keys = { 0 };
		struct kit_tree days = { 0 };
		struct cut_day *table = calloc(counts[i] + 1, sizeof(*table));

		assert_non_null(table);
		for (size_t n = 0; n < counts[i]; n++) {
			table[n] = (struct cut_day){ .day = (uint32_t)n, .count = n };
			(void)kit_tree_visit(&keys, 9 * n + 4, n, NULL, 0); /* all in one branch */
		}
		(void)kit_tree_visit(&days, UINT64_MAX, COUNT_MAX, table, counts[i]);
		assert_round_trip(&directory, &keys);
		assert_round_trip(&directory, &days);
		kit_tree_deinit(&keys);
		kit_tree_deinit(&days);
		free(table);
	}
	kit_directory_close(&directory);
}

/* Much more than the buffers hold in all branches but one. */
static void
large_trees_spill(void **state)
{
	struct kit_directory directory;
	struct kit_tree tree = { 0 };
	uint64_t random = kit_seed("large_trees_spill");
	struct cut_day days[3];

	(void)state;
	for (uint64_t key = 0; key < 300000; key++) {
		for (uint32_t d = 0; d < 3; d++)
			days[d] =
			    (struct cut_day){ .day = 20230701 + d, .count = kit_random_sized(&random, COUNT_MAX) };
		if (key % DUMP_BRANCHES != 7 || key < 10)
			(void)kit_tree_visit(&tree, key, key * 3, days, (size_t)(key % 4));
	}
	kit_directory_open(&directory);
	assert_round_trip(&directory, &tree);
	assert_int_equal(kit_directory_files(&directory), 0);
	kit_directory_close(&directory);
	kit_tree_deinit(&tree);
}

static void
only_large_branches_touch_the_disk(void **state)
{
	struct kit_directory directory;
	struct spill spill;

	(void)state;
	kit_directory_open(&directory);
	spill_init(&spill, directory.fd);
	while (spill.buffer.bytes + SPILL_RECORD_BYTES_MAX <= SPILL_BUFFER_BYTES) {
		assert_int_equal(spill_room(&spill), 0);
		assert_int_equal(spill.fd, -1);
		buffer_append_literal(&spill.buffer, "0123456789");
	}
	assert_int_equal(spill_room(&spill), 0);
	assert_true(spill.fd >= 0);
	assert_int_equal(spill.buffer.bytes, 0);
	assert_int_equal(kit_directory_files(&directory), 0); /* it has no name */
	spill_deinit(&spill);
	kit_directory_close(&directory);
}

static void
a_named_spill_loses_its_name_at_once(void **state)
{
	struct kit_directory directory;
	char byte = 'x';

	(void)state;
	kit_directory_open(&directory);
	int fd = spill_open_named(directory.fd);

	assert_true(fd >= 0);
	assert_int_equal(kit_directory_files(&directory), 0);
	assert_int_equal(pwrite(fd, &byte, 1, 5), 1);
	assert_int_equal(pread(fd, &byte, 1, 5), 1);
	(void)close(fd);
	kit_directory_close(&directory);
}

static void
a_file_gets_its_name_when_it_is_whole(void **state)
{
	struct kit_directory directory;
	struct dump_writer *writer;
	struct dump_info info = { .name_bytes = 0 };
	struct stat status;
	size_t bytes;

	(void)state;
	kit_directory_open(&directory);
	mode_t mask = umask(027);

	kit_file_put(directory.fd, "2_x.tree", "old", 3);
	assert_int_equal(dump_writer_create(directory.fd, &writer), 0);
	assert_int_equal(dump_writer_key(writer, 1, 2, NULL, 0), 0);
	assert_int_equal(kit_directory_files(&directory), 1);
	assert_int_equal(dump_writer_finish(writer, &info), 0);
	assert_int_equal(kit_directory_files(&directory), 2);
	assert_int_equal(faccessat(directory.fd, "1_x.tree", F_OK, 0), -1);
	assert_int_equal(dump_writer_publish(writer, "2_x.tree"), -EEXIST);
	unsigned char *old = kit_file_get(directory.fd, "2_x.tree", &bytes);

	assert_int_equal(bytes, 3);
	free(old);
	assert_int_equal(dump_writer_publish(writer, "1_x.tree"), 0);
	assert_int_equal(fstatat(directory.fd, "1_x.tree", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_equal(status.st_size, info.bytes);
	dump_writer_destroy(writer);
	assert_int_equal(kit_directory_files(&directory), 2);
	(void)umask(mask);
	kit_directory_close(&directory);
}

static void
an_unpublished_file_is_removed(void **state)
{
	struct kit_directory directory;
	struct dump_writer *writer;
	struct dump_info info = { .name_bytes = 0 };

	(void)state;
	kit_directory_open(&directory);
	assert_int_equal(dump_writer_create(directory.fd, &writer), 0);
	dump_writer_destroy(writer);
	assert_int_equal(dump_writer_create(directory.fd, &writer), 0);
	assert_int_equal(dump_writer_finish(writer, &info), 0);
	assert_int_equal(kit_directory_files(&directory), 1);
	dump_writer_destroy(writer);
	assert_int_equal(kit_directory_files(&directory), 0);
	dump_writer_destroy(NULL);
	kit_directory_close(&directory);
}

static void
what_cannot_be_read_back_is_not_written(void **state)
{
	static const struct cut_day beyond[] = { { .day = DAY_MAX + 1, .count = 1 } };
	static const struct cut_day above[] = { { .day = 1, .count = COUNT_MAX + 1 } };
	struct kit_directory directory;
	struct dump_writer *writer;
	struct dump_info info = { .name_bytes = 0 };

	(void)state;
	kit_directory_open(&directory);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(dump_writer_create(directory.fd, &writer), 0);
		int r = i == 0   ? dump_writer_key(writer, 1, COUNT_MAX + 1, NULL, 0)
		        : i == 1 ? dump_writer_key(writer, 1, 1, beyond, 1)
		                 : dump_writer_key(writer, 1, 1, above, 1);

		assert_int_equal(r, -ERANGE);
		assert_int_equal(dump_writer_key(writer, 2, 2, NULL, 0), -EIO);
		assert_int_equal(dump_writer_finish(writer, &info), -EIO);
		dump_writer_destroy(writer);
	}
	assert_int_equal(kit_directory_files(&directory), 0);
	kit_directory_close(&directory);
}

/* A limit on the size of files stands in for a full disk: writes come back short, then fail. */
static void
a_write_that_fails_leaves_nothing(void **state)
{
	struct kit_directory directory;
	struct rlimit before;

	(void)state;
	kit_directory_open(&directory);
	(void)signal(SIGXFSZ, SIG_IGN); /* NOLINT(concurrency-mt-unsafe) */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	for (rlim_t limit = 1000; limit < 1300000; limit += 150000) {
		struct rlimit small = { .rlim_cur = limit, .rlim_max = before.rlim_max };
		struct dump_info info = { .name_bytes = 0 };
		struct dump_writer *writer;
		int r = 0;

		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		assert_int_equal(dump_writer_create(directory.fd, &writer), 0);
		for (uint64_t key = 0; r == 0 && key < 60000; key++)
			r = dump_writer_key(writer, key, UINT32_MAX + key, NULL, 0);
		if (r == 0)
			r = dump_writer_finish(writer, &info);
		assert_int_equal(r, -EFBIG);
		dump_writer_destroy(writer);
		assert_int_equal(kit_directory_files(&directory), 0);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	kit_directory_close(&directory);
}

static void
a_directory_that_is_gone_is_an_error(void **state)
{
	struct kit_directory directory;
	struct dump_writer *writer;
	struct dump_info info = { .name_bytes = 0 };

	(void)state;
	kit_directory_open(&directory);
	assert_int_equal(dump_writer_create(directory.fd, &writer), 0);
	assert_int_equal(rmdir(directory.path), 0);
	assert_int_equal(dump_writer_finish(writer, &info), -ENOENT);
	dump_writer_destroy(writer);
	(void)close(directory.fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_trees_round_trip),
		cmocka_unit_test(every_edge_of_a_header_round_trips),
		cmocka_unit_test(large_trees_spill),
		cmocka_unit_test(only_large_branches_touch_the_disk),
		cmocka_unit_test(a_named_spill_loses_its_name_at_once),
		cmocka_unit_test(a_file_gets_its_name_when_it_is_whole),
		cmocka_unit_test(an_unpublished_file_is_removed),
		cmocka_unit_test(what_cannot_be_read_back_is_not_written),
		cmocka_unit_test(a_write_that_fails_leaves_nothing),
		cmocka_unit_test(a_directory_that_is_gone_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
