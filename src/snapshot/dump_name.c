#include "snapshot/dump_name.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/checksum.h"
#include "snapshot/dump_file.h"

#define SUFFIX ".tree"

enum {
	SUFFIX_BYTES = sizeof(SUFFIX) - 1,
	ENCODED_BYTES_MAX = 200,
	STAMP_BYTES_MAX = 20,
};

static_assert(STAMP_BYTES_MAX + 1 + ENCODED_BYTES_MAX + SUFFIX_BYTES <= DUMP_FILE_NAME_MAX, "NAME_MAX of the system");

static bool
is_encoded(unsigned char byte, bool first)
{
	return byte < 0x20 || byte == 0x7f || byte == '%' || byte == '/' || (first && byte == '.');
}

/* Returns false when the encoded form is longer than ENCODED_BYTES_MAX. `ret` holds one byte more. */
static bool
tree_encode(const char *tree, size_t tree_bytes, char *ret)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t used = 0;

	for (size_t i = 0; i < tree_bytes; i++) {
		unsigned char byte = (unsigned char)tree[i];

		if (used + 3 > ENCODED_BYTES_MAX && (used == ENCODED_BYTES_MAX || is_encoded(byte, i == 0)))
			return false;
		if (is_encoded(byte, i == 0)) {
			ret[used++] = '%';
			ret[used++] = digits[byte >> 4];
			ret[used++] = digits[byte & 15];
		} else {
			ret[used++] = (char)byte;
		}
	}
	ret[used] = '\0';
	return true;
}

void
dump_name_encode(uint64_t stamp, const char *tree, size_t tree_bytes, char *ret)
{
	char encoded[ENCODED_BYTES_MAX + 1];

	/* 'h' is no hexadecimal digit, so this form is none of the others. */
	if (!tree_encode(tree, tree_bytes, encoded))
		(void)snprintf(encoded, sizeof(encoded), "%%h%016" PRIX64, checksum_of(tree, tree_bytes));
	int bytes = snprintf(ret, DUMP_FILE_NAME_MAX + 1, "%" PRIu64 "_%s" SUFFIX, stamp, encoded);

	assert(bytes > 0 && bytes <= DUMP_FILE_NAME_MAX);
	(void)bytes;
}

static size_t
bytes_before_suffix(const char *name)
{
	size_t bytes = strlen(name);

	if (bytes >= SUFFIX_BYTES && strcmp(name + bytes - SUFFIX_BYTES, SUFFIX) == 0)
		bytes -= SUFFIX_BYTES;
	return bytes;
}

bool
dump_name_split(const char *file_name, uint64_t *ret_stamp, const char **ret_tree, size_t *ret_tree_bytes)
{
	uint64_t stamp = 0;
	const char *at = file_name;

	for (; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (stamp > (UINT64_MAX - digit) / 10)
			return false;
		stamp = stamp * 10 + digit;
	}
	if (at == file_name || *at != '_')
		return false;
	at++;
	size_t bytes = bytes_before_suffix(at);

	if (at[bytes] == '\0')
		return false; /* no suffix */
	*ret_stamp = stamp;
	*ret_tree = at;
	*ret_tree_bytes = bytes;
	return true;
}

void
dump_name_tree(const char *file_name, const char **ret_tree, size_t *ret_tree_bytes)
{
	const char *mark = strchr(file_name, '_');
	const char *tree = mark != NULL ? mark + 1 : file_name;

	*ret_tree = tree;
	*ret_tree_bytes = bytes_before_suffix(tree);
}

int
dump_name_temporary(char *ret)
{
	uint64_t random;

	/* So few bytes come at once, or not at all. */
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -errno;
	(void)snprintf(ret, DUMP_FILE_NAME_MAX + 1, DUMP_TEMPORARY_PREFIX "%016" PRIx64, random);
	return 0;
}

bool
dump_name_is_temporary(const char *file_name)
{
	return strncmp(file_name, DUMP_TEMPORARY_PREFIX, sizeof(DUMP_TEMPORARY_PREFIX) - 1) == 0;
}
