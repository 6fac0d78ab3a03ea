#include "ledger/fingerprint.h"

#include <assert.h>
#include <string.h>

enum { NAME_BYTES_MAX = 32, DECIMAL_BYTES_MAX = 20, LINE_BYTES_MAX = NAME_BYTES_MAX + 3 + DECIMAL_BYTES_MAX + 1 };

static size_t
put_decimal(char *out, uint64_t value)
{
	char digits[DECIMAL_BYTES_MAX];
	size_t count = 0;

	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	for (size_t i = 0; i < count; i++)
		out[i] = digits[count - 1 - i];
	return count;
}

/* name:kind:value and one byte behind it. */
static void
add_line(struct fingerprint *fingerprint, const char *name, char kind, uint64_t value, char behind)
{
	char line[LINE_BYTES_MAX];
	size_t bytes = 0;

	for (; name[bytes] != '\0'; bytes++) {
		assert(bytes < NAME_BYTES_MAX);
		line[bytes] = name[bytes];
	}
	line[bytes++] = ':';
	line[bytes++] = kind;
	line[bytes++] = ':';
	bytes += put_decimal(line + bytes, value);
	line[bytes++] = behind;
	sha256_update(&fingerprint->hash, bytes, (const uint8_t *)line);
}

void
fingerprint_init(struct fingerprint *fingerprint, enum ledger_operation operation)
{
	const char *name = ledger_operation_name(operation);

	sha256_init(&fingerprint->hash);
	fingerprint_text(fingerprint, "command", name, strlen(name));
}

void
fingerprint_text(struct fingerprint *fingerprint, const char *name, const void *text, size_t bytes)
{
	add_line(fingerprint, name, 's', bytes, ':');
	sha256_update(&fingerprint->hash, bytes, text);
	sha256_update(&fingerprint->hash, 1, (const uint8_t *)"\n");
}

void
fingerprint_number(struct fingerprint *fingerprint, const char *name, uint64_t value)
{
	add_line(fingerprint, name, 'u', value, '\n');
}

void
fingerprint_count(struct fingerprint *fingerprint, const char *name, uint64_t count)
{
	add_line(fingerprint, name, 'i', count, '\n');
}

void
fingerprint_absent(struct fingerprint *fingerprint, const char *name)
{
	sha256_update(&fingerprint->hash, strlen(name), (const uint8_t *)name);
	sha256_update(&fingerprint->hash, 3, (const uint8_t *)":n\n");
}

void
fingerprint_final(struct fingerprint *fingerprint, uint8_t ret[FINGERPRINT_BYTES])
{
	sha256_digest(&fingerprint->hash, FINGERPRINT_BYTES, ret);
}

/* ---- as text ---- */

static const char digits[] = "0123456789abcdef";

void
fingerprint_to_hex(const uint8_t fingerprint[FINGERPRINT_BYTES], char ret[FINGERPRINT_HEX_BYTES])
{
	for (size_t i = 0; i < FINGERPRINT_BYTES; i++) {
		ret[2 * i] = digits[fingerprint[i] >> 4];
		ret[2 * i + 1] = digits[fingerprint[i] & 15];
	}
}

bool
fingerprint_from_hex(const char *text, size_t bytes, uint8_t ret[FINGERPRINT_BYTES])
{
	if (bytes != FINGERPRINT_HEX_BYTES)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		const char *digit = memchr(digits, text[i], sizeof(digits) - 1);

		if (digit == NULL)
			return false;
		ret[i / 2] = (uint8_t)(ret[i / 2] << 4 | (digit - digits));
	}
	return true;
}
