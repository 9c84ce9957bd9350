/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What holds is found by the questions that the control socket asks, too. Conflicts stand with the
 * paths, all of which have to be gone through: only when their number or the store has changed.
 */
#include "replicator/judge/judge_forward.h"
#include "replicator/teller.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "replicator/core/alerts.h"
#include "replicator/portal.h"
#include "replicator/runner.h"
#include "replicator/proofs.h"
#include "replicator/runs.h"
#include "replicator/runs_text.h"

#define TOLD "alerts"
#define LOOK_MSEC 1000
#define DAMAGED_MSEC (60 * 60 * 1000) /* it is told for as long */
#define CONFLICTS_MSEC 5000           /* between two walks over all paths */

struct teller {
	struct node *node;
	const struct conf_hook *conf; /* NULL: nobody is told */
	struct alerts *alerts;
	int64_t look_msec; /* when the next look is due, monotonic */
	char **conflicts;  /* paths, as of the last walk */
	uint32_t nconflicts;
	uint32_t conflicts_then; /* their number by the core */
	uint64_t changes_then;
	uint32_t braked_then; /* by the safety brake, at the last look */
	int64_t walked_msec;
	bool dirty; /* what is told has changed and is not kept yet */
	bool crowded;
};

static void load(struct teller *t)
{
	uint8_t *bytes CLEANUP_FREE = malloc(ALERTS_BYTES_MAX);
	struct rd r;

	if (!bytes)
		return;
	long len = store_value_get(t->node->store, TOLD, bytes, ALERTS_BYTES_MAX);
	if (len <= 0 || len > ALERTS_BYTES_MAX)
		return;
	rd_init(&r, bytes, (size_t)len);
	if (alerts_get(t->alerts, &r, t->node->now_msec) < 0)
		log_warning("which alerts were told is not known any more: those that hold are "
			    "told again");
}

struct teller *teller_new(struct node *n)
{
	struct teller *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->node = n;
	t->conf = n->conf->alert;
	t->alerts = alerts_new();
	if (!t->alerts) {
		free(t);
		return NULL;
	}
	if (t->conf)
		load(t);
	return t;
}

static void forget_conflicts(struct teller *t)
{
	for (uint32_t i = 0; i < t->nconflicts; i++)
		free(t->conflicts[i]);
	free(t->conflicts);
	t->conflicts = NULL;
	t->nconflicts = 0;
}

void teller_free(struct teller *t)
{
	if (!t)
		return;
	forget_conflicts(t);
	alerts_free(t->alerts);
	free(t);
}

/* ---- what holds ---- */

static void note(struct teller *t, struct alert *like, int64_t since_msec, bool at_once,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));
static void note(struct teller *t, struct alert *like, int64_t since_msec, bool at_once,
		 const char *format, ...)
{
	char words[ALERT_WORDS_MAX + 1];
	va_list ap;

	va_start(ap, format);
	vsnprintf(words, sizeof(words), format, ap);
	va_end(ap);
	like->words = words;
	like->since_msec = since_msec;
	alerts_note(t->alerts, like, at_once ? 0 : (uint32_t)t->conf->after_sec * 1000);
}

static bool take_conflict(void *arg, const struct core_path *p)
{
	struct teller *t = arg;

	if (p->conflict && (t->conflicts[t->nconflicts] = strdup(p->path)))
		t->nconflicts++;
	return t->nconflicts < ALERTS_MAX;
}

static void walk(struct teller *t, uint32_t conflicts)
{
	struct node *n = t->node;
	bool same = t->conflicts_then == conflicts && t->changes_then == n->changes;

	if (same || n->now_msec - t->walked_msec < CONFLICTS_MSEC)
		return;
	forget_conflicts(t);
	t->conflicts_then = conflicts;
	t->changes_then = n->changes;
	t->walked_msec = n->now_msec;
	t->conflicts = conflicts ? calloc(ALERTS_MAX, sizeof(*t->conflicts)) : NULL;
	if (t->conflicts)
		core_each(n->core, "", take_conflict, t);
}

static void look_at_conflicts(struct teller *t, uint32_t conflicts)
{
	walk(t, conflicts);
	for (uint32_t i = 0; i < t->nconflicts; i++) {
		struct alert like = {.what = ALERT_CONFLICT, .path = t->conflicts[i]};

		note(t, &like, t->node->wall_msec, true,
		     "saved on two nodes at once; zonefsctl conflicts shows both versions");
	}
}

/* In the checker's words, each. */
static bool note_gated(void *arg, const struct core_path *p)
{
	struct alert like = {.what = ALERT_HELD, .path = (char *)(uintptr_t)p->path};
	struct teller *t = arg;

	if (p->verdict == VERDICT_BAD || p->verdict == VERDICT_DOUBT ||
	    p->verdict == VERDICT_UNKNOWN)
		note(t, &like, t->node->wall_msec, true,
		     "the gate holds it, and no peer has heard of it: %.512s",
		     p->words ? p->words : "");
	return true;
}

