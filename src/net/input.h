/*
 * input.h - the input of one connection, cut into lines
 *
 *   held                                segments
 *   [taken | whole lines | part]   ->   [taken | ...LF...] -> [...LF...] -> [...LF... part]
 *          ^start        ^lines_end            ^offset of the first
 *
 * Lines are used where the kernel put them. Only what can not be is copied to memory of the connection's own (`held`,
 * which comes before the segments): half a line at the end of a round, and everything, when the connection has to wait
 * for something, so that it keeps no receive buffer meanwhile.
 *
 * A line stays where it is, and valid, until the batch ends. So a batch begins with input_join() and then reads by a
 * cursor, which changes nothing; and ends with input_commit() for what was executed. Lines that were read and not
 * executed are read again in a later batch.
 *
 * One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

struct pool;
struct segments;

struct input {
	struct buffer held;
	size_t start;
	size_t lines_end;
	uint32_t offset;
	uint16_t first;
	uint16_t last;
	uint16_t count; /* of segments */
};

struct input_cursor {
	size_t held;
	uint32_t offset;
	uint16_t segment;
};

enum input_status {
	INPUT_LINE,
	INPUT_EMPTY,   /* no further whole line */
	INPUT_LATER,   /* there is more, for the next batch */
	INPUT_TOO_LONG /* a line longer than allowed; nothing behind it is of use */
};

struct input_rules {
	size_t line_bytes_max; /* without LF */
	bool last;             /* no more input will come: what is left is a line */
};

void input_init(struct input *input);

/* Takes the segment. */
void input_add(struct input *input, struct segments *segments, uint16_t index);

/* Input that has not been taken. */
size_t input_bytes(const struct input *input, const struct segments *segments);

/* Joins a line that is spread over pieces. Before a batch reads. False when memory is out; nothing is lost then. */
bool input_join(struct input *input, struct segments *segments, struct pool *pool);

struct input_cursor input_begin(const struct input *input);

/* INPUT_LINE: *ret_line is the next line without its LF, borrowed. INPUT_TOO_LONG: as much of it as there is. The cursor is
 * behind what was reported. */
enum input_status input_next(const struct input *input, const struct segments *segments,
                             const struct input_rules *rules, struct input_cursor *cursor, const char **ret_line,
                             size_t *ret_bytes);

/* Takes everything before the cursor. Lines before it are no longer valid. */
void input_commit(struct input *input, struct segments *segments, struct pool *pool, const struct input_cursor *cursor);

/* Copies what is left, so that no segment is kept. Like input_join() when memory is out. */
bool input_hold(struct input *input, struct segments *segments, struct pool *pool);

/* Throws everything away. */
void input_clear(struct input *input, struct segments *segments, struct pool *pool);
