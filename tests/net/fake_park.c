#include "fake_park.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum state { NOT_PARKED, PARKED, WOKEN, TOLD };

struct fake_parked {
	struct fake_parked *next;
	uint64_t ticket;
	enum state state;
};

static atomic_uint releases;
static atomic_uint parked_now;

void
fake_park_release(void)
{
	atomic_fetch_add(&releases, 1);
}

uint32_t
fake_park_parked(void)
{
	return atomic_load(&parked_now);
}

void
fake_parking_init(struct fake_parking *parking)
{
	pthread_mutex_init(&parking->lock, NULL);
	parking->first = NULL;
	parking->released = atomic_load(&releases);
}

void
fake_parking_deinit(struct fake_parking *parking)
{
	while (parking->first != NULL) {
		struct fake_parked *next = parking->first->next;

		assert(parking->first->state == NOT_PARKED);
		free(parking->first);
		parking->first = next;
	}
	pthread_mutex_destroy(&parking->lock);
}

static struct fake_parked *
find(struct fake_parking *parking, uint64_t ticket)
{
	struct fake_parked *parked = parking->first;

	while (parked != NULL && parked->ticket != ticket)
		parked = parked->next;
	return parked;
}

static struct fake_parked *
add(struct fake_parking *parking, uint64_t ticket)
{
	struct fake_parked *parked = calloc(1, sizeof(*parked));

	*parked = (struct fake_parked){ .next = parking->first, .ticket = ticket };
	parking->first = parked;
	return parked;
}

static void
set(struct fake_parked *parked, enum state state)
{
	atomic_fetch_add(&parked_now, (unsigned)(state == PARKED) - (unsigned)(parked->state == PARKED));
	parked->state = state;
}

bool
fake_park_run(struct fake_parking *parking, uint64_t ticket, const char *line, size_t bytes)
{
	const bool is_park = bytes == 4 && memcmp(line, "park", 4) == 0;

	pthread_mutex_lock(&parking->lock);
	struct fake_parked *parked = find(parking, ticket);
	const bool turn = parked != NULL && parked->state != NOT_PARKED;

	assert(!turn || (is_park && parked->state == TOLD));
	if (turn)
		set(parked, NOT_PARKED);
	else if (is_park)
		set(parked != NULL ? parked : add(parking, ticket), PARKED);
	pthread_mutex_unlock(&parking->lock);
	return is_park && !turn;
}

/* The first that is in one state gets into the other. False: there is none. */
static bool
step(struct fake_parking *parking, enum state from, enum state to, uint64_t *ret_ticket)
{
	struct fake_parked *parked = parking->first;

	while (parked != NULL && parked->state != from)
		parked = parked->next;
	if (parked == NULL)
		return false;
	*ret_ticket = parked->ticket;
	set(parked, to);
	return true;
}

bool
fake_park_wake(struct fake_parking *parking)
{
	const unsigned now = atomic_load(&releases);
	uint64_t ticket;
	bool any = false;

	pthread_mutex_lock(&parking->lock);
	while (now != parking->released && step(parking, PARKED, WOKEN, &ticket))
		any = true;
	parking->released = now;
	pthread_mutex_unlock(&parking->lock);
	return any;
}

bool
fake_park_tell(struct fake_parking *parking, uint64_t *ret_ticket)
{
	pthread_mutex_lock(&parking->lock);
	const bool any = step(parking, WOKEN, TOLD, ret_ticket);

	pthread_mutex_unlock(&parking->lock);
	return any;
}

enum fake_park_left
fake_park_abandon(struct fake_parking *parking, uint64_t ticket)
{
	enum fake_park_left left = FAKE_PARK_UNKNOWN;

	pthread_mutex_lock(&parking->lock);
	struct fake_parked *parked = find(parking, ticket);

	if (parked != NULL) {
		left = parked->state == NOT_PARKED ? FAKE_PARK_EARLIER : FAKE_PARK_LEFT;
		set(parked, NOT_PARKED);
	}
	pthread_mutex_unlock(&parking->lock);
	return left;
}
