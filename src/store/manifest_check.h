/*
 * manifest_check.h - what its lists of trees must be among themselves
 */
#pragma once

#include "snapshot/source.h"
#include "store/manifest.h"

/* No tree is listed twice, no id is given twice. 0, DUMP_DAMAGED or a negative errno, with the source's fault. */
int manifest_check(struct source *source, const struct manifest *manifest);
