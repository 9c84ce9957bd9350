/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For every process: root, cwd and open files are links in /proc, followed by statx without asking
 * the file system (it may be ours, and dead). A link counts where it leads to the wanted device
 * and, for the plain directory, which shares its device with much else, to a path in it. Those in
 * the mount have the same paths, but another device.
 */
#include "fs/beneath.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"

/* Of one process this many descriptors are looked at. */
#define FDS_MAX 65536

struct wanted {
	dev_t dev;
	const char *path; /* NULL: anywhere on the device */
	dev_t self_dev;   /* of the caller's own program */
	uint64_t self_ino;
};

static bool stat_link(int dir, const char *link, dev_t *dev, uint64_t *ino)
{
	struct statx st;

	if (statx(dir, link, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &st) < 0)
		return false;
	*dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	*ino = st.stx_ino;
	return true;
}

static bool path_within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (n == 1)
		return path[0] == '/';
	if (strncmp(path, dir, n) != 0)
		return false;
	return path[n] == '/' || path[n] == '\0' || strcmp(path + n, " (deleted)") == 0;
}

static bool link_wanted(const struct wanted *w, int dir, const char *link)
{
	dev_t dev;
	uint64_t ino;

	if (w->path) {
		char target[PATH_MAX];
		ssize_t n = readlinkat(dir, link, target, sizeof(target) - 1);
		if (n <= 0)
			return false;
		target[n] = '\0';
		if (!path_within(target, w->path))
			return false;
	}
	return stat_link(dir, link, &dev, &ino) && dev == w->dev;
}

static bool fds_wanted(const struct wanted *w, int proc)
{
	int fd = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	DIR *d CLEANUP_CLOSEDIR = fdopendir(fd);
	if (!d) {
		close(fd);
		return false;
	}
	for (int i = 0; i < FDS_MAX; i++) {
		struct dirent *e = readdir(d);
		if (!e)
			return false;
		if (isdigit((unsigned char)e->d_name[0]) && link_wanted(w, fd, e->d_name))
			return true;
	}
	return false;
}

static bool process_wanted(const struct wanted *w, int proc)
{
	dev_t dev;
	uint64_t ino;

	if (stat_link(proc, "exe", &dev, &ino) && dev == w->self_dev && ino == w->self_ino)
		return false;
	return link_wanted(w, proc, "cwd") || link_wanted(w, proc, "root") || fds_wanted(w, proc);
}

static void read_command(int proc, char command[16])
{
	int fd CLEANUP_CLOSE = openat(proc, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, command, 15);

	command[n > 0 ? n : 0] = '\0';
	command[strcspn(command, "\n")] = '\0';
}

static int scan(struct wanted *w, struct beneath *list, int max)
{
	DIR *d CLEANUP_CLOSEDIR = opendir("/proc");
	if (!d)
		return -errno;
	if (!stat_link(AT_FDCWD, "/proc/self/exe", &w->self_dev, &w->self_ino))
		return -errno;

	int n = 0;
	struct dirent *e;
	while (n < max && (e = readdir(d))) {
		char *end;
		long pid = strtol(e->d_name, &end, 10);
		if (pid <= 0 || *end != '\0')
			continue;
		int proc CLEANUP_CLOSE =
		    openat(dirfd(d), e->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (proc < 0 || !process_wanted(w, proc))
			continue;
		list[n].pid = (pid_t)pid;
		read_command(proc, list[n].command);
		n++;
	}
	return n;
}

int beneath_list(int root_fd, const char *mount, struct beneath *list, int max)
{
	char link[32], path[PATH_MAX];
	struct wanted w = {.path = mount};
	struct stat st;

	if (fstat(root_fd, &st) < 0)
		return -errno;
	w.dev = st.st_dev;
	/* As configured, the path may lead over symbolic links; in /proc it does not. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", root_fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	if (n > 0 && path[0] == '/') {
		path[n] = '\0';
		w.path = path;
	}
	return scan(&w, list, max);
}

int beneath_inside(dev_t dev, struct beneath *list, int max)
{
	struct wanted w = {.dev = dev};

	return scan(&w, list, max);
}

char *beneath_text(char *dst, size_t size, const struct beneath *list, int n)
{
	size_t len = 0;

	dst[0] = '\0';
	for (int i = 0; i < n && len < size; i++) {
		int more = snprintf(dst + len, size - len, "%s%s (%d)", i > 0 ? ", " : "",
				    list[i].command, (int)list[i].pid);
		len += more > 0 ? (size_t)more : 0;
	}
	return dst;
}
