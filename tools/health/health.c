/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The loop. A round is: the probes' queries; when they are over, the replicator's status, so that a
 * hook that ran during them is known; then all of it into the rule, and the rule's word into steps.
 */
#include "tools/health/health.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "tools/health/internal.h"
#include "tools/health/record.h"

#define END_MSEC 30000
#define LOOK_MSEC 1000 /* for the disable file */

int health_save(struct health *h)
{
	struct state s = {
	    .known = true,
	    .drained = h->drained,
	    .for_data = h->for_data,
	    .route = h->steps.route,
	    .address = h->steps.address,
	    .worse = h->steps.worse,
	};
	int err = state_write(h->dir, &s);

	if (err < 0)
		log_limited(LOG_LEVEL_ERROR,
			    "%s/state cannot be written: %s; nothing is changed until it can",
			    h->h->state, err_text(err));
	return err;
}

bool health_wants_announced(const struct health *h)
{
	return h->want.announced && h->leave != LEAVES;
}

enum note_state health_is(const struct health *h)
{
	if (steps_done(&h->steps, false, false))
		return NOTE_WITHDRAWN;
	if (steps_done(&h->steps, true, true))
		return NOTE_DEMOTED;
	return steps_done(&h->steps, true, false) ? NOTE_ANNOUNCED : NOTE_CHANGING;
}

/* ---- the rule ---- */

static void say_change(struct health *h, const struct rule_want *was)
{
	const struct rule_want *w = &h->want;
	const char *name = h->h->name;

	if (w->late)
		record(LOG_LEVEL_WARNING, "decision", "%s: announced all the same: %s", name,
		       w->words);
	if (w->announced == was->announced && w->demoted == was->demoted &&
	    w->reason == was->reason)
		return;
	if (!w->announced && w->reason == REASON_DEAD) {
		record(
		    LOG_LEVEL_ERROR, "decision",
		    "DNS mirror site OUT OF SERVICE: %s is withdrawn: %s. Check the name server!",
		    name, w->words);
		health_alert(h, "DNS mirror site OUT OF SERVICE");
	} else if (!w->announced) {
		record(LOG_LEVEL_NOTICE, "decision", "%s is not announced: %s", name, w->words);
		if (was->announced)
			health_alert(h, "DNS mirror site withdrawn");
	} else if (w->demoted) {
		record(LOG_LEVEL_WARNING, "decision", "%s steps back (%s): %s", name,
		       rule_reason_text(w->reason), w->words);
		if (!was->demoted)
			health_alert(h, "DNS mirror site steps back");
	} else {
		record(LOG_LEVEL_NOTICE, "decision",
		       "DNS mirror site runs normally: %s is announced", name);
		if (was->reason != REASON_START || h->alert.text[0])
			health_alert(h, "DNS mirror site runs normally");
	}
}

/* ---- the end ---- */

static bool stop_asks(const struct health *h)
{
	return h->ending && h->h->withdraw_on_stop && h->leave == LEAVE_ASKS && h->want.announced;
}

/* With on-stop = "withdraw" it leaves as it would for maintenance: if others promise to stay. A node
 * without peers has nobody to ask, and was told so. */
static void stop_on(struct health *h)
{
	if (!h->ending || !h->h->withdraw_on_stop || h->leave != LEAVE_ASKS)
		return;
	if (!h->want.announced) {
		h->leave = LEAVES;
	} else if (h->conf->npeers == 0 || mirrors_until(h->mirrors, h->now) > h->now) {
		h->leave = LEAVES;
		record(LOG_LEVEL_NOTICE, "order", "withdrawing: %s",
		       h->conf->npeers ? "peers stay" : "there are no peers to ask");
	} else if (h->now >= h->leave_by ||
		   mirrors_announcing(h->mirrors, h->now) < (unsigned)h->h->min_announcing) {
		h->leave = LEAVE_STAYS;
		record(LOG_LEVEL_WARNING, "order",
		       "what is announced stays: no other node is known to announce %s and has "
		       "promised to stay",
		       h->h->name);
	}
}

/* ---- what is said ---- */

/* Who says that it announces stays, as far as it can help it: so it is said only of a route that is
 * there and wanted, and taken back before anything is done. */
static void tell_mirrors(struct health *h)
{
	const struct rule_want *w = &h->want;
	bool there = h->steps.route == PART_ON && h->steps.address == PART_ON;
	struct note note = {
	    .announces = there && (health_wants_announced(h) || w->hands_off),
	    .asks = w->asks || orders_ask(h) || stop_asks(h),
	    .state = health_is(h),
	    .reason = w->reason,
	    .since_sec = (uint32_t)((h->now - w->since_msec) / 1000),
	};

	snprintf(note.words, sizeof note.words, "%s", w->words);
	mirrors_say(h->mirrors, &note);
}

void health_decide(struct health *h)
{
	struct rule_want was = h->want;
	bool disabled = access(h->h->disable, F_OK) == 0;

	rule_disable(h->rule, disabled);
	rule_drain(h->rule, h->drained);
	rule_grant(h->rule, mirrors_until(h->mirrors, h->now));
	h->want = *rule_decide(h->rule, h->now);
	if (disabled != h->said_hands_off)
		record(LOG_LEVEL_WARNING, "order",
		       disabled ? "%s exists: nothing is changed while it does"
				: "%s is gone: changes are made again",
		       h->h->disable);
	h->said_hands_off = disabled;
	say_change(h, &was);
	tell_mirrors(h);
	bool for_data = !h->want.announced && h->want.reason == REASON_DATA;
	if (for_data != h->for_data) {
		h->for_data = for_data;
		health_save(h);
	}
}

