/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The worker's parts, in one place: made by worker.c, used by all of fs. There is one.
 */
#ifndef FS_FS_H
#define FS_FS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "fs/busy.h"
#include "fs/capture.h"
#include "fs/dirsync.h"
#include "fs/floor.h"
#include "fs/inval.h"
#include "fs/lock.h"
#include "fs/mounts.h"
#include "fs/node.h"
#include "fs/save.h"
#include "fs/slots.h"
#include "fs/staging.h"

struct hookkeep;
struct portserver;
struct reader;

struct fs {
	const struct conf *conf;
	char *mount;  /* the mount's path without symbolic links */
	int root;     /* the directory beneath the mount, O_RDONLY */
	int root_ro;  /* the same through a read-only mount, for descriptors that are given away */
	int plain;    /* as the keeper gave it: O_PATH, within its mount */
	int mount_id; /* of `root` */
	bool handles; /* the file system knows file handles */
	bool by_handle;     /* and opens by them; else paths are walked */
	uint32_t moving;    /* renames that have begun, and those of which nodes.h knows: atomic, */
	uint32_t moved;     /* for those who walk */
	uint64_t life;      /* in identities: random, not 0 */
	uint32_t tick_msec; /* of the file system's ctime */

	struct locks locks;
	struct nodes nodes;
	struct saves saves; /* protected by nodes.lock */
	int64_t saves_due;  /* when the timers run next, monotonic ms; protected by nodes.lock */
	_Atomic uint64_t saves_ended; /* how many; raised with nodes.lock held */
	pthread_mutex_t handles_lock;
	struct slots open_handles; /* protected by handles_lock */
	struct capture *capture;
	struct floor *floor;
	struct busy *busy;
	struct mounts *mounts;
	struct staging *staging;
	struct dirsync *dirsync;
	struct inval *inval;
	pthread_mutex_t settling; /* held by who waits in settle_all */
	struct portserver *port;
	struct hookkeep *hookkeep;
	struct reader *reader;
};

#endif
