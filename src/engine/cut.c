/*
 * Exact snapshot of one tree without a pause.
 *
 *   generation = g + 1; quiesce        from here on every writer starts in g + 1
 *   walk: every word still in g is carried over to g + 1 by CAS; its old value is what the snapshot gets
 *   settled = g + 1; quiesce           now no writer is left that could note for this cut
 *   drain the notes; complete the keys that writers touched while we walked
 *
 * Why each word is captured exactly once: it leaves parity g by one CAS, ours or a writer's, and whoever does it keeps the
 * old word. Why nothing is missing: an operation of generation g that changes a word already in g + 1 notes its delta, and
 * it belongs to a section that the first wait (if it looked before the walk) or the second (if its add landed on both sides)
 * waits for. Why nothing is too much: an operation of generation g + 1 meets only words in g + 1, its own CAS included.
 * Records, blocks and slots made in g + 1 carry its parity: they show up only through notes, of which there are none.
 *
 * A key none of whose words a writer touched is visited at once. One with a word in g + 1 is set aside: what the walk
 * captured of it joins the notes, and it is visited when all notes are in. So memory grows with the keys written during
 * the walk, not with the tree.
 */
#include <stdlib.h>
#include <string.h>

#include "base/give_way.h"
#include "base/memory.h"
#include "base/probe.h"
#include "engine/operation.h"

struct cut {
	struct tree *tree;
	uint64_t to; /* g + 1 */
	tree_cut_fn *visit;
	void *context;
	int result; /* the first failure: visits end, the cut goes on */
	unsigned passed;
	struct cut_summary summary;
	/* Captured words of the key the walk is at; the first is the total. */
	struct note *words;
	size_t word_count, word_capacity;
	/* Notes of keys set aside, the walk's and the writers'. */
	struct note *notes;
	size_t note_count, note_capacity;
	/* Of the key being visited. */
	struct cut_day *days;
	size_t day_capacity;
};

/* Grows an array to hold at least one more. */
static bool
grow(void **array, size_t count, size_t *capacity, size_t item_bytes)
{
	if (count < *capacity)
		return true;
	size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
	void *block = mem_realloc(*array, wanted * item_bytes);

	if (block == NULL)
		return false;
	*array = block;
	*capacity = wanted;
	return true;
}

static void
fail(struct cut *cut, int result)
{
	if (cut->result == 0)
		cut->result = result;
}

static void
push_note(struct cut *cut, const struct note *note)
{
	if (grow((void **)&cut->notes, cut->note_count, &cut->note_capacity, sizeof(*cut->notes)))
		cut->notes[cut->note_count++] = *note;
	else
		fail(cut, -ENOMEM);
}

/* ---- visiting ---- */

/* Folds one captured word into the key being put together. */
static void
fold(struct cut *cut, struct cut_key *key, uint32_t day, uint64_t raw)
{
	uint64_t value = word_value(raw);

	switch (day) {
	case DAY_OF_TOTAL:
		key->words.total = value;
		return;
	case DAY_ABOVE:
		key->words.above = value;
		return;
	case DAY_BELOW:
		key->words.below = value;
		return;
	default:
		break;
	}
	if (!word_is_present(raw))
		return;
	if (!grow((void **)&cut->days, key->day_count, &cut->day_capacity, sizeof(*cut->days))) {
		fail(cut, -ENOMEM);
		return;
	}
	cut->days[key->day_count++] = (struct cut_day){
		.day = day,
		.kept = (raw & WORD_ABSENT) == 0,
		.count = value,
	};
}

static void
visit_key(struct cut *cut, struct cut_key *key, bool unlisted)
{
	uint64_t above = key->words.total + key->words.above;

	key->total = above > key->words.below ? above - key->words.below : 0;
	key->days = cut->days;
	if (unlisted && key->words.total == 0 && key->day_count == 0)
		return;
	if (cut->result == 0)
		fail(cut, cut->visit(cut->context, key));
}

