/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What an administrator is told, and how often.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "replicator/core/alerts.h"

static struct alerts *alerts;
static int64_t now;

static int set_up(void **state)
{
	(void)state;
	now = 1000;
	alerts = alerts_new();
	return alerts ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	alerts_free(alerts);
	return 0;
}

static struct alert away(const char *peer)
{
	return (struct alert){.what = ALERT_PEER,
			      .peer = (char *)(uintptr_t)peer,
			      .words = (char *)(uintptr_t) "away",
			      .since_msec = now};
}

/* A look `msec` after the last one, at which these peers are away for 60 s to be told. */
static void look(int64_t msec, const char *one, const char *two)
{
	now += msec;
	alerts_look(alerts, now);
	const char *peers[] = {one, two};
	for (int i = 0; i < 2; i++) {
		if (!peers[i])
			continue;
		struct alert a = away(peers[i]);
		alerts_note(alerts, &a, 60000);
	}
	alerts_looked(alerts);
}

static void nothing_is_told(void)
{
	bool begins;

	assert_null(alerts_next(alerts, &begins));
}

static void is_told(const char *peer, bool wanted, bool ok)
{
	bool begins;
	const struct alert *a = alerts_next(alerts, &begins);

	assert_non_null(a);
	assert_string_equal(a->peer, peer);
	assert_int_equal(begins, wanted);
	assert_null(alerts_next(alerts, &begins)); /* one at a time */
	alerts_done(alerts, ok, now);
}

static void it_is_told_once_when_it_has_lasted_and_once_when_it_is_over(void **state)
{
	(void)state;
	look(0, "ns2", NULL);
	nothing_is_told();
	look(59999, "ns2", NULL);
	nothing_is_told();
	look(1, "ns2", NULL);
	is_told("ns2", true, true);
	for (int i = 0; i < 100; i++) {
		look(60000, "ns2", NULL);
		nothing_is_told();
	}
	look(1000, NULL, NULL);
	nothing_is_told();
	look(9000, NULL, NULL);
	is_told("ns2", false, true);
	look(60000, NULL, NULL);
	nothing_is_told();
}

static void what_comes_and_goes_is_one_condition(void **state)
{
	(void)state;
	look(0, "ns2", NULL);
	look(60000, "ns2", NULL);
	is_told("ns2", true, true);
	for (int i = 0; i < 50; i++) {
		look(9000, NULL, NULL);
		nothing_is_told();
		look(1000, "ns2", NULL);
		nothing_is_told();
	}
}

static void what_was_short_is_never_told(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		look(1000, "ns2", NULL);
		nothing_is_told();
		look(59000, NULL, NULL);
		nothing_is_told();
	}
}

static void a_failed_run_is_repeated_and_given_up(void **state)
{
	(void)state;
	look(0, "ns2", "ns3");
	look(60000, "ns2", "ns3");
	is_told("ns2", true, false);
	assert_true(alerts_will_try(alerts));
	is_told("ns3", true, true); /* it keeps nobody else waiting */
	nothing_is_told();
	for (int i = 1; i < ALERT_TRIES; i++) {
		look(59999, "ns2", "ns3");
		nothing_is_told();
		look(1, "ns2", "ns3");
		is_told("ns2", true, false);
	}
	assert_false(alerts_will_try(alerts));
	look(600000, "ns2", "ns3");
	nothing_is_told();
}

static void many_at_once_are_told_slowly(void **state)
{
	char name[16];
	int told = 0;
	bool begins;

	(void)state;
	for (int i = 0; i < 3; i++) {
		alerts_look(alerts, now += 60000);
		for (int k = 0; k < ALERTS_MAX + 7; k++) {
			snprintf(name, sizeof(name), "p%d", k);
			struct alert a = away(name);
			alerts_note(alerts, &a, 0);
		}
		alerts_looked(alerts);
		assert_int_equal(alerts_left_out(alerts), 7);
		while (alerts_next(alerts, &begins)) {
			alerts_done(alerts, true, now);
			told++;
		}
		assert_int_equal(told, ALERT_BURST + i * 60000 / ALERT_REST_MSEC);
	}
	/* Over before it was their turn: not told at all. */
	look(3600000, NULL, NULL);
	for (told = 0; alerts_next(alerts, &begins); told++) {
		assert_false(begins);
		alerts_done(alerts, true, now);
	}
	assert_int_equal(told, ALERT_BURST);
}

/* As a restart does it. */
static void again(void)
{
	struct buf b;
	struct rd r;

	buf_init(&b, ALERTS_BYTES_MAX);
	alerts_put(alerts, &b);
	assert_int_equal(b.err, 0);
	alerts_free(alerts);
	alerts = alerts_new();
	rd_init(&r, b.data, b.len);
	assert_int_equal(alerts_get(alerts, &r, now), 0);
	buf_fini(&b);
}

static void a_restart_tells_nothing_twice_and_forgets_no_end(void **state)
{
	(void)state;
	look(0, "ns2", "ns3");
	look(60000, "ns2", "ns3");
	is_told("ns2", true, true);
	again();
	look(1000, "ns2", "ns3");
	nothing_is_told(); /* ns3 has its patience anew */
	look(60000, "ns2", "ns3");
	is_told("ns3", true, true);
	again();
	look(5000, "ns2", NULL);
	nothing_is_told();
	look(5000, "ns2", NULL);
	is_told("ns3", false, true);
	nothing_is_told();
}

static void what_is_not_known_now_counts_as_it_was(void **state)
{
	struct alert a = away("ns2");

	(void)state;
	look(0, "ns2", NULL);
	look(60000, "ns2", NULL);
	is_told("ns2", true, true);
	for (int i = 0; i < 5; i++) {
		alerts_look(alerts, now += 60000);
		alerts_keep(alerts, &a);
		alerts_looked(alerts);
		nothing_is_told();
	}
	look(10000, NULL, NULL);
	is_told("ns2", false, true);
	alerts_look(alerts, now += 60000);
	alerts_keep(alerts, &a); /* is no condition of itself */
	alerts_looked(alerts);
	nothing_is_told();
}

static void damaged_bytes_are_refused(void **state)
{
	static const uint8_t bytes[] = {1, 0, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	struct rd r;
	bool begins;

	(void)state;
	rd_init(&r, bytes, sizeof(bytes));
	assert_true(alerts_get(alerts, &r, now) < 0);
	rd_init(&r, bytes, 1);
	assert_true(alerts_get(alerts, &r, now) < 0);
	look(100000, NULL, NULL);
	assert_null(alerts_next(alerts, &begins));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(it_is_told_once_when_it_has_lasted_and_once_when_it_is_over),
	    TEST(what_comes_and_goes_is_one_condition),
	    TEST(what_was_short_is_never_told),
	    TEST(a_failed_run_is_repeated_and_given_up),
	    TEST(many_at_once_are_told_slowly),
	    TEST(a_restart_tells_nothing_twice_and_forgets_no_end),
	    TEST(what_is_not_known_now_counts_as_it_was),
	    TEST(damaged_bytes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
