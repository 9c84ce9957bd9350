/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The loop. A round is: the probes' queries; when they are over, the replicator's status, so that a
 * hook that ran during them is known; then all of it into the rule, and the rule's word into steps.
 */
#include "tools/health/health.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "tools/health/internal.h"
#include "tools/health/record.h"

#define FDS_MAX (PROBE_QUERIES_MAX + 2 * RUN_FDS + 4 + ORDER_CLIENTS)
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
	return h->want.announced && !(h->ending && h->h->withdraw_on_stop);
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

/* Who says that it announces stays, as far as it can help it: so it is said only of a route that is
 * there and wanted, and taken back before anything is done. */
static void tell_mirrors(struct health *h)
{
	const struct rule_want *w = &h->want;
	bool there = h->steps.route == PART_ON && h->steps.address == PART_ON;
	struct note note = {
	    .announces = there && (health_wants_announced(h) || w->hands_off),
	    .asks = w->asks || orders_ask(h),
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
	if (!h->ending)
		record(LOG_LEVEL_NOTICE, "order", "told to end: %s",
		       h->h->withdraw_on_stop ? "withdrawing" : "what is announced stays");
	h->ending = true;
	h->end_by = h->now + END_MSEC;
}

static bool may_end(const struct health *h)
{
	if (!h->ending)
		return false;
	if (h->now >= h->end_by)
		return true;
	if (run_busy(&h->run) || run_busy(&h->alert.run))
		return false;
	return !h->h->withdraw_on_stop || h->want.hands_off || steps_done(&h->steps, false, false);
}

static void loop(struct health *h, int signals)
{
	while (!may_end(h)) {
		take_signals(h, signals);
		health_do_go_on(h);
		rounds(h);
		mirrors_go_on(h->mirrors, h->now);
		health_decide(h);
		if (!h->ending || h->h->withdraw_on_stop)
			health_steps(h);
		orders_go_on(h);
		if (!may_end(h) && !(h->answer_due && !probes_busy(h->probes)))
			wait_for_something(h, signals);
	}
}

/* ---- beginning and end ---- */

static struct rule_conf rule_conf_of(const struct health *h)
{
	const struct conf_health *c = h->h;
	bool demotes = c->on_data == CONF_ON_DATA_DEMOTE && c->command[CONF_HEALTH_DEMOTE];
	struct rule_conf r = {
	    .nchecks = probes_checks(h->probes),
	    .fall = c->fall,
	    .rise = c->rise,
	    .interval_msec = c->interval_sec * (int64_t)1000,
	    .fast_msec = c->fast_interval_sec * (int64_t)1000,
	    .start_timeout_msec = c->start_timeout_sec * (int64_t)1000,
	    .on_data = c->on_data == CONF_ON_DATA_WITHDRAW ? ON_DATA_WITHDRAW
		       : demotes                           ? ON_DATA_DEMOTE
							   : ON_DATA_NOTHING,
	    .damp_window_msec = 3600000,
	    .damp_first_msec = c->damping_sec * (int64_t)1000,
	    .damp_max_msec = 15 * c->damping_sec * (int64_t)1000,
	};
	int64_t limit = c->lag_limit_sec * (int64_t)1000;

	for (unsigned i = 0; i < r.nchecks; i++)
		r.tcp[i] = probes_tcp(h->probes, i);
	/* These are ages: what is too old is so at once. */
	r.limit_msec[FINDING_LAG] = r.limit_msec[FINDING_ZONE] = r.limit_msec[FINDING_BEHIND] = 0;
	r.limit_msec[FINDING_CUT_OFF] = c->cut_off_limit_sec * (int64_t)1000;
	/* Without the replicator this node is cut off, only that nobody says so. */
	r.limit_msec[FINDING_REPLICATOR] = c->cut_off_limit_sec * (int64_t)1000;
	r.limit_msec[FINDING_STORE] = r.limit_msec[FINDING_HOOK] = limit;
	return r;
}

/* Takes over what an earlier run left. */
static int find_state(struct health *h)
{
	struct state s;
	struct rule_conf conf = rule_conf_of(h);
	int err = state_read(h->dir, &s);

	if (err < 0) {
		log_error("%s/state cannot be read: %s", h->h->state, err_text(err));
		return err;
	}
	struct rule_was was = {
	    .known = s.known || s.drained,
	    .announced = s.known && s.route == PART_ON && s.address == PART_ON,
	    .demoted = s.known && s.worse == PART_ON,
	    .drained = s.drained,
	    .for_data = s.known && s.for_data,
	};
	steps_init(&h->steps);
	h->steps.route = s.route;
	h->steps.address = s.address;
	h->steps.worse = s.worse;
	h->drained = s.drained;
	h->for_data = s.for_data;
	h->rule = rule_new(&conf, &was, h->now);
	if (!h->rule)
		return -ENOMEM;
	h->want = *rule_decide(h->rule, h->now);
	record(LOG_LEVEL_NOTICE, "start", "%s: %s (%s)", h->h->name,
	       !s.known        ? "nothing is known of an earlier run"
	       : was.announced ? "found announced"
			       : "found withdrawn",
	       h->want.words);
	return 0;
}

static int open_state(struct health *h)
{
	struct stat st;

	if (mkdir(h->h->state, 0700) < 0 && errno != EEXIST)
		return -errno;
	h->dir = open(h->h->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (h->dir < 0 || fstat(h->dir, &st) < 0)
		return -errno;
	/* Commands are run on what it says. */
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return -EPERM;
	return 0;
}

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

/* Every query has a socket of its own. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= 2 * FDS_MAX)
		return;
	limit.rlim_cur = limit.rlim_max < 2 * FDS_MAX ? limit.rlim_max : 2 * FDS_MAX;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int begin(struct health *h)
{
	int err = open_state(h);

	if (err < 0) {
		log_error("%s: %s (it has to be a directory that only its owner writes to)",
			  h->h->state, err_text(err));
		return err;
	}
	err = orders_open(h);
	if (err < 0) {
		log_error("%s/control: %s", h->h->state,
			  err == -EADDRINUSE ? "another zonefs-health is running" : err_text(err));
		return err;
	}
	h->probes = probes_new(h->conf);
	h->replica = replica_new(h->conf);
	h->mirrors = mirrors_new(h->conf, h->now);
	h->fds = calloc(FDS_MAX, sizeof *h->fds);
	if (!h->probes || !h->replica || !h->mirrors || !h->fds)
		return -ENOMEM;
	return find_state(h);
}

int health_run(const struct conf *conf)
{
	struct health *h = calloc(1, sizeof *h);
	int signals = open_signals();
	int err = -ENOMEM;

	if (h && signals >= 0) {
		raise_limit();
		h->conf = conf;
		h->h = conf->health;
		h->dir = h->orders.fd = -1;
		h->now = h->next_round = clock_monotonic_msec();
		run_init(&h->run);
		run_init(&h->alert.run);
		err = begin(h);
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
