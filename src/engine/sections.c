#include "engine/sections.h"

#include <errno.h>
#include <stddef.h>

#include "base/give_way.h"
#include "karma/engine.h"

enum { SECTION_KEYS = 256 };

static int
section_begin(struct sections *sections)
{
	const struct section_steps *steps = sections->steps;
	int r = steps == NULL ? 0 : steps->begin(steps->context);

	if (r != 0)
		return r;
	engine_batch_begin(sections->worker);
	sections->open = true;
	sections->keys = 0;
	return steps == NULL || steps->check == NULL ? 0 : steps->check(steps->context);
}

void
sections_end(struct sections *sections)
{
	if (!sections->open)
		return;
	if (sections->steps != NULL)
		sections->steps->end(sections->steps->context);
	engine_batch_end(sections->worker);
	sections->open = false;
	give_way();
}

int
sections_do(struct sections *sections, int (*one)(void *context, struct key_record *record), void *context,
            struct key_record *record)
{
	int r;

	do {
		if (sections->open && sections->keys == SECTION_KEYS)
			sections_end(sections);
		if (!sections->open && (r = section_begin(sections)) != 0)
			return r;
		r = one(context, record);
		if (r != -EAGAIN || sections->steps == NULL || sections->keys == 0)
			break;
		/* What earlier keys of the section left in the scratch is in the way: once more, with all of the room. */
		sections_end(sections);
	} while (true);
	sections->keys++;
	return r;
}
