/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where the port waits: for threads that were sent back to walk a path again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/busy.h"

static struct capture *capture;
static struct busy *busy;

static void wake(void *arg)
{
	(void)arg;
}

static int set_up(void **state)
{
	(void)state;
	capture = capture_new(8, wake, NULL);
	busy = capture ? busy_new(capture) : NULL;
	return busy ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	busy_free(busy);
	capture_free(capture);
	return 0;
}

/* FREE hints that were given since the last call. */
static int freed(int64_t now_msec)
{
	struct capture_counts before, after;

	capture_count(capture, &before);
	busy_timers(busy, now_msec);
	capture_count(capture, &after);
	return (int)(after.waiting - before.waiting);
}

static void nothing_is_installed_until_the_thread_is_back(void **state)
{
	(void)state;
	busy_hold(busy, "zone", 7, 1000);
	assert_true(busy_held(busy, "zone", 1000 + BUSY_HOLD_MSEC - 1));
	assert_false(busy_held(busy, "other", 1001));
	assert_int_equal(freed(1500), 0);
	assert_false(busy_back(busy, 8)); /* somebody else */
	assert_true(busy_held(busy, "zone", 1500));
	assert_true(busy_back(busy, 7));
	assert_false(busy_held(busy, "zone", 1500));
	assert_int_equal(freed(1500), 1);
	assert_false(busy_back(busy, 7));
}

static void each_of_several_threads_is_waited_for(void **state)
{
	(void)state;
	busy_hold(busy, "zone", 7, 1000);
	busy_hold(busy, "zone", 8, 1000);
	assert_false(busy_back(busy, 7)); /* nobody has asked yet */
	assert_true(busy_held(busy, "zone", 1001));
	assert_true(busy_back(busy, 8));
	assert_false(busy_held(busy, "zone", 1001));
}

static void a_thread_that_does_not_come_is_not_waited_for_long(void **state)
{
	(void)state;
	busy_hold(busy, "zone", 7, 1000);
	assert_true(busy_held(busy, "zone", 1001));
	assert_int_equal(busy_timers(busy, 1001), 1000 + BUSY_HOLD_MSEC);
	assert_int_equal(freed(1000 + BUSY_HOLD_MSEC), 1);
	assert_false(busy_held(busy, "zone", 1000 + BUSY_HOLD_MSEC));
}

static void a_thread_that_walks_on_is_waited_for(void **state)
{
	int64_t now = 1000;

	(void)state;
	busy_hold(busy, "zone", 7, now);
	for (int i = 0; i < 4; i++) {
		now += BUSY_HOLD_MSEC - 1;
		busy_walks(busy, 8, now);
		assert_true(busy_held(busy, "zone", now));
		busy_walks(busy, 7, now);
	}
	assert_int_equal(freed(now), 0);
	assert_true(busy_back(busy, 7));
	busy_walks(busy, 7, now); /* to somewhere else */
	assert_false(busy_held(busy, "zone", now));
	assert_int_equal(freed(now), 1);
}

static void but_not_for_ever(void **state)
{
	int64_t now = 1000;

	(void)state;
	busy_hold(busy, "zone", 7, now);
	for (; now < 1000 + BUSY_HOLD_LAST_MSEC; now += BUSY_HOLD_MSEC / 2)
		busy_walks(busy, 7, now);
	assert_false(busy_held(busy, "zone", now));
}

static void one_whose_number_is_not_known_is_waited_for_a_moment(void **state)
{
	(void)state;
	busy_hold(busy, "zone", 0, 1000);
	assert_false(busy_back(busy, 0));
	assert_true(busy_held(busy, "zone", 1000 + BUSY_HOLD_UNKNOWN_MSEC - 1));
	assert_false(busy_held(busy, "zone", 1000 + BUSY_HOLD_UNKNOWN_MSEC));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(nothing_is_installed_until_the_thread_is_back),
	    TEST(each_of_several_threads_is_waited_for),
	    TEST(a_thread_that_does_not_come_is_not_waited_for_long),
	    TEST(a_thread_that_walks_on_is_waited_for),
	    TEST(but_not_for_ever),
	    TEST(one_whose_number_is_not_known_is_waited_for_a_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
