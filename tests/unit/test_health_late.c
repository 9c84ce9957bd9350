/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How long a node has been behind: zone by zone, peer by peer.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tools/health/late.h"

#define LIMIT 300

static struct late *l;
static char words[RULE_WORDS];

static int setup(void **state)
{
	(void)state;
	l = late_new();
	return l ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	late_free(l);
	return 0;
}

/* ---- zones ---- */

/* One answer, with the zones named in it. */
static void answer(int64_t now, const char *const *zones)
{
	for (; *zones; zones++)
		late_zone(l, *zones, "", "ns2 serves 2, this node 1", now);
	late_zones_end(l);
}

static void a_zone_is_old_after_the_limit(void **state)
{
	(void)state;
	answer(1000, (const char *[]){"a.test", NULL});
	assert_false(late_zones(l, LIMIT, 1000 + LIMIT - 1, words));
	answer(1200, (const char *[]){"a.test", NULL});
	assert_true(late_zones(l, LIMIT, 1000 + LIMIT, words));
	assert_string_equal(words, "a.test: ns2 serves 2, this node 1");
	answer(1400, (const char *[]){NULL});
	assert_false(late_zones(l, LIMIT, 2000, words));
	answer(2000, (const char *[]){"a.test", NULL});
	assert_false(late_zones(l, LIMIT, 2000 + LIMIT - 1, words));
}

static void where_another_one_changes_every_time_none_is_old(void **state)
{
	(void)state;
	for (int64_t now = 0; now < 10 * LIMIT; now += 100)
		answer(now, now % 200 ? (const char *[]){"a.test", NULL}
				      : (const char *[]){"b.test", NULL});
	assert_false(late_zones(l, LIMIT, 10 * LIMIT, words));
}

static void views_are_apart_and_the_oldest_is_told(void **state)
{
	(void)state;
	late_zone(l, "a.test", "in", "one", 0);
	late_zone(l, "a.test", "out", "two", 10);
	late_zone(l, "a.test", "out", "of another peer", 10);
	late_zones_end(l);
	assert_true(late_zones(l, LIMIT, LIMIT, words));
	assert_string_equal(words, "a.test in in: one");
	assert_true(late_zones(l, LIMIT, LIMIT + 10, words));
	assert_string_equal(words, "a.test in in: one; 1 more");
	late_zone(l, "a.test", "out", "two", 20);
	late_zones_end(l);
	assert_true(late_zones(l, LIMIT, LIMIT + 20, words));
	assert_string_equal(words, "a.test in out: two");
}

static void more_than_fit_are_left_out(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	for (int i = 0; i < LATE_ZONES + 100; i++) {
		snprintf(name, 12, "%d", i);
		name[strlen(name)] = '.';
		late_zone(l, name, "a view of a long name, which is cut off", name, i);
	}
	assert_true(late_zones(l, LIMIT, 2000, words));
	assert_non_null(strstr(words, "; 255 more"));
}

/* ---- peers ---- */

/* One status of a cluster: versions here, and those at each peer; 0: it cannot be reached. */
static void status(int64_t now, uint64_t here, const uint64_t there[3])
{
	static const char *const names[] = {"ns2", "ns3", "ns4"};

	for (unsigned i = 0; i < 3; i++)
		if (there[i])
			late_peer(l, i, names[i], here, there[i], now);
	late_peers_end(l);
}

static void more_than_half_of_those_that_can_be_reached(void **state)
{
	static const struct {
		const char *words; /* NULL: not behind */
		uint64_t here, there[3];
	} cases[] = {
	    {NULL, 10, {10, 10, 10}},
	    {NULL, 10, {11, 10, 10}}, /* an odd one out */
	    {"2 of 3 peers that can be reached, ns2 first, have versions that are not here",
	     10,
	     {11, 12, 10}},
	    {"1 of 1 peer that can be reached, ns3 first, has versions that are not here",
	     10,
	     {0, 11, 0}},
	    {NULL, 10, {11, 10, 0}}, /* half is not more than half */
	    {NULL, 10, {0, 0, 0}},
	    {NULL, 12, {11, 12, 9}}, /* ahead of them */
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		teardown(state);
		assert_int_equal(setup(state), 0);
		status(0, cases[i].here, cases[i].there);
		assert_false(late_behind(l, LIMIT, LIMIT - 1, words));
		status(LIMIT, cases[i].here, cases[i].there);
		assert_int_equal(late_behind(l, LIMIT, LIMIT, words), cases[i].words != NULL);
		if (cases[i].words)
			assert_string_equal(words, cases[i].words);
	}
}

static void who_keeps_up_is_not_behind(void **state)
{
	uint64_t here = 10;

	(void)state;
	/* At every look the others are some versions ahead; those of the last look are here. */
	for (int64_t now = 0; now < 10 * LIMIT; now += 100, here += 5)
		status(now, here, (const uint64_t[]){here + 5, here + 5, here + 5});
	assert_false(late_behind(l, LIMIT, 10 * LIMIT, words));
	for (int64_t now = 10 * LIMIT; now < 11 * LIMIT + 100; now += 100)
		status(now, here, (const uint64_t[]){here + 5, here + 5, here + 5});
	assert_true(late_behind(l, LIMIT, 11 * LIMIT + 100, words));
}

static void who_was_away_begins_anew(void **state)
{
	(void)state;
	status(0, 1, (const uint64_t[]){2, 2, 2});
	status(100, 1, (const uint64_t[]){0, 0, 0});
	status(200, 1, (const uint64_t[]){2, 2, 2});
	assert_false(late_behind(l, LIMIT, LIMIT, words));
	assert_true(late_behind(l, LIMIT, 200 + LIMIT, words));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_zone_is_old_after_the_limit),
	    TEST(where_another_one_changes_every_time_none_is_old),
	    TEST(views_are_apart_and_the_oldest_is_told),
	    TEST(more_than_fit_are_left_out),
	    TEST(more_than_half_of_those_that_can_be_reached),
	    TEST(who_keeps_up_is_not_behind),
	    TEST(who_was_away_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
