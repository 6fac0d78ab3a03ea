/*
 * load_options.h - the command line of karma-load
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "load/load_keys.h"
#include "load/load_protocol.h"

enum { LOAD_CPUS_MAX = 64, LOAD_THREADS_MAX = 256 };

struct load_options {
	const char *host;
	const char *port;
	const char *unix_socket; /* path, instead of host and port; or NULL */
	uint64_t connections;
	uint64_t depth; /* requests in flight on one connection */
	uint64_t threads;
	int cpus[LOAD_CPUS_MAX];
	size_t cpu_count;
	const char *protocol_name;
	const char *command_name; /* NULL: the first of the protocol */
	const struct load_language *language;
	uint64_t percent[LOAD_KINDS]; /* add up to 100 */
	uint64_t keys;
	const char *distribution; /* as given */
	enum load_key_choice key_choice;
	double theta; /* of LOAD_ZIPF */
	uint64_t seed;
	const char *tree;
	double duration_s;
	double warmup_s;
	uint64_t requests; /* 0: as long as duration_s says */
	uint64_t rate;     /* requests per second over all connections; 0: as fast as replies come */
	double slice_s;
	pid_t pid;        /* of the server, 0 when not given */
	const char *json; /* file for the result, "-" for stdout, or NULL */
};

/* Strings borrow from argv. Returns false when the program should end at once with *ret_status; what there was to say
 * has been said. */
bool load_options_parse(int argc, char **argv, struct load_options *ret, int *ret_status);
