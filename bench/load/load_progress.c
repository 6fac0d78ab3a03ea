#include "load/load_progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

void
load_progress_init(struct load_progress *progress, const struct load_options *options,
                   const struct load_thread *threads, const struct load_window *window)
{
	*progress = (struct load_progress){ .options = options,
		                            .threads = threads,
		                            .on = isatty(STDERR_FILENO) == 1,
		                            .start_ns = window->start_ns,
		                            .from_ns = window->from_ns,
		                            .seen_ns = window->start_ns };
}

uint64_t
load_progress_due_ns(const struct load_progress *progress)
{
	return progress->on ? progress->seen_ns + NS_PER_S : UINT64_MAX;
}

void
load_progress_print(struct load_progress *progress, uint64_t now_ns)
{
	uint64_t replies = 0, wrong = 0;

	for (unsigned i = 0; i < progress->options->threads; i++) {
		/* Relaxed: each is a number for its own sake; a stale one shows in the next line. */
		replies += atomic_load_explicit(&progress->threads[i].progress.replies, memory_order_relaxed);
		wrong += atomic_load_explicit(&progress->threads[i].progress.wrong, memory_order_relaxed);
	}
	const double seconds = (double)(now_ns - progress->seen_ns) / NS_PER_S;

	(void)fprintf(stderr, "\r\033[K%" PRIu64 " s%s: %.0f requests/s, %" PRIu64 " replies, %" PRIu64 " wrong",
	              (now_ns - progress->start_ns) / NS_PER_S, now_ns < progress->from_ns ? " (warm-up)" : "",
	              (double)(replies - progress->seen_replies) / seconds, replies, wrong);
	progress->seen_ns = now_ns;
	progress->seen_replies = replies;
}

void
load_progress_clear(const struct load_progress *progress)
{
	if (progress->on)
		(void)fputs("\r\033[K", stderr);
}
