/* Lines of which many are executed together answer, and count, as if they had come one by one; so do those of several workers. */
#include "command/asker.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TREES = 2, KEYS = 2, ROUNDS = 300, LINES = 200, LINE_BYTES = 96 };

/* ---- anything, beside a model that does one line at a time ---- */

struct model {
	uint64_t counts[TREES][KEYS];
	uint64_t random;
};

static uint32_t
pick(struct model *model, uint32_t below)
{
	model->random ^= model->random << 13;
	model->random ^= model->random >> 7;
	model->random ^= model->random << 17;
	return (uint32_t)((model->random >> 32) % below);
}

static void
random_line(struct model *model, char line[LINE_BYTES], char response[32])
{
	static const char *const commands[] = { "increment", "decrement", "sum" };
	uint32_t dice = pick(model, 12), command = dice < 10 ? 0 : dice - 9, tree = pick(model, 8) / 7;
	uint32_t key = pick(model, 8) / 7;
	uint64_t *count = &model->counts[tree][key];

	(void)snprintf(line, LINE_BYTES, "{\"command\":\"%s\",\"tree_name\":\"t%u\",\"key\":%u}", commands[command],
	               tree, key);
	if (command == 0)
		++*count;
	if (command == 1 && *count > 0)
		--*count;
	(void)snprintf(response, 32, "%" PRIu64, command == 2 ? *count : 1);
}

static void
random_lines_are_as_one_by_one(void **state)
{
	static char lines[LINES][LINE_BYTES], responses[LINES][32];
	struct model model = { .random = UINT64_C(88172645463325252) };
	struct asker *asker = *state;
	uint64_t together = 0;

	for (int round = 0; round < ROUNDS; round++) {
		command_batch_begin(asker->worker);
		for (int i = 0; i < LINES; i++) {
			random_line(&model, lines[i], responses[i]);
			assert_int_equal(asker_push(asker, lines[i], pick(&model, 8) / 7), i);
		}
		for (int i = 0; i < LINES; i++) {
			together += command_batch_is_done(asker->worker, i);
			(void)asker_expect_run(asker, i, responses[i]);
		}
		command_batch_end(asker->worker);
	}
	assert_true(together > (uint64_t)ROUNDS * LINES / 10);
}

/* ---- several workers on one counter ---- */

#define INCREMENT "{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1}"
#define SUM       "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":1}"

enum { THREADS = 3, THREAD_ROUNDS = 300, THREAD_LINES = 50 };

static uint64_t
number_of(const struct buffer *reply)
{
	static const char before[] = "{\"success\":true,\"response\":";

	assert_true(reply->bytes > sizeof(before) && memcmp(reply->data, before, sizeof(before) - 1) == 0);
	return strtoull(reply->data + sizeof(before) - 1, NULL, 10);
}

/* What a thread reads never goes down, and grows by no less than what it has added itself meanwhile. */
static void
increment_and_look(struct command_worker *worker, struct buffer *out, uint64_t *at_least)
{
	struct command_client client = { 0 };

	command_batch_begin(worker);
	for (int i = 0; i < THREAD_LINES; i++) {
		const char *line = i % 5 == 4 ? SUM : INCREMENT;

		assert_int_equal(command_batch_push(worker, line, strlen(line), &client, 1), i);
	}
	for (int i = 0; i < THREAD_LINES; i++) {
		buffer_truncate(out, 0);
		assert_int_equal(command_batch_run(worker, i, out, &(uint64_t){ 0 }), COMMAND_DONE);
		buffer_append_byte(out, '\0');
		if (i % 5 == 4) {
			assert_true(number_of(out) >= *at_least);
			*at_least = number_of(out);
		} else {
			assert_int_equal(number_of(out), 1);
			++*at_least;
		}
	}
	command_batch_end(worker);
}

static void *
count_beside_others(void *argument)
{
	const struct asker *asker = argument;
	struct command_worker *worker = NULL;
	struct buffer out;
	uint64_t at_least = 0;

	buffer_init(&out, SIZE_MAX);
	assert_int_equal(command_worker_create(&asker->options, &worker), 0);
	for (int round = 0; round < THREAD_ROUNDS; round++)
		increment_and_look(worker, &out, &at_least);
	command_worker_destroy(worker);
	buffer_deinit(&out);
	return NULL;
}

static void
workers_on_one_counter_lose_nothing(void **state)
{
	struct asker *asker = *state;
	pthread_t threads[THREADS];
	char text[32];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_beside_others, asker), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	(void)snprintf(text, sizeof(text), "%d", THREADS * THREAD_ROUNDS * (THREAD_LINES / 5 * 4));
	asker_expect(asker, SUM, true, text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_lines_are_as_one_by_one, asker_setup, asker_teardown),
		cmocka_unit_test_setup_teardown(workers_on_one_counter_lose_nothing, asker_setup, asker_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
