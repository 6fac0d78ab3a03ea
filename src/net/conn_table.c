#include "net/conn_table.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "net/conn.h"
#include "net/tag.h"

enum { SLAB_CONNS = 64 };

struct conn_slab {
	uint64_t used; /* a bit per slot */
	struct conn conns[SLAB_CONNS];
};

int
conn_table_init(struct conn_table *table, uint32_t conns_max)
{
	uint32_t slots = conns_max < TAG_SLOTS ? conns_max : TAG_SLOTS;

	*table = (struct conn_table){ .slab_count = (slots + SLAB_CONNS - 1) / SLAB_CONNS };
	table->slabs = mem_alloc_zeroed(table->slab_count * sizeof(struct conn_slab *));
	return table->slabs != NULL ? 0 : -ENOMEM;
}

void
conn_table_deinit(struct conn_table *table)
{
	for (uint32_t i = 0; table->slabs != NULL && i < table->slab_count; i++)
		mem_free(table->slabs[i]);
	mem_free(table->slabs);
	*table = (struct conn_table){ 0 };
}

/* The first slab with room, made if it is not there. NULL: none. */
static struct conn_slab *
slab_with_room(struct conn_table *table)
{
	while (table->slab_first < table->slab_count) {
		struct conn_slab *slab = table->slabs[table->slab_first];

		if (slab == NULL) {
			slab = mem_alloc_aligned(64, sizeof(*slab));
			if (slab != NULL)
				slab->used = 0;
			table->slabs[table->slab_first] = slab;
			return slab;
		}
		if (slab->used != UINT64_MAX)
			return slab;
		table->slab_first++;
	}
	return NULL;
}

struct conn *
conn_table_take(struct conn_table *table)
{
	struct conn_slab *slab = slab_with_room(table);

	if (slab == NULL)
		return NULL;
	uint32_t index = (uint32_t)__builtin_ctzll(~slab->used);
	struct conn *conn = &slab->conns[index];

	slab->used |= UINT64_C(1) << index;
	memset(conn, 0, sizeof(*conn));
	conn->slot = table->slab_first * SLAB_CONNS + index;
	conn->generation = ++table->generation;
	table->used++;
	return conn;
}

void
conn_table_give(struct conn_table *table, struct conn *conn)
{
	uint32_t index = conn->slot / SLAB_CONNS;
	struct conn_slab *slab = table->slabs[index];
	uint64_t bit = UINT64_C(1) << (conn->slot % SLAB_CONNS);

	assert((slab->used & bit) != 0);
	assert(table->used > 0);
	slab->used &= ~bit;
	table->used--;
	if (index < table->slab_first)
		table->slab_first = index;
	/* The first one stays: a single client that comes and goes would make and free it each time. */
	if (slab->used == 0 && index > 0) {
		mem_free(slab);
		table->slabs[index] = NULL;
	}
}

struct conn *
conn_table_find(const struct conn_table *table, uint32_t slot, uint32_t generation)
{
	uint32_t index = slot / SLAB_CONNS;
	struct conn_slab *slab = index < table->slab_count ? table->slabs[index] : NULL;

	if (slab == NULL || (slab->used & UINT64_C(1) << (slot % SLAB_CONNS)) == 0)
		return NULL;
	struct conn *conn = &slab->conns[slot % SLAB_CONNS];

	return conn->generation == generation ? conn : NULL;
}

struct conn *
conn_table_next(const struct conn_table *table, uint32_t slot)
{
	uint32_t shift = slot % SLAB_CONNS;

	for (uint32_t i = slot / SLAB_CONNS; i < table->slab_count; i++) {
		struct conn_slab *slab = table->slabs[i];
		uint64_t used = slab != NULL ? slab->used >> shift << shift : 0;

		if (used != 0)
			return &slab->conns[__builtin_ctzll(used)];
		shift = 0;
	}
	return NULL;
}
