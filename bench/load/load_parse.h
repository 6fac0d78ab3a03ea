/*
 * load_parse.h - the values of karma-load's options
 *
 * A parser reads the value of one option into its field. It returns false after one line on stderr when the value will
 * not do. Strings borrow from `text`, which may be cut.
 */
#pragma once

#include "load/load_options.h"

struct load_option {
	const char *name;
	uint64_t min, max; /* of a number */
	size_t offset;     /* of its field in struct load_options */
};

bool parse_text(const struct load_option *option, char *text, struct load_options *ret);
bool parse_number(const struct load_option *option, char *text, struct load_options *ret);
bool parse_port(const struct load_option *option, char *text, struct load_options *ret);
bool parse_target(const struct load_option *option, char *text, struct load_options *ret);
bool parse_unix_socket(const struct load_option *option, char *text, struct load_options *ret);
bool parse_redis(const struct load_option *option, char *text, struct load_options *ret);
bool parse_cpus(const struct load_option *option, char *text, struct load_options *ret);
bool parse_mix(const struct load_option *option, char *text, struct load_options *ret);
bool parse_distribution(const struct load_option *option, char *text, struct load_options *ret);
bool parse_tree(const struct load_option *option, char *text, struct load_options *ret);
bool parse_seconds(const struct load_option *option, char *text, struct load_options *ret);  /* 0 is fine */
bool parse_duration(const struct load_option *option, char *text, struct load_options *ret); /* 10 ms at least */
bool parse_pid(const struct load_option *option, char *text, struct load_options *ret);
