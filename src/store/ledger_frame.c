#include "store/ledger_frame.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checksum.h"
#include "base/memory.h"
#include "snapshot/file_io.h"

#define MAGIC "KARMALED"

enum {
	FORMAT = 1,
	MAGIC_BYTES = sizeof(MAGIC) - 1,
	IDENTITY_AT = MAGIC_BYTES + 4 + 4,
	HEADER_CHECKSUM_AT = IDENTITY_AT + DIRECTORY_IDENTITY_BYTES,
	HEADER_BYTES = HEADER_CHECKSUM_AT + 8,
	LENGTH_BYTES = 2,
};

struct frame_head {
	uint32_t bytes;
	uint32_t records;
	uint64_t checksum;
};
static_assert(sizeof(struct frame_head) == 16, "as it stands in the file");

static void
header_encode(const uint8_t identity[DIRECTORY_IDENTITY_BYTES], uint8_t ret[HEADER_BYTES])
{
	const uint32_t format = htole32(FORMAT);

	memset(ret, 0, HEADER_BYTES);
	memcpy(ret, MAGIC, MAGIC_BYTES);
	memcpy(ret + MAGIC_BYTES, &format, sizeof(format));
	memcpy(ret + IDENTITY_AT, identity, DIRECTORY_IDENTITY_BYTES);
	const uint64_t checksum = htole64(checksum_of(ret, HEADER_CHECKSUM_AT));

	memcpy(ret + HEADER_CHECKSUM_AT, &checksum, sizeof(checksum));
}

/* head as in the file. */
static uint64_t
frame_checksum(uint64_t offset, const struct frame_head *head, const void *payload, size_t bytes)
{
	const uint64_t place = htole64(offset);
	const struct checksum_piece pieces[] = {
		{ &place, sizeof(place) },
		{ head, offsetof(struct frame_head, checksum) },
		{ payload, bytes },
	};

	return htole64(checksum_of_pieces(pieces, sizeof(pieces) / sizeof(pieces[0])));
}

/* ---- writing ---- */

struct writing {
	int fd;
	uint64_t offset;
	uint64_t records; /* in frames before */
	uint32_t frame_records;
	uint32_t bytes;
	uint8_t payload[LEDGER_FRAME_BYTES_MAX];
};

static int
frame_write(struct writing *writing)
{
	struct frame_head head = { .bytes = htole32(writing->bytes), .records = htole32(writing->frame_records) };

	head.checksum = frame_checksum(writing->offset, &head, writing->payload, writing->bytes);
	int r = file_write_at(writing->fd, &head, sizeof(head), writing->offset);

	if (r == 0)
		r = file_write_at(writing->fd, writing->payload, writing->bytes, writing->offset + sizeof(head));
	writing->offset += sizeof(head) + writing->bytes;
	writing->records += writing->frame_records;
	writing->bytes = 0;
	writing->frame_records = 0;
	return r;
}

static int
body_write(void *context, const uint8_t *body, size_t bytes)
{
	struct writing *writing = context;
	const uint16_t length = htole16((uint16_t)bytes);
	int r = 0;

	assert(bytes <= WAL_LEDGER_BODY_MAX);
	if (writing->bytes + LENGTH_BYTES + bytes > sizeof(writing->payload))
		r = frame_write(writing);
	memcpy(writing->payload + writing->bytes, &length, LENGTH_BYTES);
	memcpy(writing->payload + writing->bytes + LENGTH_BYTES, body, bytes);
	writing->bytes += LENGTH_BYTES + (uint32_t)bytes;
	writing->frame_records++;
	return r;
}

static int
end_write(struct writing *writing)
{
	int r = writing->frame_records > 0 ? frame_write(writing) : 0;
	const uint64_t records = htole64(writing->records);

	memcpy(writing->payload, &records, sizeof(records));
	writing->bytes = sizeof(records);
	return r == 0 ? frame_write(writing) : r;
}

int
ledger_frames_write(int fd, const uint8_t identity[DIRECTORY_IDENTITY_BYTES], const struct store_ledger *ledger,
                    uint64_t *ret_records)
{
	uint8_t header[HEADER_BYTES];
	struct writing *writing = mem_alloc(sizeof(*writing));

	if (writing == NULL)
		return -ENOMEM;
	writing->fd = fd;
	writing->offset = sizeof(header);
	writing->records = writing->frame_records = writing->bytes = 0;
	header_encode(identity, header);
	int r = file_write_at(fd, header, sizeof(header), 0);

	if (r == 0)
		r = ledger->save(ledger->context, body_write, writing);
	if (r == 0)
		r = end_write(writing);
	*ret_records = writing->records;
	mem_free(writing);
	return r;
}

