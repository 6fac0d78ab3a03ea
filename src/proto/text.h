/*
 * text.h - a text of a request, as its client meant it: UTF-8, escapes resolved
 */
#pragma once

#include <stddef.h>

struct text {
	const char *data; /* into the line, or the arena when it had escapes */
	size_t bytes;
};
