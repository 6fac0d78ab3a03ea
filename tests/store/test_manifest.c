/* A manifest comes back as it was written, and no truncation and no flipped bit passes for one. */
#include "store/kit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/checksum.h"
#include "snapshot/pack.h"
#include "store/manifest.h"

static struct manifest_tree trees[] = {
	{ .name = "articles", .name_bytes = 8, .file = "1795467150_articles.tree", .id = 3, .generation = 17 },
	{ .name = "", .name_bytes = 0, .file = "5_.tree", .id = 4, .generation = 0, .order = 5 },
	{ .name = "a\0b/\xc3\xbc",
	  .name_bytes = 6,
	  .file = "1_a%00b%2F\xc3\xbc.tree",
	  .id = 299,
	  .generation = 1,
	  .order = UINT64_C(1) << 40 },
};
static struct manifest_tree staged[] = {
	{ .name = "articles", .name_bytes = 8, .file = "1795467151_articles.tree", .id = 200, .generation = 1 },
};
static const struct manifest example = {
	.identity = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255 },
	.tree_id_next = 300,
	.today = 99999999,
	.log = { .first = 7, .epoch = UINT64_C(1) << 33, .synced = 77 },
	.trees = trees,
	.count = 3,
	.staged = staged,
	.staged_count = 1,
	.ledger = UINT64_C(1) << 35,
};

static void
encode(const struct manifest *manifest, struct buffer *out)
{
	buffer_init(out, SIZE_MAX);
	manifest_encode(manifest, out);
	assert_false(out->failed);
}

static void
assert_list(const struct manifest_tree *list, const struct manifest_tree *wanted, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(list[i].name_bytes, wanted[i].name_bytes);
		assert_memory_equal(list[i].name, wanted[i].name, wanted[i].name_bytes);
		assert_string_equal(list[i].file, wanted[i].file);
		assert_int_equal(list[i].id, wanted[i].id);
		assert_int_equal(list[i].generation, wanted[i].generation);
		assert_int_equal(list[i].order, wanted[i].order);
	}
}

static void
assert_example(const struct manifest *read)
{
	assert_memory_equal(read->identity, example.identity, sizeof(example.identity));
	assert_int_equal(read->tree_id_next, 300);
	assert_int_equal(read->today, 99999999);
	assert_int_equal(read->log.first, 7);
	assert_int_equal(read->log.epoch, UINT64_C(1) << 33);
	assert_int_equal(read->log.synced, 77);
	assert_int_equal(read->count, 3);
	assert_list(read->trees, trees, 3);
	assert_int_equal(read->staged_count, 1);
	assert_list(read->staged, staged, 1);
	assert_int_equal(read->ledger, UINT64_C(1) << 35);
}

static void
comes_back_as_written(void **state)
{
	struct buffer out;
	struct manifest read;
	struct dump_fault fault;

	(void)state;
	encode(&example, &out);
	assert_int_equal(manifest_decode(out.data, out.bytes, &read, &fault), MANIFEST_OK);
	assert_example(&read);
	manifest_deinit(&read);
	buffer_deinit(&out);
}

static void
comes_back_from_the_disk(void **state)
{
	struct kit *kit = *state;
	struct manifest read;
	struct dump_fault fault;

	assert_int_equal(manifest_read(kit->directory_fd, &read, &fault), MANIFEST_MISSING);
	assert_int_equal(manifest_write(kit->directory_fd, &example), 0);
	assert_int_equal(manifest_read(kit->directory_fd, &read, &fault), MANIFEST_OK);
	assert_example(&read);
	manifest_deinit(&read);
	assert_int_equal(kit_file_count(kit, ".tmp-"), 0);
}

