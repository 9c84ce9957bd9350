/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The log: standard error while in front (with -f), else syslog's "daemon" facility. One line an
 * event, each error logged once, where it is handled. Safe from any thread. On standard error a
 * line starts with its time (UTC), but under systemd, whose journal has it; control characters are
 * shown in octal.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* `name` is shown before each line ("zonefs", "zonefs-replicator"), borrowed for ever. */
void log_open(const char *name, bool to_stderr, enum log_level level);
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* A change of this path has come so far: at LOG_LEVEL_DEBUG, "stage NAME USEC /PATH" with the
 * monotonic clock, from which the time between any two stages on one machine can be told. */
void log_stage(const char *stage, const char *path);

/* At most one line a minute from each place that uses it, with the count of those left out. */
#define log_limited(level, ...)                                                                    \
	do {                                                                                       \
		static struct log_limit limit_;                                                    \
		log_write_limited(&limit_, level, __VA_ARGS__);                                    \
	} while (0)
struct log_limit {
	long long next_msec;
	unsigned long dropped;
};
void log_write_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
