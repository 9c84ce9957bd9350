/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From /proc: the thread group of the thread, its leader's name, audit's login uid, the terminal. A
 * process that makes many changes is asked once every so often, but for its name, which an exec
 * changes.
 */
#include "fs/who.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define CACHED 8
#define CACHE_MSEC 200
#define TTY_MAJOR_CONSOLE 4
#define PTS_MAJOR_FIRST 136
#define PTS_MAJOR_LAST 143

struct cached {
	pid_t tid;
	int64_t until_msec;
	struct who who;
};

static ssize_t read_proc(pid_t pid, const char *file, char *dst, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, dst, size - 1);
	if (n >= 0)
		dst[n] = '\0';
	return n;
}

static pid_t thread_group(pid_t tid)
{
	char text[2048];

	if (read_proc(tid, "status", text, sizeof(text)) <= 0)
		return 0;
	const char *at = strstr(text, "\nTgid:");
	return at ? (pid_t)strtol(at + 6, NULL, 10) : 0;
}

static void find_command(struct who *w)
{
	char text[64];

	if (read_proc(w->pid, "comm", text, sizeof(text)) <= 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	snprintf(w->command, sizeof(w->command), "%.15s", text);
}

static void find_login(struct who *w)
{
	char text[32];

	w->login_uid = (uint32_t)-1;
	if (read_proc(w->pid, "loginuid", text, sizeof(text)) > 0)
		w->login_uid = (uint32_t)strtoul(text, NULL, 10);
}

/* Field 7 of stat; the command in field 2 may contain anything but its last ')' ends it. */
static void find_tty(struct who *w)
{
	char text[1024];
	int number = 0;

	if (read_proc(w->pid, "stat", text, sizeof(text)) <= 0)
		return;
	const char *at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %d", &number) != 1 || number == 0)
		return;
	unsigned major_no = major((dev_t)number);
	unsigned minor_no = minor((dev_t)number);
	if (major_no >= PTS_MAJOR_FIRST && major_no <= PTS_MAJOR_LAST)
		snprintf(w->tty, sizeof(w->tty), "pts/%u",
			 (major_no - PTS_MAJOR_FIRST) * 256 + minor_no);
	else if (major_no == TTY_MAJOR_CONSOLE && minor_no < 64)
		snprintf(w->tty, sizeof(w->tty), "tty%u", minor_no);
	else if (major_no == TTY_MAJOR_CONSOLE)
		snprintf(w->tty, sizeof(w->tty), "ttyS%u", minor_no - 64);
}

void who_find(struct who *w, pid_t tid, uid_t uid)
{
	static _Thread_local struct cached cache[CACHED];
	static _Thread_local unsigned next;
	int64_t now = clock_monotonic_msec();
	struct cached *c = NULL;

	*w = (struct who){.uid = uid, .login_uid = (uint32_t)-1};
	if (tid <= 0)
		return;
	for (size_t i = 0; i < CACHED; i++)
		if (cache[i].tid == tid && cache[i].until_msec > now)
			c = &cache[i];
	if (!c) {
		w->pid = thread_group(tid);
		if (w->pid <= 0) {
			w->pid = 0;
			return;
		}
		find_login(w);
		find_tty(w);
		c = &cache[next++ % CACHED];
		*c = (struct cached){.tid = tid, .until_msec = now + CACHE_MSEC, .who = *w};
	}
	*w = c->who;
	w->uid = uid;
	find_command(w);
}
