#include "load/load_slices.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t
end_of(const struct load_slices *slices, uint32_t index)
{
	if (index + 1 < slices->count)
		return slices->from_ns + slices->length_ns * (index + 1);
	return index < slices->count ? slices->until_ns : UINT64_MAX;
}

int
load_slices_init(struct load_slices *slices, uint64_t from_ns, uint64_t until_ns, uint64_t length_ns)
{
	assert(length_ns > 0 && from_ns < until_ns);
	const uint64_t needed = (until_ns - from_ns - 1) / length_ns + 1;

	memset(slices, 0, sizeof(*slices));
	slices->from_ns = from_ns;
	slices->until_ns = until_ns;
	slices->length_ns = length_ns;
	slices->count = needed < LOAD_SLICES_MAX ? (uint32_t)needed : LOAD_SLICES_MAX;
	slices->end_ns = end_of(slices, 0);
	assert(slices->count > 0);
	slices->slice = calloc(slices->count, sizeof(*slices->slice));
	return slices->slice != NULL ? 0 : -ENOMEM;
}

void
load_slices_deinit(struct load_slices *slices)
{
	free(slices->slice);
}

static void
fold(struct load_slice *slice, const struct histogram *histogram)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (histogram->bucket[i] == 0)
			continue;
		uint32_t *bucket = &slice->bucket[i >> LOAD_SLICE_FOLD_BITS];
		const uint64_t sum = *bucket + histogram->bucket[i];

		*bucket = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
	}
	slice->max_ns = histogram->max;
}

void
load_slices_close(struct load_slices *slices)
{
	if (slices->current < slices->count) {
		struct load_slice *slice = &slices->slice[slices->current++];

		slice->replies = slices->replies;
		fold(slice, &slices->open);
		slices->end_ns = end_of(slices, slices->current);
	}
	histogram_add(&slices->total, &slices->open);
	memset(&slices->open, 0, sizeof(slices->open));
	slices->replies = 0;
}

void
load_slices_finish(struct load_slices *slices)
{
	load_slices_close(slices);
	slices->end_ns = UINT64_MAX;
}

void
load_slices_unfold(const struct load_slices *slices, uint32_t index, struct histogram *histogram)
{
	const struct load_slice *slice = &slices->slice[index];

	assert(index < slices->count);
	for (unsigned i = 0; i < LOAD_SLICE_BUCKETS; i++) {
		/* Into the last of the buckets it stands for, whose end is its own. */
		histogram->bucket[((i + 1) << LOAD_SLICE_FOLD_BITS) - 1] += slice->bucket[i];
		histogram->count += slice->bucket[i];
	}
	if (slice->max_ns > histogram->max)
		histogram->max = slice->max_ns;
}
