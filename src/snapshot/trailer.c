#include "snapshot/trailer.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/checksum.h"
#include "snapshot/pack.h"
#include "snapshot/source.h"

#define NAME_FORMAT "karma_dump"
#define NAME_BYTES  "bytes"
#define NAME_CHECK  "check"
#define NAME_XXH3   "xxh3"

/* Distances from the end of the file: of the 8 bytes of a value, of the type byte of a name. */
enum {
	XXH3_AT = TRAILER_CHECKSUM_BYTES,
	XXH3_NAME_AT = XXH3_AT + 1 + sizeof(NAME_XXH3),
	CHECK_AT = XXH3_NAME_AT + 8,
	CHECK_NAME_AT = CHECK_AT + 1 + sizeof(NAME_CHECK),
	BYTES_AT = CHECK_NAME_AT + 8,
	BYTES_NAME_AT = BYTES_AT + 1 + sizeof(NAME_BYTES),
	TRAILER_MEMBERS = 10,
	IDENTITY_TEXT_BYTES = 2 * DIRECTORY_IDENTITY_BYTES,
};

static_assert(XXH3_NAME_AT == 14 && CHECK_AT == 22 && CHECK_NAME_AT == 29 && BYTES_AT == 37 && BYTES_NAME_AT == 44,
              "the layout drawn in dump_file.h");
static_assert((int)TRAILER_CHECKSUM_BYTES == (int)SOURCE_CHECKSUM_BYTES, "both leave the same bytes out");

/* The identity as text: strings and numbers are what every reader of MessagePack has. */
static void
pack_identity(struct buffer *buffer, const uint8_t *identity)
{
	static const char digits[] = "0123456789abcdef";
	char text[IDENTITY_TEXT_BYTES];

	for (size_t i = 0; i < DIRECTORY_IDENTITY_BYTES; i++) {
		text[2 * i] = digits[identity[i] >> 4];
		text[2 * i + 1] = digits[identity[i] & 15];
	}
	pack_str(buffer, text, sizeof(text));
}

/* Lower-case hexadecimal, as written; false for anything else. */
static bool
parse_identity(const char *text, uint8_t *ret_identity)
{
	for (size_t i = 0; i < IDENTITY_TEXT_BYTES; i++) {
		char digit = text[i];
		unsigned value = digit >= '0' && digit <= '9' ? (unsigned)(digit - '0') : (unsigned)(digit - 'a' + 10);

		if (!(digit >= '0' && digit <= '9') && !(digit >= 'a' && digit <= 'f'))
			return false;
		ret_identity[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : ret_identity[i / 2] | value);
	}
	return true;
}

void
trailer_encode(struct buffer *buffer, const struct dump_info *info)
{
	size_t start = buffer->bytes;

	assert(info->name_bytes <= TREE_NAME_BYTES_MAX);
	pack_map(buffer, TRAILER_MEMBERS);
	pack_str_literal(buffer, NAME_FORMAT);
	pack_uint(buffer, TRAILER_FORMAT);
	pack_str_literal(buffer, "tree");
	pack_str(buffer, info->name, (uint32_t)info->name_bytes);
	pack_str_literal(buffer, "tree_id");
	pack_uint(buffer, info->tree_id);
	pack_str_literal(buffer, "generation");
	pack_uint(buffer, info->generation);
	pack_str_literal(buffer, "identity");
	pack_identity(buffer, info->identity);
	pack_str_literal(buffer, "keys");
	pack_uint(buffer, info->keys);
	pack_str_literal(buffer, "days");
	pack_uint(buffer, info->days);
	pack_str_literal(buffer, NAME_BYTES);
	pack_u64_fixed(buffer, buffer->bytes + 1 + BYTES_AT - start);
	pack_str_literal(buffer, NAME_CHECK);
	if (buffer->failed)
		return;
	pack_u64_fixed(buffer, checksum_of(buffer->data + start, buffer->bytes - start));
	pack_str_literal(buffer, NAME_XXH3);
	pack_u64_type(buffer);
}

/* The name and the type byte in front of the value that stands `value_at` bytes before the end. */
static bool
value_is_named(const uint8_t *end, size_t value_at, const char *name, size_t name_bytes)
{
	const uint8_t *text = end - value_at - 1 - name_bytes;

	return text[-1] == (0xa0 | name_bytes) && memcmp(text, name, name_bytes) == 0 &&
	       text[name_bytes] == PACK_TYPE_U64;
}

