#include "engine/key_record.h"

#include "base/memory.h"
#include "base/mutant.h"

void
key_record_init(struct key_record *record, uint64_t key, uint64_t generation, uint32_t state)
{
	uint64_t parity = word_parity_of(generation);

	/* Plain stores in effect: nobody sees the record before E1. */
	record->key = key;
	atomic_init(&record->total, parity);
	for (int i = 0; i < INLINE_SLOTS; i++) {
		atomic_init(&record->word[i], parity | WORD_ABSENT);
		atomic_init(&record->day[i], 0);
	}
	atomic_init(&record->state, state);
	atomic_init(&record->newest, NULL);
}

void
key_record_free_blocks(struct key_record *record)
{
	struct day_block *block = atomic_load_explicit(&record->newest, memory_order_acquire);

	while (block != NULL) {
		struct day_block *older = atomic_load_explicit(&block->older, memory_order_acquire);

		mem_free(block);
		block = older;
	}
	atomic_store_explicit(&record->newest, NULL, memory_order_relaxed);
}

static struct day_block *
block_create(uint32_t slot_count, uint64_t generation, struct day_block *older)
{
	struct day_block *block = mem_alloc(day_block_bytes(slot_count));

	if (block == NULL)
		return NULL;
	atomic_init(&block->older, older);
	block->slot_count = slot_count;
	_Atomic uint64_t *words = day_block_words(block);

	for (uint32_t i = 0; i < slot_count; i++) {
		atomic_init(&block->day[i], 0);
		atomic_init(&words[i], word_parity_of(generation) | WORD_ABSENT);
	}
	return block;
}

struct day_block *
key_record_push_block(struct key_record *record, uint32_t slot_count, uint64_t generation)
{
	struct day_block *older = atomic_load_explicit(&record->newest, memory_order_relaxed);
	struct day_block *block = block_create(slot_count, generation, older);

	if (block != NULL)
		atomic_store_explicit(&record->newest, block, memory_order_release); /* E2 */
	return block;
}

static uint32_t
next_slot_count(const struct day_block *newest)
{
	if (newest == NULL)
		return BLOCK_SLOTS_FIRST;
	uint32_t count = newest->slot_count < BLOCK_SLOTS_FIRST ? BLOCK_SLOTS_FIRST : newest->slot_count * 2 + 4;

	return count < BLOCK_SLOTS_MAX ? count : BLOCK_SLOTS_MAX;
}

/* Puts a new block in front of `seen`, unless another thread was faster. False when memory is out. */
static bool
block_push(struct key_record *record, struct day_block *seen, uint64_t generation)
{
	struct day_block *block = block_create(next_slot_count(seen), generation, seen);

	if (block == NULL)
		return false;
	/* E2 release. No ABA: blocks are freed only after a grace period, and we are in a section. */
	if (!atomic_compare_exchange_strong_explicit(&record->newest, &seen, block, memory_order_acq_rel,
	                                             memory_order_relaxed))
		mem_free(block);
	return true;
}

static _Atomic uint64_t *
find_in(_Atomic uint32_t *days, _Atomic uint64_t *words, uint32_t count, uint32_t wanted)
{
	for (uint32_t i = 0; i < count; i++) {
		if (atomic_load_explicit(&days[i], memory_order_acquire) == wanted && /* E3 */
		    (atomic_load_explicit(&words[i], memory_order_acquire) & WORD_DEAD) == 0)
			return &words[i];
	}
	return NULL;
}

_Atomic uint64_t *
slot_find(struct key_record *record, uint32_t day)
{
	uint32_t wanted = day + 1;
	_Atomic uint64_t *word = find_in(record->day, record->word, INLINE_SLOTS, wanted);
	struct day_block *block = atomic_load_explicit(&record->newest, memory_order_acquire); /* E2 */

	while (word == NULL && block != NULL) {
		word = find_in(block->day, day_block_words(block), block->slot_count, wanted);
		block = atomic_load_explicit(&block->older, memory_order_acquire);
	}
	return word;
}

/*
 * Claims the first free slot of one array for a day, or finds that another thread claimed it for the same day. NULL: all
 * are taken by others. Every claim goes to the first free slot, so who meets `wanted` here meets the only claim of it.
 */
static _Atomic uint64_t *
slot_claim(_Atomic uint32_t *days, _Atomic uint64_t *words, uint32_t count, uint32_t wanted)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t seen = atomic_load_explicit(&days[i], memory_order_acquire);

		if (seen == 0 && atomic_compare_exchange_strong_explicit(&days[i], &seen, wanted, memory_order_acq_rel,
		                                                         memory_order_acquire))
			return &words[i];
		/* Lost or taken: `seen` is whose it is. A dead word is not it: its day is claimed anew. */
		if (seen == wanted && !MUTANT(NO_SLOT_REREAD) &&
		    (atomic_load_explicit(&words[i], memory_order_acquire) & WORD_DEAD) == 0)
			return &words[i];
	}
	return NULL;
}

_Atomic uint64_t *
slot_get(struct key_record *record, uint32_t day, uint64_t generation)
{
	for (;;) {
		/* Loaded before the search: if a block appears meanwhile, claiming in this one finds it full and we
		 * start over, so the search covers every block that claims could have gone to. */
		struct day_block *newest = atomic_load_explicit(&record->newest, memory_order_acquire); /* E2 */
		_Atomic uint64_t *word = slot_find(record, day);

		if (word != NULL)
			return word;
		word = newest == NULL ? slot_claim(record->day, record->word, INLINE_SLOTS, day + 1)
		                      : slot_claim(newest->day, day_block_words(newest), newest->slot_count, day + 1);
		if (word != NULL)
			return word;
		if (!block_push(record, newest, generation))
			return NULL;
	}
}

size_t
key_record_slot_count(struct key_record *record)
{
	size_t count = INLINE_SLOTS;
	struct day_block *block = atomic_load_explicit(&record->newest, memory_order_acquire);

	for (; block != NULL; block = atomic_load_explicit(&block->older, memory_order_acquire))
		count += block->slot_count;
	return count;
}

static uint64_t
slot_value(struct key_record *record, uint32_t day)
{
	_Atomic uint64_t *word = slot_find(record, day);

	return word == NULL ? 0 : word_value(atomic_load_explicit(word, memory_order_acquire));
}

uint64_t
key_record_total(struct key_record *record)
{
	uint64_t total = atomic_load_explicit(&record->total, memory_order_acquire);

	if ((total & WORD_DEAD) != 0)
		return 0;
	total = word_value(total);
	/* Acquire pairs with the fetch_or in difference_slot(): who sees the bit sees the slots. */
	if ((atomic_load_explicit(&record->state, memory_order_acquire) & RECORD_DIFFERS) == 0)
		return total;
	uint64_t below = slot_value(record, DAY_BELOW);

	total += slot_value(record, DAY_ABOVE);
	return total > below ? total - below : 0;
}
