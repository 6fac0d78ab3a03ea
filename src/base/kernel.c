#include "base/kernel.h"

#include <stdlib.h>

enum { MAJOR_NEEDED = 6, MINOR_NEEDED = 1 };

bool
kernel_is_supported(const char *release)
{
	char *end;
	long major = strtol(release, &end, 10);

	if (end == release || *end != '.')
		return false;
	return major > MAJOR_NEEDED || (major == MAJOR_NEEDED && strtol(end + 1, NULL, 10) >= MINOR_NEEDED);
}
