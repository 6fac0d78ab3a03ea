/*
 * The table is all there is to know about the options: parsing, help, errors and the log print from it. The rows with
 * letters are the original's; their lines of the help come first and stay as they were.
 */
#include "config/option.h"

#include <assert.h>
#include <string.h>

#include "config/config.h"

#define TARGET(member) offsetof(struct config, member)
#define KIB            UINT64_C(1024)
#define MIB            (KIB * 1024)
#define GIB            (MIB * 1024)
#define HOUR_S         UINT64_C(3600)
#define YEAR_S         (365 * 24 * HOUR_S)

/* One shape for every row. */
/* clang-format off */
const struct option option_table[] = {
	{ 'b', "bind", "host", "KARMA_HOST", VALUE_TEXT, TARGET(bind), { 0, 0 }, "0.0.0.0",
	  "Host to bind" },
	{ 'p', "port", "port", "KARMA_PORT", VALUE_U32, TARGET(port), { 0, 65535 }, "8080",
	  "Port to listen for connection" },
	{ 'd', "directory", "path", "KARMA_DUMP_DIR", VALUE_TEXT, TARGET(directory), { 0, 0 }, ".",
	  "Directory for storing and loading dumps" },
	{ 'r', "restore", "flag", "KARMA_RESTORE", VALUE_BOOL, TARGET(restore), { 0, 0 }, "true",
	  "Load last state from dumps" },
	{ 'n', "nodelay", "flag", "KARMA_TCP_NODELAY", VALUE_BOOL, TARGET(nodelay), { 0, 0 }, "true",
	  "Disable Nagle's algorithm" },
	{ 'h', "help", NULL, NULL, VALUE_FLAG, TARGET(help), { 0, 0 }, NULL,
	  "Show this help" },
	{ 0, "version", NULL, NULL, VALUE_FLAG, TARGET(version), { 0, 0 }, NULL,
	  "Show the version" },
	{ 0, "workers", "count", "KARMA_WORKERS", VALUE_U32, TARGET(workers), { 1, WORKERS_MAX }, NULL,
	  "Threads that serve (default: one per CPU it may use)" },
	{ 0, "cpus", "list", "KARMA_CPUS", VALUE_CPUS, TARGET(cpus), { 0, 0 }, NULL,
	  "Pin the workers to these CPUs, such as 0,2-5" },
	{ 0, "unix-socket", "path", "KARMA_UNIX_SOCKET", VALUE_OPTIONAL, TARGET(unix_socket), { 0, 0 }, NULL,
	  "Listen on a Unix socket, too" },
	{ 0, "unix-socket-mode", "mode", "KARMA_UNIX_SOCKET_MODE", VALUE_MODE, TARGET(unix_socket_mode), { 0, 0777 }, "0660",
	  "Permissions of the Unix socket" },
	{ 0, "timezone", "zone", "KARMA_TIMEZONE", VALUE_ZONE, TARGET(timezone), { 0, 0 }, "UTC",
	  "Zone of today: UTC, local or a name such as Europe/Berlin" },
	{ 0, "max-request-bytes", "size", "KARMA_MAX_REQUEST_BYTES", VALUE_SIZE, TARGET(max_request_bytes),
	  { 128, GIB }, "64KiB", "Longest request line" },
	{ 0, "max-response-bytes", "size", "KARMA_MAX_RESPONSE_BYTES", VALUE_SIZE, TARGET(max_response_bytes),
	  { 0, GIB }, "64MiB", "Longest reply, 0 = 1GiB" },
	{ 0, "max-clients", "count", "KARMA_MAX_CLIENTS", VALUE_U32, TARGET(max_clients), { 1, 1000000 }, "10000",
	  "Connections at a time" },
	{ 0, "max-trees", "count", "KARMA_MAX_TREES", VALUE_U32, TARGET(max_trees), { 1, 10000000 }, "100000",
	  "Trees at a time" },
	{ 0, "idle-timeout", "seconds", "KARMA_READ_TIMEOUT_SECONDS", VALUE_U32, TARGET(idle_timeout_s), { 0, YEAR_S }, "0",
	  "Close what sends nothing so long, 0 = never; also --read-timeout", "read-timeout" },
	{ 0, "write-timeout", "seconds", "KARMA_WRITE_TIMEOUT_SECONDS", VALUE_U32, TARGET(write_timeout_s), { 0, YEAR_S }, "60",
	  "Close what reads nothing so long, 0 = never" },
	{ 0, "query-timeout-ms", "time", "KARMA_QUERY_TIMEOUT_MS", VALUE_U32, TARGET(query_timeout_ms), { 0, UINT32_MAX }, "1000",
	  "Milliseconds after which a v2 read of a whole tree ends, 0 = never" },
	/* Today stands still while the server stops, so not for long. */
	{ 0, "shutdown-timeout", "seconds", "KARMA_SHUTDOWN_TIMEOUT_SECONDS", VALUE_U32, TARGET(shutdown_timeout_s),
	  { 0, HOUR_S }, "5", "Time to answer what was read when stopping" },
	{ 0, "dump-retention-per-tree", "count", "KARMA_DUMP_RETENTION_PER_TREE", VALUE_U32, TARGET(dump_retention_per_tree),
	  { 0, 1000000 }, "5", "Dumps of a tree to keep, 0 = all" },
	{ 0, "idempotency-max-records", "count", "KARMA_IDEMPOTENCY_MAX_RECORDS", VALUE_U32, TARGET(idempotency_max_records),
	  { 1, 1000000000 }, "1000000", "Idempotency keys to remember, the oldest leave first" },
	{ 0, "idempotency-max-age-seconds", "seconds", "KARMA_IDEMPOTENCY_MAX_AGE_SECONDS", VALUE_U32,
	  TARGET(idempotency_max_age_s), { 0, UINT32_MAX }, "604800", "How long to remember them, 0 = any time" },
	{ 0, "auth-token", "token", "KARMA_AUTH_TOKEN", VALUE_SECRET, TARGET(auth_token), { 0, 0 }, NULL,
	  "Token that every request needs; may do everything" },
	{ 0, "auth-token-file", "path", "KARMA_AUTH_TOKEN_FILE", VALUE_OPTIONAL, TARGET(auth_token_file), { 0, 0 }, NULL,
	  "The same, from the first line of a file" },
	{ 0, "read-auth-token", "token", "KARMA_READ_AUTH_TOKEN", VALUE_SECRET, TARGET(read_auth_token), { 0, 0 }, NULL,
	  "Token that is enough for reading" },
	{ 0, "restore-skip-damaged", "flag", "KARMA_RESTORE_SKIP_DAMAGED", VALUE_BOOL, TARGET(restore_skip_damaged), { 0, 0 },
	  "false", "Start with an older dump, or none, where one is damaged" },
	{ 'w', "wal", "flag", "KARMA_WAL", VALUE_BOOL, TARGET(wal), { 0, 0 }, "true",
	  "Log every write, so that a crash loses nothing" },
	{ 0, "wal-fsync", "when", "KARMA_WAL_FSYNC", VALUE_SYNC, TARGET(wal_fsync), { 0, 0 }, "true",
	  "When the log is synced: true (before the reply), everysec, false" },
	{ 0, "wal-segment-bytes", "size", "KARMA_WAL_SEGMENT_BYTES", VALUE_SIZE, TARGET(wal_segment_bytes),
	  { 0, 16 * GIB }, "64MiB", "Size of a file of the log, 64KiB at least" },
	{ 0, "wal-max-bytes", "size", "KARMA_WAL_MAX_BYTES", VALUE_SIZE, TARGET(wal_max_bytes),
	  { MIB, 1024 * GIB }, "1GiB", "A log larger than that is replaced by a full dump" },
	{ 0, "wal-batch-wait-us", "time", "KARMA_WAL_BATCH_WAIT_MICROSECONDS", VALUE_U32, TARGET(wal_batch_wait_us),
	  { 0, 1000000 }, "0", "Microseconds to gather more writes before a sync" },
	{ 0, "wal-truncate-at-damage", "flag", "KARMA_WAL_TRUNCATE_AT_DAMAGE", VALUE_BOOL, TARGET(wal_truncate_at_damage),
	  { 0, 0 }, "false", "Start with what stands before damage in the log" },
	{ 0, "wal-batch-size", "count", "KARMA_WAL_BATCH_SIZE", VALUE_U32, TARGET(wal_batch_size), { 0, UINT32_MAX }, "0",
	  "For start scripts of upstream: a commit takes all that waits" },
	{ 0, "log", "flag", "KARMA_LOG", VALUE_BOOL, TARGET(log), { 0, 0 }, "true",
	  "Write the log; false is the same as --log-level=none" },
	{ 0, "log-level", "level", "KARMA_LOG_LEVEL", VALUE_LEVEL, TARGET(log_level), { 0, 0 }, "info",
	  "What to log: none, error, warn, info or debug" },
	{ 0, "log-format", "format", "KARMA_LOG_FORMAT", VALUE_FORMAT, TARGET(log_format), { 0, 0 }, "text",
	  "Lines of the log: text or json" },
	{ 0, "role", "role", "KARMA_ROLE", VALUE_ROLE, TARGET(role), { 0, 0 }, "master",
	  "Nothing but master: replication is not configured" },
#define REPLICATION(name, environment, target) \
	{ 0, "replication-" name, "value", "KARMA_REPLICATION_" environment, VALUE_ABSENT, TARGET(replication.target), { 0, 0 }, \
	  NULL, "Refused: replication is not configured" }
	REPLICATION("source-host", "SOURCE_HOST", source_host),
	REPLICATION("source-port", "SOURCE_PORT", source_port),
	REPLICATION("token", "TOKEN", token),
	REPLICATION("poll-interval-ms", "POLL_INTERVAL_MS", poll_interval_ms),
	REPLICATION("batch-size", "BATCH_SIZE", batch_size),
#undef REPLICATION
};
/* clang-format on */