static bool take_held(void *arg, const struct core_path *p)
{
	if (core_held_by(p->draft) == HELD_GATE)
		return true; /* told by itself */
	*(const char **)arg = p->path;
	return false;
}

/* What the safety brake holds at once; a change set when it has been open for long. */
static void look_at_held(struct teller *t, const struct node_status *s)
{
	struct alert like = {.what = ALERT_HELD};
	int64_t wall = t->node->wall_msec, after = (int64_t)t->conf->after_sec * 1000;
	struct decision all = {0};
	const char *path = "";

	if (s->held > 0) {
		node_held(t->node, &all, note_gated, t);
		node_held(t->node, &all, take_held, &path);
	}
	bool more = s->braked > t->braked_then; /* of as many as it is going to hold */
	t->braked_then = s->braked;
	if (more)
		alerts_keep(t->alerts, &like);
	else if (s->braked > 0)
		note(t, &like, wall, true,
		     "the safety brake holds %" PRIu32 " removal%s, one of them %s: zonefsctl held",
		     s->braked, s->braked == 1 ? "" : "s", path);
	else if (path[0] && (!s->set_msec || wall - s->set_msec >= after))
		note(t, &like, s->set_msec ? s->set_msec : wall, true,
		     "%" PRIu32 " path%s held, and told to no peer, one of them %s: zonefsctl held",
		     s->held, s->held == 1 ? " is" : "s are", path);
}

static void note_by_hand(void *arg, const struct proof *proof)
{
	struct alert like = {.what = ALERT_SERVED, .path = proof->path};
	struct teller *t = arg;

	note(t, &like, proof->asked_msec, true,
	     "what is held of it was loaded by hand, and the name server here serves it to all: zone "
	     "%s%s%s, serial %" PRIu32,
	     proof->zone, proof->view[0] ? " in view " : "", proof->view, proof->serial);
}

static bool note_serial(void *arg, const char *path, const char *words, int64_t since_msec)
{
	struct alert like = {.what = ALERT_SERIAL, .path = (char *)(uintptr_t)path};

	note(arg, &like, since_msec, true, "%s", words);
	return true;
}

static void look_at_hooks(struct teller *t)
{
	struct node *n = t->node;
	struct hook_status h;

	for (uint32_t i = 0; i < node_hooks(n); i++) {
		node_hook(n, i, &h);
		struct alert like = {.what = ALERT_HOOK, .hook = (char *)(uintptr_t)h.name};
		if (h.failing)
			note(t, &like, h.last_msec, false, "hook %s fails (%d): %s", h.name,
			     h.status, h.words);
		else if (h.runs == 0 && runs_pending(n->runs))
			alerts_keep(t->alerts, &like);
	}
}

static void look_at_damage(struct teller *t, const struct node_status *s)
{
	struct alert like = {.what = ALERT_DAMAGED};
	int64_t wall = t->node->wall_msec;

	/* Both are soon mended, and yet worth a look at the disk. */
	if (s->put_aside_msec && wall - s->put_aside_msec < DAMAGED_MSEC)
		note(t, &like, s->put_aside_msec, true,
		     "the store's database was %s: it is put aside in %s, and this node has "
		     "begun with an empty one",
		     s->put_aside_old ? "older than the tree" : "damaged",
		     t->node->conf->state);
	else if (s->damaged > 0 || (s->damaged_all && wall - s->damaged_msec < DAMAGED_MSEC))
		note(t, &like, s->damaged_msec, true,
		     "%" PRIu32 " content%s of the store %s damaged or missing, %" PRIu32
		     " of them not got again yet",
		     s->damaged_all, s->damaged_all == 1 ? "" : "s",
		     s->damaged_all == 1 ? "was" : "were", s->damaged);
}

static void look_at_node(struct teller *t, const struct node_status *s)
{
	struct alert lag = {.what = ALERT_LAG};
	struct alert store = {.what = ALERT_STORE};
	int64_t wall = t->node->wall_msec;
	int64_t after = (int64_t)t->conf->after_sec * 1000;

	look_at_conflicts(t, s->conflicts);
	look_at_damage(t, s);
	look_at_held(t, s);
	proofs_by_hand(t->node->proofs, note_by_hand, t);
	forward_reported(t->node->forwards, note_serial, t);
	if (s->pending > 0 && s->lag_msec >= after)
		note(t, &lag, wall - s->lag_msec, true, "%" PRIu32 " path%s waited here for %d s",
		     s->pending, s->pending == 1 ? " has" : "s have", t->conf->after_sec);
	if (s->blocked < 0)
		note(t, &store, s->blocked_since_msec, true,
		     "the store cannot be written, replication waits: %s", err_text(s->blocked));
}

static bool is_away(const struct peer_status *p)
{
	return !p->reachable;
}

