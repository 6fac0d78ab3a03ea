/*
 * json_v1_shape.h - decoding lines that look like an earlier one
 *
 * A client sends the same line again and again, with another key in it. What stood around the key of a line that was
 * decoded is kept as a shape; a line with the same bytes around its key means the same request with that key, and needs
 * two comparisons and the digits instead of a walk through JSON.
 *
 * Lines with a token are decoded each time, and nothing of them is kept.
 *
 * One thread at a time. Bounded: V1_SHAPES lines of at most V1_SHAPE_BYTES_MAX bytes, the oldest gives way.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/json_v1.h"

enum { V1_SHAPES = 4, V1_SHAPE_BYTES_MAX = 192 };

/* A text of the request: where it stands, from the start of the line or, behind the key, from the end of its digits. */
struct v1_shape_text {
	uint16_t offset;
	bool behind;
};

struct v1_shape {
	uint16_t before_bytes, after_bytes; /* around the digits of the key; both 0: nothing learned here yet */
	struct v1_shape_text command, tree;
	struct v1_request request; /* but for the key and where texts stand */
	char text[V1_SHAPE_BYTES_MAX];
};

/* All zero when nothing is known yet. */
struct v1_shapes {
	uint32_t latest; /* the one that fitted last */
	uint32_t oldest; /* the next to give way */
	struct v1_shape shape[V1_SHAPES];
};

/* json_v1_decode() with its contract and the same outcome on every line, quicker on those of a known shape. */
bool json_v1_decode_shaped(struct v1_shapes *shapes, const char *line, size_t bytes, struct arena *scratch,
                           struct v1_request *ret, struct v1_fault *ret_fault);
