/*
 * request_generator.h - random request lines: valid ones of every shape, and ones with something broken
 *
 * The same seed always makes the same line.
 */
#pragma once

#include <stdint.h>

#include "base/buffer.h"

/* Each replaces what is in `line`. */
void request_generate(uint64_t seed, struct buffer *line);
void request_generate_v2(uint64_t seed, struct buffer *line);
