/*
 * command_v2_keys.c - counter.batch_reset and counter.batch_delete_range
 *
 * What a key is counted as (reset, deleted, missing) is told by a look just before the change. Another client that changes the
 * same key in between makes it one or the other; the counters are right in every case.
 */
#include "command/command_v2.h"

#include <errno.h>
#include <stdlib.h>
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

/* Total, and the key's differences. */
enum { EFFECTS_PER_KEY = 3 };

static int
compare(const void *a, const void *b)
{
	const uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return one < other ? -1 : one > other;
}

/*
 * Equal keys come to stand behind each other, in the request's own memory, so that each is looked at once for all of them: what
 * the request costs is the slots of days of its different keys, times two.
 */
static void
sort(const struct v2_keys *keys)
{
	for (uint32_t i = 1; i < keys->count; i++) {
		if (keys->at[i - 1] > keys->at[i]) {
			qsort(keys->at, keys->count, sizeof(*keys->at), compare);
			return;
		}
	}
}

static bool
is_repeated(const struct v2_keys *keys, uint32_t index)
{
	return index > 0 && keys->at[index] == keys->at[index - 1];
}

/* Of sorted keys, days that are changed alone. Looks at all keys, which brings them into the cache as well. */
static bool
has_room(struct command_worker *worker, struct tree *tree, const struct v2_keys *keys, uint64_t from, uint64_t to)
{
	size_t effects = 0, room = 0;
	struct v2_window window;

	if (worker->wal == NULL || keys->count == 0)
		return true;
	v2_window_begin(&window, tree, keys->at, sizeof(*keys->at), keys->count);
	for (uint32_t i = 0; i < keys->count; i++) {
		v2_window_step(&window, i);
		if (is_repeated(keys, i))
			continue;
		const struct days days = days_of(tree, keys->at[i], from, to);
		const size_t of_key = tree_key_room(tree, keys->at[i]);

		effects += EFFECTS_PER_KEY + days.in_range + days.zero;
		room = of_key > room ? of_key : room;
	}
	return effect_log_has_room(&worker->log, tree, keys->at[keys->count - 1], effects + room);
}

enum outcome { KEY_MISSING, KEY_CHANGED, KEY_LEFT };
struct counts {
	uint32_t missing, changed;
};

/* *ret_again: what the key counts as when it comes once more. */
static int
reset_key(struct command_worker *worker, struct tree *tree, const struct command_entry *entry, uint64_t key,
          enum outcome *ret, enum outcome *ret_again)
{
	const struct days days = days_of(tree, key, 0, DAY_MAX);

	(void)entry;
	*ret = days.in_range > 0 || tree_total(tree, key) > 0 ? KEY_CHANGED : KEY_MISSING;
	*ret_again = KEY_MISSING;
	return tree_reset_key(worker->engine_worker, tree, key);
}

static int
delete_key(struct command_worker *worker, struct tree *tree, const struct command_entry *entry, uint64_t key,
           enum outcome *ret, enum outcome *ret_again)
{
	const struct v1_request *range = &entry->request;
	const struct days days = days_of(tree, key, range->from, range->to);

	*ret_again = days.outside > 0 ? KEY_LEFT : KEY_MISSING;
	*ret = days.in_range > 0 ? KEY_CHANGED : *ret_again;
	if (*ret != KEY_CHANGED)
		return 0;
	return tree_delete_range(worker->engine_worker, tree, key, range->from, range->to);
}

typedef int change_key(struct command_worker *worker, struct tree *tree, const struct command_entry *entry,
                       uint64_t key, enum outcome *ret, enum outcome *ret_again);

/* Of sorted keys. 0, or what ended it, with the keys before done. */
static int
change_all(struct command_worker *worker, struct tree *tree, const struct command_entry *entry, change_key *change,
           struct counts *ret)
{
	const struct v2_keys *keys = &entry->v2->keys;
	enum outcome outcome = KEY_LEFT, again = KEY_LEFT;
	int r = 0;

	*ret = (struct counts){ 0 };
	for (uint32_t i = 0; i < keys->count && r == 0; i++) {
		if (is_repeated(keys, i))
			outcome = again;
		else
			r = change(worker, tree, entry, keys->at[i], &outcome, &again);
		ret->missing += outcome == KEY_MISSING;
		ret->changed += outcome == KEY_CHANGED;
	}
	return r;
}

static enum command_status
run(struct command_worker *worker, const struct command_entry *entry, change_key *change, const char *name,
    uint64_t from, uint64_t to, struct buffer *out)
{
	struct tree *tree = command_find_tree(worker, entry);
	const struct v2_keys *keys = &entry->v2->keys;
	struct counts counts;

	if (tree == NULL) {
		v2_reply_not_found(out, entry->request.tree);
		return COMMAND_DONE;
	}
	sort(keys);
	if (!has_room(worker, tree, keys, from, to))
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
	return run(worker, entry, reset_key, "{\"reset\":", 0, DAY_MAX, out);
}

enum command_status
v2_batch_delete(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	return run(worker, entry, delete_key, "{\"deleted\":", entry->request.from, entry->request.to, out);
}
