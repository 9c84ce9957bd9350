/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A short list: entries are few and live for milliseconds, or as long as somebody keeps a file
 * open.
 */
#include "fs/busy.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"

#define RETRY_MSEC 1000 /* until the rescan that stands for what did not fit */

enum why { HELD, WRITER, MOUNT };

struct place {
	TAILQ_ENTRY(place) list;
	enum why why;
	bool wanted;        /* a FREE hint is to be given at its end */
	int64_t until_msec; /* HELD */
	int64_t last_msec;  /* HELD: later than this never */
	pid_t tid;          /* HELD: for whom */
	uint64_t node;      /* WRITER */
	char path[];
};

struct busy {
	pthread_mutex_t lock; /* of all that follows */
	struct capture *capture;
	TAILQ_HEAD(, place) places;
	unsigned count;
	unsigned mounts;
	atomic_uint held;      /* read without the lock: nearly always 0 */
	int64_t held_all_msec; /* holds that did not fit: everything is held until then */
	int64_t rescan_msec;   /* waits that did not fit: a rescan then; 0: none */
};

struct busy *busy_new(struct capture *capture)
{
	struct busy *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->capture = capture;
	pthread_mutex_init(&b->lock, NULL);
	TAILQ_INIT(&b->places);
	return b;
}

static void drop(struct busy *b, struct place *p)
{
	TAILQ_REMOVE(&b->places, p, list);
	b->count--;
	b->mounts -= p->why == MOUNT;
	b->held -= p->why == HELD;
	free(p);
}

void busy_free(struct busy *b)
{
	if (!b)
		return;
	while (!TAILQ_EMPTY(&b->places))
		drop(b, TAILQ_FIRST(&b->places));
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static struct place *find(struct busy *b, enum why why, const char *path, pid_t tid)
{
	struct place *p;

	TAILQ_FOREACH(p, &b->places, list)
		if (p->why == why && p->tid == tid && strcmp(p->path, path) == 0)
			return p;
	return NULL;
}

static struct place *get(struct busy *b, enum why why, const char *path, pid_t tid)
{
	struct place *p = find(b, why, path, tid);
	size_t size = strlen(path) + 1;

	if (p)
		return p;
	if (b->count >= BUSY_MAX)
		return NULL;
	p = calloc(1, sizeof(*p) + size);
	if (!p)
		return NULL;
	p->why = why;
	p->tid = tid;
	memcpy(p->path, path, size);
	TAILQ_INSERT_TAIL(&b->places, p, list);
	b->count++;
	b->mounts += why == MOUNT;
	b->held += why == HELD;
	return p;
}

static void overflow(struct busy *b)
{
	if (b->rescan_msec == 0)
		b->rescan_msec = clock_monotonic_msec() + RETRY_MSEC;
}

void busy_hold(struct busy *b, const char *path, pid_t tid, int64_t now_msec)
{
	int64_t until_msec = now_msec + (tid != 0 ? BUSY_HOLD_MSEC : BUSY_HOLD_UNKNOWN_MSEC);

	pthread_mutex_lock(&b->lock);
	struct place *p = get(b, HELD, path, tid);
	if (p) {
		p->until_msec = until_msec;
		p->last_msec = now_msec + BUSY_HOLD_LAST_MSEC;
	} else {
		b->held_all_msec = until_msec;
	}
	pthread_mutex_unlock(&b->lock);
}

void busy_walks(struct busy *b, pid_t tid, int64_t now_msec)
{
	int64_t until_msec = now_msec + BUSY_HOLD_MSEC;
	struct place *p;

	if (tid == 0 || atomic_load_explicit(&b->held, memory_order_relaxed) == 0)
		return;
	pthread_mutex_lock(&b->lock);
	TAILQ_FOREACH(p, &b->places, list)
		if (p->why == HELD && p->tid == tid && p->until_msec > now_msec)
			p->until_msec = until_msec < p->last_msec ? until_msec : p->last_msec;
	pthread_mutex_unlock(&b->lock);
}

bool busy_back(struct busy *b, pid_t tid)
{
	bool wanted = false;
	struct place *p;

	if (tid == 0 || atomic_load_explicit(&b->held, memory_order_relaxed) == 0)
		return false;
	pthread_mutex_lock(&b->lock);
	TAILQ_FOREACH(p, &b->places, list)
		if (p->why == HELD && p->tid == tid) {
			p->until_msec = 0;
			wanted |= p->wanted;
		}
	pthread_mutex_unlock(&b->lock);
	return wanted;
}

bool busy_held(struct busy *b, const char *path, int64_t now_msec)
{
	bool held = false;
	struct place *p;

	pthread_mutex_lock(&b->lock);
	TAILQ_FOREACH(p, &b->places, list)
		if (p->why == HELD && p->until_msec > now_msec && strcmp(p->path, path) == 0)
			held = p->wanted = true;
	if (!held && b->held_all_msec > now_msec) {
		overflow(b);
		held = true;
	}
	pthread_mutex_unlock(&b->lock);
	return held;
}

static void wait_for(struct busy *b, enum why why, const char *path, uint64_t node)
{
	pthread_mutex_lock(&b->lock);
	struct place *p = get(b, why, path, 0);
	if (p) {
		p->node = node;
		p->wanted = true;
	} else {
		overflow(b);
	}
	pthread_mutex_unlock(&b->lock);
}

void busy_wait_writer(struct busy *b, const char *path, uint64_t node)
{
	wait_for(b, WRITER, path, node);
}

void busy_wait_mount(struct busy *b, const char *path)
{
	wait_for(b, MOUNT, path, 0);
}

static void finish(struct busy *b, struct place *p)
{
	if (p->wanted)
		capture_freed(b->capture, p->path);
	drop(b, p);
}

void busy_writer_gone(struct busy *b, uint64_t node)
{
	struct place *p;
	struct place *next;

	pthread_mutex_lock(&b->lock);
	for (p = TAILQ_FIRST(&b->places); p; p = next) {
		next = TAILQ_NEXT(p, list);
		if (p->why == WRITER && p->node == node)
			finish(b, p);
	}
	pthread_mutex_unlock(&b->lock);
}

bool busy_mounts_wanted(struct busy *b)
{
	pthread_mutex_lock(&b->lock);
	bool wanted = b->mounts > 0;
	pthread_mutex_unlock(&b->lock);
	return wanted;
}

void busy_mounts_changed(struct busy *b, struct mounts *m)
{
	struct place *p;
	struct place *next;

	pthread_mutex_lock(&b->lock);
	for (p = TAILQ_FIRST(&b->places); p; p = next) {
		next = TAILQ_NEXT(p, list);
		if (p->why == MOUNT && !mounts_at(m, p->path))
			finish(b, p);
	}
	pthread_mutex_unlock(&b->lock);
}

int64_t busy_timers(struct busy *b, int64_t now_msec)
{
	int64_t soonest = INT64_MAX;
	struct place *p;
	struct place *next;

	pthread_mutex_lock(&b->lock);
	for (p = TAILQ_FIRST(&b->places); p; p = next) {
		next = TAILQ_NEXT(p, list);
		if (p->why != HELD)
			continue;
		if (p->until_msec <= now_msec)
			finish(b, p);
		else if (p->until_msec < soonest)
			soonest = p->until_msec;
	}
	if (b->rescan_msec != 0 && b->rescan_msec <= now_msec) {
		b->rescan_msec = 0;
		capture_rescan(b->capture);
	}
	if (b->rescan_msec != 0 && b->rescan_msec < soonest)
		soonest = b->rescan_msec;
	pthread_mutex_unlock(&b->lock);
	return soonest;
}
