/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the replicator writes on the tree, so that it notices a store that is older than the tree
 * (put back from an image): which store it is, and how far that had come. It lies beside the tree's
 * contents, as an extended attribute of its root that no user of the mount sees, so that an image of
 * the tree has it, too.
 *
 * Where the file system has no such attributes, or without privileges, there is none: nothing is
 * noticed then.
 */
#ifndef FS_TREEMARK_H
#define FS_TREEMARK_H

#include "base/port.h"

struct fs;

#define TREEMARK_NAME "trusted.zonefs.mark"

/* All 0: there is none, or it cannot be read. */
void treemark_read(const struct fs *fs, struct tree_mark *m);
/* 0 or -errno. Not durable yet. */
int treemark_write(const struct fs *fs, const struct tree_mark *m);

#endif
