/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One step of the core: from the event to whoever decides, then what has come
 * due, then as many placements as may be under way. Besides: loading, and
 * questions.
 */
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "replicator/core/parts.h"

/* ---- life ---- */

struct core *core_new(const struct core_conf *conf)
{
	struct core *c = core_alloc(sizeof(*c));

	c->conf = *conf;
	c->peers = core_alloc(conf->npeers * sizeof(*c->peers));
	for (uint32_t i = 0; i < conf->npeers; i++) {
		c->peers[i].name = conf->peers[i];
		c->peers[i].receive_only = conf->receive_only >> i & 1;
		c->peers[i].limited =
		    c->peers[i].receive_only || (conf->accept && conf->accept[i]);
		/* There is nothing to be waited for. */
		c->peers[i].answered = c->peers[i].answer_joining = c->peers[i].receive_only;
	}
	RB_INIT(&c->keys);
	RB_INIT(&c->live);
	RB_INIT(&c->wants);
	RB_INIT(&c->origins);
	TAILQ_INIT(&c->ready);
	TAILQ_INIT(&c->unsettled);
	TAILQ_INIT(&c->delays);
	TAILQ_INIT(&c->due);
	STAILQ_INIT(&c->scans);
	for (int i = 0; i <= HEARING_IDLE; i++)
		TAILQ_INIT(&c->gate.list[i]);
	c->joining = true;
	c->next_retry = INT64_MAX;
	c->wake = INT64_MAX;
	return c;
}

void core_free(struct core *c)
{
	struct scan *s;
	struct delay *d;

	if (!c)
		return;
	effects_reset(c);
	while ((d = TAILQ_FIRST(&c->delays)) || (d = TAILQ_FIRST(&c->due)))
		delay_end(c, d);
	while ((s = STAILQ_FIRST(&c->scans))) {
		STAILQ_REMOVE_HEAD(&c->scans, link);
		scan_free(c, s);
	}
	serials_free(&c->join_rescan);
	wants_free(c);
	opwaits_free(c);
	held_free(c);
	gate_free(c);
	keys_free(c);
	free(c->combining);
	for (uint32_t i = 0; i < c->conf.npeers; i++) {
		vv_fini(&c->peers[i].ask_vector);
		vv_fini(&c->peers[i].ask_start);
		vv_fini(&c->peers[i].compared);
		vv_fini(&c->peers[i].compared_vector);
		vv_fini(&c->peers[i].compared_late);
		free(c->peers[i].ask_cursor);
		compare_end(&c->peers[i]);
	}
	free(c->peers);
	nodes_free(c);
	lists_free(c);
	vv_fini(&c->vector);
	free(c->effects);
	free(c->owned);
	free(c);
}

/* ---- loading ---- */

void core_load_version(struct core *c, const char *path, struct version *v)
{
	entry_load(c, key_get(c, path), v);
}

void core_load_shown(struct core *c, const char *path, const struct shown *s)
{
	struct key *k = key_get(c, path);
	struct shown *to = key_shown(k);

	vv_fini(&to->context);
	*to = *s;
	memset(&to->context, 0, sizeof(to->context));
	vv_copy(&to->context, &s->context);
	key_shown_changed(c, k);
}

void core_load_intent(struct core *c, const char *path, const struct intent *i)
{
	struct key *k = key_get(c, path);

	if (!k->intent)
		k->intent = core_alloc(sizeof(*k->intent));
	else
		vv_fini(&k->intent->context);
	*k->intent = *i;
	memset(&k->intent->context, 0, sizeof(k->intent->context));
	vv_copy(&k->intent->context, &i->context);
}

void core_load_vector(struct core *c, struct dot d)
{
	vv_raise(&c->vector, d);
}

void core_load_origin(struct core *c, const struct origin *o)
{
	merge_origin(c, o);
}

void core_load_meta(struct core *c, const char *name, const void *value, size_t len)
{
	join_load(c, name, value, len);
	brake_load(c, name, value, len);
	held_load(c, name, value, len);
	hearing_load(c, name, value, len);
	mark_load(c, name);
	mend_load(c, name);
	refused_load(c, name, value, len);
	lists_load(c, name, value, len);
	nodes_load(c, name, value, len);
}

/* ---- steps ---- */

