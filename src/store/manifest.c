#include "store/manifest.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/checksum.h"
#include "snapshot/pack.h"
#include "store/files.h"

enum { FORMAT = 3, MEMBERS = 9, LOG_MEMBERS = 3, TREE_MEMBERS = 5 };

static void
tree_encode(const struct manifest_tree *tree, struct buffer *out)
{
	assert(tree->name_bytes <= TREE_NAME_BYTES_MAX);
	assert(tree->id != 0);
	pack_array(out, TREE_MEMBERS);
	pack_str(out, tree->name, (uint32_t)tree->name_bytes);
	pack_uint(out, tree->id);
	pack_uint(out, tree->generation);
	pack_uint(out, tree->order);
	pack_str(out, tree->file, (uint32_t)strlen(tree->file));
}

static void
trees_encode(const struct manifest_tree *trees, size_t count, struct buffer *out)
{
	assert(count <= UINT32_MAX);
	pack_array(out, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		tree_encode(&trees[i], out);
}

void
manifest_encode(const struct manifest *manifest, struct buffer *out)
{
	size_t start = out->bytes;

	pack_array(out, MEMBERS);
	pack_str_literal(out, MANIFEST_MAGIC);
	pack_uint(out, FORMAT);
	pack_bin(out, manifest->identity, sizeof(manifest->identity));
	pack_uint(out, manifest->tree_id_next);
	pack_uint(out, manifest->today);
	pack_array(out, LOG_MEMBERS);
	pack_uint(out, manifest->log.first);
	pack_uint(out, manifest->log.epoch);
	pack_uint(out, manifest->log.synced);
	trees_encode(manifest->trees, manifest->count, out);
	trees_encode(manifest->staged, manifest->staged_count, out);
	pack_uint(out, manifest->ledger);
	pack_u64_type(out);
	if (!out->failed)
		pack_u64_bytes(out, checksum_of(out->data + start, out->bytes - start));
}

int
manifest_write(int directory_fd, const struct manifest *manifest)
{
	struct buffer out;
	int r = -ENOMEM;

	buffer_init(&out, SIZE_MAX);
	manifest_encode(manifest, &out);
	if (!out.failed)
		r = file_replace(directory_fd, MANIFEST_FILE, out.data, out.bytes);
	buffer_deinit(&out);
	return r;
}
