#include "log_read.h"

#include <errno.h>
#include <string.h>

enum { LOOKS_MAX = 200, VISIT_STOPPED = 1 };

struct pass {
	log_block_fn *visit;
	void *context;
	uint64_t sequence; /* of the segment of the last block met in this pass */
	uint64_t end;      /* of that block */
	uint64_t epoch;    /* of the last block visited, in whichever pass */
	uint64_t broken;   /* of a block whose payload are no records */
};

static int
record_nothing(void *context, const struct wal_record *record)
{
	(void)context;
	(void)record;
	return 0;
}

static int
pass_block(void *context, const struct wal_block_header *block, const uint8_t *payload)
{
	struct pass *pass = context;
	uint64_t offset = block->sequence == pass->sequence ? pass->end : WAL_HEADER_BYTES;

	pass->sequence = block->sequence;
	pass->end = offset + WAL_BLOCK_HEADER_BYTES + wal_block_padded(block->payload_bytes);
	if (block->epoch <= pass->epoch)
		return 0;
	if (wal_payload_each(payload, block->payload_bytes, record_nothing, NULL) != 0) {
		pass->broken = block->epoch;
		return -EBADMSG;
	}
	pass->epoch = block->epoch;
	return pass->visit != NULL && pass->visit(pass->context, block, offset, payload) != 0 ? VISIT_STOPPED : 0;
}

/* As wal_recover(). */
static int
run(const struct look *look, struct pass *pass, bool truncate, struct log_read *ret)
{
	struct wal_recover_options options = {
		.device = wal_device_reading(&look->directory_fd),
		.sequence_first = look->manifest.log.first,
		.synced = look->manifest.log.synced,
		.truncate_at_damage = truncate,
		.looks_only = true,
	};

	static_assert(sizeof(options.identity) == sizeof(look->manifest.identity), "one identity for both");
	memcpy(options.identity, look->manifest.identity, sizeof(options.identity));
	ret->recovered = (struct wal_recovered){ 0 };
	ret->fault.text[0] = '\0';
	pass->broken = 0;
	pass->sequence = 0;
	int r = wal_recover(&options, pass_block, pass, &ret->recovered, &ret->fault);

	if (pass->broken > 0)
		(void)snprintf(ret->fault.text, sizeof(ret->fault.text),
		               "the block of epoch %ju holds what are no records", (uintmax_t)pass->broken);
	return r;
}

static enum status
renew(struct look *look)
{
	int directory_fd = look->directory_fd;

	look_end(look);
	look_again();
	return look_begin(look, directory_fd);
}

/* A fault that was found twice: what stands before it is visited. */
static enum status
finish(const struct look *look, struct pass *pass, int r, struct log_read *ret)
{
	if (r != -EBADMSG)
		return failed("the log cannot be read: %s", ret->fault.text);
	struct log_read again;

	ret->truncated = true;
	if (pass->broken == 0 && run(look, pass, true, &again) == 0)
		ret->recovered = again.recovered;
	return STATUS_DAMAGE;
}

enum status
log_read(struct look *look, log_block_fn *visit, void *context, struct log_read *ret)
{
	struct pass pass = { .visit = visit, .context = context };
	struct wal_fault before = { .text = "" };

	*ret = (struct log_read){ 0 };
	for (int i = 0; i < LOOKS_MAX; i++) {
		if (look->outcome != MANIFEST_OK || look->manifest.log.first == 0)
			return STATUS_SOUND;
		int r = run(look, &pass, false, ret);

		if (r == 0)
			return STATUS_SOUND;
		if (r == VISIT_STOPPED)
			return STATUS_FAILED;
		if (look_holds(look) && strcmp(before.text, ret->fault.text) == 0)
			return finish(look, &pass, r, ret);
		before = ret->fault;
		enum status status = renew(look);

		if (status != STATUS_SOUND)
			return status;
	}
	return failed("the log changed at each of %d looks: %s", LOOKS_MAX, ret->fault.text);
}
