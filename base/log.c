/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The log. A line is made whole in memory and written by one call, so that lines of several threads
 * and processes on one standard error never mix. Control characters in a message (a file's name may
 * hold them) are shown in octal: nobody can forge a line.
 */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_MAX_LEN 8192
#define LIMITED_MSEC 60000

static const struct {
	const char *prefix;
	int syslog;
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error: ", LOG_ERR},   [LOG_LEVEL_WARNING] = {"warning: ", LOG_WARNING},
    [LOG_LEVEL_NOTICE] = {"", LOG_NOTICE},      [LOG_LEVEL_INFO] = {"", LOG_INFO},
    [LOG_LEVEL_DEBUG] = {"debug: ", LOG_DEBUG},
};

/* Set by log_open, before there are other threads. */
static const char *log_name = "zonefs";
static bool log_to_stderr = true;
static bool log_with_time = true;
static enum log_level log_threshold = LOG_LEVEL_NOTICE;

void log_open(const char *name, bool to_stderr, enum log_level level)
{
	log_name = name;
	log_to_stderr = to_stderr;
	log_threshold = level;
	log_with_time = !getenv("JOURNAL_STREAM"); /* journald stamps the lines itself */
	closelog();
	if (!to_stderr)
		openlog(name, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

/* Appends text with its control characters shown; keeps room for two more bytes. */
static size_t append_shown(char *line, size_t at, const char *text)
{
	for (; *text && at + 6 < LINE_MAX_LEN; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c != 0x7f) {
			line[at++] = *text;
			continue;
		}
		line[at++] = '\\';
		line[at++] = (char)('0' + (c >> 6));
		line[at++] = (char)('0' + (c >> 3 & 7));
		line[at++] = (char)('0' + (c & 7));
	}
	return at;
}

static size_t put_time(char *line, size_t size)
{
	int64_t msec = clock_wall_msec();
	time_t sec = (time_t)(msec / 1000);
	struct tm tm;

	if (!gmtime_r(&sec, &tm))
		return 0;
	size_t at = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
	at += (size_t)snprintf(line + at, size - at, ".%03dZ ", (int)(msec % 1000));
	return at;
}

static void write_text(enum log_level level, const char *text)
{
	char line[LINE_MAX_LEN];
	size_t at = 0;

	if (!log_to_stderr) {
		line[append_shown(line, 0, text)] = '\0';
		syslog(levels[level].syslog, "%s%s", levels[level].prefix, line);
		return;
	}
	if (log_with_time)
		at = put_time(line, 64);
	at = append_shown(line, at, log_name);
	at = append_shown(line, at, ": ");
	at = append_shown(line, at, levels[level].prefix);
	at = append_shown(line, at, text);
	line[at++] = '\n';
	/* There is nobody to tell that the log can't be written. */
	ssize_t written = write(STDERR_FILENO, line, at);
	(void)written;
}

static void write_list(enum log_level level, unsigned long left_out, const char *format,
		       va_list args)
{
	char text[LINE_MAX_LEN];
	int len = vsnprintf(text, sizeof text, format, args);

	if (len < 0)
		return;
	if ((size_t)len >= sizeof text)
		memcpy(text + sizeof text - 4, "...", 4);
	if (left_out && (size_t)len + 64 < sizeof text)
		snprintf(text + len, sizeof text - (size_t)len,
			 " (%lu more like this were left out)", left_out);
	write_text(level, text);
}

void log_write(enum log_level level, const char *format, ...)
{
	va_list args;

	if (level > log_threshold)
		return;
	va_start(args, format);
	write_list(level, 0, format, args);
	va_end(args);
}

void log_stage(const char *stage, const char *path)
{
	if (log_threshold >= LOG_LEVEL_DEBUG)
		log_debug("stage %s %lld /%s", stage, (long long)clock_monotonic_usec(), path);
}

void log_write_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of every struct log_limit */
	long long now = clock_monotonic_msec();
	unsigned long left_out = 0;
	bool due;
	va_list args;

	if (level > log_threshold)
		return;
	pthread_mutex_lock(&lock);
	due = now >= limit->next_msec;
	if (due) {
		left_out = limit->dropped;
		limit->dropped = 0;
		limit->next_msec = now + LIMITED_MSEC;
	} else {
		limit->dropped++;
	}
	pthread_mutex_unlock(&lock);
	if (!due)
		return;
	va_start(args, format);
	write_list(level, left_out, format, args);
	va_end(args);
}
