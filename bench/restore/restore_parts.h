/*
 * restore_parts.h - what is measured of a restore
 */
#pragma once

#include "restore/restore_make.h"

struct bench {
	uint64_t keys;
	const char *base;
	uint32_t only;  /* bit n: kind n */
	uint32_t parts; /* bit n: enum restore_part */
	enum restore_kind kind;
	unsigned part; /* of bench_parts */
	char directory[4096];
	int directory_fd;
	double started, seconds;
	double cpu_started, cpu_seconds;
};

enum restore_part { PART_READ, PART_INSERT, PART_LOAD, PART_DECODE, PART_START };
extern const char *const restore_part_names[];

struct bench_part {
	enum restore_kind kind;
	enum restore_part part;
	void (*run)(struct bench *bench);
};

enum { BENCH_PARTS = 9 };
extern const struct bench_part bench_parts[BENCH_PARTS];
