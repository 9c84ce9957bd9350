/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A ring of the last records.
 */
#include "tools/health/record.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static struct record ring[RECORDS_KEPT];
static unsigned long total;
static bool with_json;

void record_json(bool yes)
{
	with_json = yes;
}

void record_time(char text[RECORD_TIME], int64_t wall_msec)
{
	time_t sec = (time_t)(wall_msec / 1000);
	struct tm tm;

	if (!gmtime_r(&sec, &tm) || strftime(text, RECORD_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		text[0] = '\0';
}

static void print_json(const struct record *r)
{
	char time[RECORD_TIME];

	record_time(time, r->wall_msec);
	json_t *o =
	    json_pack("{s:s, s:I, s:s, s:s%}", "at", time, "at_ms", (json_int_t)r->wall_msec,
		      "kind", r->kind, "words", r->words, strnlen(r->words, sizeof r->words));
	if (o && json_dumpf(o, stdout, JSON_COMPACT) == 0) {
		putchar('\n');
		fflush(stdout);
	}
	json_decref(o);
}

void record(enum log_level level, const char *kind, const char *format, ...)
{
	struct record *r = &ring[total++ % RECORDS_KEPT];
	va_list args;

	r->wall_msec = clock_wall_msec();
	r->kind = kind;
	va_start(args, format);
	vsnprintf(r->words, sizeof r->words, format, args);
	va_end(args);
	/* One line, and valid JSON, whatever a command has said. */
	for (char *p = r->words; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = *p == '\n' ? ' ' : '?';
	log_write(level, "%s", r->words);
	if (with_json)
		print_json(r);
}

const struct record *record_kept(unsigned nth)
{
	unsigned long first = total > RECORDS_KEPT ? total - RECORDS_KEPT : 0;

	return first + nth < total ? &ring[(first + nth) % RECORDS_KEPT] : NULL;
}
