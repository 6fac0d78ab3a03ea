/*
 * prefix_check.c - every prefix of the log is a state that could have been; see prefix.h
 *
 * The blocks are read once, from the first: after each one the state is that of a crash with this block as the last.
 */
#include "store/prefix.h"

#include "base/limits.h"
#include "engine/harness.h"
#include "wal/recover.h"

#include <stdlib.h>
#include <string.h>

#define WORD_BITS  ((UINT64_C(1) << 62) - 1)
#define VALUE_BITS ((UINT64_C(1) << 61) - 1)
#define ABSENT     (UINT64_C(1) << 61)

enum { ABOVE = PREFIX_DAYS, BELOW, WORDS };

struct state {
	uint64_t words[WORDS]; /* of days, and the two differences */
	uint64_t total;
	uint64_t touched; /* in this block */
};

struct replayed {
	struct prefix *prefix;
	struct state *keys;
	uint64_t epoch; /* of the last block */
	uint64_t tree_id;
	size_t claimed[WRITERS_MAX_HERE]; /* of each writer's claims, those that were looked for */
	struct prefix_sums *sums;
};

/* ---- records ---------------------------------------------------------------------------------------------------------- */

static uint64_t *
word_of(struct state *key, uint32_t day)
{
	if (day >= DAY_ABOVE)
		return &key->words[day == DAY_ABOVE ? ABOVE : BELOW];
	check(day >= PREFIX_DAY && day < PREFIX_DAY + PREFIX_DAYS, "a record of day %u", day);
	return &key->words[day - PREFIX_DAY];
}

static int
apply(void *context, const struct wal_record *record)
{
	struct replayed *replayed = context;

	replayed->sums->groups += record->last;
	if (record->kind == WAL_CREATE) {
		check(replayed->tree_id == 0, "a second tree");
		replayed->tree_id = record->tree_id;
		return 0;
	}
	check(record->key < KEYS && record->kind != WAL_DROP, "a record of kind %d and key %lu", record->kind,
	      record->key);
	struct state *key = &replayed->keys[record->key];

	key->touched = replayed->epoch;
	if (record->kind == WAL_ADD || record->kind == WAL_TOTAL)
		key->total = (key->total + record->delta) & VALUE_BITS;
	if (record->kind == WAL_ADD || record->kind == WAL_DAY) {
		uint64_t *word = word_of(key, record->day);

		*word = (*word + record->delta) & WORD_BITS;
	}
	return 0;
}

/* ---- what no prefix may show -------------------------------------------------------------------------------------------- */

static void
judge(const struct replayed *replayed, uint64_t number)
{
	const struct state *key = &replayed->keys[number];
	uint64_t sum = 0;

	for (int i = 0; i < WORDS; i++)
		check((key->words[i] & VALUE_BITS) <= COUNT_MAX, "epochs up to %lu: key %lu: word %d is negative: %ld",
		      replayed->epoch, number, i, (long)(key->words[i] << 3) >> 3);
	for (int i = 0; i < PREFIX_DAYS; i++)
		sum += key->words[i] & VALUE_BITS;
	uint64_t above = key->words[ABOVE] & VALUE_BITS, below = key->words[BELOW] & VALUE_BITS;

	check(key->total == sum, "epochs up to %lu: key %lu: total %lu, but its days make %lu", replayed->epoch, number,
	      key->total, sum);
	check(key->total + above >= below, "epochs up to %lu: key %lu: total shown %lu + %lu - %lu", replayed->epoch,
	      number, key->total, above, below);
	if (number >= KEY_LIMITED && number < KEY_GATED)
		check(sum <= PREFIX_LIMIT, "epochs up to %lu: key %lu: %lu is above the limit", replayed->epoch, number,
		      sum);
	if (number >= KEY_FILL)
		check(sum <= FILL_LIMIT, "epochs up to %lu: key %lu: %lu is above the limit", replayed->epoch, number,
		      sum);
}

