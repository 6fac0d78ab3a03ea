/*
 * command_v2_select.h - the first few of many keys, in an order
 *
 * A heap of at most `limit` picks whose root is the one that comes last: so a key that is not among the first costs one
 * comparison, and memory goes by the limit, not by the tree.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum v2_order {
	ORDER_KEY,   /* ascending */
	ORDER_VALUE, /* descending; of equal values by key, ascending */
};

struct v2_pick {
	uint64_t key;
	uint64_t value;
};

struct v2_select {
	struct v2_pick *at; /* the first `count`; a heap until v2_select_finish(), then in their order */
	size_t count;
	size_t limit;
	enum v2_order order;
	bool more; /* some were left out */
};

/* limit is at least 1. 0 or -ENOMEM. */
int v2_select_init(struct v2_select *select, enum v2_order order, size_t limit);
void v2_select_deinit(struct v2_select *select);

/* Of ORDER_KEY, before the value is looked for: would the key be left out? Then it counts as left out. */
bool v2_select_passes(struct v2_select *select, uint64_t key);

void v2_select_add(struct v2_select *select, uint64_t key, uint64_t value);

/* Puts what was selected in order. A key that was added twice stands there once. */
void v2_select_finish(struct v2_select *select);
