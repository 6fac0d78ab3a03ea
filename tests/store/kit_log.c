#include <stdio.h>

#include "store/kit.h"
#include "wal/recover.h"

void
kit_crash_open(struct kit *kit)
{
	kit_crash(kit);
	if (kit_open(kit) < 0)
		fail_msg("%s", kit->fault.text);
}

void
kit_last_segment(struct kit *kit, char name[256], struct wal_position *ret_end)
{
	struct wal_device device = wal_device_directory(&kit->directory_fd);
	size_t count = kit_file_count(kit, "karma-0");
	uint64_t highest = 0;

	for (size_t i = 0; i < count; i++) {
		struct wal_segment_header header;
		struct wal_position end;
		char file[256];

		kit_file_find(kit, "karma-0", i, file);
		int handle = device.open(device.context, file, false);

		assert_true(handle >= 0);
		if (wal_segment_read(&device, handle, &header, NULL, NULL, &end) == 0 && header.sequence > highest) {
			highest = header.sequence;
			*ret_end = end;
			(void)snprintf(name, 256, "%s", file);
		}
		device.close(device.context, handle);
	}
	assert_true(highest > 0);
}
