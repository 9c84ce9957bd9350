/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is about to be installed, made ready in the staging directory: with its owner, mode and
 * mtime, and with the extended attributes and ACLs of what it will replace, or those that its
 * directory hands down; on the disk.
 */
#ifndef FS_MAKE_H
#define FS_MAKE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/port.h"
#include "fs/staging.h"

struct fs;

struct made {
	char name[STAGING_NAME]; /* in the staging directory */
	bool content;            /* staged contents may be tried again */
	struct staged staged;
};

/* 0 or an error, and then nothing is left of it (a staged content waits on). */
int make_staged(struct fs *fs, const struct install *in, struct made *m);
/* Owner, mode and mtime; install looks at what has come of it. 0 or -errno. */
int make_attributes(const struct fs *fs, const struct install *in, int fd);
/* It was not installed. */
void make_undone(struct fs *fs, struct made *m);
/* The mode as it may be set here: no set-id bits unless they are allowed. */
mode_t make_mode(const struct fs *fs, const struct install *in);

#endif
