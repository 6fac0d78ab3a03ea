/* The decoder takes and refuses the same lines as jansson, finds the same members in them, and reads the same fields.
 *
 *   test_json_v2_jansson [SEED [CASES]]
 *
 * Without arguments the seed is new each time. A failure names the seed of its one case. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "jansson_oracle.h"
#include "proto/json_v2_fields.h"
#include "request_generator.h"

enum { CASES_DEFAULT = 100000 };

static unsigned long read_count, unread_count;

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
compare(const struct buffer *line, struct arena *scratch, struct oracle_counts *counts, const char **ret_fault)
{
	static struct v2_problem fault;
	struct v2_line ours;
	struct oracle_judgement judgement;
	const char *problem = NULL;
	const bool taken = json_v2_decode(line->data, line->bytes, scratch, &ours, &fault);
	const enum oracle_verdict verdict = oracle_judge(line, &judgement);

	if (verdict == ORACLE_LEFT_OUT)
		counts->left_out++;
	else if (taken != (verdict == ORACLE_TAKEN))
		problem = taken ? "taken, though jansson refuses" : "refused, though jansson takes it";
	else if (taken && ours.out_of_range != !judgement.integers_fit)
		problem = "an integer out of range is seen by one alone";
	else if (taken)
		problem = compare_members(judgement.tree, &ours);
	if (problem == NULL && taken && verdict == ORACLE_TAKEN && ours.is_object && !ours.out_of_range)
		problem = compare_fields(judgement.tree, &ours, scratch);
	counts->taken += taken;
	counts->refused += !taken;
	json_decref(judgement.tree);
	*ret_fault = fault.text;
	return problem;
}

/* As small as it may be for what is read twice. */
static size_t
scratch_bytes(size_t line_bytes)
{
	return 2 * v2_scratch_bytes(line_bytes);
}

int
main(int argc, char **argv)
{
	static const struct oracle_test test = { "test_json_v2_jansson", CASES_DEFAULT, request_generate_v2,
		                                 scratch_bytes, compare };
	const int status = oracle_main(argc, argv, &test);

	printf("%lu fields read, %lu not\n", read_count, unread_count);
	if (status == 0 && argc <= 2 && read_count < CASES_DEFAULT / 2) {
		(void)fprintf(stderr, "too few fields are read\n");
		return 1;
	}
	return status;
}
