/*
 * input.c - the signals are blocked but while it is waited for input, so that none is lost between a look and a wait
 */
#include "input.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

enum { INPUT_BYTES = 64 * 1024 };

static const int taken[] = { SIGINT, SIGTERM, SIGHUP };
static sigset_t before; /* the mask: those of `taken` are not in it */
static volatile sig_atomic_t interrupted;

static void
interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

/* What its starter wants ignored stays so. */
static int
signals_take(void)
{
	struct sigaction action = { .sa_handler = interrupt };
	sigset_t blocked;

	(void)sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		struct sigaction old;

		if (sigaction(taken[i], NULL, &old) < 0)
			return -1;
		if (old.sa_handler == SIG_IGN)
			continue;
		if (sigaction(taken[i], &action, NULL) < 0)
			return -1;
		(void)sigaddset(&blocked, taken[i]);
	}
	return sigprocmask(SIG_BLOCK, &blocked, &before);
}

bool
input_is_interrupted(void)
{
	sigset_t pending;

	if (sigpending(&pending) == 0) {
		for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
			interrupted |= sigismember(&pending, taken[i]) == 1;
	}
	return interrupted != 0;
}

/* Input that is there already keeps a waiting signal out of ppoll(), so that is looked at first. */
static ssize_t
input_read(void *cookie, char *data, size_t bytes)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	(void)cookie;
	if (input_is_interrupted() || (ppoll(&input, 1, NULL, &before) < 0 && errno == EINTR)) {
		errno = EINTR;
		return -1;
	}
	return read(STDIN_FILENO, data, bytes);
}

FILE *
input_open(void)
{
	if (signals_take() < 0)
		return NULL;
	FILE *stream = fopencookie(NULL, "r", (cookie_io_functions_t){ .read = input_read });

	if (stream != NULL)
		(void)setvbuf(stream, NULL, _IOFBF, INPUT_BYTES);
	return stream;
}
