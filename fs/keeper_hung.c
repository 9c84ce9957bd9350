/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A thread that is inside a notification when its process is killed cannot die before the kernel
 * has what it waits for: a lock that a program in the mount holds while it waits for an answer of
 * the dead. So the device is never closed, the connection never ends, and all who touch the mount
 * wait for ever.
 *
 * Such processes are seen in /proc: zombies with a thread left, whose descriptors are still there.
 * Keeper and worker hold the directory beneath, which is of the mount's parent (mount numbers are
 * never those of another namespace), and a device. Nothing here asks the mount.
 */
#include "fs/keeper_parts.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Of one process this many descriptors are looked at. */
#define FDS_MAX 65536
#define STAT_TEXT_MAX 512
/* /dev/fuse: Documentation/admin-guide/devices.txt */
#define FUSE_MAJOR 10
#define FUSE_MINOR 229

static DIR *open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !d)
		close(fd);
	return d;
}

/* The next name that is a number, or NULL. */
static const char *next_number(DIR *d)
{
	struct dirent *e;

	while ((e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]))
			return e->d_name;
	return NULL;
}

static bool leads_to(int fds, const char *link, const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fds, link, target, sizeof(target) - 1);

	if (n <= 0)
		return false;
	target[n] = '\0';
	return strcmp(target, path) == 0;
}

/* `task`: of a process or a thread. It has a device, and the directory of that path in that mount.
 */
static bool holds(int task, const char *path, uint64_t mount_id)
{
	bool device = false, directory = false;
	const char *name;
	struct statx st;

	DIR *d CLEANUP_CLOSEDIR = open_dir(task, "fd");
	for (int i = 0; d && i < FDS_MAX && !(device && directory); i++) {
		name = next_number(d);
		if (!name)
			break;
		if (statx(dirfd(d), name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
			  STATX_TYPE | STATX_MNT_ID, &st) < 0)
			continue;
		if (S_ISCHR(st.stx_mode))
			device |=
			    st.stx_rdev_major == FUSE_MAJOR && st.stx_rdev_minor == FUSE_MINOR;
		else if (S_ISDIR(st.stx_mode) && (st.stx_mask & STATX_MNT_ID))
			directory |= st.stx_mnt_id == mount_id && leads_to(dirfd(d), name, path);
	}
	return device && directory;
}

static bool any_thread_holds(int process, const char *path, uint64_t mount_id)
{
	const char *name;

	DIR *d CLEANUP_CLOSEDIR = open_dir(process, "task");
	while (d && (name = next_number(d))) {
		int task CLEANUP_CLOSE = openat(dirfd(d), name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (task >= 0 && holds(task, path, mount_id))
			return true;
	}
	return false;
}

/* proc(5): the state is what follows the name in parentheses. */
static bool is_dead(int process)
{
	char text[STAT_TEXT_MAX];
	int fd CLEANUP_CLOSE = openat(process, "stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	const char *end = strrchr(text, ')');
	return end && (strncmp(end, ") Z", 3) == 0 || strncmp(end, ") X", 3) == 0);
}

int keeper_hung(const char *path, uint64_t mount_id)
{
	bool dead = false, alive = false;
	const char *name;

	DIR *d CLEANUP_CLOSEDIR = open_dir(AT_FDCWD, "/proc");
	if (!d)
		return -errno;
	while ((name = next_number(d))) {
		int process CLEANUP_CLOSE =
		    openat(dirfd(d), name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (process < 0)
			continue;
		if (is_dead(process))
			dead |= any_thread_holds(process, path, mount_id);
		else
			alive |= holds(process, path, mount_id);
	}
	return !dead ? 0 : alive ? -EAGAIN : 1;
}
