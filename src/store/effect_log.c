#include "store/effect_log.h"

#include <assert.h>
#include <errno.h>

#include "base/memory.h"
#include "wal/wal.h"

/* Effects that fit so many bytes of the log. Of the records only a create has a name, and a request makes one at most. */
static uint32_t
effects_in(size_t bytes)
{
	if (bytes < WAL_CREATE_BYTES_MAX)
		return 0;
	size_t count = (bytes - WAL_CREATE_BYTES_MAX) / WAL_RECORD_BYTES_MAX;

	return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

/* Of a record without a name, whose day and tree, generation and key are the least that can be. */
enum { RECORD_BYTES_LEAST = 1 + 1 + 1 + 1 + 4 + 10 };

/* Most effects that any room of so many bytes is for. */
static uint32_t
effects_most(size_t bytes)
{
	const size_t count = bytes / RECORD_BYTES_LEAST;

	return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

int
effect_log_init(struct effect_log *log, struct wal_writer *writer, struct engine_worker *worker)
{
	*log = (struct effect_log){ .writer = writer };
	if (writer == NULL)
		return 0;
	log->capacity = effects_most(wal_writer_capacity(writer));
	assert(effects_in(wal_writer_capacity(writer)) > 0);
	log->buffer.effects = mem_alloc(log->capacity * sizeof(struct effect));
	if (log->buffer.effects == NULL) {
		wal_writer_destroy(writer);
		*log = (struct effect_log){ 0 };
		return -ENOMEM;
	}
	log->buffer.capacity = log->capacity;
	engine_worker_effects(worker, &log->buffer);
	return 0;
}

void
effect_log_deinit(struct effect_log *log)
{
	assert(log->buffer.count == 0);
	wal_writer_destroy(log->writer);
	mem_free(log->buffer.effects);
	*log = (struct effect_log){ 0 };
}

static void
room_of(struct effect_log *log, size_t bytes)
{
	uint32_t fits = effects_in(bytes);

	log->buffer.capacity = fits < log->capacity ? fits : log->capacity;
}

void
effect_log_room(struct effect_log *log)
{
	assert(log->buffer.count == 0);
	if (log->writer != NULL)
		room_of(log, wal_writer_room(log->writer));
}

bool
effect_log_room_for_ledger(struct effect_log *log, size_t body_bytes)
{
	assert(log->buffer.count == 0 && body_bytes <= WAL_LEDGER_BODY_MAX);
	if (log->writer == NULL)
		return true;
	size_t room = wal_writer_room(log->writer), wanted = WAL_LEDGER_BYTES_MAX - WAL_LEDGER_BODY_MAX + body_bytes;

	room_of(log, room > wanted ? room - wanted : 0);
	return room >= wanted;
}

static size_t
varint_bytes(uint64_t value)
{
	return (64 + 6 - (size_t)__builtin_clzll(value | 1)) / 7;
}

/* The longest record of such a key. A cut may move the generation by one meanwhile, since it waits for every section. */
static size_t
record_bytes(const struct tree *tree, uint64_t key_max)
{
	return 1 + varint_bytes(tree_id(tree)) + varint_bytes(tree_generation(tree) + 1) + varint_bytes(key_max) +
	       varint_bytes(WAL_DAY_MAX) + 10;
}

bool
effect_log_has_room(struct effect_log *log, const struct tree *tree, uint64_t key_max, size_t effects)
{
	struct effect_buffer *buffer = &log->buffer;

	if (log->writer == NULL)
		return true;
	const size_t left = buffer->capacity - buffer->count;

	if (left >= effects || tree == NULL)
		return left >= effects;
	const size_t fits = buffer->count + left * WAL_RECORD_BYTES_MAX / record_bytes(tree, key_max);

	buffer->capacity = fits < log->capacity ? (uint32_t)fits : log->capacity;
	return buffer->capacity - buffer->count >= effects;
}

bool
effect_log_is_empty(const struct effect_log *log)
{
	return log->writer == NULL || wal_writer_room(log->writer) == wal_writer_capacity(log->writer);
}

/* ---- effects to records ---- */

static enum wal_kind
kind_of(const struct effect *effect)
{
	static const enum wal_kind kinds[] = {
		[EFFECT_DAY] = WAL_DAY,           [EFFECT_TOTAL] = WAL_TOTAL,   [EFFECT_LISTED] = WAL_LISTED,
		[EFFECT_UNLISTED] = WAL_UNLISTED, [EFFECT_CREATE] = WAL_CREATE, [EFFECT_DROP] = WAL_DROP,
	};

	assert(effect->kind < sizeof(kinds) / sizeof(kinds[0]));
	return kinds[effect->kind];
}

/* A plain add: one record says both. */
static bool
is_add(const struct effect *total, const struct effect *day)
{
	return total->kind == EFFECT_TOTAL && day->kind == EFFECT_DAY && day->day <= DAY_MAX &&
	       total->delta == day->delta && total->key == day->key && total->tree_id == day->tree_id &&
	       total->generation == day->generation;
}

static struct wal_record
record_of(const struct effect *effect)
{
	struct wal_record record = { .kind = kind_of(effect), .tree_id = effect->tree_id };

	if (effect->kind == EFFECT_DROP)
		return record;
	record.generation = effect->generation; /* or order */
	record.key = effect->key;
	if (effect->kind == EFFECT_CREATE) {
		record.name = effect->name;
		record.name_bytes = effect->name_bytes;
		return record;
	}
	record.delta = effect->delta;
	record.day = effect->kind == EFFECT_DAY ? effect->day : 0;
	return record;
}

static bool
are_creates(const struct effect *effects, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (effects[i].kind != EFFECT_CREATE)
			return false;
	}
	return true;
}

/* One group: the effects from the first on that have its tag, and if these are all of them, what stands behind. Returns how
 * many effects. */
static uint32_t
append_group(struct wal_writer *writer, const struct effect *effects, uint32_t count, const struct wal_record *behind)
{
	struct wal_group group;
	uint32_t i = 0;

	wal_group_begin(&group, writer, effects[0].tag);
	while (i < count && effects[i].tag == effects[0].tag) {
		struct wal_record record = record_of(&effects[i]);
		bool both =
		    i + 1 < count && effects[i + 1].tag == effects[i].tag && is_add(&effects[i], &effects[i + 1]);

		if (both) {
			record.kind = WAL_ADD;
			record.day = effects[i + 1].day;
		}
		wal_group_add(&group, &record);
		i += both ? 2 : 1;
	}
	if (i == count && behind != NULL)
		wal_group_add(&group, behind);
	/* A log may end here: what it has without the ledger's record is done again. */
	assert(i == count || behind == NULL || are_creates(effects, i));
	wal_group_end(&group);
	return i;
}

static uint64_t
append(struct effect_log *log, const struct wal_record *behind)
{
	struct effect_buffer *buffer = &log->buffer;
	uint64_t tag = 0;

	for (uint32_t done = 0; done < buffer->count;) {
		const struct effect *effects = &buffer->effects[done];

		tag = effects->tag;
		done += append_group(log->writer, effects, buffer->count - done, behind);
	}
	buffer->count = 0;
	return tag;
}

uint64_t
effect_log_append(struct effect_log *log)
{
	return append(log, NULL);
}

uint64_t
effect_log_append_ledger(struct effect_log *log, const uint8_t *body, size_t body_bytes, uint64_t tag)
{
	struct wal_record record = { .kind = WAL_LEDGER, .name = (const char *)body, .name_bytes = body_bytes };

	if (log->writer == NULL) {
		log->buffer.count = 0;
		return 0;
	}
	if (log->buffer.count > 0)
		return append(log, &record);
	struct wal_group group;

	wal_group_begin(&group, log->writer, tag);
	wal_group_add(&group, &record);
	wal_group_end(&group);
	return tag;
}
