/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The loop. A round gathers what is ready, gives it to the core, commits once, and carries out what
 * waited for the commit; then the timers. While the store cannot be written, nothing is taken in:
 * what peers and fs have to say waits with them, and only the control socket is served.
 */
#include "replicator/node.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "replicator/byhand.h"
#include "replicator/contents.h"
#include "replicator/control/control.h"
#include "replicator/everywhere.h"
#include "replicator/judge/judge.h"
#include "replicator/marker.h"
#include "replicator/node_parts.h"
#include "replicator/outcomes.h"
#include "replicator/peers.h"
#include "replicator/placer.h"
#include "replicator/portal.h"
#include "replicator/proofs.h"
#include "replicator/recall.h"
#include "replicator/repair.h"
#include "replicator/runner.h"
#include "replicator/runs.h"
#include "replicator/taker.h"
#include "replicator/teller.h"
#include "replicator/verify.h"
#include "replicator/waits.h"
#include "replicator/zones.h"

/* A round of store_prune, then a rest of twenty times what it took, between these two. */
#define PRUNE_REST_MSEC 10000
#define PRUNE_REST_MAX_MSEC 60000
#define PRUNE_REST_TIMES 20
/* Between its pieces, when the node is idle; and so much later when it is not. */
#define PRUNE_AGAIN_MSEC 10
#define PRUNE_LATE_MSEC 20

/* ---- events ---- */

struct deferred {
	struct deferred *next;
	struct event event;
	char *path;
};

void node_event(struct node *n, struct event *e)
{
	size_t count;

	e->wall_msec = clock_wall_msec();
	e->now_msec = clock_monotonic_msec();
	const struct effect *effects = core_step(n->core, e, &count);
	runner_take(n->runner, effects, count);
}

void node_defer(struct node *n, const struct event *e)
{
	struct deferred *d = calloc(1, sizeof(*d));

	if (!d || (e->path && !(d->path = strdup(e->path)))) {
		log_error("out of memory");
		abort();
	}
	d->event = *e;
	d->event.path = d->path;
	*n->deferred_end = d;
	n->deferred_end = &d->next;
}

static int give_deferred(struct node *n)
{
	struct deferred *d = n->deferred;
	int given = 0;

	n->deferred = NULL;
	n->deferred_end = &n->deferred;
	while (d) {
		struct deferred *next = d->next;
		node_event(n, &d->event);
		free(d->path);
		free(d);
		d = next;
		given++;
	}
	return given;
}

static void drop_deferred(struct node *n)
{
	while (n->deferred) {
		struct deferred *d = n->deferred;
		n->deferred = d->next;
		free(d->path);
		free(d);
	}
}

/* ---- the loop ---- */

static volatile sig_atomic_t told_to_stop;

static void on_signal(int number)
{
	(void)number;
	told_to_stop = 1;
}

/* Signals come only while poll waits. */
static void catch_signals(sigset_t *during_poll)
{
	struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
	sigset_t block;

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGINT);
	sigprocmask(SIG_BLOCK, &block, during_poll);
	sigdelset(during_poll, SIGTERM);
	sigdelset(during_poll, SIGINT);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t next_wake(const struct node *n)
{
	int64_t wake = runner_wake(n->runner);

	wake = earlier(wake, control_wake(n->control));
	wake = earlier(wake, waits_wake(n->waits));
	wake = earlier(wake, portal_wake(n->portal));
	wake = earlier(wake, peers_wake(n->peers));
	wake = earlier(wake, teller_wake(n->teller));
	if (runner_blocked(n->runner))
		return wake;
	wake = earlier(wake, n->core_wake);
	wake = earlier(wake, contents_wake(n->contents));
	wake = earlier(wake, runs_wake(n->runs));
	wake = earlier(wake, zones_wake(n->zones));
	wake = earlier(wake, judge_wake(n->judge));
	wake = earlier(wake, questions_wake(n->questions));
	wake = earlier(wake, outcomes_wake(n));
	wake = earlier(wake, proofs_wake(n->proofs));
	wake = earlier(wake, byhand_wake(n->byhand));
	wake = earlier(wake, verify_wake(n->verify));
	wake = earlier(wake, repair_wake(n->repair));
	wake = earlier(wake, recall_wake(n->recall));
	wake = earlier(wake, marker_wake(n->marker));
	wake = earlier(wake, n->prune_msec);
	return n->deferred || n->peers->sent ? 0 : wake;
}

