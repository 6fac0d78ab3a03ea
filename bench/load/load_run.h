/*
 * load_run.h - a run from its first thread to the end of its last
 */
#pragma once

#include "load/load_report.h"

/* Connects, runs the load and writes everything in the report but options, which are set. threads is allocated and
 * stays until load_run_deinit(), to be called in any case. Returns false after a line on stderr. */
bool load_run(struct load_report *report);
void load_run_deinit(struct load_report *report);
