/*
 * request_generator.c - lines that reach deep into a decoder
 *
 * Random bytes would nearly all fail at their first token. So a line is grown from the grammar, with the known names
 * and the borders of every rule over-represented, and then half of them take a few small wounds.
 */
#include "request_generator.h"

#include <stdbool.h>
#include <stdio.h>

static uint64_t random_state;

/* splitmix64: every seed is a good one, so neighbouring cases have nothing in common. */
static uint64_t
random_next(void)
{
	uint64_t value = random_state += UINT64_C(0x9e3779b97f4a7c15);

	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

static unsigned
below(unsigned bound)
{
	return (unsigned)(random_next() % bound);
}

static bool
one_in(unsigned count)
{
	return below(count) == 0;
}

static void
append_text(struct buffer *line, const char *text)
{
	buffer_append(line, text, strlen(text));
}

#define append_one_of(line, texts) append_text(line, (texts)[below(sizeof(texts) / sizeof((texts)[0]))])

static void
append_blanks(struct buffer *line)
{
	while (one_in(8))
		buffer_append_byte(line, " \t\r\n"[below(4)]);
}

static void
append_between(struct buffer *line, char byte)
{
	append_blanks(line);
	buffer_append_byte(line, byte);
	append_blanks(line);
}

/* The inside of a string, letter by letter as it is or escaped. */
static void
append_spelled(struct buffer *line, const char *text)
{
	for (; *text != '\0'; text++) {
		char escape[8];

		if (one_in(30)) {
			(void)snprintf(escape, sizeof(escape), one_in(2) ? "\\u%04x" : "\\u%04X", (unsigned)*text);
			append_text(line, escape);
		} else {
			buffer_append_byte(line, *text);
		}
	}
}

static void
append_string(struct buffer *line)
{
	static const char *const pieces[] = {
		"a",
		"articles",
		" ",
		"/",
		"\\\"",
		"\\\\",
		"\\/",
		"\\n",
		"\\b\\f\\r\\t",
		"\x7f",
		"{}[],:",
		"\\u0000",
		"\\u001f",
		"\\u00e9",
		"\\uD83D\\uDE00",
		"\\ud7ff\\ue000",
		"\\uffff",
		"\xc3\xa9",
		"\xd0\xbd\xd0\xbe",
		"\xe2\x82\xac",
		"\xf0\x9f\x98\x80",
		"\xf4\x8f\xbf\xbf",
		"12345678",
		"0123456789abcdefghijklmnopqrstuvwxyz",
	};
	static const char *const broken[] = { "\\ud800", "\\udc00", "\\ud800\\ud800",  "\\x",
		                              "\\u12",   "\t",      "\xc0\x80",        "\xed\xa0\x80",
		                              "\x80",    "\xff",    "\xf4\x90\x80\x80" };

	buffer_append_byte(line, '"');
	for (unsigned count = below(6); count > 0; count--)
		append_one_of(line, pieces);
	if (one_in(300))
		append_one_of(line, broken);
	if (one_in(100)) {
		for (unsigned count = 1000 + below(50); count > 0; count--)
			buffer_append_byte(line, 'n');
	}
	buffer_append_byte(line, '"');
}

static void
append_key(struct buffer *line)
{
	static const char *const borders[] = {
		"0",
		"9",
		"10",
		"12345",
		"20230701",
		"9223372036854775807",
		"9223372036854775808",
		"18446744073709551615",
	};
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%ju", (uintmax_t)(random_next() >> below(64)));
	append_text(line, one_in(4) ? borders[below(sizeof(borders) / sizeof(borders[0]))] : digits);
}

static void
append_number(struct buffer *line)
{
	static const char *const numbers[] = {
		"-0",
		"-1",
		"1.0",
		"1e3",
		"0.0e-0",
		"-12.5E+7",
		"18446744073709551616",
		"1e999999",
		"-1e-999999",
		"123456789012345678901234567890",
		"9007199254740993",
		"1E400",
	};
	static const char *const broken[] = { "01", "+1", "1.", ".5", "1e", "1e+", "-", "--1", "0x1", "NaN", "1.5.5" };

	if (one_in(2))
		append_key(line);
	else if (one_in(50))
		append_one_of(line, broken);
	else
		append_one_of(line, numbers);
}

static void append_value(struct buffer *line, unsigned depth);

static void
append_object(struct buffer *line, unsigned depth)
{
	append_between(line, '{');
	for (unsigned count = below(4); count > 0; count--) {
		append_string(line);
		append_between(line, ':');
		append_value(line, depth + 1);
		if (count > 1)
			append_between(line, ',');
	}
	append_between(line, '}');
}

static void
append_array(struct buffer *line, unsigned depth)
{
	append_between(line, '[');
	for (unsigned count = below(4); count > 0; count--) {
		append_value(line, depth + 1);
		if (count > 1)
			append_between(line, ',');
	}
	append_between(line, ']');
}

/* Around the border of 512 levels. */
static void
append_nested(struct buffer *line)
{
	const unsigned levels = 505 + below(12);

	for (unsigned i = 0; i < levels; i++)
		append_text(line, i % 3 == 0 ? "{\"a\":" : "[");
	append_text(line, "1");
	for (unsigned i = levels; i > 0; i--)
		append_text(line, (i - 1) % 3 == 0 ? "}" : "]");
}

static void
append_value(struct buffer *line, unsigned depth)
{
	static const char *const words[] = { "true", "false", "null", "null" };

	switch (below(depth > 4 ? 4 : 6)) {
	case 0:
	case 1:
		append_number(line);
		break;
	case 2:
		append_one_of(line, words);
		break;
	case 3:
		append_string(line);
		break;
	case 4:
		append_object(line, depth);
		break;
	default:
		append_array(line, depth);
		break;
	}
}

static void
append_member(struct buffer *line)
{
	static const char *const names[] = { "key", "key", "time_from", "time_to", "tree_name", "token", "command" };
	static const char *const commands[] = { "increment", "sum", "find", "dump_all", "nope", "" };
	const unsigned which = below(9);

	if (which >= 7) {
		if (one_in(30))
			append_text(line, one_in(2) ? "\"v\"" : "\"o\\u0070\"");
		else
			append_string(line);
		append_between(line, ':');
		if (one_in(50))
			append_nested(line);
		else
			append_value(line, 0);
		return;
	}
	buffer_append_byte(line, '"');
	append_spelled(line, names[which]);
	buffer_append_byte(line, '"');
	append_between(line, ':');
	if (one_in(10)) {
		append_value(line, 0);
	} else if (which < 4) {
		append_key(line);
	} else if (which < 6) {
		append_string(line);
	} else {
		buffer_append_byte(line, '"');
		append_spelled(line, commands[below(sizeof(commands) / sizeof(commands[0]))]);
		buffer_append_byte(line, '"');
	}
}

/* ---- protocol v2 ---- */

static void
append_numbers(struct buffer *line, unsigned count)
{
	append_between(line, '[');
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			append_between(line, ',');
		if (one_in(60))
			append_value(line, 2);
		else
			append_key(line);
	}
	append_between(line, ']');
}

