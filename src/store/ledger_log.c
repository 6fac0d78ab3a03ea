/*
 * ledger_log.c - what the maintenance thread says of the ledger in the log
 */
#include "store/journal.h"

#include <assert.h>

#include "store/fault.h"

/* In the section. */
static void
say(struct store *store, const struct store_ledger_step *step)
{
	uint8_t body[WAL_LEDGER_BODY_MAX];
	size_t bytes = step->say(step->context, body);

	assert(bytes <= sizeof(body));
	if (bytes > 0)
		step->said(step->context,
		           effect_log_append_ledger(&store->effects, body, bytes, engine_log_epoch(store->engine)));
}

int
store_log_ledger(struct store *store, const struct store_ledger_step *step, uint64_t *ret_hold,
                 struct store_fault *ret_fault)
{
	*ret_hold = 0;
	if (journal_check_write(store, ret_fault) < 0)
		return -1;
	/* Half of what the writer holds is room for any body. */
	int r = journal_room(store, false);

	if (r == 0) {
		engine_batch_begin(store->worker);
		r = journal_room_error(store);
		if (r == 0)
			say(store, step);
		engine_batch_end(store->worker);
	}
	if (r < 0) {
		store_fault_set(ret_fault, "%s, nothing changed", journal_problem(r));
		return -1;
	}
	*ret_hold = journal_hold(store);
	return 0;
}