static void start(struct core *c, const struct event *e)
{
	c->started = true;
	c->random = e->random;
	c->last_ask = e->random; /* an answer to a question of another life is none to this one's */
	nodes_start(c);
	catchup_start(c);
	mend_start(c);
	lists_start(c);
	for (struct key *k = key_first(c, ""); k; k = key_next(k)) {
		if (k->intent) {
			k->recovering = true;
			observe_look(c, k);
		}
	}
	gate_start(c);
	join_start(c);
	refused_start(c);
	for (struct key *k = key_first(c, ""); k; k = key_next(k))
		place_consider(c, k);
	wants_start(c);
}

static void dispatch(struct core *c, const struct event *e)
{
	switch (e->type) {
	case EVENT_START:
		start(c, e);
		break;
	case EVENT_TIME:
		break;
	case EVENT_HINT:
		observe_hint(c, e);
		break;
	case EVENT_FREE:
		observe_free(c, e);
		break;
	case EVENT_RESCAN:
		scan_again(c, e->hint.serial);
		break;
	case EVENT_LOOKED:
		observe_looked(c, e);
		break;
	case EVENT_SCANNED:
		scan_ended(c, e);
		break;
	case EVENT_STAGED:
		place_staged(c, e);
		break;
	case EVENT_INSTALLED:
		place_installed(c, e);
		break;
	case EVENT_CONTENT:
		merge_content(c, e->content);
		break;
	case EVENT_PEER:
		catchup_peer(c, e);
		break;
	case EVENT_OP:
		merge_op(c, e);
		break;
	case EVENT_HEARTBEAT:
		catchup_heartbeat(c, e);
		break;
	case EVENT_ASK:
		catchup_ask(c, e);
		break;
	case EVENT_PAGE:
		catchup_page(c, e);
		break;
	case EVENT_START_ALONE:
		join_alone(c);
		break;
	case EVENT_ORDER:
		order_take(c, e);
		break;
	case EVENT_RENEW:
		combine_renew(c, e);
		break;
	case EVENT_HOLD:
		held_begin(c, e);
		break;
	case EVENT_RELEASE:
	case EVENT_APPROVE:
	case EVENT_DISCARD:
		release_decide(c, e);
		break;
	case EVENT_SET_ASIDE:
	case EVENT_EDIT:
		aside_decide(c, e);
		break;
	case EVENT_VERDICT:
		gate_verdict(c, e->verdict);
		break;
	case EVENT_REJUDGE:
		gate_again(c, e);
		break;
	case EVENT_NODES:
		nodes_told(c, e);
		break;
	case EVENT_FORGET:
		nodes_forget(c, e->path);
		break;
	}
}

static int64_t next_wake(const struct core *c)
{
	int64_t at = c->next_retry < c->collect_at ? c->next_retry : c->collect_at;
	int64_t release = release_wake(c);
	const struct delay *d = TAILQ_FIRST(&c->delays);

	int64_t gate = gate_wake(c);

	if (release < at)
		at = release;
	if (gate < at)
		at = gate;
	if (d && d->deadline < at)
		at = d->deadline;
	for (uint32_t i = 0; i < c->conf.npeers; i++) {
		if (c->peers[i].asking && c->peers[i].asked_at + ASK_LIMIT_MSEC < at)
			at = c->peers[i].asked_at + ASK_LIMIT_MSEC;
	}
	for (struct opwait *w = c->opwaits; w; w = w->next)
		at = w->deadline < at ? w->deadline : at;
	return at;
}

const struct effect *core_step(struct core *c, const struct event *e, size_t *n)
{
	int64_t wake;

	effects_reset(c);
	keys_forget_scratch(c);
	c->event = e;
	c->now = e->now_msec;
	c->wall = e->wall_msec;
	c->step++;
	dispatch(c, e);
	delays_due(c);
	release_due(c);
	brake_due(c);
	mend_due(c);
	opwaits_due(c);
	place_due(c);
	catchup_due(c);
	nodes_due(c);
	limits_due(c);
	scans_run(c);
	do
		place_pump(c);
	while (combine_due(c));
	gate_due(c);
	wake = next_wake(c);
	if (wake != c->wake && wake != INT64_MAX)
		effect_add(c, EFFECT_WAKE, NULL)->at_msec = wake;
	c->wake = wake;
	*n = c->neffects;
	return c->effects;
}

/* ---- questions ---- */

const struct shown *core_shown(const struct core *c, const char *path)
{
	const struct key *k = key_find(c, path);

	return k ? k->shown : NULL;
}

bool core_local(const struct core *c, const char *path, bool dir)
{
	struct key *k = key_find(c, path);

	return k ? observe_local(c, k, dir) : locality_local(c->conf.locality, path, dir, NULL);
}

