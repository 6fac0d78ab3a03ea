/*
 * publish_found.h - the end of a restoration: trees get their names
 */
#pragma once

#include "store/restore_tree.h"

/* Judges what log and dumps make together, publishes what lives in the order of names, and fills the catalog. 0 or -1 with
 * the fault. */
int publish_found(struct restoration *restoration);
