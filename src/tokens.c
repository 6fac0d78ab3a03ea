#include "tokens.h"

#include "log/log.h"
#include "net/address.h"

const char *
tokens_setup(struct config *config, char file_token[static TOKEN_FILE_BYTES_MAX + 1])
{
	if (config->auth_token_file == NULL)
		return NULL;
	const char *problem = token_file_read(config->auth_token_file, file_token);

	if (problem == NULL)
		config->auth_token = file_token;
	return problem;
}

void
tokens_warn(const struct config *config)
{
	if (config->auth_token == NULL && config->read_auth_token == NULL && !address_is_local(config->bind))
		log_warn("no token is needed: whoever reaches this address may do everything",
		         log_string("bind", config->bind),
		         log_string("do", "set --auth-token-file, or bind to 127.0.0.1"));
}
