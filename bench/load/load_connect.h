/*
 * load_connect.h - a connection to the server, over TCP or a unix socket
 */
#pragma once

#include "load/load_options.h"

enum { LOAD_WHERE_BYTES_MAX = 512 };

/* A blocking socket, or negative errno. */
int load_connect(const struct load_options *options);

/* "connecting to …", for messages. Returns text. */
const char *load_connect_describe(const struct load_options *options, char text[static LOAD_WHERE_BYTES_MAX]);
