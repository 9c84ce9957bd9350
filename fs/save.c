/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Saves stand in one list, which is as long as files are being written at this moment: the timers
 * walk it.
 */
#include "fs/save.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/path.h"
#include "fs/backing.h"
#include "fs/fs.h"
#include "fs/portserver.h"

/* When the hint falls due without anything more happening: INT64_MAX: it waits for a close. */
static int64_t due(const struct fs *fs, const struct save *s)
{
	if (s->due_msec > 0)
		return s->due_msec;
	if (s->node->makers > 0)
		return INT64_MAX;
	return s->changed_msec + fs->conf->settle_msec;
}

static void wake_for(struct fs *fs, const struct save *s)
{
	int64_t when = due(fs, s);

	if (when >= fs->saves_due)
		return;
	fs->saves_due = when;
	portserver_wake(fs->port);
}

struct save *save_begin_locked(struct fs *fs, struct node *n, int64_t floor_nsec,
			       const struct who *who)
{
	struct save *s = n->save;

	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s) {
			capture_rescan(fs->capture);
			return NULL;
		}
		s->node = n;
		n->save = s;
		TAILQ_INSERT_TAIL(&fs->saves, s, list);
	}
	if (floor_nsec > s->floor_nsec)
		s->floor_nsec = floor_nsec;
	if (who && (who->pid != 0 || s->who.pid == 0))
		s->who = *who;
	s->changed_msec = clock_monotonic_msec();
	if (s->due_msec > 0)
		s->due_msec = s->changed_msec + fs->conf->close_delay_msec;
	node_changed_locked(&fs->nodes, n);
	wake_for(fs, s);
	return s;
}

void save_touch(struct fs *fs, struct node *n, int fd, const struct who *who, bool *touched)
{
	struct stat st;
	bool joined;

	nodes_lock(&fs->nodes);
	joined = n->save && *touched;
	if (joined)
		save_begin_locked(fs, n, 0, who);
	nodes_unlock(&fs->nodes);
	if (joined)
		return;
	int64_t floor_nsec = fstat(fd, &st) == 0 ? backing_mtime(&st) : 0;
	nodes_lock(&fs->nodes);
	/* If another thread of the same handle was faster, its floor is what was before both. */
	if (n->save && *touched)
		floor_nsec = 0;
	else
		floor_nsec = save_mtime_locked(n, floor_nsec);
	*touched = true;
	save_begin_locked(fs, n, floor_nsec, who);
	nodes_unlock(&fs->nodes);
}

int64_t save_mtime_locked(struct node *n, int64_t disk_nsec)
{
	struct save *s = n->save;

	if (!s || s->floor_nsec == 0)
		return disk_nsec;
	if (disk_nsec <= s->floor_nsec && s->raised_nsec <= s->floor_nsec)
		s->raised_nsec = mtime_raise(s->floor_nsec, disk_nsec, clock_wall_nsec());
	return disk_nsec > s->raised_nsec ? disk_nsec : s->raised_nsec;
}

uint64_t save_moment(struct fs *fs)
{
	return atomic_load(&fs->saves_ended);
}

bool save_show(struct fs *fs, struct node *n, struct stat *st, uint64_t moment)
{
	if (!S_ISREG(st->st_mode))
		return true;
	nodes_lock(&fs->nodes);
	bool current = atomic_load(&fs->saves_ended) == moment;
	int64_t shown = save_mtime_locked(n, backing_mtime(st));
	nodes_unlock(&fs->nodes);
	if (current)
		backing_set_mtime(st, shown);
	return current;
}

void save_settle_mtime(struct fs *fs, struct node *n, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	int64_t disk = backing_mtime(&st);
	nodes_lock(&fs->nodes);
	int64_t shown = save_mtime_locked(n, disk);
	nodes_unlock(&fs->nodes);
	if (shown != disk)
		backing_utimens(fd, UTIME_OMIT_NSEC, shown);
}

static void end_locked(struct fs *fs, struct node *n)
{
	struct save *s = n->save;

	TAILQ_REMOVE(&fs->saves, s, list);
	atomic_fetch_add(&fs->saves_ended, 1);
	n->save = NULL;
	free(s->from);
	free(s);
}

