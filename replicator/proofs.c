/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A table a node: a tree to find a zone in, and a list in the order of the last change, each with its
 * number. A peer is told what has a higher number than what it has said it has, one request at a time; so
 * it hears of what changed several times only the last. A zone that is gone stays in the list until this
 * process ends, for the peers that have not heard of it.
 */
#include "replicator/proofs.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "replicator/byhand.h"
#include "replicator/zones.h"

#define VALUE "proof\t" /* and zone, class, view, with tabs between */
#define ANSWER_MSEC 10000

struct kept {
	struct proof proof; /* first: the tree compares these */
	TAILQ_ENTRY(kept) list;
	uint64_t number;
	bool mapped;
};

struct table {
	void *tree;
	TAILQ_HEAD(kept_list, kept) list;
	size_t n;
};

/* What a peer has been told. */
struct hearing {
	bool anew;       /* nothing yet, since it can be reached */
	uint64_t has;    /* up to this number */
	uint64_t id;     /* of the request under way; 0: none */
	uint64_t upto;   /* what it will have then */
	int64_t sent_msec;
};

struct proofs {
	struct node *node;
	struct table own;
	struct table *peers;
	struct hearing *hearing;
	uint64_t last; /* number given */
	uint64_t news;
	uint64_t map; /* generation of the map that the own table was compared with */
};

/* ---- tables ---- */

static int compare(const void *a, const void *b)
{
	return proof_compare(a, b);
}

static struct kept *find(const struct table *t, const struct proof *key)
{
	struct kept **at = tfind(key, &t->tree, compare);

	return at ? *at : NULL;
}

static void kept_free(struct kept *k)
{
	proof_fini(&k->proof);
	free(k);
}

static void table_clear(struct table *t)
{
	struct kept *k;

	while ((k = TAILQ_FIRST(&t->list))) {
		TAILQ_REMOVE(&t->list, k, list);
		tdelete(&k->proof, &t->tree, compare);
		kept_free(k);
	}
	t->n = 0;
}

/* Takes the proof over, which is all zero then; the one in the table, or NULL: there is no room. */
static struct kept *table_put(struct table *t, struct proof *proof, uint64_t number)
{
	struct kept *k = find(t, proof);

	if (k) {
		TAILQ_REMOVE(&t->list, k, list);
		tdelete(&k->proof, &t->tree, compare);
		proof_fini(&k->proof);
	} else {
		k = t->n < PROOFS_MAX ? calloc(1, sizeof(*k)) : NULL;
		t->n += k != NULL;
	}
	if (!k) {
		proof_fini(proof);
		return NULL;
	}
	k->proof = *proof;
	k->number = number;
	*proof = (struct proof){0};
	if (!tsearch(&k->proof, &t->tree, compare)) {
		t->n--;
		kept_free(k);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&t->list, k, list);
	return k;
}

/* ---- the own ones, in the store ---- */

static char *value_name(const struct proof *proof)
{
	char *name = NULL;

	if (asprintf(&name, VALUE "%s\t%s\t%s", proof->zone, proof->zclass, proof->view) < 0)
		return NULL;
	return name;
}

static void keep(struct proofs *p, const struct proof *proof)
{
	CLEANUP_FREE char *name = value_name(proof);
	struct buf b;
	int err;

	buf_init(&b, 16 * 1024);
	if (proof->state != PROOF_GONE)
		buf_proof(&b, proof);
	err = !name ? -ENOMEM : b.err ? b.err : store_value_put(p->node->store, name, b.data, b.len);
	if (err < 0)
		log_limited(LOG_LEVEL_WARNING, "a proof cannot be kept: %s", err_text(err));
	buf_fini(&b);
}

/* Something about an own one has changed in place. */
static void changed(struct proofs *p, struct kept *k)
{
	TAILQ_REMOVE(&p->own.list, k, list);
	TAILQ_INSERT_TAIL(&p->own.list, k, list);
	k->number = ++p->last;
	p->news++;
	keep(p, &k->proof);
}

static int load(void *arg, const char *name, const void *bytes, size_t len)
{
	struct proofs *p = arg;
	struct proof proof = {0};
	struct rd r;

	rd_init(&r, bytes, len);
	rd_proof(&r, &proof);
	if (rd_end(&r) == 0 && proof.zone)
		table_put(&p->own, &proof, ++p->last);
	else
		log_warning("the store's \"%s\" is no proof", name);
	proof_fini(&proof);
	return 0;
}

struct proofs *proofs_new(struct node *n)
{
	struct proofs *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->node = n;
	TAILQ_INIT(&p->own.list);
	p->peers = calloc(n->conf->npeers + 1, sizeof(*p->peers));
	p->hearing = calloc(n->conf->npeers + 1, sizeof(*p->hearing));
	if (!p->peers || !p->hearing) {
		proofs_free(p);
		return NULL;
	}
	for (size_t i = 0; i < n->conf->npeers; i++)
		TAILQ_INIT(&p->peers[i].list);
	int err = store_value_each(n->store, VALUE, load, p);
	if (err < 0)
		log_warning("what was proved before cannot be read: %s", err_text(err));
	return p;
}

