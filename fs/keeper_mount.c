/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The mount: opened beneath, locked, laid over, detached, aborted. mount(2) is called by ourselves:
 * fusermount3 would force nosuid and nodev, and a chroot's dev/null would be dead.
 *
 * The lock is on the directory beneath. A second instance finds the mount alive, or, while a
 * stopped one still serves those inside, the lock taken.
 *
 * A connection is ended through the fuse control file system, which works while a thread of ours is
 * inside a notification; closing the device would not.
 */
#include "fs/keeper_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/beneath.h"

#define TYPE "fuse.zonefs"
#define STALE_MAX 16
#define LOG_TEXT_MAX 2048
/* What dies is waited for. */
#define HUNG_MSEC 2000
#define LOCK_MSEC 10000

static const struct timespec look_again = {.tv_nsec = 10000000};

/* A line of mountinfo: proc(5). */
struct entry {
	dev_t dev;
	unsigned int parent; /* the mount it is on */
	char path[PATH_MAX];
	char type[64];
};

/* In mountinfo blanks and the like are \ooo. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		unsigned int byte;
		if (s[0] == '\\' && strlen(s) > 3 && sscanf(s + 1, "%3o", &byte) == 1) {
			*to++ = (char)byte;
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static bool parse_entry(const char *line, struct entry *e)
{
	unsigned int major, minor;
	int at = 0;

	if (sscanf(line, "%*d %u %u:%u %*s %4095s%n", &e->parent, &major, &minor, e->path, &at) !=
	    4)
		return false;
	const char *dash = strstr(line + at, " - ");
	if (!dash || sscanf(dash + 3, "%63s", e->type) != 1)
		return false;
	e->dev = makedev(major, minor);
	unescape(e->path);
	return true;
}

/* The mount that `path` leads to: the last one on it. *below: mounts that are inside the directory.
 */
static bool find_mount(const char *path, struct entry *found, int *below)
{
	FILE *f CLEANUP_FCLOSE = fopen("/proc/self/mountinfo", "re");
	char *line CLEANUP_FREE = NULL;
	size_t size = 0, n = strlen(path);
	bool there = false;

	*below = 0;
	struct entry *e CLEANUP_FREE = malloc(sizeof(*e));
	while (f && e && getline(&line, &size, f) > 0) {
		if (!parse_entry(line, e) || strncmp(e->path, path, n) != 0)
			continue;
		if (e->path[n] == '/')
			++*below;
		if (e->path[n] != '\0')
			continue;
		*found = *e;
		there = true;
		*below = 0;
	}
	return there;
}

bool keeper_mount_there(const struct keeper_mount *m)
{
	struct entry e;
	int below;

	return find_mount(m->path, &e, &below) && e.dev == m->dev;
}

/* ---- its connection ---- */

/* The control file system, mounted nowhere. */
static int open_control(void)
{
	int context CLEANUP_CLOSE = fsopen("fusectl", FSOPEN_CLOEXEC);

	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return fsmount(context, FSMOUNT_CLOEXEC, 0);
}

/* While it is mounted: the number of a mount that has gone is given again, and by number somebody
 * else's would be aborted. A file that was opened before does nothing then. */
static void keep_control(struct keeper_mount *m)
{
	char path[64];

	if (m->control >= 0)
		close(m->control);
	int control CLEANUP_CLOSE = open_control();
	snprintf(path, sizeof(path), "%u/abort", minor(m->dev));
	m->control = control < 0 ? -1 : openat(control, path, O_WRONLY | O_CLOEXEC);
	if (m->control >= 0)
		return;
	snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort", minor(m->dev));
	m->control = open(path, O_WRONLY | O_CLOEXEC);
}

/* ---- beginning ---- */

static int resolve(struct keeper_mount *m, const char *mount)
{
	char *path CLEANUP_FREE = realpath(mount, NULL);

	if (!path && errno != ENOTCONN) {
		int err = -errno;
		log_error("%s: %s", mount, err_text(err));
		return err;
	}
	int n = snprintf(m->path, sizeof(m->path), "%s", path ? path : mount);
	if (n < 2 || (size_t)n >= sizeof(m->path)) {
		log_error("%s cannot be mounted upon", mount);
		return -EINVAL;
	}
	return 0;
}

/* keeper_hung, once all who are about to die are dead. */
static int find_hung(const struct entry *e)
{
	int64_t until = clock_monotonic_msec() + HUNG_MSEC;
	int rc;

	while ((rc = keeper_hung(e->path, e->parent)) == -EAGAIN && clock_monotonic_msec() < until)
		nanosleep(&look_again, NULL);
	return rc;
}

