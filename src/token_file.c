#include "token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "config/token.h"

/* Returns the bytes read, at most `bytes`, or -1. */
static ssize_t
read_begin(int fd, char *data, size_t bytes)
{
	size_t have = 0;

	while (have < bytes) {
		ssize_t got = read(fd, data + have, bytes - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

const char *
token_file_read(const char *path, char ret_token[static TOKEN_FILE_BYTES_MAX + 1])
{
	char data[TOKEN_FILE_BYTES_MAX + 2]; /* and a line end */
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return strerrordesc_np(errno);
	ssize_t bytes = read_begin(fd, data, sizeof(data));
	int error = errno;

	(void)close(fd);
	if (bytes < 0)
		return strerrordesc_np(error);
	size_t line_bytes = 0;

	while (line_bytes < (size_t)bytes && data[line_bytes] != '\n' && data[line_bytes] != '\r')
		line_bytes++;
	if (line_bytes == 0)
		return "its first line is empty";
	if (line_bytes > TOKEN_FILE_BYTES_MAX)
		return "its first line is longer than 1024 bytes";
	if (memchr(data, '\0', line_bytes) != NULL)
		return "its first line holds a NUL";
	if (token_problem(data, line_bytes) != NULL)
		return "its first line is not valid UTF-8, or holds control characters";
	memcpy(ret_token, data, line_bytes);
	ret_token[line_bytes] = '\0';
	return NULL;
}
