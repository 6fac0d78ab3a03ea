/*
 * dump_file.h - one tree in one file, in the original's layout (PROTOCOL-v1.md, DESIGN.md section 6)
 *
 *   object 1   {"branches_num": 9, "branches": [ {key: {"table": {day: count}, "total": n}, …} × 9 ]}
 *              byte for byte as the original writes it, so files go both ways; it does not look at what follows
 *   object 2   what we add. A file of the original's does not have it
 *
 *   8a                              map of 10, always in this order
 *   aa "karma_dump"  01             format
 *   a4 "tree"        str            name, at most TREE_NAME_BYTES_MAX bytes
 *   a7 "tree_id"     uint
 *   aa "generation"  uint           the last one that the file holds
 *   a8 "identity"    d9 20 32 hex digits    of the directory
 *   a4 "keys"        uint           of object 1
 *   a4 "days"        uint           of object 1, over all keys
 *   a5 "bytes"       cf 8 × hh      length of object 2       } always in the widest form, so the three
 *   a5 "check"       cf 8 × hh      XXH3 of object 2 so far  } values stand 37, 22 and 8 bytes before
 *   a4 "xxh3"        cf 8 × hh      XXH3 of the file so far  } the end of the file, big-endian
 *
 * So dump_file_info() needs one read of the last bytes, and `check` tells it that they are whole ("so far": the bytes
 * before the value's type byte cf for `check`, before the value itself for `xxh3`, which thus covers all but itself).
 *
 * A file of ours that lost exactly its second object is one of the original's, and nothing in it can tell. Who expects
 * one of ours (a manifest names it) looks at `ours`.
 *
 * Files are looked up in a directory handle, never by path: a name with '/', a symbolic link or anything else that is no
 * regular file is missing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "karma/engine.h"

enum { DIRECTORY_IDENTITY_BYTES = 16 };

struct dump_info {
	bool ours; /* has our second object; else tree_id, generation and identity are 0 */
	uint64_t tree_id;
	uint64_t generation;
	uint8_t identity[DIRECTORY_IDENTITY_BYTES];
	uint64_t keys; /* these two also for other files, once they were read as a whole */
	uint64_t days;
	uint64_t bytes; /* of the file */
	size_t name_bytes;
	char name[TREE_NAME_BYTES_MAX]; /* of the tree; derived from the file's name when not ours */
};

/* What is wrong with a file, for people: names the file and the offset. */
struct dump_fault {
	char text[512];
};

/* ---- writing ---- */

struct dump_writer;

/*
 * Opens a writer for a new file in the directory. Keys go to spill files without a name, one per branch, so memory is
 * bounded however large the tree is. 0 or negative errno.
 */
int dump_writer_create(int directory_fd, struct dump_writer **ret);

/* Adds one key (each once). 0 or negative errno; -ERANGE for what could not be read back: a count or total above COUNT_MAX,
 * a day above DAY_MAX. After a failure only dump_writer_destroy() is left. */
int dump_writer_key(struct dump_writer *writer, uint64_t key, uint64_t total, const struct cut_day *days,
                    size_t day_count);

/*
 * Writes the file under a temporary name (".tmp-…") and fsyncs it. *info gives name, tree_id, generation and identity;
 * keys, days and bytes are filled in.
 */
int dump_writer_finish(struct dump_writer *writer, struct dump_info *info);

/* Renames the finished file to file_name and fsyncs the directory. -EEXIST: there is such a file, it is left alone. */
int dump_writer_publish(struct dump_writer *writer, const char *file_name);

/* Frees the writer, and removes the temporary file if it was not published. NULL is fine. */
void dump_writer_destroy(struct dump_writer *writer);

/* ---- reading ---- */

/* Called for every key, in file order, days ascending and each once; a key that stands in a file twice comes twice, the
 * last one counts. A non-zero return ends the reading: with ENGINE_INVALID as a fault of that key,
 * else it is returned. */
