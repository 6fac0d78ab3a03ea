#include "store/steps.h"

#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

struct step steps[STEPS_MAX];
size_t step_count;
_Atomic int steps_answered;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool recording; /* a step that sees it set sees what steps_begin() has set before */
static struct kit *recorded;

/* The count first: an answer that comes meanwhile may be in the copy, it need not be. */
static void
copy(void)
{
	const int before = steps_answered;

	steps[step_count++] = (struct step){ kit_copy(recorded), before };
}

static void
step(void)
{
	if (!recording)
		return;
	(void)pthread_mutex_lock(&lock);
	if (recording && step_count < STEPS_MAX)
		copy();
	(void)pthread_mutex_unlock(&lock);
}

void
steps_begin(struct kit *kit)
{
	step_count = 0;
	steps_answered = 0;
	recorded = kit;
	recording = true;
}

struct kit *
steps_end(size_t steps_min)
{
	(void)pthread_mutex_lock(&lock);
	recording = false;
	assert_in_range(step_count, steps_min, STEPS_MAX - 1);
	copy();
	(void)pthread_mutex_unlock(&lock);
	return recorded;
}

/* ---- the calls ---- */

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
ssize_t __real_pwritev64v2(int fd, const struct iovec *pieces, int count, off_t offset, int flags);
ssize_t __wrap_pwritev64v2(int fd, const struct iovec *pieces, int count, off_t offset, int flags);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);

int
__wrap_fsync(int fd)
{
	step();
	return __real_fsync(fd);
}

int
__wrap_fdatasync(int fd)
{
	step();
	return __real_fdatasync(fd);
}

/* Around the cache a write makes durable. */
ssize_t
__wrap_pwritev64v2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
	step();
	return __real_pwritev64v2(fd, pieces, count, offset, flags);
}

int
__wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	step();
	return __real_renameat(from_fd, from, to_fd, to);
}

int
__wrap_unlinkat(int fd, const char *name, int flags)
{
	step();
	return __real_unlinkat(fd, name, flags);
}
