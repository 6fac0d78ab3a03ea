/*
 * token.h - what a token may be
 */
#pragma once

#include <stddef.h>

/* NULL, or why no request could hold these bytes, as "it is …": one static sentence, which shows nothing of them. */
const char *token_problem(const char *token, size_t bytes);
