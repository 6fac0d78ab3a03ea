/*
 * command_v2_keys.c - counter.batch_reset and counter.batch_delete_range
 *
 * What a key is counted as (reset, deleted, missing) is told by a look just before the change. Another client that changes the
 * same key in between makes it one or the other; the counters are right in every case.
 */
#include "command/command_v2.h"

#include <errno.h>
#include <string.h>

/* What a key holds. */
struct days {
	uint64_t from, to;
	uint32_t in_range, outside; /* buckets */
	uint32_t zero;              /* left by v1's decrement: not there for v2 */
};

static void
count_day(void *context, uint32_t day, uint64_t count)
{
	struct days *days = context;

	if (count == 0)
		days->zero++;
	else if (day >= days->from && day <= days->to)
		days->in_range++;
	else
		days->outside++;
}

static struct days
days_of(struct tree *tree, uint64_t key, uint64_t from, uint64_t to)
{
	struct days days = { .from = from, .to = to };

	(void)tree_days(tree, key, 0, DAY_MAX, count_day, &days);
	return days;
}

/* Total, the key's differences, and one for each day. */
enum { EFFECTS_PER_KEY = 3 };

/* Looks at all keys first, which brings them into the cache as well. */
static bool
has_room(struct command_worker *worker, struct tree *tree, const struct v2_keys *keys)
{
	size_t effects = 0, room = 0;
	struct v2_window window;

	v2_window_begin(&window, tree, keys->at, sizeof(*keys->at), keys->count);
	for (uint32_t i = 0; i < keys->count; i++) {
		v2_window_step(&window, i);
		const struct days days = days_of(tree, keys->at[i], 0, DAY_MAX);
		const size_t of_key = tree_key_room(tree, keys->at[i]);

		effects += EFFECTS_PER_KEY + days.in_range + days.zero;
		room = of_key > room ? of_key : room;
	}
	return effect_log_has_room(&worker->log, NULL, 0, effects + room);
}

enum outcome { KEY_MISSING, KEY_CHANGED, KEY_LEFT };
struct counts {
	uint32_t missing, changed;
};

static int
reset_key(struct command_worker *worker, struct tree *tree, const struct command_entry *entry, uint64_t key,
          enum outcome *ret)
{
	const struct days days = days_of(tree, key, 0, DAY_MAX);

	(void)entry;
	*ret = days.in_range > 0 || tree_total(tree, key) > 0 ? KEY_CHANGED : KEY_MISSING;
	return tree_reset_key(worker->engine_worker, tree, key);
}

static int
delete_key(struct command_worker *worker, struct tree *tree, const struct command_entry *entry, uint64_t key,
           enum outcome *ret)
{
	const struct v1_request *range = &entry->request;
	const struct days days = days_of(tree, key, range->from, range->to);

	*ret = days.in_range > 0 ? KEY_CHANGED : days.outside > 0 ? KEY_LEFT : KEY_MISSING;
	if (*ret != KEY_CHANGED)
		return 0;
	return tree_delete_range(worker->engine_worker, tree, key, range->from, range->to);
}

typedef int change_key(struct command_worker *worker, struct tree *tree, const struct command_entry *entry,
                       uint64_t key, enum outcome *ret);

/* 0, or what ended it, with the keys before done. */
static int
change_all(struct command_worker *worker, struct tree *tree, const struct command_entry *entry, change_key *change,
           struct counts *ret)
{
	const struct v2_keys *keys = &entry->v2->keys;
	int r = 0;

	*ret = (struct counts){ 0 };
	for (uint32_t i = 0; i < keys->count && r == 0; i++) {
		enum outcome outcome = KEY_LEFT;

		r = change(worker, tree, entry, keys->at[i], &outcome);
		ret->missing += outcome == KEY_MISSING;
		ret->changed += outcome == KEY_CHANGED;
	}
	return r;
}

static enum command_status
run(struct command_worker *worker, const struct command_entry *entry, change_key *change, const char *name,
    struct buffer *out)
{
	struct tree *tree = command_find_tree(worker, entry);
	struct counts counts;

	if (tree == NULL) {
		v2_reply_not_found(out, entry->request.tree);
		return COMMAND_DONE;
	}
	if (!has_room(worker, tree, &entry->v2->keys))
		return v2_reply_failure(out, -EAGAIN);
	if (change_all(worker, tree, entry, change, &counts) != 0) {
		v2_reply_error(out, V2_INTERNAL_ERROR, "No memory or room in the log, a part of the keys may be done");
		return COMMAND_DONE;
	}
	json_v2_reply_begin(out);
	buffer_append(out, name, strlen(name));
	buffer_append_u64(out, counts.changed);
	buffer_append_literal(out, ",\"missing\":");
	buffer_append_u64(out, counts.missing);
	buffer_append_byte(out, '}');
	json_v2_reply_end(out);
	return COMMAND_DONE;
}

enum command_status
v2_batch_reset(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	return run(worker, entry, reset_key, "{\"reset\":", out);
}

enum command_status
v2_batch_delete(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	return run(worker, entry, delete_key, "{\"deleted\":", out);
}
