/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tree as the port sees it: by paths, always beneath the root, never through a symbolic link.
 * Paths come from the replicator and are checked by whoever decodes them.
 */
#ifndef FS_TREE_H
#define FS_TREE_H

#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/path.h"
#include "base/port.h"
#include "fs/node.h"

struct fs;

/* A name in a directory. */
struct place {
	int dir;               /* O_PATH */
	const char *name;      /* borrowed from the path; "" for the root itself */
	struct fhandle handle; /* the directory's */
	uint64_t hash;         /* its locks' */
};

/* 0 or -errno: -ENOENT, -ENOTDIR and -ELOOP: there is no such directory in the tree. */
int place_open(struct fs *fs, const char *path, struct place *p);
void place_close(struct place *p);

/* What is at a place. */
struct found {
	struct look look; /* its target points into this struct, its xattrs are empty */
	struct fhandle handle;
	struct stat st;
	struct node *node; /* with a reference; NULL: nobody knows it */
	char target[PORT_TARGET_MAX + 1];
};

/* With the directory locked. 0 (KIND_ABSENT where nothing is) or -errno. found_fini afterwards. */
int place_look(struct fs *fs, const struct place *p, struct found *f);
void found_fini(struct fs *fs, struct found *f);

/* LOOK. *fd: a regular file's content, read only, the caller's; else -1. */
int tree_look(struct fs *fs, const char *path, struct found *f, int *fd);
/* The same, and the content with it where it has at most `max` bytes and nobody is writing it: then
 * *whole is true and *fd -1. */
int tree_look_content(struct fs *fs, const char *path, struct found *f, int *fd, uint8_t *content,
		      size_t max, bool *whole);
/* LIST: appends cursor, count and entries to an answer, at most `max` bytes in all. */
int tree_list(struct fs *fs, const char *path, uint64_t cursor, struct buf *answer, size_t max);
/* The node of what is at a path, with a reference; NULL: nobody knows it, or nothing is there. */
struct node *tree_node(struct fs *fs, const char *path);

#endif
