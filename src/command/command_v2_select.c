#include "command/command_v2_select.h"

#include <assert.h>
#include <errno.h>

#include "base/memory.h"

static bool
comes_before(enum v2_order order, const struct v2_pick *a, const struct v2_pick *b)
{
	if (order == ORDER_VALUE && a->value != b->value)
		return a->value > b->value;
	return a->key < b->key;
}

int
v2_select_init(struct v2_select *select, enum v2_order order, size_t limit)
{
	assert(limit > 0);
	*select = (struct v2_select){ .order = order, .limit = limit, .at = mem_alloc(limit * sizeof(*select->at)) };
	return select->at == NULL ? -ENOMEM : 0;
}

void
v2_select_deinit(struct v2_select *select)
{
	mem_free(select->at);
	select->at = NULL;
}

/* ---- a heap: no pick comes before those that stand below it ---- */

static void
swap(struct v2_pick *a, struct v2_pick *b)
{
	const struct v2_pick kept = *a;

	*a = *b;
	*b = kept;
}

static void
sift_up(struct v2_pick *at, size_t index, enum v2_order order)
{
	while (index > 0 && comes_before(order, &at[(index - 1) / 2], &at[index])) {
		swap(&at[(index - 1) / 2], &at[index]);
		index = (index - 1) / 2;
	}
}

static void
sift_down(struct v2_pick *at, size_t count, size_t index, enum v2_order order)
{
	for (;;) {
		size_t last = index;

		for (size_t child = 2 * index + 1; child <= 2 * index + 2 && child < count; child++) {
			if (comes_before(order, &at[last], &at[child]))
				last = child;
		}
		if (last == index)
			return;
		swap(&at[last], &at[index]);
		index = last;
	}
}

bool
v2_select_passes(struct v2_select *select, uint64_t key)
{
	assert(select->order == ORDER_KEY);
	if (select->count < select->limit || key < select->at[0].key)
		return false;
	select->more = true;
	return true;
}

void
v2_select_add(struct v2_select *select, uint64_t key, uint64_t value)
{
	const struct v2_pick pick = { .key = key, .value = value };

	if (select->count < select->limit) {
		select->at[select->count] = pick;
		sift_up(select->at, select->count++, select->order);
		return;
	}
	select->more = true;
	if (!comes_before(select->order, &pick, &select->at[0]))
		return;
	select->at[0] = pick;
	sift_down(select->at, select->count, 0, select->order);
}

/* ---- the end ---- */

static void
sort(struct v2_pick *at, size_t count, enum v2_order order)
{
	for (size_t i = count / 2; i-- > 0;)
		sift_down(at, count, i, order);
	for (size_t left = count; left > 1; left--) {
		swap(&at[0], &at[left - 1]);
		sift_down(at, left - 1, 0, order);
	}
}

/* A walk meets a key twice when it was removed and came again meanwhile. */
static size_t
drop_repeated(struct v2_pick *at, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || at[kept - 1].key != at[i].key)
			at[kept++] = at[i];
	}
	return kept;
}

void
v2_select_finish(struct v2_select *select)
{
	sort(select->at, select->count, ORDER_KEY);
	select->count = drop_repeated(select->at, select->count);
	if (select->order != ORDER_KEY)
		sort(select->at, select->count, select->order);
}
