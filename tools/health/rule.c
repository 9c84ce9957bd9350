/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rule: counts, and one decision made of them, from the strongest reason to the weakest.
 */
#include "tools/health/rule.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FALLS_KEPT 8

struct check {
	int good;    /* in a row */
	int failed;  /* in a row, those that count */
	int silent;  /* likewise */
	int replies; /* in a row */
	bool bad;    /* failed `fall` times and not good `rise` times since */
	bool sampled;
	bool excused; /* a failure of this row was put down to a hook, the first then */
	int64_t excused_msec;
	char words[RULE_WORDS];
};

struct found {
	bool present;
	int64_t since;
	char words[RULE_WORDS];
};

struct rule {
	struct rule_conf conf;
	struct check checks[RULE_CHECKS_MAX];
	struct found found[RULE_FINDINGS];
	bool dead;
	bool starting;
	bool was_dead; /* it starts because it was dead: `rise` good samples are asked for */
	bool kept;     /* demoted by an earlier run, and nothing has shown yet that all is well */
	const char *lacks; /* NULL: nothing */
	bool drained, disabled;
	bool hooks_running;
	int64_t hooks_timeout;
	bool replied; /* since the start, at `started` */
	int64_t started;
	int64_t granted;
	int64_t falls[FALLS_KEPT]; /* the last ones, a ring */
	unsigned nfalls;
	int64_t damped_until; /* INT64_MIN: never was */
	struct rule_want want;
};

struct rule *rule_new(const struct rule_conf *conf, const struct rule_was *was, int64_t now)
{
	struct rule *r = calloc(1, sizeof *r);

	assert(conf->nchecks >= 1 && conf->nchecks <= RULE_CHECKS_MAX);
	assert(conf->fall >= 1 && conf->rise >= 1);
	if (!r)
		return NULL;
	r->conf = *conf;
	r->starting = !was->known || !(was->announced || was->for_data);
	r->kept = was->known && (was->demoted || was->for_data);
	r->drained = was->known && was->drained;
	r->lacks = RULE_NOT_CAUGHT_UP;
	r->granted = INT64_MIN;
	r->damped_until = INT64_MIN;
	r->want.announced = !r->starting;
	r->want.demoted = r->kept;
	r->want.reason = r->starting ? REASON_START : r->kept ? REASON_DATA : REASON_WELL;
	r->want.since_msec = now;
	return r;
}

void rule_free(struct rule *r)
{
	free(r);
}

/* ---- samples ---- */

/* Whether a failure now is put down to a hook: within its time limit, once in a row of failures. */
static bool excuse(const struct rule *r, struct check *c, int64_t now)
{
	if (!r->hooks_running)
		return false;
	if (!c->excused) {
		c->excused = true;
		c->excused_msec = now;
	}
	return now - c->excused_msec < r->hooks_timeout;
}

static bool all_silent(const struct rule *r)
{
	bool udp = false, tcp = false;

	for (unsigned i = 0; i < r->conf.nchecks; i++) {
		if (r->checks[i].silent < r->conf.fall)
			return false;
		udp |= !r->conf.tcp[i];
		tcp |= r->conf.tcp[i];
	}
	return udp && tcp;
}

static void take_good(struct rule *r, struct check *c)
{
	c->good++;
	c->failed = 0;
	if (c->good >= r->conf.rise)
		c->bad = false;
}

static void take_failure(struct rule *r, struct check *c, enum rule_outcome outcome)
{
	c->good = 0;
	c->failed++;
	c->silent = outcome == RULE_SILENT ? c->silent + 1 : 0;
	if (c->failed >= r->conf.fall)
		c->bad = true;
}

/* It is dead no more: from here on it starts. */
static void revive(struct rule *r, int64_t now)
{
	r->dead = false;
	r->starting = true;
	r->was_dead = true;
	r->replied = true;
	r->started = now;
}

struct rule_count rule_sample(struct rule *r, unsigned check, enum rule_outcome outcome,
			      const char *words, int64_t now)
{
	struct check *c = &r->checks[check];
	bool counted = true;

	assert(check < r->conf.nchecks);
	c->sampled = true;
	snprintf(c->words, sizeof c->words, "%s", words);
	if (outcome != RULE_SILENT) {
		c->replies++;
		c->silent = 0;
		if (!r->replied)
			r->started = now;
		r->replied = true;
	} else {
		c->replies = 0;
	}
	if (outcome == RULE_GOOD) {
		c->excused = false;
		take_good(r, c);
	} else if (excuse(r, c, now)) {
		c->good = 0;
		counted = false;
	} else {
		take_failure(r, c, outcome);
	}
	if (!r->dead && all_silent(r))
		r->dead = true;
	else if (r->dead && c->replies >= r->conf.rise)
		revive(r, now);
	return (struct rule_count){.failures = c->failed, .counted = counted};
}

