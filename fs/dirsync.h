/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fsync of a directory, shared: who asks while one is under way waits for the next, and one fsync
 * then serves all who wait for it. Safe from several threads.
 */
#ifndef FS_DIRSYNC_H
#define FS_DIRSYNC_H

#include "base/item.h"

struct dirsync;

struct dirsync *dirsync_new(void); /* NULL: out of memory */
void dirsync_free(struct dirsync *s);

/* The directory (any descriptor of it; its handle) is on the disk as it was when this was called.
 * 0 or -errno. Blocks. */
int dirsync_do(struct dirsync *s, int dir, const struct fhandle *handle);

#endif
