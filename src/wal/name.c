/*
 * name.c - names of segments and spares
 */
#include "wal/recover.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PREFIX       "karma-"
#define PREFIX_SPARE "karma-spare-"
#define SUFFIX       ".wal"

enum { DIGITS = 20, NAME_BYTES_MAX = 63 };

void
wal_segment_name(uint64_t sequence, char ret[64])
{
	(void)snprintf(ret, 64, PREFIX "%020" PRIu64 SUFFIX, sequence);
}

bool
wal_name_sequence(const char *name, uint64_t *ret_sequence)
{
	uint64_t sequence = 0;

	if (strlen(name) != strlen(PREFIX) + DIGITS + strlen(SUFFIX) || strncmp(name, PREFIX, strlen(PREFIX)) != 0 ||
	    strcmp(name + strlen(PREFIX) + DIGITS, SUFFIX) != 0)
		return false;
	if (name[strlen(PREFIX)] != '0') /* nineteen digits fit into 64 bits */
		return false;
	for (const char *at = name + strlen(PREFIX); at < name + strlen(PREFIX) + DIGITS; at++) {
		if (*at < '0' || *at > '9')
			return false;
		sequence = 10 * sequence + (uint64_t)(*at - '0');
	}
	if (sequence == 0 || sequence > WAL_SEQUENCE_MAX)
		return false;
	*ret_sequence = sequence;
	return true;
}

bool
wal_name_is_segment(const char *name)
{
	uint64_t sequence;

	return wal_name_sequence(name, &sequence);
}

bool
wal_name_is_spare(const char *name)
{
	size_t bytes = strlen(name);

	return bytes > strlen(PREFIX_SPARE) + strlen(SUFFIX) && bytes <= NAME_BYTES_MAX &&
	       strncmp(name, PREFIX_SPARE, strlen(PREFIX_SPARE)) == 0 &&
	       strcmp(name + bytes - strlen(SUFFIX), SUFFIX) == 0;
}
