/*
 * main.c - set up in order, run until a signal, tear down in reverse
 *
 * The main thread takes all signals, synchronously, and moves today forward. Every other thread has signals blocked.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/kernel.h"
#include "base/timezone.h"
#include "config/config.h"
#include "dump_request.h"
#include "karma/engine.h"
#include "ledger/durable.h"
#include "ledger/ledger.h"
#include "log/log.h"
#include "net/server.h"
#include "store/store.h"
#include "tokens.h"

enum { TODAY_INTERVAL_MS = 250, OPTIONS_LOGGED_MAX = 64 };

static_assert((int)WAL_FSYNC_FALSE == (int)CONFIG_FSYNC_FALSE && (int)WAL_FSYNC_TRUE == (int)CONFIG_FSYNC_TRUE &&
                  (int)WAL_FSYNC_EVERYSEC == (int)CONFIG_FSYNC_EVERYSEC,
              "the option's values are the log's");

/* What is running, in the order in which it is set up. */
struct karma {
	struct config config;
	struct utsname system;
	char token[TOKEN_FILE_BYTES_MAX + 1]; /* of --auth-token-file */
	sigset_t signals;                     /* those that the main thread takes */
	struct engine *engine;
	struct ledger *ledger;
	struct store_ledger durable; /* the store's way to it */
	struct store *store;
	struct server *server;
};

/* The one line of a start that fails; behind the log, if that runs. Returns -1. */
__attribute__((format(printf, 1, 2))) static int
start_failed(const char *format, ...)
{
	va_list arguments;

	log_teardown();
	va_start(arguments, format);
	(void)fputs("ERROR: ", stderr);
	(void)vfprintf(stderr, format, arguments);
	(void)fputc('\n', stderr);
	va_end(arguments);
	return -1;
}

/*
 * Started with descriptors 0, 1 or 2 closed, the first files we open would take their places: the start line would be
 * written into the lock file, the log to a client.
 */
static int
descriptors_fill(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR); /* not close-on-exec, as what stands in its place */
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return start_failed("Cannot open /dev/null: %s", strerrordesc_np(errno));
	(void)close(fd);
	return 0;
}

static int
kernel_check(struct karma *karma)
{
	(void)uname(&karma->system); /* cannot fail: the structure is ours */
	if (kernel_is_supported(karma->system.release))
		return 0;
	return start_failed("Karma needs Linux %s or newer, this is %s %s", KERNEL_NEEDED, karma->system.sysname,
	                    karma->system.release);
}

/* Before there are other threads, so that all inherit it. */
static int
signals_setup(struct karma *karma)
{
	static const int taken[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1 };

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a limit to file sizes is an error of the call, as any other */
	(void)sigemptyset(&karma->signals);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		(void)sigaddset(&karma->signals, taken[i]);
	(void)sigprocmask(SIG_BLOCK, &karma->signals, NULL); /* NOLINT(concurrency-mt-unsafe): one thread yet */
	return 0;
}

/* The options as fields of one event. */
struct option_fields {
	size_t count;
	size_t used;
	struct log_field fields[OPTIONS_LOGGED_MAX];
	char values[4096];
};

static void
option_add(void *context, const char *name, const char *value)
{
	struct option_fields *all = context;
	size_t bytes = strlen(value);

	if (all->count == OPTIONS_LOGGED_MAX || bytes > sizeof(all->values) - all->used)
		return;
	memcpy(all->values + all->used, value, bytes);
	all->fields[all->count++] = log_bytes(name, all->values + all->used, bytes);
	all->used += bytes;
}

static void
log_start(const struct karma *karma)
{
	struct option_fields options = { 0 };

	log_info("start", log_string("version", KARMA_VERSION), log_i64("pid", getpid()),
	         log_string("kernel", karma->system.release));
	config_each(&karma->config, option_add, &options);
	log_event(LOG_INFO, "options in force", options.fields, options.count);
	for (size_t i = 0; i < karma->config.warning_count; i++)
		log_warn("option changed", log_string("why", karma->config.warnings[i]));
}

static int
log_and_zone_setup(struct karma *karma)
{
	int r = timezone_setup(karma->config.timezone); /* before the log's thread: it changes the environment */

	if (r == 0)
		r = log_setup(karma->config.log_level, karma->config.log_format);
	if (r < 0)
		return start_failed("Cannot start the log: %s", strerrordesc_np(-r));
	log_start(karma);
	return 0;
}

static int
engine_setup(struct karma *karma)
{
	int r = engine_create(karma->config.max_trees, timezone_today(), &karma->engine);

	return r < 0 ? start_failed("Cannot make the engine: %s", strerrordesc_np(-r)) : 0;
}

static int
ledger_setup(struct karma *karma)
{
	const struct ledger_options options = {
		.records_max = karma->config.idempotency_max_records,
		.age_max_seconds = karma->config.idempotency_max_age_s,
	};
	int r = ledger_create(&options, &karma->ledger);

	if (r < 0)
		return start_failed("Cannot make the ledger: %s", strerrordesc_np(-r));
	karma->durable = ledger_durable(karma->ledger);
	return 0;
}

static int
store_setup(struct karma *karma)
{
	struct store_fault fault;
	const struct store_options options = {
		.directory = karma->config.directory,
		.restore = karma->config.restore,
		.restore_skip_damaged = karma->config.restore_skip_damaged,
		.dump_retention_per_tree = karma->config.dump_retention_per_tree,
		.wal = karma->config.wal,
		.wal_fsync = (enum wal_fsync)karma->config.wal_fsync,
		.wal_segment_bytes = karma->config.wal_segment_bytes,
		.wal_max_bytes = karma->config.wal_max_bytes,
		.wal_batch_wait_us = karma->config.wal_batch_wait_us,
		.wal_truncate_at_damage = karma->config.wal_truncate_at_damage,
		.writers_max = karma->config.workers + 1,
		.ledger = &karma->durable,
	};

	return store_open(karma->engine, &options, &karma->store, &fault) < 0 ? start_failed("%s", fault.text) : 0;
}

