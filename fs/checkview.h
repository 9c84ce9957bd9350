/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a checker sees. Never the mount: in the checker's namespace that is taken away, so that what lies
 * beneath appears, and a checker can't wait for the worker that waits for it.
 *
 *   the tree   all of it as it is on the disk, read-only, with some files replaced, added or gone (an
 *              overlay), at its own place
 *   files      nothing but some files, in a root directory of its own: what is not among them is not
 *              there, wherever an include points
 */
#ifndef FS_CHECKVIEW_H
#define FS_CHECKVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct fs;

struct checkview_file {
	char *path; /* relative to the view's root (files) or to the tree; owned */
	int fd;     /* its content, read from the beginning; -1: it is gone; owned */
};

struct checkview {
	const char *mount; /* without symbolic links */
	dev_t dev;         /* of the directory beneath */
	ino_t ino;
	const char *root; /* that is to be current: of the name server; NULL: the files alone */
	struct checkview_file *files;
	size_t n;
};

/* For checkrun's `view`, with a struct checkview. */
int checkview_make(void *arg);
/* Adds a file; takes the descriptor, also where there is no memory. */
int checkview_add(struct checkview *v, const char *path, int take_fd);
/* There is one of this path. */
bool checkview_has(const struct checkview *v, const char *path);
/* Its files; others may be added after that. */
void checkview_fini(struct checkview *v);

#endif
