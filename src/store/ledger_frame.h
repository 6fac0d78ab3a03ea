/*
 * ledger_frame.h - the bytes of a file of the ledger's records (ledger_file.h)
 */
#pragma once

#include <stdint.h>

#include "store/ledger_file.h"

enum { LEDGER_FRAME_BYTES_MAX = 64 * 1024 };

/* Writes all that ledger gives. 0 or negative errno. */
int ledger_frames_write(int fd, const uint8_t identity[DIRECTORY_IDENTITY_BYTES], const struct store_ledger *ledger,
                        uint64_t *ret_records);

struct ledger_damage {
	uint64_t offset;
	const char *problem; /* lives for ever */
};

/* Gives all bodies to visit. 0, -EBADMSG with *ret_damage, or another negative errno: of the file or of visit. */
int ledger_frames_read(int fd, const uint8_t identity[DIRECTORY_IDENTITY_BYTES], store_ledger_fn *visit, void *context,
                       uint64_t *ret_records, struct ledger_damage *ret_damage);
