/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The lines of "status" (replicator/control/control.c), and what follows from them.
 */
#include "tools/health/replica.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tools/health/late.h"
#include "tools/health/zonelist.h"
#include "tools/health/talk.h"

#define FAR_MSEC 10000 /* after the replicator's start: who is not there is away */

struct hook_seen {
	char name[64];
	int64_t runs;
};

/* What one answer says. */
struct report {
	bool ended; /* it is whole */
	bool joining, blocked, looking;
	int64_t age_msec, lag_msec, pending, damaged;
	int64_t started, generation; /* of the map, 0: none yet */
	bool names_new;              /* of all zones, in this round */
	unsigned peers, reachable, behind;
	uint64_t ops;
	char failing_hook[64];
	bool hook_ran;
	int64_t hook_timeout_msec;
};

enum asking { ASKS_STATUS, ASKS_STALE, ASKS_NAMES };

struct replica {
	const struct conf *conf;
	struct talk talk;
	enum asking asks;
	unsigned lines; /* that it has said of zones */
	struct late *late;
	struct zonelist *names;
	bool names_known; /* as of this life of the replicator and this state of the map: */
	int64_t names_life, names_generation;
	bool names_end; /* the answer about them ended well */
	int64_t now;
	struct report report;
	struct hook_seen hooks[CONF_HOOKS_MAX];
	size_t nhooks;
};

struct replica *replica_new(const struct conf *conf)
{
	struct replica *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->conf = conf;
	talk_init(&r->talk, conf);
	r->late = late_new();
	r->names = zonelist_new(conf);
	if (r->late && r->names)
		return r;
	replica_free(r);
	return NULL;
}

void replica_free(struct replica *r)
{
	if (!r)
		return;
	talk_fini(&r->talk);
	late_free(r->late);
	zonelist_free(r->names);
	free(r);
}

/* ---- the lines ---- */

static void take_node(struct report *p, const json_t *line)
{
	p->ops = (uint64_t)talk_number(line, "ops");
	p->joining = talk_bool(line, "joining");
	p->looking = talk_bool(line, "looking");
	p->blocked = json_object_get(line, "blocked") != NULL;
	p->started = talk_number(line, "started");
	p->age_msec = talk_number(line, "now") - talk_number(line, "started");
	p->lag_msec = talk_number(line, "lag_ms");
	p->pending = talk_number(line, "pending");
	p->damaged = talk_number(line, "damaged");
}

static void take_peer(struct replica *r, const json_t *line)
{
	struct report *p = &r->report;
	const char *name = talk_text(line, "peer");
	unsigned i = p->peers++;
	uint64_t ahead = (uint64_t)talk_number(line, "ahead");

	if (!talk_bool(line, "reachable"))
		return;
	p->reachable++;
	if (i < CONF_PEERS_MAX)
		late_peer(r->late, i, name, p->ops, p->ops + ahead, r->now);
	p->behind += ahead > 0 || json_object_get(line, "catching_up") != NULL;
}

static const struct conf_hook *hook_named(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->nhooks; i++)
		if (strcmp(conf->hooks[i].name, name) == 0)
			return &conf->hooks[i];
	return NULL;
}

/* Whether it has run since it was looked at last. */
static bool has_run(struct replica *r, const char *name, int64_t runs)
{
	for (size_t i = 0; i < r->nhooks; i++) {
		struct hook_seen *seen = &r->hooks[i];

		if (strcmp(seen->name, name) != 0)
			continue;
		bool ran = seen->runs != runs;
		seen->runs = runs;
		return ran;
	}
	if (r->nhooks < CONF_HOOKS_MAX) {
		struct hook_seen *seen = &r->hooks[r->nhooks++];

		snprintf(seen->name, sizeof seen->name, "%s", name);
		seen->runs = runs;
	}
	return false;
}

