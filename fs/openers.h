/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which processes have a file of the mount open for writing: found in /proc, since a descriptor
 * that was inherited is nowhere else.
 */
#ifndef FS_OPENERS_H
#define FS_OPENERS_H

#include <sys/types.h>

#include "fs/node.h"

struct fs;

#define OPENERS_MAX 32

struct opener {
	pid_t pid;
	char command[16];
};

/* How many, at most `max`. Asks nothing of the mount itself. */
int openers_find(struct fs *fs, struct node *n, struct opener *list, int max);

#endif
