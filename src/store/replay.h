/*
 * replay.h - what the log says, applied to the trees of a start
 */
#pragma once

#include "store/restore_tree.h"

/*
 * Reads the log from segment `first` on (0: nothing is needed, it is only looked at for numbers) and applies it to the
 * restoration's trees. Raises the engine's today and next tree id above what it met. 0 or -1 with the fault.
 */
int replay_log(struct restoration *restoration, const struct manifest_log *log);
