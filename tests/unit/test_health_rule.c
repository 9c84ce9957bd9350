/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rule of zonefs-health, with a clock of the test's own: a table of cases, each a script and
 * what is announced at its end, and the stories that a table can't tell.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "tools/health/rule.h"

/* Two checks, UDP and TCP; an interval is 10 s, a fast one 1 s. */
static const struct rule_conf usual = {
    .nchecks = 2,
    .tcp = {false, true},
    .fall = 3,
    .rise = 2,
    .interval_msec = 10000,
    .fast_msec = 1000,
    .start_timeout_msec = 60000,
    .on_data = ON_DATA_DEMOTE,
    .limit_msec = {5000, 20000, 0, 0, 0, 5000},
    .damp_window_msec = 3600000,
    .damp_first_msec = 60000,
    .damp_max_msec = 900000,
};

static const struct rule_was nothing = {0};
static const struct rule_was announced = {.known = true, .announced = true};

struct stage {
	struct rule *r;
	int64_t now;
};

static struct rule_count sample(struct stage *s, unsigned check, char what)
{
	enum rule_outcome o = what == 'g' ? RULE_GOOD : what == 'w' ? RULE_WRONG : RULE_SILENT;

	return rule_sample(s->r, check, o, what == 'w' ? "SERVFAIL for example." : "no reply",
			   s->now);
}

static void one_round(struct stage *s, char udp, char tcp)
{
	s->now += rule_pace(s->r);
	sample(s, 0, udp);
	sample(s, 1, tcp);
	rule_decide(s->r, s->now);
}

static void rounds(struct stage *s, char what, int n)
{
	for (int i = 0; i < n; i++)
		one_round(s, what, what);
}

/* One letter a step:
 *
 *   g w s   a round of good, wrong, silent samples     u t   silent over UDP only, over TCP only
 *   C       caught up          D U   drained, no more  X O   disabled, no more
 *   H h     a hook runs (limit 10 s), no more
 *   L l     versions wait for too long, no more        P p   all peers away, back
 *   R r     the replicator does not answer, it does    m     a minute passes
 *   G       a grant for a minute
 *
 * And, wherever they stand: A, an earlier run had announced; N, data does nothing; W, data
 * withdraws.
 */
static void step(struct stage *s, char c)
{
	switch (c) {
	case 'g':
	case 'w':
	case 's':
		one_round(s, c, c);
		break;
	case 'u':
		one_round(s, 's', 'g');
		break;
	case 't':
		one_round(s, 'g', 's');
		break;
	case 'C':
		rule_lacks(s->r, NULL);
		break;
	case 'D':
	case 'U':
		rule_drain(s->r, c == 'D');
		break;
	case 'X':
	case 'O':
		rule_disable(s->r, c == 'X');
		break;
	case 'H':
	case 'h':
		rule_hooks(s->r, c == 'H', 10000);
		break;
	case 'L':
	case 'l':
		rule_finding(s->r, FINDING_LAG, c == 'L', "versions wait", s->now);
		break;
	case 'P':
	case 'p':
		rule_finding(s->r, FINDING_CUT_OFF, c == 'P', "no peer", s->now);
		break;
	case 'R':
	case 'r':
		rule_finding(s->r, FINDING_REPLICATOR, c == 'R', "no replicator", s->now);
		break;
	case 'G':
		rule_grant(s->r, s->now + 60000);
		break;
	case 'm':
		s->now += 60000;
		break;
	case 'A':
	case 'N':
	case 'W':
		break;
	default:
		fail_msg("no step %c", c);
	}
}

