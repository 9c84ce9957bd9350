/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which part carries out which effect, and the order in which the parts are opened: the store
 * first, since everything else follows from it; the control socket last, when there is something to
 * ask.
 */
#include "replicator/node_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "base/crash.h"
#include "base/err.h"
#include "base/log.h"
#include "replicator/byhand.h"
#include "replicator/contents.h"
#include "replicator/control/control.h"
#include "replicator/damage.h"
#include "replicator/everywhere.h"
#include "replicator/hollow.h"
#include "replicator/judge/judge.h"
#include "replicator/judge/judge_forward.h"
#include "replicator/judge/judge_gated.h"
#include "replicator/judge/judge_news.h"
#include "replicator/judge/judge_serials.h"
#include "replicator/marker.h"
#include "replicator/names.h"
#include "replicator/notes.h"
#include "replicator/outcomes.h"
#include "replicator/pause.h"
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
#include "replicator/thinker.h"
#include "replicator/verify.h"
#include "replicator/waits.h"
#include "replicator/zones.h"

#define NODE_ID "node-id"

/* ---- the runner's hands ---- */

static int hand_store(void *arg, const struct effect *e)
{
	struct node *n = arg;

	bool collects = e->store.what == STORE_META && strcmp(e->path, CORE_META_FLOOR) == 0;

	n->changes++;
	if (e->store.what == STORE_VECTOR && e->store.untold)
		recall_news(n->recall);
	if (e->store.what == STORE_VERSION)
		serials_note(n->serials, e->path, e->store.version);
	if (collects)
		crash_point("collect");
	int rc = store_apply(n->store, e, n->wall_msec);
	if (collects)
		crash_point("collecting");
	return rc;
}

static int hand_commit(void *arg)
{
	struct node *n = arg;

	n->changes++; /* whoever follows the log finds only now what was stored */
	crash_point("commit");
	int rc = store_commit(n->store);
	crash_point("committed");
	return rc;
}

static bool hand_dirty(void *arg)
{
	return store_dirty(((struct node *)arg)->store);
}

static bool hand_prepare(void *arg, const struct effect *e, struct task *t)
{
	struct node *n = arg;

	switch (e->type) {
	case EFFECT_WAKE:
		n->core_wake = e->at_msec;
		return false;
	case EFFECT_NOTE:
		log_write((enum log_level)e->note.level, "%s", e->note.text);
		return false;
	case EFFECT_REFUSED:
		outcomes_refused(n, e);
		return false;
	case EFFECT_TOLD:
		outcomes_installed(n, e);
		runs_note(n->runs, e);
		return true;
	default:
		return peers_prepare(n->peers, e, t);
	}
}

static void hand_carry_out(void *arg, struct task *t)
{
	struct node *n = arg;

	switch ((int)t->type) {
	case EFFECT_ACK:
		crash_point("ack");
		portal_ack(n->portal, t->serial);
		break;
	case EFFECT_LOOK:
		taker_look(n->taker, t->path);
		break;
	case EFFECT_SCAN:
		taker_scan(n->taker, t->path);
		break;
	case EFFECT_INSTALL:
	case EFFECT_REMOVE:
		log_stage("stored", t->path);
		placer_take(n->placer, t);
		break;
	case EFFECT_STAGE:
		placer_take(n->placer, t);
		break;
	case EFFECT_FETCH:
		contents_fetch(n->contents, t->content.hash, t->content.size, t->peer);
		break;
	case EFFECT_BROADCAST:
		crash_point("broadcast");
		peers_carry_out(n->peers, t);
		crash_point("broadcasted");
		break;
	case EFFECT_ASK:
		crash_point("ask");
		peers_carry_out(n->peers, t);
		break;
	case EFFECT_ANSWER:
		crash_point("answer-page");
		peers_carry_out(n->peers, t);
		break;
	case (int)TASK_REPLY:
		peers_carry_out(n->peers, t);
		break;
	case EFFECT_JUDGE:
		judge_trial(n->judge, t->trial);
		t->trial = NULL;
		break;
	case EFFECT_TOLD:
		if (t->told.own)
			log_stage("sent", t->path);
		runs_changed(n->runs, t);
		zones_changed(n->zones, t->path);
		gated_changed(n->gated, t->path);
		judge_told(n->judge, t->path);
		break;
	case EFFECT_JOINED:
		log_notice("this node has joined");
		break;
	case EFFECT_STARTED:
		n->looked_through = true;
		n->changes++;
		break;
	default:
		break;
	}
}

