/*
 * wal_device_figure.h - what the directory's device does without any log: write one block, wait until it is there
 */
#pragma once

#include <stdint.h>

#include "kit/scratch.h"

/* Adds two rows: blocks into a file that was written before, and into one whose room is only reserved. */
void wal_device_figure(const struct scratch *scratch, uint64_t block_bytes, double seconds);
