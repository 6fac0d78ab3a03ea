/*
 * tag.h - what comes back with a completion: operation, slot, generation
 *
 *   63       56 55                32 31                 0
 *   +----------+--------------------+--------------------+
 *   | operation|        slot        |     generation     |
 *   +----------+--------------------+--------------------+
 *
 * Packed and unpacked here only. A slot is used again by later connections, a generation is not: whoever gets a tag
 * compares both, so a completion (or a reply) that comes late meets a newer generation and is dropped. Generations of
 * a worker wrap after 2^32 connections; a stale tag would have to stay under way for all of them.
 */
#pragma once

#include <assert.h>
#include <stdint.h>

enum operation {
	OPERATION_ACCEPT, /* slot: index of the listener */
	OPERATION_RECEIVE,
	OPERATION_SEND,
	OPERATION_HANGUP,
	OPERATION_CLOSE,
	OPERATION_REPLY, /* a request that is pending in command/ */
	OPERATION_CANCEL,
	OPERATION_WAKE,
	OPERATION_TIMER,
};

enum { TAG_SLOT_BITS = 24, TAG_SLOTS = 1 << TAG_SLOT_BITS };

struct tag {
	enum operation operation;
	uint32_t slot;
	uint32_t generation;
};

static inline uint64_t
tag_pack(enum operation operation, uint32_t slot, uint32_t generation)
{
	assert(slot < TAG_SLOTS);
	return (uint64_t)operation << 56 | (uint64_t)slot << 32 | generation;
}

static inline struct tag
tag_unpack(uint64_t packed)
{
	return (struct tag){
		.operation = (enum operation)(packed >> 56),
		.slot = (uint32_t)(packed >> 32) & (TAG_SLOTS - 1),
		.generation = (uint32_t)packed,
	};
}
