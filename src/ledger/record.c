#include "ledger/ledger_internal.h"

#include <string.h>

#include "base/memory.h"
#include "base/mutant.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

void
record_wanted(const struct ledger *ledger, const char *key, size_t key_bytes, union ledger_wanted *ret)
{
	assert(key_bytes > 0 && key_bytes <= LEDGER_KEY_BYTES_MAX);
	ret->record.hash = XXH3_64bits_withSeed(key, key_bytes, ledger->seed);
	ret->record.key_bytes = (uint16_t)key_bytes;
	memcpy(ret->record.key, key, key_bytes);
}

struct ledger_record *
record_create(const struct ledger_record *wanted)
{
	struct ledger_record *record = mem_alloc(offsetof(struct ledger_record, key) + wanted->key_bytes);

	if (record == NULL)
		return NULL;
	TAILQ_INIT(&record->waiters);
	atomic_init(&record->next, NULL);
	record->hash = wanted->hash;
	record->key_bytes = wanted->key_bytes;
	atomic_init(&record->state, RECORD_IN_USE);
	memcpy(record->key, wanted->key, wanted->key_bytes);
	return record;
}

void
record_destroy(struct ledger_record *record)
{
	mem_free(record);
}

static void
destroy_retired(struct epoch_retired *retired)
{
	record_destroy((struct ledger_record *)(void *)retired); /* its first member */
}

void
record_retire(struct ledger_record *record)
{
	static_assert(offsetof(struct ledger_record, retired) == 0, "it is its block's address");
	epoch_retire(&record->retired, destroy_retired, offsetof(struct ledger_record, key) + record->key_bytes);
}

void
record_fill(struct ledger_record *record, const struct ledger_use *use)
{
	assert(use->response_bytes <= LEDGER_RESPONSE_BYTES_MAX);
	memcpy(record->fingerprint, use->fingerprint, FINGERPRINT_BYTES);
	memcpy(record->response, use->response, use->response_bytes);
	record->response_bytes = (uint8_t)use->response_bytes;
	record->operation = (uint8_t)use->operation;
	record->created_at_unix = use->created_at_unix;
	record->sequence = use->sequence;
	record->tag = use->tag;
}

void
record_use(const struct ledger_record *record, struct ledger_use *ret)
{
	*ret = (struct ledger_use){
		.fingerprint = record->fingerprint,
		.operation = record->operation,
		.response = record->response,
		.response_bytes = record->response_bytes,
		.created_at_unix = record->created_at_unix,
		.sequence = record->sequence,
		.tag = MUTANT(REPLAY_NOT_HELD) ? 0 : record->tag,
	};
}
