/*
 * json_v1.h - the original's wire format: one JSON object per line, one reply line each (PROTOCOL-v1.md)
 *
 * Pure functions: bytes to request, response to bytes. No I/O, no shared state.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "proto/text.h"

/* In a byte, since there is one in every line of a batch. */
enum __attribute__((packed)) v1_command {
	V1_UNKNOWN,
	V1_PING,
	V1_TREES,
	V1_CREATE,
	V1_DROP,
	V1_INCREMENT,
	V1_DECREMENT,
	V1_SUM,
	V1_FIND,
	V1_RESET,
	V1_DELETE,
	V1_DUMP,
	V1_DUMP_ALL,
	V1_DUMPS,
	V1_LOAD,
};

struct v1_request {
	enum v1_command command;
	bool has_tree, has_key, has_from, has_to, has_token;
	uint16_t key_offset;      /* where its digits stand in the line, if has_key; UINT16_MAX: there or behind */
	struct text command_text; /* as sent, for "Unknown command x" */
	struct text tree;
	struct text token; /* if has_token: any other type than a string counts as none */
	uint64_t key, from, to;
};

/* Why a line is refused: what is wrong and in which column (characters, from 1). Printable ASCII, NUL-terminated. */
struct v1_fault {
	char text[128];
	bool foreign; /* a member `v` or `op` was met: if the line is an object, it is a request of v2 */
};

/**
 * json_v1_decode() - decode one line (without its LF)
 *
 * Blanks, tabs and CRs around tokens are skipped. Checks: JSON as RFC 8259 (valid UTF-8 everywhere, at most
 * JSON_DEPTH_MAX levels, nothing behind the object), the types of the known members in each of their occurrences
 * (the last one counts, null is absent), tree_name at most TREE_NAME_BYTES_MAX, `command` present. Fields a command
 * needs are not checked here. A member `v` or `op` ends it at once. Time is linear in bytes.
 *
 * Memory:  *ret borrows from line and scratch. Known members with escapes take what they take in the line of scratch,
 *          so `bytes` left there always suffice; with less, a line that needs more is refused. Others take nothing.
 * Return:  true, or false with *ret_fault written (and *ret undefined).
 */
bool json_v1_decode(const char *line, size_t bytes, struct arena *scratch, struct v1_request *ret,
                    struct v1_fault *ret_fault);

/* Whole replies, CR LF included. Text is valid UTF-8 and is escaped as JSON wants (`/` and non-ASCII stay as they are). */
void json_v1_reply_number(struct buffer *out, uint64_t value);
void json_v1_reply_text(struct buffer *out, const char *text, size_t bytes);
void json_v1_reply_true(struct buffer *out);
void json_v1_reply_error(struct buffer *out, const char *text, size_t bytes);

/* Replies built of before + "name" (quoted as the original does: plain double quotes around it) + after, as in
 * `Tree "x" not exists`. success tells which kind. The name is escaped, the quotes become \". */
void json_v1_reply_named(struct buffer *out, bool success, const char *before, struct text name, const char *after);

/* Pieces of the larger replies. begin writes {"success":true,"response": and end writes } CR LF. */
void json_v1_reply_begin(struct buffer *out);
void json_v1_reply_end(struct buffer *out);
