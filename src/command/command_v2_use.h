/*
 * command_v2_use.h - the use of an idempotency key while its request is run
 */
#pragma once

#include "command/command_v2.h"

struct command_use {
	struct ledger *ledger;
	struct ledger_record *claim; /* NULL: it has been finished, or another has it */
	struct ledger_use use;       /* of which fingerprint and response stand below */
	bool done;                   /* on the worker: its record stands in the log */
	uint8_t fingerprint[FINGERPRINT_BYTES];
	char response[LEDGER_RESPONSE_BYTES_MAX];
	size_t key_bytes;
	char key[LEDGER_KEY_BYTES_MAX];
};

/* Without a claim yet, and without an answer. */
void command_use_init(struct command_use *use, const struct command_worker *worker, const struct v2_idempotency *asked,
                      enum ledger_operation operation);

/* What the request was answered. */
void command_use_answer(struct command_use *use, struct text response);

/* Writes the log's record of it, at most LEDGER_BODY_BYTES_MAX bytes; returns how many. In the section of its group. */
size_t command_use_say(struct command_use *use, uint8_t *body);

/* Its record has this tag: others get the answer. Takes the claim. */
void command_use_finish(struct command_use *use, uint64_t tag);