static const struct play {
	const char *name;
	const char *script;
	const char *state; /* "withdrawn", "demoted", "announced" */
	enum rule_reason reason;
} plays[] = {
    {"nothing is announced before the name server answers", "C", "withdrawn", REASON_START},
    {"nothing is announced before this node has caught up", "g", "withdrawn", REASON_START},
    {"one good answer to each check, caught up: announced", "Cg", "announced", REASON_WELL},
    {"one check without an answer keeps it away", "Ct", "withdrawn", REASON_START},
    {"who can't catch up comes at the time limit", "gmg", "announced", REASON_WELL},
    {"a silent server does not come at the time limit", "Csmmsmm", "withdrawn", REASON_START},
    {"who is silent for long has its time from the first reply on", "Csmmsw", "withdrawn",
     REASON_START},
    {"wrong answers at the time limit: announced, demoted", "Cwmw", "demoted", REASON_DATA},
    {"fall - 1 failures are nothing", "Cgss", "announced", REASON_WELL},
    {"fall failures withdraw", "Cgsss", "withdrawn", REASON_DEAD},
    {"a good one between them begins the count anew", "Cgssgss", "announced", REASON_WELL},
    {"a wrong one between them is a reply, too", "Cgsswss", "demoted", REASON_DATA},
    {"rise - 1 successes are nothing", "Cgsssg", "withdrawn", REASON_DEAD},
    {"rise successes announce", "Cgsssgg", "announced", REASON_WELL},
    {"a failure between them begins the count anew", "Cgsssgsg", "withdrawn", REASON_DEAD},
    {"wrong replies end death, but not the absence", "Cgsssww", "withdrawn", REASON_START},
    {"only with time: announced, demoted", "Cgssswwmw", "demoted", REASON_DATA},
    {"UDP alone silent is not dead", "Cguuuu", "demoted", REASON_DATA},
    {"TCP alone silent is not dead", "Cgtttt", "demoted", REASON_DATA},
    {"one transport after the other is dead", "Cgtttsss", "withdrawn", REASON_DEAD},
    {"wrong answers demote, never withdraw", "Cgwwwwwwwwww", "demoted", REASON_DATA},
    {"and promote after rise good ones", "Cgwwwgg", "announced", REASON_WELL},
    {"not before", "Cgwwwg", "demoted", REASON_DATA},
    {"lag demotes", "CgLg", "demoted", REASON_DATA},
    {"lag that is over promotes", "CgLglg", "announced", REASON_WELL},
    {"cut off for less than the limit is nothing", "CgPg", "announced", REASON_WELL},
    {"cut off for longer demotes", "CgPgggg", "demoted", REASON_DATA},
    {"cut off, back, cut off: counted anew", "CgPgpgPg", "announced", REASON_WELL},
    {"a dead replicator is a finding", "CgRg", "demoted", REASON_DATA},
    {"that is nothing when it is back at once", "CgRrg", "announced", REASON_WELL},
    {"death is stronger than data", "CgLsss", "withdrawn", REASON_DEAD},
    {"failures while a hook runs don't count", "CgHssssss", "announced", REASON_WELL},
    {"until its time limit has passed", "CgHsssssssssssss", "withdrawn", REASON_DEAD},
    {"those after it do", "CgHsshsss", "withdrawn", REASON_DEAD},
    {"a hook that is retried postpones once only", "CgHsshsHsshsHsssssssss", "withdrawn",
     REASON_DEAD},
    {"drained is withdrawn", "CgDg", "withdrawn", REASON_DRAINED},
    {"undrained is announced", "CgDgUg", "announced", REASON_WELL},
    {"undrained when dead is not", "CgDsssU", "withdrawn", REASON_DEAD},
    {"a restart finds what was announced", "A", "announced", REASON_WELL},
    {"and does not wait for peers", "Agmmm", "announced", REASON_WELL},
    {"and withdraws what is dead", "Asss", "withdrawn", REASON_DEAD},
    {"data may do nothing", "NCgLwwww", "announced", REASON_WELL},
    {"withdraw for data: demoted without a grant", "WCgLg", "demoted", REASON_DATA},
    {"withdrawn with one", "WCgLGg", "withdrawn", REASON_DATA},
    {"back when the grant has ended", "WCgLGgmmg", "demoted", REASON_DATA},
    {"a grant alone withdraws nobody", "WCgGg", "announced", REASON_WELL},
};

static const char *state_of(const struct rule_want *w)
{
	return !w->announced ? "withdrawn" : w->demoted ? "demoted" : "announced";
}

