/*
 * decode.c - what the request decoder costs, in ns per line
 *
 * Each line is decoded in rounds of a fixed number; the best round counts, since whatever disturbs makes it slower. The
 * lines stand in cache, as they do when the kernel has just copied them there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proto/json_v1.h"

enum { ROUNDS = 400, LONG_BYTES = 16 << 10 };

static uint64_t
now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static bool
measure(const char *name, const char *line, size_t bytes)
{
	const unsigned count = bytes > 1000 ? 20 : 5000;
	static char memory[LONG_BYTES * 2];
	struct arena scratch = { .data = memory, .capacity = sizeof(memory) };
	struct v1_request request;
	struct v1_fault fault;
	uint64_t best_ns = UINT64_MAX;
	uint64_t check = 0;

	for (int round = 0; round < ROUNDS; round++) {
		const uint64_t start_ns = now_ns();

		for (unsigned i = 0; i < count; i++) {
			arena_reset(&scratch);
			if (!json_v1_decode(line, bytes, &scratch, &request, &fault)) {
				(void)fprintf(stderr, "decode: %s: %s\n", name, fault.text);
				return false;
			}
			check += request.key + (uint64_t)request.command;
		}
		const uint64_t spent_ns = now_ns() - start_ns;

		best_ns = spent_ns < best_ns ? spent_ns : best_ns;
	}
	const double line_ns = (double)best_ns / count;

	printf("%-28s %8zu bytes %10.1f ns/line %8.2f bytes/ns  (check %" PRIx64 ")\n", name, bytes, line_ns,
	       (double)bytes / line_ns, check);
	return true;
}

/* A line whose ignored member is one long string of `unit`s. */
static bool
measure_long(const char *name, const char *unit)
{
	struct buffer line;

	buffer_init(&line, SIZE_MAX);
	buffer_append_literal(&line, "{\"command\":\"ping\",\"note\":\"");
	while (line.bytes < LONG_BYTES && !line.failed)
		buffer_append(&line, unit, strlen(unit));
	buffer_append_literal(&line, "\"}");
	const bool done = !line.failed && measure(name, line.data, line.bytes);

	buffer_deinit(&line);
	return done;
}

int
main(void)
{
	static const struct {
		const char *name, *line;
	} lines[] = {
		{ "increment", "{\"command\":\"increment\",\"tree_name\":\"articles\",\"key\":12345}" },
		{ "sum of a range", "{\"command\":\"sum\",\"tree_name\":\"articles\",\"key\":12345,"
		                    "\"time_from\":20230701,\"time_to\":20230731}" },
		{ "increment, long key", "{\"command\":\"increment\",\"tree_name\":\"articles\","
		                         "\"key\":18446744073709551615}" },
		{ "blanks", "{ \"command\" : \"increment\", \"tree_name\" : \"articles\", \"key\" : 12345 }" },
		{ "escaped name", "{\"command\":\"increment\",\"tree_name\":\"\\u0430rticles\",\"key\":12345}" },
	};
	bool done = true;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		done &= measure(lines[i].name, lines[i].line, strlen(lines[i].line));
	done &= measure_long("ignored ASCII", "abcdefghijklmnopqrstuvwxyz");
	done &= measure_long("ignored Cyrillic", "\xd0\xb0\xd0\xb1\xd0\xb2");
	done &= measure_long("ignored escapes", "\\n\\u00e9");
	return done ? 0 : 1;
}
