#include "config/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* On a machine with more CPUs than cpu_set_t can hold the mask stays empty, and so the list of allowed CPUs. */
static cpu_set_t
cpus_allowed(void)
{
	cpu_set_t allowed;

	CPU_ZERO(&allowed);
	(void)sched_getaffinity(0, sizeof(allowed), &allowed);
	return allowed;
}

/* A number at *at, which moves behind it; -1 when there is none below CPU_SETSIZE. */
static int
cpu_read(const char **at)
{
	int cpu = 0;
	const char *first = *at;

	while (**at >= '0' && **at <= '9' && cpu < CPU_SETSIZE)
		cpu = cpu * 10 + *(*at)++ - '0';
	return *at > first && cpu < CPU_SETSIZE ? cpu : -1;
}

bool
cpus_parse(const char *text, int list[static WORKERS_MAX], size_t *ret_count)
{
	cpu_set_t left = cpus_allowed();
	size_t count = 0;

	for (;; text++) {
		int first = cpu_read(&text);
		int last = first;

		if (*text == '-') {
			text++;
			last = cpu_read(&text);
		}
		if (first < 0 || last < first)
			return false;
		for (int cpu = first; cpu <= last; cpu++) {
			if (!CPU_ISSET((size_t)cpu, &left) || count == WORKERS_MAX)
				return false;
			CPU_CLR((size_t)cpu, &left);
			list[count++] = cpu;
		}
		if (*text != ',')
			break;
	}
	*ret_count = count;
	return *text == '\0';
}

void
cpus_describe_allowed(char *text, size_t bytes)
{
	cpu_set_t allowed = cpus_allowed();
	size_t used = 0;

	text[0] = '\0';
	for (size_t first = 0; first < CPU_SETSIZE; first++) {
		size_t last = first;

		if (!CPU_ISSET(first, &allowed))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &allowed))
			last++;
		int length = snprintf(text + used, bytes - used, last > first ? "%s%zu-%zu" : "%s%zu",
		                      used > 0 ? "," : "", first, last);

		if (length < 0 || (size_t)length >= bytes - used)
			return;
		used += (size_t)length;
		first = last;
	}
}

/* The quota of one group: its cpu.max says "max 100000" or "150000 100000" (µs of time in each period). */
static uint64_t
group_quota(const char *root, const char *path)
{
	char name[PATH_MAX];
	char text[64] = "";
	char *end;
	int length = snprintf(name, sizeof(name), "%s%s/cpu.max", root, path);

	if (length < 0 || (size_t)length >= sizeof(name))
		return 0;
	FILE *file = fopen(name, "re");

	if (file == NULL)
		return 0;
	(void)fgets(text, sizeof(text), file);
	(void)fclose(file);
	uint64_t quota = strtoull(text, &end, 10);
	uint64_t period = strtoull(end, NULL, 10);

	return end == text || period == 0 ? 0 : quota / period + (quota % period > 0);
}

uint64_t
cpus_of_quota(const char *root, const char *path)
{
	char group[PATH_MAX];
	uint64_t least = 0;
	size_t length = strlen(path);

	if (length >= sizeof(group))
		return 0;
	memcpy(group, path, length + 1);
	for (;;) {
		uint64_t quota = group_quota(root, group);

		if (quota > 0 && (least == 0 || quota < least))
			least = quota;
		char *slash = strrchr(group, '/');

		if (slash == NULL)
			return least;
		*slash = '\0'; /* on to the group above; the last is the root's own, "" */
	}
}

/* The group that /proc names on the line of the one hierarchy of cgroup v2, "0::/a/b". */
static uint64_t
own_quota(void)
{
	char line[PATH_MAX];
	uint64_t quota = 0;
	FILE *file = fopen("/proc/self/cgroup", "re");

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) == 0)
			quota = cpus_of_quota("/sys/fs/cgroup", line + 3);
	}
	(void)fclose(file);
	return quota;
}

uint32_t
cpus_usable(void)
{
	cpu_set_t allowed = cpus_allowed();
	uint64_t count = (uint64_t)CPU_COUNT(&allowed);
	uint64_t quota = own_quota();

	if (quota > 0 && quota < count)
		count = quota;
	return count < 1 ? 1 : count > WORKERS_MAX ? WORKERS_MAX : (uint32_t)count;
}
