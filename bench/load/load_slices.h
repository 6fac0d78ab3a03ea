/*
 * load_slices.h - the latencies of one thread, over the whole run and slice by slice
 *
 * A slice holds the replies that came in it. Latencies are recorded in the open histogram; when its time is over it is
 * added to the total and folded into a coarse one, whose percentiles are right to 3 %. Memory is bounded by
 * LOAD_SLICES_MAX times the size of struct load_slice, of which only what was written is resident. One thread at a
 * time.
 */
#pragma once

#include <stdint.h>

#include "kit/histogram.h"

enum {
	LOAD_SLICES_MAX = 1000,
	LOAD_SLICE_FOLD_BITS = 2,
	LOAD_SLICE_BUCKETS = HISTOGRAM_BUCKETS >> LOAD_SLICE_FOLD_BITS,
};

struct load_slice {
	uint64_t replies;
	uint64_t max_ns;
	uint32_t bucket[LOAD_SLICE_BUCKETS]; /* 4 of the histogram's each; stays at the largest number */
};

struct load_slices {
	uint64_t from_ns;
	uint64_t length_ns;
	uint32_t count;
	uint32_t current; /* the open one; `count` after the last */
	uint64_t end_ns;  /* of the open one */
	uint64_t replies; /* in the open one */
	uint64_t until_ns;
	struct load_slice *slice;
	struct histogram open;
	struct histogram total;
};

/**
 * load_slices_init() - slices of length_ns from from_ns until until_ns, the last one shorter if need be
 *
 * With until_ns UINT64_MAX there are LOAD_SLICES_MAX, and the last has no end. 0 or -ENOMEM; deinit in both cases.
 */
int load_slices_init(struct load_slices *slices, uint64_t from_ns, uint64_t until_ns, uint64_t length_ns);
void load_slices_deinit(struct load_slices *slices);

void load_slices_close(struct load_slices *slices);

/* Now is now_ns: later replies belong to its slice. */
static inline void
load_slices_advance(struct load_slices *slices, uint64_t now_ns)
{
	while (__builtin_expect(now_ns >= slices->end_ns, 0))
		load_slices_close(slices);
}

/* No more replies: all that is open is added to the total. */
void load_slices_finish(struct load_slices *slices);

/* Adds slice `index` of `slices` to a histogram. */
void load_slices_unfold(const struct load_slices *slices, uint32_t index, struct histogram *histogram);
