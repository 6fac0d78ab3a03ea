#include "command/command_auth.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static struct text
text_of(const char *token)
{
	if (token == NULL || *token == '\0')
		return (struct text){ 0 };
	return (struct text){ .data = token, .bytes = strlen(token) };
}

struct command_auth
command_auth_of(const char *all, const char *read)
{
	return (struct command_auth){ .all = text_of(all), .read = text_of(read) };
}

/* Goes over all of the token sent, whatever differs. */
static bool
is_same(struct text sent, struct text secret)
{
	volatile unsigned char differs = sent.bytes != secret.bytes;

	assert(secret.bytes > 0);
	for (size_t i = 0, of_secret = 0; i < sent.bytes; i++) {
		differs |= (unsigned char)(sent.data[i] ^ secret.data[of_secret]);
		of_secret = of_secret + 1 < secret.bytes ? of_secret + 1 : 0;
	}
	return differs == 0;
}

enum command_right
command_auth_right(const struct command_auth *auth, struct text token)
{
	bool all = !command_auth_is_needed(auth), read = false;

	if (auth->all.data != NULL)
		all |= is_same(token, auth->all);
	if (auth->read.data != NULL)
		read = is_same(token, auth->read);
	return all ? RIGHT_ALL : read ? RIGHT_READ : RIGHT_NONE;
}