static bool
is_unlisted(struct key_record *record)
{
	/* Relaxed: see key_record_is_listed(). */
	return (atomic_load_explicit(&record->state, memory_order_relaxed) & RECORD_UNLISTED) != 0;
}

static void
visit_words(struct cut *cut, struct key_record *record)
{
	struct cut_key key = { .key = record->key };

	for (size_t i = 0; i < cut->word_count; i++)
		fold(cut, &key, cut->words[i].day, cut->words[i].raw);
	visit_key(cut, &key, is_unlisted(record));
}

static void
set_aside(struct cut *cut, struct key_record *record)
{
	for (size_t i = 0; i < cut->word_count; i++)
		push_note(cut, &cut->words[i]);
	if (is_unlisted(record))
		push_note(cut, &(struct note){ .key = record->key, .day = DAY_OF_TOTAL, .kind = NOTE_UNLISTED });
	cut->summary.keys_set_aside++;
}

/* ---- the walk ---- */

/* Carries a word over. True: *ret_old is the word as the snapshot must see it; false: a writer was faster (or made it). */
static bool
carry_over(const struct cut *cut, _Atomic uint64_t *word, uint64_t *ret_old)
{
	uint64_t parity = word_parity_of(cut->to);
	uint64_t seen = atomic_load_explicit(word, memory_order_acquire);

	while ((seen & WORD_PARITY) != parity) {
		if (atomic_compare_exchange_weak_explicit(word, &seen, (seen & ~WORD_PARITY) | parity,
		                                          memory_order_acq_rel, memory_order_acquire)) {
			*ret_old = seen;
			return true;
		}
	}
	return false;
}

static void
capture(struct cut *cut, uint64_t key, uint32_t day, uint64_t old)
{
	if (!grow((void **)&cut->words, cut->word_count, &cut->word_capacity, sizeof(*cut->words))) {
		fail(cut, -ENOMEM);
		return;
	}
	cut->words[cut->word_count++] = (struct note){ .tree_id = cut->tree->id,
		                                       .cut = cut->to,
		                                       .key = key,
		                                       .raw = word_raw(old, day),
		                                       .day = day,
		                                       .kind = NOTE_WORD };
}

static int
cut_record(void *context, struct key_record *record)
{
	struct cut *cut = context;
	struct slot_cursor cursor = { 0 };
	_Atomic uint32_t *day_field = NULL;
	_Atomic uint64_t *word = NULL;
	uint64_t old = 0;
	bool whole = true;

	give_way_now_and_then(&cut->passed);
	cut->word_count = 0;
	if (carry_over(cut, &record->total, &old))
		capture(cut, record->key, DAY_OF_TOTAL, old);
	else
		whole = false;
	cut->summary.by_walker += whole;
	while (slot_next(record, &cursor, &day_field, &word)) {
		if (!carry_over(cut, word, &old)) {
			whole = false;
			continue;
		}
		/* The day after the word: a word that holds a count was claimed before, and we see its day. */
		uint32_t day = atomic_load_explicit(day_field, memory_order_acquire); /* E3 */

		if (day == 0 || (old & WORD_DEAD) != 0)
			continue;
		cut->summary.by_walker++;
		if (word_is_present(old)) /* an absent one is what a word without a note is */
			capture(cut, record->key, day - 1, old);
	}
	if (whole)
		visit_words(cut, record);
	else
		set_aside(cut, record);
	return 0;
}

/* ---- the keys that writers touched ---- */

static void
take_note(void *context, const struct note *note)
{
	struct cut *cut = context;

	/* One cut at a time, and each drains all of its notes. */
	assert(note->tree_id == cut->tree->id && note->cut == cut->to);
	if (note->kind == NOTE_WORD)
		cut->summary.by_writers++;
	else
		cut->summary.deltas++;
	push_note(cut, note);
}

static void
drain_workers(struct cut *cut)
{
	struct engine *engine = cut->tree->engine;

	lock_take(&engine->workers_lock);
	for (struct engine_worker *worker = engine->workers; worker != NULL; worker = worker->next)
		note_drain(&worker->notes, take_note, cut);
	lock_release(&engine->workers_lock);
}