void proofs_free(struct proofs *p)
{
	if (!p)
		return;
	table_clear(&p->own);
	for (size_t i = 0; p->peers && p->hearing && i < p->node->conf->npeers; i++)
		table_clear(&p->peers[i]);
	free(p->peers);
	free(p->hearing);
	free(p);
}

/* ---- what hooks say ---- */

/* Of which version of the zone's file that is. */
static void of_version(const struct proofs *p, struct proof *proof)
{
	const struct shown *s = core_shown(p->node->core, proof->path);
	const struct version *v = core_visible(p->node->core, proof->path);

	if (!s || s->attrs.kind != KIND_FILE)
		return;
	proof->hash = s->attrs.hash;
	proof->dot = s->dot;
	if (v && version_live(v) && hash_same(v->attrs.hash, s->attrs.hash))
		proof->dot = v->dot;
}

/* What is loaded of a zone whose file is held. */
static void take_held(struct proofs *p, struct proof *now)
{
	struct kept *k = find(&p->own, now);

	switch (byhand_judge(p->node->byhand, k ? &k->proof : NULL, now)) {
	case BYHAND_NOTHING:
		return;
	case BYHAND_SAME:
		if (k) {
			k->proof.loaded_sec = now->loaded_sec;
			k->proof.has_loaded = true;
			changed(p, k);
		}
		return;
	case BYHAND_LOADED:
		break;
	}
	if (!k || k->proof.state != PROOF_HELD)
		log_warning("zone %s%s%s: what is held of %s was loaded by hand, and is served here: "
			    "serial %u",
			    now->zone, now->view[0] ? " in view " : "", now->view, now->path,
			    now->serial);
	k = table_put(&p->own, now, ++p->last);
	if (k) {
		p->news++;
		p->node->changes++;
		keep(p, &k->proof);
	}
}

static void take_line(struct proofs *p, const char *line, size_t len,
		      bool (*since)(const void *arg, const char *path), const void *arg)
{
	struct proof proof;

	if (strncmp(line, "proof\t", 6) != 0)
		return;
	if (proof_parse(&proof, line, len) < 0) {
		log_limited(LOG_LEVEL_WARNING,
			    "a hook has printed a proof that is none: see zonefs-hooks(7)");
		return;
	}
	proof.asked_msec = p->node->wall_msec;
	if (proof.state == PROOF_HELD) {
		if (!since(arg, proof.path))
			take_held(p, &proof);
		proof_fini(&proof);
		return;
	}
	if (proof.path[0] && !since(arg, proof.path))
		of_version(p, &proof);
	struct kept *k = table_put(&p->own, &proof, ++p->last);
	if (k) {
		p->news++;
		keep(p, &k->proof);
	}
}

void proofs_hook(struct proofs *p, const char *output,
		 bool (*since)(const void *arg, const char *path), const void *arg)
{
	while (*output) {
		size_t len = strcspn(output, "\n");

		/* The last line may have been cut. */
		if (output[len] == '\n')
			take_line(p, output, len, since, arg);
		output += len + (output[len] == '\n');
	}
}

void proofs_touched(struct proofs *p, const char *path, const struct version *v)
{
	struct kept *k, *next;

	for (k = TAILQ_FIRST(&p->own.list); k && v; k = next) {
		next = TAILQ_NEXT(k, list);
		if (strcmp(k->proof.path, path) != 0 || dot_same(k->proof.dot, v->dot) ||
		    k->proof.dot.origin == 0 || !hash_same(k->proof.hash, v->attrs.hash))
			continue;
		k->proof.dot = v->dot;
		changed(p, k);
	}
}

static void gone(struct proofs *p, struct kept *k)
{
	k->proof.state = PROOF_GONE;
	changed(p, k);
}

void proofs_removed(struct proofs *p, const char *path)
{
	struct kept *k, *next;

	if (p->node->conf->server)
		return; /* the map will say */
	for (k = TAILQ_FIRST(&p->own.list); k; k = next) {
		next = TAILQ_NEXT(k, list);
		if (k->proof.state != PROOF_GONE && strcmp(k->proof.path, path) == 0)
			gone(p, k);
	}
}

/* A zone that is not configured any more. */
static void compare_with_map(struct proofs *p)
{
	struct zones_status z;
	struct zone_entry e;
	struct kept *k, *next;

	zones_status(p->node->zones, &z);
	if (!p->node->conf->server || z.state != ZONES_GOOD || z.generation == p->map)
		return;
	p->map = z.generation;
	TAILQ_FOREACH(k, &p->own.list, list)
		k->mapped = false;
	for (size_t i = 0; zones_entry(p->node->zones, i, &e); i++) {
		char none[1] = "";
		struct proof key = {.zone = e.zone->name,
				    .zclass = e.zone->zclass,
				    .view = e.zone->view ? e.zone->view : none};

		k = find(&p->own, &key);
		if (k)
			k->mapped = true;
	}
	for (k = TAILQ_FIRST(&p->own.list); k; k = next) {
		next = TAILQ_NEXT(k, list);
		if (!k->mapped && k->proof.state != PROOF_GONE)
			gone(p, k);
	}
}

