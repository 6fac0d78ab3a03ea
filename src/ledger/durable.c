#include "ledger/durable.h"

#include <time.h>

#include "ledger/ledger.h"

static int
load(void *context, const uint8_t *body, size_t bytes)
{
	return ledger_load(context, body, bytes);
}

static int
loaded(void *context)
{
	return ledger_loaded(context, (uint64_t)time(NULL));
}

static int
save(void *context, store_ledger_fn *visit, void *visit_context)
{
	return ledger_save(context, visit, visit_context);
}

/* What is too old leaves with later uses by itself; this is for when there are none. */
static void
idle(void *context)
{
	enum { AT_ONCE = 4096 };

	(void)ledger_expire(context, (uint64_t)time(NULL), AT_ONCE);
}

struct store_ledger
ledger_durable(struct ledger *ledger)
{
	return (struct store_ledger){ .load = load, .loaded = loaded, .save = save, .idle = idle, .context = ledger };
}
