#include "kit/figures.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kit/child.h"
#include "kit/must.h"

enum { HEADING_BYTES = 512, WHAT_WIDTH = 14, TEXT_WIDTH_MIN = 16, NUMBER_WIDTH_MIN = 10 };

/* In memory that is shared with children, so that what they print goes on where the caller stopped. */
static struct {
	FILE *json;
	bool table;
	bool any;
	char heading[HEADING_BYTES], heading_before[HEADING_BYTES], row[HEADING_BYTES];
} * figures;

void
figures_begin(const char *program, const char *json)
{
	bool standard = json != NULL && strcmp(json, "-") == 0;

	figures = child_memory(sizeof(*figures));
	figures->table = !standard;
	if (json != NULL)
		figures->json = standard ? stdout : fopen(json, "w");
	must(json != NULL && figures->json == NULL ? -errno : 0, json);
	if (figures->json != NULL)
		(void)fprintf(figures->json, "{\"program\":\"%s\",\"figures\":[", program);
}

__attribute__((format(printf, 2, 3))) static void
append(char text[HEADING_BYTES], const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	int bytes = vsnprintf(text + used, HEADING_BYTES - used, format, arguments);

	va_end(arguments);
	assert(bytes >= 0 && used + (size_t)bytes < HEADING_BYTES);
	(void)bytes;
}

static void
column(const char *name, const char *json, const char *shown, int width_min)
{
	int width = (int)strlen(name) > width_min ? (int)strlen(name) : width_min;

	append(figures->heading, "  %*s", width, name);
	append(figures->row, "  %*s", width, shown);
	if (figures->json != NULL)
		(void)fprintf(figures->json, ",\"%s\":%s", name, json);
}

void
figures_row(const char *what)
{
	if (figures->json != NULL)
		(void)fprintf(figures->json, "%s\n {\"what\":\"%s\"", figures->any ? "," : "", what);
	figures->any = true;
	figures->heading[0] = figures->row[0] = '\0';
	append(figures->heading, "%-*s", WHAT_WIDTH, "");
	append(figures->row, "%-*s", WHAT_WIDTH, what);
}

void
figures_text(const char *name, const char *value)
{
	char quoted[HEADING_BYTES];

	(void)snprintf(quoted, sizeof(quoted), "\"%s\"", value);
	column(name, quoted, value, TEXT_WIDTH_MIN);
}

void
figures_count(const char *name, uint64_t value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	column(name, text, text, NUMBER_WIDTH_MIN);
}

void
figures_real(const char *name, double value)
{
	char exact[32], shown[32];

	assert(isfinite(value));
	(void)snprintf(exact, sizeof(exact), "%.9g", value);
	(void)snprintf(shown, sizeof(shown), value >= 1000 ? "%.0f" : value >= 10 ? "%.1f" : "%.3f", value);
	column(name, exact, shown, NUMBER_WIDTH_MIN);
}

void
figures_row_end(void)
{
	if (figures->json != NULL) {
		(void)fputc('}', figures->json);
		(void)fflush(figures->json);
	}
	if (!figures->table)
		return;
	if (strcmp(figures->heading, figures->heading_before) != 0)
		(void)printf("%s%s\n", figures->heading_before[0] == '\0' ? "" : "\n", figures->heading);
	(void)printf("%s\n", figures->row);
	(void)strcpy(figures->heading_before, figures->heading);
	(void)fflush(stdout);
}

int
figures_end(void)
{
	bool good = true;

	if (figures->json != NULL) {
		(void)fprintf(figures->json, "\n]}\n");
		good = !ferror(figures->json);
		if (figures->json != stdout)
			good = fclose(figures->json) == 0 && good;
	}
	good = fflush(stdout) == 0 && !ferror(stdout) && good;
	if (!good)
		(void)fprintf(stderr, "figures could not be written\n");
	return good ? 0 : 1;
}
