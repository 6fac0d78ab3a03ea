#include "engine/note.h"

#include <assert.h>
#include <errno.h>

#include "base/memory.h"

static struct note_chunk *
chunk_create(void)
{
	struct note_chunk *chunk = mem_alloc(sizeof(*chunk));

	if (chunk != NULL) {
		atomic_init(&chunk->next, NULL);
		atomic_init(&chunk->count, 0);
	}
	return chunk;
}

int
note_list_init(struct note_list *list)
{
	*list = (struct note_list){ .tail = chunk_create(), .room = NOTE_CHUNK };
	list->head = list->tail;
	return list->tail == NULL ? -ENOMEM : 0;
}

static void
free_chain(struct note_chunk *chunk)
{
	while (chunk != NULL) {
		struct note_chunk *next = atomic_load_explicit(&chunk->next, memory_order_acquire);

		mem_free(chunk);
		chunk = next;
	}
}

void
note_list_deinit(struct note_list *list)
{
	free_chain(list->head);
	free_chain(list->spare);
	*list = (struct note_list){ 0 };
}

bool
note_reserve_slow(struct note_list *list, size_t count)
{
	while (list->room < count) {
		struct note_chunk *chunk = chunk_create();

		if (chunk == NULL)
			return false;
		/* Relaxed: nobody else sees a spare chunk. */
		atomic_store_explicit(&chunk->next, list->spare, memory_order_relaxed);
		list->spare = chunk;
		list->room += NOTE_CHUNK;
	}
	return true;
}

static void
link_spare(struct note_list *list)
{
	struct note_chunk *chunk = list->spare;

	assert(chunk != NULL);
	list->spare = atomic_load_explicit(&chunk->next, memory_order_relaxed);
	atomic_store_explicit(&chunk->next, NULL, memory_order_relaxed);
	/* Release: the consumer that follows `next` sees the chunk empty and final. */
	atomic_store_explicit(&list->tail->next, chunk, memory_order_release);
	list->tail = chunk;
}

void
note_add(struct note_list *list, const struct note *note)
{
	assert(list->room > 0);
	uint32_t count = atomic_load_explicit(&list->tail->count, memory_order_relaxed); /* written by us only */

	if (count == NOTE_CHUNK) {
		link_spare(list);
		count = 0;
	}
	list->tail->notes[count] = *note;
	atomic_store_explicit(&list->tail->count, count + 1, memory_order_release); /* N1 */
	list->room--;
}

void
note_drain(struct note_list *list, void (*visit)(void *context, const struct note *note), void *context)
{
	for (;;) {
		uint32_t count = atomic_load_explicit(&list->head->count, memory_order_acquire); /* N1 */

		for (; list->consumed < count; list->consumed++)
			visit(context, &list->head->notes[list->consumed]);
		struct note_chunk *next = atomic_load_explicit(&list->head->next, memory_order_acquire);

		/* Only a full chunk has a next, and what was behind `count` is in it. */
		if (next == NULL)
			return;
		count = atomic_load_explicit(&list->head->count, memory_order_acquire);
		if (list->consumed < count)
			continue;
		mem_free(list->head);
		list->head = next;
		list->consumed = 0;
	}
}
