/*
 * engine.h - the counters, without a server
 *
 * An engine holds trees; a tree holds keys; a key has one count per day and a total. Every worker thread may serve
 * every key at once: adds and reads are lock-free, whatever takes or decides holds its keys for a moment.
 *
 * Threads
 *   worker       one struct engine_worker per thread that changes or reads counters; its calls stand between
 *                engine_batch_begin() and engine_batch_end(). Tree pointers are valid inside that section only.
 *   maintenance  one thread at a time: tree_cut(), tree_compact(), tree_compact_all(), tree_delete_range_all(),
 *                engine_reclaim(). It must have a worker of its own for those that ask for one.
 *   scan         one thread at a time: engine_scan_begin() … engine_scan_end().
 *
 * Outcomes are positive (enum engine_outcome), failures negative errno (-ENOMEM, -EAGAIN: see engine_worker_effects();
 * every call that takes a worker and changes something may return either). Whatever is not 0 changed nothing, but where
 * the declaration says otherwise.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct effect;
struct engine;
struct engine_worker;
struct tree;

enum engine_outcome {
	ENGINE_OK = 0,
	ENGINE_MISSING,    /* no such tree */
	ENGINE_EXISTS,     /* the tree is there already */
	ENGINE_OVERFLOW,   /* a counter would pass COUNT_MAX (2^61 - 2^41) */
	ENGINE_TREES_FULL, /* trees_max trees are there */
	ENGINE_REFUSED,    /* a limit does not allow it */
	ENGINE_INVALID,    /* a key or day that cannot be (loading only) */
};

/* ---- life ------------------------------------------------------------------------------------------------------ */

/* today: the first value of the shared day word, YYYYMMDD. Returns 0 or -ENOMEM. */
int engine_create(uint32_t trees_max, uint32_t today, struct engine **ret_engine);

/* Frees everything. No worker, scan or maintenance call may be under way or come later. NULL is fine. */
void engine_destroy(struct engine *engine);

/* Any thread may create a worker; from then on it belongs to the thread that uses it. Returns 0 or -ENOMEM. */
int engine_worker_create(struct engine *engine, struct engine_worker **ret_worker);
void engine_worker_destroy(struct engine_worker *worker);

/* A section: everything looked up inside stays valid until its end. Never nested; never wait or do I/O inside. */
void engine_batch_begin(struct engine_worker *worker);
void engine_batch_end(struct engine_worker *worker);

/*
 * Today, one word for all. engine_today_advance() is for one thread; a day before the present one is ignored, so that
 * today never goes back. engine_today() may be called by any thread.
 */
uint32_t engine_today(const struct engine *engine);
void engine_today_advance(struct engine *engine, uint32_t day);

/* ---- trees: any worker, inside its section ---------------------------------------------------------------------- */

/* Names are any bytes, at most TREE_NAME_BYTES_MAX. Lock-free. Returns NULL when there is no such tree. */
struct tree *tree_find(struct engine_worker *worker, const char *name, size_t bytes);

/* Whether the name by which tree was found, in this very section, still leads to it: spares looking it up again. What is
 * done with the tree then takes its place in the order of things at this look. */
bool tree_is_current(const struct tree *tree);

/* Finds or creates. Returns 0 (created), ENGINE_EXISTS (found; ret_tree is set, too), ENGINE_TREES_FULL or -ENOMEM. */
int tree_create(struct engine_worker *worker, const char *name, size_t bytes, struct tree **ret_tree);

/* Returns 0 or ENGINE_MISSING. */
int tree_drop(struct engine_worker *worker, const char *name, size_t bytes);

/* The tree is empty from one instant on, its keys are gone; its place in engine_tree_names() stays. 0, ENGINE_MISSING
 * or -ENOMEM. */
int tree_reset(struct engine_worker *worker, const char *name, size_t bytes);

uint64_t tree_id(const struct tree *tree);         /* never reused */
uint64_t tree_generation(const struct tree *tree); /* the present one */
uint64_t tree_key_count(struct tree *tree);        /* about, and with those that are not listed */
const char *tree_name(const struct tree *tree, size_t *ret_bytes);
uint64_t tree_order(const struct tree *tree); /* place in the order of names; one that replaces another keeps it */

