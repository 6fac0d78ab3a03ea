/* Whatever the bytes, as a body or as a file of the ledger's, they end in an answer that makes sense, and have one reading. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checksum.h"
#include "ledger/codec.h"
#include "store/ledger_frame.h"

#define REQUIRE(condition)                                                                            \
	do {                                                                                          \
		if (!(condition)) {                                                                   \
			(void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                      \
		}                                                                                     \
	} while (0)

enum { IDENTITY_AT = 16, HEADER_CHECKSUM_AT = 32, HEADER_BYTES = 40, HEAD_BYTES = 16 };

/* ---- bodies ---- */

static bool
read_body(const uint8_t *data, size_t bytes)
{
	struct ledger_body body;
	uint8_t again[LEDGER_BODY_BYTES_MAX];
	size_t count;

	if (!ledger_body_decode(data, bytes, &body))
		return false;
	REQUIRE(bytes <= sizeof(again));
	if (body.kind == LEDGER_BODY_USE) {
		REQUIRE((const uint8_t *)body.key + body.key_bytes == data + bytes);
		count = ledger_use_encode(body.key, body.key_bytes, &body.use, again);
	} else {
		count = ledger_removed_encode(&body.removed, again);
	}
	REQUIRE(count == bytes && memcmp(again, data, bytes) == 0);
	return true;
}

/* ---- files ---- */

struct loading {
	struct ledger *ledger;
	uint64_t bodies;
};

static int
load(void *context, const uint8_t *body, size_t bytes)
{
	struct loading *loading = context;
	int r = ledger_load(loading->ledger, body, bytes);

	REQUIRE(r == (read_body(body, bytes) ? 0 : -EBADMSG));
	loading->bodies += r == 0 ? 1 : 0;
	return r;
}

static void
read_file(const uint8_t *data, size_t bytes)
{
	static const uint8_t nobody[DIRECTORY_IDENTITY_BYTES];
	struct ledger_options options = { .records_max = 3, .age_max_seconds = 10 };
	struct loading loading = { .bodies = 0 };
	struct ledger_damage damage;
	uint64_t records;
	int fd = memfd_create("ledger", MFD_CLOEXEC);

	REQUIRE(fd >= 0 && write(fd, data, bytes) == (ssize_t)bytes);
	REQUIRE(ledger_create(&options, &loading.ledger) == 0);
	int r = ledger_frames_read(fd, bytes > HEADER_BYTES ? data + IDENTITY_AT : nobody, load, &loading, &records,
	                           &damage);

	REQUIRE(r == 0 || r == -EBADMSG);
	REQUIRE((r == 0) == (damage.problem == NULL) && damage.offset <= bytes && records == loading.bodies);
	REQUIRE(ledger_loaded(loading.ledger, 1000) == 0);
	REQUIRE(ledger_count(loading.ledger) <= 3 && ledger_count(loading.ledger) <= records);
	ledger_destroy(loading.ledger);
	(void)close(fd);
}

static void
put_checksum(uint8_t *at, uint64_t checksum)
{
	checksum = htole64(checksum);
	memcpy(at, &checksum, sizeof(checksum));
}

/* The same bytes with checksums that are right: no mutation would ever find them. */
static void
read_mended(const uint8_t *data, size_t bytes)
{
	uint8_t *mended = malloc(bytes > 0 ? bytes : 1);
	uint32_t payload;

	REQUIRE(mended != NULL);
	memcpy(mended, data, bytes);
	if (bytes >= HEADER_BYTES)
		put_checksum(mended + HEADER_CHECKSUM_AT, checksum_of(mended, HEADER_CHECKSUM_AT));
	for (size_t at = HEADER_BYTES; at + HEAD_BYTES <= bytes; at += HEAD_BYTES + payload) {
		memcpy(&payload, mended + at, sizeof(payload));
		payload = le32toh(payload);
		if (bytes - at - HEAD_BYTES < payload)
			break;
		const uint64_t place = htole64(at);
		const struct checksum_piece pieces[] = { { &place, sizeof(place) },
			                                 { mended + at, 8 },
			                                 { mended + at + HEAD_BYTES, payload } };

		put_checksum(mended + at + 8, checksum_of_pieces(pieces, 3));
	}
	read_file(mended, bytes);
	free(mended);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	(void)read_body(data, bytes);
	read_file(data, bytes);
	read_mended(data, bytes);
	return 0;
}
