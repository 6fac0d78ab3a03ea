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

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "wal/rest.h"

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

	wal_recovery_claim(recovery, chain->header.synced, file->name);
	ret->segments++;
	while (named == NULL || !position_same(&chain->position, named)) {
		r = wal_chain_next(chain);
		if (r <= 0)
			return r;
		wal_recovery_claim(recovery, chain->block.synced, file->name);
		wal_recovery_note_epoch(recovery, chain->block.epoch);
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
	wal_recovery_claim(recovery, rest.synced, file->name);
	wal_recovery_note_epoch(recovery, rest.epoch);
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
			wal_recovery_set_cut(recovery, file->name, ret->last.end);
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
	wal_recovery_claim(recovery, chain->header.synced, file->name);
	while ((named == NULL || !position_same(&chain->position, named)) && (r = wal_chain_next(chain)) > 0) {
		wal_recovery_claim(recovery, chain->block.synced, file->name);
		wal_recovery_note_epoch(recovery, chain->block.epoch);
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
		wal_recovery_set_cut(recovery, line->segments[recovery->kept - 1]->name, recovery->ret->last.end);
	return r < 0 ? r : 0;
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
		wal_recovery_set_cut(recovery, name, 0);
	} else if (recovery->ret->cut_file[0] == '\0') {
		wal_recovery_set_cut(recovery, line->segments[recovery->kept - 1]->name, recovery->ret->last.end);
	}
}

int
wal_recovery_judge(struct wal_recovery *recovery)
{
	const struct wal_line *line = &recovery->line;
	int r;

	wal_recovery_note_epoch(recovery, recovery->options->synced);
	if (recovery->options->sequence_first > 0)
		wal_recovery_claim(recovery, recovery->options->synced, "the manifest");
	r = judge_line(recovery);
	if (r == 0)
		r = wal_recovery_judge_others(recovery);
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
