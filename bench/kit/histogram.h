/*
 * histogram.h - latencies in buckets that grow with the value
 *
 * Each power of two is cut into 128 equal steps, so any percentile is right to 0.8 %, from 1 ns to 18 minutes, in a
 * table of fixed size: recording never allocates, and histograms of several threads add up. One thread at a time.
 */
#pragma once

#include <stdint.h>

enum {
	HISTOGRAM_STEP_BITS = 7,
	HISTOGRAM_VALUE_BITS = 40,
	HISTOGRAM_BUCKETS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_STEP_BITS + 1) << HISTOGRAM_STEP_BITS,
};

struct histogram {
	uint64_t count;
	uint64_t max; /* exact */
	uint64_t sum; /* exact, too: for the mean */
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

/* A histogram of zeros is empty. Values too large for the table count as the largest, but max is kept. */
void histogram_record(struct histogram *histogram, uint64_t value);
void histogram_record_many(struct histogram *histogram, uint64_t value, uint64_t count);
void histogram_add(struct histogram *histogram, const struct histogram *other);

/* The value that `share` (0 … 1) of all are at or below: the end of its bucket, at most max. 0 when empty. */
uint64_t histogram_percentile(const struct histogram *histogram, double share);