static void take_hook(struct replica *r, const json_t *line)
{
	struct report *p = &r->report;
	const char *name = talk_text(line, "hook");
	const struct conf_hook *hook = hook_named(r->conf, name);
	bool ran = has_run(r, name, talk_number(line, "runs"));

	if (talk_bool(line, "failing"))
		snprintf(p->failing_hook, sizeof p->failing_hook, "%s", name);
	if (!ran && !talk_bool(line, "running"))
		return;
	p->hook_ran = true;
	if (hook && hook->timeout_sec * 1000 > p->hook_timeout_msec)
		p->hook_timeout_msec = hook->timeout_sec * 1000;
}

static void take_line(void *arg, const json_t *line)
{
	struct replica *r = arg;
	const char *type = talk_text(line, "type");

	if (strcmp(type, "node") == 0)
		take_node(&r->report, line);
	else if (strcmp(type, "peer") == 0)
		take_peer(r, line);
	else if (strcmp(type, "hook") == 0)
		take_hook(r, line);
	else if (strcmp(type, "map") == 0)
		r->report.generation = talk_number(line, "generation");
}

/* What is not as fresh here as on a peer, in words. */
static const char *why_text(const char *why)
{
	static const struct {
		const char *why, *words;
	} all[] = {
	    {"failed", "the name server here does not serve what its file holds"},
	    {"waits", "its file is not here"},
	    {"held", "a change of it is held here"},
	    {"refused", "the newest version is refused here"},
	    {"other", "another version is served here"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (strcmp(why, all[i].why) == 0)
			return all[i].words;
	return "";
}

static void take_zone(void *arg, const json_t *line)
{
	struct replica *r = arg;
	const char *here = talk_text(line, "here"), *serial = talk_text(line, "serial");
	const char *why = why_text(talk_text(line, "why"));
	char words[RULE_WORDS];
	size_t len;

	if (strcmp(talk_text(line, "type"), "stale") != 0)
		return;
	len = (size_t)snprintf(words, sizeof words, "%.63s serves %.10s", talk_text(line, "peer"),
			       serial[0] ? serial : "it");
	if (here[0])
		len += (size_t)snprintf(words + len, sizeof words - len, ", this node %.10s", here);
	if (why[0])
		snprintf(words + len, sizeof words - len, ", %s", why);
	late_zone(r->late, talk_text(line, "zone"), talk_text(line, "view"), words, r->now);
	r->lines++;
}

/* ---- the socket ---- */

void replica_start(struct replica *r, int64_t now)
{
	if (talk_busy(&r->talk))
		return;
	r->report = (struct report){0};
	r->asks = ASKS_STATUS;
	talk_start(&r->talk, "{\"zonefs\":1,\"command\":\"status\"}", now);
}

bool replica_busy(const struct replica *r)
{
	return talk_busy(&r->talk);
}

struct pollfd replica_poll(const struct replica *r)
{
	return talk_poll(&r->talk);
}

int64_t replica_next(const struct replica *r)
{
	return talk_next(&r->talk);
}

static void take_name(void *arg, const json_t *line)
{
	struct replica *r = arg;

	if (talk_bool(line, "end"))
		r->names_end = talk_number(line, "exit") == 0;
	else
		zonelist_line(r->names, line);
}

static void ask(struct replica *r, enum asking what, const char *request, int64_t now)
{
	r->asks = what;
	talk_start(&r->talk, request, now);
}

/* True: that was all. */
static bool take_status(struct replica *r, int64_t now)
{
	r->report.ended = talk_lines(&r->talk, take_line, r);
	if (!r->report.ended)
		return true;
	late_peers_end(r->late);
	r->lines = 0;
	ask(r, ASKS_STALE, "{\"zonefs\":1,\"command\":\"stale\"}", now);
	return false;
}

static bool take_stale(struct replica *r, int64_t now)
{
	const struct report *p = &r->report;

	/* An answer that was cut off by its length says nothing of the rest. */
	if (talk_lines(&r->talk, take_zone, r) && r->lines < LATE_ZONES)
		late_zones_end(r->late);
	if (!zonelist_wanted(r->names) || p->generation == 0 ||
	    (r->names_known && r->names_life == p->started && r->names_generation == p->generation))
		return true;
	zonelist_begin(r->names);
	r->names_end = false;
	ask(r, ASKS_NAMES, "{\"zonefs\":1,\"command\":\"zones\",\"names\":true}", now);
	return false;
}

static void take_names(struct replica *r)
{
	if (!talk_lines(&r->talk, take_name, r) || !r->names_end)
		return;
	zonelist_end(r->names);
	r->report.names_new = !r->names_known;
	r->names_known = true;
	r->names_life = r->report.started;
	r->names_generation = r->report.generation;
}

bool replica_go_on(struct replica *r, int64_t now)
{
	if (!talk_go_on(&r->talk, now))
		return false;
	r->now = now;
	switch (r->asks) {
	case ASKS_STATUS:
		return take_status(r, now);
	case ASKS_STALE:
		return take_stale(r, now);
	default:
		take_names(r);
		return true;
	}
}

bool replica_give_zones(struct replica *r, struct probes *p)
{
	return zonelist_give(r->names, p);
}

/* ---- the rule ---- */

static void tell_data(struct replica *r, struct rule *rule, int64_t now)
{
	const struct conf_health *h = r->conf->health;
	const struct report *p = &r->report;
	char words[RULE_WORDS], span[CLOCK_SPAN_TEXT];
	int64_t limit = h->lag_limit_sec * (int64_t)1000;

	clock_span(span, p->lag_msec);
	snprintf(words, sizeof words, "%" PRId64 " versions of peers wait here, the oldest for %s",
		 p->pending, span);
	rule_finding(rule, FINDING_LAG, p->lag_msec > limit, words, now);
	snprintf(words, sizeof words, "none of %u peers can be reached", p->peers);
	rule_finding(rule, FINDING_CUT_OFF, p->peers > 0 && p->reachable == 0, words, now);
	bool found = late_zones(r->late, h->stale_limit_sec * (int64_t)1000, now, words);
	rule_finding(rule, FINDING_ZONE, found, words, now);
	found = late_behind(r->late, h->behind_limit_sec * (int64_t)1000, now, words);
	rule_finding(rule, FINDING_BEHIND, found, words, now);
	snprintf(words, sizeof words, "%s",
		 p->blocked ? "the store takes nothing"
			    : "contents of this node's disk are damaged");
	rule_finding(rule, FINDING_STORE, p->blocked || p->damaged > 0, words, now);
	snprintf(words, sizeof words, "the hook %s fails: what is served may be old",
		 p->failing_hook);
	rule_finding(rule, FINDING_HOOK, p->failing_hook[0], words, now);
}

void replica_tell(struct replica *r, struct rule *rule, int64_t now)
{
	const struct report *p = &r->report;
	char words[RULE_WORDS];

	snprintf(words, sizeof words, "zonefs's replicator does not answer: %s", r->talk.why);
	rule_finding(rule, FINDING_REPLICATOR, !p->ended, words, now);
	if (!p->ended) {
		/* What it said before may have changed; that it doesn't answer is counted. */
		rule_lacks(rule, RULE_NOT_CAUGHT_UP);
		rule_hooks(rule, false, 0);
		return;
	}
	tell_data(r, rule, now);
	rule_hooks(rule, p->hook_ran, p->hook_timeout_msec);
	/* All zones were asked for, not only whether there is a reply. */
	bool asked = !zonelist_wanted(r->names) || (r->names_known && !p->names_new);
	bool caught_up = asked && !p->joining && !p->blocked && p->pending == 0 && p->behind == 0 &&
			 (p->reachable == p->peers || p->age_msec > FAR_MSEC);
	rule_lacks(rule, !caught_up   ? RULE_NOT_CAUGHT_UP
			 : p->looking ? "has not looked at its whole tree"
				      : NULL);
}
