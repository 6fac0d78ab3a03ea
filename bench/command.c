/*
 * command.c - what a worker does with requests, without a network and without a log: decode, execute, reply
 *
 *   hot       increments of one key by all threads
 *   uniform   increments of random keys out of --keys
 *
 * Each thread is a worker of its own; a batch is so many lines of one client, such as a connection of that depth sends.
 * Lines that increment the same key are added up in a batch before they touch the counter (command_increment.c), so `hot`
 * tells whether two threads on one counter do at least what one does; PERF.md has the bare tree_add() of build/bench/bounds
 * beside it. per_s is of all threads together, ns is what one thread takes for one request, writing the line included.
 */
#include <string.h>

#include "command/command.h"
#include "kit/crew.h"
#include "kit/figures.h"
#include "kit/machine.h"
#include "kit/must.h"
#include "kit/options.h"
#include "kit/random.h"
#include "kit/scratch.h"
#include "store/store.h"

enum {
	BATCH_MAX = 1024,
	LINE_BYTES = 96,
	KEY_DIGITS = 7,
	REQUEST_BYTES_MAX = 64 << 10,
	TREES_MAX = 16,
	TODAY = 20240101
};

static const char line_begin[] = "{\"command\":\"increment\",\"tree_name\":\"articles\",\"key\":";
static_assert(sizeof(line_begin) + KEY_DIGITS + 1 <= LINE_BYTES, "a line fits");

struct bench {
	struct command_options options;
	uint64_t keys, batch;
};

static void
nothing(void *context)
{
	(void)context;
}

/* Keys begin where all have as many digits. Returns the line's bytes. */
static size_t
line_write(char line[LINE_BYTES], uint64_t number)
{
	static const uint64_t first = 1000000;
	uint64_t key = first + number;
	char *at = line + sizeof(line_begin) - 1;

	memcpy(line, line_begin, sizeof(line_begin) - 1);
	for (unsigned digit = KEY_DIGITS; digit-- > 0; key /= 10)
		at[digit] = (char)('0' + key % 10);
	at[KEY_DIGITS] = '}';
	return sizeof(line_begin) - 1 + KEY_DIGITS + 1;
}

static void
batch_run(struct command_worker *worker, const struct bench *bench, uint64_t *seed, char (*lines)[LINE_BYTES],
          struct buffer *replies)
{
	static const char reply[] = "{\"success\":true,\"response\":1}\r\n";
	struct command_client client = { 0 };

	buffer_truncate(replies, 0);
	command_batch_begin(worker);
	for (unsigned i = 0; i < bench->batch; i++) {
		const size_t bytes = line_write(lines[i], bench->keys == 1 ? 0 : random_below(seed, bench->keys));

		must(command_batch_push(worker, lines[i], bytes, &client, 1) < 0, "command_batch_push");
	}
	for (unsigned i = 0; i < bench->batch; i++)
		must(command_batch_run(worker, (int)i, replies, &(uint64_t){ 0 }) != COMMAND_DONE, "command_batch_run");
	command_batch_end(worker);
	must(replies->bytes != bench->batch * (sizeof(reply) - 1) ||
	         memcmp(replies->data, reply, sizeof(reply) - 1) != 0,
	     "replies");
}

static void
requests_run(struct crew_member *member)
{
	const struct bench *bench = member->crew->context;
	uint64_t seed = random_seed(member->index);
	char(*lines)[LINE_BYTES] = malloc(BATCH_MAX * sizeof(*lines));
	struct command_worker *worker;
	struct buffer replies;

	must(lines == NULL, "memory");
	must(command_worker_create(&bench->options, &worker), "command_worker_create");
	buffer_init(&replies, SIZE_MAX);
	while (crew_goes_on(member)) {
		batch_run(worker, bench, &seed, lines, &replies);
		crew_done(member, bench->batch);
	}
	buffer_deinit(&replies);
	command_worker_destroy(worker);
	free(lines);
}

static void
measure(const char *what, struct bench *bench, unsigned threads, double seconds)
{
	struct crew crew = { .run = requests_run, .context = bench, .threads = threads };
	const double per_s = crew_run(&crew, seconds);

	figures_row(what);
	figures_count("keys", bench->keys);
	figures_count("batch", bench->batch);
	figures_count("threads", threads);
	figures_real("per_s", per_s);
	figures_real("ns", threads * 1e9 / per_s);
	figures_row_end();
}

static void
store_make(struct store **ret_store, struct engine **ret_engine, const struct scratch *scratch)
{
	const struct store_options options = { .directory = scratch->path, .dump_retention_per_tree = 1 };
	static struct store_fault fault;

	must(engine_create(TREES_MAX, TODAY, ret_engine), "engine_create");
	must(store_open(*ret_engine, &options, ret_store, &fault), fault.text);
}

static void
measure_all(const struct option_numbers *threads, const struct option_numbers *batches, uint64_t keys, double seconds,
            const struct command_options *options)
{
	for (unsigned kind = 0; kind < 2; kind++) {
		for (unsigned b = 0; b < batches->count; b++) {
			for (unsigned t = 0; t < threads->count; t++) {
				struct bench bench = { .options = *options,
					               .keys = kind == 0 ? 1 : keys,
					               .batch = batches->value[b] };

				measure(kind == 0 ? "hot" : "uniform", &bench, (unsigned)threads->value[t], seconds);
			}
		}
	}
}

int
main(int argc, char **argv)
{
	struct option_numbers threads = option_numbers_doubling(machine_cpus());
	struct option_numbers batches = { 4, { 1, 16, 64, 1000 } };
	uint64_t keys = 100000;
	double seconds = 1;
	const char *directory = "/tmp";
	const struct program_option table[] = {
		{ "seconds", OPTION_SECONDS, .seconds = &seconds, .help = "time for each figure" },
		{ "threads", OPTION_NUMBERS, .numbers = &threads, .min = 1, .max = 256, .help = "workers" },
		{ "batch", OPTION_NUMBERS, .numbers = &batches, .min = 1, .max = BATCH_MAX,
		  .help = "requests of a batch" },
		{ "keys", OPTION_NUMBER, .number = &keys, .min = 2, .max = 1000000, .help = "keys of uniform" },
		{ "directory", OPTION_TEXT, .text = &directory, .help = "where a new directory is made for the while" },
	};
	const struct program program = {
		.name = "command",
		.summary = "Measures what a worker does with requests, without network and log.",
		.options = table,
		.option_count = sizeof(table) / sizeof(table[0]),
	};
	struct scratch scratch;
	struct engine *engine;
	struct store *store;

	figures_begin(program.name, options_parse(&program, argc, argv));
	scratch_make(&scratch, directory);
	store_make(&store, &engine, &scratch);
	const struct command_options options = { .engine = engine,
		                                 .store = store,
		                                 .request_bytes_max = REQUEST_BYTES_MAX,
		                                 .response_bytes_max = REQUEST_BYTES_MAX,
		                                 .wake = nothing };

	measure_all(&threads, &batches, keys, seconds, &options);
	store_close(store);
	engine_destroy(engine);
	scratch_remove(&scratch);
	return figures_end();
}
