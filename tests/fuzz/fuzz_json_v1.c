/*
 * fuzz_json_v1.c - any bytes as a v1 request
 *
 * Beyond not crashing: what is taken holds the contract (UTF-8 texts, bounds) and, encoded again, is decoded to the
 * same request; what is refused comes with a printable sentence. Two lines: what the first teaches as a shape does not
 * change what becomes of the second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "proto/json_encode.h"
#include "proto/json_v1_shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                   \
	do {                                                                               \
		if (!(condition)) {                                                        \
			(void)fprintf(stderr, "fuzz_json_v1: not true: %s\n", #condition); \
			abort();                                                           \
		}                                                                          \
	} while (false)

static void
check_fault(const struct v1_fault *fault)
{
	const size_t bytes = strnlen(fault->text, sizeof(fault->text));

	CHECK(bytes > 0 && bytes < sizeof(fault->text));
	for (size_t i = 0; i < bytes; i++)
		CHECK(fault->text[i] >= ' ' && fault->text[i] <= '~');
}

static bool
same_text(struct text one, struct text other)
{
	return one.bytes == other.bytes && memcmp(one.data, other.data, one.bytes) == 0;
}

static void
append_number(struct buffer *out, const char *name, uint64_t value)
{
	buffer_append(out, name, strlen(name));
	buffer_append_u64(out, value);
}

static void
encode(const struct v1_request *request, struct buffer *out)
{
	buffer_append_literal(out, "{\"command\":");
	json_encode_string(out, request->command_text.data, request->command_text.bytes);
	if (request->has_tree) {
		buffer_append_literal(out, ",\"tree_name\":");
		json_encode_string(out, request->tree.data, request->tree.bytes);
	}
	if (request->has_key)
		append_number(out, ",\"key\":", request->key);
	if (request->has_from)
		append_number(out, ",\"time_from\":", request->from);
	if (request->has_to)
		append_number(out, ",\"time_to\":", request->to);
	buffer_append_literal(out, "}");
}

static void
check_request(const struct v1_request *request)
{
	CHECK(request->command <= V1_LOAD);
	CHECK(utf8_valid(request->command_text.data, request->command_text.bytes));
	if (request->has_tree) {
		CHECK(request->tree.bytes <= TREE_NAME_BYTES_MAX);
		CHECK(utf8_valid(request->tree.data, request->tree.bytes));
	}
}

static void
check_same(const struct v1_request *one, const struct v1_request *other)
{
	CHECK(one->command == other->command && same_text(one->command_text, other->command_text));
	CHECK(one->has_tree == other->has_tree && (!one->has_tree || same_text(one->tree, other->tree)));
	CHECK(one->has_key == other->has_key && (!one->has_key || one->key == other->key));
	CHECK(one->has_from == other->has_from && (!one->has_from || one->from == other->from));
	CHECK(one->has_to == other->has_to && (!one->has_to || one->to == other->to));
}

static void
check_round_trip(const struct v1_request *request)
{
	struct buffer line;
	struct v1_request again;
	struct v1_fault fault;

	buffer_init(&line, SIZE_MAX);
	encode(request, &line);
	CHECK(!line.failed);
	struct arena scratch = { .data = malloc(line.bytes), .capacity = line.bytes };

	CHECK(scratch.data != NULL);
	CHECK(json_v1_decode(line.data, line.bytes, &scratch, &again, &fault));
	check_same(request, &again);
	free(scratch.data);
	buffer_deinit(&line);
}

/* The first line twice, when there is no second. */
static void
check_shapes(const char *data, size_t size)
{
	const char *end = memchr(data, '\n', size);
	const size_t first_bytes = end != NULL ? (size_t)(end - data) : size;
	const char *second = end != NULL ? end + 1 : data;
	const size_t second_bytes = end != NULL ? size - first_bytes - 1 : size;
	struct arena scratch = { .data = malloc(size + 1), .capacity = size };
	struct arena plain_scratch = { .data = malloc(size + 1), .capacity = size };
	struct v1_shapes shapes = { 0 };
	struct v1_request request, plain_request;
	struct v1_fault fault, plain_fault;

	CHECK(scratch.data != NULL && plain_scratch.data != NULL);
	(void)json_v1_decode_shaped(&shapes, data, first_bytes, &scratch, &request, &fault);
	arena_reset(&scratch);
	const bool taken = json_v1_decode_shaped(&shapes, second, second_bytes, &scratch, &request, &fault);

	CHECK(taken == json_v1_decode(second, second_bytes, &plain_scratch, &plain_request, &plain_fault));
	if (taken)
		check_same(&request, &plain_request);
	else
		CHECK(strcmp(fault.text, plain_fault.text) == 0);
	free(scratch.data);
	free(plain_scratch.data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena scratch = { .data = malloc(size > 0 ? size : 1), .capacity = size };
	struct v1_request request;
	struct v1_fault fault;

	CHECK(scratch.data != NULL);
	if (json_v1_decode((const char *)data, size, &scratch, &request, &fault)) {
		check_request(&request);
		check_round_trip(&request);
	} else {
		check_fault(&fault);
	}
	free(scratch.data);
	if (size > 0)
		check_shapes((const char *)data, size);
	return 0;
}
