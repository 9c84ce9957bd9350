/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What operations that make or remove one name have in common: the directory, locked and opened,
 * who it is, and the mtime floor of the name.
 */
#ifndef FS_MAKING_H
#define FS_MAKING_H

#include "fs/ops.h"

struct making {
	struct fs *fs;
	struct node *parent;
	const char *name;
	struct backing_fd dir;
	struct who who;
};

/* 0, and the directory is locked exclusively until making_end; or -errno. */
int making_begin(struct making *m, fuse_req_t req, struct node *parent, const char *name);
void making_end(struct making *m);
/* From here to cred_restore, this thread creates as the caller. */
void making_become(fuse_req_t req);
/* A file came to a name that may have shown a later mtime not long ago. */
void making_raise_mtime(struct making *m, struct fuse_entry_param *e);

#endif
