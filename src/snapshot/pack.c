#include "snapshot/pack.h"

#include <assert.h>

#include <mpack.h>

static_assert(PACK_TOKEN_BYTES_MAX == MPACK_MAX_TOKEN_LEN, "room for a token is reserved by our own name for it");

static void
pack_token(struct buffer *buffer, mpack_token_t token)
{
	mpack_tokbuf_t tokens = MPACK_TOKBUF_INITIAL_VALUE;
	char bytes[MPACK_MAX_TOKEN_LEN];
	char *next = bytes;
	size_t left = sizeof(bytes);
	int r = mpack_write(&tokens, &next, &left, &token);

	assert(r == MPACK_OK); /* there is room for any token */
	(void)r;
	buffer_append(buffer, bytes, sizeof(bytes) - left);
}

void
pack_uint(struct buffer *buffer, uint64_t value)
{
	pack_token(buffer, mpack_pack_uint(value));
}

void
pack_map(struct buffer *buffer, uint32_t entries)
{
	pack_token(buffer, mpack_pack_map(entries));
}

void
pack_array(struct buffer *buffer, uint32_t entries)
{
	pack_token(buffer, mpack_pack_array(entries));
}

void
pack_str(struct buffer *buffer, const char *text, uint32_t bytes)
{
	pack_token(buffer, mpack_pack_str(bytes));
	buffer_append(buffer, text, bytes);
}

void
pack_bin(struct buffer *buffer, const void *data, uint32_t bytes)
{
	pack_token(buffer, mpack_pack_bin(bytes));
	buffer_append(buffer, data, bytes);
}

void
pack_u64_fixed(struct buffer *buffer, uint64_t value)
{
	pack_u64_type(buffer);
	pack_u64_bytes(buffer, value);
}

void
pack_u64_type(struct buffer *buffer)
{
	buffer_append_byte(buffer, (char)PACK_TYPE_U64);
}

void
pack_u64_bytes(struct buffer *buffer, uint64_t value)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		buffer_append_byte(buffer, (char)(uint8_t)(value >> shift));
}

uint64_t
pack_get_u64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}