/* Who opens one that hangs would hang, too. */
static bool is_disconnected(const char *path)
{
	int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

/* 1: it is a dead mount of ours; or 0, or an error. */
static int find_stale(struct keeper_mount *m)
{
	struct entry e;
	int below;

	if (!find_mount(m->path, &e, &below) || strcmp(e.type, TYPE) != 0)
		return 0;
	m->dev = e.dev;
	keep_control(m);
	int rc = find_hung(&e);
	if (rc == 1) {
		log_notice("%s: a killed zonefs hangs in its mount: ending that", m->path);
		keeper_mount_abort(m);
		return 1;
	}
	if (rc == 0 && is_disconnected(m->path))
		return 1;
	if (rc < 0 && rc != -EAGAIN)
		log_error("/proc: %s", err_text(rc));
	else
		log_error("%s: a zonefs is running here already", m->path);
	return -EBUSY;
}

/* How many there were: what the path leads to now is no dead mount of ours. */
static int clear_stale(struct keeper_mount *m)
{
	for (int i = 0; i < STALE_MAX; i++) {
		int rc = find_stale(m);
		if (rc <= 0)
			return rc < 0 ? rc : i;
		keeper_mount_log_inside(m, "in the dead mount of an earlier run, restart them");
		if (umount2(m->path, MNT_DETACH) < 0) {
			int err = -errno;
			log_error("%s: a dead mount cannot be detached: %s", m->path,
				  err_text(err));
			return err;
		}
		log_notice("%s: cleared away the dead mount of an earlier run", m->path);
	}
	return -ELOOP;
}

/* Those whose mount was cleared away still end. */
static int lock(struct keeper_mount *m, bool cleared)
{
	int64_t until = clock_monotonic_msec() + (cleared ? LOCK_MSEC : 0);

	while (flock(m->lock, LOCK_EX | LOCK_NB) < 0) {
		int err = -errno;
		if (err == -EWOULDBLOCK && clock_monotonic_msec() < until) {
			nanosleep(&look_again, NULL);
			continue;
		}
		log_error("%s: %s", m->path,
			  err == -EWOULDBLOCK ? "another zonefs is running here, or is still ending"
					      : err_text(err));
		return err;
	}
	return 0;
}

/* What will be out of sight: mounts in the directory, and what processes in it write. */
static void warn_of_hidden(const struct keeper_mount *m)
{
	struct beneath list[BENEATH_MAX];
	char text[LOG_TEXT_MAX];
	struct entry e;
	int below;

	find_mount(m->path, &e, &below);
	if (below > 0)
		log_warning("%s: %d file systems are mounted in it and will be hidden: mount "
			    "them after zonefs",
			    m->path, below);
	int n = beneath_list(m->root, m->path, list, BENEATH_MAX);
	if (n > 0)
		log_warning("%s: in the plain directory, where what they write is unseen, restart "
			    "them: %s",
			    m->path, beneath_text(text, sizeof(text), list, n));
}

int keeper_mount_open(struct keeper_mount *m, const char *mount)
{
	m->root = m->lock = m->device = m->control = -1;
	int rc = resolve(m, mount);
	int cleared = rc < 0 ? rc : clear_stale(m);
	if (cleared < 0)
		return cleared;
	m->root = open(m->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (m->root >= 0)
		m->lock = openat(m->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->lock < 0) {
		rc = -errno;
		log_error("%s: %s", m->path, err_text(rc));
		return rc;
	}
	rc = lock(m, cleared > 0);
	if (rc < 0)
		return rc;
	warn_of_hidden(m);
	return 0;
}

int keeper_mount_attach(struct keeper_mount *m, bool devices, bool trial)
{
	char options[160], target[32];
	unsigned long flags = devices && !trial ? 0 : MS_NODEV;
	struct entry e;
	int below;

	if (trial)
		flags |= MS_NOSUID;
	m->device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (m->device < 0) {
		int err = -errno;
		log_error("/dev/fuse: %s", err_text(err));
		return err;
	}
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=%o,user_id=0,group_id=0,allow_other,default_permissions",
		 m->device, (unsigned int)S_IFDIR);
	snprintf(target, sizeof(target), "/proc/self/fd/%d", m->root);
	if (mount("zonefs", target, TYPE, flags, options) < 0) {
		int err = -errno;
		log_error("%s cannot be mounted: %s", m->path, err_text(err));
		keeper_mount_close_device(m);
		return err;
	}
	m->attached = true;
	if (find_mount(m->path, &e, &below)) {
		m->dev = e.dev;
		keep_control(m);
	}
	return 0;
}

/* ---- end ---- */

void keeper_mount_detach(struct keeper_mount *m, bool end)
{
	struct entry e;
	int below;

	if (!m->attached)
		return;
	m->attached = false;
	if (!find_mount(m->path, &e, &below) || e.dev != m->dev) {
		log_warning("%s is not our mount any more: left as it is", m->path);
		return;
	}
	if (below > 0)
		log_warning("%s: %d file systems mounted in it go with it", m->path, below);
	if (umount2(m->path, MNT_DETACH | (end ? MNT_FORCE : 0)) < 0)
		log_error("%s cannot be unmounted: %s", m->path, err_text(-errno));
}

void keeper_mount_abort(struct keeper_mount *m)
{
	/* None: it may not be asked; then closing the device does it. */
	if (m->control >= 0 && write(m->control, "1", 1) < 0)
		log_warning("%s: the connection cannot be aborted: %s", m->path, err_text(-errno));
}

void keeper_mount_close_device(struct keeper_mount *m)
{
	if (m->device >= 0)
		close(m->device);
	m->device = -1;
}

void keeper_mount_close(struct keeper_mount *m)
{
	keeper_mount_close_device(m);
	if (m->lock >= 0)
		close(m->lock);
	if (m->root >= 0)
		close(m->root);
	if (m->control >= 0)
		close(m->control);
	m->lock = m->root = m->control = -1;
}

int keeper_mount_log_inside(const struct keeper_mount *m, const char *sentence)
{
	struct beneath list[BENEATH_MAX];
	char text[LOG_TEXT_MAX];
	int n = beneath_inside(m->dev, list, BENEATH_MAX);

	if (n > 0)
		log_warning("%s: %s: %s", m->path, sentence,
			    beneath_text(text, sizeof(text), list, n));
	return n;
}
