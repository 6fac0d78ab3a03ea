/*
 * load_options.h - the command line of karma-load
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "load/load_protocol.h"

enum { LOAD_CPUS_MAX = 64 };

struct load_options {
	const char *host;
	const char *port;
	uint64_t connections;
	uint64_t depth; /* requests in flight on one connection */
	uint64_t threads;
	uint64_t add_percent; /* the rest are sums */
	uint64_t keys;
	uint64_t seed;
	const char *tree;
	double duration_s;
	double warmup_s;
	uint64_t requests; /* 0: as long as duration_s says */
	uint64_t rate;     /* requests per second over all connections; 0: as fast as replies come */
	int cpus[LOAD_CPUS_MAX];
	size_t cpu_count;
	pid_t pid; /* of the server, 0 when not given */
	enum load_language language;
	bool json;
};

/* Strings borrow from argv. Returns false when the program should end at once with *ret_status; what there was to say
 * has been said. */
bool load_options_parse(int argc, char **argv, struct load_options *ret, int *ret_status);