struct fds {
	struct pollfd p[2 + LINK_FDS_MAX + CONTROL_FDS_MAX];
	int n;
	int link_end; /* index behind the link's */
	int control; /* index of the first of the control socket's */
};

static void gather_fds(struct node *n, struct fds *f, bool full)
{
	int link[LINK_FDS_MAX];

	f->n = 0;
	f->link_end = 0;
	if (!runner_blocked(n->runner)) {
		f->p[f->n++] = (struct pollfd){portal_fd(n->portal),
					       (short)(POLLIN | (full ? POLLOUT : 0)), 0};
		int count = link_fds(n->link, link, LINK_FDS_MAX);
		for (int i = 0; i < count; i++)
			f->p[f->n++] = (struct pollfd){link[i], POLLIN, 0};
		f->link_end = f->n;
		f->p[f->n++] = (struct pollfd){judge_fd(n->judge), POLLIN, 0};
	}
	f->control = f->n;
	f->n += control_fds(n->control, f->p + f->n, CONTROL_FDS_MAX);
}

static void read_clocks(struct node *n)
{
	n->now_msec = clock_monotonic_msec();
	n->wall_msec = clock_wall_msec();
}

static bool is_ready(const struct fds *f, int from, int to)
{
	for (int i = from; i < to; i++)
		if (f->p[i].revents)
			return true;
	return false;
}

/* Takes in what is ready (`all`: what was ready and not taken in the last round, too); how much
 * there was. An idle node asks nobody who has nothing to say. */
static int gather(struct node *n, const struct fds *f, bool all)
{
	int given = give_deferred(n);

	if (all || is_ready(f, 0, 1))
		given += portal_receive(n->portal, NODE_ROUND_MAX);
	if (all || is_ready(f, 1, f->link_end))
		given += peers_receive(n->peers, NODE_ROUND_MAX);
	if (n->core_wake <= n->now_msec) {
		struct event e = {.type = EVENT_TIME};
		n->core_wake = INT64_MAX;
		node_event(n, &e);
		given++;
	}
	return given;
}

/* How long after a round that took so long. */
static int64_t prune_rest_msec(int64_t took_usec)
{
	int64_t rest = took_usec / 1000 * PRUNE_REST_TIMES;

	return rest < PRUNE_REST_MSEC	    ? PRUNE_REST_MSEC
	       : rest > PRUNE_REST_MAX_MSEC ? PRUNE_REST_MAX_MSEC
					    : rest;
}

/* When nothing else is to be done; but a node that is never idle gets around to it, too. */
static void prune(struct node *n, bool idle)
{
	if (n->now_msec < n->prune_msec + (idle ? 0 : PRUNE_LATE_MSEC))
		return;
	const struct store_keep keep = {.versions = (uint32_t)n->conf->keep_versions,
					.days = (uint32_t)n->conf->keep_age_days,
					.bytes = (uint64_t)n->conf->keep_bytes};
	int64_t began_usec = clock_monotonic_usec();
	bool more = store_prune(n->store, &keep);
	n->prune_took_usec += clock_monotonic_usec() - began_usec;
	n->prune_msec = n->now_msec + (more ? PRUNE_AGAIN_MSEC : prune_rest_msec(n->prune_took_usec));
	if (!more)
		n->prune_took_usec = 0;
}

