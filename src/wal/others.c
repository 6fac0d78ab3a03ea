/*
 * others.c - what the files off the line say
 *
 * A segment off the line, or a spare, gives its numbers: the next run's epochs and sequences are to be above all of them, so that
 * nothing old is ever taken for something of its own. A file whose header is not valid may be the newest segment, its header hit:
 * what makes it so is a whole block of a sequence above the line's. Its claims count, see verdict.c.
 */
#include "wal/verdict.h"

#include <string.h>

#include "wal/rest.h"

/* Off the line, or a spare: only for its numbers. */
static int
look_at_numbers(struct wal_recovery *recovery, const struct wal_file *file)
{
	int r = wal_recovery_open(recovery, file);

	if (r < 0)
		return r;
	while ((r = wal_chain_next(&recovery->chain)) > 0)
		wal_recovery_note_epoch(recovery, recovery->chain.block.epoch);
	wal_recovery_close(recovery);
	return r < 0 ? wal_recovery_error(recovery, r, file->name, "reading") : 0;
}

static void
note_stray(struct wal_recovery *recovery, const struct wal_file *file, const struct wal_rest *rest)
{
	wal_recovery_note_epoch(recovery, rest->epoch);
	wal_recovery_note_sequence(recovery, rest->sequence);
	if (rest->blocks == 0 || recovery->options->sequence_first == 0)
		return;
	wal_recovery_claim(recovery, rest->synced, file->name);
	recovery->ret->cut_bytes += rest->end;
	recovery->stray_file = file;
	if (recovery->ret->cut_file[0] == '\0')
		wal_recovery_set_cut(recovery, file->name, 0);
}

/* No header that counts. Older blocks than the line's newest may be of an earlier use of the file. */
static int
look_for_strays(struct wal_recovery *recovery, const struct wal_file *file)
{
	const struct wal_line *line = &recovery->line;
	struct wal_rest rest = { .sequence_min = 1, .sequence_max = WAL_SEQUENCE_MAX, .to = UINT64_MAX };
	struct wal_window *window = &recovery->chain.window;
	int handle = recovery->options->device.open(recovery->options->device.context, file->name, false);

	if (handle < 0)
		return wal_recovery_error(recovery, handle, file->name, "opening");
	recovery->handle = handle;
	if (line->count_all > 0)
		rest.sequence_min = line->segments[line->count_all - 1]->header.sequence + 1;
	memcpy(rest.identity, recovery->options->identity, WAL_IDENTITY_BYTES);
	int r = wal_window_open(window, &recovery->options->device, handle);

	if (r == 0)
		r = wal_rest_scan(window, &rest);
	wal_recovery_close(recovery);
	if (r < 0)
		return wal_recovery_error(recovery, r, file->name, "reading");
	note_stray(recovery, file, &rest);
	return 0;
}

int
wal_recovery_judge_others(struct wal_recovery *recovery)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < recovery->line.file_count; i++) {
		const struct wal_file *file = &recovery->line.files[i];

		wal_recovery_note_sequence(recovery, file->number);
		if (file->foreign)
			continue;
		if (!file->valid) {
			r = look_for_strays(recovery, file);
			continue;
		}
		wal_recovery_note_sequence(recovery, file->header.sequence);
		wal_recovery_note_epoch(recovery, file->header.epoch);
		wal_recovery_note_epoch(recovery, file->header.synced);
		wal_recovery_note_epoch(recovery, file->header.previous.epoch);
		if (!file->in_line)
			r = look_at_numbers(recovery, file);
	}
	return r;
}
