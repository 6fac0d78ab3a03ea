/*
 * kit_directory.h - whole directories, for the kit's own files
 */
#pragma once

#include <stddef.h>

enum { KIT_FILES_MAX = 4096, KIT_NAME_BYTES = 256 };

struct kit_listing {
	size_t count;
	char names[KIT_FILES_MAX][KIT_NAME_BYTES];
};

/* What is in the directory, sorted by name. The caller frees it. */
struct kit_listing *kit_directory_list(int directory_fd);

/* Removes everything in the directory, but not the directory. */
void kit_directory_clear(int directory_fd);

/* Files and directories, as they are now; what goes meanwhile is passed over. */
void kit_directory_copy(int from_fd, int to_fd);
