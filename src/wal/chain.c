#include "wal/chain.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "wal/recover.h"

int
wal_chain_open(struct wal_chain *chain, const struct wal_device *device, int file)
{
	const uint8_t *data;
	int r = wal_window_open(&chain->window, device, file);

	if (r < 0)
		return r;
	if (chain->window.bytes < WAL_HEADER_BYTES)
		return -EBADMSG;
	r = wal_window_get(&chain->window, 0, WAL_HEADER_BYTES, &data);
	if (r < 0)
		return r;
	if (!wal_segment_header_decode(data, &chain->header))
		return -EBADMSG;
	chain->position = (struct wal_position){
		.sequence = chain->header.sequence,
		.end = WAL_HEADER_BYTES,
		.checksum = chain->header.checksum,
		.epoch = chain->header.previous.epoch,
	};
	return 0;
}

static bool
goes_on(const struct wal_chain *chain, const struct wal_block_header *block)
{
	return memcmp(block->identity, chain->header.identity, WAL_IDENTITY_BYTES) == 0 &&
	       block->sequence == chain->header.sequence && block->before == chain->position.checksum &&
	       block->epoch > chain->position.epoch;
}

int
wal_chain_next(struct wal_chain *chain)
{
	uint64_t offset = chain->position.end;
	struct wal_block_header block;
	const uint8_t *data;

	assert(offset <= chain->window.bytes);
	if (chain->window.bytes - offset < WAL_BLOCK_HEADER_BYTES)
		return 0;
	int r = wal_window_get(&chain->window, offset, WAL_BLOCK_HEADER_BYTES, &data);

	if (r < 0)
		return r;
	if (!wal_block_header_decode(data, &block) || !goes_on(chain, &block))
		return 0;
	size_t padded = wal_block_padded(block.payload_bytes);

	if (padded > chain->window.bytes - offset - WAL_BLOCK_HEADER_BYTES)
		return 0;
	r = wal_window_get(&chain->window, offset, WAL_BLOCK_HEADER_BYTES + padded, &data);
	if (r < 0)
		return r;
	if (wal_block_checksum(data, data + WAL_BLOCK_HEADER_BYTES, padded) != block.checksum)
		return 0;
	chain->block = block;
	chain->payload = data + WAL_BLOCK_HEADER_BYTES;
	chain->position.end = offset + WAL_BLOCK_HEADER_BYTES + padded;
	chain->position.checksum = chain->block.checksum;
	chain->position.epoch = chain->block.epoch;
	return 1;
}

void
wal_chain_deinit(struct wal_chain *chain)
{
	wal_window_deinit(&chain->window);
}

static int
chain_visit(struct wal_chain *chain, wal_block_fn *visit, void *context)
{
	int r;

	while ((r = wal_chain_next(chain)) > 0) {
		r = visit != NULL ? visit(context, &chain->block, chain->payload) : 0;
		if (r != 0)
			return r;
	}
	return r;
}

int
wal_segment_read(const struct wal_device *device, int file, struct wal_segment_header *ret_header, wal_block_fn *visit,
                 void *context, struct wal_position *ret_end)
{
	struct wal_chain chain = { 0 };
	int r = wal_chain_open(&chain, device, file);

	if (r == 0)
		r = chain_visit(&chain, visit, context);
	if (r == 0) {
		*ret_header = chain.header;
		*ret_end = chain.position;
	}
	wal_chain_deinit(&chain);
	return r;
}