size_t
trailer_find(const uint8_t *end, size_t bytes)
{
	const uint8_t *behind = end + bytes;

	if (bytes < BYTES_NAME_AT || !value_is_named(behind, XXH3_AT, NAME_XXH3, sizeof(NAME_XXH3) - 1) ||
	    !value_is_named(behind, CHECK_AT, NAME_CHECK, sizeof(NAME_CHECK) - 1) ||
	    !value_is_named(behind, BYTES_AT, NAME_BYTES, sizeof(NAME_BYTES) - 1))
		return 0;
	uint64_t own = pack_get_u64(behind - BYTES_AT);

	return own > BYTES_NAME_AT && own <= bytes && own <= TRAILER_BYTES_MAX ? (size_t)own : 0;
}

/* ---- decoding: strict, members in the order they are written ---- */

static int
trailer_name(struct source *source, const char *expected)
{
	char name[16];
	size_t bytes;
	uint64_t offset = source_offset(source);
	int r = source_str(source, "the name of a member", name, sizeof(name), &bytes);

	if (r != 0)
		return r;
	if (bytes != strlen(expected) || memcmp(name, expected, bytes) != 0)
		return source_fault(source, offset, "the second object has no %s here", expected);
	return 0;
}

static int
trailer_uint(struct source *source, const char *name, uint64_t max, uint64_t *ret)
{
	int r = trailer_name(source, name);

	return r != 0 ? r : source_uint(source, name, max, ret);
}

static int
trailer_start(struct source *source)
{
	uint32_t members;
	uint64_t format;
	int r = source_map(source, "the second object", &members);

	if (r == 0)
		r = trailer_uint(source, NAME_FORMAT, UINT64_MAX, &format);
	if (r != 0)
		return r;
	if (format != TRAILER_FORMAT || members != TRAILER_MEMBERS)
		return source_fault(source, source->token_offset,
		                    "format %" PRIu64 " with %u members, of which this program knows nothing", format,
		                    members);
	return 0;
}

static int
trailer_tree(struct source *source, struct dump_info *info)
{
	int r = trailer_name(source, "tree");

	memset(info->name, 0, sizeof(info->name)); /* the one derived from the file's name */
	if (r == 0)
		r = source_str(source, "tree", info->name, sizeof(info->name), &info->name_bytes);
	if (r == 0 && info->name_bytes > sizeof(info->name))
		return source_fault(source, source->token_offset, "a tree name of %zu bytes", info->name_bytes);
	return r;
}

static int
trailer_identity(struct source *source, struct dump_info *info)
{
	char text[IDENTITY_TEXT_BYTES];
	size_t bytes = 0;
	int r = trailer_name(source, "identity");

	if (r == 0)
		r = source_str(source, "identity", text, sizeof(text), &bytes);
	if (r == 0 && (bytes != sizeof(text) || !parse_identity(text, info->identity)))
		return source_fault(source, source->token_offset, "an identity that is not %zu hexadecimal digits",
		                    sizeof(text));
	return r;
}

/* Ids and generations count up from what they are: the last values are left out. */
static int
trailer_members(struct source *source, struct dump_info *info, uint64_t *ret_checksum)
{
	uint64_t ignored; /* checked by trailer_find() and trailer_decode() */
	int r = trailer_start(source);

	if (r == 0)
		r = trailer_tree(source, info);
	if (r == 0)
		r = trailer_uint(source, "tree_id", UINT64_MAX - 1, &info->tree_id);
	if (r == 0)
		r = trailer_uint(source, "generation", UINT64_MAX - 1, &info->generation);
	if (r == 0)
		r = trailer_identity(source, info);
	if (r == 0)
		r = trailer_uint(source, "keys", UINT64_MAX, &info->keys);
	if (r == 0)
		r = trailer_uint(source, "days", UINT64_MAX, &info->days);
	if (r == 0)
		r = trailer_uint(source, NAME_BYTES, UINT64_MAX, &ignored);
	if (r == 0)
		r = trailer_uint(source, NAME_CHECK, UINT64_MAX, &ignored);
	if (r == 0)
		r = trailer_uint(source, NAME_XXH3, UINT64_MAX, ret_checksum);
	if (r == 0 && source_rest(source) > 0)
		return source_fault(source, source_offset(source), "stray bytes in the second object");
	return r;
}

int
trailer_decode(const uint8_t *data, size_t bytes, uint64_t offset, const char *file_name, struct dump_info *info,
               uint64_t *ret_checksum, struct dump_fault *ret_fault)
{
	struct source source;
	int r = source_init_memory(&source, data, bytes, offset, file_name, ret_fault);

	assert(bytes > BYTES_NAME_AT);
	if (r != 0)
		return r;
	if (pack_get_u64(data + bytes - CHECK_AT) == checksum_of(data, bytes - CHECK_AT - 1))
		r = trailer_members(&source, info, ret_checksum);
	else
		r = source_fault(&source, bytes - CHECK_AT, "the second object does not match its checksum");
	source_deinit(&source);
	info->ours = r == 0;
	return r;
}
