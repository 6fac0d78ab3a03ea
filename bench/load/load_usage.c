#include "load/load_usage.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000, PATH_BYTES_MAX = 320 };

static int
read_cpu(pid_t pid, struct load_usage *ret)
{
	clockid_t clock;
	struct timespec spent;
	const int r = clock_getcpuclockid(pid, &clock);

	if (r != 0)
		return -r;
	if (clock_gettime(clock, &spent) < 0)
		return -errno;
	ret->cpu_ns = (uint64_t)spent.tv_sec * NS_PER_S + (uint64_t)spent.tv_nsec;
	return 0;
}

static int
read_user_and_system(pid_t pid, struct load_usage *ret)
{
	char path[PATH_BYTES_MAX], text[1024];
	unsigned long user, system;
	int r = -EPROTO;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return -errno;
	const size_t bytes = fread(text, 1, sizeof(text) - 1, file);

	text[bytes] = '\0';
	(void)fclose(file);
	/* The name, field 2, may hold blanks and brackets; 14 and 15 are what is looked for. */
	const char *rest = strrchr(text, ')');

	if (rest != NULL &&
	    sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2) {
		const uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);

		ret->user_ns = user * tick_ns;
		ret->system_ns = system * tick_ns;
		r = 0;
	}
	return r;
}

/* Adds what a status file tells. A thread may end before its file is read. */
static void
add_status(const char *path, struct load_usage *server)
{
	FILE *file = fopen(path, "re");
	char line[256];
	unsigned long value;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "VmRSS: %lu kB", &value) == 1)
			server->resident_bytes = value * 1024; /* of the process, the same in every thread */
		else if (sscanf(line, "voluntary_ctxt_switches: %lu", &value) == 1)
			server->voluntary += value;
		else if (sscanf(line, "nonvoluntary_ctxt_switches: %lu", &value) == 1)
			server->involuntary += value;
	}
	if (file != NULL)
		(void)fclose(file);
}

/* The process's own status counts the switches of its first thread alone. */
static int
read_threads(pid_t pid, struct load_usage *ret)
{
	char path[PATH_BYTES_MAX];

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *directory = opendir(path);

	if (directory == NULL)
		return -errno;
	/* The stream is ours alone. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid, entry->d_name);
		add_status(path, ret);
	}
	(void)closedir(directory);
	return 0;
}

int
load_usage_read(pid_t pid, struct load_usage *ret)
{
	*ret = (struct load_usage){ 0 };
	int r = read_threads(pid, ret);

	if (r == 0)
		r = read_user_and_system(pid, ret);
	return r == 0 ? read_cpu(pid, ret) : r;
}

static uint64_t
less(uint64_t after, uint64_t before)
{
	return after > before ? after - before : 0;
}

struct load_usage
load_usage_between(const struct load_usage *before, const struct load_usage *after)
{
	return (struct load_usage){
		.cpu_ns = less(after->cpu_ns, before->cpu_ns),
		.user_ns = less(after->user_ns, before->user_ns),
		.system_ns = less(after->system_ns, before->system_ns),
		.resident_bytes = after->resident_bytes,
		.voluntary = less(after->voluntary, before->voluntary),
		.involuntary = less(after->involuntary, before->involuntary),
	};
}
