/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Asking peers for contents. Small ones travel many to a request; a large one has requests of its
 * own, each for the next few pieces, and goes on from another peer where the first one fails. There
 * is one want a hash: see wants.c.
 *
 * Answers share their connection with the entries that a peer is asked for, and one that comes too
 * late was sent for nothing. So as much is under way as comes within about a second: a piece at
 * first, twice as much after an answer that was swift, half after a slow one; several requests at a
 * time only where a full one is not slow.
 */
#include "replicator/contents_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "replicator/hashing.h"
#include "replicator/peers.h"

#define SCAN_MAX 2048 /* idle wants looked through at once */
#define PIECES_MAX (WIRE_PIECES_MAX / WIRE_PIECE_MAX)
#define NOBODY UINT32_MAX

struct contents *contents_new(struct node *n)
{
	struct contents *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->node = n;
	for (uint32_t i = 0; i < CONF_PEERS_MAX; i++)
		c->pieces[i] = 1;
	if (!wants_init(c)) {
		free(c);
		return NULL;
	}
	return c;
}

void contents_free(struct contents *c)
{
	if (!c)
		return;
	while (c->requests) {
		struct request *r = c->requests;
		c->requests = r->next;
		free(r);
	}
	wants_fini(c);
	free(c);
}

/* ---- asking ---- */

/* A peer that may not change everything gives no contents either, but its own. */
static bool may_give(const struct contents *c, uint32_t peer)
{
	const struct conf_peer *p = &c->node->conf->peers[peer];

	return !p->receive_only && !p->accept;
}

/* Whom to ask: the one that told of it, else any that can be reached; NOBODY. */
static uint32_t whom(const struct contents *c, const struct want *w)
{
	const struct peers *p = c->node->peers;

	if (w->teller < p->n && p->p[w->teller].open && !(w->tried >> w->teller & 1))
		return w->teller;
	for (uint32_t i = 0; i < p->n; i++)
		if (p->p[i].open && !(w->tried >> i & 1) && may_give(c, i))
			return i;
	return NOBODY;
}

/* Sends WANT for what is in r; its wants are idle again where that is not possible. */
static void send(struct contents *c, struct request *r)
{
	struct message *m = calloc(1, sizeof(*m));
	int err = m ? 0 : -1;

	if (m) {
		m->type = WIRE_WANT;
		m->id = r->id = peers_next_id(c->node->peers);
		for (uint32_t i = 0; i < r->n; i++) {
			struct wire_piece *p = &m->pieces.p[m->pieces.n++];
			p->hash = r->wants[i]->hash;
			if (!r->wants[i]->incoming)
				continue;
			uint64_t at = incoming_size(r->wants[i]->incoming);
			for (uint32_t k = 0; k < c->pieces[r->peer] && at < r->wants[i]->size; k++) {
				p = &m->pieces.p[k];
				p->hash = r->wants[i]->hash;
				p->offset = at;
				m->pieces.n = k + 1;
				at += WIRE_PIECE_MAX;
			}
		}
		err = peers_request(c->node->peers, r->peer, m);
		free(m);
	}
	if (err < 0) {
		for (uint32_t i = 0; i < r->n; i++)
			want_rest(c, r->wants[i]);
		free(r);
		return;
	}
	r->sent_msec = c->node->now_msec;
	r->next = c->requests;
	c->requests = r;
	c->under_way[r->peer]++;
}

/* It may be asked for more while it has not answered yet. */
static bool may_ask(const struct contents *c, uint32_t peer)
{
	return c->under_way[peer] < (c->pieces[peer] < PIECES_MAX ? 1 : CONTENTS_REQUESTS_MAX);
}

/* An answer came, or its time is over. */
static void note_pace(struct contents *c, const struct request *r, int64_t now)
{
	uint32_t *pieces = &c->pieces[r->peer];
	int64_t took = now - r->sent_msec;

	if (took > CONTENTS_SLOW_MSEC && *pieces > 1)
		*pieces /= 2;
	else if (took < CONTENTS_SWIFT_MSEC && *pieces < PIECES_MAX)
		*pieces *= 2;
}

static struct request *request_new(uint32_t peer)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r) {
		log_error("out of memory");
		abort();
	}
	r->peer = peer;
	return r;
}

static void add(struct request *r, struct want *w)
{
	want_unlist(w);
	r->wants[r->n++] = w;
}