/* ---- counters: any worker, inside its section -------------------------------------------------------------------- */

/*
 * Prefetch for batches. Each step needs what the one before has brought, so a batch takes a step for many keys before the next:
 * begin (the key's partition), map (the head of its map), slot (its place there), record. Changes nothing. The members
 * of the struct are the engine's own; zeroed it stands for no key, and all steps do nothing.
 */
struct key_prefetch {
	struct partition *partition;
	uint64_t hash;
};
void key_prefetch_begin(struct key_prefetch *prefetch, struct tree *tree, uint64_t key);
void key_prefetch_map(const struct key_prefetch *prefetch);
void key_prefetch_slot(const struct key_prefetch *prefetch);
void key_prefetch_record(const struct key_prefetch *prefetch);

/* All steps behind begin for some tens of keys that are to be used next. */
void key_prefetch_all(const struct key_prefetch *prefetches, size_t count);

/**
 * tree_add() - add to one day and the total of one key, creating both when missing
 *
 * Progress:  lock-free, but for the partition's lock on the first add of a new key.
 * Order:     takes effect at the fetch_add on the total word.
 * Return:    0, ENGINE_OVERFLOW, -ENOMEM or -EAGAIN.
 */
int tree_add(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t amount);

/* The same for each of several items, in order. Ends at the first that is not 0, and returns that; *ret_done tells how many
 * were added before. */
struct add_item {
	uint64_t key;
	uint64_t amount;
	uint32_t day;
};
int tree_add_items(struct engine_worker *worker, struct tree *tree, const struct add_item *items, size_t count,
                   size_t *ret_done);

/*
 * The original's decrement: 1 off today's count if that is above 0 (the day stays, at 0), and 1 off the total shown if
 * that is above 0. A missing key is left missing. Returns 0, -ENOMEM or -EAGAIN.
 */
int tree_decrement(struct engine_worker *worker, struct tree *tree, uint64_t key);

/* Takes up to amount off one day and the same off the total; *ret_taken tells how much. 0, -ENOMEM or -EAGAIN. */
int tree_subtract(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t amount,
                  uint64_t *ret_taken);

/* Sets one day to an exact count (0 removes the day); the total follows. 0, ENGINE_OVERFLOW, -ENOMEM or -EAGAIN. */
int tree_set(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t count);

/* Removes the days from … to (inclusive, plain integers) of one key; the total shown goes down by what was deleted. A
 * missing key is left missing. 0, -ENOMEM or -EAGAIN. */
int tree_delete_range(struct engine_worker *worker, struct tree *tree, uint64_t key, uint64_t from, uint64_t to);

/* No days, total 0; the key stays listed. A missing key is left missing. 0, -ENOMEM or -EAGAIN. */
int tree_reset_key(struct engine_worker *worker, struct tree *tree, uint64_t key);

/* Of a key without a count, and with a total shown of 0: the days that decrement left at 0 go. Else nothing changes. 0, -ENOMEM
 * or -EAGAIN. */
int tree_forget_zeros(struct engine_worker *worker, struct tree *tree, uint64_t key);

/*
 * Conditional add: every item's amount is added to today of its key if for every item the sum of the days from … to
 * (which should hold today) plus all amounts of this call for that key stays at or below its limit; else nothing.
 * Keys may repeat; trees may differ. Returns 0, ENGINE_REFUSED (*ret_refused is the first item that does not fit),
 * ENGINE_OVERFLOW, ENGINE_MISSING (a tree was dropped meanwhile: look up again), -ENOMEM, -EAGAIN, or -EINVAL
 * (more than ACQUIRE_ITEMS_MAX items).
 */
struct acquire_item {
	struct tree *tree;
	uint64_t key;
	uint64_t amount;
	uint64_t limit;
	uint64_t from, to;
};
int tree_acquire(struct engine_worker *worker, const struct acquire_item *items, size_t count, size_t *ret_refused);

/*
 * Effects that subtract, set, delete or reset of the key want room for before they begin, at most: it is by the key's days, not
 * by what is changed. For requests of many keys, which have to know before the first that the last will not want for room.
 * tree may be NULL: of a key that is not there.
 */