/* ---- opening and closing ---- */

uint64_t node_random(void)
{
	uint64_t r = 0;

	while ((r & INT64_MAX) == 0)
		if (getrandom(&r, sizeof(r), 0) != sizeof(r))
			r = 0;
	return r & INT64_MAX;
}

uint64_t node_origin_tag(const char *key)
{
	uint64_t tag = ORIGIN_TAG(XXH3_64bits(key, strlen(key)) & INT64_MAX);

	return tag ? tag : 1; /* 0 would say that it is not known */
}

uint64_t node_origin(const char *key)
{
	uint64_t own = (UINT64_C(1) << ORIGIN_TAG_SHIFT) - 1;

	return node_origin_tag(key) << ORIGIN_TAG_SHIFT | (node_random() & own);
}

static int load_id(struct node *n)
{
	long len = store_value_get(n->store, NODE_ID, &n->node_id, sizeof(n->node_id));

	if (len == (long)sizeof(n->node_id))
		return 0;
	if (len < 0)
		return (int)len;
	n->node_id = node_random();
	return store_value_put(n->store, NODE_ID, &n->node_id, sizeof(n->node_id));
}

static int load_core(struct node *n)
{
	static const char *names[CONF_PEERS_MAX];
	static const struct patterns *accept[CONF_PEERS_MAX];
	static uint64_t tags[CONF_PEERS_MAX];
	const struct conf *conf = n->conf;

	uint64_t receive_only = 0;

	for (size_t i = 0; i < conf->npeers; i++) {
		names[i] = conf->peers[i].name;
		receive_only |= (uint64_t)conf->peers[i].receive_only << i;
		accept[i] = conf->peers[i].accept;
		tags[i] = node_origin_tag(conf->peers[i].key);
	}
	struct core_conf c = {
	    .node = conf->node,
	    .locality = conf->locality,
	    .delete_delay_msec = (uint32_t)conf->delete_delay_msec,
	    .max_file_size = (uint64_t)conf->max_file_size,
	    .brake_share = (uint32_t)conf->brake_share,
	    .brake_paths = (uint32_t)conf->brake_paths,
	    .allow_setid = conf->allow_setid,
	    .forget_after_msec = (int64_t)conf->forget_after_days * 86400000,
	    .npeers = (uint32_t)conf->npeers,
	    .peers = names,
	    .receive_only = receive_only,
	    .accept = accept,
	    .origin_tags = tags,
	    .gated = judge_gated,
	    .gated_arg = n,
	};
	n->core = core_new(&c);
	return n->core ? store_load(n->store, n->core) : -ENOMEM;
}

static int open_store(struct node *n)
{
	int err = store_open(&n->store, n->conf->state, false);

	if (err < 0)
		return err;
	/* What is local is decided before the core starts. */
	n->zones = zones_new(n);
	n->gated = n->zones ? gated_new(n) : NULL;
	err = n->gated ? zones_locality(n->zones, n->conf->locality) : -ENOMEM;
	if (err == 0)
		err = load_core(n);
	if (err == 0)
		err = load_id(n);
	if (err == 0)
		err = damage_open(n);
	if (err < 0)
		log_error("the store in %s cannot be read: %s", n->conf->state, err_text(err));
	return err;
}

/* A damaged one is put aside, and one that is older than the tree; then this node is like one whose
 * store was lost. */
