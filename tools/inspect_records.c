/*
 * inspect_records.c - the log's records as JSON lines
 *
 * Those that a start would replay, in the order of the blocks. Names of trees come from the manifest and from the records
 * that create them; these may stand anywhere in a block, so each block is gone through twice.
 */
#include "log_read.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "karma/engine.h"
#include "ledger/codec.h"
#include "tree_names.h"

struct records {
	const struct inspect *inspect;
	struct look look;
	struct buffer out;
	struct tree_names names;
	uint64_t tree_id; /* --tree as an id; 0: it is none */
	const struct wal_block_header *block;
	uint64_t offset; /* of the block */
	uint64_t group;  /* of the block, from 1 */
};

/* ---- one record ---- */

static const char *
kind_name(enum wal_kind kind)
{
	static const char *const names[WAL_KINDS] = {
		[WAL_ADD] = "add",           [WAL_DAY] = "day",       [WAL_TOTAL] = "total", [WAL_LISTED] = "listed",
		[WAL_UNLISTED] = "unlisted", [WAL_CREATE] = "create", [WAL_DROP] = "drop",   [WAL_LEDGER] = "ledger",
	};

	return names[kind];
}

/*
 * The delta of a day's word, 62 bits wrapping: bit 61 says that the day is absent (counter_word.h). The change of the count
 * and whether that bit turns cannot be told apart for certain; the smaller change is the one that happens.
 */
static void
print_day_delta(struct buffer *out, uint64_t delta)
{
	const uint64_t flag = UINT64_C(1) << 61;
	uint64_t value = delta & (2 * flag - 1);
	bool turns = value >= flag / 2 && value < 2 * flag - flag / 2;
	int64_t change = turns ? (int64_t)(value - flag) : value < flag ? (int64_t)value : (int64_t)(value - 2 * flag);

	print(out, ",\"delta\":%" PRId64, change);
	if (turns)
		buffer_append_literal(out, ",\"turns\":true");
}

static void
print_day(struct buffer *out, const struct wal_record *record)
{
	if (record->day == DAY_ABOVE || record->day == DAY_BELOW)
		print(out, ",\"difference\":\"%s\"", record->day == DAY_ABOVE ? "above" : "below");
	else
		print(out, ",\"day\":%" PRIu32, record->day);
}

static void
print_create(struct buffer *out, const struct wal_record *record)
{
	print(out, ",\"order\":%" PRIu64, record->generation);
	if (record->key != 0)
		print(out, ",\"replaces\":%" PRIu64, record->key);
}

static void
print_use(struct buffer *out, const struct ledger_body *body)
{
	const struct ledger_use *use = &body->use;
	char fingerprint[FINGERPRINT_HEX_BYTES];

	fingerprint_to_hex(use->fingerprint, fingerprint);
	print(out,
	      ",\"sequence\":%" PRIu64 ",\"operation\":\"%s\",\"created_at_unix\":%" PRIu64
	      ",\"fingerprint\":\"%.*s\",\"idempotency_key\":",
	      use->sequence, ledger_operation_name(use->operation), use->created_at_unix, (int)sizeof(fingerprint),
	      fingerprint);
	print_tree(out, body->key, body->key_bytes);
	buffer_append_literal(out, ",\"response\":");
	print_tree(out, use->response, use->response_bytes);
}

static void
print_ledger(struct buffer *out, const struct wal_record *record)
{
	struct ledger_body body;

	if (!ledger_body_decode((const uint8_t *)record->name, record->name_bytes, &body))
		print(out, ",\"unknown_bytes\":%zu", record->name_bytes);
	else if (body.kind == LEDGER_BODY_USE)
		print_use(out, &body);
	else
		print(out, ",\"removed_from\":%" PRIu64 ",\"removed_to\":%" PRIu64, body.removed.first,
		      body.removed.last);
}

/* What the kinds have of their own. */
static void
print_rest(struct buffer *out, const struct wal_record *record)
{
	switch (record->kind) {
	case WAL_ADD:
	case WAL_DAY:
		print_day(out, record);
		if (record->kind == WAL_DAY)
			print_day_delta(out, record->delta);
		else
			print(out, ",\"delta\":%" PRId64, (int64_t)record->delta);
		break;
	case WAL_TOTAL:
		print(out, ",\"delta\":%" PRId64, (int64_t)record->delta);
		break;
	case WAL_LISTED:
	case WAL_UNLISTED:
		print(out, ",\"sequence\":%" PRIu64, record->delta);
		break;
	case WAL_CREATE:
		print_create(out, record);
		break;
	case WAL_LEDGER:
		print_ledger(out, record);
		break;
	case WAL_DROP:
	case WAL_KINDS:
		break;
	}
}

