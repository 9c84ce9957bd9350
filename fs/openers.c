/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * /proc/PID/fdinfo tells inode number, mount and flags of a descriptor, without a path walk that
 * would lead into our own mount. Whether that mount is ours, in whatever namespace, is told by its
 * device.
 */
#include "fs/openers.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "fs/backing.h"
#include "fs/fs.h"

#define PROC_PATH_MAX 300

/* The device of mount `id` as that process sees it, as "major:minor"; false: not found. */
static bool mount_device(const char *pid, int id, char *dev, size_t size)
{
	char path[PROC_PATH_MAX];
	char *line CLEANUP_FREE = NULL;
	size_t len = 0;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%s/mountinfo", pid);
	FILE *f CLEANUP_FCLOSE = fopen(path, "re");
	while (f && !found && getline(&line, &len, f) > 0) {
		int mount_id;
		char device[32];
		if (sscanf(line, "%d %*d %31s", &mount_id, device) == 2 && mount_id == id) {
			snprintf(dev, size, "%s", device);
			found = true;
		}
	}
	return found;
}

/* Our own mount's device. */
static bool our_device(const char *mount, char *dev, size_t size)
{
	char *line CLEANUP_FREE = NULL;
	size_t len = 0;
	bool found = false;

	FILE *f CLEANUP_FCLOSE = fopen("/proc/self/mountinfo", "re");
	while (f && getline(&line, &len, f) > 0) {
		char device[32];
		char at[4097];
		/* The last one lies on top; a blank in the path is written \040. */
		if (sscanf(line, "%*d %*d %31s %*s %4096s", device, at) == 2 &&
		    strstr(line, " fuse.zonefs ") && strcmp(at, mount) == 0) {
			snprintf(dev, size, "%s", device);
			found = true;
		}
	}
	return found;
}

static bool has_open(const char *pid, const char *fd, uint64_t ino, const char *dev)
{
	char path[2 * PROC_PATH_MAX];
	char line[128];
	char device[32];
	unsigned long long inode = 0;
	unsigned flags = 0;
	int mount_id = -1;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, fd);
	FILE *f CLEANUP_FCLOSE = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "flags: %o", &flags);
		sscanf(line, "mnt_id: %d", &mount_id);
		if (sscanf(line, "ino: %llu", &inode) == 1)
			break;
	}
	return inode == ino && (flags & O_ACCMODE) != O_RDONLY &&
	       mount_device(pid, mount_id, device, sizeof(device)) && strcmp(device, dev) == 0;
}

/* A mapping that was kept when its descriptor was closed. */
static bool has_mapped(const char *pid, uint64_t ino, const char *dev)
{
	unsigned dev_major = 0;
	unsigned dev_minor = 0;
	char path[PROC_PATH_MAX];
	char *line CLEANUP_FREE = NULL;
	size_t len = 0;

	if (sscanf(dev, "%u:%u", &dev_major, &dev_minor) != 2)
		return false;
	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	FILE *f CLEANUP_FCLOSE = fopen(path, "re");
	while (f && getline(&line, &len, f) > 0) {
		char rights[8];
		unsigned map_major;
		unsigned map_minor;
		unsigned long long inode;
		if (sscanf(line, "%*s %7s %*s %x:%x %llu", rights, &map_major, &map_minor,
			   &inode) == 4 &&
		    inode == ino && map_major == dev_major && map_minor == dev_minor &&
		    rights[1] == 'w' && rights[3] == 's')
			return true;
	}
	return false;
}

static bool uses(const char *pid, uint64_t ino, const char *dev)
{
	char path[PROC_PATH_MAX];
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	DIR *d CLEANUP_CLOSEDIR = opendir(path);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && has_open(pid, e->d_name, ino, dev))
			return true;
	return d && has_mapped(pid, ino, dev);
}

static void set_opener(struct opener *o, const char *pid)
{
	char path[PROC_PATH_MAX];

	*o = (struct opener){.pid = (pid_t)strtol(pid, NULL, 10)};
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	FILE *f CLEANUP_FCLOSE = fopen(path, "re");
	if (f && fgets(o->command, sizeof(o->command), f))
		o->command[strcspn(o->command, "\n")] = '\0';
}

int openers_find(struct fs *fs, struct node *n, struct opener *list, int max)
{
	struct stat st;
	struct dirent *e;
	char dev[32];
	int count = 0;

	struct backing_fd fd = backing_fd(fs, n);
	bool known = fd.fd >= 0 && fstat(fd.fd, &st) == 0;
	backing_done(fd);
	if (!known || !our_device(fs->mount, dev, sizeof(dev)))
		return 0;
	DIR *d CLEANUP_CLOSEDIR = opendir("/proc");
	while (d && count < max && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]) && uses(e->d_name, st.st_ino, dev))
			set_opener(&list[count++], e->d_name);
	return count;
}
