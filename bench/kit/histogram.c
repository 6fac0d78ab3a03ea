#include "kit/histogram.h"

#include <assert.h>

/*
 * Values below 128 have a bucket each. Above, the position of the highest bit picks a row of 128 and the seven bits
 * below it the bucket; row 1 covers 128 … 255 one by one, row 2 256 … 511 in steps of two, and so on.
 */
static unsigned
bucket_of(uint64_t value)
{
	const uint64_t largest = (UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1;

	if (value > largest)
		value = largest;
	if (value >> HISTOGRAM_STEP_BITS == 0)
		return (unsigned)value;
	const unsigned shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;

	return (shift << HISTOGRAM_STEP_BITS) + (unsigned)(value >> shift);
}

/* The largest value of a bucket. */
static uint64_t
bucket_end(unsigned bucket)
{
	const unsigned row = bucket >> HISTOGRAM_STEP_BITS;

	if (row <= 1)
		return bucket;
	const uint64_t steps = (bucket & ((1U << HISTOGRAM_STEP_BITS) - 1)) + (1U << HISTOGRAM_STEP_BITS);

	return ((steps + 1) << (row - 1)) - 1;
}

void
histogram_record_many(struct histogram *histogram, uint64_t value, uint64_t count)
{
	const unsigned bucket = bucket_of(value);

	assert(bucket < HISTOGRAM_BUCKETS);
	histogram->bucket[bucket] += count;
	histogram->count += count;
	histogram->sum += value * count;
	if (count > 0 && value > histogram->max)
		histogram->max = value;
}

void
histogram_record(struct histogram *histogram, uint64_t value)
{
	histogram_record_many(histogram, value, 1);
}

void
histogram_add(struct histogram *histogram, const struct histogram *other)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		histogram->bucket[i] += other->bucket[i];
	histogram->count += other->count;
	histogram->sum += other->sum;
	if (other->max > histogram->max)
		histogram->max = other->max;
}

uint64_t
histogram_percentile(const struct histogram *histogram, double share)
{
	uint64_t seen = 0;

	assert(share >= 0 && share <= 1);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->bucket[i];
		if (seen > 0 && (double)seen >= share * (double)histogram->count)
			return bucket_end(i) < histogram->max ? bucket_end(i) : histogram->max;
	}
	return histogram->max;
}
