/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * This node's own, kept in the store, and questions about any node's. A zone that is gone stays in the
 * own table until this process ends, for the peers that have not heard of it.
 */
#include "replicator/proofs_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "replicator/byhand.h"
#include "replicator/zones.h"

#define VALUE "proof\t" /* and zone, class, view, with tabs between */

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
static void changed(struct proofs *p, struct proof_kept *k)
{
	proof_table_renew(&p->own, k, ++p->last);
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
		proof_table_put(&p->own, &proof, ++p->last);
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
	proof_table_init(&p->own);
	p->peers = calloc(n->conf->npeers + 1, sizeof(*p->peers));
	p->listeners = calloc(n->conf->npeers + 1, sizeof(*p->listeners));
	if (!p->peers || !p->listeners) {
		proofs_free(p);
		return NULL;
	}
	for (size_t i = 0; i < n->conf->npeers; i++)
		proof_table_init(&p->peers[i]);
	int err = store_value_each(n->store, VALUE, load, p);
	if (err < 0)
		log_warning("what was proved before cannot be read: %s", err_text(err));
	return p;
}

void proofs_free(struct proofs *p)
{
	if (!p)
		return;
	proof_table_clear(&p->own);
	for (size_t i = 0; p->peers && p->listeners && i < p->node->conf->npeers; i++)
		proof_table_clear(&p->peers[i]);
	free(p->peers);
	free(p->listeners);
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
	struct proof_kept *k = proof_table_find(&p->own, now);

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
	k = proof_table_put(&p->own, now, ++p->last);
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
	struct proof_kept *k = proof_table_put(&p->own, &proof, ++p->last);
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
	struct proof_kept *k, *next;

	for (k = TAILQ_FIRST(&p->own.list); k && v; k = next) {
		next = TAILQ_NEXT(k, list);
		if (strcmp(k->proof.path, path) != 0 || dot_same(k->proof.dot, v->dot) ||
		    k->proof.dot.origin == 0 || !hash_same(k->proof.hash, v->attrs.hash))
			continue;
		k->proof.dot = v->dot;
		changed(p, k);
	}
}

static void gone(struct proofs *p, struct proof_kept *k)
{
	k->proof.state = PROOF_GONE;
	changed(p, k);
}

void proofs_removed(struct proofs *p, const char *path)
{
	struct proof_kept *k, *next;

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
	struct proof_kept *k, *next;

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

		k = proof_table_find(&p->own, &key);
		if (k)
			k->mapped = true;
	}
	for (k = TAILQ_FIRST(&p->own.list); k; k = next) {
		next = TAILQ_NEXT(k, list);
		if (!k->mapped && k->proof.state != PROOF_GONE)
			gone(p, k);
	}
}

void proofs_tick(struct proofs *p)
{
	compare_with_map(p);
	proofs_tell(p);
}

/* ---- questions ---- */

static const struct proof_table *table_of(const struct proofs *p, uint32_t peer)
{
	return peer == PROOFS_SELF ? &p->own : &p->peers[peer];
}

const struct proof *proofs_find(const struct proofs *p, uint32_t peer, const struct proof *key)
{
	const struct proof_kept *k = proof_table_find(table_of(p, peer), key);

	return k && k->proof.state != PROOF_GONE ? &k->proof : NULL;
}

void proofs_each(const struct proofs *p, uint32_t peer,
		 void (*each)(void *arg, const struct proof *proof), void *arg)
{
	const struct proof_kept *k;

	TAILQ_FOREACH(k, &table_of(p, peer)->list, list)
		if (k->proof.state != PROOF_GONE)
			each(arg, &k->proof);
}

uint32_t proofs_by_hand(const struct proofs *p, void (*each)(void *arg, const struct proof *proof),
			void *arg)
{
	const struct proof_kept *k;
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
