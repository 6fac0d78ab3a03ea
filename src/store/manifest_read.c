/*
 * manifest_read.c - reading a manifest: every value is checked, since a flipped bit must not become a tree
 */
#include "store/manifest_check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "snapshot/pack.h"
#include "snapshot/source.h"

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

/* The formats, and how many members their arrays have. */
struct shape {
	uint64_t format;
	uint32_t members;
	uint32_t tree_members;
};
static const struct shape shapes[] = { { 1, 6, 4 }, { 2, 8, 5 }, { 3, 9, 5 } };

static int
read_magic(struct source *source, const struct shape **ret_shape)
{
	char magic[sizeof(MANIFEST_MAGIC) - 1];
	size_t bytes;
	uint64_t format;
	uint32_t members;
	int r = source_array(source, "the manifest", &members);

	if (r == 0)
		r = read_str(source, "the magic", magic, sizeof(magic), &bytes);
	if (r == 0 && (bytes != sizeof(magic) || memcmp(magic, MANIFEST_MAGIC, bytes) != 0))
		return source_fault(source, source->token_offset, "this is no manifest");
	if (r == 0)
		r = source_uint(source, "the format", UINT64_MAX, &format);
	if (r != 0)
		return r;
	if (format == 0 || format > sizeof(shapes) / sizeof(shapes[0]))
		return source_fault(source, source->token_offset, "format %" PRIu64 " is unknown to this program",
		                    format);
	*ret_shape = &shapes[format - 1];
	if (members != (*ret_shape)->members)
		return source_fault(source, 0, "the manifest has %" PRIu32 " members, not %" PRIu32, members,
		                    (*ret_shape)->members);
	return 0;
}

static int
read_head(struct source *source, const struct shape **ret_shape, struct manifest *manifest)
{
	size_t bytes;
	uint64_t today = 0;
	int r = read_magic(source, ret_shape);

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
read_log(struct source *source, struct manifest_log *log)
{
	enum { LOG_MEMBERS = 3 };
	int r = read_array(source, "the log", LOG_MEMBERS);

	if (r == 0)
		r = source_uint(source, "the log's first segment", UINT64_MAX - 1, &log->first);
	if (r == 0)
		r = source_uint(source, "the log's epoch", UINT64_MAX - 1, &log->epoch);
	if (r == 0)
		r = source_uint(source, "the log's synced epoch", UINT64_MAX - 1, &log->synced);
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

/* Numbers of a tree. */
static int
read_place(struct source *source, const struct shape *shape, const struct manifest *manifest,
           struct manifest_tree *tree)
{
	int r = source_uint(source, "a tree's id", manifest->tree_id_next - 1, &tree->id);

	if (r == 0 && tree->id == 0 && shape->format > 1)
		return source_fault(source, source->token_offset, "a tree without an id");
	if (r == 0)
		r = source_uint(source, "a tree's generation", tree->id == 0 ? 0 : UINT64_MAX - 1, &tree->generation);
	if (r == 0 && shape->format > 1)
		r = source_uint(source, "a tree's order", UINT64_MAX - 1, &tree->order);
	return r;
}

static int
read_tree(struct source *source, const struct shape *shape, const struct manifest *manifest, struct manifest_tree *tree)
{
	char name[TREE_NAME_BYTES_MAX];
	char file[DUMP_FILE_NAME_MAX + 1];
	int r = read_array(source, "a tree", shape->tree_members);

	if (r == 0)
		r = read_str(source, "a tree's name", name, sizeof(name), &tree->name_bytes);
	if (r == 0)
		r = read_place(source, shape, manifest, tree);
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
	return 0;
}

static int
read_trees(struct source *source, const struct shape *shape, const struct manifest *manifest,
           struct manifest_tree **trees, size_t *count)
{
	size_t capacity = 0;
	uint32_t entries = 0;
	int r = source_array(source, "the list of trees", &entries);

	if (r == 0 && entries > 0 && manifest->tree_id_next == 0)
		return source_fault(source, source->token_offset, "trees, but no id was ever given");
	for (uint32_t i = 0; r == 0 && i < entries; i++) {
		if (*count == capacity) {
			capacity = capacity > 0 ? 2 * capacity : 16;
			struct manifest_tree *grown = mem_realloc(*trees, capacity * sizeof(*grown));

			if (grown == NULL)
				return source_error(source, ENOMEM, "reading");
			*trees = grown;
		}
		(*trees)[*count] = (struct manifest_tree){ .order = i };
		r = read_tree(source, shape, manifest, &(*trees)[*count]);
		if (r == 0)
			++*count;
	}
	return r;
}

static int
read_body(struct source *source, const struct shape *shape, struct manifest *manifest)
{
	int r = shape->format > 1 ? read_log(source, &manifest->log) : 0;

	if (r == 0)
		r = read_trees(source, shape, manifest, &manifest->trees, &manifest->count);
	if (r == 0 && shape->format > 1)
		r = read_trees(source, shape, manifest, &manifest->staged, &manifest->staged_count);
	if (r == 0 && shape->format > 2)
		r = source_uint(source, "the number of the ledger's file", UINT64_MAX - 1, &manifest->ledger);
	return r;
}

static int
read_checksum(struct source *source)
{
	uint8_t bytes[1 + SOURCE_CHECKSUM_BYTES];
	uint64_t offset = source_offset(source);

	if (source_rest(source) != sizeof(bytes))
		return source_fault(source, offset, "%" PRIu64 " bytes follow the lists of trees, not %zu",
		                    source_rest(source), sizeof(bytes));
	int r = source_copy(source, bytes, sizeof(bytes));

	if (r == 0 && (bytes[0] != PACK_TYPE_U64 || pack_get_u64(bytes + 1) != source_checksum(source)))
		return source_fault(source, offset, "the checksum does not match what stands before it");
	return r;
}

static int
manifest_run(struct source *source, struct manifest *ret_manifest)
{
	struct manifest manifest = { 0 };
	const struct shape *shape = &shapes[0];
	int r = read_head(source, &shape, &manifest);

	if (r == 0)
		r = read_body(source, shape, &manifest);
	if (r == 0)
		r = read_checksum(source);
	if (r == 0)
		r = manifest_check(source, &manifest);
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

static void
list_free(struct manifest_tree *trees, size_t count)
{
	for (size_t i = 0; i < count; i++)
		mem_free((void *)(uintptr_t)trees[i].file);
	mem_free(trees);
}

void
manifest_deinit(struct manifest *manifest)
{
	list_free(manifest->trees, manifest->count);
	list_free(manifest->staged, manifest->staged_count);
	*manifest = (struct manifest){ 0 };
}
