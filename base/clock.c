/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Clocks, durations as words, and the mtime floor's arithmetic.
 */
#include "base/clock.h"

#include <inttypes.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SEC_NSEC INT64_C(1000000000)
#define MSEC_NSEC INT64_C(1000000)
/* A hundred years: far enough for any test, and no sum with it overflows. */
#define OFFSET_MAX_SEC (INT64_C(100) * 366 * 86400)
/* How far a raised mtime may run ahead of the clock in whole seconds. */
#define AHEAD_MAX_NSEC (60 * SEC_NSEC)

static int64_t offset_nsec;
static int offset_file = -1;

static int64_t offset_of(const char *text)
{
	char *end;

	if (!*text)
		return 0;
	long long sec = strtoll(text, &end, 10);
	if ((*end == '\0' || *end == '\n') && sec >= -OFFSET_MAX_SEC && sec <= OFFSET_MAX_SEC)
		return sec * SEC_NSEC;
	return 0;
}

static void read_environment(void)
{
	const char *text = getenv("ZONEFS_CLOCK_OFFSET");
	const char *file = getenv("ZONEFS_CLOCK_FILE");

	if (text)
		offset_nsec = offset_of(text);
	if (file)
		offset_file = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

static int64_t offset(void)
{
	char text[32];

	if (offset_file < 0)
		return offset_nsec;
	ssize_t len = pread(offset_file, text, sizeof(text) - 1, 0);
	text[len > 0 ? len : 0] = '\0';
	return offset_of(text);
}

static int64_t now(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * SEC_NSEC + ts.tv_nsec;
}

int64_t clock_nsec_of(const struct timespec *t)
{
	if (t->tv_sec >= CLOCK_NSEC_MAX / SEC_NSEC)
		return CLOCK_NSEC_MAX;
	if (t->tv_sec <= -CLOCK_NSEC_MAX / SEC_NSEC)
		return -CLOCK_NSEC_MAX;
	return t->tv_sec * SEC_NSEC + t->tv_nsec;
}

int64_t clock_wall_nsec(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_environment);
	return now(CLOCK_REALTIME) + offset();
}

int64_t clock_wall_msec(void)
{
	return clock_wall_nsec() / MSEC_NSEC;
}

int64_t clock_monotonic_msec(void)
{
	return now(CLOCK_MONOTONIC) / MSEC_NSEC;
}

int64_t clock_monotonic_usec(void)
{
	return now(CLOCK_MONOTONIC) / 1000;
}

void clock_span(char dst[CLOCK_SPAN_TEXT], int64_t msec)
{
	static const struct {
		int64_t from_msec, unit_msec;
		const char *name;
	} units[] = {
	    {172800000, 86400000, "d"}, {7200000, 3600000, "h"}, {120000, 60000, "min"},
	    {10000, 1000, "s"},         {INT64_MIN, 1, "ms"},
	};
	size_t i = 0;

	if (msec >= 2000 && msec < 10000) {
		snprintf(dst, CLOCK_SPAN_TEXT, "%" PRId64 ".%" PRId64 " s", msec / 1000,
			 msec % 1000 / 100);
		return;
	}
	while (msec < units[i].from_msec)
		i++;
	snprintf(dst, CLOCK_SPAN_TEXT, "%" PRId64 " %s", msec / units[i].unit_msec, units[i].name);
}

int64_t mtime_raise(int64_t floor_nsec, int64_t wanted_nsec, int64_t now_nsec)
{
	int64_t within = floor_nsec % SEC_NSEC;
	int64_t whole;

	if (floor_nsec == 0 || wanted_nsec > floor_nsec)
		return wanted_nsec;
	if (floor_nsec > INT64_MAX - SEC_NSEC)
		return floor_nsec < INT64_MAX - MSEC_NSEC ? floor_nsec + MSEC_NSEC : INT64_MAX;
	if (within < 0)
		within += SEC_NSEC;
	whole = floor_nsec + (SEC_NSEC - within);
	if (whole > now_nsec + AHEAD_MAX_NSEC)
		return floor_nsec + MSEC_NSEC;
	return whole;
}