const struct vv *core_vector(const struct core *c)
{
	return &c->vector;
}

bool core_joining(const struct core *c)
{
	return c->joining || c->taking_in;
}

void core_waits_for(const struct core *c, void (*each)(void *arg, uint32_t peer), void *arg)
{
	for (uint32_t i = 0; c->joining && i < c->conf.npeers; i++) {
		if (!c->peers[i].answered)
			each(arg, i);
	}
}

/* Something that `v` covers is known at this path and not shown. A directory that stayed for what was
 * in it has shown by that what came in its place; now that nothing is, it has to go, and that has to come. */
static bool lacks(const struct core *c, const struct key *k, const struct vv *v)
{
	bool covered = false;

	if (k->unwanted)
		return false;
	for (uint32_t i = 0; i < k->n; i++) {
		struct dot dot = k->entry[i]->dot;

		if (!vv_covers(v, dot))
			continue;
		if (!(k->shown && vv_covers(&k->shown->context, dot)))
			return true;
		covered = true;
	}
	if (!covered)
		return false;
	enum kind is = key_visible(c, k).kind;
	if (is == KIND_ABSENT)
		return key_present(k) && !k->shown->leftover;
	return is != KIND_DIR && k->unsettled && !k->draft &&
	       (!key_present(k) || k->shown->attrs.kind != is);
}

bool core_shows(const struct core *c, const struct vv *v)
{
	struct key *k;

	if (core_joining(c) || !vv_reaches(&c->vector, v))
		return false;
	TAILQ_FOREACH(k, &c->unsettled, unsettled_link) {
		if (lacks(c, k, v))
			return false;
	}
	return true;
}

bool core_shows_path(const struct core *c, const char *path, const struct vv *v)
{
	const struct key *k = key_find(c, path);

	if (core_joining(c) || !vv_reaches(&c->vector, v))
		return false;
	return !k || !lacks(c, k, v);
}

void core_heartbeat(const struct core *c, struct heartbeat *h, int64_t wall_msec, int64_t now_msec)
{
	const struct key *oldest = TAILQ_FIRST(&c->unsettled);

	memset(h, 0, sizeof(*h));
	h->digest = catchup_digest(c);
	h->ops = vv_sum(&c->vector);
	h->tree = c->tree_digest;
	h->pending = c->nunsettled;
	if (oldest && now_msec > oldest->since_msec)
		h->lag_msec = (uint32_t)(now_msec - oldest->since_msec);
	h->conflicts = c->nconflicts;
	h->joining = core_joining(c);
	h->refusing = c->nrefused > 0;
	h->wall_msec = wall_msec;
	h->nrecent = c->nrecent;
	memcpy(h->recent, c->recent, c->nrecent * sizeof(*c->recent));
}

uint64_t core_tree_digest(const struct core *c)
{
	return c->tree_digest;
}

const struct version *core_visible(const struct core *c, const char *path)
{
	const struct key *k = key_find(c, path);

	return k ? key_visible(c, k).version : NULL;
}

uint32_t core_versions(const struct core *c, const char *path)
{
	const struct key *k = key_find(c, path);

	return k ? k->n : 0;
}

bool core_is_dir(const struct core *c, const char *path)
{
	const struct key *k = key_find(c, path);

	return k ? key_visible(c, k).kind == KIND_DIR : key_live_below(c, path);
}

void core_each(const struct core *c, const char *after,
	       bool (*each)(void *arg, const struct core_path *p), void *arg)
{
	for (struct key *k = key_first(c, after); k; k = key_next(k)) {
		struct core_path p = {
		    .path = k->path,
		    .entry = k->entry,
		    .n = k->n,
		    .shown = k->shown,
		    .waiting = k->unsettled ? place_reason(k) : NULL,
		    .waiting_for_peer = UINT32_MAX,
		    .unwanted = k->unwanted,
		    .draft = k->draft,
		    .moving = k->draft && k->draft->aside && (k->to_edit || shown_found(k->shown)),
		    .put_back = k->draft && k->put_back,
		    .verdict = gate_verdict_of(k),
		    .words = gate_words(k),
		    .mended = mend_words(k),
		    .conflict = k->conflict,
		};

		if (k->block == BLOCK_CONTENT && k->n) {
			struct want *w = want_find(c, k->entry[0]->attrs.hash);

			p.waiting_for_peer = w ? w->peer : UINT32_MAX;
		}
		if ((k->n || k->shown || k->draft) && !each(arg, &p))
			return;
	}
}