static void
append_name(struct buffer *line, const char *name)
{
	buffer_append_byte(line, '"');
	append_spelled(line, name);
	buffer_append_byte(line, '"');
	append_between(line, ':');
}

/* Members of an object, `names` in any order, with values of a kind. */
static void
append_members(struct buffer *line, const char *const *names, unsigned count, unsigned texts)
{
	append_between(line, '{');
	for (unsigned i = 0, left = below(5) == 0 ? below(4) : count; i < left; i++) {
		const unsigned which = one_in(10) ? below(count) : i % count;

		if (i > 0)
			append_between(line, ',');
		append_name(line, one_in(40) ? "x" : names[which]);
		if (one_in(30))
			append_value(line, 2);
		else if (which < texts)
			append_string(line);
		else
			append_key(line);
	}
	append_between(line, '}');
}

static void
append_items(struct buffer *line)
{
	static const char *const sum_members[] = { "series", "key" };
	const bool sums = one_in(3);

	append_between(line, '[');
	for (unsigned i = 0, count = below(8); i < count; i++) {
		if (i > 0)
			append_between(line, ',');
		if (one_in(60))
			append_value(line, 2);
		else if (sums)
			append_members(line, sum_members, 2, 1);
		else
			append_numbers(line, one_in(60) ? below(6) : 3);
	}
	append_between(line, ']');
}