/* Small ones: a request for each peer is filled while the list is gone through once. */
static void ask_small(struct contents *c)
{
	struct request *open[CONF_PEERS_MAX] = {NULL};
	uint64_t bytes[CONF_PEERS_MAX] = {0};
	struct want *next, *w = c->small.first;

	for (int i = 0; w && i < SCAN_MAX; i++, w = next) {
		next = w->next;
		if (want_is_over(c, w))
			continue;
		uint32_t peer = whom(c, w);
		if (store_has(c->node->store, w->hash)) {
			want_arrived(c, w);
			continue;
		}
		if (peer == NOBODY) {
			want_rest(c, w);
			continue;
		}
		struct request **r = &open[peer];
		if (*r && ((*r)->n == WIRE_WANT_MAX || bytes[peer] + w->size > c->pieces[peer] * WIRE_PIECE_MAX)) {
			send(c, *r);
			*r = NULL;
		}
		if (!*r) {
			if (!may_ask(c, peer))
				continue;
			*r = request_new(peer);
			bytes[peer] = 0;
		}
		add(*r, w);
		bytes[peer] += w->size;
	}
	for (uint32_t i = 0; i < CONF_PEERS_MAX; i++)
		if (open[i])
			send(c, open[i]);
}

/* ---- answers ---- */

static void take_small(struct contents *c, struct want *w, uint32_t peer,
		       const struct wire_piece *p)
{
	if (p->status != 0) {
		want_fault(c, w, peer, NULL);
		return;
	}
	if (p->len != w->size || !hash_same(hash_of(p->p, p->len), w->hash)) {
		want_fault(c, w, peer, "is not what its hash says");
		return;
	}
	int err = store_put(c->node->store, w->hash, p->p, p->len);
	if (err < 0) {
		log_limited(LOG_LEVEL_WARNING, "a content cannot be kept: %s", err_text(err));
		want_rest(c, w);
		return;
	}
	want_arrived(c, w);
}

/* Ends a large content that is all there. */
static void finish_large(struct contents *c, struct want *w, uint32_t peer)
{
	int err = incoming_finish(w->incoming);

	w->incoming = NULL;
	c->nlarge--;
	if (err == 0) {
		want_arrived(c, w);
	} else if (err == ERR_CORRUPT) {
		want_fault(c, w, peer, "is not what its hash says");
	} else {
		log_limited(LOG_LEVEL_WARNING, "a content cannot be kept: %s", err_text(err));
		want_rest(c, w);
	}
}

static void take_large(struct contents *c, struct want *w, uint32_t peer,
		       const struct wire_piece *p, uint32_t n)
{
	uint64_t before = incoming_size(w->incoming);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t at = incoming_size(w->incoming);

		if (!hash_same(p[i].hash, w->hash) || p[i].status != 0 || p[i].total != w->size ||
		    p[i].offset != at || p[i].len > w->size - at)
			break;
		int err = incoming_write(w->incoming, p[i].p, p[i].len);
		if (err < 0) {
			log_limited(LOG_LEVEL_WARNING, "a content cannot be written: %s",
				    err_text(err));
			want_put_away(c, w, true);
			want_rest(c, w);
			return;
		}
	}
	if (incoming_size(w->incoming) >= w->size) {
		finish_large(c, w, peer);
	} else if (incoming_size(w->incoming) == before) {
		want_put_away(c, w, true);
		want_fault(c, w, peer, NULL);
	} else {
		want_idle(c, w);
	}
}

static struct request *take_request(struct contents *c, uint32_t peer, uint64_t id)
{
	for (struct request **at = &c->requests; *at; at = &(*at)->next) {
		struct request *r = *at;

		if (r->id != id || r->peer != peer)
			continue;
		*at = r->next;
		c->under_way[peer]--;
		return r;
	}
	return NULL;
}

