/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Processes that live in a directory: their root, working directory or an open file is there. Two
 * questions are asked of /proc. Which were in the directory before it was mounted upon (what they
 * write is unseen: listed in the log and in `status` with the advice to restart them)? And which
 * are in the mount itself, when it comes to an end?
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

/* Fills list[max] with processes other than zonefs's own that use the plain directory `root_fd`
 * (whose path is `mount`): how many, at most max; or -errno. */
int beneath_list(int root_fd, const char *mount, struct beneath *list, int max);
/* Likewise with processes that are in the file system `dev`. Sends it no request, so that it may
 * be one that answers none. */
int beneath_inside(dev_t dev, struct beneath *list, int max);
/* "named (812), bash (900)": for a line of the log. Returns dst. */
char *beneath_text(char *dst, size_t size, const struct beneath *list, int n);

#endif
