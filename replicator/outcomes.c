/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An outcome of a peer's version waits in the store until that peer says that it has it. One
 * request a peer is under way; what it holds is taken from the store anew when it is lost.
 */
#include "replicator/outcomes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"

#define ANSWER_MSEC 10000
#define REST_MSEC 50 /* between two requests: many outcomes in one, and in one commit there */

void outcomes_add(struct node *n, const struct outcome *o)
{
	const char *author = core_origin_node(n->core, o->dot.origin);
	struct peer *peer = author ? peers_find(n->peers, author) : NULL;
	int err = store_outcome(n->store, o, peer == NULL);

	if (err < 0)
		log_limited(LOG_LEVEL_WARNING, "an outcome cannot be kept: %s", err_text(err));
	else if (peer)
		peer->untold = true;
}

int32_t outcomes_after(const struct node *n, const struct version *v)
{
	const char *author = core_origin_node(n->core, v->dot.origin);
	const struct peer *peer = author ? peers_find(n->peers, author) : NULL;
	int64_t offset = peer && peer->heartbeat_came ? peer->offset_msec : 0;
	int64_t after = n->wall_msec + offset - (int64_t)(v->stamp >> 16);

	if (v->import || after > INT32_MAX)
		return -1;
	return after < 0 ? 0 : (int32_t)after;
}

/* What has become here of the version that was told. */
static void add_of(struct node *n, const struct effect *e, int32_t status, char *words)
{
	const struct version *v = e->told.version;
	char none[1] = "";
	struct outcome o = {
	    .dot = v->dot,
	    .path = (char *)e->path,
	    .node = n->conf->node,
	    .wall_msec = n->wall_msec,
	    .after_msec = outcomes_after(n, v),
	    .status = status,
	    .words = words,
	    .served = none,
	};

	outcomes_add(n, &o);
}

void outcomes_installed(struct node *n, const struct effect *e)
{
	char none[1] = "";

	if (e->told.version && !e->told.own && e->path)
		add_of(n, e, 0, none);
}

void outcomes_refused(struct node *n, const struct effect *e)
{
	char words[WIRE_WORDS_MAX];

	if (e->told.words)
		snprintf(words, sizeof(words), "it does not pass the gate there: %s",
			 e->told.words);
	else
		snprintf(words, sizeof(words),
			 "not taken: outside what is accepted there from the node that made it");
	add_of(n, e, ERR_DENIED, words);
}

/* ---- from a peer ---- */

void outcomes_take(struct node *n, uint32_t i, const struct link_route *route,
		   const struct message *m)
{
	struct message back = {.type = WIRE_TOLD, .id = m->id, .told = m->outcomes.n};
	struct buf b;

	for (uint32_t k = 0; k < m->outcomes.n; k++) {
		const struct outcome *o = &m->outcomes.o[k];
		const char *author = core_origin_node(n->core, o->dot.origin);

		/* A peer speaks of itself, and of what was made here. */
		if (strcmp(o->node, n->peers->p[i].name) != 0 || !author ||
		    strcmp(author, n->conf->node) != 0)
			continue;
		int err = store_outcome(n->store, o, true);
		if (err < 0) {
			log_limited(LOG_LEVEL_WARNING, "an outcome cannot be kept: %s",
				    err_text(err));
			return;
		}
	}
	buf_init(&b, WIRE_MESSAGE_MAX);
	message_encode(&b, &back);
	if (b.err == 0)
		runner_reply(n->runner, route->id, route->len, b.data, b.len, i);
	else
		buf_fini(&b);
}

/* ---- to the peers ---- */

struct batch {
	struct peer *peer;
	struct outcome *o;
	uint32_t n;
};

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

static int collect(void *arg, int64_t id, const struct outcome *o)
{
	struct batch *b = arg;
	struct outcome *to = &b->o[b->n];

	*to = *o;
	to->path = copy(o->path);
	to->node = copy(o->node);
	to->hook = copy(o->hook);
	to->words = copy(o->words);
	to->served = copy(o->served);
	b->peer->outcome_ids[b->n++] = id;
	return b->n == WIRE_OUTCOMES_MAX;
}

static void send(struct node *n, struct peer *peer)
{
	struct batch b = {.peer = peer};
	struct message m = {.type = WIRE_OUTCOMES};

	b.o = calloc(WIRE_OUTCOMES_MAX, sizeof(*b.o));
	if (!b.o)
		return;
	int err = store_untold(n->store, peer->name, WIRE_OUTCOMES_MAX, collect, &b);
	if (err < 0)
		log_limited(LOG_LEVEL_WARNING, "outcomes cannot be read: %s", err_text(err));
	peer->untold = b.n == WIRE_OUTCOMES_MAX;
	peer->noutcomes = b.n;
	if (b.n > 0) {
		m.id = peers_next_id(n->peers);
		m.outcomes.n = b.n;
		m.outcomes.o = b.o;
		if (peers_request(n->peers, (uint32_t)(peer - n->peers->p), &m) == 0)
			peer->outcomes_id = m.id;
		else
			peer->untold = true;
		peer->outcomes_msec = n->now_msec;
	}
	for (uint32_t i = 0; i < b.n; i++)
		outcome_fini(&b.o[i]);
	free(b.o);
}

void outcomes_told(struct node *n, struct peer *peer, const struct message *m)
{
	if (peer->outcomes_id == 0 || m->id != peer->outcomes_id)
		return;
	peer->outcomes_id = 0;
	for (uint32_t i = 0; i < peer->noutcomes; i++) {
		int err = store_told(n->store, peer->outcome_ids[i]);
		if (err < 0)
			log_limited(LOG_LEVEL_WARNING, "an outcome cannot be marked: %s",
				    err_text(err));
	}
}

static int64_t due(const struct peer *peer)
{
	bool wanted = peer->reachable && peer->untold && peer->outcomes_id == 0;

	return wanted ? peer->outcomes_msec + REST_MSEC : INT64_MAX;
}

void outcomes_tick(struct node *n)
{
	for (uint32_t i = 0; i < n->peers->n; i++) {
		struct peer *peer = &n->peers->p[i];

		if (peer->outcomes_id != 0 && n->now_msec - peer->outcomes_msec > ANSWER_MSEC) {
			peer->outcomes_id = 0;
			peer->untold = true;
		}
		if (due(peer) <= n->now_msec)
			send(n, peer);
	}
}

int64_t outcomes_wake(const struct node *n)
{
	int64_t wake = INT64_MAX;

	for (uint32_t i = 0; i < n->peers->n; i++) {
		int64_t at = due(&n->peers->p[i]);
		if (at < wake)
			wake = at;
	}
	return wake;
}
