/*
 * checksum.h - XXH3, 64 bits: what tells a damaged file from a whole one
 *
 * Not a cryptographic hash: it finds accidents, not forgeries. The value is a number; where it is written its bytes
 * are named by the format, so files move between machines.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct checksum;

/* Returns NULL when there is no memory. The checksum of nothing, ready for checksum_add(). */
struct checksum *checksum_create(void);

/* Takes checksum; NULL is fine. */
void checksum_destroy(struct checksum *checksum);

/* Adds bytes behind those before; data may be NULL when there are none. */
void checksum_add(struct checksum *checksum, const void *data, size_t bytes);

/* The value of all bytes so far; more may be added. */
uint64_t checksum_value(const struct checksum *checksum);

/* The value of bytes that stand together in memory. */
uint64_t checksum_of(const void *data, size_t bytes);

/* The value of bytes that stand in several places, in their order. Takes no memory. */
struct checksum_piece {
	const void *data; /* may be NULL when there are no bytes */
	size_t bytes;
};
uint64_t checksum_of_pieces(const struct checksum_piece *pieces, size_t count);
