#include "store/ledger_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/fault.h"
#include "store/files.h"
#include "store/ledger_frame.h"

#define NAME_BEGIN "karma-ledger-"
#define NAME_END   ".records"

enum { DIGITS = 20 };

/* ---- names ---- */

void
ledger_file_name(uint64_t number, char ret[LEDGER_FILE_NAME_MAX])
{
	(void)snprintf(ret, LEDGER_FILE_NAME_MAX, NAME_BEGIN "%020" PRIu64 NAME_END, number);
}

bool
ledger_file_number(const char *name, uint64_t *ret_number)
{
	char again[LEDGER_FILE_NAME_MAX];
	const char *digits = name + sizeof(NAME_BEGIN) - 1;

	if (strncmp(name, NAME_BEGIN, sizeof(NAME_BEGIN) - 1) != 0 || strspn(digits, "0123456789") != DIGITS)
		return false;
	*ret_number = strtoull(digits, NULL, 10);
	ledger_file_name(*ret_number, again);
	return strcmp(name, again) == 0; /* no number above 2^64 */
}

static int
forget(void *context, int directory_fd, const struct dirent *entry)
{
	uint64_t *counts = context; /* the number that stays, how many went */
	uint64_t number;

	if (ledger_file_number(entry->d_name, &number) && number != counts[0] &&
	    directory_is_file(directory_fd, entry) && unlinkat(directory_fd, entry->d_name, 0) == 0)
		counts[1]++;
	return 0;
}

size_t
ledger_files_forget(int directory_fd, uint64_t number)
{
	uint64_t counts[2] = { number, 0 };

	(void)directory_each(directory_fd, forget, counts);
	return counts[1];
}

/* ---- the file ---- */

int
ledger_file_write(int directory_fd, uint64_t number, const uint8_t identity[DIRECTORY_IDENTITY_BYTES],
                  const struct store_ledger *ledger, uint64_t *ret_records)
{
	enum { NO_RECORDS = 1 };
	char file[LEDGER_FILE_NAME_MAX];

	ledger_file_name(number, file);
	int fd = file_replace_begin(directory_fd, file);

	if (fd < 0)
		return fd;
	int r = ledger_frames_write(fd, identity, ledger, ret_records);

	if (r == 0 && *ret_records == 0)
		r = NO_RECORDS;
	r = file_replace_end(directory_fd, fd, file, r);
	return r == NO_RECORDS ? 0 : r;
}

static void
fault_set(struct store_fault *fault, const char *file, int r, const struct ledger_damage *damage)
{
	if (damage->problem != NULL)
		store_fault_set(fault, "%s is damaged at offset %" PRIu64 ": %s", file, damage->offset,
		                damage->problem);
	else if (r == -ENOENT)
		store_fault_set(fault, "%s is missing", file);
	else
		store_fault_set(fault, "%s could not be read: %s", file, store_error_text(r));
}

int
ledger_file_read(int directory_fd, uint64_t number, const uint8_t identity[DIRECTORY_IDENTITY_BYTES],
                 store_ledger_fn *visit, void *context, uint64_t *ret_records, struct store_fault *ret_fault)
{
	struct ledger_damage damage = { 0, NULL };
	char file[LEDGER_FILE_NAME_MAX];

	*ret_records = 0;
	ledger_file_name(number, file);
	/* Not blocking: what stands there may be a pipe. */
	int fd = openat(directory_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int r = fd < 0 ? -errno : ledger_frames_read(fd, identity, visit, context, ret_records, &damage);

	if (fd >= 0)
		(void)close(fd);
	if (r < 0)
		fault_set(ret_fault, file, r, &damage);
	return r;
}
