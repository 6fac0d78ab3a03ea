#include "load/load_options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: karma-load [options]\n"
    "Loads a Karma server and measures it. Exit status 1 when a reply was wrong or missing, 2 for a bad option.\n"
    "\n"
    "      --host=NAME          server (default 127.0.0.1)\n"
    "      --port=NUMBER        its port (default 8080)\n"
    "      --target=NAME:PORT   both at once; [::1]:8080 for IPv6\n"
    "  -c, --connections=N      connections over all threads (default 50)\n"
    "  -d, --depth=N            requests in flight on each connection (default 16)\n"
    "  -t, --threads=N          threads of the load (default 1)\n"
    "      --cpus=LIST          pin the threads to these CPUs, such as 1 or 2,3\n"
    "      --mix=ADD:SUM        percentages of increment and sum (default 100:0)\n"
    "      --keys=N             keys are random, 0 to N-1 (default 100000)\n"
    "      --seed=N             of the random keys (default 1)\n"
    "      --tree=NAME          tree to count in (default load)\n"
    "      --duration=SECONDS   how long to measure (default 10)\n"
    "      --warmup=SECONDS     before that, not measured (default 1)\n"
    "  -n, --requests=N         instead of both: end after N requests, all measured\n"
    "  -r, --rate=N             send N requests a second on a fixed schedule; latency counts from the\n"
    "                           scheduled time, also when the server holds the load up\n"
    "                           (default: the next request goes out when a reply has come)\n"
    "      --pid=PID            show the CPU time this process took per request\n"
    "      --redis              speak to a Redis server: HINCRBY and HGET of a hash, to compare\n"
    "      --json               print one JSON object instead of lines\n"
    "  -h, --help               show this\n";

enum option_id {
	OPTION_HOST = 256,
	OPTION_PORT,
	OPTION_TARGET,
	OPTION_CPUS,
	OPTION_MIX,
	OPTION_KEYS,
	OPTION_SEED,
	OPTION_TREE,
	OPTION_DURATION,
	OPTION_WARMUP,
	OPTION_PID,
	OPTION_REDIS,
	OPTION_JSON,
};

static const struct option long_options[] = {
	{ "host", required_argument, NULL, OPTION_HOST },
	{ "port", required_argument, NULL, OPTION_PORT },
	{ "target", required_argument, NULL, OPTION_TARGET },
	{ "connections", required_argument, NULL, 'c' },
	{ "depth", required_argument, NULL, 'd' },
	{ "threads", required_argument, NULL, 't' },
	{ "cpus", required_argument, NULL, OPTION_CPUS },
	{ "mix", required_argument, NULL, OPTION_MIX },
	{ "keys", required_argument, NULL, OPTION_KEYS },
	{ "seed", required_argument, NULL, OPTION_SEED },
	{ "tree", required_argument, NULL, OPTION_TREE },
	{ "duration", required_argument, NULL, OPTION_DURATION },
	{ "warmup", required_argument, NULL, OPTION_WARMUP },
	{ "requests", required_argument, NULL, 'n' },
	{ "rate", required_argument, NULL, 'r' },
	{ "pid", required_argument, NULL, OPTION_PID },
	{ "redis", no_argument, NULL, OPTION_REDIS },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static bool
complain(const char *option, const char *value, const char *wanted)
{
	(void)fprintf(stderr, "karma-load: --%s=%s: %s\n", option, value, wanted);
	return false;
}

static bool
parse_u64(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	char wanted[80];
	char *end;

	errno = 0;
	const unsigned long long value = strtoull(text, &end, 10);

	if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && value >= min && value <= max) {
		*ret = value;
		return true;
	}
	(void)snprintf(wanted, sizeof(wanted), "a number from %ju to %ju is needed", (uintmax_t)min, (uintmax_t)max);
	return complain(option, text, wanted);
}

static bool
parse_seconds(const char *option, const char *text, double min, double *ret)
{
	char *end;
	const double value = strtod(text, &end);

	if (end == text || *end != '\0' || !isfinite(value) || value < min || value > 86400)
		return complain(option, text, "seconds up to 86400 are needed");
	*ret = value;
	return true;
}

static bool
parse_target(char *text, struct load_options *ret)
{
	char *colon = strrchr(text, ':');

	if (colon == NULL || colon == text || colon[1] == '\0')
		return complain("target", text, "NAME:PORT is needed");
	if (*text == '[' && colon[-1] == ']') {
		text++;
		colon[-1] = '\0';
	}
	*colon = '\0';
	ret->host = text;
	ret->port = colon + 1;
	return true;
}