/* One round, after poll. True if there is more to do at once. */
static bool go_round(struct node *n, const struct fds *f, bool all)
{
	bool more = false, blocked = runner_blocked(n->runner) != 0;
	int given = 0;

	if (!blocked) {
		given = gather(n, f, all);
		more = given >= NODE_ROUND_MAX;
		more |= taker_work(n->taker);
		more |= placer_work(n->placer);
		more |= contents_work(n->contents);
		more |= repair_work(n->repair);
		more |= judge_work(n->judge);
	}
	runner_end_round(n->runner, n->now_msec);
	if (!runner_blocked(n->runner))
		n->blocked_since_msec = 0;
	else if (n->blocked_since_msec == 0)
		n->blocked_since_msec = n->wall_msec;
	peers_tick(n->peers);
	waits_tick(n->waits);
	portal_tick(n->portal);
	teller_tick(n->teller);
	if (!runner_blocked(n->runner)) {
		outcomes_tick(n);
		byhand_tick(n->byhand);
		runs_tick(n->runs);
		proofs_tick(n->proofs);
		zones_tick(n->zones);
		everywhere_tick(n->everywhere);
		questions_tick(n->questions);
		verify_tick(n->verify);
		recall_tick(n->recall);
		marker_tick(n->marker);
		prune(n, given == 0 && !more);
	}
	control_round(n->control, f->p + f->control, f->n - f->control);
	/* The link's descriptors wake only once: it must be asked after something was sent. */
	if (n->peers->sent && !more && !runner_blocked(n->runner))
		more = peers_receive(n->peers, NODE_ROUND_MAX) > 0;
	/* What came while nothing was taken in has woken poll already, or never will. */
	return more || (blocked && !runner_blocked(n->runner));
}

static void loop(struct node *n)
{
	static struct fds f;
	sigset_t during_poll;
	bool more = true;

	n->prune_msec = n->now_msec + PRUNE_REST_MSEC;
	catch_signals(&during_poll);
	while (!n->stopping && !told_to_stop && !store_damaged(n->store)) {
		bool full = portal_flush(n->portal);
		gather_fds(n, &f, full);
		read_clocks(n);
		int64_t wait = more ? 0 : next_wake(n) - n->now_msec;
		wait = wait < 0 ? 0 : wait > 3600 * 1000 ? 3600 * 1000 : wait;
		struct timespec limit = {wait / 1000, wait % 1000 * 1000000};
		if (ppoll(f.p, (nfds_t)f.n, &limit, &during_poll) < 0) {
			if (errno != EINTR)
				log_limited(LOG_LEVEL_ERROR, "poll: %s", strerror(errno));
			for (int i = 0; i < f.n; i++)
				f.p[i].revents = 0;
		}
		read_clocks(n);
		more = go_round(n, &f, more);
	}
}

int node_run(const struct conf *conf, const struct conf_keys *keys, int port, bool clean)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n) {
		log_error("out of memory");
		return 1;
	}
	n->conf = conf;
	n->clean = clean;
	n->core_wake = INT64_MAX;
	n->deferred_end = &n->deferred;
	read_clocks(n);
	n->started_msec = n->wall_msec;
	fcntl(port, F_SETFL, fcntl(port, F_GETFL) | O_NONBLOCK);
	int err = node_open(n, keys, port);
	if (err == 0) {
		struct event start = {.type = EVENT_START};
		start.random = node_origin(keys->public_key);
		node_event(n, &start);
		repair_start(n->repair);
		if (n->unclean)
			repair_check(n->repair);
		loop(n);
		if (store_damaged(n->store)) {
			log_error("%s/zonefs.db is damaged: this process ends; the next one looks at all "
				  "of it, and starts with a new one if need be",
				  conf->state);
			err = ERR_CORRUPT;
		}
	} else {
		log_error("this node cannot start: %s", err_text(err));
	}
	node_close(n);
	drop_deferred(n);
	free(n);
	return err == 0 ? 0 : 1;
}