static int open_store_or_anew(struct node *n, const struct tree_mark *tree)
{
	int err = open_store(n);

	if (err == 0)
		err = marker_behind(n, tree);
	if (err <= 0 && err != ERR_CORRUPT)
		return err;
	n->put_aside_old = err > 0;
	damage_free(n->damage);
	core_free(n->core);
	gated_free(n->gated);
	zones_free(n->zones);
	store_close(n->store);
	n->gated = NULL;
	n->zones = NULL;
	n->damage = NULL;
	n->core = NULL;
	n->store = NULL;
	n->unclean = false;
	err = store_put_aside(n->conf->state, n->put_aside_old ? STORE_ASIDE_OLD : STORE_ASIDE_DAMAGED);
	n->put_aside_msec = n->wall_msec;
	return err < 0 ? err : open_store(n);
}

int node_open(struct node *n, const struct conf_keys *keys, int port)
{
	const struct runner_hands hands = {
	    .store = hand_store,
	    .commit = hand_commit,
	    .dirty = hand_dirty,
	    .prepare = hand_prepare,
	    .carry_out = hand_carry_out,
	    .arg = n,
	};
	const struct tree_mark tree = marker_peek(port);
	int err = open_store_or_anew(n, &tree);

	if (err < 0)
		return err;
	err = pause_load(n);
	if (err < 0)
		return err;
	n->thinker = thinker_new();
	n->serials = serials_open(n);
	n->forwards = forwards_open(n);
	n->news = news_new();
	n->judge = judge_new(n);
	n->everywhere = everywhere_new(n);
	n->questions = questions_new(n);
	n->names = names_new(NULL);
	n->runner = runner_new(&hands);
	n->peers = peers_new(n);
	n->hollow = hollow_new(n);
	n->taker = taker_new(n);
	n->placer = placer_new(n);
	n->contents = contents_new(n);
	n->waits = waits_new(n);
	n->verify = verify_new(n);
	n->recall = recall_new(n);
	n->runs = runs_new(n);
	n->byhand = byhand_new(n);
	n->proofs = proofs_new(n);
	if (!n->proofs)
		return -ENOMEM;
	n->teller = teller_new(n);
	n->repair = repair_new(n);
	n->marker = marker_new(n, &tree);
	n->notes = notes_new(n);
	if (!n->names || !n->hollow || !n->runner || !n->peers || !n->taker || !n->placer ||
	    !n->contents || !n->waits || !n->verify || !n->recall || !n->runs || !n->teller ||
	    !n->repair || !n->zones || !n->marker || !n->notes || !n->thinker ||
	    !n->serials || !n->news || !n->judge || !n->everywhere || !n->questions || !n->byhand)
		return -ENOMEM;
	err = portal_open(n, port, &n->portal);
	if (err == 0)
		err = link_open(&n->link, n->conf, keys, NULL);
	if (err == 0)
		err = control_open(n, &n->control);
	return err;
}

void node_close(struct node *n)
{
	control_close(n->control);
	if (n->runner && n->link && n->portal && !store_damaged(n->store))
		runner_flush(n->runner, n->now_msec);
	thinker_free(n->thinker); /* it works on what the judge has */
	judge_free(n->judge);
	everywhere_free(n->everywhere);
	questions_free(n->questions);
	if (n->portal)
		portal_flush(n->portal);
	if (n->link)
		link_close(n->link);
	portal_close(n->portal);
	teller_free(n->teller);
	runs_free(n->runs);
	byhand_free(n->byhand);
	proofs_free(n->proofs);
	marker_free(n->marker);
	notes_free(n->notes);
	news_free(n->news);
	serials_close(n->serials);
	forwards_close(n->forwards);
	gated_free(n->gated);
	zones_free(n->zones);
	repair_free(n->repair);
	recall_free(n->recall);
	verify_free(n->verify);
	waits_free(n->waits);
	contents_free(n->contents);
	placer_free(n->placer);
	taker_free(n->taker);
	hollow_free(n->hollow);
	peers_free(n->peers);
	runner_free(n->runner);
	names_free(n->names);
	damage_free(n->damage);
	core_free(n->core);
	if (n->store)
		store_close(n->store);
}
