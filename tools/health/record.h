/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The record of zonefs-health: what was seen and decided, in the log and, with --json, as JSON
 * objects on standard output. The last ones are kept for `zonefsctl health` and for mail.
 */
#ifndef HEALTH_RECORD_H
#define HEALTH_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"

#define RECORDS_KEPT 64
#define RECORD_WORDS 384

struct record {
	int64_t wall_msec;
	const char *kind; /* "failure", "recovery", "decision", "step", "alert", "order", "start" */
	char words[RECORD_WORDS];
};

void record_json(bool yes);
/* `kind` is borrowed for ever. */
void record(enum log_level level, const char *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The nth of those kept, the oldest first; NULL: there are no more. */
const struct record *record_kept(unsigned nth);

#define RECORD_TIME 32
/* "2009-10-19T12:00:00Z" */
void record_time(char text[RECORD_TIME], int64_t wall_msec);

#endif