typedef int dump_key_fn(void *context, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count);

enum dump_outcome {
	DUMP_OK = 0,
	DUMP_MISSING, /* no such file in the directory */
	DUMP_DAMAGED, /* *ret_fault says what and where */
};

/*
 * Reads and checks a whole file. Reads in pieces: no allocation from a length that was not checked against the file's
 * size. A file with our second object must match its checksum and counts; anything else behind the first object is
 * refused. Returns DUMP_OK, DUMP_MISSING, DUMP_DAMAGED or negative errno (*ret_fault is written for the last two).
 * The keys of a damaged file may have been visited: build aside and throw away.
 */
int dump_file_read(int directory_fd, const char *file_name, dump_key_fn *visit, void *context,
                   struct dump_info *ret_info, struct dump_fault *ret_fault);

/* The same for bytes in memory (tests, fuzzing); file_name is for the messages and the derived tree name. */
int dump_bytes_read(const void *data, size_t bytes, const char *file_name, dump_key_fn *visit, void *context,
                    struct dump_info *ret_info, struct dump_fault *ret_fault);

/* Only the second object, found from the end of the file, its own checksum looked at; the rest is not read, so a file that
 * passes may still be damaged. DUMP_OK with info->ours = false for a file without it. DUMP_OK, DUMP_MISSING,
 * DUMP_DAMAGED or negative errno. */
int dump_file_info(int directory_fd, const char *file_name, struct dump_info *ret_info);

/* ---- names ---- */

/* `<stamp>_<tree>.tree`, with '%', '/', NUL, controls and a leading dot of the tree percent-encoded; a form over 200
 * bytes becomes %h and 16 hex digits. ret holds DUMP_FILE_NAME_MAX + 1 bytes. */
void dump_name_encode(uint64_t stamp, const char *tree, size_t tree_bytes, char *ret);

/* Every file of the directory is first written under such a name, the manifest too. */
#define DUMP_TEMPORARY_PREFIX ".tmp-"

/* A name that only files on their way have (".tmp-…"); after a crash such a file is rubbish. */
bool dump_name_is_temporary(const char *file_name);

/* Takes `<digits>_<…>.tree` apart: false for other names. *ret_tree points into file_name (taken literally, not decoded). */
bool dump_name_split(const char *file_name, uint64_t *ret_stamp, const char **ret_tree, size_t *ret_tree_bytes);

/* The tree name `load` derives from any file name without our second object: what follows the first '_' (all of it
 * without one), less a final ".tree". */
void dump_name_tree(const char *file_name, const char **ret_tree, size_t *ret_tree_bytes);

/* ---- trees ---- */

/*
 * Cuts tree and writes it to a new dump file named by stamp. Maintenance thread. The caller says which name, identity.
 * Fills *ret_info. ret_file holds DUMP_FILE_NAME_MAX + 1 bytes. 0 or negative errno. `before_publish` (may be NULL) is
 * called when the file is on disk under its temporary name and before it gets its final one; non-zero ends it.
 */
struct dump_request {
	int directory_fd;
	const char *name;
	size_t name_bytes;
	uint64_t stamp;
	const uint8_t *identity;
	int (*before_publish)(void *context);
	void *context;
};
int dump_tree(struct engine *engine, struct tree *tree, const struct dump_request *request, struct dump_info *ret_info,
              char *ret_file);

/*
 * Loads a file into a new unpublished tree: as dump_file_read(). On DUMP_OK the tree is the caller's to publish. id: which
 * one the tree gets, its generation being 1; or one of these two.
 */
#define DUMP_ID_NEW UINT64_C(0)
#define DUMP_ID_OF_FILE \
	UINT64_MAX /* the file's, and the generation after its; of a file that is not ours: as DUMP_ID_NEW */
int dump_load(struct engine *engine, int directory_fd, const char *file_name, uint64_t id, struct tree **ret_tree,
              struct dump_info *ret_info, struct dump_fault *ret_fault);