enum kind { KIND_NUMBER, KIND_TEXT, KIND_KEYS, KIND_ITEMS, KIND_RANGE, KIND_ANY };

static void
append_of_kind(struct buffer *line, enum kind kind)
{
	static const char *const ends[] = { "from", "to" };

	switch (kind) {
	case KIND_NUMBER:
		append_key(line);
		break;
	case KIND_TEXT:
		append_string(line);
		break;
	case KIND_KEYS:
		append_numbers(line, below(10));
		break;
	case KIND_ITEMS:
		append_items(line);
		break;
	case KIND_RANGE:
		append_members(line, ends, 2, 0);
		break;
	case KIND_ANY:
		append_value(line, 0);
		break;
	}
}

static void
append_member_v2(struct buffer *line)
{
	static const struct {
		const char *name;
		enum kind kind;
	} members[] = {
		{ "key", KIND_NUMBER },
		{ "keys", KIND_KEYS },
		{ "items", KIND_ITEMS },
		{ "items", KIND_ITEMS },
		{ "range", KIND_RANGE },
		{ "series", KIND_TEXT },
		{ "tree", KIND_TEXT },
		{ "op", KIND_TEXT },
		{ "value", KIND_NUMBER },
		{ "bucket", KIND_NUMBER },
		{ "bucket", KIND_TEXT },
		{ "date", KIND_NUMBER },
		{ "token", KIND_TEXT },
		{ "v", KIND_NUMBER },
		{ "fingerprint", KIND_ANY },
		{ "idempotency_key", KIND_TEXT },
		{ "idempotency_created_at_unix", KIND_ANY },
		{ "nothing_known", KIND_ANY },
	};
	const unsigned which = below(sizeof(members) / sizeof(members[0]));

	append_name(line, members[which].name);
	if (one_in(100))
		append_nested(line);
	else
		append_of_kind(line, one_in(12) ? KIND_ANY : members[which].kind);
}

/* One small wound: a byte changed, put in, taken out, two swapped, or the end cut off. */
static void
wound(struct buffer *line)
{
	static const char likely[] = "\"\\{}[],:0123456789-+.eEtfnul \t\x01\x7f\x80\xc3\xed\xff/u";
	const size_t place = below((unsigned)line->bytes);
	const char byte = one_in(8) ? (char)below(256) : likely[below(sizeof(likely))];

	switch (below(5)) {
	case 0:
		line->data[place] = byte;
		break;
	case 1:
		buffer_append_byte(line, 0);
		memmove(line->data + place + 1, line->data + place, line->bytes - 1 - place);
		line->data[place] = byte;
		break;
	case 2:
		memmove(line->data + place, line->data + place + 1, line->bytes - 1 - place);
		buffer_truncate(line, line->bytes - 1);
		break;
	case 3: {
		const char other = line->data[place];

		line->data[place] = line->data[line->bytes / 2];
		line->data[line->bytes / 2] = other;
		break;
	}
	default:
		if (one_in(4))
			buffer_truncate(line, place);
		break;
	}
}

static void
generate(struct buffer *line, const char *usual, unsigned members_max, void (*append)(struct buffer *line))
{
	append_between(line, '{');
	if (!one_in(20))
		append_text(line, usual);
	else
		append(line);
	for (unsigned count = below(members_max + 1); count > 0; count--) {
		append_between(line, ',');
		append(line);
	}
	append_between(line, '}');
	if (one_in(2)) {
		for (unsigned count = 1 + below(3); count > 0 && line->bytes > 0; count--)
			wound(line);
	}
}

void
request_generate(uint64_t seed, struct buffer *line)
{
	random_state = seed;
	buffer_truncate(line, 0);
	generate(line, "\"command\":\"increment\"", 6, append_member);
}

void
request_generate_v2(uint64_t seed, struct buffer *line)
{
	random_state = seed;
	buffer_truncate(line, 0);
	if (one_in(50))
		append_value(line, 0);
	else
		generate(line, "\"v\":2,\"op\":\"counter.increment\"", 14, append_member_v2);
}
