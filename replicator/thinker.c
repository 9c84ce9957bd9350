/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two lists under one lock: what waits, what is done. An eventfd tells the loop.
 */
#include "replicator/thinker.h"

#include <bsd/sys/queue.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct thought {
	STAILQ_ENTRY(thought) link;
	bool large;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

STAILQ_HEAD(thoughts, thought);

struct hand {
	struct thinker *thinker;
	pthread_t thread;
	bool small; /* only these */
	bool started;
};

struct thinker {
	int fd;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t more;
	struct thoughts waiting, finished;
	bool stopping;
	struct hand hands[THINKER_THREADS];
};

/* With the lock held. NULL: nothing for this one. */
static struct thought *take(struct thinker *t, bool small)
{
	struct thought *w;

	STAILQ_FOREACH(w, &t->waiting, link)
	{
		if (small && w->large)
			continue;
		STAILQ_REMOVE(&t->waiting, w, thought, link);
		return w;
	}
	return NULL;
}

static void *think(void *arg)
{
	const struct hand *h = arg;
	struct thinker *t = h->thinker;
	const uint64_t one = 1;

	pthread_setname_np(pthread_self(), "thinker");
	pthread_mutex_lock(&t->lock);
	while (!t->stopping) {
		struct thought *w = take(t, h->small);

		if (!w) {
			pthread_cond_wait(&t->more, &t->lock);
			continue;
		}
		pthread_mutex_unlock(&t->lock);
		w->work(w->arg);
		pthread_mutex_lock(&t->lock);
		STAILQ_INSERT_TAIL(&t->finished, w, link);
		if (write(t->fd, &one, sizeof(one)) < 0)
			continue; /* it is readable already */
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

struct thinker *thinker_new(void)
{
	struct thinker *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->fd < 0) {
		free(t);
		return NULL;
	}
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->more, NULL);
	STAILQ_INIT(&t->waiting);
	STAILQ_INIT(&t->finished);
	return t;
}

static void forget(struct thoughts *list)
{
	struct thought *w;

	while ((w = STAILQ_FIRST(list))) {
		STAILQ_REMOVE_HEAD(list, link);
		free(w);
	}
}

void thinker_free(struct thinker *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->stopping = true;
	pthread_cond_broadcast(&t->more);
	pthread_mutex_unlock(&t->lock);
	for (int i = 0; i < THINKER_THREADS; i++)
		if (t->hands[i].started)
			pthread_join(t->hands[i].thread, NULL);
	forget(&t->waiting);
	forget(&t->finished);
	pthread_cond_destroy(&t->more);
	pthread_mutex_destroy(&t->lock);
	close(t->fd);
	free(t);
}

/* The first takes everything. */
static int start_hands(struct thinker *t)
{
	sigset_t all, old;
	int rc = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (int i = 0; i < THINKER_THREADS && rc == 0; i++) {
		struct hand *h = &t->hands[i];

		if (h->started)
			continue;
		h->thinker = t;
		h->small = i > 0;
		rc = -pthread_create(&h->thread, NULL, think, h);
		h->started = rc == 0;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return t->hands[0].started ? 0 : rc;
}

int thinker_start(struct thinker *t, bool large, void (*work)(void *arg), void (*done)(void *arg),
		  void *arg)
{
	struct thought *w = malloc(sizeof(*w));
	int rc = w ? start_hands(t) : -ENOMEM;

	if (rc < 0) {
		free(w);
		return rc;
	}
	*w = (struct thought){.large = large, .work = work, .done = done, .arg = arg};
	pthread_mutex_lock(&t->lock);
	STAILQ_INSERT_TAIL(&t->waiting, w, link);
	pthread_cond_broadcast(&t->more);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

int thinker_fd(const struct thinker *t)
{
	return t->fd;
}

int thinker_receive(struct thinker *t)
{
	struct thoughts finished = STAILQ_HEAD_INITIALIZER(finished);
	struct thought *w;
	uint64_t count;
	int n = 0;

	if (read(t->fd, &count, sizeof(count)) < 0)
		return 0;
	pthread_mutex_lock(&t->lock);
	STAILQ_CONCAT(&finished, &t->finished);
	pthread_mutex_unlock(&t->lock);
	while ((w = STAILQ_FIRST(&finished))) {
		STAILQ_REMOVE_HEAD(&finished, link);
		w->done(w->arg);
		free(w);
		n++;
	}
	return n;
}
