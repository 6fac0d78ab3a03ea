/*
 * verdict.c - torn tail or damage
 *
 * Blocks reach the disk in order only as far as they were synced. So a log that ends at epoch g may have lost what was written
 * later, if nobody had been told that it is safe; and what was known to be safe stands, as `synced`, in every later block and
 * header, and in the manifest. If one of these says more than g, something is gone that was on the disk: damage. The claims
 * are looked for wherever a writer of this line can have left them:
 *
 *   - in the line itself, behind its end too: the rest of the segment in which it ends, and the segments that go on from there;
 *   - in files whose header is not valid: the newest segment, its header hit. Its blocks have a sequence above the line's.
 *
 * Not in what an earlier recovery cut off, the rest of a segment behind the place that the next header names and segments off
 * the line: it was judged then, and let go. Each header names the place where the log went on, so such a rest is known.
 */
#include "wal/verdict.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wal/rest.h"

static void
claim(struct wal_recovery *recovery, uint64_t epoch, const char *by)
{
	if (epoch > recovery->claim) {
		recovery->claim = epoch;
		recovery->claim_by = by;
	}
}

static void
note_epoch(struct wal_recovery *recovery, uint64_t epoch)
{
	if (epoch > recovery->ret->epoch_highest)
		recovery->ret->epoch_highest = epoch;
}

static void
note_sequence(struct wal_recovery *recovery, uint64_t sequence)
{
	if (sequence > recovery->ret->sequence_highest)
		recovery->ret->sequence_highest = sequence;
}

/* ---- one segment ---- */

static bool
position_same(const struct wal_position *one, const struct wal_position *other)
{
	return one->sequence == other->sequence && one->end == other->end && one->checksum == other->checksum &&
	       one->epoch == other->epoch;
}

/* Takes the open chain's blocks as part of the log, up to what the next header names. 1: got there, 0: it ends, or errno. */
static int
walk_counted(struct wal_recovery *recovery, const struct wal_file *file, const struct wal_position *named)
{
	struct wal_chain *chain = &recovery->chain;
	struct wal_recovered *ret = recovery->ret;
	int r;

	claim(recovery, chain->header.synced, file->name);
	ret->segments++;
	while (named == NULL || !position_same(&chain->position, named)) {
		r = wal_chain_next(chain);
		if (r <= 0)
			return r;
		claim(recovery, chain->block.synced, file->name);
		note_epoch(recovery, chain->block.epoch);
		if (chain->block.today > ret->today)
			ret->today = chain->block.today;
		ret->blocks++;
	}
	return 1;
}

/* Behind the open chain's end, up to where an earlier recovery cut. */
static int
scan_rest(struct wal_recovery *recovery, const struct wal_file *file, const struct wal_position *named,
          uint64_t *ret_end)
{
	struct wal_chain *chain = &recovery->chain;
	struct wal_rest rest = {
		.sequence_min = chain->header.sequence,
		.sequence_max = chain->header.sequence,
		.from = chain->position.end,
		.to = named == NULL                      ? UINT64_MAX
		      : named->end > chain->position.end ? named->end
		                                         : chain->position.end,
		.zeros = !chain->header.reused,
	};

	memcpy(rest.identity, chain->header.identity, WAL_IDENTITY_BYTES);
	int r = wal_rest_scan(&chain->window, &rest);

	if (r == 0)
		r = wal_rest_torn(&chain->window, &chain->position, &rest);
	claim(recovery, rest.synced, file->name);
	note_epoch(recovery, rest.epoch);
	*ret_end = rest.end;
	return r;
}

/* ---- the line ---- */

/* What the next segment of the line says of where this one ends; NULL: none goes on from this one. */
static const struct wal_position *
named_by_next(const struct wal_line *line, size_t index)
{
	if (index + 1 >= line->count_all)
		return NULL;
	const struct wal_position *previous = &line->segments[index + 1]->header.previous;

	return previous->sequence == line->segments[index]->header.sequence ? previous : NULL;
}

static void
set_cut(struct wal_recovery *recovery, const char *name, uint64_t offset)
{
	(void)snprintf(recovery->ret->cut_file, sizeof(recovery->ret->cut_file), "%s", name);
	recovery->ret->cut_offset = offset;
}

/* Returns 1 when the chain leads to the next segment, 0 when the log ends in this one, or negative errno. */
static int
judge_segment(struct wal_recovery *recovery, size_t index)
{
	const struct wal_file *file = recovery->line.segments[index];
	const struct wal_position *named = named_by_next(&recovery->line, index);
	struct wal_recovered *ret = recovery->ret;
	uint64_t end = 0;
	int r = wal_recovery_open(recovery, file);

	if (r < 0)
		return r;
	r = walk_counted(recovery, file, named);
	ret->last = recovery->chain.position;
	ret->bytes += ret->last.end;
	if (r == 0) {
		r = scan_rest(recovery, file, named, &end);
		if (r == 0 && end > ret->last.end) {
			ret->cut_bytes += end - ret->last.end;
			set_cut(recovery, file->name, ret->last.end);
		}
	}
	wal_recovery_close(recovery);
	return r < 0 ? wal_recovery_error(recovery, r, file->name, "reading") : r;
}

