/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A later STORE may become durable before an earlier effect that others see is carried out; the
 * other way round never. A crash between the two leaves the effect undone, as a crash at any other
 * moment does, and the core starts anew from what is durable.
 */
#include "replicator/runner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"

struct runner {
	struct runner_hands hands;
	struct task *first;
	struct task **end;
	int blocked;
	int64_t retry_msec;
	int64_t lazy_msec; /* when an open transaction that nothing waits for is committed; 0: not
			      set */
};

struct runner *runner_new(const struct runner_hands *hands)
{
	struct runner *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->hands = *hands;
	r->end = &r->first;
	return r;
}

static void task_free(struct task *t)
{
	free(t->path);
	switch ((int)t->type) {
	case EFFECT_INSTALL:
	case EFFECT_REMOVE:
		free(t->install.target);
		break;
	case EFFECT_TOLD:
		version_put(t->told.version);
		break;
	case EFFECT_JUDGE:
		trial_free(t->trial);
		break;
	case EFFECT_BROADCAST:
	case EFFECT_ASK:
	case EFFECT_ANSWER:
	case (int)TASK_REPLY:
		free(t->bytes.p);
		break;
	default:
		break;
	}
	free(t);
}

void runner_free(struct runner *r)
{
	if (!r)
		return;
	while (r->first) {
		struct task *t = r->first;
		r->first = t->next;
		task_free(t);
	}
	free(r);
}

/* An event that was lost for want of memory could leave a path waiting for ever: better to start
 * anew from the store. */
static void *must(void *p)
{
	if (!p) {
		log_error("out of memory");
		abort();
	}
	return p;
}

static struct task *task_new(const struct effect *e)
{
	struct task *t = must(calloc(1, sizeof(*t)));

	t->type = e->type;
	t->peer = e->peer;
	if (e->path)
		t->path = must(strdup(e->path));
	switch (e->type) {
	case EFFECT_ACK:
		t->serial = e->serial;
		break;
	case EFFECT_STAGE:
	case EFFECT_FETCH:
		t->content.hash = e->content.hash;
		t->content.size = e->content.size;
		if (e->content.attrs)
			t->content.attrs = *e->content.attrs;
		break;
	case EFFECT_INSTALL:
	case EFFECT_REMOVE:
		t->install.expected = e->install.expected;
		if (e->install.target)
			t->install.target = must(strdup(e->install.target));
		if (e->install.intent) {
			t->install.kind = e->install.intent->kind;
			t->install.handle = e->install.intent->handle;
			t->install.attrs = e->install.intent->attrs;
		}
		break;
	case EFFECT_TOLD:
		t->told.version = e->told.version ? version_get(e->told.version) : NULL;
		t->told.own = e->told.own;
		t->told.kind = e->told.kind;
		t->told.changed = e->told.changed;
		t->told.more = e->told.more;
		break;
	case EFFECT_JUDGE:
		t->trial = trial_copy(e->trial);
		break;
	default:
		break;
	}
	return t;
}

static void enqueue(struct runner *r, struct task *t)
{
	t->next = NULL;
	*r->end = t;
	r->end = &t->next;
}

static bool others_see(enum effect_type type)
{
	switch (type) {
	case EFFECT_LOOK:
	case EFFECT_SCAN:
	case EFFECT_STAGE:
	case EFFECT_FETCH:
	case EFFECT_JUDGE:
	case EFFECT_WAKE:
	case EFFECT_NOTE:
	case EFFECT_REFUSED:
		return false;
	default:
		return true;
	}
}

/* What the store has not even kept would be missing in the next commit, and after it for good, while
 * peers are told that it is here: better to start anew from what is durable. */
static void take_store(struct runner *r, const struct effect *e)
{
	int err = r->hands.store(r->hands.arg, e);

	if (err == ERR_LIMIT || err == -ENOMEM) {
		log_error("the store cannot take a change: %s; starting anew from what is stored",
			  err_text(err));
		abort();
	}
	if (err < 0 && r->blocked == 0) {
		log_error("the store cannot be written: %s; replication waits", err_text(err));
		r->blocked = err;
	}
}

void runner_take(struct runner *r, const struct effect *effects, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct effect *e = &effects[i];

		if (e->type == EFFECT_STORE) {
			take_store(r, e);
			continue;
		}
		if (e->type == EFFECT_WAKE || e->type == EFFECT_NOTE ||
		    e->type == EFFECT_REFUSED) {
			r->hands.prepare(r->hands.arg, e, NULL);
			continue;
		}
		struct task *t = task_new(e);
		if (!r->hands.prepare(r->hands.arg, e, t)) {
			task_free(t);
		} else if (r->first || r->blocked ||
			   (others_see(e->type) && r->hands.dirty(r->hands.arg))) {
			enqueue(r, t);
		} else {
			r->hands.carry_out(r->hands.arg, t);
			task_free(t);
		}
	}
}

void runner_reply(struct runner *r, const uint8_t *route, uint8_t route_len, uint8_t *p, size_t len,
		  uint32_t peer)
{
	struct task *t = must(calloc(1, sizeof(*t)));

	t->type = TASK_REPLY;
	t->peer = peer;
	t->bytes.p = p;
	t->bytes.len = len;
	t->bytes.route_len = route_len;
	memcpy(t->bytes.route, route, route_len);
	enqueue(r, t);
}

static void drain(struct runner *r)
{
	while (r->first) {
		struct task *t = r->first;

		r->first = t->next;
		if (!r->first)
			r->end = &r->first;
		r->hands.carry_out(r->hands.arg, t);
		task_free(t);
	}
}

static void commit(struct runner *r, int64_t now_msec)
{
	if (r->blocked || r->hands.dirty(r->hands.arg)) {
		int err = r->hands.commit(r->hands.arg);

		if (err < 0) {
			if (r->blocked == 0)
				log_error("the store cannot be written: %s; replication waits",
					  err_text(err));
			r->blocked = err;
			r->retry_msec = now_msec + RUNNER_RETRY_MSEC;
			return;
		}
		if (r->blocked)
			log_notice("the store can be written again; replication goes on");
		r->blocked = 0;
	}
	r->lazy_msec = 0;
	drain(r);
}

void runner_end_round(struct runner *r, int64_t now_msec)
{
	if (r->blocked) {
		if (now_msec >= r->retry_msec)
			commit(r, now_msec);
		return;
	}
	if (r->first) {
		commit(r, now_msec);
	} else if (r->hands.dirty(r->hands.arg)) {
		if (r->lazy_msec == 0)
			r->lazy_msec = now_msec + RUNNER_LAZY_MSEC;
		else if (now_msec >= r->lazy_msec)
			commit(r, now_msec);
	}
}

void runner_flush(struct runner *r, int64_t now_msec)
{
	commit(r, now_msec);
}

int runner_blocked(const struct runner *r)
{
	return r->blocked;
}

int64_t runner_wake(const struct runner *r)
{
	if (r->blocked)
		return r->retry_msec;
	if (r->first)
		return 0;
	return r->lazy_msec ? r->lazy_msec : INT64_MAX;
}
