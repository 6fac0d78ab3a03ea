/*
 * map_entry.h - what stands in a map: the address of a record with a part of its key's hash around it
 *
 *   63      48 47                    6 5      0
 *   tag 21…6   address of the record   tag 5…0
 *
 * With bare addresses every record that a probe passes by is a cache miss, and so is every record of a map that grows,
 * since its key has to be hashed again. The tag tells most others apart without a look at them (all but one in 128 of
 * those that share the wanted slot of a map of 32 k slots), and a map is grown from its entries alone.
 *
 * ck_hs sees numbers (DIRECT mode), whose hash is made of the tag. A tree would need 1.3 billion keys until its maps
 * have more slots than there are tags; beyond that they work, with longer probes. Keys that share tag and partition are a chain
 * whatever the size of the map; the hash has a secret, so that nobody can choose them (key_hash()).
 *
 * Free bits: a record is a cache line, and Linux gives addresses above 47 bits (x86-64) or 48 bits (AArch64) only to
 * who asks for them. Neither of ck_hs's marks can come up: an empty slot is 0, a removed one all ones.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/key_record.h"

enum { ENTRY_TAG_LOW_BITS = 6, ENTRY_TAG_HIGH_AT = 48 };

#define ENTRY_TAG_LOW  ((UINT64_C(1) << ENTRY_TAG_LOW_BITS) - 1)
#define ENTRY_TAG_HIGH (UINT64_C(0xffff) << ENTRY_TAG_HIGH_AT)
#define ENTRY_TAG      (ENTRY_TAG_HIGH | ENTRY_TAG_LOW)

static_assert(sizeof(struct key_record) == 1 << ENTRY_TAG_LOW_BITS,
              "aligned to its size, a record has the low bits free");
static_assert(sizeof(void *) == sizeof(uint64_t), "addresses have the high bits free");

/* The tag of a key's hash, where it stands in an entry. */
static inline uint64_t
entry_tag(uint64_t hash)
{
	return (hash & ENTRY_TAG_LOW) | ((hash >> ENTRY_TAG_LOW_BITS) << ENTRY_TAG_HIGH_AT);
}

/* What ck_hs takes for the hash of an entry with this tag: distinct in any low bits that the tag is distinct in. */
static inline uint64_t
entry_tag_hash(uint64_t tag)
{
	uint64_t bits = (tag & ENTRY_TAG_LOW) | ((tag >> ENTRY_TAG_HIGH_AT) << ENTRY_TAG_LOW_BITS);

	return bits * UINT64_C(0x9e3779b97f4a7c15); /* odd, so it keeps them apart and carries them to the high bits */
}

/* Of a record, or of anything as aligned whose first member is the key. */
static inline const void *
entry_make(const void *record, uint64_t tag)
{
	assert(((uintptr_t)record & ENTRY_TAG) == 0);
	return (const void *)((uintptr_t)record | tag); /* NOLINT(performance-no-int-to-ptr) */
}

static inline struct key_record *
entry_record(const void *entry)
{
	return (struct key_record *)((uintptr_t)entry & ~ENTRY_TAG); /* NOLINT(performance-no-int-to-ptr) */
}

static inline bool
entry_has_tag(const void *entry, uint64_t tag)
{
	return (((uintptr_t)entry ^ tag) & ENTRY_TAG) == 0;
}
