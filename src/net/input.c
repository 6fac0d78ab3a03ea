#include "net/input.h"

#include <assert.h>
#include <string.h>

#include "net/pool.h"
#include "net/segment.h"

void
input_init(struct input *input)
{
	*input = (struct input){ .first = SEGMENT_NONE, .last = SEGMENT_NONE };
	/* Bounded by who feeds it: a connection stops receiving long before (see conn_settle()). */
	buffer_init(&input->held, SIZE_MAX / 2);
}

void
input_add(struct input *input, struct segments *segments, uint16_t index)
{
	assert(segments->at[index].bytes > 0);
	if (input->first == SEGMENT_NONE) {
		assert(input->offset == 0);
		input->first = index;
	} else {
		segments->at[input->last].next = index;
	}
	input->last = index;
	input->count++;
}

size_t
input_bytes(const struct input *input, const struct segments *segments)
{
	size_t bytes = input->held.bytes - input->start - input->offset;

	for (uint16_t i = input->first; i != SEGMENT_NONE; i = segments->at[i].next)
		bytes += segments->at[i].bytes;
	return bytes;
}

static void
input_pop_segment(struct input *input, struct segments *segments)
{
	uint16_t index = input->first;

	assert(index != SEGMENT_NONE);
	input->first = segments->at[index].next;
	input->offset = 0;
	input->count--;
	if (input->first == SEGMENT_NONE)
		input->last = SEGMENT_NONE;
	segment_put(segments, index);
}

/* Moves `bytes` of the first segment to held. */
static bool
input_move(struct input *input, struct segments *segments, struct pool *pool, size_t bytes)
{
	const struct segment *segment = &segments->at[input->first];

	assert(bytes <= segment->bytes - input->offset);
	if (input->held.data == NULL && !pool_get(pool, &input->held))
		return false;
	buffer_append(&input->held, segment->data + input->offset, bytes);
	if (input->held.failed) {
		buffer_truncate(&input->held, input->held.bytes);
		return false;
	}
	input->offset += (uint32_t)bytes;
	if (input->offset == segment->bytes)
		input_pop_segment(input, segments);
	return true;
}

/* Drops what was taken from held, and its memory when nothing is left. */
static void
input_compact(struct input *input, struct pool *pool)
{
	size_t left = input->held.bytes - input->start;

	if (left > 0 && input->start > 0)
		memmove(input->held.data, input->held.data + input->start, left);
	buffer_truncate(&input->held, left);
	input->lines_end -= input->start;
	input->start = 0;
	if (left == 0)
		pool_put(pool, &input->held);
}

bool
input_join(struct input *input, struct segments *segments, struct pool *pool)
{
	if (input->start < input->lines_end)
		return true;
	input_compact(input, pool);
	while (input->first != SEGMENT_NONE) {
		const struct segment *segment = &segments->at[input->first];
		const char *rest = segment->data + input->offset;
		size_t rest_bytes = segment->bytes - input->offset;
		const char *end = memchr(rest, '\n', rest_bytes);

		if (input->held.bytes == 0 && (end != NULL || segment->next == SEGMENT_NONE))
			break; /* it can be used where it is */
		if (!input_move(input, segments, pool, end != NULL ? (size_t)(end + 1 - rest) : rest_bytes))
			return false;
		if (end != NULL) {
			input->lines_end = input->held.bytes;
			break;
		}
	}
	return true;
}

struct input_cursor
input_begin(const struct input *input)
{
	return (struct input_cursor){ .held = input->start, .offset = input->offset, .segment = input->first };
}

static enum input_status
input_line(size_t bytes, const struct input_rules *rules)
{
	return bytes > rules->line_bytes_max ? INPUT_TOO_LONG : INPUT_LINE;
}

/* Whole lines first, then the part behind them, which is the end of all input or goes on in a segment. */
static enum input_status
input_next_held(const struct input *input, const struct input_rules *rules, struct input_cursor *cursor,
                const char **ret_line, size_t *ret_bytes)
{
	const char *line = input->held.data + cursor->held;
	size_t rest = input->held.bytes - cursor->held;

	if (cursor->held < input->lines_end) {
		const char *end = memchr(line, '\n', input->lines_end - cursor->held);

		assert(end != NULL);
		*ret_line = line;
		*ret_bytes = (size_t)(end - line);
		cursor->held += *ret_bytes + 1;
		return input_line(*ret_bytes, rules);
	}
	*ret_line = line;
	*ret_bytes = rest;
	if (rest > rules->line_bytes_max)
		return INPUT_TOO_LONG;
	if (cursor->segment != SEGMENT_NONE)
		return INPUT_LATER;
	if (!rules->last)
		return INPUT_EMPTY;
	cursor->held += rest;
	return INPUT_LINE;
}

static enum input_status
input_next_segment(const struct segments *segments, const struct input_rules *rules, struct input_cursor *cursor,
                   const char **ret_line, size_t *ret_bytes)
{
	const struct segment *segment = &segments->at[cursor->segment];
	const char *line = segment->data + cursor->offset;
	size_t rest = segment->bytes - cursor->offset;
	const char *end = memchr(line, '\n', rest);

	assert(rest > 0);
	*ret_line = line;
	if (end == NULL) {
		*ret_bytes = rest;
		if (rest > rules->line_bytes_max)
			return INPUT_TOO_LONG;
		if (segment->next != SEGMENT_NONE)
			return INPUT_LATER;
		if (!rules->last)
			return INPUT_EMPTY;
		end = line + rest;
	}
	*ret_bytes = (size_t)(end - line);
	cursor->offset += (uint32_t)*ret_bytes + 1;
	if (cursor->offset >= segment->bytes) {
		cursor->segment = segment->next;
		cursor->offset = 0;
	}
	return input_line(*ret_bytes, rules);
}

enum input_status
input_next(const struct input *input, const struct segments *segments, const struct input_rules *rules,
           struct input_cursor *cursor, const char **ret_line, size_t *ret_bytes)
{
	if (cursor->held < input->held.bytes)
		return input_next_held(input, rules, cursor, ret_line, ret_bytes);
	if (cursor->segment != SEGMENT_NONE)
		return input_next_segment(segments, rules, cursor, ret_line, ret_bytes);
	return INPUT_EMPTY;
}

void
input_commit(struct input *input, struct segments *segments, struct pool *pool, const struct input_cursor *cursor)
{
	assert(cursor->held >= input->start);
	assert(cursor->held <= input->held.bytes);
	input->start = cursor->held;
	while (input->first != cursor->segment)
		input_pop_segment(input, segments);
	input->offset = cursor->offset;
	if (input->start > input->lines_end)
		input->lines_end = input->start; /* the part was taken as the last line */
	if (input->start == input->held.bytes)
		input_compact(input, pool);
}

bool
input_hold(struct input *input, struct segments *segments, struct pool *pool)
{
	if (input->first == SEGMENT_NONE)
		return true;
	input_compact(input, pool);
	while (input->first != SEGMENT_NONE) {
		size_t before = input->held.bytes;

		if (!input_move(input, segments, pool, segments->at[input->first].bytes - input->offset))
			return false;
		const char *end = memrchr(input->held.data + before, '\n', input->held.bytes - before);

		if (end != NULL)
			input->lines_end = (size_t)(end + 1 - input->held.data);
	}
	return true;
}

void
input_clear(struct input *input, struct segments *segments, struct pool *pool)
{
	while (input->first != SEGMENT_NONE)
		input_pop_segment(input, segments);
	buffer_truncate(&input->held, 0);
	input->start = 0;
	input->lines_end = 0;
	pool_put(pool, &input->held);
}
