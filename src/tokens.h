/*
 * tokens.h - the tokens of a start
 */
#pragma once

#include "config/config.h"
#include "token_file.h"

/* Reads --auth-token-file, if it is given, into file_token, from where config borrows it then. NULL, or what is wrong with the
 * file: one static sentence. */
const char *tokens_setup(struct config *config, char file_token[static TOKEN_FILE_BYTES_MAX + 1]);

/* Logs that no token is needed on an address that other machines may reach. */
void tokens_warn(const struct config *config);
