/*
 * load_usage.h - what a process uses, from /proc
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct load_usage {
	uint64_t cpu_ns;             /* all threads, ended ones too, exact to the moment */
	uint64_t user_ns, system_ns; /* the same in the kernel's ticks of 10 ms */
	uint64_t resident_bytes;
	uint64_t voluntary, involuntary; /* context switches of the threads there are; those of ended ones are lost */
};

/* 0 or negative errno. */
int load_usage_read(pid_t pid, struct load_usage *ret);

/* What was used between two readings; resident_bytes is that of the later one. */
struct load_usage load_usage_between(const struct load_usage *before, const struct load_usage *after);
