/* The decoder takes and refuses the same lines as jansson, finds the same members in them, and reads the same fields.
 *
 *   test_json_v2_jansson [SEED [CASES]]
 *
 * Without arguments the seed is new each time. A failure names the seed of its one case. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "jansson_oracle.h"
#include "proto/json_v2_fields.h"
#include "request_generator.h"

enum { CASES_DEFAULT = 100000 };

static unsigned long taken_count, refused_count, left_out_count, read_count, unread_count;

/* ---- the reference: fields read from jansson's tree, the plain way ---- */

static enum v2_type
reference_type(const json_t *value)
{
	const char *number = oracle_number(value);

	if (number != NULL)
		return strpbrk(number, ".eE") == NULL ? V2_INTEGER : V2_REAL;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return V2_OBJECT;
	case JSON_ARRAY:
		return V2_ARRAY;
	case JSON_STRING:
		return V2_STRING;
	case JSON_NULL:
		return V2_NULL;
	default:
		return V2_BOOL;
	}
}

static bool
reference_unsigned(const json_t *value, uint64_t *ret)
{
	const char *number = value == NULL ? NULL : oracle_number(value);

	if (number == NULL || number[strspn(number, "-0123456789")] != '\0')
		return false;
	*ret = strtoull(number, NULL, 10);
	return *number != '-' || *ret == 0;
}

static bool
same_text(struct text text, const json_t *string)
{
	return text.bytes == json_string_length(string) &&
	       memcmp(text.data, json_string_value(string), text.bytes) == 0;
}

/* ---- each field: NULL, or what differs ---- */

static const char *
outcome(bool theirs, const char *ours, bool same)
{
	read_count += theirs;
	unread_count += !theirs;
	if (theirs != (ours == NULL))
		return theirs ? "a field is refused" : "a field is taken";
	return theirs && !same ? "a field is read differently" : NULL;
}

static const char *
compare_series(const json_t *object, const struct v2_line *line, struct arena *scratch)
{
	const json_t *tree = json_object_get(object, "tree");
	const json_t *string = json_is_string(tree) ? tree : json_object_get(object, "series");
	const size_t bytes = json_string_length(string);
	struct text text;
	const char *problem = v2_read_series(line, scratch, &text);

	return outcome(json_is_string(string) && bytes > 0 && bytes <= TREE_NAME_BYTES_MAX, problem,
	               problem == NULL && same_text(text, string));
}

static const char *
compare_unsigned(const json_t *object, const char *name, const struct v2_line *line, enum v2_member member)
{
	uint64_t theirs = 0, ours = 0;
	const bool taken = reference_unsigned(json_object_get(object, name), &theirs);

	const char *problem = v2_read_unsigned(line, member, &ours);

	return outcome(taken, problem, theirs == ours);
}

static const char *
compare_range(const json_t *object, const struct v2_line *line)
{
	const json_t *range = json_object_get(object, "range");
	struct v2_range theirs = { 0 }, ours = { 0 };
	const bool taken = json_is_object(range) && reference_unsigned(json_object_get(range, "from"), &theirs.from) &&
	                   reference_unsigned(json_object_get(range, "to"), &theirs.to) && theirs.from <= theirs.to;

	const char *problem = v2_read_range(line, &ours);

	return outcome(taken, problem, theirs.from == ours.from && theirs.to == ours.to);
}

static bool
is_array(const json_t *value)
{
	return json_is_array(value) && oracle_number(value) == NULL;
}

static const char *
compare_keys(const json_t *object, const struct v2_line *line, struct arena *scratch)
{
	const json_t *array = json_object_get(object, "keys");
	bool taken = is_array(array), same = true;
	struct v2_keys ours;
	const char *problem = v2_read_keys(line, scratch, &ours);
	size_t i;
	json_t *element;

	json_array_foreach((json_t *)array, i, element)
	{
		uint64_t key = 0;

		taken = taken && reference_unsigned(element, &key);
		same = same && problem == NULL && i < ours.count && ours.at[i] == key;
	}
	return outcome(taken, problem, same && problem == NULL && ours.count == json_array_size(array));
}

static bool
reference_item(const json_t *element, struct v2_item *ret)
{
	uint64_t bucket = 0;
	const bool taken = is_array(element) && json_array_size(element) == 3 &&
	                   reference_unsigned(json_array_get(element, 0), &ret->key) &&
	                   reference_unsigned(json_array_get(element, 1), &bucket) && bucket <= DAY_MAX &&
	                   reference_unsigned(json_array_get(element, 2), &ret->value);

	ret->bucket = (uint32_t)bucket;
	return taken;
}

static const char *
compare_items(const json_t *object, const struct v2_line *line, struct arena *scratch)
{
	const json_t *array = json_object_get(object, "items");
	bool taken = is_array(array), same = true;
	struct v2_items ours;
	const char *problem = v2_read_items(line, scratch, &ours);
	size_t i;
	json_t *element;

	json_array_foreach((json_t *)array, i, element)
	{
		struct v2_item item = { 0 };

		taken = taken && reference_item(element, &item);
		same = same && problem == NULL && i < ours.count && ours.at[i].key == item.key &&
		       ours.at[i].bucket == item.bucket && ours.at[i].value == item.value;
	}
	return outcome(taken, problem, same && problem == NULL && ours.count == json_array_size(array));
}

