/*
 * Any bytes as rows, CSV or JSON lines by the first byte: read without harm, and every row that is taken is written and read
 * back as the same row, in both formats.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static bool
is_same(const struct row *a, const struct row *b)
{
	return a->has_tree == b->has_tree && a->tree_bytes == b->tree_bytes &&
	       memcmp(a->tree, b->tree, a->tree_bytes) == 0 && a->has_key == b->has_key && a->key == b->key &&
	       a->has_day == b->has_day && a->day == b->day && a->count == b->count && a->has_total == b->has_total &&
	       a->total == b->total;
}

static void
there_and_back(enum row_format format, const struct row *row)
{
	struct row_reader reader;
	struct row_fault fault;
	struct buffer out;
	struct row again;

	buffer_init(&out, SIZE_MAX);
	rows_begin(format, &out);
	row_append(format, row, &out);
	FILE *stream = fmemopen(out.data, out.bytes, "r");

	check(stream != NULL && !out.failed);
	row_reader_init(&reader, stream, format, &fault);
	check(row_read(&reader, &again) == 1 && is_same(row, &again));
	check(row_read(&reader, &again) == 0);
	row_reader_deinit(&reader);
	(void)fclose(stream);
	buffer_deinit(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct row_reader reader;
	struct row_fault fault;
	struct row row;

	if (bytes < 2)
		return 0;
	FILE *stream = fmemopen((void *)(uintptr_t)(data + 1), bytes - 1, "r");

	check(stream != NULL);
	row_reader_init(&reader, stream, data[0] % 2 == 0 ? ROW_CSV : ROW_JSONL, &fault);
	while (row_read(&reader, &row) > 0) {
		if (!row.has_tree) {
			row.has_tree = true;
			row.tree = "";
		}
		there_and_back(ROW_CSV, &row);
		there_and_back(ROW_JSONL, &row);
	}
	row_reader_deinit(&reader);
	(void)fclose(stream);
	return 0;
}
