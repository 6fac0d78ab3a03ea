/* The decoder takes and refuses the same requests as jansson, and reads the same values from them.
 *
 *   test_json_v1_jansson [SEED [CASES]]
 *
 * Without arguments the seed is new each time. A failure names the seed of its one case.
 *
 * Where jansson differs from PROTOCOL-v1 by design:
 *   - Integers above 2^63 - 1 and reals above a double are errors there. So every valid number is handed to it as an
 *     array of one marked string (an array, since a string could stand where a name does), and judged here.
 *   - Its depth limit is another and it does not tell depths: levels are counted here, on the bytes.
 *   - It refuses a NUL in a member's name; we take it. Such lines are left out.
 *   - It passes over a raw NUL behind a word (its one byte of look-ahead counts a NUL as none). Nowhere in JSON may one
 *     stand, so such lines count as refused.
 *   - It keeps the last of duplicate members and never shows the others, whose types we check, too: where it found
 *     duplicates, ours may refuse for the type of a field.
 */
#include <errno.h>
#include <jansson.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "proto/json_v1.h"
#include "request_generator.h"

#define MARK "a number of the request: "

enum { CASES_DEFAULT = 200000 };

enum verdict { REFUSED, TAKEN, LEFT_OUT };

static regex_t number_pattern;
static unsigned long taken_count, refused_count, left_out_count;

static bool
is_number_byte(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("+-.eE", byte) != NULL);
}

/* Appends the run of number bytes at `at`, marked if it is a number. Returns where it ends. */
static const char *
prepare_number(const char *at, const char *end, struct buffer *out)
{
	char token[64];
	const char *run_end = at;

	while (run_end < end && is_number_byte(*run_end))
		run_end++;
	const size_t bytes = (size_t)(run_end - at);

	(void)snprintf(token, sizeof(token), "%.*s", (int)bytes, at);
	const bool valid = bytes < sizeof(token) && regexec(&number_pattern, token, 0, NULL, 0) == 0;

	if (valid)
		buffer_append_literal(out, "[\"" MARK);
	buffer_append(out, at, bytes);
	if (valid)
		buffer_append_literal(out, "\"]");
	return run_end;
}

/* Returns the deepest nesting. Strings are told from the rest by quotes and backslashes alone. */
static int
prepare(const struct buffer *line, struct buffer *out)
{
	const char *end = line->data + line->bytes;
	bool in_string = false;
	int depth = 0;
	int deepest = 0;

	for (const char *at = line->data; at < end;) {
		if (!in_string && (*at == '-' || (*at >= '0' && *at <= '9'))) {
			at = prepare_number(at, end, out);
			continue;
		}
		if (in_string && *at == '\\' && at + 1 < end)
			buffer_append_byte(out, *at++);
		else if (*at == '"')
			in_string = !in_string;
		else if (!in_string && (*at == '{' || *at == '['))
			deepest = ++depth > deepest ? depth : deepest;
		else if (!in_string && (*at == '}' || *at == ']'))
			depth--;
		buffer_append_byte(out, *at++);
	}
	return deepest;
}

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

static bool
reference_number(const json_t *object, const char *name, bool *ret_has, uint64_t *ret)
{
	const json_t *value = json_object_get(object, name);
	const char *text = json_string_value(json_array_get(value, 0));

	*ret_has = text != NULL && json_array_size(value) == 1 && strncmp(text, MARK, strlen(MARK)) == 0;
	if (!*ret_has)
		return value == NULL || json_is_null(value);
	text += strlen(MARK);
	errno = 0;
	*ret = strtoull(text, NULL, 10);
	return errno == 0 && text[strspn(text, "0123456789")] == '\0';
}

