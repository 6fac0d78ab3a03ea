/*
 * loader.h - keys on their way from a file into a tree that is being built
 *
 * Decoding a key and putting it into a tree take about as long, so a large file has a thread for each: decoded keys go by
 * batches to a belt. They arrive in the order of the file, so of a key that stands there twice the later wins.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "karma/engine.h"

struct loader;

/* From now on the tree is the loader's. 0 or -ENOMEM. */
int loader_create(struct tree *tree, struct loader **ret_loader);

/* A dump_key_fn whose context is the loader. ENGINE_INVALID is told of the key it is about, -ENOMEM maybe later, but at the
 * latest by loader_finish(). */
int loader_key(void *context, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count);

/* Waits until the tree holds every key. 0 or the first failure: -ENOMEM. Takes the loader; the tree is the caller's again. */
int loader_finish(struct loader *loader);
