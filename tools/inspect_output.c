/*
 * inspect_output.c - what is said and written
 */
#include "inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "proto/json_encode.h"

enum { OUTPUT_BYTES = 64 * 1024 };

/* Of the first write that failed. */
static int output_error;

void
say(const char *format, ...)
{
	va_list arguments;

	(void)fflush(stdout); /* in order, when both go to one place */
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
}

enum status
failed(const char *format, ...)
{
	va_list arguments;

	(void)fflush(stdout);
	(void)fputs("ERROR: ", stderr);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	return STATUS_FAILED;
}

int
directory_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		(void)failed("directory \"%s\" cannot be opened: %s", path, strerrordesc_np(errno));
	return fd;
}

void
print(struct buffer *out, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	buffer_append(out, text, strlen(text));
}

void
print_file(struct buffer *out, const char *file)
{
	for (; *file != '\0'; file++)
		buffer_append_byte(out, (unsigned char)*file < ' ' || *file == 0x7f ? '?' : *file);
}

void
print_tree(struct buffer *out, const char *name, size_t bytes)
{
	json_encode_string(out, name, bytes);
}

bool
output_flush(struct buffer *out)
{
	if (output_error == 0 && out->failed)
		output_error = ENOMEM;
	if (output_error == 0 && out->bytes > 0 && fwrite(out->data, 1, out->bytes, stdout) != out->bytes)
		output_error = errno;
	buffer_truncate(out, 0);
	return output_error == 0;
}

bool
output_passed(struct buffer *out)
{
	return out->bytes < OUTPUT_BYTES && !out->failed ? output_error == 0 : output_flush(out);
}

enum status
output_end(struct buffer *out, enum status status)
{
	(void)output_flush(out);
	if (output_error == 0 && fflush(stdout) != 0)
		output_error = errno;
	if (output_error == 0)
		return status;
	return failed("standard output cannot be written: %s", strerrordesc_np(output_error));
}

void
look_again(void)
{
	static const struct timespec moment = { .tv_nsec = 20 * 1000 * 1000L };

	(void)nanosleep(&moment, NULL);
}
