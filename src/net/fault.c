#include "net/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "net/server.h"

int
fault_set(struct server_fault *fault, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): the line above is unknown to it in files after the first */
	(void)vsnprintf(fault->text, sizeof(fault->text), format, arguments);
	va_end(arguments);
	return -1;
}

const char *
fault_errno(int error)
{
	static _Thread_local char text[128];

	return strerror_r(error, text, sizeof(text));
}
