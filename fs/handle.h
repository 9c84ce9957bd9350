/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Open handles: what a FUSE file handle number stands for. They count the writers of an inode,
 * exactly: from the success of OPEN or CREATE to RELEASE, memory mappings included.
 */
#ifndef FS_HANDLE_H
#define FS_HANDLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/item.h"
#include "fs/node.h"

struct fs;

#define HANDLE_LIST_SIZE 32768

/* A directory being read: what the file system has told and the kernel has not asked for yet. */
struct handle_list {
	pthread_mutex_t lock; /* of what follows, while the handle is read from */
	size_t at;
	size_t len;
	int64_t next; /* the offset that data[at] answers */
	char data[HANDLE_LIST_SIZE];
};

struct handle {
	uint64_t id;
	struct node *node;
	int fd;
	bool writer;
	bool maker;               /* created or truncated it */
	bool created;             /* created it */
	bool touched;             /* has changed the content; protected by the table's lock */
	struct who who;           /* of a writer */
	struct handle_list *list; /* of a directory */
};

/* May the node be opened by this thread, or changed through a path? 0 and counted (`opens`, and for
 * a writer `writers` and for a maker `makers`); or -ESTALE: it was replaced, and the kernel has to
 * walk the path again. */
int handle_admit(struct fs *fs, struct node *n, pid_t tid, bool writer, bool maker);
/* Takes back what handle_admit counted; for a writer this is its end, with all that follows from
 * it. */
void handle_dismiss(struct fs *fs, struct node *n, const struct handle *h);
/* Admitted, but replaced before it was opened: with rc -ESTALE the thread is waited for as well.
 * Returns rc. */
int handle_lost(struct fs *fs, struct node *n, pid_t tid, int rc);
/* A path-based change other than an open: 0 or -ESTALE. `unless_open`: it may as well have come
 * through a descriptor, which has to work on. */
int handle_admit_change(struct fs *fs, struct node *n, pid_t tid, bool unless_open);

/* For a node that was admitted: takes fd. NULL: out of memory, and fd is closed. */
struct handle *handle_new(struct fs *fs, struct node *n, int fd);
struct handle *handle_find(struct fs *fs, uint64_t id);
/* Gives the number back, dismisses, closes and frees. */
void handle_close(struct fs *fs, struct handle *h);
/* At the end: closes and frees those that the kernel will not give back any more. */
void handles_free(struct fs *fs);
/* It truncated the file. */
void handle_made(struct fs *fs, struct handle *h);

#endif
