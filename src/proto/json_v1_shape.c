/*
 * json_v1_shape.c - decoding lines that look like an earlier one
 *
 * Why the outcome is that of json_v1_decode(). The decoder walks forward and knows nothing but what it has passed. Let a line
 * have been taken with `before`, the digits of the last `key` that counts, `after`. Another line of `before`, digits,
 * `after` takes it to the same place with the same state; there it reads all of the digits, since `after` is the same and
 * does not start with a digit (the decoder had stopped there), `.`, `e` or `E` (it would have refused); and goes on through
 * the same bytes to the same end. Digits that it might refuse or read in part (a leading zero, 2^64 and more) are left to it.
 * A text without escapes borrows from the line, so it stands at the same place, from the start or from the end of the digits;
 * a line with an escape in one of its texts is not learned.
 *
 * Nor is one with a token. A shape is compared with lines of every client of the worker, byte by byte up to the first that
 * differs, and the time that takes would tell of the token.
 */
#include "proto/json_v1_shape.h"

#include <assert.h>
#include <string.h>

enum { DIGITS_MAX = 20 }; /* of the largest key */
static_assert(V1_SHAPE_BYTES_MAX < UINT16_MAX, "offsets within a shape fit");

static bool
is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* Exactly `count` digits that are a number of 64 bits. Nineteen always fit; only the twentieth is added with care. */
static bool
read_digits(const char *digits, size_t count, uint64_t *ret)
{
	const size_t sure_count = count < DIGITS_MAX ? count : DIGITS_MAX - 1;
	uint64_t value = 0;

	if (count == 0 || count > DIGITS_MAX || (digits[0] == '0' && count > 1))
		return false;
	for (size_t i = 0; i < sure_count; i++) {
		if (!is_digit(digits[i]))
			return false;
		value = value * 10 + (uint64_t)(digits[i] - '0');
	}
	if (sure_count < count && (!is_digit(digits[sure_count]) || __builtin_mul_overflow(value, 10, &value) ||
	                           __builtin_add_overflow(value, (uint64_t)(digits[sure_count] - '0'), &value)))
		return false;
	*ret = value;
	return true;
}

static const char *
text_at(struct v1_shape_text text, const char *line, const char *after)
{
	return (text.behind ? after : line) + text.offset;
}

static bool
shape_fits(const struct v1_shape *shape, const char *line, size_t bytes, struct v1_request *ret)
{
	const size_t around_bytes = (size_t)shape->before_bytes + shape->after_bytes;
	uint64_t key = 0;

	if (bytes <= around_bytes || memcmp(line, shape->text, shape->before_bytes) != 0)
		return false;
	const char *after = line + bytes - shape->after_bytes;
	const char *digits = line + shape->before_bytes;

	if (memcmp(after, shape->text + shape->before_bytes, shape->after_bytes) != 0 ||
	    !read_digits(digits, (size_t)(after - digits), &key))
		return false;
	*ret = shape->request;
	ret->key = key;
	ret->command_text.data = text_at(shape->command, line, after);
	if (ret->has_tree)
		ret->tree.data = text_at(shape->tree, line, after);
	return true;
}

/* False when the text does not borrow from the line. */
static bool
learn_text(struct text text, const char *line, const char *after, size_t bytes, struct v1_shape_text *ret)
{
	const uintptr_t first = (uintptr_t)text.data; /* elsewhere, perhaps */

	if (first < (uintptr_t)line || first >= (uintptr_t)line + bytes)
		return false;
	ret->behind = text.data >= after;
	ret->offset = (uint16_t)(text.data - (ret->behind ? after : line));
	return true;
}

static void
learn(struct v1_shapes *shapes, const char *line, size_t bytes, const struct v1_request *request)
{
	struct v1_shape shape = { .request = *request };

	if (!request->has_key || request->has_token || request->key_offset > V1_SHAPE_BYTES_MAX)
		return;
	const char *after = line + request->key_offset;

	while (after < line + bytes && is_digit(*after))
		after++;
	const size_t before_bytes = request->key_offset;
	const size_t after_bytes = (size_t)(line + bytes - after);

	if (before_bytes + after_bytes > V1_SHAPE_BYTES_MAX ||
	    !learn_text(request->command_text, line, after, bytes, &shape.command) ||
	    (request->has_tree && !learn_text(request->tree, line, after, bytes, &shape.tree)))
		return;
	shape.before_bytes = (uint16_t)before_bytes;
	shape.after_bytes = (uint16_t)after_bytes;
	memcpy(shape.text, line, before_bytes);
	memcpy(shape.text + before_bytes, after, after_bytes);
	shapes->latest = shapes->oldest;
	shapes->shape[shapes->latest] = shape;
	shapes->oldest = (shapes->oldest + 1) % V1_SHAPES;
}

bool
json_v1_decode_shaped(struct v1_shapes *shapes, const char *line, size_t bytes, struct arena *scratch,
                      struct v1_request *ret, struct v1_fault *ret_fault)
{
	for (uint32_t i = 0; i < V1_SHAPES; i++) {
		const uint32_t index = (shapes->latest + i) % V1_SHAPES;
		const struct v1_shape *shape = &shapes->shape[index];

		if (shape->before_bytes > 0 && shape_fits(shape, line, bytes, ret)) {
			shapes->latest = index;
			return true;
		}
	}
	if (!json_v1_decode(line, bytes, scratch, ret, ret_fault))
		return false;
	learn(shapes, line, bytes, ret);
	return true;
}
