/* The decoder takes and refuses the same requests as jansson, and reads the same values from them.
 *
 *   test_json_v1_jansson [SEED [CASES]]
 *
 * Without arguments the seed is new each time. A failure names the seed of its one case.
 *
 * Where jansson differs from PROTOCOL-v1 by design:
 *   - What jansson_oracle.h says.
 *   - It keeps the last of duplicate members and never shows the others, whose types we check, too: where it found
 *     duplicates, ours may refuse for the type of a field.
 */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/limits.h"
#include "jansson_oracle.h"
#include "proto/json_v1.h"
#include "request_generator.h"

static bool
reference_text(const json_t *object, const char *name, size_t bytes_max, bool *ret_has, struct text *ret)
{
	const json_t *value = json_object_get(object, name);

	*ret_has = json_is_string(value);
	if (!*ret_has)
		return value == NULL || json_is_null(value);
	*ret = (struct text){ json_string_value(value), json_string_length(value) };
	return ret->bytes <= bytes_max;
}

/* Of any other type than a string it is none, which is no fault. */
static void
reference_token(const json_t *object, struct v1_request *ret)
{
	const json_t *value = json_object_get(object, "token");

	ret->has_token = json_is_string(value);
	if (ret->has_token)
		ret->token = (struct text){ json_string_value(value), json_string_length(value) };
}

static bool
reference_number(const json_t *object, const char *name, bool *ret_has, uint64_t *ret)
{
	const json_t *value = json_object_get(object, name);
	const char *text = oracle_number(value);

	*ret_has = text != NULL;
	if (!*ret_has)
		return value == NULL || json_is_null(value);
	errno = 0;
	*ret = strtoull(text, NULL, 10);
	return errno == 0 && text[strspn(text, "0123456789")] == '\0';
}

/* Texts in *ret borrow from the judgement, which the caller puts. */
static enum oracle_verdict
reference_decode(const struct buffer *line, struct v1_request *ret, struct oracle_judgement *ret_judgement)
{
	bool has_command = false;

	*ret = (struct v1_request){ 0 };
	const enum oracle_verdict verdict = oracle_judge(line, ret_judgement);
	const json_t *tree = ret_judgement->tree;

	if (verdict != ORACLE_TAKEN)
		return verdict;
	if (json_object_get(tree, "v") != NULL || json_object_get(tree, "op") != NULL)
		return ORACLE_REFUSED; /* a request of v2 */
	reference_token(tree, ret);
	const bool valid = json_is_object(tree) &&
	                   reference_text(tree, "command", SIZE_MAX, &has_command, &ret->command_text) &&
	                   reference_text(tree, "tree_name", TREE_NAME_BYTES_MAX, &ret->has_tree, &ret->tree) &&
	                   reference_number(tree, "key", &ret->has_key, &ret->key) &&
	                   reference_number(tree, "time_from", &ret->has_from, &ret->from) &&
	                   reference_number(tree, "time_to", &ret->has_to, &ret->to);

	return valid && has_command ? ORACLE_TAKEN : ORACLE_REFUSED;
}

static bool
same_text(struct text one, struct text other)
{
	return one.bytes == other.bytes && memcmp(one.data, other.data, one.bytes) == 0;
}

static bool
same_request(const struct v1_request *one, const struct v1_request *other)
{
	return same_text(one->command_text, other->command_text) && one->has_tree == other->has_tree &&
	       (!one->has_tree || same_text(one->tree, other->tree)) && one->has_token == other->has_token &&
	       (!one->has_token || same_text(one->token, other->token)) && one->has_key == other->has_key &&
	       (!one->has_key || one->key == other->key) && one->has_from == other->has_from &&
	       (!one->has_from || one->from == other->from) && one->has_to == other->has_to &&
	       (!one->has_to || one->to == other->to);
}

/* NULL, or what is wrong. */
static const char *
compare(const struct buffer *line, struct arena *scratch, struct oracle_counts *counts, const char **ret_fault)
{
	static struct v1_fault fault;
	struct v1_request ours, theirs;
	struct oracle_judgement judgement;
	const char *problem = NULL;
	const bool taken = json_v1_decode(line->data, line->bytes, scratch, &ours, &fault);
	const enum oracle_verdict verdict = reference_decode(line, &theirs, &judgement);

	if (verdict == ORACLE_LEFT_OUT)
		counts->left_out++;
	else if (taken && verdict == ORACLE_REFUSED)
		problem = "taken, though jansson refuses";
	else if (!taken && verdict == ORACLE_TAKEN && !(judgement.duplicates && strncmp(fault.text, "Field ", 6) == 0))
		problem = "refused, though jansson takes it";
	else if (taken && !same_request(&ours, &theirs))
		problem = "read differently";
	counts->taken += taken;
	counts->refused += !taken;
	json_decref(judgement.tree);
	*ret_fault = fault.text;
	return problem;
}

/* Texts that were escaped. */
static size_t
scratch_bytes(size_t line_bytes)
{
	return line_bytes;
}

int
main(int argc, char **argv)
{
	static const struct oracle_test test = { "test_json_v1_jansson", 200000, request_generate, scratch_bytes,
		                                 compare };

	return oracle_main(argc, argv, &test);
}
