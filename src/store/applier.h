/*
 * applier.h - effects on their way from the log into trees that are being built
 *
 * Adding an effect up takes several times as long as decoding it, and is bound by memory. So keys are dealt to parts, one for
 * each processor up to a bound, and each part has a thread that applies its effects by batches (belt.h). Effects of one key
 * go to one part and arrive in the order in which they were added; no order is needed between keys.
 */
#pragma once

#include "karma/engine.h"

struct applier;

/* 0 or -ENOMEM. */
int applier_create(struct applier **ret_applier);

/* Waits for what is under way. NULL is fine. */
void applier_destroy(struct applier *applier);

/* The effect is one that tree_load_effects() does not refuse; its tree belongs to the applier until applier_settle(). Returns
 * 0 or the first failure so far, -ENOMEM. */
int applier_add(struct applier *applier, const struct load_effect *effect);

/* Waits until every effect is applied. 0 or the first failure. */
int applier_settle(struct applier *applier);
