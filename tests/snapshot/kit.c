#include "snapshot/kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- directory ---- */

void
kit_directory_open(struct kit_directory *directory)
{
	const char *base = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): tests have one thread here */

	(void)snprintf(directory->path, sizeof(directory->path), "%s/karma-XXXXXX", base != NULL ? base : "/tmp");
	assert_non_null(mkdtemp(directory->path));
	directory->fd = open(directory->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(directory->fd >= 0);
}

static size_t
directory_each(const struct kit_directory *directory, bool remove)
{
	DIR *listing = opendir(directory->path);
	size_t count = 0;

	assert_non_null(listing);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the listing is our own */
	for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		count++;
		if (remove && unlinkat(directory->fd, entry->d_name, 0) < 0)
			assert_int_equal(unlinkat(directory->fd, entry->d_name, AT_REMOVEDIR), 0);
	}
	(void)closedir(listing);
	return count;
}

void
kit_directory_close(struct kit_directory *directory)
{
	(void)directory_each(directory, true);
	assert_int_equal(close(directory->fd), 0);
	assert_int_equal(rmdir(directory->path), 0);
}

size_t
kit_directory_files(const struct kit_directory *directory)
{
	return directory_each(directory, false);
}

unsigned char *
kit_file_get(int directory_fd, const char *name, size_t *ret_bytes)
{
	struct stat status;
	int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	size_t bytes = (size_t)status.st_size;
	unsigned char *data = malloc(bytes + 1);

	assert_non_null(data);
	for (size_t done = 0; done < bytes;) {
		ssize_t r = read(fd, data + done, bytes - done);

		assert_true(r > 0);
		done += (size_t)r;
	}
	(void)close(fd);
	*ret_bytes = bytes;
	return data;
}

void
kit_file_put(int directory_fd, const char *name, const void *data, size_t bytes)
{
	int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, bytes), bytes);
	assert_int_equal(close(fd), 0);
}

/* ---- tree ---- */

void
kit_tree_deinit(struct kit_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		free(tree->keys[i].days);
	free(tree->keys);
	*tree = (struct kit_tree){ 0 };
}

static struct kit_key *
tree_place(struct kit_tree *tree, uint64_t key)
{
	/* From the end: a key that comes again mostly comes soon. Large trees of the tests have no key twice. */
	for (size_t back = 1; back <= tree->count && back <= 16; back++) {
		struct kit_key *seen = &tree->keys[tree->count - back];

		if (seen->key == key) {
			free(seen->days);
			return seen;
		}
	}
	if (tree->count == tree->capacity) {
		tree->capacity = tree->capacity > 0 ? 2 * tree->capacity : 16;
		tree->keys = realloc(tree->keys, tree->capacity * sizeof(*tree->keys));
		assert_non_null(tree->keys);
	}
	return &tree->keys[tree->count++];
}

int
kit_tree_visit(void *context, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	struct kit_key *place = tree_place(context, key);

	*place = (struct kit_key){ .key = key, .total = total, .day_count = day_count };
	place->days = malloc((day_count + 1) * sizeof(*days));
	assert_non_null(place->days);
	for (size_t i = 0; i < day_count; i++)
		place->days[i] = days[i];
	return 0;
}

static int
key_compare(const void *a, const void *b)
{
	uint64_t first = ((const struct kit_key *)a)->key;
	uint64_t second = ((const struct kit_key *)b)->key;

	return (first > second) - (first < second);
}

static int
day_compare(const void *a, const void *b)
{
	uint32_t first = ((const struct cut_day *)a)->day;
	uint32_t second = ((const struct cut_day *)b)->day;

	return (first > second) - (first < second);
}

static void
tree_sort(struct kit_tree *tree)
{
	if (tree->count == 0)
		return;
	qsort(tree->keys, tree->count, sizeof(*tree->keys), key_compare);
	for (size_t i = 0; i < tree->count; i++)
		qsort(tree->keys[i].days, tree->keys[i].day_count, sizeof(struct cut_day), day_compare);
}

void
kit_tree_assert_equal(struct kit_tree *a, struct kit_tree *b)
{
	tree_sort(a);
	tree_sort(b);
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		assert_int_equal(a->keys[i].key, b->keys[i].key);
		assert_int_equal(a->keys[i].total, b->keys[i].total);
		assert_int_equal(a->keys[i].day_count, b->keys[i].day_count);
		for (size_t d = 0; d < a->keys[i].day_count; d++) {
			assert_int_equal(a->keys[i].days[d].day, b->keys[i].days[d].day);
			assert_int_equal(a->keys[i].days[d].count, b->keys[i].days[d].count);
		}
	}
}

void
kit_tree_write(int directory_fd, const char *file_name, const struct kit_tree *tree, struct dump_info *ret_info)
{
	struct dump_writer *writer;

	*ret_info = (struct dump_info){ .tree_id = 77, .generation = 300, .name_bytes = 8 };
	memcpy(ret_info->name, "articles", 8);
	for (size_t i = 0; i < sizeof(ret_info->identity); i++)
		ret_info->identity[i] = (uint8_t)(0xf0 + i);
	assert_int_equal(dump_writer_create(directory_fd, &writer), 0);
	for (size_t i = 0; i < tree->count; i++) {
		const struct kit_key *key = &tree->keys[i];

		assert_int_equal(dump_writer_key(writer, key->key, key->total, key->days, key->day_count), 0);
	}
	assert_int_equal(dump_writer_finish(writer, ret_info), 0);
	assert_int_equal(dump_writer_publish(writer, file_name), 0);
	dump_writer_destroy(writer);
}

/* ---- random ---- */

uint64_t
kit_seed(const char *test)
{
	const char *given = getenv("KARMA_TEST_SEED"); /* NOLINT(concurrency-mt-unsafe) */
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

	print_message("%s: KARMA_TEST_SEED=%" PRIu64 "\n", test, seed);
	return seed;
}

/* splitmix64 */
uint64_t
kit_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t
kit_random_sized(uint64_t *state, uint64_t max)
{
	uint64_t value = kit_random(state) >> (kit_random(state) % 64);

	return value <= max ? value : value % (max + 1);
}

void
kit_random_tree(uint64_t *state, size_t keys, struct kit_tree *ret)
{
	struct cut_day days[40];

	*ret = (struct kit_tree){ 0 };
	for (size_t i = 0; i < keys; i++) {
		size_t day_count = (size_t)kit_random_sized(state, 39);
		uint32_t day = (uint32_t)kit_random_sized(state, DAY_MAX / 2);

		for (size_t d = 0; d < day_count; d++) {
			days[d] = (struct cut_day){ .day = day, .count = kit_random_sized(state, COUNT_MAX) };
			day += 1 + (uint32_t)kit_random_sized(state, 1000);
		}
		/* Distinct: the low bits are the index. */
		uint64_t key = (kit_random_sized(state, UINT64_MAX) << 20) | i;

		(void)kit_tree_visit(ret, key, kit_random_sized(state, COUNT_MAX), days, day_count);
	}
}