void contents_take(struct contents *c, uint32_t peer, const struct message *m)
{
	struct request *r = take_request(c, peer, m->id);

	if (!r)
		return;
	note_pace(c, r, c->node->now_msec);
	if (r->n == 1 && r->wants[0]->incoming) {
		take_large(c, r->wants[0], peer, m->pieces.p, m->pieces.n);
		free(r);
		return;
	}
	uint32_t answered = 0;
	for (uint32_t i = 0; i < m->pieces.n; i++) {
		for (uint32_t k = 0; k < r->n; k++) {
			struct want *w = r->wants[k];
			if (!w || !hash_same(w->hash, m->pieces.p[i].hash))
				continue;
			r->wants[k] = NULL;
			answered++;
			take_small(c, w, peer, &m->pieces.p[i]);
		}
	}
	/* What did not fit is asked for again; a peer that answers nothing at all is not. */
	for (uint32_t k = 0; k < r->n; k++) {
		if (r->wants[k] && answered > 0)
			want_idle(c, r->wants[k]);
		else if (r->wants[k])
			want_fault(c, r->wants[k], peer, NULL);
	}
	free(r);
}

static void give_up(struct contents *c, struct request *r)
{
	c->under_way[r->peer]--;
	for (uint32_t i = 0; i < r->n; i++)
		want_fault(c, r->wants[i], r->peer, NULL);
	free(r);
}

void contents_peer(struct contents *c, uint32_t peer, bool reachable)
{
	for (struct request **at = &c->requests; *at;) {
		struct request *r = *at;

		if (r->peer != peer) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		give_up(c, r);
	}
	if (!reachable)
		return;
	for (uint32_t i = 0; i < c->nslots; i++)
		for (struct want *w = c->slots[i]; w; w = w->chain)
			w->tried &= ~(1ull << peer);
	while (c->resting.first)
		want_idle(c, c->resting.first);
}

/* Opens its incoming file, and takes in what an earlier attempt has left there. Is it at an end, so
 * that the rest can be asked for? Where not, *more says whether to go on soon. */
static bool open_large(struct contents *c, struct want *w, bool *more)
{
	int err = 0;

	if (!w->incoming) {
		if (c->nlarge >= CONTENTS_LARGE_MAX)
			return false;
		err = incoming_open(c->node->store, w->hash, true, &w->incoming);
		w->ready = false;
		c->nlarge += err == 0;
	}
	if (err == 0 && !w->ready) {
		err = incoming_take_in(w->incoming);
		w->ready = err == 0;
		*more |= err > 0;
	}
	if (err < 0) {
		log_limited(LOG_LEVEL_WARNING, "a content cannot be written: %s", err_text(err));
		want_put_away(c, w, true);
		want_rest(c, w);
	}
	return w->ready;
}

/* True: there is more to do at once. */
static bool ask_large(struct contents *c)
{
	bool more = false;
	struct want *next, *w = c->large.first;

	for (int i = 0; w && i < SCAN_MAX; i++, w = next) {
		next = w->next;
		if (want_is_over(c, w))
			continue;
		uint32_t peer = whom(c, w);
		if (peer == NOBODY) {
			want_put_away(c, w, true);
			want_rest(c, w);
			continue;
		}
		if (!may_ask(c, peer))
			continue;
		if (!w->incoming && store_has(c->node->store, w->hash)) {
			want_arrived(c, w);
			continue;
		}
		if (!open_large(c, w, &more))
			continue;
		if (incoming_size(w->incoming) >= w->size) {
			want_unlist(w);
			finish_large(c, w, peer);
			continue;
		}
		struct request *r = request_new(peer);
		add(r, w);
		send(c, r);
	}
	return more;
}

bool contents_work(struct contents *c)
{
	int64_t now = c->node->now_msec;

	for (struct request **at = &c->requests; *at;) {
		struct request *r = *at;

		if (r->sent_msec + CONTENTS_ANSWER_MSEC > now) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		log_limited(LOG_LEVEL_WARNING, "peer %s does not answer for contents",
			    c->node->peers->p[r->peer].name);
		note_pace(c, r, now);
		give_up(c, r);
	}
	while (c->resting.first && c->resting.first->rest_msec <= now) {
		c->resting.first->tried = 0;
		want_idle(c, c->resting.first);
	}
	if (c->small.first)
		ask_small(c);
	return c->large.first && ask_large(c);
}

int64_t contents_wake(const struct contents *c)
{
	int64_t wake = c->resting.first ? c->resting.first->rest_msec : INT64_MAX;

	for (const struct request *r = c->requests; r; r = r->next)
		if (r->sent_msec + CONTENTS_ANSWER_MSEC < wake)
			wake = r->sent_msec + CONTENTS_ANSWER_MSEC;
	return wake;
}
