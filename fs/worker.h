/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The fs worker: serves the FUSE connection, captures changes and speaks the port. The keeper owns
 * the connection and everything that must outlive a worker; the worker gets it all by descriptor.
 */
#ifndef FS_WORKER_H
#define FS_WORKER_H

#include "base/conf.h"

struct worker_fds {
	int device; /* /dev/fuse, already mounted */
	int root;   /* O_PATH of the directory beneath the mount, opened before the mount */
	int keeper; /* SOCK_SEQPACKET to the keeper: fs/keeper.h */
	int inval;  /* SOCK_SEQPACKET to the keeper's invalidation thread: fs/inval.h */
};

/* Serves until the connection ends (unmounted: returns 0) or cannot go on (-errno, logged). Takes the
 * descriptors. Expects to be the process's main thread and to stay root. */
int worker_run(const struct conf *conf, const struct worker_fds *fds);

#endif
