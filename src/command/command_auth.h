/*
 * command_auth.h - tokens: who may do what
 */
#pragma once

#include "proto/text.h"

/* Both borrowed; data NULL: there is none. */
struct command_auth {
	struct text all;  /* may do everything */
	struct text read; /* may read */
};

enum command_right { RIGHT_NONE, RIGHT_READ, RIGHT_ALL };

/* A token may be NULL. An empty one is none. */
struct command_auth command_auth_of(const char *all, const char *read);

/* Any token is needed at all. */
static inline int
command_auth_is_needed(const struct command_auth *auth)
{
	return auth->all.data != NULL || auth->read.data != NULL;
}

/*
 * What the bearer of a token may do. Without any token configured: all. The time it takes tells how long the token is that was
 * sent, and nothing of those that it was compared with.
 */
enum command_right command_auth_right(const struct command_auth *auth, struct text token);
