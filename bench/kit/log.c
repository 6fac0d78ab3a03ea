#include "kit/log.h"

#include "kit/must.h"

static void
epoch_store(void *context, uint64_t epoch)
{
	atomic_store_explicit(&((struct log *)context)->epoch, epoch, memory_order_seq_cst);
}

static uint32_t
today(void *context)
{
	(void)context;
	return LOG_TODAY;
}

static void
grown(void *context)
{
	(void)context; /* bytes_max is never reached */
}

static void
state_changed(void *context, enum wal_state state, int error, const char *doing)
{
	(void)context;
	must(state == WAL_OK ? 0 : error, doing);
}

void
log_begin(struct log *log, const struct wal_options *options)
{
	const struct wal_options all = {
		.device = options->device,
		.identity = "bench",
		.fsync = options->fsync,
		.segment_bytes = options->segment_bytes,
		.bytes_max = UINT64_MAX,
		.writers_max = options->writers_max,
		.epoch_first = 1,
		.sequence_first = 1,
		.epoch_store = epoch_store,
		.today = today,
		.grown = grown,
		.state_changed = state_changed,
		.context = log,
	};

	must(wal_create(&all, &log->wal), "wal_create");
}
