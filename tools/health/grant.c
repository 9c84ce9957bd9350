/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Leases and promises.
 */
#include "tools/health/grant.h"

#include <assert.h>
#include <stdlib.h>

struct peer {
	uint64_t life;   /* of the last note, 0: none was heard */
	uint64_t serial; /* likewise */
	int64_t heard;
	bool announces;
	bool asks;           /* not answered yet */
	int64_t valid_until; /* of its grant */
};

struct grant {
	struct grant_conf conf;
	struct peer peers[GRANT_PEERS_MAX];
	bool announces, asks;
	uint64_t serial;
	int64_t sent[GRANT_SENT_KEPT]; /* by serial; when this node asked in it, else INT64_MIN */
	int64_t promised_until;
};

static int64_t promise_msec(const struct grant *g)
{
	return g->conf.lease_msec + g->conf.lease_msec / 4;
}

struct grant *grant_new(const struct grant_conf *conf, int64_t now)
{
	struct grant *g = calloc(1, sizeof *g);

	assert(conf->npeers <= GRANT_PEERS_MAX && conf->min_announcing >= 1 && conf->life != 0);
	if (!g)
		return NULL;
	g->conf = *conf;
	for (unsigned i = 0; i < conf->npeers; i++)
		g->peers[i].valid_until = INT64_MIN;
	for (unsigned i = 0; i < GRANT_SENT_KEPT; i++)
		g->sent[i] = INT64_MIN;
	g->promised_until = now + promise_msec(g);
	return g;
}

void grant_free(struct grant *g)
{
	free(g);
}

void grant_set(struct grant *g, bool announces, bool asks)
{
	g->announces = announces;
	g->asks = asks;
}

void grant_begin(struct grant *g, int64_t now)
{
	g->serial++;
	g->sent[g->serial % GRANT_SENT_KEPT] = g->asks ? now : INT64_MIN;
}

static bool grants(const struct grant *g, unsigned peer)
{
	if (!g->peers[peer].asks || !g->announces)
		return false;
	return !g->asks || g->conf.lower[peer];
}

struct grant_note grant_note_for(struct grant *g, unsigned peer, int64_t now)
{
	struct peer *p = &g->peers[peer];
	struct grant_note note = {
	    .life = g->conf.life,
	    .serial = g->serial,
	    .announces = g->announces,
	    .asks = g->asks,
	};

	if (grants(g, peer)) {
		note.granted_life = p->life;
		note.granted_serial = p->serial;
		g->promised_until = now + promise_msec(g);
		/* Once for each request: who is gone is not promised anything. */
		p->asks = false;
	}
	return note;
}

/* When the request was sent that this serial stands for; INT64_MIN: it is none, or too old. */
static int64_t sent_at(const struct grant *g, uint64_t serial)
{
	if (serial == 0 || serial > g->serial || g->serial - serial >= GRANT_SENT_KEPT)
		return INT64_MIN;
	return g->sent[serial % GRANT_SENT_KEPT];
}

static void take_grant(struct grant *g, struct peer *p, const struct grant_note *note)
{
	if (note->granted_life != g->conf.life)
		return;
	int64_t sent = sent_at(g, note->granted_serial);
	if (sent != INT64_MIN && sent + g->conf.lease_msec > p->valid_until)
		p->valid_until = sent + g->conf.lease_msec;
}

void grant_heard(struct grant *g, unsigned peer, const struct grant_note *note, int64_t now)
{
	struct peer *p = &g->peers[peer];

	assert(peer < g->conf.npeers);
	if (note->life == 0)
		return;
	/* A grant counts whenever it comes; the rest only if nothing newer was heard. */
	take_grant(g, p, note);
	if (note->life == p->life && note->serial <= p->serial)
		return;
	p->life = note->life;
	p->serial = note->serial;
	p->heard = now;
	p->announces = note->announces;
	p->asks = note->asks;
	if (!note->announces)
		p->valid_until = INT64_MIN; /* it stays no longer, be it that it died */
}

static bool is_heard(const struct grant *g, const struct peer *p, int64_t now)
{
	return p->life != 0 && now - p->heard < g->conf.lease_msec;
}

unsigned grant_announcing(const struct grant *g, int64_t now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g->conf.npeers; i++)
		n += is_heard(g, &g->peers[i], now) && g->peers[i].announces;
	return n;
}

bool grant_from(const struct grant *g, unsigned peer, int64_t now)
{
	return now < g->peers[peer].valid_until;
}

int64_t grant_until(const struct grant *g, int64_t now)
{
	int64_t until = INT64_MAX;
	unsigned n = 0;

	if (now < g->promised_until)
		return INT64_MIN;
	for (unsigned i = 0; i < g->conf.npeers; i++) {
		const struct peer *p = &g->peers[i];

		if (grant_from(g, i, now)) {
			n++;
			if (p->valid_until < until)
				until = p->valid_until;
		} else if (is_heard(g, p, now) && p->announces) {
			return INT64_MIN;
		}
	}
	return n >= g->conf.min_announcing ? until : INT64_MIN;
}
