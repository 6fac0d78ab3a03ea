/*
 * key_set.h - which 64-bit keys were there already
 *
 * Open addressing, at most three quarters full: 11 to 22 bytes a key.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key_set {
	uint64_t *slots; /* 0 is free: the key 0 is kept aside */
	size_t capacity; /* a power of two, or 0 */
	size_t count;
	bool has_zero;
};

/* A set of zeros is empty. */
void key_set_deinit(struct key_set *set);

/* 0: added; 1: it was there; -ENOMEM. */
int key_set_add(struct key_set *set, uint64_t key);
