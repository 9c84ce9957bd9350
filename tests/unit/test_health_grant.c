/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Grants: a few stories, and a simulation of two to five nodes with one-way cuts, losses, delays
 * of more than a lease, repetitions, crashes of zonefs-health, of the name server and of the host,
 * and clocks that run at different rates. Everything follows from a seed; HEALTH_SEEDS=n runs so
 * many of them (100,000; with sanitizers 5,000), HEALTH_SEED=s that one alone.
 *
 * What must hold, whatever happens: never are all nodes withdrawn for their data, drained, or ended
 * with "on-stop = withdraw"; one that is counts on another that is not; and where nobody announces
 * though somebody could, the last one that did died less than a lease ago. And at the end, when all
 * is well again, everybody announces.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tools/health/grant.h"

#define NODES_MAX 5
#define MAIL_MAX 4096
#define LEASE 10000
#define STEP 200  /* ms, of the world */
#define TICK 1000 /* between a node's notes, by its clock */
#define LENGTH 300000
#define CALM 60000 /* at the end: no faults */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEEDS 5000
#else
#define SEEDS 100000
#endif
#define DELAY_MAX 90000
#define BUCKETS (DELAY_MAX / STEP + 2)
#define NO_MAIL UINT16_MAX

/* ---- stories ---- */

static struct grant *node(unsigned npeers, bool lower, uint64_t life, int64_t now)
{
	struct grant_conf c = {
	    .npeers = npeers, .min_announcing = 1, .lease_msec = LEASE, .life = life};
	for (unsigned i = 0; i < npeers; i++)
		c.lower[i] = lower;
	return grant_new(&c, now);
}

/* One note each way between two nodes, each other's peer 0. */
static void talk(struct grant *a, struct grant *b, int64_t now)
{
	grant_begin(a, now);
	grant_begin(b, now);
	struct grant_note x = grant_note_for(a, 0, now);
	grant_heard(b, 0, &x, now);
	struct grant_note y = grant_note_for(b, 0, now);
	grant_heard(a, 0, &y, now);
}

static void a_grant_lasts_a_lease_from_the_request(void **state)
{
	struct grant *a = node(1, false, 1, 0), *b = node(1, true, 2, 0);
	int64_t t = 100000;

	(void)state;
	grant_set(a, true, true);
	grant_set(b, true, false);
	assert_true(grant_until(a, t) == INT64_MIN);
	talk(a, b, t);
	assert_int_equal(grant_until(a, t), t + LEASE);
	assert_true(grant_until(a, t + LEASE) == INT64_MIN);
	assert_int_equal(grant_announcing(a, t), 1);
	assert_int_equal(grant_announcing(a, t + LEASE), 0);
	grant_free(a);
	grant_free(b);
}

static void of_two_that_ask_the_lower_one_gets_it(void **state)
{
	struct grant *a = node(1, false, 1, 0), *b = node(1, true, 2, 0);

	(void)state;
	grant_set(a, true, true);
	grant_set(b, true, true);
	for (int64_t t = 100000; t < 200000; t += TICK) {
		talk(a, b, t);
		assert_true(grant_until(a, t) != INT64_MIN);
		assert_true(grant_until(b, t) == INT64_MIN);
	}
	grant_free(a);
	grant_free(b);
}

static void who_does_not_announce_grants_nothing_and_one_that_leaves_ends_its_grant(void **state)
{
	struct grant *a = node(1, false, 1, 0), *b = node(1, true, 2, 0);
	int64_t t = 100000;

	(void)state;
	grant_set(a, true, true);
	grant_set(b, false, false);
	talk(a, b, t);
	assert_true(grant_until(a, t) == INT64_MIN);
	grant_set(b, true, false);
	talk(a, b, t + 1);
	assert_true(grant_until(a, t + 1) != INT64_MIN);
	grant_set(b, false, false);
	talk(a, b, t + 2);
	assert_true(grant_until(a, t + 2) == INT64_MIN);
	grant_free(a);
	grant_free(b);
}

static void an_old_note_says_nothing_new(void **state)
{
	struct grant *a = node(1, false, 1, 0);
	struct grant_note note = {.life = 3, .serial = 5, .announces = false};

	(void)state;
	grant_heard(a, 0, &note, 0);
	note.serial = 4;
	note.announces = true;
	grant_heard(a, 0, &note, 0);
	assert_int_equal(grant_announcing(a, 0), 0);
	note.life = 4; /* started anew: it counts from the beginning */
	note.serial = 1;
	grant_heard(a, 0, &note, 0);
	assert_int_equal(grant_announcing(a, 0), 1);
	grant_free(a);
}

