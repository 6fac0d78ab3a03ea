#include "load/load_parse.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static bool
complain(const struct load_option *option, const char *value, const char *wanted)
{
	(void)fprintf(stderr, "karma-load: --%s=%s: %s\n", option->name, value, wanted);
	return false;
}

static void *
field(const struct load_option *option, struct load_options *ret)
{
	return (char *)ret + option->offset;
}

static bool
read_number(const struct load_option *option, const char *text, uint64_t *ret)
{
	char wanted[80];
	char *end;

	errno = 0;
	const unsigned long long value = strtoull(text, &end, 10);

	if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && value >= option->min &&
	    value <= option->max) {
		*ret = value;
		return true;
	}
	(void)snprintf(wanted, sizeof(wanted), "a number from %ju to %ju is needed", (uintmax_t)option->min,
	               (uintmax_t)option->max);
	return complain(option, text, wanted);
}

static bool
read_seconds(const struct load_option *option, const char *text, double min, double *ret)
{
	char *end;
	const double value = strtod(text, &end);

	if (end == text || *end != '\0' || !isfinite(value) || value < min || value > 86400)
		return complain(option, text, "seconds up to 86400 are needed");
	*ret = value;
	return true;
}

bool
parse_text(const struct load_option *option, char *text, struct load_options *ret)
{
	const char **to = field(option, ret);

	if (*text == '\0')
		return complain(option, text, "a value is needed");
	*to = text;
	return true;
}

bool
parse_number(const struct load_option *option, char *text, struct load_options *ret)
{
	return read_number(option, text, field(option, ret));
}

bool
parse_port(const struct load_option *option, char *text, struct load_options *ret)
{
	uint64_t port;

	ret->port = text;
	return read_number(option, text, &port);
}

bool
parse_target(const struct load_option *option, char *text, struct load_options *ret)
{
	const struct load_option port = { .name = option->name, .min = 1, .max = 65535 };
	char *colon = strrchr(text, ':');

	if (colon == NULL || colon == text || colon[1] == '\0')
		return complain(option, text, "NAME:PORT is needed");
	if (*text == '[' && colon[-1] == ']') {
		text++;
		colon[-1] = '\0';
	}
	*colon = '\0';
	ret->host = text;
	return parse_port(&port, colon + 1, ret);
}

bool
parse_unix_socket(const struct load_option *option, char *text, struct load_options *ret)
{
	if (strlen(text) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return complain(option, text, "a path of at most 107 bytes is needed");
	return parse_text(option, text, ret);
}

bool
/* text is as every parser's. NOLINTNEXTLINE(readability-non-const-parameter) */
parse_redis(const struct load_option *option, char *text, struct load_options *ret)
{
	(void)option;
	(void)text;
	ret->protocol_name = "redis";
	return true;
}

bool
parse_cpus(const struct load_option *option, char *text, struct load_options *ret)
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
	return complain(option, text, "up to 64 CPU numbers with commas between are needed");
}

bool
parse_mix(const struct load_option *option, char *text, struct load_options *ret)
{
	uint64_t total = 0;
	unsigned kinds = 0;
	char *at = text;

	for (; kinds < LOAD_KINDS && *at >= '0' && *at <= '9'; kinds++) {
		ret->percent[kinds] = strtoul(at, &at, 10);
		total += ret->percent[kinds] <= 100 ? ret->percent[kinds] : 101;
		if (*at == ':' && at[1] != '\0')
			at++;
	}
	for (unsigned kind = kinds; kind < LOAD_KINDS; kind++)
		ret->percent[kind] = 0;
	if (kinds < 2 || *at != '\0' || total != 100)
		return complain(option, text, "two or three percentages that add up to 100 are needed, such as 80:20");
	return true;
}

bool
parse_distribution(const struct load_option *option, char *text, struct load_options *ret)
{
	static const char zipf[] = "zipf:";
	char *end = text;

	ret->distribution = text;
	ret->theta = LOAD_THETA_DEFAULT;
	if (strcmp(text, "uniform") == 0) {
		ret->key_choice = LOAD_UNIFORM;
	} else if (strcmp(text, "hot") == 0) {
		ret->key_choice = LOAD_HOT;
	} else {
		ret->key_choice = LOAD_ZIPF;
		if (strncmp(text, zipf, sizeof(zipf) - 1) == 0 && text[sizeof(zipf) - 1] >= '0' &&
		    text[sizeof(zipf) - 1] <= '9')
			ret->theta = strtod(text + sizeof(zipf) - 1, &end);
		if (strcmp(text, "zipf") != 0 &&
		    (end == text || *end != '\0' || !(ret->theta > 0 && ret->theta <= LOAD_THETA_MAX)))
			return complain(option, text, "uniform, zipf, zipf:THETA (above 0, up to 10) or hot is needed");
	}
	return true;
}

bool
parse_tree(const struct load_option *option, char *text, struct load_options *ret)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/";

	if (*text == '\0' || strlen(text) > LOAD_TREE_BYTES_MAX || text[strspn(text, plain)] != '\0')
		return complain(option, text, "1 to 128 letters, digits and _ - . : / are needed");
	return parse_text(option, text, ret);
}

bool
parse_seconds(const struct load_option *option, char *text, struct load_options *ret)
{
	return read_seconds(option, text, 0, field(option, ret));
}

bool
parse_duration(const struct load_option *option, char *text, struct load_options *ret)
{
	return read_seconds(option, text, 0.01, field(option, ret));
}

bool
parse_pid(const struct load_option *option, char *text, struct load_options *ret)
{
	uint64_t pid;

	if (!read_number(option, text, &pid))
		return false;
	ret->pid = (pid_t)pid;
	return true;
}
