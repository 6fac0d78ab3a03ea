/*
 * conn_table.h - the connections of one worker, by slot
 *
 * Slots come in slabs of 64, made when needed and freed when empty, so that ten thousand idle connections cost what
 * they need and nothing stays when they have gone. The lowest free slot is used first, which empties the high slabs.
 *
 * A slot is used again at once, its generation is new each time (tag.h). One thread.
 */
#pragma once

#include <stdint.h>

struct conn;
struct conn_slab;

struct conn_table {
	struct conn_slab **slabs;
	uint32_t slab_count; /* places for slabs */
	uint32_t slab_first; /* no slab below has room */
	uint32_t used;
	uint32_t generation;
};

/* 0 or -ENOMEM. */
int conn_table_init(struct conn_table *table, uint32_t conns_max);
void conn_table_deinit(struct conn_table *table);

/* Returns a zeroed connection with slot and generation set, or NULL: no memory or all slots in use. */
struct conn *conn_table_take(struct conn_table *table);

/* Takes conn. */
void conn_table_give(struct conn_table *table, struct conn *conn);

/* Returns NULL when that connection has gone. */
struct conn *conn_table_find(const struct conn_table *table, uint32_t slot, uint32_t generation);

/* The first connection at or after the slot, or NULL. Others may be given back between two calls. */
struct conn *conn_table_next(const struct conn_table *table, uint32_t slot);
