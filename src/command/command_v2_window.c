/*
 * command_v2_window.c - many keys of one tree, so that their cache misses overlap
 *
 * The steps of a prefetch as in command_worker.c, each a few keys apart: by the time a key is used, what it needs has come.
 */
#include "command/command_v2.h"

#include <assert.h>

enum { RECORD_AHEAD = 8, SLOT_AHEAD = 16, MAP_AHEAD = 24, BEGIN_AHEAD = 32 };
static_assert((int)BEGIN_AHEAD < (int)V2_WINDOW && (V2_WINDOW & (V2_WINDOW - 1)) == 0,
              "what is under way fits the ring");

static uint64_t
key_of(const struct v2_window *window, uint32_t index)
{
	return *(const uint64_t *)(const void *)((const char *)window->base + index * window->stride);
}

static struct key_prefetch *
place_of(struct v2_window *window, uint32_t index)
{
	return &window->prefetch[index % V2_WINDOW];
}

/* All steps that are due when key `index` is BEGIN_AHEAD before the one to be used. */
static void
step(struct v2_window *window, uint32_t index)
{
	if (index < window->count)
		key_prefetch_begin(place_of(window, index), window->tree, key_of(window, index));
	if (index >= BEGIN_AHEAD - MAP_AHEAD && index - (BEGIN_AHEAD - MAP_AHEAD) < window->count)
		key_prefetch_map(place_of(window, index - (BEGIN_AHEAD - MAP_AHEAD)));
	if (index >= BEGIN_AHEAD - SLOT_AHEAD && index - (BEGIN_AHEAD - SLOT_AHEAD) < window->count)
		key_prefetch_slot(place_of(window, index - (BEGIN_AHEAD - SLOT_AHEAD)));
	if (index >= BEGIN_AHEAD - RECORD_AHEAD && index - (BEGIN_AHEAD - RECORD_AHEAD) < window->count)
		key_prefetch_record(place_of(window, index - (BEGIN_AHEAD - RECORD_AHEAD)));
}

void
v2_window_begin(struct v2_window *window, struct tree *tree, const uint64_t *first, size_t stride, uint32_t count)
{
	window->tree = tree;
	window->base = first;
	window->stride = stride;
	window->count = count;
	for (uint32_t i = 0; i < BEGIN_AHEAD; i++)
		step(window, i);
}

void
v2_window_step(struct v2_window *window, uint32_t index)
{
	step(window, index + BEGIN_AHEAD);
}
