#include "config/token.h"

#include "base/utf8.h"

const char *
token_problem(const char *token, size_t bytes)
{
	if (!utf8_valid(token, bytes))
		return "it is not valid UTF-8";
	for (size_t i = 0; i < bytes; i++) {
		const unsigned char byte = (unsigned char)token[i];

		if (byte < 0x20 || byte == 0x7f)
			return "it holds control characters";
	}
	return NULL;
}
