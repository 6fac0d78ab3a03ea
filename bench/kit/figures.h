/*
 * figures.h - what a program measured: a table for people, JSON for other programs, from the same values
 *
 *   {"program":"engine","figures":[{"what":"add","threads":2,…,"per_s":…},…]}
 *
 * Rows with the same columns as the row before stand under its heading. One thread; children of child_run() may
 * add rows as well.
 */
#pragma once

#include <stdint.h>

/* json: a file to write, "-" for standard output instead of the table, NULL for none. */
void figures_begin(const char *program, const char *json);

/* A row, and its columns in order. Names and texts are plain ASCII without quotes. */
void figures_row(const char *what);
void figures_text(const char *name, const char *value);
void figures_count(const char *name, uint64_t value);
void figures_real(const char *name, double value);
void figures_row_end(void);

/* Ends the file. Returns the exit status of the program: 1 when something could not be written. */
int figures_end(void);
