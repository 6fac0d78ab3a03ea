#include "load/load_report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Where the curve of the latencies is told; they grow denser towards the end, where it is steep. */
static const double curve[] = {
	0,       0.1,    0.2,    0.3,    0.4,     0.5,    0.55,    0.6,     0.65,    0.7,      0.75,     0.8,    0.85,
	0.9,     0.925,  0.95,   0.97,   0.98,    0.985,  0.99,    0.9925,  0.995,   0.997,    0.998,    0.9985, 0.999,
	0.99925, 0.9995, 0.9997, 0.9998, 0.99985, 0.9999, 0.99995, 0.99998, 0.99999, 0.999995, 0.999999, 1,
};

static double
us(uint64_t ns)
{
	return (double)ns / 1e3;
}

static double
percentile_us(const struct histogram *histogram, double share)
{
	return us(histogram_percentile(histogram, share));
}

static double
mean_us(const struct histogram *histogram)
{
	return histogram->count > 0 ? us(histogram->sum) / (double)histogram->count : 0;
}

static double
rate(const struct load_report *report)
{
	return report->seconds > 0 ? (double)report->total.replies / report->seconds : 0;
}

static double
per_request_us(const struct load_report *report, uint64_t ns)
{
	return report->total.replies > 0 ? us(ns) / (double)report->total.replies : 0;
}

static double
cpus(const struct load_report *report, uint64_t cpu_ns)
{
	return report->seconds > 0 ? (double)cpu_ns / 1e9 / report->seconds : 0;
}

static bool
shows_server(const struct load_report *report)
{
	return report->options->pid != 0 && report->server_error == 0;
}

/* ---- table ----------------------------------------------------------------------------------------------------- */

static void
print_what(const struct load_options *options)
{
	printf("%s%s%s, %ju connections x depth %ju, %ju threads, %ju keys (%s), ", options->language->name,
	       options->language->command != NULL ? " " : "",
	       options->language->command != NULL ? options->language->command : "", (uintmax_t)options->connections,
	       (uintmax_t)options->depth, (uintmax_t)options->threads, (uintmax_t)options->keys, options->distribution);
	printf("%ju %% increment, %ju %% sum, %ju %% decrement, ", (uintmax_t)options->percent[LOAD_ADD],
	       (uintmax_t)options->percent[LOAD_SUM], (uintmax_t)options->percent[LOAD_DECREMENT]);
	if (options->rate > 0)
		printf("%ju requests/s\n", (uintmax_t)options->rate);
	else
		printf("closed loop\n");
}

static void
print_server(const struct load_report *report)
{
	const struct load_usage *server = &report->server;

	printf("%-14s %.3f us/request (user %.3f, system %.3f), %.2f CPUs\n", "server CPU",
	       per_request_us(report, server->cpu_ns), per_request_us(report, server->user_ns),
	       per_request_us(report, server->system_ns), cpus(report, server->cpu_ns));
	printf("%-14s %.1f MiB resident\n", "memory", (double)server->resident_bytes / (1 << 20));
	printf("%-14s %ju voluntary, %ju involuntary\n", "switches", (uintmax_t)server->voluntary,
	       (uintmax_t)server->involuntary);
}

