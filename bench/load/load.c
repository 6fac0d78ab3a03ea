/*
 * load.c - karma-load: put a server under load, and tell what it bears
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "load/load_run.h"

static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void
complain_of_pid(const struct load_options *options, int error)
{
	(void)fprintf(stderr, "karma-load: --pid=%d: %s\n", (int)options->pid, strerrordesc_np(error));
}

static bool
print_report(const struct load_report *report)
{
	const char *json = report->options->json;
	int r = 0;

	if (json == NULL || strcmp(json, "-") != 0)
		r = load_report_table(report);
	if (r == 0 && json != NULL)
		r = load_report_json(report, json);
	if (r < 0)
		(void)fprintf(stderr, "karma-load: writing the result: %s\n", strerrordesc_np(-r));
	return r == 0;
}

/* What went wrong, on stderr. */
static bool
judge(const struct load_report *report)
{
	const struct load_result *total = &report->total;

	if (total->wrong > 0)
		(void)fprintf(stderr, "karma-load: wrong reply: %s\n", total->first_wrong);
	if (total->failure != NULL)
		(void)fprintf(stderr, "karma-load: %s%s%s\n", total->failure, total->error != 0 ? ": " : "",
		              total->error != 0 ? strerrordesc_np(total->error) : "");
	if (report->server_error != 0)
		complain_of_pid(report->options, report->server_error);
	return total->wrong == 0 && total->unanswered == 0 && total->failure == NULL && report->server_error == 0;
}

int
main(int argc, char **argv)
{
	static struct load_options options;
	static struct load_report report = { .options = &options };
	int status;

	if (!load_options_parse(argc, argv, &options, &status))
		return status;
	const int r = options.pid != 0 ? load_usage_read(options.pid, &report.server) : 0;

	if (r < 0) {
		complain_of_pid(&options, -r);
		return 2;
	}
	raise_descriptor_limit();
	bool good = load_run(&report);

	if (good) {
		good = print_report(&report);
		good = judge(&report) && good;
	}
	load_run_deinit(&report);
	return good ? 0 : 1;
}
