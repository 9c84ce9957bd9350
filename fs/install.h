/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Compare and install: what the port may change in the tree, and only where it is still what the
 * decision was made on. The comparison and the change are one step under the locks of the directory
 * and the inode; then the kernel is told, without any lock, and only then the answer is given.
 */
#ifndef FS_INSTALL_H
#define FS_INSTALL_H

#include "base/port.h"
#include "fs/tree.h"

struct fs;

/* 0, and *now is what is there; ERR_BUSY, ERR_MOUNTED (a FREE hint follows), ERR_CHANGED,
 * ERR_UNKNOWN (no such staged content), ERR_DENIED, ERR_FORMAT, -errno. */
int install_put(struct fs *fs, const struct install *in, struct found *now);
/* The same without something new. A directory has to be empty. */
int install_remove(struct fs *fs, const char *path, const struct ident *expected);

#endif
