/*
 * command_v2_table.c - the operations: what each reads and needs, and who does it
 *
 * Sorted by the bytes of the name, then by name, and searched by halves: most steps compare lengths alone.
 */
#include "command/command_v2.h"

#include <string.h>

#define COUNTER (READ_SERIES | READ_KEY)
#define CHANGE  (COUNTER | READ_CHANGE)

static const struct v2_operation operations[] = {
	{ "tree.top", "tree_top", v2_submit, READ_RANGE_IF | READ_SERIES | READ_TOP, 0, v2_job_top },
	{ "tree.drop", "drop", v2_drop, READ_SERIES, WRITES },
	{ "tree.info", "tree_info", v2_submit, READ_SERIES, 0, v2_job_info },
	{ "tree.keys", "tree_keys", v2_submit, READ_SERIES | READ_PAGE, 0, v2_job_keys },
	{ "tree.list", "trees", v2_submit, 0, 0, command_job_trees },
	{ "series.sum", "sum", v2_sum, READ_RANGE_IF | COUNTER, 0 },
	{ "tree.reset", "reset", v2_reset_tree, READ_SERIES, WRITES | ELIGIBLE },
	{ "counter.sum", "sum", v2_sum, READ_RANGE_IF | COUNTER, 0 },
	{ "system.ping", "ping", v2_ping, 0, 0 },
	{ "tree.create", "create", v2_create, READ_SERIES, WRITES },
	{ "tree.series", "find", v2_submit, READ_RANGE | READ_SERIES, 0, v2_job_series },
	{ "tree.compact", "compact", v2_submit, READ_SERIES, WRITES, v2_job_compact },
	{ "tree.summary", "tree_summary", v2_submit, READ_RANGE_IF | READ_SERIES, 0, v2_job_summary },
	{ "counter.reset", "reset", v2_reset_key, COUNTER, WRITES | ELIGIBLE },
	{ "series.points", "find", v2_days, READ_RANGE | COUNTER, 0 },
	{ "counter.series", "find", v2_days, READ_RANGE | COUNTER, 0 },
	{ "series.compact", "compact", v2_submit, READ_SERIES, WRITES, v2_job_compact },
	{ "system.compact", "compact", v2_submit, 0, WRITES, v2_job_compact_every },
	{ "series.batch_add", "batch_add", v2_batch_add, READ_SERIES | READ_ITEMS, WRITES | ELIGIBLE },
	{ "series.batch_set", "batch_set", v2_batch_set, READ_SERIES | READ_ITEMS,
	  WRITES | ELIGIBLE | ZERO_ITEMS | DECIDES },
	{ "series.batch_sum", "batch_sum", v2_batch_sum, READ_RANGE_IF | READ_SERIES | READ_KEYS, 0 },
	{ "series.increment", "increment", v2_increment, CHANGE, WRITES | ELIGIBLE },
	{ "counter.batch_sum", "batch_sum", v2_batch_sum, READ_RANGE_IF | READ_SERIES | READ_KEYS, 0 },
	{ "counter.decrement", "decrement", v2_decrement, CHANGE, WRITES | ELIGIBLE },
	{ "counter.increment", "increment", v2_increment, CHANGE, WRITES | ELIGIBLE },
	{ "counter.multi_sum", "multi_sum", v2_multi_sum, READ_RANGE_IF | READ_SUMS, 0 },
	{ "tree.delete_range", "delete", v2_delete_tree, READ_RANGE | READ_SERIES, WRITES | ELIGIBLE,
	  command_job_delete },
	{ "tree.delete_before", "delete_before", v2_submit, READ_SERIES | READ_BEFORE, WRITES, v2_job_delete_before },
	{ "counter.batch_reset", "batch_reset", v2_batch_reset, READ_SERIES | READ_KEYS, WRITES | ELIGIBLE },
	{ "counter.delete_range", "delete", v2_delete_key, READ_RANGE | COUNTER, WRITES | ELIGIBLE },
	{ "series.delete_before", "delete_before", v2_submit, READ_SERIES | READ_BEFORE, WRITES, v2_job_delete_before },
	{ "counter.batch_increment", "batch_add", v2_batch_add, READ_SERIES | READ_ITEMS, WRITES | ELIGIBLE },
	{ "counter.batch_delete_range", "batch_delete_range", v2_batch_delete, READ_RANGE | READ_SERIES | READ_KEYS,
	  WRITES | ELIGIBLE },
};
enum { OPERATION_COUNT = sizeof(operations) / sizeof(operations[0]) };

/* Below 0: the name comes before the operation's. */
static int
compare(struct text name, const struct v2_operation *operation)
{
	const size_t bytes = strlen(operation->name);

	if (name.bytes != bytes)
		return name.bytes < bytes ? -1 : 1;
	return memcmp(name.data, operation->name, bytes);
}

const struct v2_operation *
v2_operation_find(struct text name)
{
	size_t low = 0, high = OPERATION_COUNT;

	while (low < high) {
		const size_t middle = (low + high) / 2;
		const int order = compare(name, &operations[middle]);

		if (order == 0)
			return &operations[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

enum command_status
v2_submit(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct v2_operation *operation = entry->v2->operation;
	const bool writes = (operation->needs & WRITES) != 0;

	return command_job_submit(worker, entry, writes ? COMMAND_MAINTENANCE : COMMAND_SCAN, operation->job, out);
}
