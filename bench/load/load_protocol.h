/*
 * load_protocol.h - what karma-load says and what it expects to hear
 *
 * The requests of a run differ in their key alone, so everything around it is laid out once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum load_kind { LOAD_ADD, LOAD_SUM };
enum load_language { LOAD_KARMA, LOAD_REDIS }; /* redis: HINCRBY tree key 1 and HGET tree key, for comparison */

enum {
	LOAD_TREE_BYTES_MAX = 128,
	LOAD_REQUEST_BYTES_MAX = 320,
	LOAD_REPLY_BYTES_MAX = 512, /* a longer one is wrong */
};

struct load_protocol {
	enum load_language language;
	struct {
		char before[LOAD_REQUEST_BYTES_MAX];
		char after[32];
		size_t before_bytes, after_bytes;
	} request[2];
};

/* tree has at most LOAD_TREE_BYTES_MAX bytes and nothing that either language would have to escape. */
void load_protocol_init(struct load_protocol *protocol, enum load_language language, const char *tree);

/* Writes one request to out, which has room for LOAD_REQUEST_BYTES_MAX. Returns its bytes. */
size_t load_protocol_request(const struct load_protocol *protocol, enum load_kind kind, uint64_t key, char *out);

/* Returns the bytes of the reply that data starts with and whether it is right, or 0 when it is not there whole. */
size_t load_protocol_reply(const struct load_protocol *protocol, enum load_kind kind, const char *data, size_t bytes,
                           bool *ret_right);
