/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The replaced files are copied into a tmpfs that lies on the mount's place in this namespace alone; for
 * the tree it is the overlay's upper of two read-only layers, whiteouts in it are what is gone. Copies
 * may be read by everyone: nobody else sees them, and who may read what has been decided before.
 *
 * Runs between fork and exec of a threaded process: system calls only.
 */
#include "fs/checkview.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/path.h"

#define MOUNTS_MAX 16 /* on top of each other */
#define LAYER "changed"
#define PLAIN "plain"

int checkview_add(struct checkview *v, const char *path, int take_fd)
{
	struct checkview_file *files = reallocarray(v->files, v->n + 1, sizeof(*files));
	char *copy = strdup(path);

	if (files)
		v->files = files;
	if (!files || !copy) {
		free(copy);
		if (take_fd >= 0)
			close(take_fd);
		return -ENOMEM;
	}
	files[v->n++] = (struct checkview_file){copy, take_fd};
	return 0;
}

bool checkview_has(const struct checkview *v, const char *path)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->files[i].path, path) == 0)
			return true;
	return false;
}

void checkview_fini(struct checkview *v)
{
	for (size_t i = 0; i < v->n; i++) {
		free(v->files[i].path);
		if (v->files[i].fd >= 0)
			close(v->files[i].fd);
	}
	free(v->files);
	v->files = NULL;
	v->n = 0;
}

/* ---- in the child ---- */

/* The mount and whatever lies on it, until the directory beneath appears. */
static int uncover(const struct checkview *v)
{
	for (int i = 0; i < MOUNTS_MAX; i++) {
		struct stat st;
		int rc = i == 0 ? -1 : stat(v->mount, &st);

		if (rc == 0 && st.st_dev == v->dev && st.st_ino == v->ino)
			return 0;
		if (umount2(v->mount, MNT_DETACH | UMOUNT_NOFOLLOW) < 0) {
			/* Not mounted at all, as where the tree is looked at by itself. */
			if (errno == EINVAL && stat(v->mount, &st) == 0 && st.st_dev == v->dev &&
			    st.st_ino == v->ino)
				return 0;
			return -errno;
		}
	}
	return -ELOOP;
}

/* The directories above `path`, in `dir`. */
static int make_parents(int dir, const char *path)
{
	char part[PATH_LEN_MAX + 1];

	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		size_t n = (size_t)(p - path);

		if (n > PATH_LEN_MAX)
			return -ENAMETOOLONG;
		memcpy(part, path, n);
		part[n] = '\0';
		if (n > 0 && mkdirat(dir, part, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int copy(int to, int from)
{
	off_t at = 0;
	ssize_t n;

	while ((n = sendfile(to, from, &at, 16 << 20)) > 0)
		;
	return n < 0 ? -errno : 0;
}

static int put(int dir, const struct checkview_file *f)
{
	int rc = make_parents(dir, f->path);

	if (rc < 0)
		return rc;
	if (f->fd < 0)
		return mknodat(dir, f->path, S_IFCHR, makedev(0, 0)) < 0 ? -errno : 0;
	int fd = openat(dir, f->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	if (fd < 0)
		return -errno;
	rc = copy(fd, f->fd);
	close(fd);
	return rc;
}

static int put_all(const struct checkview *v, int dir)
{
	int rc = 0;

	for (size_t i = 0; i < v->n && rc == 0; i++)
		rc = put(dir, &v->files[i]);
	return rc;
}

/* A tmpfs on the mount's place, which becomes the current directory. */
static int cover(const struct checkview *v)
{
	if (mount("zonefs-check", v->mount, "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC,
		  "mode=0755") < 0 ||
	    chdir(v->mount) < 0)
		return -errno;
	return 0;
}

static int view_files(const struct checkview *v)
{
	int rc = cover(v);
	int dir = rc < 0 ? -1 : open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return rc < 0 ? rc : -errno;
	rc = put_all(v, dir);
	close(dir);
	return rc;
}

/* The overlay, out of the directory beneath and the layer of what differs. */
static int lay_over(const struct checkview *v)
{
	char beneath[32] = "/proc/self/fd/";
	int plain = open(v->mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *p = beneath + strlen(beneath);

	if (plain < 0 || plain > 9999)
		return plain < 0 ? -errno : -EMFILE;
	for (int n = 1000; n > 0; n /= 10)
		if (plain >= n)
			*p++ = (char)('0' + plain / n % 10);
	*p = '\0';
	int rc = cover(v);
	if (rc < 0)
		return rc;
	if (mkdir(LAYER, 0755) < 0 || mkdir(PLAIN, 0755) < 0 ||
	    mount(beneath, PLAIN, NULL, MS_BIND, NULL) < 0)
		return -errno;
	int layer = open(LAYER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (layer < 0)
		return -errno;
	rc = put_all(v, layer);
	close(layer);
	close(plain);
	if (rc == 0 &&
	    mount("zonefs-check", v->mount, "overlay", MS_RDONLY, "lowerdir=" LAYER ":" PLAIN) < 0)
		rc = -errno;
	return rc;
}

int checkview_make(void *arg)
{
	const struct checkview *v = arg;
	struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	int rc = uncover(v);
	if (rc == 0 && !v->root)
		rc = view_files(v);
	else if (rc == 0 && v->n > 0)
		rc = lay_over(v);
	if (rc < 0)
		return rc;
	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &readonly, sizeof(readonly)) < 0)
		return -errno;
	return v->root && chdir(v->root) < 0 ? -errno : 0;
}
