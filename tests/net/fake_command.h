/*
 * fake_command.h - a command layer for tests of the front end by itself
 *
 * Replies `pong <line>` to each line, but to
 *   big N    N bytes 'x'
 *   slow     goes pending, replies `pong slow` from another thread soon after
 *   hold     goes pending, replies `pong hold` from another thread after fake_command_release()
 *   nap      keeps the worker busy for a while, then replies `pong nap`; doze the same for a moment
 *   twin     executes the same lines of the connection right behind it with it
 * and asserts what the front end must keep to: lines stay as they were until the batch ends and are run in their order,
 * nothing of a connection is run while it has a reply pending, what was executed gets its reply in the same batch.
 */
#pragma once

#include <stdint.h>

/* All replies held back by `hold` come now. */
void fake_command_release(void);

/* Lines that were run. */
uint64_t fake_command_runs(void);

/* `twin` lines that were executed. */
uint64_t fake_command_twins(void);

/* Replies that the front end said nobody waits for. */
uint32_t fake_command_abandoned(void);

/*
 * Of all batches with lines of several connections: how many there were, and the most lines that came before the first
 * line of a second one.
 */
uint32_t fake_command_mixed_batches(void);
uint32_t fake_command_longest_turn(void);
