/*
 * ledger.c - see ledger.h
 */
#include "ledger.h"
#include "harness.h"

#include <stdlib.h>

void
books_init(struct books *books, struct fields *fields, uint32_t ledger_count)
{
	*books = (struct books){ .fields = fields, .ledger_count = ledger_count };
	books->ledgers = calloc(ledger_count, sizeof(*books->ledgers));
	check(books->ledgers, "out of memory");
	books->tag_state = field_state_new(fields);
	books->generation_state = field_state_new(fields);
	for (uint32_t i = 0; i < ledger_count; i++) {
		struct effect_buffer *buffer = &books->ledgers[i].buffer;

		buffer->capacity = LEDGER_EFFECTS;
		buffer->effects = calloc(buffer->capacity, sizeof(*buffer->effects));
		check(buffer->effects, "out of memory");
	}
}

void
books_deinit(struct books *books)
{
	for (uint32_t i = 0; i < books->ledger_count; i++) {
		struct ledger *ledger = &books->ledgers[i];

		free(ledger->buffer.effects);
		for (int r = 0; r < LEDGER_RING; r++) {
			free(ledger->by_tag[r].entries);
			for (int f = 0; f < FIELDS; f++)
				free(ledger->by_generation[f][r].entries);
		}
	}
	free(books->ledgers);
	free(books->tag_state);
	free(books->generation_state);
	free(books->touched.entries);
}

static void
append(struct ledger_list *list, uint32_t word, uint64_t delta)
{
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? list->capacity * 2 : 1024;
		list->entries = realloc(list->entries, list->capacity * sizeof(*list->entries));
		check(list->entries, "out of memory");
	}
	list->entries[list->count++] = (struct ledger_entry){ .delta = delta, .word = word };
}

/* To the list of one tag or generation. */
static void
append_to(struct ledger_list *ring, uint64_t index, uint32_t word, uint64_t delta)
{
	struct ledger_list *list = &ring[index % LEDGER_RING];

	if (list->appended_for != index) {
		list->appended_for = index;
		list->appended = 0;
	}
	list->appended++;
	append(list, word, delta);
}

static uint32_t
effect_slot(const struct effect *effect)
{
	switch (effect->kind) {
	case EFFECT_DAY:
		return effect->day;
	case EFFECT_TOTAL:
		return SLOT_TOTAL;
	default:
		return SLOT_LISTED;
	}
}

static void
drain_one(struct books *books, struct ledger *ledger, const struct effect *effect)
{
	uint64_t tag = atomic_load_explicit(&books->closed_tag, memory_order_acquire); /* L2 */

	check(effect->tag > tag && effect->tag <= tag + 2, "an effect has the tag %lu, but %lu is closed", effect->tag,
	      tag);
	if (effect->kind > EFFECT_LISTED)
		return;
	uint32_t word = field_word(books->fields, effect->tree_id, effect->key, effect_slot(effect)), number;
	ptrdiff_t field = field_of_word(books->fields, word, &number) - books->fields->field;
	uint64_t generation = atomic_load_explicit(&books->closed_generation[field], memory_order_acquire); /* L2 */
	uint64_t delta = effect->kind == EFFECT_LISTED ? 1 : effect->delta;

	check(effect->generation > generation && effect->generation <= generation + 2,
	      "%s, key number %u: an effect has the generation %lu, but %lu is closed",
	      books->fields->field[field].name, number, effect->generation, generation);
	append_to(ledger->by_tag, effect->tag, word, delta);
	append_to(ledger->by_generation[field], effect->generation, word, delta);
}

void
ledger_drain(struct books *books, struct ledger *ledger)
{
	for (uint32_t i = 0; i < ledger->buffer.count; i++)
		drain_one(books, ledger, &ledger->buffer.effects[i]);
	ledger->buffer.count = 0;
	atomic_fetch_add_explicit(&ledger->drained, 1, memory_order_release); /* L1 */
}

static void
wait_for_closing(const struct ledger_list *ring, const _Atomic uint64_t *closed, const _Atomic bool *stop)
{
	for (int i = 0; i < LEDGER_RING; i++) {
		while (ring[i].appended > LEDGER_LIST_MAX &&
		       atomic_load_explicit(closed, memory_order_relaxed) < ring[i].appended_for &&
		       !atomic_load_explicit(stop, memory_order_relaxed))
			sleep_us(100);
	}
}

void
ledger_wait_for_room(struct books *books, struct ledger *ledger, const _Atomic bool *stop)
{
	wait_for_closing(ledger->by_tag, &books->closed_tag, stop);
	for (int f = 0; f < FIELDS; f++)
		wait_for_closing(ledger->by_generation[f], &books->closed_generation[f], stop);
}

/* How a word counts: with the absent bit or without. */
static uint64_t
word_mask(const struct fields *fields, uint32_t word)
{
	uint32_t number;
	const struct field *field = field_of_word(fields, word, &number);
	uint32_t index = (word - field->word_first) % field->words_per_key;

	return index < field->days + 2 ? WORD_BITS : WORD_VALUE;
}

static void
add_up(const struct fields *fields, uint64_t *state, struct ledger_list *list, struct ledger_list *touched)
{
	for (size_t i = 0; i < list->count; i++) {
		uint32_t word = list->entries[i].word;

		state[word] = (state[word] + list->entries[i].delta) & word_mask(fields, word);
		if (touched)
			append(touched, word, 0);
	}
	list->count = 0;
}

void
books_close_tag(struct books *books, uint64_t tag)
{
	books->touched.count = 0;
	for (uint32_t i = 0; i < books->ledger_count; i++) {
		struct ledger *ledger = &books->ledgers[i];

		(void)atomic_load_explicit(&ledger->drained, memory_order_acquire); /* L1 */
		add_up(books->fields, books->tag_state, &ledger->by_tag[tag % LEDGER_RING], &books->touched);
	}
	for (size_t i = 0; i < books->touched.count; i++) {
		uint32_t number;
		const struct field *field = field_of_word(books->fields, books->touched.entries[i].word, &number);

		field_judge(field, number, books->tag_state, "log up to epoch", tag);
	}
	field_judge_twins(books->fields, books->tag_state, "log up to epoch", tag);
	atomic_store_explicit(&books->closed_tag, tag, memory_order_release); /* L2 */
}

void
books_close_generation(struct books *books, uint32_t field, uint64_t generation)
{
	for (uint32_t i = 0; i < books->ledger_count; i++) {
		struct ledger *ledger = &books->ledgers[i];

		(void)atomic_load_explicit(&ledger->drained, memory_order_acquire); /* L1 */
		add_up(books->fields, books->generation_state, &ledger->by_generation[field][generation % LEDGER_RING],
		       NULL);
	}
	atomic_store_explicit(&books->closed_generation[field], generation, memory_order_release); /* L2 */
}
