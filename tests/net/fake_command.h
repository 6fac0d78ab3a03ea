/*
 * fake_command.h - a command layer for tests of the front end by itself
 *
 * Replies `pong <line>` to each line, but to
 *   big N    N bytes 'x'
 *   slow     goes pending, replies `pong slow` from another thread soon after
 *   hold     goes pending, replies `pong hold` from another thread after fake_command_release()
 * and asserts what the front end must keep to: lines stay as they were until the batch ends, nothing of a connection is
 * run while it has a reply pending.
 */
#pragma once

#include <stdint.h>

/* All replies held back by `hold` come now. */
void fake_command_release(void);

/* The most lines of one connection that were run in a row while another had some in the same batch. */
uint32_t fake_command_longest_turn(void);

/* Batches that held lines of more than one connection. */
uint32_t fake_command_mixed_batches(void);
