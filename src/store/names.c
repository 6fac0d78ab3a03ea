#include "store/names.h"

#include <errno.h>

#include "karma/engine.h"

/* A name behind its length. */
static int
append(void *context, struct tree *tree, const char *name, size_t bytes)
{
	struct tree_names *names = context;
	const uint16_t length = (uint16_t)bytes;

	(void)tree;
	buffer_append(&names->text, &length, sizeof(length));
	buffer_append(&names->text, name, bytes);
	names->count++;
	return names->text.failed ? -ENOMEM : 0;
}

int
tree_names_init(struct tree_names *names, struct engine *engine)
{
	*names = (struct tree_names){ 0 };
	buffer_init(&names->text, SIZE_MAX);
	return engine_names(engine, append, names);
}

void
tree_names_deinit(struct tree_names *names)
{
	buffer_deinit(&names->text);
}

const char *
tree_names_next(const struct tree_names *names, size_t *cursor, size_t *ret_bytes)
{
	uint16_t length;

	if (*cursor == names->text.bytes)
		return NULL;
	const char *at = names->text.data + *cursor;

	memcpy(&length, at, sizeof(length));
	*cursor += sizeof(length) + length;
	*ret_bytes = length;
	return at + sizeof(length);
}