void rule_hooks(struct rule *r, bool running, int64_t timeout_msec)
{
	r->hooks_running = running;
	r->hooks_timeout = timeout_msec;
}

void rule_finding(struct rule *r, enum rule_finding finding, bool present, const char *words,
		  int64_t now)
{
	struct found *f = &r->found[finding];

	if (present && !f->present)
		f->since = now;
	f->present = present;
	if (present)
		snprintf(f->words, sizeof f->words, "%s", words);
}

void rule_lacks(struct rule *r, const char *words)
{
	r->lacks = words;
}

void rule_drain(struct rule *r, bool yes)
{
	r->drained = yes;
}

void rule_disable(struct rule *r, bool yes)
{
	r->disabled = yes;
}

void rule_grant(struct rule *r, int64_t until)
{
	r->granted = until;
}

/* ---- the decision ---- */

static bool found_now(const struct rule *r, enum rule_finding i, int64_t now)
{
	const struct found *f = &r->found[i];

	return f->present && r->conf.limit_msec[i] >= 0 && now - f->since >= r->conf.limit_msec[i];
}

static const struct check *bad_check(const struct rule *r)
{
	for (unsigned i = 0; i < r->conf.nchecks; i++)
		if (r->checks[i].bad)
			return &r->checks[i];
	return NULL;
}

static bool all_good(const struct rule *r, int times)
{
	for (unsigned i = 0; i < r->conf.nchecks; i++)
		if (r->checks[i].good < times)
			return false;
	return true;
}

static bool some_reply(const struct rule *r)
{
	for (unsigned i = 0; i < r->conf.nchecks; i++)
		if (r->checks[i].replies > 0)
			return true;
	return false;
}

/* What is wrong with the data, in words; NULL: nothing. */
static const char *data_wrong(struct rule *r, int64_t now)
{
	const struct check *bad = bad_check(r);

	if (bad)
		return bad->words;
	for (unsigned i = 0; i < RULE_FINDINGS; i++)
		if (found_now(r, i, now))
			return r->found[i].words;
	if (r->kept && all_good(r, r->conf.rise))
		r->kept = false;
	return r->kept ? "demoted by an earlier run, and not seen well since" : NULL;
}

/* Whether the start is over; *late: something is missing, and in `words` what. */
static bool start_over(struct rule *r, int64_t now, bool *late, char words[RULE_WORDS])
{
	bool answers = all_good(r, r->was_dead ? r->conf.rise : 1);
	bool ready = !r->lacks || r->was_dead;

	*late = false;
	if (answers && ready)
		return true;
	if (answers)
		snprintf(words, RULE_WORDS, "the name server answers, this node %s", r->lacks);
	else
		snprintf(words, RULE_WORDS, "%s", "the name server does not answer all checks");
	if (!some_reply(r) || now - r->started < r->conf.start_timeout_msec)
		return false;
	*late = true;
	for (unsigned i = 0; i < r->conf.nchecks; i++)
		r->checks[i].bad |= r->checks[i].good == 0;
	return true;
}

/* Falls within the window. */
static unsigned falls_since(const struct rule *r, int64_t from)
{
	unsigned n = r->nfalls < FALLS_KEPT ? r->nfalls : FALLS_KEPT, count = 0;

	for (unsigned i = 0; i < n; i++)
		count += r->falls[i] >= from;
	return count;
}

static int64_t damping(const struct rule *r, int64_t now)
{
	unsigned n = falls_since(r, now - r->conf.damp_window_msec);
	int64_t hold = r->conf.damp_first_msec;

	if (n < 2)
		return 0;
	for (unsigned i = 2; i < n && hold < r->conf.damp_max_msec; i++)
		hold *= 2;
	return hold < r->conf.damp_max_msec ? hold : r->conf.damp_max_msec;
}

static void wants(struct rule_want *w, bool announced, bool demoted, enum rule_reason reason,
		  const char *words)
{
	w->announced = announced;
	w->demoted = demoted;
	w->reason = reason;
	snprintf(w->words, sizeof w->words, "%s", words);
}