/* ---- from the peers ---- */

void proofs_take(struct node *n, uint32_t peer, const struct link_route *route,
		 const struct message *m)
{
	struct message back = {.type = WIRE_TOLD, .id = m->id, .told = m->proofs.n};
	struct proofs *p = n->proofs;
	struct table *t = &p->peers[peer];

	if (m->proofs.anew)
		table_clear(t);
	for (uint32_t i = 0; i < m->proofs.n; i++)
		if (!table_put(t, &m->proofs.p[i], 0))
			log_limited(LOG_LEVEL_WARNING, "peer %s proves more zones than are kept",
				    n->peers->p[peer].name);
	p->news++;
	n->changes++;
	peers_answer(n->peers, peer, route, &back);
}

/* ---- to the peers ---- */

void proofs_peer_found(struct proofs *p, uint32_t peer)
{
	p->hearing[peer] = (struct hearing){.anew = true};
}

static bool has_to_hear(const struct proofs *p, uint32_t peer)
{
	const struct hearing *h = &p->hearing[peer];

	return p->node->peers->p[peer].reachable && h->id == 0 && (h->anew || h->has < p->last);
}

/* The first that it has not. */
static const struct kept *first_for(const struct proofs *p, const struct hearing *h)
{
	const struct kept *k = TAILQ_LAST(&p->own.list, kept_list);
	const struct kept *first = NULL;

	while (k && k->number > h->has) {
		first = k;
		k = TAILQ_PREV(k, kept_list, list);
	}
	return first;
}

static void send(struct proofs *p, uint32_t peer)
{
	struct hearing *h = &p->hearing[peer];
	struct message m = {.type = WIRE_PROOFS, .id = peers_next_id(p->node->peers)};
	CLEANUP_FREE struct proof *list = calloc(WIRE_PROOFS_MAX, sizeof(*list));
	const struct kept *k = first_for(p, h);

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
	struct hearing *h = &n->proofs->hearing[peer];

	if (h->id == 0 || m->id != h->id)
		return;
	h->id = 0;
	h->anew = false;
	h->has = h->upto;
}

void proofs_tick(struct proofs *p)
{
	compare_with_map(p);
	for (uint32_t i = 0; i < p->node->peers->n; i++) {
		struct hearing *h = &p->hearing[i];

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
		const struct hearing *h = &p->hearing[i];
		int64_t at = h->id ? h->sent_msec + ANSWER_MSEC + 1
			     : has_to_hear(p, i) ? p->node->now_msec + 1000
						 : INT64_MAX;
		if (at < wake)
			wake = at;
	}
	return wake;
}

/* ---- questions ---- */

static const struct table *table_of(const struct proofs *p, uint32_t peer)
{
	return peer == PROOFS_SELF ? &p->own : &p->peers[peer];
}

const struct proof *proofs_find(const struct proofs *p, uint32_t peer, const struct proof *key)
{
	const struct kept *k = find(table_of(p, peer), key);

	return k && k->proof.state != PROOF_GONE ? &k->proof : NULL;
}

void proofs_each(const struct proofs *p, uint32_t peer,
		 void (*each)(void *arg, const struct proof *proof), void *arg)
{
	const struct kept *k;

	TAILQ_FOREACH(k, &table_of(p, peer)->list, list)
		if (k->proof.state != PROOF_GONE)
			each(arg, &k->proof);
}

uint32_t proofs_by_hand(const struct proofs *p, void (*each)(void *arg, const struct proof *proof),
			void *arg)
{
	const struct kept *k;
	uint32_t n = 0;

	TAILQ_FOREACH(k, &p->own.list, list) {
		if (k->proof.state != PROOF_HELD)
			continue;
		n++;
		if (each)
			each(arg, &k->proof);
	}
	return n;
}

uint64_t proofs_news(const struct proofs *p)
{
	return p->news;
}

enum serving proofs_standing(const struct proof *proof, const struct version *here)
{
	if (!proof)
		return SERVING_UNKNOWN;
	if (proof->state == PROOF_FAILED)
		return SERVING_FAILED;
	if (proof->state == PROOF_WAITS)
		return SERVING_WAITS;
	if (proof->state == PROOF_HELD)
		return SERVING_HELD;
	if (!proof->path[0])
		return SERVING; /* its file is none of the tree: the proof is all that there is */
	if (!here || !version_live(here))
		return SERVING_OTHER;
	if (dot_same(proof->dot, here->dot))
		return SERVING;
	/* The same content made anew, on two nodes at once: no hook runs for that. */
	if (proof->dot.origin && hash_same(proof->hash, here->attrs.hash) &&
	    proof->asked_msec > (int64_t)(here->stamp >> 16))
		return SERVING;
	return SERVING_OTHER;
}
