/*
 * fake_park.h - lines of the fake command layer whose turn comes later
 *
 *   park     COMMAND_PARKED the first time; after fake_park_release() it is to be run again, and replies `pong park`
 *
 * Asserts what the front end must keep to: nothing of a connection is run while a line of it is parked, and then that line.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The turn of all lines that are parked comes now. */
void fake_park_release(void);

/* Lines that are parked, and whose turn has not come. */
uint32_t fake_park_parked(void);

/* ---- for fake_command.c: of one worker ---- */

struct fake_parked;

struct fake_parking {
	pthread_mutex_t lock;
	struct fake_parked *first; /* of every connection that had such a line */
	unsigned released;         /* of all releases, seen */
};

void fake_parking_init(struct fake_parking *parking);
void fake_parking_deinit(struct fake_parking *parking);

/* Of each line that is run. True: it is parked. */
bool fake_park_run(struct fake_parking *parking, uint64_t ticket, const char *line, size_t bytes);

/* Any thread, now and then. True: there is somebody to tell. */
bool fake_park_wake(struct fake_parking *parking);

/* command_unparked() */
bool fake_park_tell(struct fake_parking *parking, uint64_t *ret_ticket);

enum fake_park_left { FAKE_PARK_UNKNOWN, FAKE_PARK_EARLIER, FAKE_PARK_LEFT };

/* The client has gone: it had such a line never, earlier, or now. */
enum fake_park_left fake_park_abandon(struct fake_parking *parking, uint64_t ticket);
