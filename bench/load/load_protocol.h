/*
 * load_protocol.h - what karma-load says and what it expects to hear
 *
 * A language is how a server is asked and answers: one struct of functions each, found by name. The requests of a run
 * differ in their key alone, so everything around it is laid out once, for each number of digits the key may have.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum load_kind { LOAD_ADD, LOAD_SUM, LOAD_DECREMENT, LOAD_KINDS };

enum {
	LOAD_TREE_BYTES_MAX = 128,
	LOAD_HEAD_BYTES_MAX = 256,
	LOAD_TAIL_BYTES_MAX = 32,
	LOAD_DIGITS_MAX = 20, /* of a key */
	/* A whole request, and what is written past its end and then overwritten. */
	LOAD_REQUEST_BYTES_MAX = LOAD_HEAD_BYTES_MAX + LOAD_DIGITS_MAX + LOAD_TAIL_BYTES_MAX,
	LOAD_REPLY_BYTES_MAX = 512, /* a longer one is wrong */
};

/* What stands before and behind the key. */
struct load_form {
	uint16_t head_bytes, tail_bytes;
	char tail[LOAD_TAIL_BYTES_MAX];
	char head[LOAD_HEAD_BYTES_MAX];
};

struct load_language {
	const char *name;    /* as in --protocol … */
	const char *command; /* … and --command; NULL where there is but one */

	/* Prints the text around a key of so many digits. tree has at most LOAD_TREE_BYTES_MAX bytes and nothing that
	 * would have to be escaped. */
	void (*lay_out)(struct load_form *form, enum load_kind kind, const char *tree, size_t digit_count);

	/* Returns the bytes of the reply that data starts with and whether it is right, or 0 when it is not there
	 * whole. bytes > 0. */
	size_t (*read_reply)(enum load_kind kind, const char *data, size_t bytes, bool *ret_right);

	/* Where keys must exist before they are counted: the text that makes one, and its reply. Else NULL. */
	void (*lay_out_making)(struct load_form *form, const char *tree);
	size_t (*read_making)(const char *data, size_t bytes, bool *ret_right);
};

struct load_protocol {
	const struct load_language *language;
	struct load_form form[LOAD_KINDS][LOAD_DIGITS_MAX + 1];
};

extern const struct load_language load_v1, load_redis_hincrby, load_redis_incr, load_memcached;

/* command NULL: the first of that protocol. NULL when there is none. */
const struct load_language *load_language_find(const char *name, const char *command);

void load_protocol_init(struct load_protocol *protocol, const struct load_language *language, const char *tree);

/* Prints a form. `format` and the rest make the head; both must fit. */
__attribute__((format(printf, 3, 4))) void load_form_print(struct load_form *form, const char *tail, const char *format,
                                                           ...);

/* Writes one request to out, which has room for LOAD_REQUEST_BYTES_MAX. Returns its bytes. */
size_t load_form_write(const struct load_form *form, uint64_t key, char *out);
size_t load_protocol_request(const struct load_protocol *protocol, enum load_kind kind, uint64_t key, char *out);
