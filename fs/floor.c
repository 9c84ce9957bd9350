/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A hash table whose entries also stand in a queue: all live equally long, so the queue's head is
 * the first to go.
 */
#include "fs/floor.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "fs/hash.h"

#define BUCKETS 4096

struct record {
	SLIST_ENTRY(record) chain;
	TAILQ_ENTRY(record) queue;
	uint64_t dir_hash;
	uint64_t hash;
	int64_t mtime_nsec;
	int64_t until_msec;
	char name[];
};

SLIST_HEAD(chain, record);

struct floor {
	pthread_mutex_t lock; /* of all that follows */
	int keep_msec;
	unsigned count;
	TAILQ_HEAD(, record) queue;
	struct chain buckets[BUCKETS];
};

struct floor *floor_new(int keep_msec)
{
	struct floor *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->keep_msec = keep_msec;
	pthread_mutex_init(&f->lock, NULL);
	TAILQ_INIT(&f->queue);
	return f;
}

static void drop(struct floor *f, struct record *r)
{
	SLIST_REMOVE(&f->buckets[r->hash % BUCKETS], r, record, chain);
	TAILQ_REMOVE(&f->queue, r, queue);
	f->count--;
	free(r);
}

void floor_free(struct floor *f)
{
	if (!f)
		return;
	while (!TAILQ_EMPTY(&f->queue))
		drop(f, TAILQ_FIRST(&f->queue));
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static void expire(struct floor *f, int64_t now_msec)
{
	struct record *r;

	while ((r = TAILQ_FIRST(&f->queue)) && (r->until_msec <= now_msec || f->count > FLOOR_MAX))
		drop(f, r);
}

static struct record *find(struct floor *f, uint64_t dir_hash, const char *name, uint64_t hash)
{
	struct record *r;

	SLIST_FOREACH(r, &f->buckets[hash % BUCKETS], chain)
		if (r->hash == hash && r->dir_hash == dir_hash && strcmp(r->name, name) == 0)
			return r;
	return NULL;
}

void floor_note(struct floor *f, uint64_t dir_hash, const char *name, int64_t mtime_nsec,
		int64_t now_msec)
{
	uint64_t hash = hash_name(dir_hash, name);
	size_t size = strlen(name) + 1;

	pthread_mutex_lock(&f->lock);
	expire(f, now_msec);
	struct record *old = find(f, dir_hash, name, hash);
	if (old) {
		if (old->mtime_nsec > mtime_nsec)
			mtime_nsec = old->mtime_nsec;
		drop(f, old);
	}
	/* Without memory for it, an mtime may repeat: no reason to fail the operation. */
	struct record *r = malloc(sizeof(*r) + size);
	if (r) {
		r->dir_hash = dir_hash;
		r->hash = hash;
		r->mtime_nsec = mtime_nsec;
		r->until_msec = now_msec + f->keep_msec;
		memcpy(r->name, name, size);
		SLIST_INSERT_HEAD(&f->buckets[hash % BUCKETS], r, chain);
		TAILQ_INSERT_TAIL(&f->queue, r, queue);
		f->count++;
		expire(f, now_msec);
	}
	pthread_mutex_unlock(&f->lock);
}

int64_t floor_find(struct floor *f, uint64_t dir_hash, const char *name, int64_t now_msec)
{
	pthread_mutex_lock(&f->lock);
	expire(f, now_msec);
	struct record *r = find(f, dir_hash, name, hash_name(dir_hash, name));
	int64_t mtime = r ? r->mtime_nsec : 0;
	pthread_mutex_unlock(&f->lock);
	return mtime;
}
