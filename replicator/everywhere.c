/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The side that asks. All peers are asked at once, one that comes back when it does; when no answer is
 * waited for any more, it is decided.
 */
#include "replicator/everywhere.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "replicator/peers.h"

struct lane {
	enum everywhere_state state;
	uint64_t request;
	int64_t until_msec;
	char words[WIRE_WORDS_MAX + 1];
};

struct everywhere {
	struct node *node;
	bool wanted;
	bool only_reachable;
	struct trial *trial; /* NULL: none is asked about */
	uint32_t questions;
	enum everywhere_end over;
	struct lane lanes[CONF_PEERS_MAX];
	struct core_node strangers[NODES_KNOWN_MAX]; /* nodes that are no peers */
	char stranger_names[NODES_KNOWN_MAX][NODE_NAME_MAX];
	uint32_t nstrangers;
};

struct everywhere *everywhere_new(struct node *n)
{
	struct everywhere *e = calloc(1, sizeof(*e));

	if (e)
		e->node = n;
	return e;
}

void everywhere_free(struct everywhere *e)
{
	if (e)
		trial_free(e->trial);
	free(e);
}

int everywhere_begin(struct everywhere *e, bool only_reachable)
{
	if (e->wanted)
		return -EBUSY;
	e->wanted = true;
	e->only_reachable = only_reachable;
	e->over = EVERYWHERE_OPEN;
	e->questions = 0;
	e->nstrangers = 0;
	memset(e->lanes, 0, sizeof(e->lanes));
	return 0;
}

void everywhere_end(struct everywhere *e)
{
	e->wanted = false;
}

/* ---- the verdict ---- */

static void forget(struct everywhere *e)
{
	trial_free(e->trial);
	e->trial = NULL;
}

static void decide(struct everywhere *e, enum verdict_kind kind, const char *words)
{
	struct verdict v = {.id = e->trial->id, .kind = kind, .words = words};
	struct event event = {.type = EVENT_VERDICT, .verdict = &v};

	e->over = kind == VERDICT_GOOD ? EVERYWHERE_GOES : EVERYWHERE_STAYS;
	forget(e);
	node_event(e->node, &event);
}

static const char *state_text(enum everywhere_state state)
{
	switch (state) {
	case EVERYWHERE_NO:
		return "refuses";
	case EVERYWHERE_COULD_NOT:
		return "could not check it";
	default:
		return "cannot be asked";
	}
}

/* What stands against it. False: nothing. */
static bool against(const struct everywhere *e, struct buf *words)
{
	struct everywhere_node one;
	uint32_t n = everywhere_nodes(e);

	for (uint32_t i = 0; i < n; i++) {
		everywhere_node(e, i, &one);
		bool stranger = i >= e->node->peers->n && one.state == EVERYWHERE_AWAY;
		if (one.state != EVERYWHERE_NO && one.state != EVERYWHERE_COULD_NOT && !stranger)
			continue;
		if (words->len)
			buf_u8(words, '\n');
		buf_raw(words, one.name, strlen(one.name));
		buf_u8(words, ' ');
		buf_raw(words, state_text(one.state), strlen(state_text(one.state)));
		if (one.words[0])
			buf_raw(words, ": ", 2);
		buf_raw(words, one.words, strlen(one.words));
	}
	return words->len > 0;
}

static bool is_in(const struct everywhere *e, enum everywhere_state state)
{
	for (uint32_t i = 0; i < e->node->peers->n; i++)
		if (e->lanes[i].state == state)
			return true;
	return false;
}

static void conclude(struct everywhere *e)
{
	struct buf words;

	if (is_in(e, EVERYWHERE_ASKED))
		return;
	buf_init(&words, VERDICT_WORDS_MAX * 4);
	if (against(e, &words)) {
		buf_u8(&words, 0);
		decide(e, VERDICT_BAD, words.err ? "other nodes do not agree" : (char *)words.data);
	} else if (!is_in(e, EVERYWHERE_AWAY)) {
		decide(e, VERDICT_GOOD, NULL);
	}
	buf_fini(&words);
}

/* ---- asking ---- */

static void set(struct lane *l, enum everywhere_state state, const char *words)
{
	l->state = state;
	snprintf(l->words, sizeof(l->words), "%s", words);
}

/* Why it cannot be asked now; NULL: it can. */
static const char *why_away(const struct node *n, const struct peer *peer)
{
	if (peer->other_protocol)
		return "it speaks another version of the protocol: upgrade the older node";
	if (!peer->reachable)
		return "it cannot be reached";
	if (n->paused_msec)
		return "replication is paused here";
	if (!peer->open)
		return "replication is paused there";
	return peer->heartbeat_came && peer->heartbeat.joining ? "it is joining" : NULL;
}

