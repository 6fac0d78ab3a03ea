/*
 * Whoever looks at a retired record or tree after it was freed is caught in the AddressSanitizer build.
 *
 * So the other tests, run in that build, prove that nobody does. The sanitizer is blind where memory comes from another
 * allocator or from a pool of ours, hence this test of the tests. Each look happens in a child that has to die of it; the
 * same look before the memory was freed has to be fine. Skipped in other builds.
 */
#include "harness.h"

#include "karma/engine.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

enum { KEY = 7, DAY = 20240101 };

struct scene {
	struct engine *engine;
	struct engine_worker *worker;
	struct tree *tree;
	struct key_record *record;
};

static int
note_record(void *context, uint64_t key, struct key_record *record)
{
	struct scene *scene = context;

	check(key == KEY, "key %lu", key);
	scene->record = record;
	return 0;
}

static void
ignore_day(void *context, uint32_t day, uint64_t amount)
{
	uint64_t *sum = context;

	*sum += day + amount;
}

static void
set_up(struct scene *scene)
{
	check(engine_create(4, DAY, &scene->engine) == 0, "engine_create()");
	check(engine_worker_create(scene->engine, &scene->worker) == 0, "engine_worker_create()");
	engine_batch_begin(scene->worker);
	check(tree_create(scene->worker, "t", 1, &scene->tree) == 0, "tree_create()");
	check(tree_add(scene->worker, scene->tree, KEY, DAY, 1) == 0, "tree_add()");
	check(tree_scan_keys(scene->tree, note_record, scene) == 0, "tree_scan_keys()");
}

static void
look_at_tree(struct scene *scene)
{
	(void)tree_total(scene->tree, KEY);
}

static void
drop_tree(struct scene *scene)
{
	check(tree_drop(scene->worker, "t", 1) == 0, "tree_drop()");
	look_at_tree(scene);
	engine_batch_end(scene->worker);
}

static void
look_at_record(struct scene *scene)
{
	uint64_t sum = 0;

	tree_key_days(scene->record, 0, UINT64_MAX, ignore_day, &sum);
}

static void
remove_record(struct scene *scene)
{
	check(tree_reset_key(scene->worker, scene->tree, KEY) == 0, "tree_reset_key()");
	engine_batch_end(scene->worker);
	check(tree_compact(scene->worker, scene->tree, true) == 1, "tree_compact()");
	look_at_record(scene);
}

/* In the child: look, get rid of it, free it, look again. */
static void
play(void (*retire)(struct scene *), void (*look)(struct scene *))
{
	struct scene scene = { 0 };

	set_up(&scene);
	look(&scene);
	retire(&scene);
	look(&scene);
	(void)fprintf(stderr, "before\n");
	engine_reclaim(scene.engine);
	engine_reclaim(scene.engine);
	look(&scene);
	(void)fprintf(stderr, "unnoticed\n");
	_exit(0);
}

static void
must_be_caught(const char *what, void (*retire)(struct scene *), void (*look)(struct scene *))
{
	char text[65536];
	size_t bytes = 0;
	ssize_t part;
	int ends[2], status;

	check(pipe(ends) == 0, "pipe()");
	pid_t child = fork();

	check(child >= 0, "fork()");
	if (child == 0) {
		(void)dup2(ends[1], STDERR_FILENO);
		play(retire, look);
	}
	(void)close(ends[1]);
	while (bytes < sizeof(text) - 1 && (part = read(ends[0], text + bytes, sizeof(text) - 1 - bytes)) > 0)
		bytes += (size_t)part;
	text[bytes] = '\0';
	(void)close(ends[0]);
	check(waitpid(child, &status, 0) == child, "waitpid()");
	check(strncmp(text, "before\n", 7) == 0, "%s: the looks before it was freed were not fine:\n%s", what, text);
	check(strstr(text, "heap-use-after-free") != NULL && !(WIFEXITED(status) && WEXITSTATUS(status) == 0),
	      "%s: used after it was freed, and not caught:\n%s", what, text);
}

int
main(int argc, char **argv)
{
	struct run run = { .threads = 1 };

	run_parse(&run, argc, argv);
	if (!UNDER_ASAN) {
		printf("not built with AddressSanitizer\n");
		return 77;
	}
	must_be_caught("a dropped tree", drop_tree, look_at_tree);
	must_be_caught("a removed record", remove_record, look_at_record);
	return 0;
}
