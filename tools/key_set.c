#include "key_set.h"

#include <errno.h>

#include "base/memory.h"

enum { CAPACITY_FIRST = 64 };

void
key_set_deinit(struct key_set *set)
{
	mem_free(set->slots);
	*set = (struct key_set){ 0 };
}

/* The slot that holds the key, or the free one where it belongs. */
static uint64_t *
slot_of(uint64_t *slots, size_t capacity, uint64_t key)
{
	uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);
	size_t index = (size_t)(hash ^ hash >> 32);

	while (slots[index & (capacity - 1)] != 0 && slots[index & (capacity - 1)] != key)
		index++;
	return &slots[index & (capacity - 1)];
}

static int
grow(struct key_set *set)
{
	size_t capacity = set->capacity > 0 ? 2 * set->capacity : CAPACITY_FIRST;
	uint64_t *slots = capacity > SIZE_MAX / sizeof(*slots) ? NULL : mem_alloc_zeroed(capacity * sizeof(*slots));

	if (slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < set->capacity; i++) {
		if (set->slots[i] != 0)
			*slot_of(slots, capacity, set->slots[i]) = set->slots[i];
	}
	mem_free(set->slots);
	set->slots = slots;
	set->capacity = capacity;
	return 0;
}

int
key_set_add(struct key_set *set, uint64_t key)
{
	if (key == 0) {
		bool there = set->has_zero;

		set->has_zero = true;
		return there;
	}
	if (set->count >= set->capacity / 4 * 3 && grow(set) < 0)
		return -ENOMEM;
	uint64_t *slot = slot_of(set->slots, set->capacity, key);

	if (*slot == key)
		return 1;
	*slot = key;
	set->count++;
	return 0;
}