size_t tree_key_room(struct tree *tree, uint64_t key);

/* The total shown; 0 for a missing key. */
uint64_t tree_total(struct tree *tree, uint64_t key);

/* What stands against COUNT_MAX: an add or set that brings it above is ENGINE_OVERFLOW. The sum of all days, also where the total
 * shown differs; 0 for a missing key. It may be above COUNT_MAX by what others add at this moment. */
uint64_t tree_counted(struct tree *tree, uint64_t key);

/* Sum of the days from … to, inclusive; 0 for a missing key. Cannot overflow: all days together stay below 2^61. */
uint64_t tree_sum_range(struct tree *tree, uint64_t key, uint64_t from, uint64_t to);

/* Calls visit for every day of the key within from … to, newest slots first. False when the key is missing. */
typedef void tree_day_fn(void *context, uint32_t day, uint64_t count);
bool tree_days(struct tree *tree, uint64_t key, uint64_t from, uint64_t to, tree_day_fn *visit, void *context);

/* ---- reading whole trees: the scan thread, outside any section --------------------------------------------------- */

/*
 * Between begin and end nothing that was reachable is freed, so the scan stalls nobody. One scan at a time.
 * engine_scan_tree() returns NULL when there is no such tree.
 */
void engine_scan_begin(struct engine *engine);
void engine_scan_end(struct engine *engine);
struct tree *engine_scan_tree(struct engine *engine, const char *name, size_t bytes);

/* Calls visit for every name in order of creation. A non-zero return ends the walk and is returned. */
typedef int tree_name_fn(void *context, struct tree *tree, const char *name, size_t bytes);
int engine_scan_names(struct engine *engine, tree_name_fn *visit, void *context);

/* Calls visit for every listed key; read its days with tree_days() or tree_key_days(). A non-zero return ends the walk
 * and is returned. */
struct key_record;
typedef int tree_key_fn(void *context, uint64_t key, struct key_record *record);
int tree_scan_keys(struct tree *tree, tree_key_fn *visit, void *context);
uint64_t tree_key_total(struct key_record *record); /* shown */
void tree_key_days(struct key_record *record, uint64_t from, uint64_t to, tree_day_fn *visit, void *context);

/* ---- maintenance thread ------------------------------------------------------------------------------------------ */

/*
 * Exact snapshot without a pause: visits every key as it was after all operations of generation ≤ the returned one and
 * none later, each of them whole. Keys come once each, in no order. The days are those present, in no order; total is
 * the total shown. `words` is there for tests: the total word, and the difference slots (0 when absent).
 * The tree comes from engine_pin_tree(): it may be dropped meanwhile, but is not freed. A key that was listed, but not yet
 * counted, while the cut passed may be visited without a count. A non-zero return of visit ends the visits (the cut itself is completed) and is returned.
 */
struct cut_day {
	uint32_t day;
	bool kept; /* a decrement took it to 0 once: part of its word that effects to come build on; not shown */
	uint64_t count;
};
struct cut_key {
	uint64_t key;
	uint64_t total;
	const struct cut_day *days;
	size_t day_count;
	struct {
		uint64_t total, above, below;
	} words;
};
struct cut_summary {
	uint64_t generation; /* the last one the snapshot holds */
	uint64_t by_walker;  /* words captured by the walk */
	uint64_t by_writers; /* words captured by writers */
	uint64_t deltas;     /* parts of older operations noted for this cut */
	uint64_t keys_set_aside;
};
typedef int tree_cut_fn(void *context, const struct cut_key *key);
int tree_cut(struct engine *engine, struct tree *tree, tree_cut_fn *visit, void *context, struct cut_summary *ret);

/* Finds a tree for the maintenance thread; it is not freed before the next engine_reclaim(). NULL when missing. */
struct tree *engine_pin_tree(struct engine *engine, const char *name, size_t bytes);

/* As engine_scan_names(), for the maintenance thread. The trees stay valid until the next engine_reclaim(). */
int engine_names(struct engine *engine, tree_name_fn *visit, void *context);

