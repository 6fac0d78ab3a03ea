/*
 * json_v2.h - the wire format of protocol v2: one JSON object per line, one reply line each (PROTOCOL-v2.md)
 *
 * Pure functions: bytes to members, members to fields, response to bytes. No I/O, no shared state.
 *
 *   json_v2_decode()   one walk: is it JSON, and where do the members stand that the protocol knows?
 *   json_v2_fields.h   reads a member as a field; called by each operation in its own order, since that order tells which
 *                      of several faults is reported
 *   json_v2_reply_…()  the envelope
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "proto/text.h"

/* By the bytes of the names, which is how they are looked up. */
#define V2_MEMBERS(X)                            \
	X(V2_V, "v")                             \
	X(V2_OP, "op")                           \
	X(V2_KEY, "key")                         \
	X(V2_TREE, "tree")                       \
	X(V2_DATE, "date")                       \
	X(V2_KEYS, "keys")                       \
	X(V2_MODE, "mode")                       \
	X(V2_FILE, "file")                       \
	X(V2_VALUE, "value")                     \
	X(V2_ITEMS, "items")                     \
	X(V2_RANGE, "range")                     \
	X(V2_LIMIT, "limit")                     \
	X(V2_TOKEN, "token")                     \
	X(V2_SERIES, "series")                   \
	X(V2_BUCKET, "bucket")                   \
	X(V2_CURSOR, "cursor")                   \
	X(V2_BEFORE, "before")                   \
	X(V2_SOURCE, "source")                   \
	X(V2_OFFSET, "offset")                   \
	X(V2_EVENT_ID, "event_id")               \
	X(V2_STREAM_ID, "stream_id")             \
	X(V2_CHUNK_SEQ, "chunk_seq")             \
	X(V2_FINGERPRINT, "fingerprint")         \
	X(V2_GRANULARITY, "granularity")         \
	X(V2_SOURCE_OFFSET, "source_offset")     \
	X(V2_MAX_ABS_DELTA, "max_abs_delta")     \
	X(V2_CHECKED_POINTS, "checked_points")   \
	X(V2_MISMATCH_COUNT, "mismatch_count")   \
	X(V2_ABSOLUTE_DRIFT, "absolute_drift")   \
	X(V2_IDEMPOTENCY_KEY, "idempotency_key") \
	X(V2_IDEMPOTENCY_CREATED_AT_UNIX, "idempotency_created_at_unix")

enum v2_member {
#define V2_MEMBER_ID(id, name) id,
	V2_MEMBERS(V2_MEMBER_ID)
#undef V2_MEMBER_ID
	    V2_MEMBER_COUNT
};

enum v2_type { V2_NULL, V2_BOOL, V2_INTEGER, V2_REAL, V2_STRING, V2_ARRAY, V2_OBJECT };

/* A member's value as it stands in the line: a string without its quotes, escapes not resolved. */
struct v2_value {
	const char *data;
	size_t bytes;
	enum v2_type type;
	bool escaped; /* a string that holds at least one escape */
};

struct v2_item {
	uint64_t key;
	uint64_t value;
	uint32_t bucket; /* V2_BUCKET_OUT: too large for this field */
};
#define V2_BUCKET_OUT UINT32_MAX

/* Arrays of unsigned integers are read where they are walked over, since they are what long lines consist of. */
struct v2_keys {
	uint64_t *at; /* in the scratch arena */
	uint32_t count;
};
struct v2_items {
	struct v2_item *at;
	uint32_t count;
};
enum { V2_ITEMS_MAX = 10000 }; /* of a request; a longer array is read no further */

struct v2_line {
	bool is_object;    /* else a JSON text of another kind, and nothing below counts */
	bool out_of_range; /* an integer outside -2^63 … 2^64 - 1 stands in it, wherever: fields must not be read */
	uint64_t present;  /* bit of each member that is there; the last of repeated ones counts */
	struct v2_value member[V2_MEMBER_COUNT];
	/* at is NULL unless the member is an array of at most V2_ITEMS_MAX unsigned integers, or items of three of them. */
	struct v2_keys keys;
	struct v2_items items;
};
static_assert(V2_MEMBER_COUNT <= 64, "every member has its bit");

/* NULL when it is not there. */
static inline const struct v2_value *
v2_member(const struct v2_line *line, enum v2_member member)
{
	return (line->present >> member & 1) != 0 ? &line->member[member] : NULL;
}

