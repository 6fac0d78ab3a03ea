/*
 * fuzz_json_v2.c - any bytes as a v2 request
 *
 * Beyond not crashing: what is found stands in the line, what is read holds the contract (UTF-8 texts, bounds), what is refused
 * comes with a printable sentence. A line that v1 takes is an object.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "proto/json_v1.h"
#include "proto/json_v2_fields.h"
#include "proto/json_v2_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                   \
	do {                                                                               \
		if (!(condition)) {                                                        \
			(void)fprintf(stderr, "fuzz_json_v2: not true: %s\n", #condition); \
			abort();                                                           \
		}                                                                          \
	} while (false)

static void
check_sentence(const char *text)
{
	CHECK(*text != '\0');
	for (; *text != '\0'; text++)
		CHECK(*text >= ' ' && *text <= '~');
}

/* What a reader returned: never that there is no room. True when it has read something. */
static bool
read_ok(const char *problem)
{
	if (problem != NULL) {
		check_sentence(problem);
		CHECK(problem != v2_no_room);
	}
	return problem == NULL;
}

static void
check_text(struct text text)
{
	CHECK(utf8_valid(text.data, text.bytes));
}

static void
check_members(const struct v2_line *line, const char *data, size_t size)
{
	for (unsigned i = 0; i < V2_MEMBER_COUNT; i++) {
		const struct v2_value *value = v2_member(line, i);

		if (value == NULL)
			continue;
		CHECK(value->data >= data && value->bytes <= size && value->data + value->bytes <= data + size);
		CHECK(value->type <= V2_OBJECT);
		CHECK(utf8_valid(value->data, value->bytes));
	}
}

static void
check_texts(const struct v2_line *line, struct arena *scratch)
{
	struct v2_idempotency idempotency;
	struct text text;

	if (read_ok(v2_read_series(line, scratch, &text))) {
		CHECK(text.bytes > 0 && text.bytes <= TREE_NAME_BYTES_MAX);
		check_text(text);
	}
	if (read_ok(v2_read_text(line, V2_OP, scratch, &text)))
		check_text(text);
	if (read_ok(v2_read_token(line, scratch, &text)))
		check_text(text);
	if (read_ok(v2_read_idempotency(line, scratch, &idempotency)) && idempotency.is_given) {
		CHECK(idempotency.key.bytes > 0 && idempotency.key.bytes <= 256);
		check_text(idempotency.key);
	}
}

static void
check_numbers(const struct v2_line *line, struct arena *scratch)
{
	struct v2_range range;
	uint64_t value = 0;
	uint32_t bucket = 0;
	bool given = false;

	(void)v2_is_version_2(line);
	(void)read_ok(v2_read_unsigned(line, V2_KEY, &value));
	(void)read_ok(v2_read_unsigned_if(line, V2_VALUE, &value));
	if (read_ok(v2_read_bucket(line, scratch, &given, &bucket)) && given)
		CHECK(bucket <= DAY_MAX);
	if (read_ok(v2_read_range_if(line, &given, &range)) && given) {
		CHECK(range.from <= range.to);
		(void)read_ok(v2_check_range(&range));
	}
}

/* An operation reads one of them. */
static void
check_arrays(const struct v2_line *line, struct arena *scratch)
{
	const size_t used = scratch->used;
	struct v2_keys keys;
	struct v2_items items;
	struct v2_sums sums;

	if (read_ok(v2_read_keys(line, scratch, &keys)))
		CHECK((keys.at != NULL) == (keys.count <= V2_ITEMS_MAX));
	scratch->used = used;
	if (read_ok(v2_read_items(line, scratch, &items))) {
		CHECK((items.at != NULL) == (items.count <= V2_ITEMS_MAX));
		for (uint32_t i = 0; items.at != NULL && i < items.count; i++)
			CHECK(items.at[i].bucket <= DAY_MAX);
	}
	scratch->used = used;
	if (read_ok(v2_read_sums(line, scratch, &sums)) && sums.at != NULL) {
		for (uint32_t i = 0; i < sums.count; i++)
			check_text(sums.at[i].series);
	}
}

static void
check_beside_v1(const char *data, size_t size, bool taken, const struct v2_line *line)
{
	struct arena scratch = { .data = malloc(size + 1), .capacity = size };
	struct v1_request request;
	struct v1_fault fault;

	CHECK(scratch.data != NULL);
	if (json_v1_decode(data, size, &scratch, &request, &fault))
		CHECK(taken && line->is_object);
	free(scratch.data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const size_t scratch_bytes = v2_scratch_bytes(size);
	struct arena scratch = { .data = malloc(scratch_bytes + 1), .capacity = scratch_bytes };
	struct v2_line line;
	struct v2_problem problem;

	CHECK(scratch.data != NULL);
	if (text == NULL)
		text = "";
	const bool taken = json_v2_decode(text, size, &scratch, &line, &problem);

	if (!taken || line.out_of_range)
		check_sentence(problem.text);
	check_beside_v1(text, size, taken, &line);
	if (taken && line.is_object && !line.out_of_range) {
		check_members(&line, text, size);
		check_texts(&line, &scratch);
		check_numbers(&line, &scratch);
		check_arrays(&line, &scratch);
	}
	free(scratch.data);
	return 0;
}
