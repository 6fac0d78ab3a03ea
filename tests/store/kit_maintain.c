/* What only the maintenance thread may do: an errand goes there, and the test waits for it. */
#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "store/kit.h"

struct errand {
	struct job job; /* first */
	void (*run)(void *context);
	void *context;
	sem_t done;
};

static void
errand_run(struct job *job)
{
	struct errand *errand = (struct errand *)(void *)job;

	errand->run(errand->context);
}

static void
errand_done(struct job *job)
{
	(void)sem_post(&((struct errand *)(void *)job)->done);
}

void
kit_maintain(struct kit *kit, void (*run)(void *context), void *context)
{
	struct errand errand = { .job = { .run = errand_run, .done = errand_done }, .run = run, .context = context };

	assert_int_equal(sem_init(&errand.done, 0, 0), 0);
	assert_true(store_submit_maintenance(kit->store, &errand.job));
	while (sem_wait(&errand.done) != 0)
		assert_int_equal(errno, EINTR);
	(void)sem_destroy(&errand.done);
}

void
kit_idle(void)
{
	const struct timespec tick = { .tv_nsec = 700000000 };

	(void)nanosleep(&tick, NULL);
}

enum errand_kind { DUMP, DUMP_ALL, LOAD, DELETE, DELETE_BEFORE, COMPACT_EVERY };

struct dumping {
	struct kit *kit;
	enum errand_kind kind;
	const char *name; /* of a tree or file */
	uint64_t ticket;
	uint64_t from, to;
	uint64_t hold;
	int result;
};

static int
run(struct dumping *dumping)
{
	struct kit *kit = dumping->kit;
	char name[TREE_NAME_BYTES_MAX];
	size_t bytes;

	switch (dumping->kind) {
	case DUMP:
		return store_dump(kit->store, dumping->name, strlen(dumping->name), dumping->ticket, &kit->fault);
	case DUMP_ALL:
		return store_dump_all(kit->store, &kit->fault);
	case LOAD:
		return store_load(kit->store, dumping->name, strlen(dumping->name), name, &bytes, &dumping->hold,
		                  &kit->fault);
	case DELETE:
		return store_delete_range(kit->store, dumping->name, strlen(dumping->name), dumping->from, dumping->to,
		                          &dumping->hold, &kit->fault);
	case DELETE_BEFORE:
		return store_delete_before(kit->store, dumping->name, strlen(dumping->name), dumping->to,
		                           &dumping->hold, &kit->fault);
	case COMPACT_EVERY:
		return store_compact_every(kit->store, &dumping->hold, &kit->fault);
	}
	return -1;
}

static void
run_dump(void *context)
{
	struct dumping *dumping = context;

	dumping->result = run(dumping);
}

/* The reply of what was done depends on its hold. */
static int
maintain(struct dumping *dumping)
{
	struct wal *wal = store_wal(dumping->kit->store);

	kit_maintain(dumping->kit, run_dump, dumping);
	if (dumping->hold != 0 && wal_state(wal) != WAL_FAILED)
		assert_int_equal(wal_sync(wal, dumping->hold), 0);
	return dumping->result;
}

int
kit_dump(struct kit *kit, const char *tree)
{
	return maintain(
	    &(struct dumping){ .kit = kit, .kind = DUMP, .name = tree, .ticket = store_ticket(kit->store) });
}

int
kit_dump_all(struct kit *kit)
{
	return maintain(&(struct dumping){ .kit = kit, .kind = DUMP_ALL });
}

int
kit_load(struct kit *kit, const char *file)
{
	return maintain(&(struct dumping){ .kit = kit, .kind = LOAD, .name = file });
}

int
kit_delete(struct kit *kit, const char *tree, uint64_t from, uint64_t to)
{
	return maintain(&(struct dumping){ .kit = kit, .kind = DELETE, .name = tree, .from = from, .to = to });
}

int
kit_delete_before(struct kit *kit, const char *tree, uint64_t before)
{
	return maintain(&(struct dumping){ .kit = kit, .kind = DELETE_BEFORE, .name = tree, .to = before });
}

int
kit_compact(struct kit *kit)
{
	return maintain(&(struct dumping){ .kit = kit, .kind = COMPACT_EVERY });
}
