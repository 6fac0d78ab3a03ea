/*
 * command_increment.c - v1's increment, and several of one key as one
 *
 * A counter that everybody adds to is one cache line, which goes from core to core: two threads that do nothing but add
 * to it do less than one of them alone, and no instruction changes that (PERF.md). Only fewer adds help. So lines right
 * behind each other in a batch, of one client, that increment the same key are one add, and one record of the log.
 *
 * Exact: the add takes effect at one instant, at which all of them may be said to have, one behind the other; it comes
 * behind the batch's begin and before any of their replies. Nothing of the client stands in between, so its order is
 * kept. One operation has one generation and one tag, and all the replies are held for that. When it is refused (the count
 * would pass the highest) nothing has changed: the first line is run by itself, and the others when it is their turn.
 * v1 knows increments by 1 on the batch's day alone, so what is alike is told by tree and key.
 *
 * That a reply is owed for what has been done is a promise of the front end: see command_batch_is_done(). Hence of one
 * client only, whose line is being run, and a bounded number.
 */
#include "command/command_internal.h"

#include <assert.h>
#include <string.h>

/* Each line needs a token of its own, so that the first line's says nothing about the others. */
static bool
is_same_token(const struct v1_request *x, const struct v1_request *y)
{
	return x->has_token == y->has_token &&
	       (!x->has_token ||
	        (x->token.bytes == y->token.bytes && memcmp(x->token.data, y->token.data, x->token.bytes) == 0));
}

static bool
is_alike(const struct command_entry *a, const struct command_entry *b)
{
	const struct v1_request *x = &a->request, *y = &b->request;

	return x->key == y->key && b->v2 == NULL && y->command == V1_INCREMENT && y->has_key && y->has_tree &&
	       a->ticket == b->ticket && x->tree.bytes == y->tree.bytes &&
	       memcmp(x->tree.data, y->tree.data, x->tree.bytes) == 0 && is_same_token(x, y);
}

/* How many lines from this one on are the same increment. */
static uint32_t
count_alike(const struct command_worker *worker, const struct command_entry *entry)
{
	const uint32_t left = worker->count - (uint32_t)(entry - worker->entries);
	uint32_t count = 1;

	while (count < COMMAND_TOGETHER_MAX && count < left && is_alike(entry, entry + count))
		count++;
	return count;
}

enum command_status
command_increment(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	struct tree *tree;
	int r = command_find_or_create_tree(worker, entry, &tree);

	if (r != 0)
		return command_reply_number(out, r, 1);
	uint32_t count = count_alike(worker, entry);

	for (;;) { /* one call of tree_add(), which is inlined then */
		r = tree_add(worker->engine_worker, tree, entry->request.key, worker->today, count);
		if (r != ENGINE_OVERFLOW || count == 1)
			break;
		count = 1;
	}
	if (r == 0)
		worker->done_end = (uint32_t)(entry - worker->entries) + count;
	return command_reply_number(out, r, 1);
}