/* Texts in *ret borrow from *ret_tree, which the caller puts. */
static enum verdict
reference_decode(const struct buffer *line, struct v1_request *ret, json_t **ret_tree, bool *ret_duplicates)
{
	struct buffer prepared;
	json_error_t error;
	bool has_command = false;

	*ret = (struct v1_request){ 0 };
	*ret_tree = NULL;
	*ret_duplicates = false;
	if (memchr(line->data, '\0', line->bytes) != NULL)
		return REFUSED;
	buffer_init(&prepared, SIZE_MAX);
	buffer_append_byte(&prepared, ' '); /* never without memory */
	const int depth = prepare(line, &prepared);
	json_t *again = json_loadb(prepared.data, prepared.bytes, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);

	*ret_duplicates = again == NULL && json_error_code(&error) == json_error_duplicate_key;
	json_decref(again);
	json_t *tree = json_loadb(prepared.data, prepared.bytes, JSON_ALLOW_NUL, &error);

	buffer_deinit(&prepared);
	*ret_tree = tree;
	if (tree == NULL)
		return json_error_code(&error) == json_error_null_byte_in_key ? LEFT_OUT : REFUSED;
	const bool valid = json_is_object(tree) && depth <= JSON_DEPTH_MAX &&
	                   reference_text(tree, "command", SIZE_MAX, &has_command, &ret->command_text) &&
	                   reference_text(tree, "tree_name", TREE_NAME_BYTES_MAX, &ret->has_tree, &ret->tree) &&
	                   reference_number(tree, "key", &ret->has_key, &ret->key) &&
	                   reference_number(tree, "time_from", &ret->has_from, &ret->from) &&
	                   reference_number(tree, "time_to", &ret->has_to, &ret->to);

	return valid && has_command ? TAKEN : REFUSED;
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
	       (!one->has_tree || same_text(one->tree, other->tree)) && one->has_key == other->has_key &&
	       (!one->has_key || one->key == other->key) && one->has_from == other->has_from &&
	       (!one->has_from || one->from == other->from) && one->has_to == other->has_to &&
	       (!one->has_to || one->to == other->to);
}

/* NULL, or what is wrong. */
static const char *
compare(const struct buffer *line, struct arena *scratch, struct v1_fault *fault)
{
	struct v1_request ours, theirs;
	json_t *tree;
	bool duplicates;
	const char *problem = NULL;
	const bool taken = json_v1_decode(line->data, line->bytes, scratch, &ours, fault);
	const enum verdict verdict = reference_decode(line, &theirs, &tree, &duplicates);

	if (verdict == LEFT_OUT)
		left_out_count++;
	else if (taken && verdict == REFUSED)
		problem = "taken, though jansson refuses";
	else if (!taken && verdict == TAKEN && !(duplicates && strncmp(fault->text, "Field ", 6) == 0))
		problem = "refused, though jansson takes it";
	else if (taken && !same_request(&ours, &theirs))
		problem = "read differently";
	taken_count += taken;
	refused_count += !taken;
	json_decref(tree);
	return problem;
}

static bool
run_case(uint64_t seed)
{
	struct buffer line;
	struct v1_fault fault = { "" };
	const char *problem = "no memory";

	buffer_init(&line, SIZE_MAX);
	request_generate(seed, &line);
	/* The end of the block is the end of the line, so that AddressSanitizer sees a byte read too far. */
	char *exact = malloc(line.bytes + 1);
	char *scratch_memory = malloc(line.bytes + 1);

	if (exact != NULL && scratch_memory != NULL && !line.failed) {
		struct arena scratch = { .data = scratch_memory, .capacity = line.bytes };
		const struct buffer copy = { .data = exact + 1, .bytes = line.bytes };

		memcpy(copy.data, line.data, line.bytes);
		problem = compare(&copy, &scratch, &fault);
	}
	if (problem != NULL)
		(void)fprintf(stderr, "%s: %.*s\n%s\nrepeat it with: test_json_v1_jansson %ju 1\n", problem,
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

	if (regcomp(&number_pattern, "^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?$", REG_EXTENDED) != 0)
		return 1;
	for (unsigned long i = 0; i < cases; i++) {
		if (!run_case(seed + i))
			return 1;
	}
	regfree(&number_pattern);
	printf("seed %ju: %lu cases taken, %lu refused, %lu left out\n", (uintmax_t)seed, taken_count, refused_count,
	       left_out_count);
	/* A generator that makes only one kind of line would prove nothing. */
	if (cases >= CASES_DEFAULT &&
	    (taken_count < cases / 5 || refused_count < cases / 5 || left_out_count > cases / 10)) {
		(void)fprintf(stderr, "the mix of cases is too one-sided\n");
		return 1;
	}
	return 0;
}
