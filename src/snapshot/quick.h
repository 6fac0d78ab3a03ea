/*
 * quick.h - the usual forms of MessagePack, read where they stand
 *
 * A dump is mostly small numbers and short names, which lie in the window as a whole; the general reader, which can be
 * interrupted anywhere, takes several times as long for them. What is not one of these forms, or may not be whole, is left to
 * it: all functions return false then and change nothing.
 */
#pragma once

#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "snapshot/source.h"

/* Type byte and up to 8 more. Between tokens the general reader holds nothing back. */
static inline bool
quick_has_number(const struct source *source)
{
	assert(source->tokens.plen == 0 && source->tokens.passthrough == 0);
	return source->left >= 1 + sizeof(uint64_t);
}

static inline void
quick_take(struct source *source, size_t bytes)
{
	source->token_offset = source->taken - source->left;
	source->next += bytes;
	source->left -= bytes;
}

static inline bool
quick_uint(struct source *source, uint64_t *ret)
{
	const uint8_t *at = (const uint8_t *)source->next;
	uint64_t wide;
	size_t bytes; /* behind the type byte */

	if (!quick_has_number(source))
		return false;
	if (*at < 0x80) { /* fixint */
		*ret = *at;
		quick_take(source, 1);
		return true;
	}
	if (*at < 0xcc || *at > 0xcf) /* uint 8, 16, 32, 64 */
		return false;
	bytes = (size_t)1 << (*at - 0xcc);
	memcpy(&wide, at + 1, sizeof(wide));
	*ret = be64toh(wide) >> (64 - 8 * bytes);
	quick_take(source, 1 + bytes);
	return true;
}

/* A fixmap whose entries fit into what is left of the file. */
static inline bool
quick_map(struct source *source, uint32_t *ret_entries)
{
	if (!quick_has_number(source))
		return false;
	uint8_t type = (uint8_t)*source->next;
	uint32_t entries = type & 0x0f;

	/* Those in the window are left of the file, too. */
	if ((type & 0xf0) != 0x80 || 2 * (size_t)entries > source->left - 1)
		return false;
	*ret_entries = entries;
	quick_take(source, 1);
	return true;
}

/* A fixstr; at most `capacity` of its bytes are kept. */
static inline bool
quick_str(struct source *source, char *ret, size_t capacity, size_t *ret_bytes)
{
	if (!quick_has_number(source))
		return false;
	const char *at = source->next;
	size_t bytes = (uint8_t)*at & 0x1f;

	if (((uint8_t)*at & 0xe0) != 0xa0 || bytes > source->left - 1)
		return false;
	memcpy(ret, at + 1, bytes < capacity ? bytes : capacity);
	*ret_bytes = bytes;
	quick_take(source, 1 + bytes);
	return true;
}