static_assert(sizeof(option_table) / sizeof(option_table[0]) == OPTION_COUNT, "the header counts the rows");

static bool
name_is(const char *name, const char *other, size_t bytes)
{
	return name != NULL && strlen(name) == bytes && memcmp(name, other, bytes) == 0;
}

const struct option *
option_find(const char *name, size_t bytes)
{
	OPTION_EACH (option)
		if (name_is(option->name, name, bytes) || name_is(option->alias, name, bytes))
			return option;
	return NULL;
}

const struct option *
option_find_letter(char letter)
{
	OPTION_EACH (option)
		if (option->letter == letter && letter != 0)
			return option;
	return NULL;
}

static void
help_option(FILE *stream, const struct option *option)
{
	char letter[32] = "";
	char name[64];
	const char *argument = option->argument != NULL ? option->argument : "";

	if (option->letter != 0)
		(void)snprintf(letter, sizeof(letter), "-%c%s%s, ", option->letter, argument[0] != '\0' ? " " : "",
		               argument);
	(void)snprintf(name, sizeof(name), "%s--%s%s%s", letter, option->name, argument[0] != '\0' ? "=" : "",
	               argument);
	(void)fprintf(stream, "    %-32s %s", name, option->help);
	if (option->preset != NULL)
		(void)fprintf(stream, " (default: %s)", option->preset);
	(void)fputc('\n', stream);
}

void
config_help(FILE *stream)
{
	(void)fputs("Usage: karma [arguments]\n", stream);
	OPTION_EACH (option)
		help_option(stream, option);
	(void)fputs(
	    "\n"
	    "Sizes are bytes, or a number with KiB, MiB or GiB. Flags are true or false. Of repeated options the last\n"
	    "wins; the command line wins over the environment:\n",
	    stream);
	OPTION_EACH (option)
		if (option->environment != NULL)
			(void)fprintf(stream, "    %-34s --%s\n", option->environment, option->name);
}
