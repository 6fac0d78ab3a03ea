#include "load/load_protocol.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The first of a name is its default. */
static const struct load_language *const languages[] = { &load_v1, &load_redis_hincrby, &load_redis_incr,
	                                                 &load_memcached };

const struct load_language *
load_language_find(const char *name, const char *command)
{
	for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++) {
		const struct load_language *language = languages[i];

		if (strcmp(language->name, name) == 0 &&
		    (command == NULL || (language->command != NULL && strcmp(language->command, command) == 0)))
			return language;
	}
	return NULL;
}

void
load_protocol_init(struct load_protocol *protocol, const struct load_language *language, const char *tree)
{
	assert(strlen(tree) <= LOAD_TREE_BYTES_MAX);
	*protocol = (struct load_protocol){ .language = language };
	for (enum load_kind kind = LOAD_ADD; kind < LOAD_KINDS; kind++) {
		for (size_t digit_count = 1; digit_count <= LOAD_DIGITS_MAX; digit_count++)
			language->lay_out(&protocol->form[kind][digit_count], kind, tree, digit_count);
	}
}

void
load_form_print(struct load_form *form, const char *tail, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	const int head_bytes = vsnprintf(form->head, sizeof(form->head), format, arguments);
	va_end(arguments);
	const int tail_bytes = snprintf(form->tail, sizeof(form->tail), "%s", tail);

	assert(head_bytes >= 0 && head_bytes < LOAD_HEAD_BYTES_MAX);
	assert(tail_bytes >= 0 && tail_bytes < LOAD_TAIL_BYTES_MAX);
	form->head_bytes = (uint16_t)head_bytes;
	form->tail_bytes = (uint16_t)tail_bytes;
}

static size_t
count_digits(uint64_t value)
{
	size_t count = 1;

	for (uint64_t power = 10; count < LOAD_DIGITS_MAX && value >= power; power *= 10)
		count++;
	return count;
}

static size_t
write_form(const struct load_form *form, uint64_t key, size_t digit_count, char *out)
{
	char *at = out;

	/* Copies of fixed size are a few instructions each; the excess is overwritten. */
	memcpy(at, form->head, 64);
	if (form->head_bytes > 64)
		memcpy(at + 64, form->head + 64, LOAD_HEAD_BYTES_MAX - 64);
	at += form->head_bytes + digit_count;
	memcpy(at, form->tail, LOAD_TAIL_BYTES_MAX);
	for (size_t i = 1; i <= digit_count; i++) {
		at[-(ptrdiff_t)i] = (char)('0' + key % 10);
		key /= 10;
	}
	return (size_t)(at - out) + form->tail_bytes;
}

size_t
load_form_write(const struct load_form *form, uint64_t key, char *out)
{
	return write_form(form, key, count_digits(key), out);
}

size_t
load_protocol_request(const struct load_protocol *protocol, enum load_kind kind, uint64_t key, char *out)
{
	const size_t digit_count = count_digits(key);

	return write_form(&protocol->form[kind][digit_count], key, digit_count, out);
}