static int
token_setup(struct karma *karma)
{
	const char *problem = tokens_setup(&karma->config, karma->token);

	return problem == NULL
	           ? 0
	           : start_failed("Cannot use the token file %s: %s", karma->config.auth_token_file, problem);
}

static int
server_setup(struct karma *karma)
{
	const struct config *config = &karma->config;
	struct server_fault fault;
	const struct server_options options = {
		.engine = karma->engine,
		.store = karma->store,
		.ledger = karma->ledger,
		.bind = config->bind,
		.port = (uint16_t)config->port,
		.unix_socket = config->unix_socket,
		.unix_socket_mode = config->unix_socket_mode,
		.nodelay = config->nodelay,
		.workers = config->workers,
		.cpus = config->cpu_count > 0 ? config->cpu_list : NULL,
		.request_bytes_max = config->max_request_bytes,
		.response_bytes_max = config->max_response_bytes,
		.auth_token = config->auth_token,
		.read_auth_token = config->read_auth_token,
		.clients_max = config->max_clients,
		.idle_timeout_s = config->idle_timeout_s,
		.write_timeout_s = config->write_timeout_s,
		.query_timeout_ms = config->query_timeout_ms,
	};

	if (server_start(&options, &karma->server, &fault) < 0)
		return start_failed("%s", fault.text);
	tokens_warn(config);
	return 0;
}

/* Waits for the next signal, a little while; 0 when none came. */
static int
signal_wait(const struct karma *karma)
{
	static const struct timespec interval = { .tv_nsec = TODAY_INTERVAL_MS * 1000000L };
	int number = sigtimedwait(&karma->signals, NULL, &interval);

	return number > 0 ? number : 0;
}

/* Until a signal asks for the end; returns it. */
static int
serve(struct karma *karma)
{
	log_info("serving", log_u64("port", server_port(karma->server)), log_u64("today", engine_today(karma->engine)));
	(void)printf("Karma v.%s is on %u.\n", KARMA_VERSION, (unsigned)server_port(karma->server));
	(void)fflush(stdout);
	for (;;) {
		int number = signal_wait(karma);

		engine_today_advance(karma->engine, timezone_today());
		if (number == SIGINT || number == SIGTERM)
			return number;
		if (number == SIGUSR1)
			dump_request(karma->store);
		if (number == SIGHUP)
			log_info("signal ignored", log_string("signal", "SIGHUP"));
	}
}

static void
exit_at_once(int number)
{
	(void)number;
	_exit(EXIT_FAILURE);
}

/* From here on the next SIGINT or SIGTERM ends the process wherever it is. */
static void
signals_release(void)
{
	sigset_t ends;

	(void)signal(SIGINT, exit_at_once);
	(void)signal(SIGTERM, exit_at_once);
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGINT);
	(void)sigaddset(&ends, SIGTERM);
	(void)pthread_sigmask(SIG_UNBLOCK, &ends, NULL);
}

/* The end as it should be: what was read is answered, every tree dumped. 0, or -1 if the dump failed. */
static int
stop(struct karma *karma, int number)
{
	log_info("stopping", log_string("signal", number == SIGINT ? "SIGINT" : "SIGTERM"));
	signals_release();
	bool answered = server_stop(karma->server, karma->config.shutdown_timeout_s);

	karma->server = NULL;
	if (!answered)
		log_warn("clients cut off", log_u64("shutdown-timeout", karma->config.shutdown_timeout_s));
	int r = dump_and_wait(karma->store);

	(void)printf("\nKarma v.%s is off.\n", KARMA_VERSION);
	(void)fflush(stdout);
	log_info("stopped", log_string("dump", r == 0 ? "written" : "failed"));
	return r;
}

/* Also of a start that failed half-way. */
static void
teardown(struct karma *karma)
{
	if (karma->store != NULL)
		store_close(karma->store);
	engine_destroy(karma->engine);
	ledger_destroy(karma->ledger);
	log_teardown();
}

/* 0: serve; else the process is to end with *ret_status. */
static int
configure(int argc, char **argv, struct config *config, int *ret_status)
{
	struct config_fault fault;

	*ret_status = EXIT_SUCCESS;
	if (config_parse(argc, argv, environ, config, &fault) < 0) {
		(void)start_failed("%s", fault.text);
		if (fault.show_help)
			config_help(stderr);
		*ret_status = EXIT_FAILURE;
	} else if (config->help) {
		config_help(stdout);
	} else if (config->version) {
		(void)printf("karma %s\n", KARMA_VERSION);
	} else {
		return 0;
	}
	return -1;
}

int
main(int argc, char **argv)
{
	static struct karma karma;
	int status;

	if (configure(argc, argv, &karma.config, &status) < 0)
		return status;
	status = EXIT_FAILURE;
	if (descriptors_fill() == 0 && kernel_check(&karma) == 0 && signals_setup(&karma) == 0 &&
	    log_and_zone_setup(&karma) == 0 && token_setup(&karma) == 0 && engine_setup(&karma) == 0 &&
	    ledger_setup(&karma) == 0 && store_setup(&karma) == 0 && server_setup(&karma) == 0 &&
	    stop(&karma, serve(&karma)) == 0)
		status = EXIT_SUCCESS;
	teardown(&karma);
	return status;
}
