#include "look.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum { LOOKS_MAX = 200 };

/* The bytes of the manifest. 0 or negative errno; -ENOENT: there is none. */
static int
bytes_read(int directory_fd, struct buffer *out)
{
	enum { PIECE = 64 * 1024 };
	int fd = openat(directory_fd, MANIFEST_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t got = 1;
	int r = 0;

	buffer_truncate(out, 0);
	if (fd < 0)
		return -errno;
	while (r == 0 && got > 0) {
		if (!buffer_reserve(out, PIECE)) {
			r = -ENOMEM;
			break;
		}
		got = read(fd, out->data + out->bytes, PIECE);
		if (got < 0 && errno != EINTR)
			r = -errno;
		if (got > 0)
			out->bytes += (size_t)got;
		else if (got < 0)
			got = 1;
	}
	(void)close(fd);
	return r;
}

bool
look_holds(const struct look *look)
{
	struct buffer now;

	buffer_init(&now, SIZE_MAX);
	int r = bytes_read(look->directory_fd, &now);
	bool same = (r == 0 || r == -ENOENT) && (r == -ENOENT) == (look->outcome == MANIFEST_MISSING) &&
	            now.bytes == look->bytes.bytes &&
	            (now.bytes == 0 || memcmp(now.data, look->bytes.data, now.bytes) == 0);

	buffer_deinit(&now);
	return same;
}

/* ---- what a start would take ---- */

/* The file itself, whatever it is. */
static const struct candidate *
file_find(const struct candidates *candidates, const char *file)
{
	for (size_t i = 0; i < candidates->count; i++) {
		if (strcmp(candidates->items[i].file, file) == 0)
			return &candidates->items[i];
	}
	return NULL;
}

const struct candidate *
look_dump_of(const struct look *look, const struct manifest_tree *tree)
{
	struct candidate_range range = { 0 };

	if (tree->id != 0)
		range = candidates_of_id(&look->candidates, tree->id);
	if (range.count > 0 && range.first[0]->generation >= tree->generation)
		return range.first[0];
	return tree->generation == 0 ? file_find(&look->candidates, tree->file) : NULL;
}

static void
choose_listed(struct look *look, const struct manifest_tree *trees, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct candidate *dump = look_dump_of(look, &trees[i]);

		if (dump != NULL)
			look->chosen[dump - look->candidates.items] = true;
	}
}

static void
choose(struct look *look)
{
	const struct candidates *candidates = &look->candidates;
	struct candidate_range range;

	choose_listed(look, look->manifest.trees, look->manifest.count);
	choose_listed(look, look->manifest.staged, look->manifest.staged_count);
	if (look->outcome != MANIFEST_MISSING)
		return;
	for (size_t i = 0; i < candidates->count; i += range.count) {
		range = candidates_at(candidates, i);
		look->chosen[range.first[0] - candidates->items] = true;
	}
}

/* ---- looking ---- */

static int
look_read(struct look *look)
{
	int r = bytes_read(look->directory_fd, &look->bytes);

	if (r < 0 && r != -ENOENT)
		return r;
	look->outcome = MANIFEST_MISSING;
	if (r == 0) {
		r = manifest_decode(look->bytes.data, look->bytes.bytes, &look->manifest, &look->fault);
		if (r < 0)
			return r;
		look->outcome = (enum manifest_outcome)r;
	}
	r = candidates_read(look->directory_fd, look->manifest.identity, &look->candidates);
	if (r < 0)
		return r;
	look->chosen = mem_alloc_zeroed(look->candidates.count + 1);
	if (look->chosen == NULL)
		return -ENOMEM;
	choose(look);
	return 0;
}

static void
look_forget(struct look *look)
{
	mem_free(look->chosen);
	look->chosen = NULL;
	candidates_deinit(&look->candidates);
	if (look->outcome == MANIFEST_OK)
		manifest_deinit(&look->manifest);
	look->manifest = (struct manifest){ 0 };
	look->outcome = MANIFEST_MISSING;
}

enum status
look_begin(struct look *look, int directory_fd)
{
	*look = (struct look){ .directory_fd = directory_fd, .outcome = MANIFEST_MISSING };
	buffer_init(&look->bytes, SIZE_MAX);
	for (int i = 0; i < LOOKS_MAX; i++) {
		int r = look_read(look);

		if (r == 0 && look_holds(look))
			return STATUS_SOUND;
		look_forget(look);
		if (r < 0) {
			look_end(look);
			return failed("the directory cannot be read: %s", strerrordesc_np(-r));
		}
		look_again();
	}
	look_end(look);
	return failed("the manifest was replaced at each of %d looks", LOOKS_MAX);
}

void
look_end(struct look *look)
{
	look_forget(look);
	buffer_deinit(&look->bytes);
}
