/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The side that is asked: would these versions be installed here? Their contents are fetched first, if
 * they are not here; they stay in the store as any content that no version refers to, for an hour.
 * Then the judge has its say as on an op that came. At most one question of each peer.
 */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "replicator/contents.h"
#include "replicator/everywhere.h"
#include "replicator/judge/judge.h"
#include "replicator/peers.h"

struct question {
	struct node *node;
	struct question **place; /* its peer's; NULL: it has been given up */
	uint32_t peer;
	uint64_t id;
	struct link_route route;
	struct trial *trial; /* NULL: it is being judged */
	uint32_t missing;
	int64_t until_msec;
};

struct questions {
	struct node *node;
	struct question *of[CONF_PEERS_MAX];
	int64_t look_msec;
};

struct questions *questions_new(struct node *n)
{
	struct questions *q = calloc(1, sizeof(*q));

	if (q)
		q->node = n;
	return q;
}

static void question_free(struct question *q)
{
	if (q->place)
		*q->place = NULL;
	trial_free(q->trial);
	free(q);
}

void questions_free(struct questions *q)
{
	for (int i = 0; q && i < CONF_PEERS_MAX; i++)
		if (q->of[i])
			question_free(q->of[i]);
	free(q);
}

static void answer(struct question *q, enum wire_verdict kind, const char *words)
{
	struct message m = {.type = WIRE_VERDICT, .id = q->id};
	char own[WIRE_WORDS_MAX + 1];

	snprintf(own, sizeof(own), "%s", words);
	m.verdict.kind = kind;
	m.verdict.words = own;
	peers_answer(q->node->peers, q->peer, &q->route, &m);
	question_free(q);
}

/* ---- contents ---- */

static void let_go(struct question *q)
{
	for (uint32_t i = 0; q->trial && i < q->trial->n; i++)
		contents_let_go(q->node->contents, q->trial->items[i].version->attrs.hash);
}

/* How many of its contents are not here; they are looked for, if they are not yet. */
static uint32_t missing(struct question *q, bool look_for)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < q->trial->n; i++) {
		const struct attrs *a = &q->trial->items[i].version->attrs;

		if (a->kind != KIND_FILE || store_has(q->node->store, a->hash))
			continue;
		n++;
		if (look_for)
			contents_look_for(q->node->contents, a->hash, a->size, q->peer);
	}
	return n;
}

/* ---- judging ---- */

static void judged(void *arg, const struct verdict *v)
{
	struct question *q = arg;

	switch (v->kind) {
	case VERDICT_GOOD:
	case VERDICT_DOUBT: /* its author decides */
	case VERDICT_REWRITE:
		answer(q, WIRE_YES, "");
		break;
	case VERDICT_BAD:
		answer(q, WIRE_NO, v->words ? v->words : "");
		break;
	default:
		answer(q, WIRE_UNKNOWN, v->words ? v->words : "");
		break;
	}
}

static void judge(struct question *q)
{
	struct trial *t = q->trial;

	q->trial = NULL;
	if (judge_start_for(q->node->judge, t, q->node->peers->p[q->peer].name, judged, q) < 0)
		answer(q, WIRE_UNKNOWN, "it is short of memory");
}

static void give_up(struct question *q)
{
	let_go(q);
	if (!q->trial)
		judge_give_up(q->node->judge, q);
	question_free(q);
}

/* ---- taking it ---- */

/* What is against it before anything is looked at. False: nothing. */
static bool refuse(struct question *q)
{
	const struct node *n = q->node;
	char words[PATH_ESCAPED_MAX + 128], path[PATH_ESCAPED_MAX];
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < q->trial->n; i++) {
		const struct item *item = &q->trial->items[i];
		const struct attrs *a = &item->version->attrs;
		const char *why = NULL;

		bytes += a->kind == KIND_FILE ? a->size : 0;
		if (!core_accepts(n->core, q->peer, item->path))
			why = "is not taken from that node";
		else if (a->kind == KIND_FILE && a->size > (uint64_t)n->conf->max_file_size)
			why = "is larger than max-file-size";
		if (!why)
			continue;
		path_escape(path, sizeof(path), item->path);
		snprintf(words, sizeof(words), "%s: %s", path, why);
		answer(q, WIRE_NO, words);
		return true;
	}
	if (core_joining(n->core))
		answer(q, WIRE_UNKNOWN, "it is joining");
	else if (n->paused_msec)
		answer(q, WIRE_UNKNOWN, "replication is paused there");
	else if (!n->conf->server || !n->conf->server->gate)
		answer(q, WIRE_YES, "it has no gate, and checks nothing");
	else if (bytes > QUESTION_BYTES_MAX)
		answer(q, WIRE_UNKNOWN, "that is more than 1 GiB: release it in smaller sets");
	else
		return false;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void no_free(void *path)
{
	(void)path;
}

/* Each path once, and nothing that stays local here. */
static struct trial *trial_of(struct node *n, struct message *m)
{
	struct trial *t = calloc(1, sizeof(*t));
	void *seen = NULL; /* a tree: long paths that begin alike take long to compare */

	if (t)
		t->items = calloc(m->would.n, sizeof(*t->items));
	for (uint32_t i = 0; t && t->items && i < m->would.n; i++) {
		struct item *item = &m->would.items[i];
		char **first = tsearch(item->path, &seen, by_name);

		if (!first) {
			trial_free(t);
			t = NULL;
		} else if (*first == item->path &&
			   !core_local(n->core, item->path,
				       item->version->attrs.kind == KIND_DIR)) {
			t->items[t->n++] = *item;
			*item = (struct item){0};
		}
	}
	tdestroy(seen, no_free);
	if (t && t->items)
		return t;
	free(t);
	return NULL;
}

void questions_take(struct questions *q, uint32_t peer, const struct link_route *route,
		    struct message *m)
{
	struct question *one = calloc(1, sizeof(*one));

	if (q->of[peer])
		give_up(q->of[peer]);
	if (!one)
		return; /* its limit of time says so there */
	*one = (struct question){.node = q->node,
				 .place = &q->of[peer],
				 .peer = peer,
				 .id = m->id,
				 .route = *route,
				 .trial = trial_of(q->node, m),
				 .until_msec = q->node->now_msec + QUESTION_CONTENTS_MSEC};
	q->of[peer] = one;
	q->look_msec = 0;
	if (!one->trial)
		answer(one, WIRE_UNKNOWN, "it is short of memory");
	else if (!refuse(one))
		one->missing = missing(one, true);
}

static void look_at(struct question *q)
{
	uint32_t left;

	if (!q->trial)
		return;
	left = missing(q, false);
	if (left == 0) {
		judge(q);
	} else if (left < q->missing) {
		q->missing = left;
		q->until_msec = q->node->now_msec + QUESTION_CONTENTS_MSEC;
	} else if (q->until_msec <= q->node->now_msec) {
		let_go(q);
		answer(q, WIRE_UNKNOWN, "the contents have not come");
	}
}

void questions_tick(struct questions *q)
{
	if (q->look_msec > q->node->now_msec)
		return;
	q->look_msec = q->node->now_msec + QUESTION_LOOK_MSEC;
	for (int i = 0; i < CONF_PEERS_MAX; i++)
		if (q->of[i])
			look_at(q->of[i]);
}

int64_t questions_wake(const struct questions *q)
{
	for (int i = 0; i < CONF_PEERS_MAX; i++)
		if (q->of[i] && q->of[i]->trial)
			return q->look_msec;
	return INT64_MAX;
}
