#include "snapshot/source.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "snapshot/quick.h"

static const char *
token_kind(mpack_token_type_t type)
{
	switch (type) {
	case MPACK_TOKEN_NIL:
		return "nil";
	case MPACK_TOKEN_BOOLEAN:
		return "a boolean";
	case MPACK_TOKEN_UINT:
		return "an integer";
	case MPACK_TOKEN_SINT:
		return "a negative number";
	case MPACK_TOKEN_FLOAT:
		return "a float";
	case MPACK_TOKEN_ARRAY:
		return "an array";
	case MPACK_TOKEN_MAP:
		return "a map";
	case MPACK_TOKEN_BIN:
		return "binary data";
	case MPACK_TOKEN_STR:
		return "a string";
	case MPACK_TOKEN_CHUNK:
	case MPACK_TOKEN_EXT:
		break;
	}
	return "an extension";
}

/* The least number of bytes that has to follow a token; what the file does not have is a lie. */
static uint64_t
token_bytes_min(const mpack_token_t *token)
{
	switch (token->type) {
	case MPACK_TOKEN_ARRAY:
	case MPACK_TOKEN_BIN:
	case MPACK_TOKEN_STR:
	case MPACK_TOKEN_EXT:
		return token->length;
	case MPACK_TOKEN_MAP:
		return 2 * (uint64_t)token->length;
	default:
		return 0;
	}
}

static int
source_token(struct source *source, mpack_token_t *ret)
{
	source->token_offset = source_offset(source);
	for (;;) {
		int r = source->left > 0 ? mpack_read(&source->tokens, &source->next, &source->left, ret) : MPACK_EOF;

		if (r == MPACK_OK)
			break;
		if (r != MPACK_EOF)
			return source_fault(source, source->token_offset, "a byte that is not MessagePack");
		r = source_fill(source);
		if (r != 0)
			return r;
	}
	if (token_bytes_min(ret) > source_rest(source))
		return source_fault(source, source->token_offset,
		                    "%s of %u that does not fit into the rest of the file", token_kind(ret->type),
		                    ret->length);
	return 0;
}

static int
source_expect(struct source *source, mpack_token_type_t type, const char *what, mpack_token_t *ret)
{
	int r = source_token(source, ret);

	if (r != 0)
		return r;
	if (ret->type != type)
		return source_fault(source, source->token_offset, "%s has to be %s, not %s", what, token_kind(type),
		                    token_kind(ret->type));
	return 0;
}

int
source_uint(struct source *source, const char *what, uint64_t max, uint64_t *ret)
{
	uint64_t value;

	if (!quick_uint(source, &value)) {
		mpack_token_t token;
		int r = source_expect(source, MPACK_TOKEN_UINT, what, &token);

		if (r != 0)
			return r;
		value = mpack_unpack_uint(token);
	}
	if (value > max)
		return source_fault(source, source->token_offset, "%s %" PRIu64 " is above %" PRIu64, what, value, max);
	*ret = value;
	return 0;
}

int
source_map(struct source *source, const char *what, uint32_t *ret_entries)
{
	mpack_token_t token;

	if (quick_map(source, ret_entries))
		return 0;
	int r = source_expect(source, MPACK_TOKEN_MAP, what, &token);

	if (r == 0)
		*ret_entries = token.length;
	return r;
}

int
source_array(struct source *source, const char *what, uint32_t *ret_entries)
{
	mpack_token_t token;
	int r = source_expect(source, MPACK_TOKEN_ARRAY, what, &token);

	if (r == 0)
		*ret_entries = token.length;
	return r;
}

/* The bytes behind a string, binary or extension token. */
static int
source_chunks(struct source *source, size_t bytes, char *ret, size_t capacity)
{
	for (size_t read = 0; read < bytes;) {
		mpack_token_t chunk;

		if (source->left == 0) {
			int r = source_fill(source);

			if (r != 0)
				return r;
		}
		int r = mpack_read(&source->tokens, &source->next, &source->left, &chunk);

		assert(r == MPACK_OK && chunk.type == MPACK_TOKEN_CHUNK && chunk.length > 0);
		(void)r;
		if (read < capacity)
			memcpy(ret + read, chunk.data.chunk_ptr,
			       chunk.length < capacity - read ? chunk.length : capacity - read);
		read += chunk.length;
	}
	return 0;
}

int
source_str(struct source *source, const char *what, char *ret, size_t capacity, size_t *ret_bytes)
{
	mpack_token_t token;

	if (quick_str(source, ret, capacity, ret_bytes))
		return 0;
	int r = source_expect(source, MPACK_TOKEN_STR, what, &token);

	if (r != 0)
		return r;
	*ret_bytes = token.length;
	return source_chunks(source, token.length, ret, capacity);
}

int
source_bin(struct source *source, const char *what, void *ret, size_t capacity, size_t *ret_bytes)
{
	mpack_token_t token;
	int r = source_expect(source, MPACK_TOKEN_BIN, what, &token);

	if (r != 0)
		return r;
	*ret_bytes = token.length;
	return source_chunks(source, token.length, ret, capacity);
}

int
source_skip(struct source *source)
{
	uint64_t values[SOURCE_SKIP_DEPTH_MAX] = { 1 }; /* still to be read, per level */
	size_t depth = 1;

	while (depth > 0) {
		mpack_token_t token;

		if (values[depth - 1] == 0) {
			depth--;
			continue;
		}
		values[depth - 1]--;
		int r = source_token(source, &token);

		if (r != 0)
			return r;
		if (token.type == MPACK_TOKEN_ARRAY || token.type == MPACK_TOKEN_MAP) {
			if (depth == SOURCE_SKIP_DEPTH_MAX)
				return source_fault(source, source->token_offset, "values nested deeper than %d",
				                    SOURCE_SKIP_DEPTH_MAX);
			values[depth++] = token.type == MPACK_TOKEN_MAP ? 2 * (uint64_t)token.length : token.length;
		} else if (token.type >= MPACK_TOKEN_BIN) {
			r = source_chunks(source, token.length, NULL, 0);
			if (r != 0)
				return r;
		}
	}
	return 0;
}
