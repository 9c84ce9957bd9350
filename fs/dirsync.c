/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A round is one fsync. Rounds of a directory are numbered; a caller needs one that began after it
 * came.
 */
#include "fs/dirsync.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

struct syncing {
	struct syncing *next;
	struct fhandle handle;
	unsigned callers;
	uint64_t started; /* rounds */
	uint64_t ended;
	bool running;
	int status; /* once a round has failed, all who are here hear of it */
};

struct dirsync {
	pthread_mutex_t lock; /* of all */
	pthread_cond_t ended;
	struct syncing *list; /* as long as callers are in it */
};

struct dirsync *dirsync_new(void)
{
	struct dirsync *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->ended, NULL);
	return s;
}

void dirsync_free(struct dirsync *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->ended);
	free(s);
}

static int sync_dir(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

/* With the lock held. */
static struct syncing *enter(struct dirsync *s, const struct fhandle *handle)
{
	struct syncing *e = s->list;

	while (e && !fhandle_same(&e->handle, handle))
		e = e->next;
	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			return NULL;
		e->handle = *handle;
		e->next = s->list;
		s->list = e;
	}
	e->callers++;
	return e;
}

/* With the lock held. */
static void leave(struct dirsync *s, struct syncing *e)
{
	struct syncing **at = &s->list;

	if (--e->callers > 0)
		return;
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	free(e);
}

/* With the lock held, and without it meanwhile. */
static void run(struct dirsync *s, struct syncing *e, int dir)
{
	uint64_t round = ++e->started;

	e->running = true;
	pthread_mutex_unlock(&s->lock);
	int rc = sync_dir(dir);
	pthread_mutex_lock(&s->lock);
	e->running = false;
	e->ended = round;
	if (rc < 0)
		e->status = rc;
	pthread_cond_broadcast(&s->ended);
}

int dirsync_do(struct dirsync *s, int dir, const struct fhandle *handle)
{
	pthread_mutex_lock(&s->lock);
	struct syncing *e = enter(s, handle);
	if (!e) {
		pthread_mutex_unlock(&s->lock);
		return sync_dir(dir);
	}
	uint64_t wanted = e->started + 1;
	while (e->ended < wanted)
		if (e->running)
			pthread_cond_wait(&s->ended, &s->lock);
		else
			run(s, e, dir);
	int rc = e->status;
	leave(s, e);
	pthread_mutex_unlock(&s->lock);
	return rc;
}