static void decide_running(struct rule *r, struct rule_want *w, int64_t now)
{
	const char *wrong = data_wrong(r, now);

	if (wrong && r->conf.on_data != ON_DATA_NOTHING) {
		w->asks = r->conf.on_data == ON_DATA_WITHDRAW;
		wants(w, !(w->asks && now < r->granted), true, REASON_DATA, wrong);
	} else if (now < r->damped_until) {
		wants(w, true, true, REASON_DAMPED, "it has fallen more than once lately");
	} else {
		wants(w, true, false, REASON_WELL, wrong ? wrong : "runs normally");
	}
}

/* A fall is noted; who comes back is damped. */
static void note_change(struct rule *r, const struct rule_want *before, struct rule_want *w,
			int64_t now)
{
	bool ill = w->reason == REASON_DEAD || w->reason == REASON_DATA;
	bool was_ill = before->reason == REASON_DEAD || before->reason == REASON_DATA;

	if (ill && !was_ill && before->reason != REASON_START) {
		r->falls[r->nfalls % FALLS_KEPT] = now;
		r->nfalls++;
	}
	if (w->reason == REASON_WELL && before->reason != REASON_WELL &&
	    before->reason != REASON_DAMPED && damping(r, now) > 0) {
		r->damped_until = now + damping(r, now);
		decide_running(r, w, now);
	}
	w->since_msec = w->reason == before->reason ? before->since_msec : now;
}

const struct rule_want *rule_decide(struct rule *r, int64_t now)
{
	struct rule_want w = {.hands_off = r->disabled};
	char words[RULE_WORDS] = "";
	bool late = false;

	if (!r->dead && r->starting && start_over(r, now, &late, words)) {
		r->starting = r->was_dead = false;
		w.late = late;
	}
	if (r->drained)
		wants(&w, false, false, REASON_DRAINED, "drained by the administrator");
	else if (r->dead)
		wants(&w, false, false, REASON_DEAD, "no reply to any check, over UDP and TCP");
	else if (r->starting)
		wants(&w, false, false, REASON_START, words);
	else
		decide_running(r, &w, now);
	if (late && w.announced) /* said once, where the start ends */
		snprintf(w.words, sizeof w.words, "%.200s; start-timeout has passed", words);
	struct rule_want before = r->want;
	note_change(r, &before, &w, now);
	r->want = w;
	return &r->want;
}

static void sooner(int64_t *next, int64_t at, int64_t now)
{
	if (at > now && at < *next)
		*next = at;
}

int64_t rule_next(const struct rule *r, int64_t now)
{
	int64_t next = INT64_MAX;

	if (r->starting)
		sooner(&next, r->replied ? r->started + r->conf.start_timeout_msec : next, now);
	for (unsigned i = 0; i < RULE_FINDINGS; i++)
		if (r->found[i].present && r->conf.limit_msec[i] >= 0)
			sooner(&next, r->found[i].since + r->conf.limit_msec[i], now);
	sooner(&next, r->damped_until, now);
	sooner(&next, r->granted, now);
	return next;
}

int64_t rule_pace(const struct rule *r)
{
	if (r->starting || r->dead || r->kept || r->want.reason == REASON_DATA)
		return r->conf.fast_msec;
	for (unsigned i = 0; i < r->conf.nchecks; i++)
		if (r->checks[i].good == 0 || r->checks[i].bad)
			return r->conf.fast_msec;
	return r->conf.interval_msec;
}

const char *rule_reason_text(enum rule_reason reason)
{
	static const char *const text[] = {
	    [REASON_WELL] = "well", [REASON_START] = "start",   [REASON_DEAD] = "dead",
	    [REASON_DATA] = "data", [REASON_DAMPED] = "damped", [REASON_DRAINED] = "drained",
	};

	return text[reason];
}

const char *rule_finding_text(enum rule_finding finding)
{
	static const char *const text[] = {
	    [FINDING_REPLICATOR] = "replicator",
	    [FINDING_CUT_OFF] = "cut-off",
	    [FINDING_ZONE] = "zone",
	    [FINDING_LAG] = "lag",
	    [FINDING_BEHIND] = "behind",
	    [FINDING_STORE] = "store",
	    [FINDING_HOOK] = "hook",
	};

	return text[finding];
}
