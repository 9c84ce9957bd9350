/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The locks of the tree, and their order, outermost first:
 *
 *   1 tree     its shape. Exclusive: RENAME of a directory, EXCHANGE, RMDIR and a directory's
 *              removal by the port. Shared: whatever the port does, from resolving a path to the
 * end. 2 dir      one directory's names. Shared: LOOKUP, READDIRPLUS, LOOK. Exclusive: creating,
 *              removing, renaming, INSTALL, REMOVE. Two directories in the order of their lock's
 * index. 3 inode    one inode's content and attributes: OPEN for writing, SETATTR, SETXATTR,
 * FALLOCATE, and INSTALL's check, rename and mark. 4 nodes    the inode table (node.h), saves
 * included 5 capture, floor, busy: leaves, taken one at a time
 *
 * Without `tree`, INSTALL of d/f resolves d, `mv d moved` comes between, and the content lands in
 * moved/f. Directory and inode locks are picked from an array by the hash of the file handle, so
 * that an inode needs no entry in the table to be locked. None is held across a reply, a
 * notification or anything that waits for another process.
 */
#ifndef FS_LOCK_H
#define FS_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define LOCK_DIRS 512
#define LOCK_INODES 512

struct locks {
	pthread_rwlock_t tree;
	pthread_rwlock_t dirs[LOCK_DIRS];
	pthread_mutex_t inodes[LOCK_INODES];
};

void locks_init(struct locks *l);
void locks_fini(struct locks *l);

void lock_tree(struct locks *l, bool exclusive);
void unlock_tree(struct locks *l);
void lock_dir(struct locks *l, uint64_t hash, bool exclusive);
void unlock_dir(struct locks *l, uint64_t hash);
/* Both exclusively; they may be the same. */
void lock_dirs(struct locks *l, uint64_t a, uint64_t b);
void unlock_dirs(struct locks *l, uint64_t a, uint64_t b);
void lock_inode(struct locks *l, uint64_t hash);
void unlock_inode(struct locks *l, uint64_t hash);

#endif
