/*
 * config.h - command line and environment
 *
 * One table (config.c) declares every option: name, letter, environment name, type, default, bounds, help. --help and
 * the error texts print from it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/limits.h"
#include "log/log.h"

/* As enum wal_fsync, which this folder does not know; main.c holds them together. */
enum config_fsync { CONFIG_FSYNC_FALSE, CONFIG_FSYNC_TRUE, CONFIG_FSYNC_EVERYSEC };

enum { CONFIG_WARNINGS_MAX = 3 };

struct config {
	const char *bind;
	uint32_t port;
	const char *directory;
	bool restore;
	bool nodelay;
	uint32_t workers; /* as given, or the CPUs of the affinity mask and cgroup quota */
	const char *cpus; /* list such as 0,2-5, or NULL */
	const char *unix_socket;
	uint32_t unix_socket_mode;
	const char *timezone;
	uint64_t max_request_bytes;
	uint64_t max_response_bytes;
	uint32_t max_clients;
	uint32_t max_trees;
	uint32_t idle_timeout_s;
	uint32_t write_timeout_s;
	uint32_t query_timeout_ms;
	uint32_t shutdown_timeout_s;
	uint32_t dump_retention_per_tree;
	uint32_t idempotency_max_records;
	uint32_t idempotency_max_age_s;
	const char *auth_token;      /* NULL: none, the same for the next two */
	const char *auth_token_file; /* read by main.c, in place of auth_token */
	const char *read_auth_token;
	bool restore_skip_damaged;
	bool wal;
	enum config_fsync wal_fsync;
	uint64_t wal_segment_bytes;
	uint64_t wal_max_bytes;
	uint32_t wal_batch_wait_us;
	uint32_t wal_batch_size; /* has no effect */
	bool wal_truncate_at_damage;
	bool log;
	enum log_level log_level; /* LOG_NONE without log */
	enum log_format log_format;
	unsigned role;
	struct { /* NULL, all of them */
		const char *source_host, *source_port, *token, *poll_interval_ms, *batch_size;
	} replication;
	bool help;
	bool version;
	int cpu_list[WORKERS_MAX];                 /* with cpus: one for each worker, going round the list */
	size_t cpu_count;                          /* 0 without cpus, else workers */
	const char *warnings[CONFIG_WARNINGS_MAX]; /* what of the options is not as a start script may expect */
	size_t warning_count;
};

struct config_fault {
	char text[512]; /* one line naming option, value and range */
	bool show_help; /* unknown option: the help goes behind it */
};

/* Strings borrow from argv and environ. The command line wins over the environment; the last of repeated options wins.
 * 0, or -1 with *ret_fault written. */
int config_parse(int argc, char **argv, char **environment, struct config *ret, struct config_fault *ret_fault);

void config_help(FILE *stream);

/* Calls visit for every option in force, as text, for the log. */
void config_each(const struct config *config, void (*visit)(void *context, const char *name, const char *value),
                 void *context);
