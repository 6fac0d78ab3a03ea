#include "store/manifest.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "snapshot/pack.h"
#include "snapshot/source.h"
#include "store/files.h"

#define MAGIC "karma.manifest"

enum { FORMAT = 1, MEMBERS = 6, TREE_MEMBERS = 4 };

/* ---- writing ---- */

static void
tree_encode(const struct manifest_tree *tree, struct buffer *out)
{
	assert(tree->name_bytes <= TREE_NAME_BYTES_MAX);
	pack_array(out, TREE_MEMBERS);
	pack_str(out, tree->name, (uint32_t)tree->name_bytes);
	pack_uint(out, tree->id);
	pack_uint(out, tree->generation);
	pack_str(out, tree->file, (uint32_t)strlen(tree->file));
}

void
manifest_encode(const struct manifest *manifest, struct buffer *out)
{
	size_t start = out->bytes;

	assert(manifest->count <= UINT32_MAX);
	pack_array(out, MEMBERS);
	pack_str_literal(out, MAGIC);
	pack_uint(out, FORMAT);
	pack_bin(out, manifest->identity, sizeof(manifest->identity));
	pack_uint(out, manifest->tree_id_next);
	pack_uint(out, manifest->today);
	pack_array(out, (uint32_t)manifest->count);
	for (size_t i = 0; i < manifest->count; i++)
		tree_encode(&manifest->trees[i], out);
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

/* ---- reading: every value is checked, since a flipped bit must not become a tree ---- */

static int
read_str(struct source *source, const char *what, char *ret, size_t capacity, size_t *ret_bytes)
{
	int r = source_str(source, what, ret, capacity, ret_bytes);

	if (r == 0 && *ret_bytes > capacity)
		return source_fault(source, source->token_offset, "%s of %zu bytes is too long", what, *ret_bytes);
	if (r == 0 && !utf8_valid(ret, *ret_bytes))
		return source_fault(source, source->token_offset, "%s is not UTF-8", what);
	return r;
}

static int
read_array(struct source *source, const char *what, uint32_t entries)
{
	uint32_t found;
	int r = source_array(source, what, &found);

	if (r == 0 && found != entries)
		return source_fault(source, source->token_offset, "%s has %" PRIu32 " members, not %" PRIu32, what,
		                    found, entries);
	return r;
}

static int
read_magic(struct source *source)
{
	char magic[sizeof(MAGIC) - 1];
	size_t bytes;
	uint64_t format;
	int r = read_array(source, "the manifest", MEMBERS);

	if (r == 0)
		r = read_str(source, "the magic", magic, sizeof(magic), &bytes);
	if (r == 0 && (bytes != sizeof(magic) || memcmp(magic, MAGIC, bytes) != 0))
		return source_fault(source, source->token_offset, "this is no manifest");
	if (r == 0)
		r = source_uint(source, "the format", UINT64_MAX, &format);
	if (r == 0 && format != FORMAT)
		return source_fault(source, source->token_offset, "format %" PRIu64 " is unknown to this program",
		                    format);
	return r;
}

static int
read_head(struct source *source, struct manifest *manifest)
{
	size_t bytes;
	uint64_t today = 0;
	int r = read_magic(source);

	if (r == 0)
		r = source_bin(source, "the identity", manifest->identity, sizeof(manifest->identity), &bytes);
	if (r == 0 && bytes != sizeof(manifest->identity))
		return source_fault(source, source->token_offset, "an identity of %zu bytes", bytes);
	if (r == 0)
		r = source_uint(source, "the next tree id", UINT64_MAX, &manifest->tree_id_next);
	if (r == 0)
		r = source_uint(source, "the highest day", DAY_MAX, &today);
	manifest->today = (uint32_t)today;
	return r;
}

static int
read_file(struct source *source, char *ret, size_t capacity)
{
	uint64_t stamp;
	const char *part;
	size_t bytes;
	int r = read_str(source, "a file name", ret, capacity - 1, &bytes);

	if (r != 0)
		return r;
	ret[bytes] = '\0';
	if (strlen(ret) != bytes || strchr(ret, '/') != NULL || !dump_name_split(ret, &stamp, &part, &bytes))
		return source_fault(source, source->token_offset, "a file name that no dump has");
	return 0;
}

static int
read_tree(struct source *source, struct manifest *manifest)
{
	struct manifest_tree *tree = &manifest->trees[manifest->count];
	char name[TREE_NAME_BYTES_MAX];
	char file[DUMP_FILE_NAME_MAX + 1];
	int r = read_array(source, "a tree", TREE_MEMBERS);

	if (r == 0)
		r = read_str(source, "a tree's name", name, sizeof(name), &tree->name_bytes);
	if (r == 0)
		r = source_uint(source, "a tree's id", manifest->tree_id_next - 1, &tree->id);
	if (r == 0)
		r = source_uint(source, "a tree's generation", tree->id == 0 ? 0 : UINT64_MAX - 1, &tree->generation);
	if (r == 0)
		r = read_file(source, file, sizeof(file));
	if (r != 0)
		return r;
	size_t file_bytes = strlen(file) + 1;
	char *texts = mem_alloc(tree->name_bytes + file_bytes);

	if (texts == NULL)
		return source_error(source, ENOMEM, "reading");
	memcpy(texts, file, file_bytes); /* first, so that freeing it frees both */
	memcpy(texts + file_bytes, name, tree->name_bytes);
	tree->file = texts;
	tree->name = texts + file_bytes;
	manifest->count++;
	return 0;
}

static int
read_trees(struct source *source, struct manifest *manifest)
{
	size_t capacity = 0;
	uint32_t entries = 0;
	int r = source_array(source, "the list of trees", &entries);

	if (r == 0 && entries > 0 && manifest->tree_id_next == 0)
		return source_fault(source, source->token_offset, "trees, but no id was ever given");
	for (uint32_t i = 0; r == 0 && i < entries; i++) {
		if (manifest->count == capacity) {
			capacity = capacity > 0 ? 2 * capacity : 16;
			struct manifest_tree *trees = mem_realloc(manifest->trees, capacity * sizeof(*trees));

			if (trees == NULL)
				return source_error(source, ENOMEM, "reading");
			manifest->trees = trees;
		}
		r = read_tree(source, manifest);
	}
	return r;
}

static int
read_checksum(struct source *source)
{
	uint8_t bytes[1 + SOURCE_CHECKSUM_BYTES];
	uint64_t offset = source_offset(source);

	if (source_rest(source) != sizeof(bytes))
		return source_fault(source, offset, "%" PRIu64 " bytes follow the list of trees, not %zu",
		                    source_rest(source), sizeof(bytes));
	int r = source_copy(source, bytes, sizeof(bytes));

	if (r == 0 && (bytes[0] != PACK_TYPE_U64 || pack_get_u64(bytes + 1) != source_checksum(source)))
		return source_fault(source, offset, "the checksum does not match what stands before it");
	return r;
}

static int
name_compare(const void *a, const void *b)
{
	const struct manifest_tree *first = a;
	const struct manifest_tree *second = b;
	size_t common = first->name_bytes < second->name_bytes ? first->name_bytes : second->name_bytes;
	int order = memcmp(first->name, second->name, common);

	return order != 0 ? order : (first->name_bytes > second->name_bytes) - (first->name_bytes < second->name_bytes);
}

static int
check_names(struct source *source, const struct manifest *manifest)
{
	size_t bytes = manifest->count * sizeof(*manifest->trees);

	if (manifest->count == 0)
		return 0;
	struct manifest_tree *sorted = mem_alloc(bytes);

	if (sorted == NULL)
		return source_error(source, ENOMEM, "reading");
	memcpy(sorted, manifest->trees, bytes);
	qsort(sorted, manifest->count, sizeof(*sorted), name_compare);
	int r = 0;

	for (size_t i = 1; i < manifest->count && r == 0; i++) {
		if (name_compare(&sorted[i - 1], &sorted[i]) == 0)
			r = source_fault(source, source_offset(source), "one tree is listed twice");
	}
	mem_free(sorted);
	return r;
}

static int
manifest_run(struct source *source, struct manifest *ret_manifest)
{
	struct manifest manifest = { 0 };
	int r = read_head(source, &manifest);

	if (r == 0)
		r = read_trees(source, &manifest);
	if (r == 0)
		r = read_checksum(source);
	if (r == 0)
		r = check_names(source, &manifest);
	source_deinit(source);
	if (r != 0) {
		manifest_deinit(&manifest);
		return r < 0 ? r : MANIFEST_DAMAGED;
	}
	*ret_manifest = manifest;
	return MANIFEST_OK;
}

int
manifest_decode(const void *data, size_t bytes, struct manifest *ret_manifest, struct dump_fault *ret_fault)
{
	struct source source;
	int r = source_init_memory(&source, data, bytes, 0, MANIFEST_FILE, ret_fault);

	return r < 0 ? r : manifest_run(&source, ret_manifest);
}

int
manifest_read(int directory_fd, struct manifest *ret_manifest, struct dump_fault *ret_fault)
{
	struct source source = { .file_name = MANIFEST_FILE, .fault = ret_fault };
	struct stat status;
	int r;
	/* Not blocking: what stands there may be a pipe. */
	int fd = openat(directory_fd, MANIFEST_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT ? MANIFEST_MISSING : source_error(&source, errno, "opening");
	if (fstat(fd, &status) != 0) {
		r = source_error(&source, errno, "opening");
	} else if (!S_ISREG(status.st_mode)) {
		(void)source_fault(&source, 0, "not a regular file");
		r = MANIFEST_DAMAGED;
	} else {
		r = source_init_fd(&source, fd, (uint64_t)status.st_size, MANIFEST_FILE, ret_fault);
		if (r == 0)
			r = manifest_run(&source, ret_manifest);
	}
	(void)close(fd);
	return r;
}

void
manifest_deinit(struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->count; i++)
		mem_free((void *)(uintptr_t)manifest->trees[i].file);
	mem_free(manifest->trees);
	*manifest = (struct manifest){ 0 };
}
