#include "ledger/model.h"

#include <string.h>

#include "engine/harness.h"

void
model_init(struct model *model, uint64_t records_max, uint64_t age_max)
{
	*model = (struct model){ .records_max = records_max, .age_max = age_max };
	for (size_t i = 0; i < MODEL_KEYS_MAX; i++)
		model->user[i] = NOBODY;
}

struct model_record *
model_find(struct model *model, uint32_t key)
{
	for (size_t i = 0; i < model->count; i++) {
		if (model->done[i].key == key)
			return &model->done[i];
	}
	return NULL;
}

void
model_add(struct model *model, const struct model_record *record)
{
	check(model->count < MODEL_LIST_MAX, "the model is full");
	model->done[model->count++] = *record;
}

void
model_drop(struct model *model, size_t count)
{
	model->count -= count;
	memmove(model->done, model->done + count, model->count * sizeof(model->done[0]));
}

uint64_t
model_expire(struct model *model, uint64_t now, uint64_t limit)
{
	uint64_t count = 0;

	while (model->count > 0 && count < limit &&
	       (model->count > model->records_max ||
	        (model->age_max > 0 && model->done[0].created_at + model->age_max < now))) {
		model_drop(model, 1);
		count++;
	}
	return count;
}

void
model_park(struct model *model, int client, uint32_t key)
{
	model->parked[model->parked_count++] = (struct model_parked){ client, key };
}

void
model_unpark(struct model *model, int client)
{
	size_t i = 0;

	while (model->parked[i].client != client)
		i++;
	memmove(&model->parked[i], &model->parked[i + 1], (--model->parked_count - i) * sizeof(model->parked[0]));
}

int
model_next(const struct model *model, uint32_t key)
{
	for (size_t i = 0; i < model->parked_count; i++) {
		if (model->parked[i].key == key)
			return model->parked[i].client;
	}
	return NOBODY;
}
