#include "store/fault.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static bool
is_control(char byte)
{
	return (unsigned char)byte < 0x20 || byte == 0x7f;
}

/* A character that was cut off at the end of a full line is dropped, not replaced: its bytes were good. */
static void
make_printable(char *text, size_t bytes, bool cut)
{
	const char *end = text + bytes;

	for (char *at = text; at < end;) {
		size_t step = utf8_sequence(at, end);

		if (step == 0 && cut && end - at < UTF8_SEQUENCE_MAX) {
			*at = '\0';
			return;
		}
		if (step == 0 || is_control(*at))
			*at = '?';
		at += step > 0 ? step : 1;
	}
}

void
store_fault_set(struct store_fault *fault, const char *format, ...)
{
	va_list arguments;

	if (fault == NULL)
		return;
	va_start(arguments, format);
	int wanted = vsnprintf(fault->text, sizeof(fault->text), format, arguments);

	va_end(arguments);
	if (wanted < 0)
		fault->text[0] = '\0';
	make_printable(fault->text, strlen(fault->text), wanted >= (int)sizeof(fault->text));
}

const char *
store_error_text(int result)
{
	assert(result < 0);
	const char *text = strerrordesc_np(-result);

	return text != NULL ? text : "unknown error";
}