static bool
is_wanted(const struct records *records, const struct wal_record *record, const struct tree_name *name)
{
	const struct inspect *inspect = records->inspect;

	if (inspect->tree == NULL || (records->tree_id != 0 && records->tree_id == record->tree_id))
		return true;
	return name != NULL && name->bytes == inspect->tree_bytes &&
	       memcmp(name->name, inspect->tree, inspect->tree_bytes) == 0;
}

static int
record_print(void *context, const struct wal_record *record)
{
	struct records *records = context;
	struct buffer *out = &records->out;
	const struct tree_name *name = tree_names_find(&records->names, record->tree_id);
	uint64_t group = records->group;
	char segment[64];

	records->group += record->last;
	if (!is_wanted(records, record, name))
		return 0;
	wal_segment_name(records->block->sequence, segment);
	print(out,
	      "{\"segment\":\"%s\",\"offset\":%" PRIu64 ",\"epoch\":%" PRIu64 ",\"group\":%" PRIu64 ",\"kind\":\"%s\"",
	      segment, records->offset, records->block->epoch, group, kind_name(record->kind));
	if (record->kind != WAL_LEDGER)
		print(out, ",\"tree_id\":%" PRIu64, record->tree_id);
	if (name != NULL) {
		buffer_append_literal(out, ",\"tree\":");
		print_tree(out, name->name, name->bytes);
	}
	if (record->kind < WAL_CREATE)
		print(out, ",\"generation\":%" PRIu64 ",\"key\":%" PRIu64, record->generation, record->key);
	print_rest(out, record);
	buffer_append_literal(out, "}\n");
	return output_passed(out) ? 0 : -EIO;
}

/* ---- blocks ---- */

static int
record_name(void *context, const struct wal_record *record)
{
	struct records *records = context;

	if (record->kind != WAL_CREATE)
		return 0;
	return tree_names_put(&records->names, record->tree_id, record->name, record->name_bytes);
}

static int
block_print(void *context, const struct wal_block_header *block, uint64_t offset, const uint8_t *payload)
{
	struct records *records = context;
	int r = wal_payload_each(payload, block->payload_bytes, record_name, records);

	if (r < 0 || block->epoch < records->inspect->from_epoch)
		return r;
	records->block = block;
	records->offset = offset;
	records->group = 1;
	return wal_payload_each(payload, block->payload_bytes, record_print, records);
}

/* ---- the whole ---- */

static int
names_take(struct records *records, const struct manifest_tree *trees, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = tree_names_put(&records->names, trees[i].id, trees[i].name, trees[i].name_bytes);

		if (r < 0)
			return r;
	}
	return 0;
}

/* A number without leading zero, that is. */
static uint64_t
id_of(const char *text)
{
	uint64_t id = 0;

	for (; text != NULL && *text >= '0' && *text <= '9' && id < UINT64_MAX / 10; text++)
		id = id * 10 + (uint64_t)(*text - '0');
	return text != NULL && *text == '\0' ? id : 0;
}

static enum status
records_run(struct records *records)
{
	const struct look *look = &records->look;
	struct log_read log;

	if (look->outcome == MANIFEST_MISSING)
		return failed("there is no " MANIFEST_FILE ", which says where the log begins");
	if (look->outcome == MANIFEST_DAMAGED) {
		(void)failed("%s", look->fault.text);
		return STATUS_DAMAGE;
	}
	if (names_take(records, look->manifest.trees, look->manifest.count) < 0 ||
	    names_take(records, look->manifest.staged, look->manifest.staged_count) < 0)
		return failed("out of memory");
	enum status status = log_read(&records->look, block_print, records, &log);

	if (status == STATUS_DAMAGE)
		(void)failed("%s; only what stands before it is printed", log.fault.text);
	return status;
}

enum status
inspect_records(const struct inspect *inspect)
{
	struct records records = { .inspect = inspect, .tree_id = id_of(inspect->tree) };
	int directory_fd = directory_open(inspect->path);

	if (directory_fd < 0)
		return STATUS_FAILED;
	buffer_init(&records.out, SIZE_MAX);
	enum status status = look_begin(&records.look, directory_fd);

	if (status == STATUS_SOUND) {
		status = records_run(&records);
		look_end(&records.look);
	}
	status = output_end(&records.out, status);
	tree_names_deinit(&records.names);
	buffer_deinit(&records.out);
	(void)close(directory_fd);
	return status;
}
