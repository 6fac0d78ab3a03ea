/*
 * probe.h - where a tracer can look into a running server (USDT)
 *
 * A probe is one nop, and a note in the ELF file that says where the nop is and in which registers or memory the arguments
 * are. bpftrace, perf, SystemTap and gdb put a breakpoint there for as long as they look; before and after it costs the nop. So
 * an argument is what the code has at hand at that place: nothing is computed, loaded or kept alive for a probe. Where a
 * request would pay, the probe stands once a batch, with counts.
 *
 *   readelf -n build/karma                                    what is there
 *   bpftrace -p PID -e 'usdt:*:karma:batch_decoded { @requests = hist(arg0); }'
 *   tools/latency.bt                                          where requests spend their time
 *
 * A request that has been executed together with the one before it passes request_execute and request_executed as every other;
 * between them its reply is made.
 *
 * Needs <sys/sdt.h> at build (meson option probes; Debian: systemtap-sdt-dev). Without it a probe is nothing.
 *
 * Names and arguments are an interface for scripts: they are added to rather than changed. The list is what
 * PROBE…() accepts, and what tests/tools/test_probes.py compares with the file that was built.
 */
#pragma once

#include <assert.h>

/* name, count of arguments, what they are: when it is passed */
#define PROBES(X)                                                                                                   \
	X(wait_begin, 1, "may it block: a worker submits, and asks the kernel for what has happened")               \
	X(wait_end, 1, "completions: it has them")                                                                  \
	X(batch_begin, 0, ": a worker begins to decode what has come")                                              \
	X(batch_decoded, 0, ": nothing is executed yet")                                                            \
	X(batch_executed, 2, "requests, connections: all have been executed")                                       \
	X(batch_end, 0, ": the log has been told, input given back")                                                \
	X(request_decode, 2, "line, bytes: before a line is decoded; it does not end in a NUL")                     \
	X(request_execute, 2, "command (enum v1_command), key: before a request is executed, if it is well formed") \
	X(request_executed, 1, "enum command_status: behind it")                                                    \
	X(reply_held, 2, "connection, epoch: from here on its replies wait for the log")                            \
	X(reply_released, 2, "connection, epoch: they may go; never passed if log or client fail meanwhile")        \
	X(send_begin, 1, "connection: a send is queued for the kernel")                                             \
	X(send_end, 2, "connection, bytes or negative errno: its completion is handled")                            \
	X(commit_begin, 1, "epoch: the committer begins to close it; no more of it if the log fails")               \
	X(commit_closed, 1, "epoch: no worker appends to it any more")                                              \
	X(commit_written, 2, "epoch, bytes: written, maybe synced; not if empty")                                   \
	X(sync_begin, 1, "epoch of the last block: the log is synced, with or without a commit")                    \
	X(sync_end, 2, "the same, 0 or negative errno: it is on disk")                                              \
	X(commit_published, 1, "epoch: replies that wait for it may go")                                            \
	X(commit_end, 0, ": who waits has been woken")                                                              \
	X(dump_begin, 1, "tree id: a tree is about to be dumped")                                                   \
	X(cut_begin, 2, "tree id, generation: the cut begins, writers go on in this one")                           \
	X(cut_quiesced, 1, "tree id: every writer is behind the cut")                                               \
	X(cut_walked, 2, "tree id, keys set aside: every record has been visited")                                  \
	X(cut_settled, 1, "tree id: the second quiescent round is over")                                            \
	X(cut_collected, 2, "tree id, notes: the writers' notes are in")                                            \
	X(cut_end, 2, "tree id, result: the keys set aside are complete, too")                                      \
	X(dump_written, 2, "tree id, bytes: the file is on disk under its temporary name")                          \
	X(dump_logged, 1, "tree id: so is what the log has of it")                                                  \
	X(dump_renamed, 1, "tree id: it has its name")                                                              \
	X(dump_end, 2, "tree id, result: over, well or not")

enum probe_arguments {
#define PROBE_COUNT(name, count, what) PROBE_COUNT_##name = (count),
	PROBES(PROBE_COUNT)
#undef PROBE_COUNT
};

/* Names that are not listed do not compile, nor does a wrong number of arguments. */
#define PROBE_CHECK(name, count) static_assert(PROBE_COUNT_##name == (count), "arguments as the list says")

#ifdef KARMA_PROBES

#include <sys/sdt.h>

/*
 * What STAP_PROBE…() of that header makes, in an asm that is `inline`: GCC takes every line of another for an instruction, and
 * would no longer inline small functions that hold a probe.
 */
#define PROBE_ASM(name, count, ...)                                                                 \
	__asm__ __inline__ __volatile__(STAP_PROBE_ASM(karma, name, STAP_PROBE_ASM_TEMPLATE(count)) \
	                                :                                                           \
	                                : STAP_PROBE_ASM_OPERANDS(count, __VA_ARGS__))
#define PROBE0(name)       PROBE_PASS(name, 0, PROBE_ASM(name, 0, ))
#define PROBE1(name, a)    PROBE_PASS(name, 1, PROBE_ASM(name, 1, a))
#define PROBE2(name, a, b) PROBE_PASS(name, 2, PROBE_ASM(name, 2, a, b))

#else

/* Used in the compiler's eyes, but not evaluated. */
#define PROBE0(name)       PROBE_PASS(name, 0, (void)0)
#define PROBE1(name, a)    PROBE_PASS(name, 1, (void)sizeof(a))
#define PROBE2(name, a, b) PROBE_PASS(name, 2, ((void)sizeof(a), (void)sizeof(b)))

#endif

#define PROBE_PASS(name, count, probe)    \
	do {                              \
		PROBE_CHECK(name, count); \
		probe;                    \
	} while (0)
