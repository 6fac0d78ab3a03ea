/*
 * token_file.h - a token out of a file, where no other process can read it off a command line
 */
#pragma once

enum { TOKEN_FILE_BYTES_MAX = 1024 };

/* Writes the first line of the file without its end, NUL-terminated. NULL, or what is wrong: one static sentence, which shows
 * nothing of the file. */
const char *token_file_read(const char *path, char ret_token[static TOKEN_FILE_BYTES_MAX + 1]);