static void one_that_announces_and_does_not_grant_is_enough_to_stay(void **state)
{
	struct grant *a = node(2, false, 1, 0), *b = node(1, true, 2, 0);
	struct grant_note other = {.life = 3, .serial = 1, .announces = true};
	int64_t t = 100000;

	(void)state;
	grant_set(a, true, true);
	grant_set(b, true, false);
	talk(a, b, t);
	grant_heard(a, 1, &other, t);
	assert_true(grant_until(a, t) == INT64_MIN);
	other.serial = 2;
	other.announces = false;
	grant_heard(a, 1, &other, t);
	assert_true(grant_until(a, t) != INT64_MIN);
	grant_free(a);
	grant_free(b);
}

/* ---- the simulation ---- */

struct sim_node {
	bool up;      /* the host */
	bool runs;    /* zonefs-health there */
	bool answers; /* the name server */
	bool stale;
	bool routed;
	bool for_data;  /* not routed, because of its data */
	bool leaving;   /* it shall be drained, if the others let it */
	bool drained;   /* it is, and stays so across its restarts */
	bool ending;    /* told to end, and to withdraw first, if the others let it */
	bool ended;     /* so it was; it does not run */
	int64_t end_by; /* then it ends as it is */
	int64_t again;  /* when it is started again after that */
	double rate;    /* of its clock */
	int64_t next;   /* tick, in the world's time */
	int64_t starts; /* when it may be announced after a start */
	uint64_t lives;
	struct grant *grant;
};

struct mail {
	unsigned from, to;
	uint16_t next; /* of those that arrive in the same step, or that are free */
	struct grant_note note;
};

struct world {
	uint64_t rng;
	unsigned n;
	int64_t now;
	int64_t last_death; /* of one that was routed */
	int64_t delay_max;
	unsigned loss;
	unsigned faults;                /* how often */
	bool cut[NODES_MAX][NODES_MAX]; /* from, to */
	struct sim_node nodes[NODES_MAX];
	struct mail mails[MAIL_MAX];
	uint16_t free;             /* the first */
	uint16_t arrives[BUCKETS]; /* by the step, likewise */
	unsigned long withdrawn;   /* how often somebody did, for data */
	unsigned long drained, ended;
};

static uint64_t rnd(struct world *w)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return w->rng;
}

static unsigned below(struct world *w, unsigned n)
{
	return (unsigned)(rnd(w) % n);
}

static int64_t clock_of(const struct world *w, unsigned i)
{
	return (int64_t)((double)w->now * w->nodes[i].rate);
}

/* A node knows all others by their number less the one that is itself. */
static unsigned peer_of(unsigned self, unsigned other)
{
	return other < self ? other : other - 1;
}

static unsigned node_of(unsigned self, unsigned peer)
{
	return peer < self ? peer : peer + 1;
}

static void start(struct world *w, unsigned i)
{
	struct sim_node *s = &w->nodes[i];
	struct grant_conf c = {.npeers = w->n - 1,
			       .min_announcing = 1,
			       .lease_msec = LEASE,
			       .life = (uint64_t)i * 1000 + ++s->lives};

	for (unsigned p = 0; p < w->n - 1; p++)
		c.lower[p] = node_of(i, p) < i;
	s->grant = grant_new(&c, clock_of(w, i));
	assert_non_null(s->grant);
	s->runs = true;
	s->next = w->now + below(w, TICK);
	/* Who was withdrawn for its data comes back at once, until it is let go again. */
	s->starts = s->routed || s->for_data ? w->now : w->now + below(w, 5000);
	s->for_data = s->ending = s->ended = false;
}

static void stop(struct sim_node *s)
{
	grant_free(s->grant);
	s->grant = NULL;
	s->runs = s->ending = false;
}

static void unroute(struct world *w, struct sim_node *s)
{
	if (s->routed)
		w->last_death = w->now;
	s->routed = false;
	s->for_data = false;
}

static void post(struct world *w, unsigned from, unsigned to, const struct grant_note *note)
{
	unsigned copies = below(w, 20) == 0 ? 2 : 1;

	if (w->cut[from][to] || below(w, 100) < w->loss)
		return;
	for (; copies > 0 && w->free != NO_MAIL; copies--) {
		uint16_t i = w->free;
		int64_t at = w->now + below(w, (unsigned)w->delay_max + 1);
		uint16_t *first = &w->arrives[(at + STEP - 1) / STEP % BUCKETS];

		w->free = w->mails[i].next;
		w->mails[i] = (struct mail){.from = from, .to = to, .next = *first, .note = *note};
		*first = i;
	}
}