static const char *
compare_sums(const json_t *object, const struct v2_line *line, struct arena *scratch)
{
	const json_t *array = json_object_get(object, "items");
	bool taken = is_array(array), same = true;
	struct v2_sums ours;
	const char *problem = v2_read_sums(line, scratch, &ours);
	size_t i;
	json_t *element;

	json_array_foreach((json_t *)array, i, element)
	{
		const json_t *series = json_object_get(element, "series");
		uint64_t key = 0;

		taken = taken && json_is_object(element) && json_string_length(series) > 0 &&
		        reference_unsigned(json_object_get(element, "key"), &key);
		same = same && problem == NULL && i < ours.count && ours.at[i].key == key &&
		       same_text(ours.at[i].series, series);
	}
	return outcome(taken, problem, same && problem == NULL && ours.count == json_array_size(array));
}

static const char *
compare_fields(const json_t *object, const struct v2_line *line, struct arena *scratch)
{
	const char *problem = compare_series(object, line, scratch);

	if (problem == NULL)
		problem = compare_unsigned(object, "key", line, V2_KEY);
	if (problem == NULL)
		problem = compare_unsigned(object, "value", line, V2_VALUE);
	if (problem == NULL)
		problem = compare_range(object, line);
	if (problem == NULL)
		problem = compare_keys(object, line, scratch);
	if (problem == NULL)
		problem = compare_items(object, line, scratch);
	if (problem == NULL)
		problem = compare_sums(object, line, scratch);
	return problem;
}

/* ---- members ---- */

static const char *
compare_members(const json_t *tree, const struct v2_line *line)
{
	static const char *const names[] = {
#define MEMBER_NAME(id, name) [id] = (name),
		V2_MEMBERS(MEMBER_NAME)
#undef MEMBER_NAME
	};

	if (line->is_object != json_is_object(tree))
		return "an object is taken for something else";
	if (!line->is_object)
		return NULL;
	for (unsigned i = 0; i < V2_MEMBER_COUNT; i++) {
		const json_t *theirs = json_object_get(tree, names[i]);
		const struct v2_value *ours = v2_member(line, i);

		if ((theirs == NULL) != (ours == NULL))
			return "a member is found by one alone";
		if (theirs != NULL && ours->type != reference_type(theirs))
			return "a member has another type";
	}
	return NULL;
}

/* NULL, or what is wrong. */
static const char *
compare(const struct buffer *line, struct arena *scratch, struct v2_problem *fault)
{
	struct v2_line ours;
	struct oracle_judgement judgement;
	const char *problem = NULL;
	const bool taken = json_v2_decode(line->data, line->bytes, scratch, &ours, fault);
	const enum oracle_verdict verdict = oracle_judge(line, &judgement);

	if (verdict == ORACLE_LEFT_OUT)
		left_out_count++;
	else if (taken != (verdict == ORACLE_TAKEN))
		problem = taken ? "taken, though jansson refuses" : "refused, though jansson takes it";
	else if (taken && ours.out_of_range != !judgement.integers_fit)
		problem = "an integer out of range is seen by one alone";
	else if (taken)
		problem = compare_members(judgement.tree, &ours);
	if (problem == NULL && taken && verdict == ORACLE_TAKEN && ours.is_object && !ours.out_of_range)
		problem = compare_fields(judgement.tree, &ours, scratch);
	taken_count += taken;
	refused_count += !taken;
	json_decref(judgement.tree);
	return problem;
}

static bool
run_case(uint64_t seed)
{
	struct buffer line;
	struct v2_problem fault = { "" };
	const char *problem = "no memory";

	buffer_init(&line, SIZE_MAX);
	request_generate_v2(seed, &line);
	/* The end of the block is the end of the line, so that AddressSanitizer sees a byte read too far; and the scratch is as
	 * small as it may be for what is read twice. */
	const size_t scratch_bytes = 2 * v2_scratch_bytes(line.bytes);
	char *exact = malloc(line.bytes + 1);
	char *scratch_memory = malloc(scratch_bytes + 1);

	if (exact != NULL && scratch_memory != NULL && !line.failed) {
		struct arena scratch = { .data = scratch_memory, .capacity = scratch_bytes };
		const struct buffer copy = { .data = exact + 1, .bytes = line.bytes };

		memcpy(copy.data, line.data, line.bytes);
		problem = compare(&copy, &scratch, &fault);
	}
	if (problem != NULL)
		(void)fprintf(stderr, "%s: %.*s\n%s\nrepeat it with: test_json_v2_jansson %ju 1\n", problem,
		              (int)line.bytes, line.data, fault.text, (uintmax_t)seed);
	free(scratch_memory);
	free(exact);
	buffer_deinit(&line);
	return problem == NULL;
}

int
main(int argc, char **argv)
{
	const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL) * 1000000007;
	const unsigned long cases = argc > 2 ? strtoul(argv[2], NULL, 10) : CASES_DEFAULT;

	oracle_setup();
	for (unsigned long i = 0; i < cases; i++) {
		if (!run_case(seed + i))
			return 1;
	}
	oracle_teardown();
	printf("seed %ju: %lu cases taken, %lu refused, %lu left out; %lu fields read, %lu not\n", (uintmax_t)seed,
	       taken_count, refused_count, left_out_count, read_count, unread_count);
	/* A generator that makes only one kind of line would prove nothing. */
	if (cases >= CASES_DEFAULT && (taken_count < cases / 5 || refused_count < cases / 5 ||
	                               left_out_count > cases / 10 || read_count < cases / 2)) {
		(void)fprintf(stderr, "the mix of cases is too one-sided\n");
		return 1;
	}
	return 0;
}
