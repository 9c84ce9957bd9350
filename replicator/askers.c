/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One that is late is answered with the reason why not.
 */
#include "replicator/askers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "replicator/peers.h"
#include "replicator/runner.h"
#include "replicator/runs.h"
#include "replicator/waits.h"

struct asking {
	struct asking *next;
	uint32_t peer;
	uint64_t id;
	struct link_route route;
	struct vv vector;
	char *path;
	bool served;
	bool left; /* not heard of since: who asked may have gone */
	int64_t until_msec;
};

struct askers {
	struct node *node;
	struct asking *first;
	uint32_t n;
	bool again; /* one is new */
};

struct askers *askers_new(struct node *n)
{
	struct askers *w = calloc(1, sizeof(*w));

	if (w)
		w->node = n;
	return w;
}

static void asking_free(struct asking *a)
{
	vv_fini(&a->vector);
	free(a->path);
	free(a);
}

void askers_free(struct askers *w)
{
	if (!w)
		return;
	while (w->first) {
		struct asking *a = w->first;
		w->first = a->next;
		asking_free(a);
	}
	free(w);
}

static bool is_shown(const struct node *n, const struct asking *a)
{
	return a->path[0] ? core_shows_path(n->core, a->path, &a->vector)
			  : core_shows(n->core, &a->vector);
}

static void say_done(struct askers *w, const struct asking *a, bool reached, char *words)
{
	struct message m = {.type = WIRE_DONE, .id = a->id};

	m.done.reached = reached;
	m.done.words = words;
	peers_answer(w->node->peers, a->peer, &a->route, &m);
}

static void why_not(struct node *n, const struct asking *a, char *dst, size_t size)
{
	struct heartbeat h;

	core_heartbeat(n->core, &h, n->wall_msec, n->now_msec);
	if (runner_blocked(n->runner))
		snprintf(dst, size, "its store cannot be written: %s",
			 err_text(runner_blocked(n->runner)));
	else if (core_joining(n->core))
		snprintf(dst, size, "it is joining");
	else if (!is_shown(n, a) && n->conf->peers[a->peer].receive_only)
		snprintf(dst, size,
			 "the one who asks is receive-only there: nothing is taken from it");
	else if (!is_shown(n, a) && h.pending > 0)
		snprintf(dst, size, "it has yet to install %u path%s", h.pending,
			 h.pending == 1 ? "" : "s");
	else if (!is_shown(n, a))
		snprintf(dst, size, "it has not heard of all versions yet");
	else
		runs_words(n->runs, dst, size);
}

/* What the one who asks has made, and is not taken here however long it waits. */
struct outside {
	const struct asking *a;
	const char *node;
	const char *first;
	uint32_t n;
};

static bool look_outside(void *arg, const struct core_refused *r)
{
	struct outside *o = arg;

	if (!r->node || strcmp(r->node, o->node) != 0 ||
	    !vv_covers(&o->a->vector, r->version->dot) ||
	    (o->a->path[0] && strcmp(o->a->path, r->path) != 0))
		return true;
	if (!o->n++)
		o->first = r->path;
	return true;
}

static bool is_outside(const struct node *n, const struct asking *a, char *dst, size_t size)
{
	struct outside o = {.a = a, .node = n->peers->p[a->peer].name};
	char more[32] = "";

	core_refused(n->core, look_outside, &o);
	if (!o.n)
		return false;
	if (o.n > 1)
		snprintf(more, sizeof(more), " and %u more", o.n - 1);
	snprintf(dst, size, "not taken, since it is outside what is accepted there: /%.200s%s",
		 o.first, more);
	return true;
}

static bool settled(struct askers *w, const struct asking *a)
{
	struct node *n = w->node;
	char words[WIRE_WORDS_MAX] = "";

	if (is_shown(n, a) && !(a->served && runs_pending(n->runs))) {
		bool outside = is_outside(n, a, words, sizeof(words));

		say_done(w, a, !outside, words);
		return true;
	}
	if (n->now_msec < a->until_msec)
		return false;
	why_not(n, a, words, sizeof(words));
	say_done(w, a, false, words);
	return true;
}

/* Those whose asker has not been heard of since make room. */
static void make_room(struct askers *w)
{
	for (struct asking **at = &w->first; *at && w->n >= ASKERS_MAX;) {
		struct asking *a = *at;
		if (!a->left) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		w->n--;
		asking_free(a);
	}
}

void askers_take(struct askers *w, uint32_t peer, const struct link_route *route,
		 const struct message *m)
{
	struct asking *a = calloc(1, sizeof(*a));
	uint32_t limit = m->waitfor.limit_msec;
	char many[] = "too many are waiting there";

	if (!a)
		return;
	a->peer = peer;
	a->id = m->id;
	a->route = *route;
	a->served = m->waitfor.served;
	a->path = strdup(m->waitfor.path ? m->waitfor.path : "");
	vv_copy(&a->vector, &m->waitfor.vector);
	if (limit > WAITS_LIMIT_MAX_MSEC)
		limit = WAITS_LIMIT_MAX_MSEC;
	a->until_msec = w->node->now_msec + limit;
	make_room(w);
	if (!a->path || w->n == ASKERS_MAX) {
		say_done(w, a, false, many);
		asking_free(a);
		return;
	}
	a->next = w->first;
	w->first = a;
	w->n++;
	w->again = true;
}

void askers_peer_lost(struct askers *w, uint32_t peer)
{
	/* Who asked may hear us all the same, and wait: a node whose disk takes long is silent for
	 * a while, and notices nothing. */
	for (struct asking *a = w->first; a; a = a->next)
		a->left |= a->peer == peer;
}

void askers_tick(struct askers *w, bool news)
{
	struct node *n = w->node;

	news |= w->again;
	w->again = false;
	for (struct asking **at = &w->first; *at;) {
		struct asking *a = *at;
		if ((!news && n->now_msec < a->until_msec) || !settled(w, a)) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		w->n--;
		asking_free(a);
	}
}

int64_t askers_wake(const struct askers *w)
{
	int64_t wake = INT64_MAX;

	for (const struct asking *a = w->first; a; a = a->next)
		if (a->until_msec < wake)
			wake = a->until_msec;
	return wake;
}
