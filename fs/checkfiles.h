/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which files a check needs. Read beneath the mount, as they would be with the check's items in place; no
 * symbolic link is followed.
 */
#ifndef FS_CHECKFILES_H
#define FS_CHECKFILES_H

#include "base/buf.h"
#include "base/port_check.h"
#include "fs/checkview.h"
#include "fs/fs.h"

#define CHECKFILES_WORDS 1024

/* A path that named knows (absolute within its root), as one of the tree. NULL: it is none (or out of
 * memory). The caller's to free. */
char *checkfiles_of_tree(const struct conf *conf, const char *in_root);
/* The other way round: absolute within named's root; NULL likewise. */
char *checkfiles_in_root(const struct conf *conf, const char *path);

/* Opens what is at the path, by the check's items or on the disk, for reading: a descriptor, or -errno;
 * -ENOENT: gone. Only regular files. */
int checkfiles_open(struct fs *fs, const struct check *c, const char *path);

/* The zone's file and all that it includes into the view, whose root is named's. An include of what its
 * author may not write, of a key or out of the tree is refused: 1, with the reason in words. 0, or an
 * error. */
int checkfiles_zone(struct fs *fs, const struct check *c, struct checkview *v,
		    char words[CHECKFILES_WORDS]);

/* The configuration that the server has: absolute in its root. NULL: out of memory. */
char *checkfiles_conf(struct fs *fs, const struct check *c);
/* All files that the configuration consists of, into the answer: n u16, n * path. */
void checkfiles_list(struct fs *fs, const struct check *c, const char *conf, struct buf *answer);

#endif