static bool
parse_mix(const char *text, uint64_t *ret_add_percent)
{
	unsigned add, sum;
	char rest;

	if (sscanf(text, "%3u:%3u%c", &add, &sum, &rest) != 2 || add + sum != 100)
		return complain("mix", text, "two percentages that add up to 100 are needed, such as 80:20");
	*ret_add_percent = add;
	return true;
}

static bool
parse_tree(const char *text, const char **ret)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/";

	if (*text == '\0' || strlen(text) > LOAD_TREE_BYTES_MAX || text[strspn(text, plain)] != '\0')
		return complain("tree", text, "1 to 128 letters, digits and _ - . : / are needed");
	*ret = text;
	return true;
}

static bool
parse_cpus(const char *text, struct load_options *ret)
{
	const char *at = text;

	ret->cpu_count = 0;
	while (ret->cpu_count < LOAD_CPUS_MAX) {
		char *end;
		const long cpu = strtol(at, &end, 10);

		if (end == at || cpu < 0 || cpu >= CPU_SETSIZE || (*end != ',' && *end != '\0'))
			break;
		ret->cpus[ret->cpu_count++] = (int)cpu;
		if (*end == '\0')
			return true;
		at = end + 1;
	}
	return complain("cpus", text, "up to 64 CPU numbers with commas between are needed");
}

static bool
parse_pid(const char *text, pid_t *ret)
{
	uint64_t pid;

	if (!parse_u64("pid", text, 1, INT32_MAX, &pid))
		return false;
	*ret = (pid_t)pid;
	return true;
}

static bool
parse_one(int id, char *value, struct load_options *ret)
{
	uint64_t port;

	switch (id) {
	case OPTION_HOST:
		ret->host = value;
		return true;
	case OPTION_PORT:
		ret->port = value;
		return parse_u64("port", value, 1, 65535, &port);
	case OPTION_TARGET:
		return parse_target(value, ret) && parse_u64("target", ret->port, 1, 65535, &port);
	case 'c':
		return parse_u64("connections", value, 1, 1000000, &ret->connections);
	case 'd':
		return parse_u64("depth", value, 1, 65536, &ret->depth);
	case 't':
		return parse_u64("threads", value, 1, 256, &ret->threads);
	case OPTION_CPUS:
		return parse_cpus(value, ret);
	case OPTION_MIX:
		return parse_mix(value, &ret->add_percent);
	case OPTION_KEYS:
		return parse_u64("keys", value, 1, UINT64_MAX, &ret->keys);
	case OPTION_SEED:
		return parse_u64("seed", value, 0, UINT64_MAX, &ret->seed);
	case OPTION_TREE:
		return parse_tree(value, &ret->tree);
	case OPTION_DURATION:
		return parse_seconds("duration", value, 0.01, &ret->duration_s);
	case OPTION_WARMUP:
		return parse_seconds("warmup", value, 0, &ret->warmup_s);
	case 'n':
		return parse_u64("requests", value, 1, UINT64_MAX, &ret->requests);
	case 'r':
		return parse_u64("rate", value, 1, 1000000000, &ret->rate);
	case OPTION_PID:
		return parse_pid(value, &ret->pid);
	case OPTION_REDIS:
		ret->language = LOAD_REDIS;
		return true;
	case OPTION_JSON:
		ret->json = true;
		return true;
	default:
		return false; /* getopt_long() has said why */
	}
}

static bool
check_together(const struct load_options *options)
{
	if (options->threads <= options->connections)
		return true;
	(void)fprintf(stderr, "karma-load: more threads (%ju) than connections (%ju)\n", (uintmax_t)options->threads,
	              (uintmax_t)options->connections);
	return false;
}

bool
load_options_parse(int argc, char **argv, struct load_options *ret, int *ret_status)
{
	int id;

	*ret = (struct load_options){ .host = "127.0.0.1",
		                      .port = "8080",
		                      .connections = 50,
		                      .depth = 16,
		                      .threads = 1,
		                      .add_percent = 100,
		                      .keys = 100000,
		                      .seed = 1,
		                      .tree = "load",
		                      .duration_s = 10,
		                      .warmup_s = 1 };
	/* No other thread runs yet. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while ((id = getopt_long(argc, argv, "c:d:t:n:r:h", long_options, NULL)) != -1) {
		if (id == 'h') {
			(void)fputs(help, stdout);
			*ret_status = 0;
			return false;
		}
		*ret_status = 2;
		if (!parse_one(id, optarg, ret))
			return false;
	}
	*ret_status = 2;
	if (optind < argc) {
		(void)fprintf(stderr, "karma-load: %s: not an option; see --help\n", argv[optind]);
		return false;
	}
	return check_together(ret);
}