static void
judge_block(const struct replayed *replayed)
{
	for (uint64_t key = 0; key < KEYS; key++) {
		if (replayed->keys[key].touched == replayed->epoch)
			judge(replayed, key);
		else if (key > KEY_FILL && key > atomic_load_explicit(&replayed->prefix->fill, memory_order_relaxed))
			break;
	}
	for (uint64_t key = KEY_GATED + 1; key < KEY_PRIVATE; key++)
		check(replayed->keys[key].total == replayed->keys[KEY_GATED].total,
		      "epochs up to %lu: a gated request is not whole: key %lu has %lu, key %d %lu", replayed->epoch,
		      key, replayed->keys[key].total, KEY_GATED, replayed->keys[KEY_GATED].total);
}

/* What was acknowledged before the next block was on disk stands in what is read so far. */
static void
look_for_claims(struct replayed *replayed, uint64_t next_epoch)
{
	for (uint32_t i = 0; i < replayed->prefix->writer_count; i++) {
		const struct claims *claims = &replayed->prefix->writers[i].claims;

		for (; replayed->claimed[i] < claims->count; replayed->claimed[i]++) {
			const struct claim *claim = &claims->claims[replayed->claimed[i]];

			if (claim->epoch >= next_epoch)
				break;
			check(replayed->keys[claim->key].total >= claim->least,
			      "a crash after epoch %lu: key %lu has %lu, and a reply told of %lu", claim->epoch,
			      claim->key, replayed->keys[claim->key].total, claim->least);
			replayed->sums->claims++;
		}
	}
}

static int
take_block(void *context, const struct wal_block_header *block, const uint8_t *payload)
{
	struct replayed *replayed = context;

	check(block->epoch > replayed->epoch, "epoch %lu after %lu", block->epoch, replayed->epoch);
	look_for_claims(replayed, block->epoch);
	replayed->epoch = block->epoch;
	check(wal_payload_each(payload, block->payload_bytes, apply, replayed) == 0, "the records of epoch %lu",
	      block->epoch);
	judge_block(replayed);
	replayed->sums->blocks++;
	return 0;
}

/* ---- the end --------------------------------------------------------------------------------------------------------------- */

static void
compare_end(struct replayed *replayed)
{
	struct tree *tree = engine_pin_tree(replayed->prefix->engine, "t", 1);

	check(tree_id(tree) == replayed->tree_id, "tree %lu", replayed->tree_id);
	for (uint64_t key = 0; key < KEYS; key++) {
		const struct state *state = &replayed->keys[key];
		uint64_t shown = state->total + (state->words[ABOVE] & VALUE_BITS) - (state->words[BELOW] & VALUE_BITS);

		check(tree_total(tree, key) == shown, "at the end, key %lu: total %lu, by the log %lu", key,
		      tree_total(tree, key), shown);
		for (uint32_t i = 0; i < PREFIX_DAYS; i++)
			check(tree_sum_range(tree, key, PREFIX_DAY + i, PREFIX_DAY + i) ==
			          (state->words[i] & VALUE_BITS),
			      "at the end, key %lu: day %u differs", key, i);
	}
}

void
prefix_check(struct prefix *prefix, const uint8_t *identity, uint64_t sequence, struct prefix_sums *sums)
{
	struct wal_recover_options options = { .device = memory_device_wal(prefix->memory),
		                               .sequence_first = sequence };
	struct replayed replayed = { .prefix = prefix, .sums = sums };
	struct wal_recovered recovered;
	struct wal_fault fault;

	memcpy(options.identity, identity, sizeof(options.identity));
	replayed.keys = calloc(KEYS, sizeof(*replayed.keys));
	check(replayed.keys, "out of memory");
	for (uint64_t key = 0; key < KEYS; key++) {
		for (int i = 0; i < WORDS; i++)
			replayed.keys[key].words[i] = ABSENT;
	}
	check(wal_recover(&options, take_block, &replayed, &recovered, &fault) == 0, "%s", fault.text);
	look_for_claims(&replayed, UINT64_MAX);
	compare_end(&replayed);
	free(replayed.keys);
}
