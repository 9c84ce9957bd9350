/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The mark of a clean end: STATE/clean, an empty file. It is left when the last writer is gone and
 * the tree's file system has been synced, and taken away before the next mount: so whoever starts
 * without it knows that what was saved last may not have got to the disk.
 *
 * The directory is the replicator's, which has no rights: nothing in it is followed or trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/keeper_parts.h"

#define MARK "clean"

static int open_state(const struct conf *conf)
{
	return open(conf->state, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int keeper_clean_take(const struct conf *conf)
{
	int state CLEANUP_CLOSE = open_state(conf);

	if (state < 0)
		return -errno;
	if (unlinkat(state, MARK, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return fsync(state) < 0 ? -errno : 1;
}

void keeper_clean_leave(const struct conf *conf, int tree)
{
	int state CLEANUP_CLOSE = open_state(conf);

	if (state < 0 || (tree >= 0 && syncfs(tree) < 0)) {
		log_warning("%s cannot be synced: %s; the next start takes this for a power cut",
			    conf->mount, err_text(-errno));
		return;
	}
	unlinkat(state, MARK, 0);
	int mark CLEANUP_CLOSE =
	    openat(state, MARK, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (mark < 0 || fsync(mark) < 0 || fsync(state) < 0)
		log_warning("%s/" MARK ": %s; the next start takes this for a power cut",
			    conf->state, err_text(-errno));
}
