/*
 * bounds.h - what would bound the engine on many cores, each bound by itself
 */
#pragma once

#include <stdint.h>

#include "kit/options.h"

struct bounds_options {
	struct option_numbers threads; /* that work */
	struct option_numbers rates;   /* at which the epoch moves */
	struct option_numbers idle;    /* workers that are registered and do nothing */
	uint64_t batch;
	double seconds;
};

/* Each adds its rows. */
void bounds_epoch(const struct bounds_options *options);
void bounds_hot(const struct bounds_options *options);
void bounds_quiesce(const struct bounds_options *options);
void bounds_commit(const struct bounds_options *options);
