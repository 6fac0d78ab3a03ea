/* Whatever the bytes, the reader of dump files ends with an answer that makes sense, and what it hands out is within bounds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "snapshot/dump_file.h"
#include "snapshot/trailer.h"

#define REQUIRE(condition)                                                                            \
	do {                                                                                          \
		if (!(condition)) {                                                                   \
			(void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                      \
		}                                                                                     \
	} while (0)

struct seen {
	uint64_t keys;
	uint64_t days;
	uint64_t digest;
};

static int
visit(void *context, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	struct seen *seen = context;

	REQUIRE(total <= COUNT_MAX);
	for (size_t i = 0; i < day_count; i++) {
		REQUIRE(days[i].day <= DAY_MAX && days[i].count <= COUNT_MAX);
		REQUIRE(i == 0 || days[i - 1].day < days[i].day);
		seen->digest = seen->digest * 31 + days[i].count;
	}
	seen->keys++;
	seen->days += day_count;
	seen->digest = (seen->digest * 31 + key) * 31 + total;
	return 0;
}

/* A second look at the end by itself agrees with the reading of it all. */
static void
check_trailer(const uint8_t *data, size_t bytes, const struct dump_info *info)
{
	struct dump_info again = { .bytes = bytes };
	struct dump_fault fault;
	uint64_t checksum;
	size_t own = trailer_find(data, bytes);

	REQUIRE(own > 0 && own <= bytes);
	REQUIRE(trailer_decode(data + bytes - own, own, bytes - own, "f.tree", &again, &checksum, &fault) == DUMP_OK);
	REQUIRE(again.tree_id == info->tree_id && again.keys == info->keys && again.name_bytes == info->name_bytes);
}

static void
read_once(const uint8_t *data, size_t bytes)
{
	struct dump_info info;
	struct dump_fault fault = { "" };
	struct dump_fault fault_again = { "" };
	struct seen seen = { 0 };
	struct seen again = { 0 };
	int r = dump_bytes_read(data, bytes, "f.tree", visit, &seen, &info, &fault);

	REQUIRE(r == DUMP_OK || r == DUMP_DAMAGED);
	REQUIRE(dump_bytes_read(data, bytes, "f.tree", visit, &again, &info, &fault_again) == r);
	REQUIRE(memcmp(&seen, &again, sizeof(seen)) == 0);
	if (r == DUMP_DAMAGED) {
		REQUIRE(strncmp(fault.text, "f.tree: offset ", 15) == 0);
		REQUIRE(strcmp(fault.text, fault_again.text) == 0);
		return;
	}
	REQUIRE(info.bytes == bytes && info.keys == seen.keys && info.days == seen.days);
	REQUIRE(info.name_bytes <= TREE_NAME_BYTES_MAX);
	if (info.ours)
		check_trailer(data, bytes, &info);
}

static void
put_u64(uint8_t *to, uint64_t value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		to[i] = (uint8_t)value;
}

/* The same bytes with checksums that are right: no mutation would ever find them. */
static void
read_mended(const uint8_t *data, size_t bytes)
{
	size_t own = trailer_find(data, bytes);

	if (own == 0)
		return;
	uint8_t *mended = malloc(bytes);

	REQUIRE(mended != NULL);
	memcpy(mended, data, bytes);
	put_u64(mended + bytes - 22, checksum_of(mended + bytes - own, own - 23));
	put_u64(mended + bytes - 8, checksum_of(mended, bytes - 8));
	read_once(mended, bytes);
	free(mended);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	read_once(data, bytes);
	read_mended(data, bytes);
	return 0;
}