/*
 * Whole-tree delete over the live tree, key by key, in sections of its own (worker belongs to the maintenance thread). The
 * one change that is not all or nothing: on -ENOMEM and other failures the keys before the one that failed are done;
 * calling again does the rest. 0, ENGINE_MISSING, -ENOMEM, -EAGAIN (one key alone needs more room than there is when
 * nothing waits), or what a step returned.
 *
 * steps (NULL without a log): a section holds up to 256 keys, fewer when the effects find no more room.
 * begin() is called outside, before each: makes room, may wait. check() (may be NULL) is called inside, first: is there
 * still? Non-zero of either ends it all. end() is called inside, last: drains.
 */
struct section_steps {
	int (*begin)(void *context);
	int (*check)(void *context);
	void (*end)(void *context);
	void *context;
};
int tree_delete_range_all(struct engine_worker *worker, const char *name, size_t bytes, uint64_t from, uint64_t to,
                          const struct section_steps *steps);

/*
 * Removes the keys that have nothing: no count in any day, and a total shown of 0; days that v1's decrement left at 0 go with
 * them. Gives back what tree_compact() does besides. Over the live tree, in sections, as the whole-tree delete; a key that is
 * added to meanwhile stays. Return: as there.
 */
int tree_compact_all(struct engine_worker *worker, const char *name, size_t bytes, const struct section_steps *steps);

/*
 * Removes records: those made for a decision that was refused (unlisted). With `empty` also keys without days and
 * total, and of every key the oldest day block if all its days are gone: one a call. Returns the records removed.
 * The removal of a key is an effect: a worker with an effect buffer calls it inside its section, and keys for which the
 * buffer has no more room stay.
 */
uint64_t tree_compact(struct engine_worker *worker, struct tree *tree, bool empty);

/* Only the day blocks, of keys that stay: one a key and call. Looks at every key: for now and then. */
void tree_compact_days(struct engine_worker *worker, struct tree *tree);

/* Frees what was retired before, after a grace period; call it now and then. Waits for the workers' batches to end. */
void engine_reclaim(struct engine *engine);

/* Bytes of retired memory that wait to be freed; any thread, approximate. */
size_t engine_retired_bytes(const struct engine *engine);

/* ---- loading: for each tree one thread at a time (but tree_load_effects()), outside any section ------------------- */

/*
 * A tree is built where nobody sees it, then published under a name in one instant, replacing what is there (the place
 * in the order of names stays) or creating it. id 0 takes the next one; generation is the tree's first.
 */
int tree_load_begin(struct engine *engine, uint64_t id, uint64_t generation, struct tree **ret_tree);

/*
 * Sets one key: a later call for the same key replaces the earlier. The difference between total and days is kept.
 * Counts and total at most COUNT_MAX, days at most DAY_MAX, no day twice: else ENGINE_INVALID. 0 or -ENOMEM.
 */
int tree_load_key(struct tree *tree, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count);

/* The same for many keys in order, and quicker. Ends at the first that is not 0, and returns that. */
struct load_key {
	uint64_t key;
	uint64_t total;
	const struct cut_day *days;
	size_t day_count;
};
int tree_load_keys(struct tree *tree, const struct load_key *keys, size_t count);

/* False: a key with these would be ENGINE_INVALID. Days sorted. Any thread. */
bool tree_load_accepts(uint64_t total, const struct cut_day *days, size_t day_count);

/* Before the first key of a tree: about how many will come. A hint, which saves the growing of maps; costs memory if they do
 * not come: 16 to 32 bytes each. */
void tree_load_expect(struct tree *tree, uint64_t keys);

/*
 * Recovery: adds the effect of a log record (EFFECT_DAY, _TOTAL, _LISTED, _UNLISTED) to a tree under construction, in any
 * order but for the last two, which come in the order of their sequences. Wrapping; nothing is judged before
 * tree_load_finish(). 0, -ENOMEM, or ENGINE_INVALID (a day that cannot be).
 */
int tree_load_effect(struct tree *tree, const struct effect *effect);

/*
 * The same for many effects in order, and quicker. Ends at the first that is not 0, and returns that. Several threads at a
 * time: each key belongs to one of `parts` parts, whatever its tree, and what different threads apply is of different parts.
 */
