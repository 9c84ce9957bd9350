/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Contents that wait stand in a list, oldest first; what is in it has a name in the directory.
 *
 * A descriptor that is given away is of a mount of that one file. It can be kept as a path
 * (O_PATH), and a path can be opened again once the file has the mode that its new place asks for;
 * so the mount is made read-only before the file goes there, which the kernel refuses as long as
 * somebody writes through it, and which holds for whatever is left of it.
 */
#include "fs/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "fs/backing.h"
#include "fs/fs.h"

struct waiting {
	TAILQ_ENTRY(waiting) list;
	struct staged staged;
	bool syncing;
};

struct staging {
	struct fs *fs;
	int fd;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t synced;
	uint64_t names;
	unsigned count;
	TAILQ_HEAD(, waiting) list;
};

static void empty(int fd)
{
	int dup_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d CLEANUP_CLOSEDIR = dup_fd < 0 ? NULL : fdopendir(dup_fd);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, e->d_name, 0) < 0 && unlinkat(fd, e->d_name, AT_REMOVEDIR) < 0)
			log_warning("%s/%s: cannot be removed: %s", PATH_STAGING, e->d_name,
				    err_text(-errno));
	}
}

static int open_dir(struct fs *fs)
{
	if (mkdirat(fs->root, PATH_STAGING, 0700) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(fs->root, PATH_STAGING, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0700) < 0 || (geteuid() == 0 && fchown(fd, 0, 0) < 0)) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

struct staging *staging_new(struct fs *fs, int *rc)
{
	struct staging *s = calloc(1, sizeof(*s));

	*rc = -ENOMEM;
	if (!s)
		return NULL;
	s->fs = fs;
	s->fd = open_dir(fs);
	if (s->fd < 0) {
		*rc = s->fd;
		free(s);
		return NULL;
	}
	empty(s->fd);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->synced, NULL);
	TAILQ_INIT(&s->list);
	*rc = 0;
	return s;
}

