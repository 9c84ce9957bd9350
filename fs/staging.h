/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The staging directory: PATH_STAGING at the root, 0700, seen by nobody through the mount. What is
 * to be installed is made in it, on the tree's own file system, and renamed to its place; what an
 * install replaced comes back under the same name and is removed. Emptied at the start, removed at
 * a clean end.
 *
 * Safe from several threads. At most STAGING_MAX contents wait; beyond, the oldest is given up.
 */
#ifndef FS_STAGING_H
#define FS_STAGING_H

#include <stdint.h>

#include "base/item.h"

struct fs;
struct staging;

#define STAGING_MAX 1024
#define STAGING_NAME 24

/* A content that waits, or any name in the directory that is the caller's. */
struct staged {
	char name[STAGING_NAME];
	struct fhandle handle;
	uint64_t size;
	bool given;  /* a descriptor for writing was given away */
	bool synced; /* it is on the disk, with the attributes that it has */
	int mount;   /* a mount of this file alone, which that descriptor is of; -1: none (any more)
		      */
};

/* NULL, with *rc set to -errno. */
struct staging *staging_new(struct fs *fs, int *rc);
void staging_free(struct staging *s);
int staging_fd(const struct staging *s);

/* A content of `size` bytes. With all of it, *fd is for staging_sync, which has to follow; with
 * none yet (content NULL), it is a descriptor to write into, the caller's to pass on and close. 0
 * or an error. */
int staging_add(struct staging *s, uint64_t size, const void *content, struct staged *staged,
		int *fd);
/* fsync of what staging_add has made, best after the answer: what follows there goes on meanwhile.
 * Takes the descriptor. A content that does not get to the disk is given up. */
void staging_sync(struct staging *s, const char *name, int take_fd);
/* Reads a content that waits: a descriptor, the caller's, or an error. ERR_UNKNOWN: there is none (any
 * more). */
int staging_read(struct staging *s, const struct fhandle *handle);
/* Takes a content out for an install: it is the caller's, who gives it back (to be tried again) or
 * calls staging_remove. Waits for its fsync. ERR_UNKNOWN: there is none (any more). */
int staging_take(struct staging *s, const struct fhandle *handle, struct staged *out);
/* A content that waits goes; nothing where there is none. */
void staging_drop(struct staging *s, const struct fhandle *handle);
void staging_give_back(struct staging *s, const struct staged *staged);
/* From here on nobody who was given a descriptor can change the content or the inode, neither
 * through one nor by opening again what he has kept a path to. ERR_DENIED: he still has it open or
 * mapped. */
int staging_seal(struct staged *staged, int fd);
/* A new name in the directory, for what is made there by the caller. */
void staging_name(struct staging *s, char name[STAGING_NAME]);
/* Removes what is under this name, an empty directory too. */
void staging_remove(struct staging *s, const char *name);
/* A new replicator: it knows nothing of what waits. */
void staging_forget(struct staging *s);

#endif