/* An object with one of these is a request of v2. */
static inline bool
v2_is_request(const struct v2_line *line)
{
	return line->is_object && (line->present & (UINT64_C(1) << V2_V | UINT64_C(1) << V2_OP)) != 0;
}

/* Why a line is no JSON: what is wrong and in which column (characters, from 1). Printable ASCII, NUL-terminated. */
struct v2_problem {
	char text[128];
};

/**
 * json_v2_decode() - find the members of one line (without its LF)
 *
 * Blanks, tabs and CRs around tokens are skipped. Checks the whole text: RFC 8259, valid UTF-8 everywhere, at most
 * JSON_DEPTH_MAX levels, nothing behind the value. What members hold is not judged.
 * Time is linear in bytes.
 *
 * Memory:  *ret borrows from line and scratch. Takes no more scratch than v2_scratch_bytes(); where that is not left,
 *          arrays stay unread (fields are read as well, only later).
 * Return:  true, or false: the line is no JSON (and *ret undefined). *ret_problem is written then, and with out_of_range.
 */
bool json_v2_decode(const char *line, size_t bytes, struct arena *scratch, struct v2_line *ret,
                    struct v2_problem *ret_problem);

/*
 * Scratch, in bytes, that always suffices for a line decoded and all fields of one operation read once.
 *
 * Per byte of the line: a key takes 8 bytes for at least `1,` of it, an item 24 for `[1,1,1],`, an object of multi_sum 24 for
 * `{},`, and a text with escapes no more than it has in the line. Altogether: the decoder reads one array of keys and one of
 * items on its way, the operation at most one more, none with more than V2_ITEMS_MAX elements.
 */
enum {
	V2_SCRATCH_PER_BYTE = 10,
	V2_SCRATCH_ARRAYS_MAX =
	    V2_ITEMS_MAX * (int)(sizeof(uint64_t) + 2 * sizeof(struct v2_item)) + 3 * ARENA_PADDING_MAX,
};
static inline size_t
v2_scratch_bytes(size_t line_bytes)
{
	const size_t arrays = line_bytes * (V2_SCRATCH_PER_BYTE - 1);

	return line_bytes + (arrays < V2_SCRATCH_ARRAYS_MAX ? arrays : V2_SCRATCH_ARRAYS_MAX);
}

/* ---- replies ---- */

#define V2_ERRORS(X)                                       \
	X(V2_INVALID_JSON, "invalid_json")                 \
	X(V2_UNSUPPORTED_PROTOCOL, "unsupported_protocol") \
	X(V2_UNKNOWN_COMMAND, "unknown_command")           \
	X(V2_VALIDATION_ERROR, "validation_error")         \
	X(V2_NOT_FOUND, "not_found")                       \
	X(V2_UNAUTHORIZED, "unauthorized")                 \
	X(V2_FORBIDDEN, "forbidden")                       \
	X(V2_REQUEST_TOO_LARGE, "request_too_large")       \
	X(V2_RESPONSE_TOO_LARGE, "response_too_large")     \
	X(V2_QUERY_TIMEOUT, "query_timeout")               \
	X(V2_IDEMPOTENCY_CONFLICT, "idempotency_conflict") \
	X(V2_INTERNAL_ERROR, "internal_error")

enum v2_error {
#define V2_ERROR_ID(id, name) id,
	V2_ERRORS(V2_ERROR_ID)
#undef V2_ERROR_ID
};

/* Whole replies, CR LF included. Texts are valid UTF-8. */
void json_v2_reply_number(struct buffer *out, uint64_t value);
void json_v2_reply_text(struct buffer *out, const char *text, size_t bytes);
void json_v2_reply_true(struct buffer *out);
void json_v2_reply_error(struct buffer *out, enum v2_error code, const char *text, size_t bytes);

/* The text is before + name + after, as in `Tree "x" not found` (the quotes are given). */
void json_v2_reply_error_named(struct buffer *out, enum v2_error code, const char *before, struct text name,
                               const char *after);

/* Of a request with an idempotency key; response is JSON. repeated: it is the answer of the first time. */
void json_v2_reply_idempotent(struct buffer *out, struct text response, bool repeated);

/* The response in a whole reply of success that is not yet idempotent, borrowed; false: it is an error. */
bool json_v2_reply_response(const char *reply, size_t bytes, struct text *ret);

/* Pieces of the larger replies: the response stands between begin and end. */
void json_v2_reply_begin(struct buffer *out);
void json_v2_reply_end(struct buffer *out);

/* Whether a whole reply is one of these, and not of v1. */
bool json_v2_is_reply(const char *reply, size_t bytes);
