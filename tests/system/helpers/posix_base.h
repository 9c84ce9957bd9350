/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The ground of the calls in posix_names.h, posix_files.h and posix_more.h: what a case keeps from
 * one call to the next, and how a result is written down. A call takes its words and records one
 * result; nothing that differs between two directories by nature (inode numbers, dates, paths) is
 * ever recorded.
 */
#ifndef POSIX_BASE_H
#define POSIX_BASE_H

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRACE_MAX (64 * 1024)
#define WORDS_MAX 12
#define WORD_MAX 8192
#define SLOTS 16

/* Descriptors, streams, mappings and remembered times, by name: "@f" or a bare word. */
struct slot {
	char name[16];
	int fd;
	DIR *dir;
	long cookie;
	char *map;
	size_t map_len;
	struct stat mark;
};

static char trace[TRACE_MAX];
static size_t trace_len;
static struct slot slots[SLOTS];

static void __attribute__((format(printf, 1, 2))) rec(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(trace + trace_len, TRACE_MAX - trace_len, format, args);
	va_end(args);
	if (n > 0)
		trace_len += (size_t)n;
	if (trace_len >= TRACE_MAX)
		trace_len = TRACE_MAX - 1;
}

/* "ok", or errno's name. */
static void rec_result(long rc)
{
	const char *name = rc < 0 ? strerrorname_np(errno) : "ok";

	rec(" %s", name ? name : "E?");
}

/* Bytes as they are, long ones by length and sum. */
static void rec_bytes(const char *p, size_t len)
{
	uint64_t sum = 1469598103934665603u;

	rec(" %zu:", len);
	for (size_t i = 0; i < len; i++) {
		sum = (sum ^ (unsigned char)p[i]) * 1099511628211u;
		if (i < 48 && isgraph((unsigned char)p[i]))
			rec("%c", p[i]);
		else if (i < 48)
			rec("\\%02x", (unsigned char)p[i]);
	}
	if (len > 48)
		rec("...%016llx", (unsigned long long)sum);
}

static struct slot *slot(const char *name)
{
	struct slot *s;

	for (s = slots; s < slots + SLOTS - 1 && s->name[0]; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->fd = -1;
	return s;
}

static int fd_of(const char *name)
{
	return slot(name)->fd;
}

static long number(const char *text)
{
	return text ? strtol(text, NULL, 0) : 0;
}

static mode_t mode_of(const char *text)
{
	return text ? (mode_t)strtoul(text, NULL, 8) : 0;
}

/* A word of `words` ("a=1,b=2") that stand for bits, joined by '|' or ','. */
struct bit {
	const char *name;
	int value;
};

static int bits_of(const char *text, const struct bit *bits)
{
	char copy[256];
	char *rest = copy;
	char *one;
	int value = 0;

	snprintf(copy, sizeof(copy), "%s", text ? text : "0");
	while ((one = strsep(&rest, "|,"))) {
		const struct bit *b = bits;
		while (b->name && strcmp(b->name, one) != 0)
			b++;
		if (!b->name && strcmp(one, "0") != 0) {
			fprintf(stderr, "what is %s?\n", one);
			exit(3);
		}
		value |= b->name ? b->value : 0;
	}
	return value;
}

#define OPEN_FLAG(f)                                                                               \
	{                                                                                          \
#f, O_##f                                                                          \
	}
static const struct bit open_flags[] = {
    OPEN_FLAG(RDONLY),   OPEN_FLAG(WRONLY), OPEN_FLAG(RDWR),      OPEN_FLAG(CREAT),
    OPEN_FLAG(EXCL),     OPEN_FLAG(TRUNC),  OPEN_FLAG(APPEND),    OPEN_FLAG(NOFOLLOW),
    OPEN_FLAG(NONBLOCK), OPEN_FLAG(PATH),   OPEN_FLAG(DIRECTORY), OPEN_FLAG(SYNC),
    OPEN_FLAG(NOATIME),  OPEN_FLAG(DSYNC),  OPEN_FLAG(CLOEXEC),   {NULL, 0},
};

/* A path, or "@f" for what a descriptor stands for. */
static int stat_of(const char *what, struct stat *st, bool follow)
{
	if (what[0] == '@')
		return fstat(fd_of(what), st);
	return fstatat(AT_FDCWD, what, st, follow ? 0 : AT_SYMLINK_NOFOLLOW);
}

#endif