static void look_at_peers(struct teller *t)
{
	struct node *n = t->node;
	uint32_t npeers = node_peers(n), away = 0;
	struct alert all = {.what = ALERT_ISOLATED};
	struct peer_status p;
	int64_t latest = n->started_msec;

	for (uint32_t i = 0; i < npeers; i++) {
		node_peer(n, i, &p);
		away += is_away(&p);
		if (p.heard_msec > latest)
			latest = p.heard_msec;
	}
	bool isolated = npeers > 1 && away == npeers;
	if (isolated)
		note(t, &all, latest, false, "none of %" PRIu32 " peers can be reached", npeers);
	for (uint32_t i = 0; i < npeers; i++) {
		node_peer(n, i, &p);
		struct alert like = {.what = ALERT_PEER, .peer = (char *)(uintptr_t)p.name};
		if (is_away(&p) && isolated) /* that is told instead */
			alerts_keep(t->alerts, &like);
		else if (is_away(&p))
			note(t, &like, p.heard_msec ? p.heard_msec : n->started_msec, false,
			     "peer %s cannot be reached%s%s", p.name, p.last_error[0] ? ": " : "",
			     p.last_error);
	}
}

static void look(struct teller *t)
{
	struct node_status s;

	node_status(t->node, &s);
	alerts_look(t->alerts, t->node->now_msec);
	look_at_peers(t);
	look_at_node(t, &s);
	look_at_hooks(t);
	alerts_looked(t->alerts);
	bool crowded = alerts_left_out(t->alerts) > 0;
	if (crowded && !t->crowded)
		log_warning("more than %d conditions hold: no alert tells of the others",
			    ALERTS_MAX);
	t->crowded = crowded;
}

/* ---- telling ---- */

static void keep(struct teller *t)
{
	struct buf b;

	if (!t->dirty || runner_blocked(t->node->runner))
		return;
	buf_init(&b, ALERTS_BYTES_MAX);
	alerts_put(t->alerts, &b);
	if (b.err == 0 && store_value_put(t->node->store, TOLD, b.data, b.len) == 0)
		t->dirty = false;
	buf_fini(&b);
}

static void done(struct teller *t, const struct run_result *result)
{
	bool ok = result->status == 0;
	char line[200];

	t->dirty |= alerts_done(t->alerts, ok, t->node->now_msec);
	path_escape(line, sizeof(line), result->output);
	line[strcspn(line, "\\")] = '\0'; /* its first line */
	if (!ok)
		log_error("alert %s failed (%d): %s; %s", t->conf->name, result->status, line,
			  alerts_will_try(t->alerts) ? "it is tried again" : "given up");
	t->look_msec = t->node->now_msec; /* the next one */
}

static void answered(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	struct run_result *result CLEANUP_FREE = malloc(sizeof(*result));

	(void)n;
	(void)fd;
	if (!result) {
		log_error("out of memory");
		abort();
	}
	runs_result(result, status, r);
	done(arg, result);
}

/* What a mail would say. */
static void write_text(struct teller *t, const struct alert *a, bool begins, struct buf *b)
{
	char span[CLOCK_SPAN_TEXT];
	char path[PATH_ESCAPED_MAX];
	char *text CLEANUP_FREE = NULL;

	clock_span(span, t->node->wall_msec - a->since_msec);
	int len = asprintf(
	    &text, "node %s: %s%s%s%s%s%s\n%s\n\n%s %s.\nzonefsctl status on %s says more.\n",
	    t->node->conf->node, alert_name(a->what), a->path[0] ? " " : "",
	    path_escape(path, sizeof(path), a->path), a->peer[0] ? " " : "", a->peer,
	    begins ? "" : ": over", a->words, begins ? "Since" : "It is over; it lasted for", span,
	    t->node->conf->node);
	if (len > 0)
		buf_bytes(b, text, (size_t)len);
	else
		buf_bytes(b, "", 0);
}

static void tell(struct teller *t, const struct alert *a, bool begins)
{
	struct buf *b = portal_begin(t->node->portal, PORT_ALERT);

	log_notice("alert: %s%s%s%s%s %s: %s", alert_name(a->what), a->path[0] ? " " : "", a->path,
		   a->peer[0] ? " " : "", a->peer, begins ? "begins" : "ends", a->words);
	buf_u8(b, begins);
	buf_str(b, alert_name(a->what));
	buf_i64(b, a->since_msec);
	buf_str(b, a->path);
	buf_str(b, a->peer);
	buf_str(b, a->hook);
	buf_str(b, a->words);
	write_text(t, a, begins, b);
	if (portal_send(t->node->portal, answered, t) < 0) {
		struct run_result *failed CLEANUP_FREE = calloc(1, sizeof(*failed));

		if (!failed) {
			log_error("out of memory");
			abort();
		}
		failed->status = -1;
		snprintf(failed->output, sizeof(failed->output), "too many requests to fs");
		done(t, failed);
	}
}

void teller_tick(struct teller *t)
{
	const struct alert *a;
	bool begins;

	if (!t->conf || t->node->now_msec < t->look_msec)
		return;
	t->look_msec = t->node->now_msec + LOOK_MSEC;
	look(t);
	keep(t);
	a = alerts_next(t->alerts, &begins);
	if (a)
		tell(t, a, begins);
}

int64_t teller_wake(const struct teller *t)
{
	return t->conf ? t->look_msec : INT64_MAX;
}
