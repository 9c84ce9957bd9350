/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A peer is told what has a higher number than what it has said it has, one request at a time; so it
 * hears of what changed several times only the last. One that can be reached anew is told all, and what
 * was known of it before goes with the first that it tells.
 */
#include "replicator/proofs_internal.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"

#define ANSWER_MSEC 10000

/* ---- from the peers ---- */

void proofs_take(struct node *n, uint32_t peer, const struct link_route *route,
		 const struct message *m)
{
	struct message back = {.type = WIRE_TOLD, .id = m->id, .told = m->proofs.n};
	struct proofs *p = n->proofs;
	struct proof_table *t = &p->peers[peer];

	if (m->proofs.anew)
		proof_table_clear(t);
	for (uint32_t i = 0; i < m->proofs.n; i++)
		if (!proof_table_put(t, &m->proofs.p[i], 0))
			log_limited(LOG_LEVEL_WARNING, "peer %s proves more zones than are kept",
				    n->peers->p[peer].name);
	p->news++;
	n->changes++;
	peers_answer(n->peers, peer, route, &back);
}

/* ---- to the peers ---- */

void proofs_peer_found(struct proofs *p, uint32_t peer)
{
	p->listeners[peer] = (struct listener){.anew = true};
}

static bool has_to_hear(const struct proofs *p, uint32_t peer)
{
	const struct listener *h = &p->listeners[peer];

	return p->node->peers->p[peer].reachable && h->id == 0 && (h->anew || h->has < p->last);
}

/* The first that it has not. */
static const struct proof_kept *first_for(const struct proofs *p, const struct listener *h)
{
	const struct proof_kept *k = TAILQ_LAST(&p->own.list, proof_list);
	const struct proof_kept *first = NULL;

	while (k && k->number > h->has) {
		first = k;
		k = TAILQ_PREV(k, proof_list, list);
	}
	return first;
}

static void send(struct proofs *p, uint32_t peer)
{
	struct listener *h = &p->listeners[peer];
	struct message m = {.type = WIRE_PROOFS, .id = peers_next_id(p->node->peers)};
	CLEANUP_FREE struct proof *list = calloc(WIRE_PROOFS_MAX, sizeof(*list));
	const struct proof_kept *k = first_for(p, h);

	if (!list)
		return;
	h->upto = p->last;
	m.proofs.anew = h->anew;
	m.proofs.p = list; /* the strings stay ours */
	for (; k && m.proofs.n < WIRE_PROOFS_MAX; k = TAILQ_NEXT(k, list)) {
		list[m.proofs.n++] = k->proof;
		h->upto = k->number;
	}
	h->sent_msec = p->node->now_msec;
	if (peers_request(p->node->peers, peer, &m) == 0)
		h->id = m.id;
}

void proofs_told(struct node *n, uint32_t peer, const struct message *m)
{
	struct listener *h = &n->proofs->listeners[peer];

	if (h->id == 0 || m->id != h->id)
		return;
	h->id = 0;
	h->anew = false;
	h->has = h->upto;
}

void proofs_tell(struct proofs *p)
{
	for (uint32_t i = 0; i < p->node->peers->n; i++) {
		struct listener *h = &p->listeners[i];

		if (h->id != 0 && p->node->now_msec - h->sent_msec > ANSWER_MSEC)
			h->id = 0;
		if (has_to_hear(p, i))
			send(p, i);
	}
}

int64_t proofs_wake(const struct proofs *p)
{
	int64_t wake = INT64_MAX;

	for (uint32_t i = 0; i < p->node->peers->n; i++) {
		const struct listener *h = &p->listeners[i];
		int64_t at = h->id ? h->sent_msec + ANSWER_MSEC + 1
			     : has_to_hear(p, i) ? p->node->now_msec + 1000
						 : INT64_MAX;
		if (at < wake)
			wake = at;
	}
	return wake;
}