/* From here to the end of the cut a worker that ends leaves its notes behind. */
static void
cut_begin(struct engine *engine)
{
	lock_take(&engine->workers_lock);
	assert(!engine->cutting);
	engine->cutting = true;
	lock_release(&engine->workers_lock);
}

static void
cut_end(struct engine *engine)
{
	struct engine_worker **link = &engine->workers;

	lock_take(&engine->workers_lock);
	engine->cutting = false;
	while (*link != NULL) {
		struct engine_worker *worker = *link;

		if (worker->departed) {
			*link = worker->next;
			engine_worker_free(worker);
		} else {
			link = &worker->next;
		}
	}
	lock_release(&engine->workers_lock);
}

static int
by_key_and_day(const void *left, const void *right)
{
	const struct note *a = left, *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->day < b->day ? -1 : a->day > b->day;
}

/* Puts one key together from its notes, [first, end), sorted by day. */
static void
complete_key(struct cut *cut, const struct note *first, const struct note *end)
{
	struct cut_key key = { .key = first->key };
	bool captured = false, unlisted = false;

	while (first < end) {
		uint32_t day = first->day;
		uint64_t raw = day == DAY_OF_TOTAL ? 0 : WORD_ABSENT; /* a fresh word */
		unsigned words = 0;
		bool any = false;

		for (; first < end && first->day == day; first++) {
			if (first->kind == NOTE_UNLISTED) {
				unlisted = true;
			} else if (first->kind == NOTE_WORD) {
				/* The fresh word's part is replaced; deltas that came before in the order stay. */
				raw += first->raw - (day == DAY_OF_TOTAL ? 0 : WORD_ABSENT);
				words++;
				any = true;
			} else {
				raw += first->raw;
				any = true;
			}
		}
		assert(words <= 1);
		if (any) {
			captured = true;
			fold(cut, &key, day, raw & WORD_RAW_MASK);
		}
	}
	if (captured)
		visit_key(cut, &key, unlisted);
}

static void
complete_keys(struct cut *cut)
{
	struct note *end = cut->notes + cut->note_count;

	if (cut->note_count > 0)
		qsort(cut->notes, cut->note_count, sizeof(*cut->notes), by_key_and_day);
	for (struct note *first = cut->notes, *next; first < end; first = next) {
		for (next = first; next < end && next->key == first->key; next++)
			;
		complete_key(cut, first, next);
		give_way_now_and_then(&cut->passed);
	}
}

int
tree_cut(struct engine *engine, struct tree *tree, tree_cut_fn *visit, void *context, struct cut_summary *ret)
{
	struct cut cut = { .tree = tree, .visit = visit, .context = context };

	cut_begin(engine);
	cut.to = atomic_load_explicit(&tree->generation, memory_order_relaxed) + 1; /* written by this thread only */
	PROBE2(cut_begin, tree->id, cut.to);
	atomic_store_explicit(&tree->generation, cut.to, memory_order_seq_cst); /* G1 */
	if (!MUTANT(NO_FIRST_QUIESCE))
		epoch_quiesce();
	PROBE1(cut_quiesced, tree->id);
	(void)partition_walk(&tree->table, cut_record, &cut);
	PROBE2(cut_walked, tree->id, cut.summary.keys_set_aside);
	atomic_store_explicit(&tree->settled, cut.to, memory_order_seq_cst); /* G2 */
	if (!MUTANT(NO_SECOND_QUIESCE))
		epoch_quiesce();
	PROBE1(cut_settled, tree->id);
	drain_workers(&cut);
	PROBE2(cut_collected, tree->id, cut.note_count);
	complete_keys(&cut);
	PROBE2(cut_end, tree->id, cut.result);
	cut.summary.generation = cut.to - 1;
	*ret = cut.summary;
	mem_free(cut.words);
	mem_free(cut.notes);
	mem_free(cut.days);
	cut_end(engine);
	return cut.result;
}
