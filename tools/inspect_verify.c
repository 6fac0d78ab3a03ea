/*
 * inspect_verify.c - reads everything and says what is damaged
 *
 * The manifest, that every tree of it has a dump, the ledger's file, the log as a start would read it, and every dump file to its end, whether
 * a start needs it or not. What the log holds behind its end is not judged: there stands what was being written when the
 * power went, or what an earlier use of the file left.
 */
#include "log_read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/codec.h"
#include "store/ledger_file.h"
#include "store/set_aside.h"

enum { LONE_LOOKS = 50 };

struct verify {
	struct look look;
	struct buffer out;
	enum status status;
	uint64_t sound;
	uint64_t damaged;
};

static void
verify_sound(struct verify *verify, const char *file)
{
	verify->sound++;
	buffer_append_literal(&verify->out, "sound    ");
	print_file(&verify->out, file);
	buffer_append_byte(&verify->out, '\n');
	(void)output_passed(&verify->out);
}

/* text names the file. */
static void
verify_damaged(struct verify *verify, const char *text)
{
	verify->damaged++;
	verify->status = status_worse(verify->status, STATUS_DAMAGE);
	buffer_append_literal(&verify->out, "DAMAGED  ");
	print_file(&verify->out, text);
	buffer_append_byte(&verify->out, '\n');
	(void)output_passed(&verify->out);
}

/* ---- the log ---- */

static void
verify_log(struct verify *verify)
{
	struct log_read log;
	enum status status = log_read(&verify->look, NULL, NULL, &log);

	if (status == STATUS_DAMAGE)
		verify_damaged(verify, log.fault.text);
	else if (status == STATUS_SOUND && log.recovered.segments > 0) {
		print(&verify->out,
		      "sound    log: segments %" PRIu64 ", blocks %" PRIu64 ", bytes %" PRIu64 ", epoch %" PRIu64,
		      log.recovered.segments, log.recovered.blocks, log.recovered.bytes, log.recovered.last.epoch);
		if (log.recovered.cut_bytes > 0)
			print(&verify->out, ", a start would cut %" PRIu64 " bytes off %s at %" PRIu64,
			      log.recovered.cut_bytes, log.recovered.cut_file, log.recovered.cut_offset);
		buffer_append_byte(&verify->out, '\n');
		verify->sound += log.recovered.segments;
	}
	verify->status = status_worse(verify->status, status);
}

/* ---- the manifest ---- */

/* A log is of no use without the manifest, and a start refuses it. One that has just begun comes before its manifest. */
static void
verify_lone_log(struct verify *verify)
{
	char file[SET_ASIDE_FILE_MAX];
	char text[SET_ASIDE_FILE_MAX + 64];
	int r = 1;

	for (int i = 0; r > 0 && i < LONE_LOOKS; i++) {
		r = log_file_find(verify->look.directory_fd, file);
		if (r > 0 && !look_holds(&verify->look))
			return;
		if (r > 0)
			look_again();
	}
	if (r < 0)
		verify->status = failed("the directory cannot be read: %s", strerrordesc_np(-r));
	(void)snprintf(text, sizeof(text), "%s: a log, but no " MANIFEST_FILE, file);
	if (r > 0)
		verify_damaged(verify, text);
}

/* The look is of one moment, so what is missing in it is missing. */
static void
verify_manifest(struct verify *verify)
{
	const struct look *look = &verify->look;
	char text[2048];

	if (look->outcome == MANIFEST_DAMAGED)
		verify_damaged(verify, look->fault.text);
	if (look->outcome == MANIFEST_MISSING)
		verify_lone_log(verify);
	if (look->outcome != MANIFEST_OK)
		return;
	uint64_t damaged = verify->damaged;

	for (size_t i = 0; i < look->manifest.count; i++) {
		const struct manifest_tree *tree = &look->manifest.trees[i];

		if (look_dump_of(look, tree) != NULL)
			continue;
		(void)snprintf(text, sizeof(text),
		               MANIFEST_FILE ": the dump %s of the tree \"%.*s\" is not there, or damaged", tree->file,
		               (int)tree->name_bytes, tree->name);
		verify_damaged(verify, text);
	}
	if (verify->damaged == damaged)
		verify_sound(verify, MANIFEST_FILE);
}

/* ---- the ledger ---- */

static int
look_at_body(void *context, const uint8_t *bytes, size_t count)
{
	struct ledger_body body;

	(void)context;
	return ledger_body_decode(bytes, count, &body) ? 0 : -EBADMSG;
}

/* A server removes it when its next manifest names another. */
static void
verify_ledger(struct verify *verify)
{
	const struct look *look = &verify->look;
	struct store_fault fault;
	uint64_t records;
	char file[LEDGER_FILE_NAME_MAX];

	if (look->outcome != MANIFEST_OK || look->manifest.ledger == 0)
		return;
	ledger_file_name(look->manifest.ledger, file);
	if (ledger_file_read(look->directory_fd, look->manifest.ledger, look->manifest.identity, look_at_body, NULL,
	                     &records, &fault) == 0)
		verify_sound(verify, file);
	else if (look_holds(look))
		verify_damaged(verify, fault.text);
}

/* ---- dumps ---- */

static int
visit_nothing(void *context, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	(void)context, (void)key, (void)total, (void)days, (void)day_count;
	return 0;
}

/* Ours are never changed, but the original writes its files in place. */
static bool
stat_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void
verify_dump(struct verify *verify, const char *file)
{
	const int directory_fd = verify->look.directory_fd;
	struct stat before = { 0 };
	struct stat now;
	struct dump_fault fault;
	struct dump_info info;

	for (;;) {
		int r = dump_file_read(directory_fd, file, visit_nothing, NULL, &info, &fault);

		if (r == DUMP_MISSING)
			return; /* gone since it was listed */
		if (r == DUMP_OK) {
			verify_sound(verify, file);
			return;
		}
		if (fstatat(directory_fd, file, &now, AT_SYMLINK_NOFOLLOW) == 0 && stat_same(&before, &now)) {
			if (r == DUMP_DAMAGED)
				verify_damaged(verify, fault.text);
			else
				verify->status = failed("%s", fault.text);
			return;
		}
		before = now;
		look_again();
	}
}

enum status
inspect_verify(const struct inspect *inspect)
{
	struct verify verify = { 0 };
	int directory_fd = directory_open(inspect->path);

	if (directory_fd < 0)
		return STATUS_FAILED;
	buffer_init(&verify.out, SIZE_MAX);
	verify.status = look_begin(&verify.look, directory_fd);
	if (verify.status == STATUS_SOUND) {
		verify_log(&verify);
		verify_manifest(&verify);
		verify_ledger(&verify);
		for (size_t i = 0; i < verify.look.candidates.count; i++)
			verify_dump(&verify, verify.look.candidates.by_name[i]->file);
		print(&verify.out, "%" PRIu64 " sound, %" PRIu64 " damaged\n", verify.sound, verify.damaged);
		look_end(&verify.look);
	}
	verify.status = output_end(&verify.out, verify.status);
	buffer_deinit(&verify.out);
	(void)close(directory_fd);
	return verify.status;
}