void save_give_locked(struct fs *fs, struct node *n)
{
	struct save *s = n->save;
	char path[PATH_LEN_MAX + 1];

	crash_point("fs-saved");
	for (struct node_link *l = n->links; l; l = l->next) {
		if (node_path_locked(l->parent, l->name, path) < 0)
			continue;
		const char *from = n->links->next ? NULL : s->from;
		capture_changed(fs->capture, path, from, s->flags, &s->who, s->reserved);
	}
	end_locked(fs, n);
	if (n->wanted && n->writers == 0) {
		n->wanted = false;
		busy_writer_gone(fs->busy, n->id);
	}
}

void save_closed_locked(struct fs *fs, struct node *n)
{
	struct save *s = n->save;

	if (!s->delayed || fs->conf->close_delay_msec == 0) {
		save_give_locked(fs, n);
		return;
	}
	if (s->reserved == 0)
		s->reserved = capture_reserve(fs->capture);
	s->due_msec = clock_monotonic_msec() + fs->conf->close_delay_msec;
	wake_for(fs, s);
}

void save_attributes(struct fs *fs, struct node *n, const struct who *who)
{
	nodes_lock(&fs->nodes);
	bool under_way = n->writers > 0 || (n->save && n->save->due_msec > 0);
	if (save_begin_locked(fs, n, 0, who) && !under_way)
		save_give_locked(fs, n);
	node_release_locked(&fs->nodes, n);
	nodes_unlock(&fs->nodes);
}

/* A file that is still open has been quiet: the disk gets the mtime first, without the lock, and
 * whatever changes meanwhile puts it off again. */
static void settle(struct fs *fs, struct node *n, int64_t now_msec)
{
	n->refs++;
	nodes_unlock(&fs->nodes);
	struct backing_fd fd = backing_fd(fs, n);
	if (fd.fd >= 0)
		save_settle_mtime(fs, n, fd.fd);
	backing_done(fd);
	nodes_lock(&fs->nodes);
	n->refs--;
	if (n->save && due(fs, n->save) <= now_msec) {
		node_changed_locked(&fs->nodes, n);
		save_give_locked(fs, n);
	}
	node_release_locked(&fs->nodes, n);
}

int64_t save_timers(struct fs *fs, int64_t now_msec)
{
	struct save *s;
	struct save *next;
	int64_t soonest;
	bool again;

	nodes_lock(&fs->nodes);
	do {
		again = false;
		soonest = INT64_MAX;
		for (s = TAILQ_FIRST(&fs->saves); s && !again; s = next) {
			next = TAILQ_NEXT(s, list);
			struct node *n = s->node;
			int64_t when = due(fs, s);
			if (when > now_msec) {
				soonest = when < soonest ? when : soonest;
			} else if (n->writers > 0) {
				settle(fs, n, now_msec);
				again = true; /* the list may have changed meanwhile */
			} else {
				save_give_locked(fs, n);
				node_release_locked(&fs->nodes, n);
			}
		}
	} while (again);
	fs->saves_due = soonest;
	nodes_unlock(&fs->nodes);
	return soonest;
}

bool save_outstanding(struct fs *fs, uint64_t serial)
{
	struct save *s;
	bool found = false;

	nodes_lock(&fs->nodes);
	TAILQ_FOREACH(s, &fs->saves, list)
		if (s->reserved && s->reserved <= serial)
			found = true;
	nodes_unlock(&fs->nodes);
	return found;
}

bool save_below(struct fs *fs, const char *path)
{
	char at[PATH_LEN_MAX + 1];
	struct save *s;
	bool found = false;

	nodes_lock(&fs->nodes);
	TAILQ_FOREACH(s, &fs->saves, list)
		for (struct node_link *l = s->node->links; l && !found; l = l->next)
			if (node_path_locked(l->parent, l->name, at) == 0)
				found = strcmp(at, path) == 0 || path_below(at, path);
	nodes_unlock(&fs->nodes);
	return found;
}

bool save_busy_locked(struct fs *fs, const struct node *n, int64_t now_msec)
{
	if (n->makers > 0)
		return true;
	if (n->writers > 0 && n->save)
		return n->save->changed_msec + fs->conf->settle_msec > now_msec;
	return n->writers == 0 && n->save && n->save->due_msec > 0;
}
