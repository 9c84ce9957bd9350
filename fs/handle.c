/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Numbers in slots; counts in the node.
 */
#include "fs/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "fs/fs.h"
#include "fs/portserver.h"

/* With the table's lock held: not so if this thread comes back after it was sent away. */
static bool stale_name(struct node_stale *s, pid_t tid, int64_t now_msec)
{
	if (!s || s->until_msec <= now_msec)
		return false;
	for (int i = 0; i < NODE_STALE_SEEN; i++) {
		if (tid == 0 || s->seen[i].tid != tid)
			continue;
		s->seen[i].tid = 0; /* for this once */
		if (s->seen[i].walked)
			return false;
	}
	s->seen[s->next].tid = tid;
	s->seen[s->next].walked = false;
	s->next = (s->next + 1) % NODE_STALE_SEEN;
	return true;
}

/* With the table's lock held. */
static bool stale(struct fs *fs, const struct node *n, pid_t tid, bool changes)
{
	int64_t now = clock_monotonic_msec();

	if (!n->replaced && (!changes || !stale_name(n->stale, tid, now)))
		return false;
	if (n->place)
		busy_hold(fs->busy, n->place, tid, now);
	return true;
}

/* Without locks: the port has to learn of a hold, or of its end. */
static void answered(struct fs *fs, pid_t tid, int rc)
{
	if (rc < 0 || busy_back(fs->busy, tid))
		portserver_wake(fs->port);
}

int handle_admit(struct fs *fs, struct node *n, pid_t tid, bool writer, bool maker)
{
	int rc = 0;

	nodes_lock(&fs->nodes);
	if (stale(fs, n, tid, writer)) {
		rc = -ESTALE;
	} else {
		n->opens++;
		n->writers += writer;
		n->makers += maker;
		if (writer && n->save)
			n->save->due_msec = 0;
	}
	nodes_unlock(&fs->nodes);
	answered(fs, tid, rc);
	return rc;
}

int handle_admit_change(struct fs *fs, struct node *n, pid_t tid, bool unless_open)
{
	nodes_lock(&fs->nodes);
	int rc = (!unless_open || n->opens == 0) && stale(fs, n, tid, true) ? -ESTALE : 0;
	nodes_unlock(&fs->nodes);
	answered(fs, tid, rc);
	return rc;
}

int handle_lost(struct fs *fs, struct node *n, pid_t tid, int rc)
{
	if (rc != -ESTALE)
		return rc;
	nodes_lock(&fs->nodes);
	stale(fs, n, tid, false);
	nodes_unlock(&fs->nodes);
	portserver_wake(fs->port);
	return rc;
}

/* With the table's lock held. */
static void writer_gone(struct fs *fs, struct node *n, const struct handle *h, bool delay)
{
	n->writers--;
	n->makers -= h->maker;
	if (n->save && h->created)
		n->save->delayed = delay;
	if (n->save && n->writers == 0)
		save_closed_locked(fs, n);
	else if (n->save && h->maker && n->makers == 0)
		save_begin_locked(fs, n, 0, NULL); /* quiet is counted from here */
	if (n->writers == 0 && n->wanted) {
		n->wanted = false;
		busy_writer_gone(fs->busy, n->id);
	}
}

void handle_dismiss(struct fs *fs, struct node *n, const struct handle *h)
{
	struct stat st;
	bool delay = false;

	if (h->writer && h->fd >= 0) {
		crash_point("fs-release");
		save_settle_mtime(fs, n, h->fd);
		delay = h->created && fstat(h->fd, &st) == 0 && (st.st_mode & 077) == 0;
	}
	nodes_lock(&fs->nodes);
	n->opens--;
	if (h->writer)
		writer_gone(fs, n, h, delay);
	node_release_locked(&fs->nodes, n);
	nodes_unlock(&fs->nodes);
	if (h->writer)
		portserver_writer_gone(fs->port);
}

struct handle *handle_new(struct fs *fs, struct node *n, int fd)
{
	struct handle *h = calloc(1, sizeof(*h));

	if (h) {
		h->node = n;
		h->fd = fd;
		pthread_mutex_lock(&fs->handles_lock);
		h->id = slots_add(&fs->open_handles, h);
		pthread_mutex_unlock(&fs->handles_lock);
	}
	if (h && h->id != 0)
		return h;
	close(fd);
	free(h);
	return NULL;
}

struct handle *handle_find(struct fs *fs, uint64_t id)
{
	pthread_mutex_lock(&fs->handles_lock);
	struct handle *h = slots_find(&fs->open_handles, id);
	pthread_mutex_unlock(&fs->handles_lock);
	return h;
}

static void destroy(struct handle *h)
{
	close(h->fd);
	if (h->list) {
		pthread_mutex_destroy(&h->list->lock);
		free(h->list);
	}
	free(h);
}

void handle_close(struct fs *fs, struct handle *h)
{
	pthread_mutex_lock(&fs->handles_lock);
	slots_remove(&fs->open_handles, h->id);
	pthread_mutex_unlock(&fs->handles_lock);
	handle_dismiss(fs, h->node, h);
	destroy(h);
}

void handles_free(struct fs *fs)
{
	uint32_t at = 0;
	struct handle *h;

	while ((h = slots_next(&fs->open_handles, &at)))
		destroy(h);
	slots_fini(&fs->open_handles);
}

void handle_made(struct fs *fs, struct handle *h)
{
	nodes_lock(&fs->nodes);
	if (h->writer && !h->maker) {
		h->maker = true;
		h->node->makers++;
	}
	nodes_unlock(&fs->nodes);
}
