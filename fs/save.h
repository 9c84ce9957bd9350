/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A save: what is between the first change of an inode and the hint that tells of it. It carries
 * the dirty bit (an inode without a save has nothing to tell), who changes it, the mtime floor, and
 * when the hint is due:
 *
 *   - at the RELEASE of the last writer; never at FLUSH, which says nothing
 *   - `close-delay` after it, if the closing handle had created the file without permissions for
 * group and others: the chmod follows the close. Restarted by every further change.
 *   - for a file that is modified in place and held open, when it has been quiet for `settle`. A
 * file that was created or truncated by a handle which is still open is never told before its
 * close.
 *
 * Saves are protected by the inode table's mutex.
 */
#ifndef FS_SAVE_H
#define FS_SAVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "base/item.h"
#include "fs/node.h"

struct fs;

struct save {
	TAILQ_ENTRY(save) list;
	struct node *node;
	struct who who;
	uint8_t flags;        /* of the hint */
	bool delayed;         /* created without permissions for group and others */
	int64_t changed_msec; /* monotonic: the last change */
	int64_t due_msec;     /* after the last close; 0: still open */
	uint64_t reserved;    /* the hint's serial while it is delayed */
	int64_t floor_nsec;   /* mtime must show more than this; 0: no floor */
	int64_t raised_nsec;  /* and shows at least this; 0: nothing was raised */
	char *from;           /* renamed from there meanwhile; NULL: not */
};

TAILQ_HEAD(saves, save);

/* Content is about to change, or has changed, through `fd`: begins a save if there is none. `touched`
 * (protected as saves are): whoever changes it, a handle or a call of its own, has done so before; is
 * set. The first time it shows more than was shown until then, also where it joins a save: that may
 * be one which its program has closed already, since RELEASE comes later. */
void save_touch(struct fs *fs, struct node *n, int fd, const struct who *who, bool *touched);
/* Begins or continues one. `floor_nsec`: what the name has shown so far. NULL: out of memory (a
 * rescan is hinted then). */
struct save *save_begin_locked(struct fs *fs, struct node *n, int64_t floor_nsec,
			       const struct who *who);
/* What the mtime shows, given the one on the disk. */
int64_t save_mtime_locked(struct node *n, int64_t disk_nsec);
/* Makes of attributes that were read since `moment` what is shown. False: a save has ended meanwhile,
 * so they may be from before it put its mtime on the disk, and nothing says so any more. To be read
 * again: what the kernel is told it believes for long. */
bool save_show(struct fs *fs, struct node *n, struct stat *st, uint64_t moment);
uint64_t save_moment(struct fs *fs);
/* Puts a raised mtime on the disk, through a descriptor of any kind. */
void save_settle_mtime(struct fs *fs, struct node *n, int fd);

/* The last writer is gone (the raised mtime is on the disk): gives the hint, or delays it. */
void save_closed_locked(struct fs *fs, struct node *n);
/* Gives the hint for every name now, and ends the save. */
void save_give_locked(struct fs *fs, struct node *n);
/* Attributes were changed: the hint is given at once, or when the save that is under way ends. */
void save_attributes(struct fs *fs, struct node *n, const struct who *who);

/* Gives what is due. When to call again (monotonic ms; INT64_MAX: nothing is under way). */
int64_t save_timers(struct fs *fs, int64_t now_msec);
/* A delayed hint with a serial up to this one is still to be given. */
bool save_outstanding(struct fs *fs, uint64_t serial);
/* A save at this path or below it is under way: nothing is delayed or open there if false. */
bool save_below(struct fs *fs, const char *path);

/* Content must not be taken now. */
bool save_busy_locked(struct fs *fs, const struct node *n, int64_t now_msec);

#endif
