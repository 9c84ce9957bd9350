/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The owner comes before the mode (chown drops set-id bits), attributes before the mode too (it
 * sets an ACL's mask), the mtime last.
 */
#include "fs/make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fs/backing.h"
#include "fs/fs.h"
#include "fs/tree.h"

#define XATTR_NAMES_MAX 65536
#define XATTR_VALUE_MAX 65536
#define ACL_ACCESS "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"
#define LABEL "security.selinux"

mode_t make_mode(const struct fs *fs, const struct install *in)
{
	mode_t mode = in->mode & 07777;

	return fs->conf->allow_setid ? mode : mode & ~(mode_t)(S_ISUID | S_ISGID);
}

/* ---- extended attributes ---- */

/* What belongs to the old content only. */
static bool content_only(const char *name)
{
	return strcmp(name, "security.capability") == 0 || strcmp(name, "security.ima") == 0 ||
	       strcmp(name, "security.evm") == 0;
}

/* True: there was one. The size is asked first: most often there is none, and the kernel would get
 * memory for the largest. */
static bool copy_one(const char *from, const char *name, int to, const char *as)
{
	ssize_t len = getxattr(from, name, NULL, 0);

	if (len < 0)
		return false;
	char *value CLEANUP_FREE = malloc(XATTR_VALUE_MAX);
	len = value ? getxattr(from, name, value, XATTR_VALUE_MAX) : -1;
	/* A file system that has no place for one does not keep the file from coming. */
	if (len >= 0)
		fsetxattr(to, as, value, (size_t)len, 0);
	return true;
}

static bool copy_all(const char *from, int to)
{
	ssize_t len = listxattr(from, NULL, 0);
	bool any = false;

	if (len <= 0)
		return false;
	char *names CLEANUP_FREE = malloc(XATTR_NAMES_MAX);
	len = names ? listxattr(from, names, XATTR_NAMES_MAX) : -1;
	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1)
		if (!content_only(names + at))
			any |= copy_one(from, names + at, to, names + at);
	return any;
}

/* From what is there now, if it is of the same kind; from the directory else. True: some were. */
static bool give_xattrs(struct fs *fs, const struct install *in, int to)
{
	char proc[BACKING_PROC_MAX];
	struct place p;
	struct stat st;
	bool any = false;

	if (place_open(fs, in->path, &p) < 0)
		return false;
	int old = openat(p.dir, p.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (old >= 0 && fstat(old, &st) == 0 && kind_of_mode(st.st_mode) == in->kind) {
		any = copy_all(backing_proc(proc, old), to);
	} else {
		backing_proc(proc, p.dir);
		any = copy_one(proc, LABEL, to, LABEL);
		any |= copy_one(proc, ACL_DEFAULT, to, ACL_ACCESS);
		if (in->kind == KIND_DIR)
			any |= copy_one(proc, ACL_DEFAULT, to, ACL_DEFAULT);
	}
	if (old >= 0)
		close(old);
	place_close(&p);
	return any;
}

int make_attributes(const struct fs *fs, const struct install *in, int fd)
{
	if (fchown(fd, in->uid, in->gid) < 0 || fchmod(fd, make_mode(fs, in)) < 0)
		return -errno;
	return in->kind == KIND_FILE ? backing_utimens(fd, UTIME_OMIT_NSEC, in->mtime_nsec) : 0;
}

static bool has_attributes(const struct fs *fs, const struct install *in, const struct stat *st)
{
	return st->st_uid == in->uid && st->st_gid == in->gid &&
	       (st->st_mode & 07777) == make_mode(fs, in) && backing_mtime(st) == in->mtime_nsec;
}

/* `staged`: a content, whose attributes may be the right ones already; NULL: something new. */
static int complete(struct fs *fs, const struct install *in, int fd, const struct staged *staged)
{
	struct stat st;
	bool given = give_xattrs(fs, in, fd);

	if (fstat(fd, &st) < 0)
		return -errno;
	if (staged && staged->synced && !given && has_attributes(fs, in, &st))
		return 0;
	int rc = make_attributes(fs, in, fd);
	if (rc < 0)
		return rc;
	return fsync(fd) < 0 ? -errno : 0;
}

/* ---- kinds ---- */

/* What was written by the replicator must be complete and beyond its reach. */
static int prove(struct staged *s, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size != s->size)
		return ERR_FORMAT;
	return staging_seal(s, fd);
}

static int make_file(struct fs *fs, const struct install *in, struct made *m)
{
	if (!(in->flags & INSTALL_HAS_CONTENT))
		return ERR_FORMAT;
	int rc = staging_take(fs->staging, &in->handle, &m->staged);
	if (rc < 0)
		return rc;
	m->content = true;
	memcpy(m->name, m->staged.name, STAGING_NAME);
	int fd = openat(staging_fd(fs->staging), m->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	rc = fd < 0 ? -errno : prove(&m->staged, fd);
	if (rc == 0)
		rc = complete(fs, in, fd, &m->staged);
	m->staged.synced = rc == 0;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int make_dir(struct fs *fs, const struct install *in, struct made *m)
{
	int staging = staging_fd(fs->staging);

	if (mkdirat(staging, m->name, 0700) < 0)
		return -errno;
	int fd = openat(staging, m->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int rc = fd < 0 ? -errno : complete(fs, in, fd, NULL);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int make_link(struct fs *fs, const struct install *in, struct made *m)
{
	int staging = staging_fd(fs->staging);

	if (!in->target[0])
		return ERR_FORMAT;
	if (symlinkat(in->target, staging, m->name) < 0)
		return -errno;
	int fd = openat(staging, m->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = fchownat(fd, "", in->uid, in->gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
	if (rc == 0)
		rc = backing_utimens(fd, UTIME_OMIT_NSEC, in->mtime_nsec);
	close(fd);
	return rc;
}

int make_staged(struct fs *fs, const struct install *in, struct made *m)
{
	int rc = ERR_FORMAT;

	*m = (struct made){0};
	if (in->kind == KIND_FILE)
		rc = make_file(fs, in, m);
	else
		staging_name(fs->staging, m->name);
	if (in->kind == KIND_DIR)
		rc = make_dir(fs, in, m);
	else if (in->kind == KIND_LINK)
		rc = make_link(fs, in, m);
	if (rc < 0)
		make_undone(fs, m);
	return rc;
}

void make_undone(struct fs *fs, struct made *m)
{
	if (m->content)
		staging_give_back(fs->staging, &m->staged);
	else if (m->name[0])
		staging_remove(fs->staging, m->name);
}
