#include "kit/child.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/must.h"

void *
child_memory(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(memory == MAP_FAILED ? -errno : 0, "mmap");
	return memory;
}

void
child_run(void (*run)(void *context), void *context)
{
	int status = 0;

	(void)fflush(NULL); /* else it would be written twice */
	pid_t child = fork();

	must(child < 0 ? -errno : 0, "fork");
	if (child == 0) {
		run(context);
		(void)fflush(NULL);
		_Exit(0);
	}
	must(waitpid(child, &status, 0) == child ? status : -1, "a child");
}
