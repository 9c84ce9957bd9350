/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Times and sizes for people.
 */
#include "tools/zonefsctl/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECONDS_MAX 3600
#define TIME_MAX_SEC INT64_C(253402300800) /* the year 10000 */

/* Decimal digits up to `max`; *end behind them. -1: there are none, or it is more. */
static int64_t digits(const char *text, int64_t max, const char **end)
{
	int64_t n = 0;

	if (!isdigit((unsigned char)*text))
		return -1;
	for (; isdigit((unsigned char)*text); text++) {
		n = n * 10 + (*text - '0');
		if (n > max)
			return -1;
	}
	*end = text;
	return n;
}

int64_t text_count(const char *text, int64_t min, int64_t max)
{
	const char *end;
	int64_t n = digits(text, max, &end);

	return n >= min && *end == '\0' ? n : -1;
}

int64_t text_seconds(const char *text)
{
	const char *end = text;
	int64_t msec = digits(text, SECONDS_MAX, &end);

	if (msec < 0)
		return -1;
	msec *= 1000;
	if (*end == '.') {
		int64_t unit = 100;

		if (!isdigit((unsigned char)end[1]))
			return -1;
		for (end++; isdigit((unsigned char)*end); end++, unit /= 10)
			msec += (*end - '0') * unit;
	}
	return *end == '\0' && msec <= SECONDS_MAX * 1000 ? msec : -1;
}

/* "10m": a number and one letter. */
static int64_t ago(const char *text)
{
	static const struct {
		char letter;
		int64_t sec;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	const char *end = text;
	int64_t n = digits(text, 1000000, &end);

	if (n < 0 || *end == '\0' || end[1] != '\0')
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (*end == units[i].letter)
			return n * units[i].sec * 1000;
	return -1;
}

static int64_t calendar(const char *text)
{
	static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S",
					    "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *end = strptime(text, forms[i], &tm);

		if (!end || *end)
			continue;
		int day = tm.tm_mday;
		time_t t = mktime(&tm);
		/* A 31st of April would become the 1st of May. */
		return t < 0 || tm.tm_mday != day ? -1 : (int64_t)t * 1000;
	}
	return -1;
}

int64_t text_since(const char *text, int64_t now_msec)
{
	if (text[0] == '@') {
		int64_t sec = text_count(text + 1, 0, TIME_MAX_SEC);
		return sec < 0 ? -1 : sec * 1000;
	}
	int64_t before = ago(text);
	if (before >= 0)
		return before < now_msec ? now_msec - before : 0;
	return calendar(text);
}

void text_time(char dst[TEXT_MAX], int64_t msec)
{
	time_t sec = (time_t)(msec / 1000);
	struct tm tm;
	size_t len = 0;

	if (localtime_r(&sec, &tm))
		len = strftime(dst, TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(dst + len, TEXT_MAX - len, ".%03d", (int)(msec % 1000));
}

void text_size(char dst[TEXT_MAX], int64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
	double n = (double)bytes / 1024;
	size_t i = 0;

	if (bytes < 10000) {
		snprintf(dst, TEXT_MAX, "%" PRId64 " byte%s", bytes, bytes == 1 ? "" : "s");
		return;
	}
	for (; n >= 1000 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		n /= 1024;
	snprintf(dst, TEXT_MAX, n < 10 ? "%.1f %s" : "%.0f %s", n, units[i]);
}
