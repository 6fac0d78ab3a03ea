/*
 * fake_log.h - a log that remembers its lines
 */
#pragma once

#include <stdint.h>

/* How often an event was logged with this text among its fields (NULL: any). */
uint32_t fake_log_count(const char *event, const char *text);

void fake_log_clear(void);
