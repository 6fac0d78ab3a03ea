#include "emit.h"

#include <errno.h>

void
emit_begin(struct emitter *emitter, enum row_format format)
{
	*emitter = (struct emitter){ .format = format };
	buffer_init(&emitter->out, SIZE_MAX);
	rows_begin(format, &emitter->out);
}

void
emit_tree(struct emitter *emitter, const char *tree, size_t tree_bytes)
{
	emitter->tree = tree;
	emitter->tree_bytes = tree_bytes;
	emitter->keys = 0;
}

static struct row
row_of(const struct emitter *emitter)
{
	return (struct row){ .has_tree = true, .tree = emitter->tree, .tree_bytes = emitter->tree_bytes };
}

int
emit_key(struct emitter *emitter, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	struct row row = row_of(emitter);
	uint64_t sum = 0;

	emitter->keys++;
	row.has_key = true;
	row.key = key;
	row.has_day = true;
	for (size_t i = 0; i < day_count; i++) {
		row.day = days[i].day;
		row.count = days[i].count;
		sum += days[i].count; /* may wrap in a file that no server takes; then it differs, which is as well */
		row_append(emitter->format, &row, &emitter->out);
		if (!output_passed(&emitter->out))
			return -EIO;
	}
	if (day_count > 0 && sum == total)
		return 0;
	row.has_day = false;
	row.has_total = true;
	row.total = total;
	row_append(emitter->format, &row, &emitter->out);
	return output_passed(&emitter->out) ? 0 : -EIO;
}

void
emit_tree_end(struct emitter *emitter)
{
	struct row row = row_of(emitter);

	if (emitter->keys == 0)
		row_append(emitter->format, &row, &emitter->out);
	(void)output_passed(&emitter->out);
}

enum status
emit_end(struct emitter *emitter, enum status status)
{
	status = output_end(&emitter->out, status);
	buffer_deinit(&emitter->out);
	return status;
}
