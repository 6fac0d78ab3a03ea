/*
 * look.h - a directory as it is at one moment: its manifest, and its dump files
 *
 * A server replaces the manifest by a new one before it removes what only the old one needs, and after it has made what the
 * new one names. So when the manifest is the same before and after the files were listed, they belong together.
 */
#pragma once

#include "inspect.h"
#include "store/candidates.h"
#include "store/manifest.h"

struct look {
	int directory_fd;
	enum manifest_outcome outcome; /* of the manifest, which is only there with MANIFEST_OK */
	struct manifest manifest;
	struct dump_fault fault; /* with MANIFEST_DAMAGED */
	struct buffer bytes;     /* of the manifest's file */
	struct candidates candidates;
	bool *chosen; /* for each of candidates.items: a start would take it */
};

/* directory_fd is borrowed. STATUS_SOUND, also with a damaged manifest, or STATUS_FAILED (said so). */
enum status look_begin(struct look *look, int directory_fd);

/* Is the manifest still what it was? */
bool look_holds(const struct look *look);

void look_end(struct look *look);

/* The dump that a start would take for a tree of the manifest, or NULL: there is none that fits. */
const struct candidate *look_dump_of(const struct look *look, const struct manifest_tree *tree);