static void
assert_refused(const void *data, size_t bytes)
{
	struct manifest read;
	struct dump_fault fault = { .text = "" };
	/* A copy of exactly these bytes, so that AddressSanitizer sees a look beyond. */
	char *copy = malloc(bytes > 0 ? bytes : 1);

	assert_non_null(copy);
	memcpy(copy, data, bytes);
	assert_int_equal(manifest_decode(copy, bytes, &read, &fault), MANIFEST_DAMAGED);
	assert_non_null(strstr(fault.text, "karma.manifest: offset "));
	free(copy);
}

static void
every_truncation_is_refused(void **state)
{
	struct buffer out;

	(void)state;
	encode(&example, &out);
	for (size_t bytes = 0; bytes < out.bytes; bytes++)
		assert_refused(out.data, bytes);
	buffer_append_byte(&out, 0);
	assert_refused(out.data, out.bytes);
	buffer_deinit(&out);
}

static void
every_flipped_bit_is_refused(void **state)
{
	struct buffer out;

	(void)state;
	encode(&example, &out);
	for (size_t bit = 0; bit < out.bytes * 8; bit++) {
		out.data[bit / 8] ^= (char)(1 << bit % 8);
		assert_refused(out.data, out.bytes);
		out.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	buffer_deinit(&out);
}

/* With a right checksum, so that the values alone are what is wrong. */
static void
assert_invalid(const struct manifest *manifest)
{
	struct buffer out;

	encode(manifest, &out);
	assert_refused(out.data, out.bytes);
	buffer_deinit(&out);
}

static void
values_that_cannot_be_are_refused(void **state)
{
	struct manifest_tree tree = trees[0];
	struct manifest manifest = example;
	struct manifest_tree twice[] = { trees[0], trees[1], trees[0] };

	(void)state;
	manifest.today = 100000000;
	assert_invalid(&manifest);
	manifest = example;
	manifest.tree_id_next = 299;
	assert_invalid(&manifest);
	manifest.tree_id_next = 0;
	assert_invalid(&manifest);
	manifest = example;
	manifest.trees = twice;
	assert_invalid(&manifest);
	manifest.trees = &tree;
	manifest.count = 1;
	tree.name = "\xff\xfe";
	tree.name_bytes = 2;
	assert_invalid(&manifest);
	tree = trees[0];
	tree.id = 200; /* is staged, too */
	assert_invalid(&manifest);
	tree = trees[0];
	for (size_t i = 0; i < 6; i++) {
		tree.file = (const char *[]){ "../1_a.tree", "1_a/b.tree", "a.tree", "1_a.dat", "", "1_\xff.tree" }[i];
		assert_invalid(&manifest);
	}
}

static void
assert_refused_with_right_checksum(size_t changed_at, char value)
{
	struct buffer out;

	encode(&example, &out);
	if (changed_at > out.bytes)
		changed_at += out.bytes; /* from the end */
	assert_int_not_equal(out.data[changed_at], value);
	out.data[changed_at] = value;
	uint64_t checksum = checksum_of(out.data, out.bytes - 8);

	buffer_truncate(&out, out.bytes - 8);
	pack_u64_bytes(&out, checksum);
	assert_refused(out.data, out.bytes);
	buffer_deinit(&out);
}

static void
an_unknown_format_is_refused(void **state)
{
	(void)state;
	assert_refused_with_right_checksum(1 + 1 + strlen("karma.manifest"), 4);
	assert_refused_with_right_checksum(1 + 1, 'K');             /* the magic */
	assert_refused_with_right_checksum((size_t)-9, (char)0xd3); /* the checksum as a signed number */
}

/* As the program before wrote it: no log, no order, and trees without an id. */
static void
encode_format_1(uint64_t generation_without_id, struct buffer *out)
{
	buffer_init(out, SIZE_MAX);
	pack_array(out, 6);
	pack_str_literal(out, "karma.manifest");
	pack_uint(out, 1);
	pack_bin(out, example.identity, sizeof(example.identity));
	pack_uint(out, 300);
	pack_uint(out, 20261123);
	pack_array(out, 2);
	for (size_t i = 0; i < 2; i++) {
		pack_array(out, 4);
		pack_str(out, trees[i].name, (uint32_t)trees[i].name_bytes);
		pack_uint(out, i == 0 ? trees[i].id : 0);
		pack_uint(out, i == 0 ? trees[i].generation : generation_without_id);
		pack_str(out, trees[i].file, (uint32_t)strlen(trees[i].file));
	}
	pack_u64_type(out);
	pack_u64_bytes(out, checksum_of(out->data, out->bytes));
}

static void
format_1_is_read(void **state)
{
	struct buffer out;
	struct manifest read;
	struct dump_fault fault;

	(void)state;
	encode_format_1(0, &out);
	assert_int_equal(manifest_decode(out.data, out.bytes, &read, &fault), MANIFEST_OK);
	assert_int_equal(read.tree_id_next, 300);
	assert_int_equal(read.log.first, 0);
	assert_int_equal(read.staged_count, 0);
	assert_int_equal(read.count, 2);
	assert_int_equal(read.trees[0].id, 3);
	assert_int_equal(read.trees[0].order, 0);
	assert_int_equal(read.trees[1].id, 0);
	assert_int_equal(read.trees[1].order, 1);
	assert_string_equal(read.trees[1].file, "5_.tree");
	manifest_deinit(&read);
	for (size_t bytes = 0; bytes < out.bytes; bytes++)
		assert_refused(out.data, bytes);
	buffer_deinit(&out);
	encode_format_1(1, &out); /* no id, and yet a generation */
	assert_refused(out.data, out.bytes);
	buffer_deinit(&out);
}

/* Format 3 without its last member. */
static void
format_2_is_read(void **state)
{
	struct buffer out;
	struct manifest read, old = example;
	struct dump_fault fault;

	(void)state;
	old.ledger = 0;
	encode(&old, &out);
	buffer_truncate(&out, out.bytes - 1 - 9); /* a small number, and the checksum */
	out.data[0] = (char)0x98;
	out.data[1 + 1 + strlen("karma.manifest")] = 2;
	uint64_t checksum = 0;

	pack_u64_type(&out);
	checksum = checksum_of(out.data, out.bytes);
	pack_u64_bytes(&out, checksum);
	assert_int_equal(manifest_decode(out.data, out.bytes, &read, &fault), MANIFEST_OK);
	assert_int_equal(read.ledger, 0);
	read.ledger = example.ledger;
	assert_example(&read);
	manifest_deinit(&read);
	for (size_t bytes = 0; bytes < out.bytes; bytes++)
		assert_refused(out.data, bytes);
	buffer_deinit(&out);
}

static void
what_is_no_file_is_refused(void **state)
{
	struct kit *kit = *state;
	struct manifest read;
	struct dump_fault fault;

	assert_int_equal(mkfifoat(kit->directory_fd, MANIFEST_FILE, 0644), 0);
	assert_int_equal(manifest_read(kit->directory_fd, &read, &fault), MANIFEST_DAMAGED);
	assert_int_equal(unlinkat(kit->directory_fd, MANIFEST_FILE, 0), 0);
	assert_int_equal(mkdirat(kit->directory_fd, MANIFEST_FILE, 0755), 0);
	assert_int_equal(manifest_read(kit->directory_fd, &read, &fault), MANIFEST_DAMAGED);
}

static void
a_failed_write_leaves_nothing_behind(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(mkdirat(kit->directory_fd, MANIFEST_FILE, 0755), 0);
	assert_true(manifest_write(kit->directory_fd, &example) < 0);
	assert_int_equal(kit_file_count(kit, ".tmp-"), 0);
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_as_written),
		kit_test(comes_back_from_the_disk),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(values_that_cannot_be_are_refused),
		cmocka_unit_test(an_unknown_format_is_refused),
		cmocka_unit_test(format_1_is_read),
		cmocka_unit_test(format_2_is_read),
		kit_test(what_is_no_file_is_refused),
		kit_test(a_failed_write_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
