#include "store/restore_ledger.h"

#include <errno.h>

#include "log/log.h"
#include "store/fault.h"
#include "store/ledger_file.h"

int
restore_ledger(struct restoration *restoration, uint64_t number)
{
	struct store *store = restoration->store;
	const struct store_ledger *ledger = store->options.ledger;
	struct store_fault fault;
	uint64_t records;

	store->ledger_number = number;
	if (number == 0 || ledger == NULL)
		return 0;
	int r = ledger_file_read(store->directory_fd, number, store->identity, ledger->load, ledger->context, &records,
	                         &fault);

	if (r == 0) {
		log_info("ledger restored", log_u64("records", records));
		return 0;
	}
	if (r == -ENOMEM) {
		*restoration->fault = fault; /* no damage to be skipped */
		return -1;
	}
	if (!store->options.restore_skip_damaged) {
		store_fault_set(restoration->fault,
		                "%s (--restore-skip-damaged goes on without the idempotency records behind the damage)",
		                fault.text);
		return -1;
	}
	log_warn("damage in the ledger skipped: writes whose records it had may be repeated",
	         log_string("problem", fault.text), log_u64("records", records));
	restoration->restored->damage = true;
	return 0;
}

int
restore_ledger_body(struct restoration *restoration, const uint8_t *body, size_t bytes)
{
	const struct store_ledger *ledger = restoration->store->options.ledger;

	return ledger == NULL ? 0 : ledger->load(ledger->context, body, bytes);
}

int
restore_ledger_end(struct restoration *restoration)
{
	const struct store_ledger *ledger = restoration->store->options.ledger;

	if (ledger == NULL || ledger->loaded(ledger->context) == 0)
		return 0;
	store_fault_set(restoration->fault, "there is not enough memory to restore");
	return -1;
}
