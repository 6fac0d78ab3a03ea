/* Single files of a kit's directory: found, read, written and damaged behind the store's back. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/kit.h"
#include "store/kit_directory.h"

bool
kit_file_exists(const struct kit *kit, const char *file)
{
	return faccessat(kit->directory_fd, file, F_OK, 0) == 0;
}

static size_t
find_files(const struct kit *kit, const char *contained, size_t index, char *ret)
{
	struct kit_listing *listing = kit_directory_list(kit->directory_fd);
	size_t count = 0;

	for (size_t i = 0; i < listing->count; i++) {
		if (strstr(listing->names[i], contained) == NULL)
			continue;
		if (ret != NULL && count == index)
			(void)snprintf(ret, KIT_NAME_BYTES, "%s", listing->names[i]);
		count++;
	}
	free(listing);
	return count;
}

size_t
kit_file_count(const struct kit *kit, const char *contained)
{
	return find_files(kit, contained, 0, NULL);
}

void
kit_file_find(const struct kit *kit, const char *contained, size_t index, char *ret)
{
	assert_true(find_files(kit, contained, index, ret) > index);
}

size_t
kit_file_read(const struct kit *kit, const char *file, void *ret, size_t capacity)
{
	int fd = openat(kit->directory_fd, file, O_RDONLY);

	assert_true(fd >= 0);
	ssize_t bytes = read(fd, ret, capacity);

	assert_true(bytes >= 0);
	(void)close(fd);
	return (size_t)bytes;
}

void
kit_file_write(const struct kit *kit, const char *file, const void *data, size_t bytes)
{
	int fd = openat(kit->directory_fd, file, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, bytes), bytes);
	assert_int_equal(close(fd), 0);
}

void
kit_file_flip(const struct kit *kit, const char *file, size_t offset_from_end)
{
	char data[65536];
	size_t bytes = kit_file_read(kit, file, data, sizeof(data));

	assert_true(bytes >= offset_from_end && bytes < sizeof(data));
	data[bytes - offset_from_end] ^= 0x10;
	kit_file_write(kit, file, data, bytes);
}

void
kit_file_rename(const struct kit *kit, const char *from, const char *to)
{
	assert_int_equal(renameat(kit->directory_fd, from, kit->directory_fd, to), 0);
}

void
kit_file_foreign(const struct kit *kit, const char *file, uint8_t key, uint8_t count)
{
	const uint8_t head[] = { 0x82, 0xac, 'b',  'r', 'a', 'n', 'c', 'h', 'e', 's', '_', 'n',  'u',
		                 'm',  0x01, 0xa8, 'b', 'r', 'a', 'n', 'c', 'h', 'e', 's', 0x91, 0x81 };
	const uint8_t counter[] = { 0x82, 0xa5, 't', 'a', 'b', 'l', 'e', 0x81, 0xce, 0x01, 0x34, 0xb2, 0x2d };
	const uint8_t total[] = { 0xa5, 't', 'o', 't', 'a', 'l' };
	uint8_t data[64];
	size_t used = 0;

	assert_true(key < 0x80 && count < 0x80);
	memcpy(data, head, sizeof(head));
	used += sizeof(head);
	data[used++] = key;
	memcpy(data + used, counter, sizeof(counter));
	used += sizeof(counter);
	data[used++] = count;
	memcpy(data + used, total, sizeof(total));
	used += sizeof(total);
	data[used++] = count;
	kit_file_write(kit, file, data, used);
}
