/*
 * recover.c - from a directory to the blocks that count
 *
 *   list the files, read their headers      line.c
 *   find the line                           line.c
 *   read everything: where does it end?     verdict.c
 *   sync the directory
 *   read what counts again, for the visitor
 *
 * What is read must be on the disk, since the next run builds on it and calls it synced. So each file is synced, and what is
 * cached of it dropped, before its first byte is read. Synced afterwards it might never get there: when a sync has failed, the
 * kernel takes the pages for clean that it could not write, and keeps them; a later sync says that all is well.
 *
 * Memory: one piece of a file at a time, of 1 MiB or of the size of one block if that is more.
 */
#include "wal/recover.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wal/verdict.h"

int
wal_recovery_fault(struct wal_recovery *recovery, int r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(recovery->fault->text, sizeof(recovery->fault->text), format, arguments);
	va_end(arguments);
	return r;
}

int
wal_recovery_error(struct wal_recovery *recovery, int r, const char *file, const char *doing)
{
	assert(r < 0);
	return wal_recovery_fault(recovery, r, "%s: %s: %s", file, doing, strerrordesc_np(-r));
}

void
wal_recovery_claim(struct wal_recovery *recovery, uint64_t epoch, const char *by)
{
	if (epoch > recovery->claim) {
		recovery->claim = epoch;
		recovery->claim_by = by;
	}
}

void
wal_recovery_note_epoch(struct wal_recovery *recovery, uint64_t epoch)
{
	if (epoch > recovery->ret->epoch_highest)
		recovery->ret->epoch_highest = epoch;
}

void
wal_recovery_note_sequence(struct wal_recovery *recovery, uint64_t sequence)
{
	if (sequence > recovery->ret->sequence_highest)
		recovery->ret->sequence_highest = sequence;
}

void
wal_recovery_set_cut(struct wal_recovery *recovery, const char *name, uint64_t offset)
{
	(void)snprintf(recovery->ret->cut_file, sizeof(recovery->ret->cut_file), "%s", name);
	recovery->ret->cut_offset = offset;
}

int
wal_recovery_open(struct wal_recovery *recovery, const struct wal_file *file)
{
	const struct wal_device *device = &recovery->options->device;
	int handle = device->open(device->context, file->name, false);

	assert(recovery->handle < 0);
	if (handle < 0)
		return wal_recovery_error(recovery, handle, file->name, "opening");
	recovery->handle = handle;
	int r = wal_chain_open(&recovery->chain, device, handle);

	if (r == -EBADMSG || (r == 0 && recovery->chain.header.checksum != file->header.checksum))
		r = -EIO; /* it was right a moment ago */
	if (r < 0) {
		wal_recovery_close(recovery);
		return wal_recovery_error(recovery, r, file->name, "reading the header again");
	}
	return 0;
}

void
wal_recovery_close(struct wal_recovery *recovery)
{
	const struct wal_device *device = &recovery->options->device;

	assert(recovery->handle >= 0);
	device->close(device->context, recovery->handle);
	recovery->handle = -1;
}

static int
find_line(struct wal_recovery *recovery)
{
	const struct wal_recover_options *options = recovery->options;
	const struct wal_file *file;
	int r = wal_line_list(&recovery->line, &options->device, options->identity, &file);

	if (r < 0)
		return wal_recovery_error(recovery, r, file != NULL ? file->name : "the directory", "reading");
	if (options->sequence_first == 0)
		return 0;
	r = wal_line_find(&recovery->line, options->sequence_first);
	return r < 0 ? wal_recovery_error(recovery, r, "the directory", "reading") : 0;
}

/* The files themselves were synced when they were first opened. */
static int
sync_names(struct wal_recovery *recovery)
{
	const struct wal_device *device = &recovery->options->device;
	int r = device->sync_directory(device->context);

	return r < 0 ? wal_recovery_error(recovery, r, "the directory", "syncing") : 0;
}

/* The blocks up to `end`, which the first reading found. */
static int
replay_segment(struct wal_recovery *recovery, const struct wal_file *file, uint64_t end, wal_block_fn *visit,
               void *context)
{
	struct wal_chain *chain = &recovery->chain;
	int r = wal_recovery_open(recovery, file);

	if (r < 0)
		return r;
	while (r == 0 && chain->position.end < end) {
		r = wal_chain_next(chain);
		if (r == 0)
			r = -EIO; /* it was whole a moment ago */
		if (r < 0)
			r = wal_recovery_error(recovery, r, file->name, "reading again");
		else
			r = visit(context, &chain->block, chain->payload);
	}
	wal_recovery_close(recovery);
	return r;
}

static int
replay(struct wal_recovery *recovery, wal_block_fn *visit, void *context)
{
	struct wal_file **segments = recovery->line.segments;
	int r = 0;

	for (size_t i = 0; r == 0 && i < recovery->kept; i++) {
		uint64_t end = i + 1 < recovery->kept ? segments[i + 1]->header.previous.end : recovery->ret->last.end;

		r = replay_segment(recovery, segments[i], end, visit, context);
	}
	return r;
}

int
wal_recover(const struct wal_recover_options *options, wal_block_fn *visit, void *context, struct wal_recovered *ret,
            struct wal_fault *ret_fault)
{
	struct wal_recovery recovery = { .options = options, .ret = ret, .fault = ret_fault, .handle = -1 };

	assert(visit != NULL);
	*ret = (struct wal_recovered){ 0 };
	ret_fault->text[0] = '\0';
	int r = find_line(&recovery);

	if (r == 0)
		r = wal_recovery_judge(&recovery);
	if (r == 0 && !options->looks_only)
		r = sync_names(&recovery);
	if (r == 0)
		r = replay(&recovery, visit, context);
	assert(recovery.handle < 0);
	wal_chain_deinit(&recovery.chain);
	wal_line_deinit(&recovery.line);
	return r;
}
