/*
 * request_generator.h - random request lines: valid ones of every shape, and ones with something broken
 *
 * The same seed always makes the same line.
 */
#pragma once

#include <stdint.h>

#include "base/buffer.h"

/* Replaces what is in `line`. */
void request_generate(uint64_t seed, struct buffer *line);
