/* Lines come out whole and in order, nobody waits for a reader that does not read, and what is lost is counted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "log/log.h"

enum { THREADS = 4, LINES = 500, READ_MAX = 4 << 20 };

/* stderr as a pipe; what comes out of it is read as text. */
struct capture {
	int saved;
	int read_end;
	char *text;
	size_t bytes;
};

static int
capture_begin(void **state)
{
	static struct capture capture;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	capture = (struct capture){ .saved = dup(STDERR_FILENO), .read_end = ends[0], .text = malloc(READ_MAX) };
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	assert_int_equal(close(ends[1]), 0);
	*state = &capture;
	return 0;
}

/* Reads what is there now; to the end when nobody holds the other side any more. */
static void
capture_read(struct capture *capture)
{
	ssize_t got = 1;

	while (got > 0) {
		got = read(capture->read_end, capture->text + capture->bytes, READ_MAX - 1 - capture->bytes);
		capture->bytes += got > 0 ? (size_t)got : 0;
	}
	capture->text[capture->bytes] = '\0';
}

static void
stderr_restore(struct capture *capture)
{
	if (capture->saved >= 0) {
		assert_true(dup2(capture->saved, STDERR_FILENO) >= 0);
		assert_int_equal(close(capture->saved), 0);
	}
	capture->saved = -1;
}

static int
capture_end(void **state)
{
	struct capture *capture = *state;

	stderr_restore(capture);
	(void)close(capture->read_end);
	free(capture->text);
	return 0;
}

/* Leaves the pipe open for a writer that is stuck in it. */
static int
capture_leave(void **state)
{
	struct capture *capture = *state;

	stderr_restore(capture);
	free(capture->text);
	return 0;
}

static size_t
count_of(const char *text, const char *part)
{
	size_t count = 0;

	for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
		count++;
	return count;
}

static void
before_setup_faults_go_straight_out(void **state)
{
	struct capture *capture = *state;

	log_error("first", log_u64("n", 1));
	log_warn("second", log_u64("n", 2));
	log_info("third", log_u64("n", 3));
	stderr_restore(capture);
	capture_read(capture);
	assert_int_equal(count_of(capture->text, "\n"), 2);
	assert_non_null(strstr(capture->text, " error first n=1\n"));
	assert_non_null(strstr(capture->text, " warn  second n=2\n"));
}

static void
levels_are_kept(void **state)
{
	struct capture *capture = *state;

	assert_int_equal(log_setup(LOG_INFO, LOG_JSON), 0);
	log_debug("unseen", log_u64("n", 1));
	log_info("seen", log_u64("n", 2));
	log_teardown();
	log_info("after teardown", log_u64("n", 3));
	stderr_restore(capture);
	capture_read(capture);
	assert_int_equal(count_of(capture->text, "\n"), 1);
	assert_non_null(strstr(capture->text, "\"level\":\"info\",\"event\":\"seen\",\"n\":2}\n"));
}

static void *
log_lines(void *context)
{
	uint64_t thread = *(const uint64_t *)context;

	for (uint64_t i = 0; i < LINES; i++)
		log_info("line", log_u64("thread", thread), log_u64("number", i));
	return NULL;
}

static void *
read_all(void *context)
{
	capture_read(context);
	return NULL;
}

static void
lines_of_many_threads_stay_whole_and_in_order(void **state)
{
	struct capture *capture = *state;
	pthread_t threads[THREADS];
	pthread_t reader;
	uint64_t numbers[THREADS];
	uint64_t next[THREADS] = { 0 };
	unsigned long long thread;
	unsigned long long number;

	assert_int_equal(log_setup(LOG_DEBUG, LOG_TEXT), 0);
	assert_int_equal(pthread_create(&reader, NULL, read_all, capture), 0);
	for (size_t i = 0; i < THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, log_lines, &numbers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	log_teardown();
	stderr_restore(capture);
	assert_int_equal(pthread_join(reader, NULL), 0);
	for (char *line = strtok(capture->text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		assert_int_equal(sscanf(line, "%*s info line thread=%llu number=%llu", &thread, &number), 2);
		assert_true(thread < THREADS);
		assert_int_equal(number, next[thread]++);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(next[i], LINES);
}

static double
seconds_now(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
nobody_waits_and_what_is_lost_is_counted(void **state)
{
	static const size_t sent = 20000; /* far more than the pipe and the queue hold */
	struct capture *capture = *state;
	pthread_t reader;
	size_t dropped = 0;
	size_t last = 0;

	assert_int_equal(log_setup(LOG_INFO, LOG_TEXT), 0);
	double start = seconds_now();

	for (size_t i = 0; i < sent; i++)
		log_info("flood", log_u64("number", i),
		         log_bytes("filler", "................................", i % 33));
	assert_true(seconds_now() - start < 5); /* it would wait for ever */
	assert_int_equal(pthread_create(&reader, NULL, read_all, capture), 0);
	log_teardown();
	stderr_restore(capture);
	assert_int_equal(pthread_join(reader, NULL), 0);
	for (const char *at = strstr(capture->text, "dropped lines="); at != NULL;
	     at = strstr(at + 1, "dropped lines="))
		dropped += strtoul(at + strlen("dropped lines="), NULL, 10);
	assert_true(dropped > 0);
	assert_int_equal(count_of(capture->text, "flood") + dropped, sent);
	/* the first gap is told where it is */
	for (char *line = strtok(capture->text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		const char *number = strstr(line, "number=");

		if (number == NULL)
			break;
		assert_int_equal(strtoul(number + strlen("number="), NULL, 10), last++);
	}
}

static void
teardown_gives_up_on_a_reader_that_does_not_read(void **state)
{
	(void)state;
	assert_int_equal(log_setup(LOG_INFO, LOG_TEXT), 0);
	for (int i = 0; i < 5000; i++)
		log_info("flood", log_u64("number", 1));
	double start = seconds_now();

	log_teardown();
	assert_true(seconds_now() - start < 10);
	log_error("nobody reads this", log_u64("n", 1)); /* and nobody waits */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(before_setup_faults_go_straight_out, capture_begin, capture_end),
		cmocka_unit_test_setup_teardown(levels_are_kept, capture_begin, capture_end),
		cmocka_unit_test_setup_teardown(lines_of_many_threads_stay_whole_and_in_order, capture_begin,
		                                capture_end),
		cmocka_unit_test_setup_teardown(nobody_waits_and_what_is_lost_is_counted, capture_begin, capture_end),
		/* the last: its writer is stuck for good */
		cmocka_unit_test_setup_teardown(teardown_gives_up_on_a_reader_that_does_not_read, capture_begin,
		                                capture_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