/* ---- reading ---- */

struct reading {
	int fd;
	uint64_t offset;
	uint64_t end; /* of the file */
	store_ledger_fn *visit;
	void *context;
	uint64_t records;
	struct ledger_damage *damage;
	uint8_t payload[LEDGER_FRAME_BYTES_MAX];
};

static int
damaged(struct reading *reading, const char *problem)
{
	*reading->damage = (struct ledger_damage){ reading->offset, problem };
	return -EBADMSG;
}

static int
header_read(struct reading *reading, const uint8_t identity[DIRECTORY_IDENTITY_BYTES])
{
	uint8_t found[HEADER_BYTES], wanted[HEADER_BYTES];

	if (reading->end < sizeof(found))
		return damaged(reading, "it is too short");
	int r = file_read_at(reading->fd, found, sizeof(found), 0);

	if (r < 0)
		return r;
	header_encode(found + IDENTITY_AT, wanted);
	if (memcmp(found, wanted, sizeof(found)) != 0)
		return damaged(reading, "this is no beginning of such a file that this program knows");
	if (memcmp(found + IDENTITY_AT, identity, DIRECTORY_IDENTITY_BYTES) != 0)
		return damaged(reading, "it is of another directory");
	reading->offset = sizeof(found);
	return 0;
}

static int
bodies_read(struct reading *reading, uint32_t bytes, uint32_t records)
{
	uint32_t at = 0;
	int r = 0;

	for (uint32_t i = 0; i < records && r == 0; i++) {
		uint16_t length;

		if (bytes - at < LENGTH_BYTES)
			return damaged(reading, "a record does not fit its frame");
		memcpy(&length, reading->payload + at, LENGTH_BYTES);
		length = le16toh(length);
		at += LENGTH_BYTES;
		if (bytes - at < length)
			return damaged(reading, "a record does not fit its frame");
		r = reading->visit(reading->context, reading->payload + at, length);
		if (r == -EBADMSG)
			return damaged(reading, "a record that this program does not know");
		at += length;
		reading->records++;
	}
	return r != 0 || at == bytes ? r : damaged(reading, "a frame is larger than its records");
}

static int
end_read(struct reading *reading, uint32_t bytes)
{
	uint64_t records;

	if (bytes != sizeof(records))
		return damaged(reading, "an end that is none");
	memcpy(&records, reading->payload, sizeof(records));
	if (le64toh(records) != reading->records)
		return damaged(reading, "frames are missing");
	return reading->offset + sizeof(struct frame_head) + bytes == reading->end
	           ? 0
	           : damaged(reading, "something stands behind its end");
}

static int
frame_read(struct reading *reading, bool *ret_is_end)
{
	struct frame_head head;

	if (reading->end - reading->offset < sizeof(head))
		return damaged(reading, "it ends in the middle");
	int r = file_read_at(reading->fd, &head, sizeof(head), reading->offset);

	if (r < 0)
		return r;
	uint32_t bytes = le32toh(head.bytes), records = le32toh(head.records);

	if (bytes > sizeof(reading->payload) || reading->end - reading->offset - sizeof(head) < bytes)
		return damaged(reading, "a frame is longer than it can be");
	r = file_read_at(reading->fd, reading->payload, bytes, reading->offset + sizeof(head));
	if (r < 0)
		return r;
	if (frame_checksum(reading->offset, &head, reading->payload, bytes) != head.checksum)
		return damaged(reading, "a checksum does not match");
	*ret_is_end = records == 0;
	r = *ret_is_end ? end_read(reading, bytes) : bodies_read(reading, bytes, records);
	reading->offset += sizeof(head) + bytes;
	return r;
}

int
ledger_frames_read(int fd, const uint8_t identity[DIRECTORY_IDENTITY_BYTES], store_ledger_fn *visit, void *context,
                   uint64_t *ret_records, struct ledger_damage *ret_damage)
{
	struct stat status;
	bool is_end = false;
	struct reading *reading = mem_alloc(sizeof(*reading));

	if (reading == NULL)
		return -ENOMEM;
	*ret_damage = (struct ledger_damage){ 0, NULL };
	reading->fd = fd;
	reading->offset = reading->records = 0;
	reading->visit = visit;
	reading->context = context;
	reading->damage = ret_damage;
	int r = fstat(fd, &status) == 0 ? 0 : -errno;

	reading->end = r == 0 ? (uint64_t)status.st_size : 0;
	if (r == 0)
		r = header_read(reading, identity);
	while (r == 0 && !is_end)
		r = frame_read(reading, &is_end);
	*ret_records = reading->records;
	mem_free(reading);
	return r;
}
