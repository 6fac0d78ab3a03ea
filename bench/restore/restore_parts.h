/*
 * restore_parts.h - what is measured of a restore
 */
#pragma once

#include "restore/restore_make.h"

struct bench {
	uint64_t keys;
	const char *base;
	const char *only; /* NULL: all */
	const char *part; /* NULL: all */
	enum restore_kind kind;
	char directory[4096];
	int directory_fd;
	double started, seconds;
	double cpu_started, cpu_seconds;
};

struct bench_part {
	enum restore_kind kind;
	const char *name;
	void (*run)(struct bench *bench);
};

enum { BENCH_PARTS = 9 };
extern const struct bench_part bench_parts[BENCH_PARTS];