/* A segment of the line that the chain does not reach: it is cut with all its blocks, but what it says is heard. */
static int
judge_beyond(struct wal_recovery *recovery, size_t index)
{
	const struct wal_file *file = recovery->line.segments[index];
	const struct wal_position *named = named_by_next(&recovery->line, index);
	struct wal_chain *chain = &recovery->chain;
	uint64_t end = 0;
	int r = wal_recovery_open(recovery, file);

	if (r < 0)
		return r;
	claim(recovery, chain->header.synced, file->name);
	while ((named == NULL || !position_same(&chain->position, named)) && (r = wal_chain_next(chain)) > 0) {
		claim(recovery, chain->block.synced, file->name);
		note_epoch(recovery, chain->block.epoch);
	}
	if (r >= 0)
		r = scan_rest(recovery, file, named, &end);
	recovery->ret->cut_bytes += end;
	wal_recovery_close(recovery);
	return r < 0 ? wal_recovery_error(recovery, r, file->name, "reading") : 0;
}

static int
judge_line(struct wal_recovery *recovery)
{
	const struct wal_line *line = &recovery->line;
	int r = 1;

	while (r > 0 && recovery->kept < line->count)
		r = judge_segment(recovery, recovery->kept++);
	for (size_t i = recovery->kept; r >= 0 && i < line->count_all; i++)
		r = judge_beyond(recovery, i);
	if (r >= 0 && recovery->kept < line->count_all && recovery->kept > 0)
		set_cut(recovery, line->segments[recovery->kept - 1]->name, recovery->ret->last.end);
	return r < 0 ? r : 0;
}

/* ---- the other files ---- */

/* Off the line, or a spare: only for its numbers. */
static int
look_at_numbers(struct wal_recovery *recovery, const struct wal_file *file)
{
	int r = wal_recovery_open(recovery, file);

	if (r < 0)
		return r;
	while ((r = wal_chain_next(&recovery->chain)) > 0)
		note_epoch(recovery, recovery->chain.block.epoch);
	wal_recovery_close(recovery);
	return r < 0 ? wal_recovery_error(recovery, r, file->name, "reading") : 0;
}

static void
note_stray(struct wal_recovery *recovery, const struct wal_file *file, const struct wal_rest *rest)
{
	note_epoch(recovery, rest->epoch);
	note_sequence(recovery, rest->sequence);
	if (rest->blocks == 0 || recovery->options->sequence_first == 0)
		return;
	claim(recovery, rest->synced, file->name);
	recovery->ret->cut_bytes += rest->end;
	recovery->stray_file = file;
	if (recovery->ret->cut_file[0] == '\0')
		set_cut(recovery, file->name, 0);
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

static int
judge_others(struct wal_recovery *recovery)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < recovery->line.file_count; i++) {
		const struct wal_file *file = &recovery->line.files[i];

		note_sequence(recovery, file->number);
		if (file->foreign)
			continue;
		if (!file->valid) {
			r = look_for_strays(recovery, file);
			continue;
		}
		note_sequence(recovery, file->header.sequence);
		note_epoch(recovery, file->header.epoch);
		note_epoch(recovery, file->header.synced);
		note_epoch(recovery, file->header.previous.epoch);
		if (!file->in_line)
			r = look_at_numbers(recovery, file);
	}
	return r;
}

/* ---- the verdict ---- */

static int
missing_fault(struct wal_recovery *recovery)
{
	const struct wal_line *line = &recovery->line;
	const struct wal_file *file = wal_line_named(line, line->missing);
	const char *how = "it is missing";
	char name[64];
	char by[64] = "the manifest";

	wal_segment_name(line->missing, name);
	if (line->missing_by > 0)
		wal_segment_name(line->missing_by, by);
	if (file != NULL)
		how = file->foreign ? "it is of another directory" : "its header is damaged";
	if (file != NULL && file->valid)
		how = "it is another segment";
	return wal_recovery_fault(recovery, -EBADMSG, "%s: offset 0: %s, but %s names it as part of the log", name, how,
	                          by);
}

static int
claim_fault(struct wal_recovery *recovery)
{
	const struct wal_recovered *ret = recovery->ret;

	return wal_recovery_fault(recovery, -EBADMSG,
	                          "%s: offset %" PRIu64 ": damaged: the log ends with epoch %" PRIu64
	                          " here, but %s says that epoch %" PRIu64 " was on the disk",
	                          ret->cut_file, ret->cut_offset, ret->last.epoch, recovery->claim_by, recovery->claim);
}

static void
place_cut(struct wal_recovery *recovery)
{
	const struct wal_line *line = &recovery->line;
	char name[64];

	if (recovery->kept == 0) {
		wal_segment_name(line->missing, name);
		set_cut(recovery, name, 0);
	} else if (recovery->ret->cut_file[0] == '\0') {
		set_cut(recovery, line->segments[recovery->kept - 1]->name, recovery->ret->last.end);
	}
}

int
wal_recovery_judge(struct wal_recovery *recovery)
{
	const struct wal_line *line = &recovery->line;
	int r;

	note_epoch(recovery, recovery->options->synced);
	if (recovery->options->sequence_first > 0)
		claim(recovery, recovery->options->synced, "the manifest");
	r = judge_line(recovery);
	if (r == 0)
		r = judge_others(recovery);
	if (r < 0 || recovery->options->sequence_first == 0)
		return r;
	if (line->missing == 0 && recovery->claim <= recovery->ret->last.epoch)
		return 0;
	place_cut(recovery);
	if (recovery->options->truncate_at_damage) {
		recovery->ret->damage = true;
		return 0;
	}
	return line->missing > 0 ? missing_fault(recovery) : claim_fault(recovery);
}
