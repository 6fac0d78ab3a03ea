/*
 * note.h - what a writer leaves for the snapshot that passes it by
 *
 * One list per worker: an unbounded queue of chunks with one producer (the worker) and one consumer (the cut), bounded by
 * the words there are, since each word is captured once per cut. Room is reserved before an operation begins, so that
 * noting never allocates.
 *
 * Edge N1: note_add() fills a note, then stores `count` with release -> note_drain() loads `count` with acquire.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOTE_DAY_TOTAL UINT32_MAX /* the note is about the total word */

enum note_kind {
	NOTE_WORD,  /* raw is the word as the cut must see it: captured */
	NOTE_DELTA, /* raw is to be added: part of an operation older than the cut, done to a word the cut had passed */
	NOTE_UNLISTED, /* the key is not shown unless it comes out with a count (by the walk) */
};

struct note {
	uint64_t tree_id;
	uint64_t cut; /* the generation the cut leads to */
	uint64_t key;
	uint64_t raw;
	uint32_t day;
	uint32_t kind;
};

enum { NOTE_CHUNK = 255 };

struct note_chunk {
	_Atomic(struct note_chunk *) next;
	_Atomic uint32_t count; /* N1 */
	struct note notes[NOTE_CHUNK];
};

struct note_list {
	/* The worker's. */
	struct note_chunk *tail;
	struct note_chunk *spare; /* chunks waiting to be linked, through `next` */
	size_t room;              /* notes that fit without allocating */
	/* The cut's, away from the worker's cache line. */
	_Alignas(64) struct note_chunk *head;
	uint32_t consumed; /* notes of head that were drained */
};

/* Returns 0 or -ENOMEM. */
int note_list_init(struct note_list *list);
void note_list_deinit(struct note_list *list);

/* Makes room for count notes. False when memory is out. The worker. */
bool note_reserve_slow(struct note_list *list, size_t count);
static inline bool
note_reserve(struct note_list *list, size_t count)
{
	return list->room >= count || note_reserve_slow(list, count);
}

/* Room must have been reserved. The worker. */
void note_add(struct note_list *list, const struct note *note);

/* Calls visit for every note not drained before, and frees used chunks. The cut. */
void note_drain(struct note_list *list, void (*visit)(void *context, const struct note *note), void *context);