static void each_play_of_the_table_ends_as_it_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plays); i++) {
		const struct play *p = &plays[i];
		struct rule_conf conf = usual;
		struct stage s = {.now = 1000000};

		if (strchr(p->script, 'N'))
			conf.on_data = ON_DATA_NOTHING;
		if (strchr(p->script, 'W'))
			conf.on_data = ON_DATA_WITHDRAW;
		s.r = rule_new(&conf, strchr(p->script, 'A') ? &announced : &nothing, s.now);
		assert_non_null(s.r);
		for (const char *c = p->script; *c; c++) {
			step(&s, *c);
			rule_decide(s.r, s.now);
		}
		const struct rule_want *w = rule_decide(s.r, s.now);
		if (strcmp(state_of(w), p->state) != 0 || w->reason != p->reason)
			fail_msg("%s (%s): %s for %s (%s), not %s for %s", p->name, p->script,
				 state_of(w), rule_reason_text(w->reason), w->words, p->state,
				 rule_reason_text(p->reason));
		rule_free(s.r);
	}
}

static struct stage running(void)
{
	struct stage s = {.now = 1000000};

	s.r = rule_new(&usual, &announced, s.now);
	rule_lacks(s.r, NULL);
	rounds(&s, 'g', 3);
	assert_true(rule_decide(s.r, s.now)->announced);
	return s;
}

static void after_a_failure_the_next_round_comes_sooner(void **state)
{
	struct stage s = running();

	(void)state;
	assert_int_equal(rule_pace(s.r), 10000);
	rounds(&s, 's', 1);
	assert_int_equal(rule_pace(s.r), 1000);
	rounds(&s, 'g', 1);
	assert_int_equal(rule_pace(s.r), 10000);
	rule_free(s.r);
}

static void a_failure_says_how_many_there_are_and_whether_it_counts(void **state)
{
	struct stage s = running();
	struct rule_count c;

	(void)state;
	c = sample(&s, 0, 's');
	assert_true(c.counted);
	assert_int_equal(c.failures, 1);
	c = sample(&s, 0, 's');
	assert_int_equal(c.failures, 2);
	rule_hooks(s.r, true, 10000);
	c = sample(&s, 0, 's');
	assert_false(c.counted);
	assert_int_equal(c.failures, 2);
	c = sample(&s, 0, 'g');
	assert_int_equal(c.failures, 0);
	rule_free(s.r);
}

static void who_falls_again_and_again_comes_back_demoted_for_longer_each_time(void **state)
{
	static const int64_t held[] = {0, 60000, 120000, 240000, 480000, 900000, 900000};
	struct stage s = running();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(held); i++) {
		rounds(&s, 's', 3);
		assert_int_equal(rule_decide(s.r, s.now)->reason, REASON_DEAD);
		rounds(&s, 'g', 2);
		const struct rule_want *w = rule_decide(s.r, s.now);
		assert_true(w->announced); /* damping never keeps anybody away */
		assert_int_equal(w->demoted, held[i] > 0);
		if (held[i] == 0)
			continue;
		assert_int_equal(w->reason, REASON_DAMPED);
		assert_int_equal(rule_next(s.r, s.now), s.now + held[i]);
		assert_true(rule_decide(s.r, s.now + held[i] - 1)->demoted);
		s.now += held[i];
		assert_false(rule_decide(s.r, s.now)->demoted);
	}
	rule_free(s.r);
}

static void falls_that_are_long_ago_are_forgotten(void **state)
{
	struct stage s = running();

	(void)state;
	for (int i = 0; i < 5; i++) {
		rounds(&s, 's', 3);
		rounds(&s, 'g', 2);
		assert_false(rule_decide(s.r, s.now)->demoted);
		s.now += usual.damp_window_msec + 1;
	}
	rule_free(s.r);
}

static void disabled_says_what_is_wanted_and_that_nothing_is_to_be_done(void **state)
{
	struct stage s = running();

	(void)state;
	rule_disable(s.r, true);
	rounds(&s, 's', 4);
	assert_true(rule_decide(s.r, s.now)->hands_off);
	assert_false(rule_decide(s.r, s.now)->announced);
	rule_disable(s.r, false);
	assert_false(rule_decide(s.r, s.now)->hands_off);
	rule_free(s.r);
}

