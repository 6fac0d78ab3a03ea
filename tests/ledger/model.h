/*
 * model.h - what a ledger must do, slow and obvious: the records in a list, oldest first, which is looked through each time
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { MODEL_CLIENTS = 12, MODEL_KEYS_MAX = 300, MODEL_LIST_MAX = 1024, NOBODY = -1 };

struct model_record {
	uint32_t key, request;
	uint64_t answer, created_at, sequence;
};

/* A client that waits for a key. */
struct model_parked {
	int client;
	uint32_t key;
};

struct model {
	uint64_t records_max, age_max;
	struct model_record done[MODEL_LIST_MAX];
	size_t count;
	int user[MODEL_KEYS_MAX];                  /* the client that runs a key's request, or NOBODY */
	struct model_parked parked[MODEL_CLIENTS]; /* in the order in which they came */
	size_t parked_count;
};

void model_init(struct model *model, uint64_t records_max, uint64_t age_max);
struct model_record *model_find(struct model *model, uint32_t key);
void model_add(struct model *model, const struct model_record *record);

/* The oldest go. */
void model_drop(struct model *model, size_t count);
uint64_t model_expire(struct model *model, uint64_t now, uint64_t limit);

void model_park(struct model *model, int client, uint32_t key);
void model_unpark(struct model *model, int client);
int model_next(const struct model *model, uint32_t key); /* the first that waits for a key, or NOBODY */
