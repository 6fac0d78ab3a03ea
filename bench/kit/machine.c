#include "kit/machine.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "kit/must.h"

/* Of the process as it began: threads inherit what their maker was pinned to. */
static cpu_set_t allowed;
static pthread_once_t looked = PTHREAD_ONCE_INIT;

static void
look(void)
{
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || CPU_COUNT(&allowed) == 0)
		must(1, "sched_getaffinity");
}

unsigned
machine_cpus(void)
{
	(void)pthread_once(&looked, look);
	return (unsigned)CPU_COUNT(&allowed);
}

int
machine_pin_to(unsigned cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	return -pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

void
machine_pin(unsigned index)
{
	index %= machine_cpus();
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET((size_t)cpu, &allowed) || index-- > 0)
			continue;
		(void)machine_pin_to(cpu);
		return;
	}
}

/* A line of /proc/self/status, in kB there. */
static uint64_t
status_bytes(const char *name)
{
	char line[256];
	unsigned long kilobytes = 0;
	FILE *file = fopen("/proc/self/status", "r");

	must(file == NULL, "/proc/self/status");
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, name, strlen(name)) == 0)
			kilobytes = strtoul(line + strlen(name), NULL, 10);
	}
	(void)fclose(file);
	return (uint64_t)kilobytes << 10;
}

uint64_t
machine_resident_bytes(void)
{
	return status_bytes("VmRSS:");
}

uint64_t
machine_resident_bytes_most(void)
{
	return status_bytes("VmHWM:");
}
