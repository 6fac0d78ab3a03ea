/*
 * sections.h - work on a whole tree, key by key, in sections of the maintenance thread's own worker
 *
 *   begin()  [ check() key key … end() ]  begin()  [ … ]         [ ] is a section
 *
 * A section ends after SECTION_KEYS keys, or when the effects find no room for the next key: then that key is the first of
 * the next section. The walk around it goes on over the sections: what it walks is freed by this thread only.
 */
#pragma once

#include <stdbool.h>

#include "engine/key_record.h"

struct sections {
	struct engine_worker *worker;
	const struct section_steps *steps; /* NULL: there is no log */
	bool open;                         /* in a section */
	unsigned keys;                     /* done in it */
};

/* Does one key in a section; `one` returns 0, or what ends it all; -EAGAIN: the key wants more room than is left, and nothing
 * of it was done. Returns what it returned, or what a step did. */
int sections_do(struct sections *sections, int (*one)(void *context, struct key_record *record), void *context,
                struct key_record *record);

/* Ends the last one, if it is open. */
void sections_end(struct sections *sections);