/* Told to end with "on-stop = withdraw": with a grant it is withdrawn, without one it ends as it is. */
static void end_on(struct world *w, unsigned i)
{
	struct sim_node *s = &w->nodes[i];

	if (s->routed && s->answers && w->now < s->end_by) {
		if (grant_until(s->grant, clock_of(w, i)) == INT64_MIN)
			return;
		w->ended++;
		s->routed = false;
		s->ended = true;
	}
	s->again = w->now + STEP * (1 + below(w, LEASE / STEP));
	stop(s);
}

/* What the rule does with it: a dead one is withdrawn, a stale one and one that is to be drained only
 * with a grant. */
static void decide(struct world *w, unsigned i)
{
	struct sim_node *s = &w->nodes[i];

	if (s->ending)
		end_on(w, i);
	else if (!s->runs && s->up && w->now == s->again)
		start(w, i);
	if (!s->runs)
		return;
	if (!s->answers) {
		unroute(w, s);
	} else if (s->drained) {
		s->routed = s->for_data = false;
	} else if (s->leaving && s->routed && grant_until(s->grant, clock_of(w, i)) != INT64_MIN) {
		w->drained++;
		s->routed = s->leaving = false;
		s->drained = true;
	} else if (s->stale && (s->routed || s->for_data) &&
		   grant_until(s->grant, clock_of(w, i)) != INT64_MIN) {
		w->withdrawn += s->routed;
		s->routed = false;
		s->for_data = true;
	} else if (w->now >= s->starts) {
		s->routed = true;
		s->for_data = false;
	}
	grant_set(s->grant, s->routed,
		  (s->stale || s->leaving || s->ending) && s->answers && !s->drained);
}

static void tick(struct world *w, unsigned i)
{
	struct sim_node *s = &w->nodes[i];
	int64_t now = clock_of(w, i);

	s->next = w->now + (int64_t)(TICK / s->rate);
	grant_begin(s->grant, now);
	for (unsigned p = 0; p < w->n - 1; p++) {
		struct grant_note note = grant_note_for(s->grant, p, now);

		post(w, i, node_of(i, p), &note);
	}
}

static void deliver(struct world *w)
{
	uint16_t *first = &w->arrives[w->now / STEP % BUCKETS], i = *first;

	*first = NO_MAIL;
	while (i != NO_MAIL) {
		struct mail *m = &w->mails[i];
		uint16_t next = m->next;

		if (w->nodes[m->to].runs)
			grant_heard(w->nodes[m->to].grant, peer_of(m->to, m->from), &m->note,
				    clock_of(w, m->to));
		m->next = w->free;
		w->free = i;
		i = next;
	}
}

static void tell_to_end(struct world *w, unsigned i)
{
	w->nodes[i].ending = w->nodes[i].runs;
	w->nodes[i].end_by = w->now + LEASE * 3 / 2;
}

static void fault(struct world *w)
{
	unsigned i = below(w, w->n), other = below(w, w->n);
	struct sim_node *s = &w->nodes[i];

	switch (below(w, 16)) {
	case 15:
		tell_to_end(w, i);
		break;
	case 14:
		for (unsigned k = 0; k < w->n; k++)
			tell_to_end(w, k); /* an upgrade of all at once */
		break;
	case 12:
		if (s->drained)
			s->drained = false;
		else
			s->leaving = !s->leaving && s->runs;
		break;
	case 13:
		for (unsigned k = 0; k < w->n; k++)
			w->nodes[k].leaving = w->nodes[k].runs; /* all at once */
		break;
	case 0:
	case 1:
	case 2:
		s->stale = !s->stale;
		break;
	case 3:
		s->answers = !s->answers;
		break;
	case 4: /* zonefs-health alone: what is routed stays so */
		if (s->runs)
			stop(s);
		else if (s->up)
			start(w, i);
		break;
	case 5: /* the host */
		if (s->runs)
			stop(s);
		unroute(w, s);
		s->up = !s->up;
		if (s->up)
			start(w, i);
		break;
	case 6: /* restarted at once */
		if (s->runs) {
			stop(s);
			start(w, i);
		}
		break;
	case 7:
	case 8:
	case 9:
	case 10:
		w->cut[i][other] = !w->cut[i][other];
		break;
	default:
		for (unsigned k = 0; k < w->n; k++)
			w->nodes[k].stale = true; /* the same broken zone, everywhere */
		break;
	}
}

static void mend(struct world *w)
{
	memset(w->cut, 0, sizeof w->cut);
	w->loss = 0;
	for (unsigned i = 0; i < w->n; i++) {
		struct sim_node *s = &w->nodes[i];

		s->up = s->answers = true;
		s->stale = s->leaving = s->drained = s->ending = false;
		if (!s->runs)
			start(w, i);
	}
}