int
load_report_table(const struct load_report *report)
{
	const struct histogram *latency = &report->latency_ns;

	print_what(report->options);
	printf("%-14s %.0f (%ju in %.2f s)\n", "requests/s", rate(report), (uintmax_t)report->total.replies,
	       report->seconds);
	printf("%-14s mean %.1f   p50 %.1f   p90 %.1f   p99 %.1f   p99.9 %.1f   p99.99 %.1f   max %.1f\n", "latency us",
	       mean_us(latency), percentile_us(latency, 0.5), percentile_us(latency, 0.9), percentile_us(latency, 0.99),
	       percentile_us(latency, 0.999), percentile_us(latency, 0.9999), us(latency->max));
	printf("%-14s %ju wrong, %ju unanswered\n", "errors", (uintmax_t)report->total.wrong,
	       (uintmax_t)report->total.unanswered);
	printf("%-14s %.3f us/request, %.2f CPUs\n", "load CPU", per_request_us(report, report->load.cpu_ns),
	       cpus(report, report->load.cpu_ns));
	if (shows_server(report))
		print_server(report);
	return fflush(stdout) == 0 ? 0 : -errno;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

static void
write_shape(const struct load_options *options, FILE *file)
{
	/* No value has anything to escape: names of tables, numbers, and the distribution as it was understood. */
	(void)fprintf(file, "{\"program\":\"karma-load\",\"language\":\"%s\"", options->language->name);
	if (options->language->command != NULL)
		(void)fprintf(file, ",\"command\":\"%s\"", options->language->command);
	(void)fprintf(file,
	              ",\"connections\":%ju,\"depth\":%ju,\"threads\":%ju,\"keys\":%ju,\"distribution\":\"%s\","
	              "\"mix\":\"%ju:%ju:%ju\",\"seed\":%ju,\"rate\":%ju",
	              (uintmax_t)options->connections, (uintmax_t)options->depth, (uintmax_t)options->threads,
	              (uintmax_t)options->keys, options->distribution, (uintmax_t)options->percent[LOAD_ADD],
	              (uintmax_t)options->percent[LOAD_SUM], (uintmax_t)options->percent[LOAD_DECREMENT],
	              (uintmax_t)options->seed, (uintmax_t)options->rate);
}

static void
write_latencies(const struct load_report *report, FILE *file)
{
	const struct histogram *latency = &report->latency_ns;

	(void)fprintf(file,
	              ",\"duration_s\":%.6f,\"requests\":%ju,\"requests_per_s\":%.1f,\"wrong\":%ju,\"unanswered\":%ju",
	              report->seconds, (uintmax_t)report->total.replies, rate(report), (uintmax_t)report->total.wrong,
	              (uintmax_t)report->total.unanswered);
	(void)fprintf(file,
	              ",\"mean_us\":%.3f,\"p50_us\":%.3f,\"p90_us\":%.3f,\"p99_us\":%.3f,\"p99.9_us\":%.3f,"
	              "\"p99.99_us\":%.3f,\"max_us\":%.3f,\"percentiles\":[",
	              mean_us(latency), percentile_us(latency, 0.5), percentile_us(latency, 0.9),
	              percentile_us(latency, 0.99), percentile_us(latency, 0.999), percentile_us(latency, 0.9999),
	              us(latency->max));
	for (size_t i = 0; i < sizeof(curve) / sizeof(curve[0]); i++)
		(void)fprintf(file, "%s[%g,%.3f]", i > 0 ? "," : "", curve[i], percentile_us(latency, curve[i]));
	(void)fprintf(file, "]");
}

static void
write_slice(const struct load_report *report, uint32_t index, FILE *file)
{
	struct histogram latency = { 0 };
	uint64_t replies = 0;
	const double from_s = (double)report->threads[0].slices.length_ns / 1e9 * index;

	for (unsigned i = 0; i < report->options->threads; i++) {
		replies += report->threads[i].slices.slice[index].replies;
		load_slices_unfold(&report->threads[i].slices, index, &latency);
	}
	(void)fprintf(file,
	              "%s{\"from_s\":%.6f,\"unix_s\":%.6f,\"requests\":%ju,\"p50_us\":%.3f,\"p99_us\":%.3f,"
	              "\"max_us\":%.3f}",
	              index > 0 ? "," : "", from_s, report->from_unix_s + from_s, (uintmax_t)replies,
	              percentile_us(&latency, 0.5), percentile_us(&latency, 0.99), us(latency.max));
}

static void
write_slices(const struct load_report *report, FILE *file)
{
	uint32_t count = 0;

	for (unsigned i = 0; i < report->options->threads; i++) {
		if (report->threads[i].slices.current > count)
			count = report->threads[i].slices.current;
	}
	(void)fprintf(file, ",\"slice_s\":%g,\"slices\":[", report->options->slice_s);
	for (uint32_t i = 0; i < count; i++)
		write_slice(report, i, file);
	(void)fprintf(file, "]");
}

static void
write_load(const struct load_report *report, FILE *file)
{
	const uint64_t cpu_ns = report->load.cpu_ns;

	(void)fprintf(file, ",\"load_cpu_us_per_request\":%.4f,\"load_cpus\":%.3f", per_request_us(report, cpu_ns),
	              cpus(report, cpu_ns));
}

static void
write_server(const struct load_report *report, FILE *file)
{
	const struct load_usage *server = &report->server;

	(void)fprintf(file,
	              ",\"server_cpu_us_per_request\":%.4f,\"server_user_us_per_request\":%.4f,"
	              "\"server_system_us_per_request\":%.4f,\"server_cpus\":%.3f",
	              per_request_us(report, server->cpu_ns), per_request_us(report, server->user_ns),
	              per_request_us(report, server->system_ns), cpus(report, server->cpu_ns));
	(void)fprintf(file,
	              ",\"server_resident_bytes\":%ju,\"server_context_switches_voluntary\":%ju,"
	              "\"server_context_switches_involuntary\":%ju",
	              (uintmax_t)server->resident_bytes, (uintmax_t)server->voluntary, (uintmax_t)server->involuntary);
}

int
load_report_json(const struct load_report *report, const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");

	if (file == NULL)
		return -errno;
	write_shape(report->options, file);
	write_latencies(report, file);
	write_slices(report, file);
	write_load(report, file);
	if (shows_server(report))
		write_server(report, file);
	(void)fprintf(file, "}\n");
	int r = ferror(file) != 0 ? -EIO : 0;

	if ((file == stdout ? fflush(file) : fclose(file)) != 0)
		r = -errno;
	return r;
}