void staging_free(struct staging *s)
{
	if (!s)
		return;
	staging_forget(s);
	empty(s->fd);
	if (unlinkat(s->fs->root, PATH_STAGING, AT_REMOVEDIR) < 0)
		log_warning(PATH_STAGING ": cannot be removed: %s", err_text(-errno));
	close(s->fd);
	pthread_cond_destroy(&s->synced);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int staging_fd(const struct staging *s)
{
	return s->fd;
}

void staging_name(struct staging *s, char name[STAGING_NAME])
{
	pthread_mutex_lock(&s->lock);
	uint64_t n = ++s->names;
	pthread_mutex_unlock(&s->lock);
	snprintf(name, STAGING_NAME, "%016llx", (unsigned long long)n);
}

void staging_remove(struct staging *s, const char *name)
{
	if (unlinkat(s->fd, name, 0) == 0 || errno == ENOENT)
		return;
	if (unlinkat(s->fd, name, AT_REMOVEDIR) < 0)
		log_warning("%s/%s: cannot be removed: %s", PATH_STAGING, name, err_text(-errno));
}

static void forget_one(struct staging *s, const struct staged *staged)
{
	staging_remove(s, staged->name);
	if (staged->mount >= 0)
		close(staged->mount);
}

/* With the lock held; the oldest goes when there are too many. What has to go, or NULL. */
static struct waiting *append(struct staging *s, struct waiting *w)
{
	struct waiting *oldest;

	TAILQ_INSERT_TAIL(&s->list, w, list);
	if (++s->count <= STAGING_MAX)
		return NULL;
	oldest = TAILQ_FIRST(&s->list);
	TAILQ_REMOVE(&s->list, oldest, list);
	s->count--;
	return oldest;
}

static void keep(struct staging *s, const struct staged *staged, bool syncing)
{
	struct waiting *w = malloc(sizeof(*w));
	struct waiting *gone;

	if (!w) {
		forget_one(s, staged);
		return;
	}
	w->staged = *staged;
	w->syncing = syncing;
	pthread_mutex_lock(&s->lock);
	gone = append(s, w);
	pthread_mutex_unlock(&s->lock);
	if (gone)
		forget_one(s, &gone->staged);
	free(gone);
}

void staging_give_back(struct staging *s, const struct staged *staged)
{
	keep(s, staged, false);
}

static int write_all(int fd, const uint8_t *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A descriptor to give away, and its mount; where mounts cannot be cloned, `file` itself. Only what
 * is mounted somewhere can be: the directory as the keeper gave it. */
static int open_given(struct staging *s, struct staged *staged, int file)
{
	char path[sizeof(PATH_STAGING) + STAGING_NAME + 1];
	struct stat ours;
	struct stat theirs;

	snprintf(path, sizeof(path), PATH_STAGING "/%s", staged->name);
	int tree = open_tree(s->fs->plain, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return file;
	int given = backing_reopen(tree, O_WRONLY);
	if (given >= 0 && (fstat(file, &ours) < 0 || fstat(given, &theirs) < 0 ||
			   ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev)) {
		close(given);
		given = -ESTALE;
	}
	close(file);
	staged->mount = tree;
	return given;
}

int staging_seal(struct staged *staged, int fd)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

	if (!staged->given)
		return 0;
	if (staged->mount >= 0) {
		if (mount_setattr(staged->mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
			return errno == EBUSY ? ERR_DENIED : -errno;
		close(staged->mount);
		staged->mount = -1;
	}
	/* Granted only where no descriptor or mapping for writing is left. */
	if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
		return errno == EAGAIN ? ERR_DENIED : -errno;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return 0;
}

int staging_add(struct staging *s, uint64_t size, const void *content, struct staged *staged,
		int *fd)
{
	*fd = -1;
	*staged = (struct staged){.size = size, .given = !content, .mount = -1};
	staging_name(s, staged->name);
	int file =
	    openat(s->fd, staged->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0)
		return -errno;
	int rc = content ? write_all(file, content, size) : 0;
	if (rc == 0)
		rc = backing_look(s->fs, file, "", &staged->handle, NULL);
	if (rc < 0) {
		close(file);
		staging_remove(s, staged->name);
		return rc;
	}
	if (!content)
		file = open_given(s, staged, file);
	if (file < 0) {
		forget_one(s, staged);
		return file;
	}
	*fd = file;
	keep(s, staged, content != NULL);
	return 0;
}

/* With the lock held. */
static struct waiting *find_name(struct staging *s, const char *name)
{
	struct waiting *w;

	TAILQ_FOREACH(w, &s->list, list)
		if (strcmp(w->staged.name, name) == 0)
			return w;
	return NULL;
}

void staging_sync(struct staging *s, const char *name, int take_fd)
{
	int rc = fsync(take_fd) < 0 ? -errno : 0;

	close(take_fd);
	if (rc < 0)
		log_limited(LOG_LEVEL_ERROR, "a content cannot be staged: %s", err_text(rc));
	pthread_mutex_lock(&s->lock);
	struct waiting *w = find_name(s, name); /* none: given up meanwhile */
	if (w) {
		w->syncing = false;
		w->staged.synced = true;
	}
	if (w && rc < 0) {
		TAILQ_REMOVE(&s->list, w, list);
		s->count--;
	}
	pthread_cond_broadcast(&s->synced);
	pthread_mutex_unlock(&s->lock);
	if (w && rc < 0) {
		forget_one(s, &w->staged);
		free(w);
	}
}

/* With the lock held. */
static struct waiting *find(struct staging *s, const struct fhandle *handle)
{
	struct waiting *w;

	TAILQ_FOREACH(w, &s->list, list)
		if (fhandle_same(&w->staged.handle, handle))
			return w;
	return NULL;
}

int staging_read(struct staging *s, const struct fhandle *handle)
{
	pthread_mutex_lock(&s->lock);
	struct waiting *w = find(s, handle);
	int fd = w ? openat(s->fd, w->staged.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : ERR_UNKNOWN;
	if (w && fd < 0)
		fd = -errno;
	pthread_mutex_unlock(&s->lock);
	return fd;
}

int staging_take(struct staging *s, const struct fhandle *handle, struct staged *out)
{
	struct waiting *w;

	pthread_mutex_lock(&s->lock);
	while ((w = find(s, handle)) && w->syncing)
		pthread_cond_wait(&s->synced, &s->lock);
	if (w) {
		*out = w->staged;
		TAILQ_REMOVE(&s->list, w, list);
		s->count--;
		free(w);
	}
	pthread_mutex_unlock(&s->lock);
	return w ? 0 : ERR_UNKNOWN;
}

void staging_drop(struct staging *s, const struct fhandle *handle)
{
	struct staged staged;

	if (staging_take(s, handle, &staged) == 0)
		forget_one(s, &staged);
}

void staging_forget(struct staging *s)
{
	struct waiting *w;

	for (;;) {
		pthread_mutex_lock(&s->lock);
		w = TAILQ_FIRST(&s->list);
		if (w) {
			TAILQ_REMOVE(&s->list, w, list);
			s->count--;
		}
		pthread_mutex_unlock(&s->lock);
		if (!w)
			return;
		forget_one(s, &w->staged);
		free(w);
	}
}