static void judge(struct health *h)
{
	h->judging = false;
	replica_tell(h->replica, h->rule, h->now);
	for (unsigned i = 0; i < probes_checks(h->probes); i++) {
		const char *words;
		enum rule_outcome o = probes_outcome(h->probes, i, &words);
		struct rule_count c = rule_sample(h->rule, i, o, words, h->now);

		if (o == RULE_GOOD)
			continue;
		if (c.counted)
			record(LOG_LEVEL_WARNING, "failure",
			       "DNS mirror site out of service - %d time%s (of %d, %s): %s",
			       c.failures, c.failures == 1 ? "" : "s", h->h->fall,
			       probes_name(h->probes, i), words);
		else
			record(LOG_LEVEL_NOTICE, "failure",
			       "not counted, a hook is running (%s): %s", probes_name(h->probes, i),
			       words);
	}
	if (!probes_busy(h->probes)) /* with the service addresses; else in the next round */
		replica_give_zones(h->replica, h->probes);
	health_decide(h);
	h->next_round = h->round_began + rule_pace(h->rule);
	log_info("round over: %s, next in %lld ms", note_state_text(health_is(h)),
		 (long long)(h->next_round - h->now));
}

static void rounds(struct health *h)
{
	if (probes_go_on(h->probes, h->now)) {
		if (probes_were_service(h->probes)) {
			health_service_answered(h);
		} else {
			h->judging = true;
			replica_start(h->replica, h->now);
		}
	}
	if (h->judging && (replica_go_on(h->replica, h->now) || !replica_busy(h->replica)))
		judge(h);
	if (h->answer_due && !probes_busy(h->probes)) {
		h->answer_due = false;
		probes_start_service(h->probes, h->now);
	}
	if (!h->judging && !probes_busy(h->probes) && !h->ending && h->now >= h->next_round) {
		h->round_began = h->now;
		probes_start(h->probes, h->now);
	}
}

/* ---- the wait ---- */

static void sooner(int64_t *next, int64_t at)
{
	if (at < *next)
		*next = at;
}

static int timeout_of(const struct health *h)
{
	int64_t next = h->now + LOOK_MSEC;

	sooner(&next, probes_next(h->probes));
	sooner(&next, replica_next(h->replica));
	sooner(&next, mirrors_next(h->mirrors));
	sooner(&next, rule_next(h->rule, h->now));
	sooner(&next, run_next(&h->run));
	sooner(&next, run_next(&h->alert.run));
	if (!probes_busy(h->probes) && !h->judging && !h->ending)
		sooner(&next, h->next_round);
	if (h->alert.waits && !run_busy(&h->alert.run))
		sooner(&next, h->alert.again);
	if (h->steps.failed != STEP_NONE && h->steps.again_msec > h->now)
		sooner(&next, h->steps.again_msec);
	return next > h->now ? (int)(next - h->now) : 0;
}

static void wait_for_something(struct health *h, int signals)
{
	struct pollfd *fds = h->fds;
	unsigned n = probes_poll(h->probes, fds);

	fds[n++] = (struct pollfd){.fd = signals, .events = POLLIN};
	fds[n++] = replica_poll(h->replica);
	fds[n++] = mirrors_poll(h->mirrors);
	n += run_poll(&h->run, fds + n);
	n += run_poll(&h->alert.run, fds + n);
	n += orders_poll(h, fds + n);
	poll(fds, n, timeout_of(h));
	h->now = clock_monotonic_msec();
}

static void take_signals(struct health *h, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof info) != sizeof info)
		return;
	if (h->ending)
		return;
	record(LOG_LEVEL_NOTICE, "order", "told to end: %s",
	       h->h->withdraw_on_stop ? "it is withdrawn, if others stay"
				      : "what is announced stays");
	h->ending = true;
	/* A promise of this node's own may have to end first: that lasts a lease and a quarter. */
	h->leave_by = h->now + 1500 * (int64_t)h->h->lease_sec;
	h->end_by = (h->h->withdraw_on_stop ? h->leave_by : h->now) + END_MSEC;
}

static bool may_end(const struct health *h)
{
	if (!h->ending)
		return false;
	if (h->now >= h->end_by)
		return true;
	if (run_busy(&h->run) || run_busy(&h->alert.run))
		return false;
	if (!h->h->withdraw_on_stop || h->want.hands_off || h->leave == LEAVE_STAYS)
		return true;
	return h->leave == LEAVES && steps_done(&h->steps, false, false);
}

static void loop(struct health *h, int signals)
{
	while (!may_end(h)) {
		take_signals(h, signals);
		health_do_go_on(h);
		rounds(h);
		mirrors_go_on(h->mirrors, h->now);
		stop_on(h);
		health_decide(h);
		if (!h->ending || h->leave == LEAVES)
			health_steps(h);
		orders_go_on(h);
		if (!may_end(h) && !(h->answer_due && !probes_busy(h->probes)))
			wait_for_something(h, signals);
	}
}

/* ---- beginning and end ---- */

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int health_run(const struct conf *conf)
{
	struct health *h = calloc(1, sizeof *h);
	int signals = open_signals();
	int err = -ENOMEM;

	if (h && signals >= 0) {
		h->conf = conf;
		h->h = conf->health;
		h->dir = h->orders.fd = -1;
		h->now = h->next_round = clock_monotonic_msec();
		run_init(&h->run);
		run_init(&h->alert.run);
		err = health_begin(h);
		if (err == 0)
			loop(h, signals);
		orders_close(h);
		probes_free(h->probes);
		replica_free(h->replica);
		mirrors_free(h->mirrors);
		rule_free(h->rule);
		free(h->fds);
		if (h->dir >= 0)
			close(h->dir);
	}
	if (err == -ENOMEM)
		log_error("%s", err_text(err));
	free(h);
	if (signals >= 0)
		close(signals);
	return err;
}
