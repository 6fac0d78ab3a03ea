#include "wal/log_kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
epoch_store(void *context, uint64_t epoch)
{
	struct log_kit *kit = context;

	atomic_store_explicit(&kit->epoch, epoch, memory_order_seq_cst);
}

static uint32_t
today(void *context)
{
	(void)context;
	return LOG_KIT_TODAY;
}

static void
grown(void *context)
{
	struct log_kit *kit = context;

	kit->grown++;
}

static void
state_changed(void *context, enum wal_state state, int error, const char *doing)
{
	struct log_kit *kit = context;

	assert_non_null(doing);
	kit->states_said++;
	kit->state_said = state;
	kit->error_said = error;
}

void
log_kit_begin(struct log_kit *kit)
{
	*kit = (struct log_kit){ .memory = memory_device_create(1), .worker = epoch_worker_create() };
	assert_non_null(kit->worker);
	kit->options = (struct wal_options){
		.device = memory_device_wal(kit->memory),
		.identity = "0123456789abcde",
		.fsync = WAL_FSYNC_TRUE,
		.bytes_max = UINT64_MAX,
		.writers_max = LOG_KIT_WRITERS,
		.writer_bytes = LOG_KIT_WRITER_BYTES,
		.epoch_first = 10,
		.sequence_first = 5,
		.epoch_store = epoch_store,
		.today = today,
		.grown = grown,
		.state_changed = state_changed,
		.context = kit,
	};
}

void
log_kit_open(struct log_kit *kit)
{
	assert_int_equal(wal_create(&kit->options, &kit->wal), 0);
	assert_int_equal(atomic_load_explicit(&kit->epoch, memory_order_seq_cst), kit->options.epoch_first);
}

void
log_kit_close(struct log_kit *kit)
{
	wal_destroy(kit->wal);
	kit->wal = NULL;
	assert_int_equal(memory_device_opened(kit->memory), 0);
}

void
log_kit_end(struct log_kit *kit)
{
	if (kit->wal != NULL)
		log_kit_close(kit);
	epoch_worker_destroy(kit->worker);
	memory_device_destroy(kit->memory);
}

void
log_kit_wake(void *count)
{
	++*(unsigned *)count;
}

struct wal_writer *
log_kit_writer(struct log_kit *kit, unsigned *woken)
{
	struct wal_writer *writer = NULL;

	assert_int_equal(wal_writer_create(kit->wal, log_kit_wake, woken, &writer), 0);
	assert_int_equal(wal_writer_room(writer), wal_writer_capacity(writer));
	return writer;
}

uint64_t
log_kit_append(struct log_kit *kit, struct wal_writer *writer, uint64_t key, unsigned records)
{
	struct wal_group group;

	epoch_begin(kit->worker);
	uint64_t tag = atomic_load_explicit(&kit->epoch, memory_order_seq_cst);

	wal_group_begin(&group, writer, tag);
	for (unsigned i = 0; i < records; i++)
		wal_group_add(
		    &group,
		    &(struct wal_record){
		        .kind = WAL_ADD, .day = 20240101, .tree_id = 1, .generation = 1, .key = key, .delta = 1 });
	wal_group_end(&group);
	epoch_end(kit->worker);
	return tag;
}

uint64_t
log_kit_fill(struct log_kit *kit, struct wal_writer *writer, uint64_t key)
{
	uint64_t tag = 0;

	while (wal_writer_room(writer) >= WAL_RECORD_BYTES_MAX)
		tag = log_kit_append(kit, writer, key, 1);
	return tag;
}

/* ---- reading back ---- */

static int
record_add(void *context, const struct wal_record *record)
{
	struct log_kit_block *block = context;

	block->keys_sum += record->key;
	block->records++;
	block->groups += record->last;
	return 0;
}

static int
block_add(void *context, const struct wal_block_header *header, const uint8_t *payload)
{
	struct log_kit_read *read = context;

	assert_true(read->count < LOG_KIT_BLOCKS_MAX);
	struct log_kit_block *block = &read->blocks[read->count++];

	block->header = *header;
	assert_int_equal(wal_payload_each(payload, header->payload_bytes, record_add, block), 0);
	return 0;
}

struct log_kit_read *
log_kit_read(struct log_kit *kit, uint64_t sequence_first)
{
	struct log_kit_read *read = calloc(1, sizeof(*read));
	struct wal_recover_options options = { .device = kit->options.device, .sequence_first = sequence_first };
	struct wal_fault fault = { "" };

	assert_non_null(read);
	memcpy(options.identity, kit->options.identity, WAL_IDENTITY_BYTES);
	int r = wal_recover(&options, block_add, read, &read->recovered, &fault);

	if (r < 0)
		print_error("%s\n", fault.text);
	assert_int_equal(r, 0);
	return read;
}

struct wal_segment_header
log_kit_header(struct log_kit *kit, uint64_t sequence)
{
	struct wal_segment_header header;
	char name[64];

	wal_segment_name(sequence, name);
	struct memory_file *file = memory_device_file(kit->memory, name);

	assert_non_null(file);
	assert_true(wal_segment_header_decode(file->data, &header));
	return header;
}