static void ask(struct everywhere *e, uint32_t peer)
{
	struct message m = {.type = WIRE_WOULD, .id = peers_next_id(e->node->peers)};
	struct lane *l = &e->lanes[peer];

	m.would.items = e->trial->items;
	m.would.n = e->trial->n;
	l->request = m.id;
	l->until_msec = e->node->now_msec + EVERYWHERE_ANSWER_MSEC;
	set(l, EVERYWHERE_ASKED, "");
	int err =
	    e->trial->n > WIRE_WOULD_MAX ? ERR_LIMIT : peers_request(e->node->peers, peer, &m);
	if (err == ERR_LIMIT)
		set(l, EVERYWHERE_COULD_NOT,
		    "more paths than it can be asked about at once: release them "
		    "in smaller sets");
	else if (err < 0)
		set(l, EVERYWHERE_AWAY, err_text(err));
}

static void look_at(struct everywhere *e, uint32_t peer)
{
	const char *away = why_away(e->node, &e->node->peers->p[peer]);
	struct lane *l = &e->lanes[peer];

	switch (l->state) {
	case EVERYWHERE_NEW:
	case EVERYWHERE_AWAY:
	case EVERYWHERE_LEFT_OUT:
	case EVERYWHERE_ASKED:
		if (away)
			set(l, e->only_reachable ? EVERYWHERE_LEFT_OUT : EVERYWHERE_AWAY, away);
		else if (l->state != EVERYWHERE_ASKED)
			ask(e, peer);
		else if (l->until_msec <= e->node->now_msec)
			set(l, EVERYWHERE_COULD_NOT, "it has not answered in 10 minutes");
		break;
	default: /* it has answered */
		break;
	}
}

static void find_strangers(struct everywhere *e)
{
	uint32_t n = node_known(e->node, e->strangers);

	e->nstrangers = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct core_node *k = &e->strangers[i];

		if (k->peer == UINT32_MAX && !k->forgotten)
			snprintf(e->stranger_names[e->nstrangers++], NODE_NAME_MAX, "%s", k->name);
	}
}

void everywhere_ask(struct everywhere *e, struct trial *take)
{
	trial_free(e->trial);
	e->trial = take;
	e->over = EVERYWHERE_OPEN;
	e->questions++;
	memset(e->lanes, 0, sizeof(e->lanes));
	everywhere_tick(e);
}

void everywhere_tick(struct everywhere *e)
{
	if (e->trial && !core_hears(e->node->core, e->trial->id))
		forget(e);
	if (!e->trial)
		return;
	if (!e->wanted) {
		decide(e, VERDICT_UNKNOWN,
		       "given up by whoever asked for it to be released everywhere");
		return;
	}
	find_strangers(e);
	for (uint32_t i = 0; i < e->node->peers->n; i++)
		look_at(e, i);
	conclude(e);
}

/* ---- answers ---- */

void everywhere_answered(struct everywhere *e, uint32_t peer, const struct message *m)
{
	static const enum everywhere_state states[] = {[WIRE_YES] = EVERYWHERE_YES,
						       [WIRE_NO] = EVERYWHERE_NO,
						       [WIRE_UNKNOWN] = EVERYWHERE_COULD_NOT};
	struct lane *l = &e->lanes[peer];

	if (l->state == EVERYWHERE_ASKED && l->request == m->id)
		set(l, states[m->verdict.kind], m->verdict.words ? m->verdict.words : "");
}

void everywhere_refused(struct everywhere *e, uint32_t peer, const struct message *m)
{
	struct lane *l = &e->lanes[peer];

	if (l->state == EVERYWHERE_ASKED && (m->id == 0 || m->id == l->request))
		set(l, EVERYWHERE_COULD_NOT,
		    "it does not know this question: its zonefs is an older one");
}

/* ---- questions ---- */

enum everywhere_end everywhere_over(const struct everywhere *e)
{
	return e->over;
}

uint32_t everywhere_nodes(const struct everywhere *e)
{
	return e->node->peers->n + e->nstrangers;
}

void everywhere_node(const struct everywhere *e, uint32_t i, struct everywhere_node *to)
{
	uint32_t peers = e->node->peers->n;

	if (i < peers)
		*to = (struct everywhere_node){e->node->peers->p[i].name, e->lanes[i].state,
					       e->lanes[i].words};
	else
		*to = (struct everywhere_node){
		    e->stranger_names[i - peers],
		    e->only_reachable ? EVERYWHERE_LEFT_OUT : EVERYWHERE_AWAY,
		    "it is no peer of this node (zonefsctl forget, if it does not come back)"};
}

uint32_t everywhere_questions(const struct everywhere *e)
{
	return e->questions;
}
