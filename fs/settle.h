/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A reply is not the end of a system call. The program that renames a file has to be given a processor once
 * more before the kernel knows the new name: until then whoever looks it up is led to the old file by what
 * the kernel has cached, and only what the call has locked (its directories; the inode whose attributes it
 * changes) says that it is still under way. A name server that a hook tells to read a file must not be there
 * first. So inodes that local programs have changed in such a way are noted before that is told to anybody,
 * and before a hook is run, each is waited for: its lock is taken, by the keeper (fs/inval.h says why).
 */
#ifndef FS_SETTLE_H
#define FS_SETTLE_H

#include <stdint.h>

struct fs;
struct node;

/* Worker's side; safe from several threads. */

/* A request that changes the names in this directory, or this inode's attributes, is about to be told, and
 * then replied to. */
void settle_note(struct fs *fs, struct node *n);
/* Returns when the calls of all that was noted before have come to their end. No lock may be held. */
void settle_all(struct fs *fs);

/* Keeper's side. */

/* First thing in the thread that waits: it gets a working directory of its own, and is refused, from now on, what
 * settle_wait asks for. */
void settle_thread_init(void);
/* Takes the lock of an inode of the file system on `mount`, and lets it go. 0; -ESTALE: the kernel does not
 * know it (any more); or another error: it has not been waited for. */
int settle_wait(const char *mount, uint64_t nodeid);

#endif
