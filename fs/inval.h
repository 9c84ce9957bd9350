/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Invalidations of the kernel's caches, written by the keeper. A thread that waits in one cannot be
 * killed while a local program's request in that directory is unanswered, so the worker, which has
 * to answer it, must not be that thread. The worker says *before* it changes the tree what will be
 * invalidated, and *after* it to go on; if it dies in between, the keeper invalidates all the same
 * (harmless if nothing changed; left out, a name would be stale for ever).
 *
 * No lock of the worker may be held while it waits for the answer to inval_go.
 */
#ifndef FS_INVAL_H
#define FS_INVAL_H

#include <stdbool.h>
#include <stdint.h>

enum inval_what {
	INVAL_NAME = 1, /* what the kernel has cached for a name in a directory: inval_entry */
	INVAL_INODE,    /* for an inode's attributes: inval_inode */
	INVAL_SETTLE,   /* nothing: only wait for the calls that change it (fs/settle.h) */
};

struct inval_item {
	enum inval_what what;
	uint64_t nodeid;  /* the directory's or the inode's */
	const char *name; /* of an INVAL_NAME */
};

#define INVAL_ITEMS_MAX 8

/* Worker's side; safe from several threads at once. */
struct inval;
struct inval *inval_new(int sock); /* takes the descriptor */
void inval_free(struct inval *i);
/* Announces items (copied). A ticket above 0, or an error (ERR_LIMIT: 64 are prepared already;
 * ERR_CLOSED). Never blocks, like inval_cancel: both may be called with locks held. Each ticket
 * goes or is cancelled once. */
int64_t inval_prepare(struct inval *i, const struct inval_item *items, int n);
/* Does it and waits until it is done in the kernel: 0, or an error (ERR_CLOSED: the keeper is
 * gone). "Nothing was cached" is success. */
int inval_go(struct inval *i, int64_t ticket);
/* The tree was not changed after all. */
void inval_cancel(struct inval *i, int64_t ticket);

/* Keeper's side: serves one worker's socket until it closes, carrying out what was prepared and
 * neither gone nor cancelled. Runs in a thread of its own. `mount`: what the device serves. */
void inval_serve(int sock, int device, const char *mount);

#endif
