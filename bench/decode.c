/*
 * decode.c - what the request decoder costs on one core
 *
 *   request   the common requests of protocol v1, one line each
 *   odd       lines that take another way through the decoder: blanks, escapes, long ignored strings
 *
 * whole: every line is read as JSON; shaped: as a worker decodes, which knows the shape of a line that it has seen before.
 *
 * Each line is decoded in rounds of a fixed number; the best round counts, since whatever disturbs makes it slower. The
 * lines stand in cache, as they do when the kernel has just copied them there.
 */
#include <string.h>

#include "kit/clock.h"
#include "kit/figures.h"
#include "kit/machine.h"
#include "kit/must.h"
#include "kit/options.h"
#include "proto/json_v1_shape.h"

enum { ROUND_BYTES = 256 << 10, LONG_BYTES = 16 << 10 };

static const struct sample {
	const char *what, *name, *line;
	const char *unit; /* repeated in place of the line's @ up to LONG_BYTES */
} samples[] = {
	{ "request", "ping", "{\"command\":\"ping\"}" },
	{ "request", "increment", "{\"command\":\"increment\",\"tree_name\":\"articles\",\"key\":12345}" },
	{ "request", "decrement", "{\"command\":\"decrement\",\"tree_name\":\"articles\",\"key\":12345}" },
	{ "request", "sum", "{\"command\":\"sum\",\"tree_name\":\"articles\",\"key\":12345}" },
	{ "request", "sum_range",
	  "{\"command\":\"sum\",\"tree_name\":\"articles\",\"key\":12345,\"time_from\":20230701,\"time_to\":"
	  "20230731}" },
	{ "request", "find",
	  "{\"command\":\"find\",\"tree_name\":\"articles\",\"key\":12345,\"time_from\":20230701,\"time_to\":"
	  "20230731}" },
	{ "request", "long_key",
	  "{\"command\":\"increment\",\"tree_name\":\"articles\",\"key\":18446744073709551615}" },
	{ "odd", "blanks", "{ \"command\" : \"increment\", \"tree_name\" : \"articles\", \"key\" : 12345 }" },
	{ "odd", "other_order", "{\"key\":12345,\"tree_name\":\"articles\",\"command\":\"increment\"}" },
	{ "odd", "escaped_name", "{\"command\":\"increment\",\"tree_name\":\"\\u0430rticles\",\"key\":12345}" },
	{ "odd", "ignored_ascii", "{\"command\":\"ping\",\"note\":\"@\"}", "abcdefghijklmnopqrstuvwxyz" },
	{ "odd", "ignored_cyrillic", "{\"command\":\"ping\",\"note\":\"@\"}", "\xd0\xb0\xd0\xb1\xd0\xb2" },
	{ "odd", "ignored_escapes", "{\"command\":\"ping\",\"note\":\"@\"}", "\\n\\u00e9" },
};

static void
line_make(const struct sample *sample, struct buffer *line)
{
	const char *place = sample->unit == NULL ? NULL : strchr(sample->line, '@');

	buffer_init(line, SIZE_MAX);
	if (place == NULL) {
		buffer_append(line, sample->line, strlen(sample->line));
	} else {
		buffer_append(line, sample->line, (size_t)(place - sample->line));
		while (line->bytes < LONG_BYTES && !line->failed)
			buffer_append(line, sample->unit, strlen(sample->unit));
		buffer_append(line, place + 1, strlen(place + 1));
	}
	must(line->failed, "memory");
}

/* ns for all of a round. */
static uint64_t
round_run(const struct buffer *line, unsigned count, struct v1_shapes *shapes)
{
	static char memory[LONG_BYTES * 2];
	struct arena scratch = { .data = memory, .capacity = sizeof(memory) };
	struct v1_request request;
	struct v1_fault fault;
	uint64_t check = 0;
	const uint64_t start_ns = clock_ns();

	for (unsigned i = 0; i < count; i++) {
		arena_reset(&scratch);
		if (shapes == NULL
		        ? !json_v1_decode(line->data, line->bytes, &scratch, &request, &fault)
		        : !json_v1_decode_shaped(shapes, line->data, line->bytes, &scratch, &request, &fault))
			must(-1, fault.text);
		check += request.key + (uint64_t)request.command;
	}
	const uint64_t spent_ns = clock_ns() - start_ns;

	must(check == 0 ? -1 : 0, "decoded");
	return spent_ns;
}

static void
measure(const struct sample *sample, struct v1_shapes *shapes, double seconds)
{
	const double end = clock_seconds() + seconds;
	uint64_t best_ns = UINT64_MAX;
	struct buffer line;

	line_make(sample, &line);
	const unsigned count = (unsigned)(ROUND_BYTES / line.bytes);

	do {
		const uint64_t spent_ns = round_run(&line, count, shapes);

		best_ns = spent_ns < best_ns ? spent_ns : best_ns;
	} while (clock_seconds() < end);
	const double line_ns = (double)best_ns / count;

	figures_row(sample->what);
	figures_text("line", sample->name);
	figures_text("decoder", shapes == NULL ? "whole" : "shaped");
	figures_count("bytes", line.bytes);
	figures_real("per_s", 1e9 / line_ns);
	figures_real("ns", line_ns);
	figures_real("bytes_per_ns", (double)line.bytes / line_ns);
	figures_row_end();
	buffer_deinit(&line);
}

int
main(int argc, char **argv)
{
	double seconds = 0.5;
	const struct program_option table[] = {
		{ "seconds", OPTION_SECONDS, .seconds = &seconds, .help = "time for each line" },
	};
	const struct program program = {
		.name = "decode",
		.summary = "Measures the decoder of requests on one core.",
		.options = table,
		.option_count = sizeof(table) / sizeof(table[0]),
	};

	figures_begin(program.name, options_parse(&program, argc, argv));
	machine_pin(0);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		measure(&samples[i], NULL, seconds);
		if (strcmp(samples[i].what, "request") == 0)
			measure(&samples[i], &(struct v1_shapes){ 0 }, seconds);
	}
	return figures_end();
}
