/*
 * load_option_table.h - every option of karma-load, in the order of --help
 *
 * name, letter or 0, what its value is called (NULL: none), parser, the parser's bounds, field of struct load_options,
 * help. Used once, by load_options.c.
 */
#pragma once

/* clang-format off */
#define LOAD_OPTION_TABLE(X)                                                                                           \
	X("host", 0, "NAME", parse_text, 0, 0, host, "server (default 127.0.0.1)")                                     \
	X("port", 0, "NUMBER", parse_port, 1, 65535, port, "its port (default 8080)")                                  \
	X("target", 0, "NAME:PORT", parse_target, 0, 0, host, "both at once; [::1]:8080 for IPv6")                     \
	X("unix-socket", 0, "PATH", parse_unix_socket, 0, 0, unix_socket, "connect there instead")                     \
	X("protocol", 0, "NAME", parse_text, 0, 0, protocol_name, "v1 (default), redis or memcached; memcached knows\n" \
	  "only keys that exist, so they are added before the run")                                                    \
	X("command", 0, "NAME", parse_text, 0, 0, command_name, "of Redis: hincrby (default; with HGET, in a hash named\n" \
	  "as the tree) or incr (with GET, keys TREE:KEY)")                                                            \
	X("redis", 0, NULL, parse_redis, 0, 0, protocol_name, "the same as --protocol=redis")                          \
	X("connections", 'c', "N", parse_number, 1, 1000000, connections, "connections over all threads (default 50)") \
	X("depth", 'd', "N", parse_number, 1, 65536, depth, "requests in flight on each connection (default 16)")      \
	X("threads", 't', "N", parse_number, 1, LOAD_THREADS_MAX, threads, "threads of the load (default 1)")                       \
	X("cpus", 0, "LIST", parse_cpus, 0, 0, cpus, "pin the threads to these CPUs, such as 1 or 2,3")                \
	X("mix", 0, "ADD:SUM[:DEC]", parse_mix, 0, 0, percent, "percentages of increment, sum and decrement\n"         \
	  "(default 100:0)")                                                                                           \
	X("keys", 0, "N", parse_number, 1, UINT64_MAX, keys, "keys are 0 to N-1 (default 100000)")                     \
	X("distribution", 0, "KIND", parse_distribution, 0, 0, distribution, "of the keys asked for: uniform (default),\n" \
	  "zipf[:THETA] (rank k in proportion to 1 / k^THETA,\n"                                                       \
	  "default 0.99, ranks scattered over the keys), or hot\n"                                                     \
	  "(key 0 alone)")                                                                                             \
	X("seed", 0, "N", parse_number, 0, UINT64_MAX, seed, "of the random choices (default 1)")                      \
	X("tree", 0, "NAME", parse_tree, 0, 0, tree, "tree to count in (default load)")                                \
	X("duration", 0, "SECONDS", parse_duration, 0, 0, duration_s, "how long to measure (default 10)")              \
	X("warmup", 0, "SECONDS", parse_seconds, 0, 0, warmup_s, "before that, not measured (default 1)")              \
	X("requests", 'n', "N", parse_number, 1, UINT64_MAX, requests, "instead of both: end after N requests, all measured") \
	X("rate", 'r', "N", parse_number, 1, 1000000000, rate, "send N requests a second on a fixed schedule; latency\n" \
	  "counts from the scheduled time, also when the server\n"                                                     \
	  "holds the load up (default: the next request goes out\n"                                                    \
	  "when a reply has come)")                                                                                    \
	X("slice", 0, "SECONDS", parse_duration, 0, 0, slice_s, "in --json, figures of each slice of this length\n"    \
	  "(default 1, or a thousandth of a longer duration)")                                                         \
	X("pid", 0, "PID", parse_pid, 1, INT32_MAX, pid, "the server: show its CPU time per request, resident\n"       \
	  "memory and context switches")                                                                               \
	X("json", 0, "FILE", parse_text, 0, 0, json, "write one JSON object there too; -: to stdout,\n"                \
	  "instead of the table")                                                                                      \
	X("help", 'h', NULL, NULL, 0, 0, host, "show this")
/* clang-format on */
