/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Processes that live in the directory beneath the mount: started before it, they have their root,
 * working directory or open files there, and what they write is unseen. Found by comparing device
 * and inode through /proc; listed in the log and in `status` with the advice to restart them.
 */
#ifndef FS_BENEATH_H
#define FS_BENEATH_H

#include <stddef.h>
#include <sys/types.h>

struct beneath {
	pid_t pid;
	char command[16];
};

#define BENEATH_MAX 64

/* Fills list[max] with processes other than the caller that use the plain directory `root_fd` (whose path is
 * `mount`): how many, at most max; or -errno. */
int beneath_list(int root_fd, const char *mount, struct beneath *list, int max);

#endif
