/*
 * fingerprint.h - what a request is, in 32 bytes: two with the same idempotency key must have the same
 *
 * SHA-256 over lines, each a name and a value, in the order that the protocol gives for the operation:
 *
 *   text      name:s:<byte length>:<text>\n
 *   number    name:u:<decimal>\n
 *   count     name:i:<decimal>\n
 *   absent    name:n\n
 *
 * The first is `command`. Clients may compute it, too, so every byte of it is part of the protocol.
 *
 * A builder in the caller's memory, one thread at a time: init, the lines, final. Takes no memory, cannot fail.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nettle/sha2.h>

#include "ledger/operation.h"

enum { FINGERPRINT_BYTES = SHA256_DIGEST_SIZE, FINGERPRINT_HEX_BYTES = 2 * FINGERPRINT_BYTES };

struct fingerprint {
	struct sha256_ctx hash;
};

/* Begins, with the line of the command. */
void fingerprint_init(struct fingerprint *fingerprint, enum ledger_operation operation);

/* One line each. name: at most 32 bytes. */
void fingerprint_text(struct fingerprint *fingerprint, const char *name, const void *text, size_t bytes);
void fingerprint_number(struct fingerprint *fingerprint, const char *name, uint64_t value);
void fingerprint_count(struct fingerprint *fingerprint, const char *name, uint64_t count);
void fingerprint_absent(struct fingerprint *fingerprint, const char *name);

/* The end: nothing may be added any more. */
void fingerprint_final(struct fingerprint *fingerprint, uint8_t ret[FINGERPRINT_BYTES]);

/* In lower case, without a 0 behind it. */
void fingerprint_to_hex(const uint8_t fingerprint[FINGERPRINT_BYTES], char ret[FINGERPRINT_HEX_BYTES]);

/* From lower case; false for anything else than exactly that. */
bool fingerprint_from_hex(const char *text, size_t bytes, uint8_t ret[FINGERPRINT_BYTES]);
