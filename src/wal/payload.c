/*
 * payload.c - the records of a block
 */
#include "wal/recover.h"

#include <assert.h>
#include <errno.h>

int
wal_payload_each(const uint8_t *payload, size_t bytes, wal_record_fn *visit, void *context)
{
	bool whole = true;

	assert(visit != NULL);
	for (size_t at = 0; at < bytes;) {
		struct wal_record record;
		size_t taken = wal_record_decode(payload + at, bytes - at, &record);

		if (taken == 0)
			return -EBADMSG;
		int r = visit(context, &record);

		if (r != 0)
			return r;
		at += taken;
		whole = record.last;
	}
	return whole ? 0 : -EBADMSG;
}