struct load_effect {
	struct tree *tree;
	uint64_t key;
	uint64_t delta;
	uint32_t day;
	uint16_t kind;  /* enum effect_kind */
	bool total_too; /* EFFECT_DAY of a plain add: the total changes by the same delta */
};
int tree_load_effects(const struct load_effect *effects, size_t count);
unsigned tree_load_part(uint64_t key, unsigned parts);

/*
 * Ends recovery: every word carries the parity of generation, which is the tree's from now on; keys that were never listed
 * and have no count are as if they were not there. Judges every key: no word negative or above COUNT_MAX, total = sum of
 * days, else ENGINE_INVALID with *ret_key set.
 */
int tree_load_finish(struct tree *tree, uint64_t generation, uint64_t *ret_key);

/* As tree_load_publish(), with a given place in the order of names, and logs nothing: for what a log or manifest told. What
 * the name leads to already is replaced and takes that place. */
int tree_load_restore(struct engine_worker *worker, struct tree *tree, const char *name, size_t bytes, uint64_t order);

/* Takes tree. 0, ENGINE_TREES_FULL, -ENOMEM or -EAGAIN (the tree is discarded then). A worker with an effect buffer calls it
 * inside its section. */
int tree_load_publish(struct engine_worker *worker, struct tree *tree, const char *name, size_t bytes);

/* Takes a tree that was not published; NULL is fine. */
void tree_load_discard(struct tree *tree);

/* The id the next tree will get; setting only ever raises it. */
uint64_t engine_tree_id_next(const struct engine *engine);
void engine_tree_id_raise(struct engine *engine, uint64_t id);

/* Counts how often the set of trees changed (create, drop, reset, publish); any thread. */
uint64_t engine_directory_version(const struct engine *engine);

/* ---- effects: the seam of the write-ahead log --------------------------------------------------------------------- */

enum effect_kind {
	EFFECT_DAY,      /* delta of a day's word: [absent:1][value:61], wrapping */
	EFFECT_TOTAL,    /* delta of the total word, wrapping in 64 bits */
	EFFECT_LISTED,   /* the key is listed from now on; delta: sequence, the highest of a key wins */
	EFFECT_UNLISTED, /* the key was removed; delta: sequence */
	EFFECT_CREATE,   /* a tree with this id and name exists from now on (key: id of the tree it replaces, or 0) */
	EFFECT_DROP,
};

/* Days of the two difference slots in EFFECT_DAY records. */
#define DAY_ABOVE UINT32_C(100000000)
#define DAY_BELOW UINT32_C(100000001)

struct effect {
	uint64_t tree_id;
	union {
		uint64_t generation; /* of the operation */
		uint64_t order;      /* EFFECT_CREATE: place in the order of names */
	};
	uint64_t tag; /* the log epoch it belongs to */
	uint64_t key;
	union {
		uint64_t delta;
		const char *name; /* EFFECT_CREATE: valid inside the section */
	};
	union {
		uint32_t day;        /* EFFECT_DAY only */
		uint32_t name_bytes; /* EFFECT_CREATE */
	};
	uint32_t kind; /* enum effect_kind */
};

struct effect_buffer {
	struct effect *effects;
	uint32_t count;
	uint32_t capacity; /* the owner may change it between operations, but not below count */
};

/*
 * From now on the worker appends what it does to buffer (borrowed; NULL ends it). An operation that finds too little
 * room returns -EAGAIN before it changes anything: drain the buffer and call again. Only between sections. The effects of one
 * operation all carry one tag, and a plain add takes the tag of what stands in the buffer already: drain it after every
 * request, inside the section.
 */
void engine_worker_effects(struct engine_worker *worker, struct effect_buffer *buffer);

/* The word that deciders and adds load their tag from; the log's committer moves it. It starts at 1. */
void engine_log_epoch_store(struct engine *engine, uint64_t epoch);
uint64_t engine_log_epoch(const struct engine *engine);

/* Waits until every section that was open at the call has ended. Any thread outside a section. */
void engine_quiesce(struct engine *engine);