/* Whether one that this node counts on is not withdrawn for its data itself. */
static bool has_one_that_stays(const struct world *w, unsigned i)
{
	for (unsigned p = 0; p < w->n - 1; p++)
		if (grant_from(w->nodes[i].grant, p, clock_of(w, i)) &&
		    !w->nodes[node_of(i, p)].for_data && !w->nodes[node_of(i, p)].drained &&
		    !w->nodes[node_of(i, p)].ended)
			return true;
	return false;
}

static const char *wrong(const struct world *w)
{
	bool all = true, routed = false, could = false;

	for (unsigned i = 0; i < w->n; i++) {
		const struct sim_node *s = &w->nodes[i];

		all &= s->for_data || ((s->drained || s->ended) && s->answers);
		routed |= s->routed;
		could |= s->for_data && s->runs;
		if (s->for_data && s->runs && !has_one_that_stays(w, i))
			return "whoever this node counts on is withdrawn for its data, too";
	}
	if (all)
		return "all are withdrawn for their data, drained or ended";
	/* A lease by the slowest clock, and the time until it is noticed. */
	if (!routed && could && w->now - w->last_death > LEASE * 100 / 91 + 2 * STEP)
		return "nobody announces for more than a lease though one could";
	return NULL;
}

static struct world *world_new(uint64_t seed)
{
	static const int64_t delays[] = {50, 2000, 9000, 15000, DELAY_MAX};
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	w->rng = seed * 0x9e3779b97f4a7c15 + 1;
	for (int i = 0; i < 8; i++)
		rnd(w);
	for (unsigned i = 0; i < MAIL_MAX; i++)
		w->mails[i].next = i + 1 < MAIL_MAX ? (uint16_t)(i + 1) : NO_MAIL;
	memset(w->arrives, 0xff, sizeof w->arrives);
	w->n = 2 + below(w, NODES_MAX - 1);
	w->delay_max = delays[below(w, 5)];
	w->loss = below(w, 3) * 20;
	w->faults = 20 + below(w, 200);
	w->now = 1000000;
	w->last_death = w->now;
	for (unsigned i = 0; i < w->n; i++) {
		struct sim_node *s = &w->nodes[i];

		s->rate = 0.92 + below(w, 17) * 0.01;
		s->up = s->answers = true;
		start(w, i);
	}
	return w;
}

static unsigned long drained_ever, ended_ever;

/* How often somebody was withdrawn for its data. */
static unsigned long run(uint64_t seed)
{
	struct world *w = world_new(seed);
	int64_t end = w->now + LENGTH;
	const char *what;

	for (; w->now < end; w->now += STEP) {
		if (w->now == end - CALM)
			mend(w);
		if (w->now < end - CALM && below(w, w->faults) == 0)
			fault(w);
		deliver(w);
		for (unsigned i = 0; i < w->n; i++)
			decide(w, i);
		if ((what = wrong(w)) != NULL)
			fail_msg("%s: at %lld of HEALTH_SEED=%llu", what,
				 (long long)(w->now - 1000000), (unsigned long long)seed);
		for (unsigned i = 0; i < w->n; i++)
			if (w->nodes[i].runs && w->now >= w->nodes[i].next)
				tick(w, i);
	}
	for (unsigned i = 0; i < w->n; i++) {
		if (!w->nodes[i].routed)
			fail_msg("node %u is away at the end of HEALTH_SEED=%llu", i,
				 (unsigned long long)seed);
		stop(&w->nodes[i]);
	}
	drained_ever += w->drained;
	ended_ever += w->ended;
	unsigned long withdrawn = w->withdrawn;
	free(w);
	return withdrawn;
}

static void never_do_all_withdraw_for_their_data(void **state)
{
	const char *one = getenv("HEALTH_SEED"), *many = getenv("HEALTH_SEEDS");
	unsigned long seeds = many ? strtoul(many, NULL, 10) : SEEDS, withdrawn = 0;

	(void)state;
	if (one) {
		run(strtoull(one, NULL, 10));
		return;
	}
	for (unsigned long seed = 1; seed <= seeds; seed++)
		withdrawn += run(seed);
	/* Else nothing was shown. */
	print_message("%lu seeds, %lu times one withdrew for its data, %lu times one was drained, "
		      "%lu times one ended withdrawn\n",
		      seeds, withdrawn, drained_ever, ended_ever);
	assert_true(withdrawn > seeds && drained_ever > seeds / 2 && ended_ever > seeds / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_grant_lasts_a_lease_from_the_request),
	    cmocka_unit_test(of_two_that_ask_the_lower_one_gets_it),
	    cmocka_unit_test(
		who_does_not_announce_grants_nothing_and_one_that_leaves_ends_its_grant),
	    cmocka_unit_test(an_old_note_says_nothing_new),
	    cmocka_unit_test(one_that_announces_and_does_not_grant_is_enough_to_stay),
	    cmocka_unit_test(never_do_all_withdraw_for_their_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