static void who_was_demoted_stays_so_until_all_is_seen_well(void **state)
{
	struct rule_was was = {.known = true, .announced = true, .demoted = true};
	struct stage s = {.now = 5000};

	(void)state;
	s.r = rule_new(&usual, &was, s.now);
	assert_true(rule_decide(s.r, s.now)->demoted);
	rounds(&s, 'g', 1);
	assert_true(rule_decide(s.r, s.now)->demoted);
	rounds(&s, 'g', 1);
	assert_false(rule_decide(s.r, s.now)->demoted);
	rule_free(s.r);
}

static void who_was_drained_stays_so(void **state)
{
	struct rule_was was = {.known = true, .announced = false, .drained = true};
	struct stage s = {.now = 5000};

	(void)state;
	s.r = rule_new(&usual, &was, s.now);
	rule_lacks(s.r, NULL);
	rounds(&s, 'g', 5);
	assert_int_equal(rule_decide(s.r, s.now)->reason, REASON_DRAINED);
	rule_drain(s.r, false);
	assert_true(rule_decide(s.r, s.now)->announced);
	rule_free(s.r);
}

/* A restart while the peers stayed: one of them may have died since. */
static void who_was_withdrawn_for_its_data_comes_back_without_a_start(void **state)
{
	struct rule_was was = {.known = true, .for_data = true};
	struct stage s = {.now = 5000};
	struct rule_conf conf = usual;

	(void)state;
	conf.on_data = ON_DATA_WITHDRAW;
	s.r = rule_new(&conf, &was, s.now);
	const struct rule_want *w = rule_decide(s.r, s.now);
	assert_true(w->announced && w->demoted && w->asks);
	assert_int_equal(w->reason, REASON_DATA);
	rule_grant(s.r, s.now + 1000);
	assert_false(rule_decide(s.r, s.now)->announced);
	rounds(&s, 'g', conf.rise);
	w = rule_decide(s.r, s.now);
	assert_true(w->announced && !w->asks);
	rule_free(s.r);
}

static void coming_late_is_said_once_with_what_is_missing(void **state)
{
	struct stage s = {.now = 5000};

	(void)state;
	s.r = rule_new(&usual, &nothing, s.now);
	rounds(&s, 'g', 1);
	int64_t next = rule_next(s.r, s.now);
	assert_int_equal(next, s.now + usual.start_timeout_msec);
	assert_false(rule_decide(s.r, next - 1)->announced);
	const struct rule_want *w = rule_decide(s.r, next);
	assert_true(w->announced);
	assert_true(w->late);
	assert_non_null(strstr(w->words, "has not caught up"));
	assert_false(rule_decide(s.r, next)->late);
	rule_free(s.r);
}

static void one_transport_alone_never_says_dead(void **state)
{
	struct rule_conf conf = usual;

	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		struct stage s = {.now = 5000};

		conf.tcp[0] = conf.tcp[1] = tcp;
		s.r = rule_new(&conf, &announced, s.now);
		rounds(&s, 's', 9);
		assert_int_equal(rule_decide(s.r, s.now)->reason, REASON_DATA);
		rule_free(s.r);
	}
}

static void since_is_the_beginning_of_the_reason(void **state)
{
	struct stage s = running();

	(void)state;
	rounds(&s, 's', 3);
	int64_t dead = s.now;
	rounds(&s, 's', 3);
	assert_int_equal(rule_decide(s.r, s.now)->since_msec, dead);
	rule_free(s.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_play_of_the_table_ends_as_it_says),
	    cmocka_unit_test(after_a_failure_the_next_round_comes_sooner),
	    cmocka_unit_test(a_failure_says_how_many_there_are_and_whether_it_counts),
	    cmocka_unit_test(who_falls_again_and_again_comes_back_demoted_for_longer_each_time),
	    cmocka_unit_test(falls_that_are_long_ago_are_forgotten),
	    cmocka_unit_test(disabled_says_what_is_wanted_and_that_nothing_is_to_be_done),
	    cmocka_unit_test(who_was_demoted_stays_so_until_all_is_seen_well),
	    cmocka_unit_test(who_was_drained_stays_so),
	    cmocka_unit_test(who_was_withdrawn_for_its_data_comes_back_without_a_start),
	    cmocka_unit_test(coming_late_is_said_once_with_what_is_missing),
	    cmocka_unit_test(one_transport_alone_never_says_dead),
	    cmocka_unit_test(since_is_the_beginning_of_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
