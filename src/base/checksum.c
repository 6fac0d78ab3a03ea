#include "base/checksum.h"

#include <assert.h>

#include "base/memory.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

struct checksum {
	XXH3_state_t state;
};

struct checksum *
checksum_create(void)
{
	struct checksum *checksum = mem_alloc_aligned(_Alignof(struct checksum), sizeof(*checksum));

	if (checksum == NULL)
		return NULL;
	XXH3_INITSTATE(&checksum->state);
	(void)XXH3_64bits_reset(&checksum->state); /* fails for a NULL state only */
	return checksum;
}

void
checksum_destroy(struct checksum *checksum)
{
	mem_free(checksum);
}

void
checksum_add(struct checksum *checksum, const void *data, size_t bytes)
{
	assert(checksum != NULL);
	if (bytes > 0)
		(void)XXH3_64bits_update(&checksum->state, data, bytes);
}

uint64_t
checksum_value(const struct checksum *checksum)
{
	return XXH3_64bits_digest(&checksum->state);
}

uint64_t
checksum_of(const void *data, size_t bytes)
{
	return XXH3_64bits(data, bytes);
}

uint64_t
checksum_of_pieces(const struct checksum_piece *pieces, size_t count)
{
	struct checksum checksum;

	XXH3_INITSTATE(&checksum.state);
	(void)XXH3_64bits_reset(&checksum.state);
	for (size_t i = 0; i < count; i++)
		checksum_add(&checksum, pieces[i].data, pieces[i].bytes);
	return checksum_value(&checksum);
}
