/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The order in which zonefs-health changes routes and addresses.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tools/health/steps.h"

/* Takes steps, all of which succeed, until there is none: their names, in order. */
static const char *taken(struct steps *s, bool announced, bool demoted)
{
	static char words[256];
	enum step step;

	words[0] = '\0';
	for (int i = 0; (step = steps_begin(s, announced, demoted, 0)) != STEP_NONE; i++) {
		assert_true(i < 10);
		snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", i ? " " : "",
			 step_text(step));
		steps_end(s, true, 0);
	}
	assert_true(steps_done(s, announced, demoted));
	return words;
}

static void expect_step(struct steps *s, bool announced, int64_t now, enum step step, bool succeeds)
{
	assert_string_equal(step_text(steps_begin(s, announced, false, now)), step_text(step));
	if (step != STEP_NONE)
		steps_end(s, succeeds, now);
}

static void the_route_goes_before_the_address_and_comes_after_it(void **state)
{
	struct steps s;

	(void)state;
	steps_init(&s);
	assert_string_equal(taken(&s, false, false), "withdraw withdrawn remove-address");
	assert_string_equal(taken(&s, true, false), "promote add-address answer announce");
	assert_string_equal(taken(&s, true, true), "demote");
	assert_string_equal(taken(&s, true, false), "promote");
	assert_string_equal(taken(&s, false, true), "withdraw withdrawn remove-address");
	assert_string_equal(taken(&s, true, true), "demote add-address answer announce");
}

static void the_address_stays_while_the_route_is_there(void **state)
{
	struct steps s;

	(void)state;
	steps_init(&s);
	taken(&s, true, false);
	expect_step(&s, false, 0, STEP_WITHDRAW, true);
	for (int i = 0; i < 7; i++) {
		expect_step(&s, false, i * 1000, STEP_GONE, false);
		expect_step(&s, false, i * 1000 + 1, STEP_NONE, false);
	}
	expect_step(&s, false, 7000, STEP_GONE, false);
	expect_step(&s, false, 7000, STEP_WITHDRAW, true); /* told once more */
	expect_step(&s, false, 9000, STEP_GONE, true);
	expect_step(&s, false, 9000, STEP_TAKE_ADDRESS, true);
}

static void who_cannot_be_told_to_withdraw_may_have_gone(void **state)
{
	struct steps s;

	(void)state;
	steps_init(&s);
	taken(&s, true, false);
	expect_step(&s, false, 0, STEP_WITHDRAW, false);
	expect_step(&s, false, 0, STEP_GONE, true);
	expect_step(&s, false, 0, STEP_TAKE_ADDRESS, true);
}

static void what_fails_is_tried_again_later_and_later(void **state)
{
	struct steps s;
	int64_t now = 0;

	(void)state;
	steps_init(&s);
	for (int64_t wait = 500; wait <= 64000; wait *= 2) {
		int64_t pause = wait < 30000 ? wait : 30000;

		expect_step(&s, true, now, STEP_PROMOTE, false);
		expect_step(&s, true, now + pause - 1, STEP_NONE, false);
		now += pause;
	}
	expect_step(&s, true, now, STEP_PROMOTE, true);
	/* And it holds up nothing else. */
	expect_step(&s, true, now, STEP_PUT_ADDRESS, false);
	expect_step(&s, false, now, STEP_WITHDRAW, true);
}

static void without_an_answer_on_the_address_there_is_no_route(void **state)
{
	struct steps s;

	(void)state;
	steps_init(&s);
	expect_step(&s, true, 0, STEP_PROMOTE, true);
	expect_step(&s, true, 0, STEP_PUT_ADDRESS, true);
	expect_step(&s, true, 0, STEP_ANSWER, false);
	expect_step(&s, true, 100000, STEP_ANSWER, true);
	expect_step(&s, true, 100000, STEP_ANNOUNCE, false);
	expect_step(&s, true, 200000, STEP_ANSWER, true);
	expect_step(&s, true, 200000, STEP_ANNOUNCE, true);
	/* The answer is asked for anew each time. */
	taken(&s, false, false);
	assert_string_equal(taken(&s, true, false), "add-address answer announce");
}

static void what_was_begun_and_never_ended_is_unknown(void **state)
{
	struct steps s, left;

	(void)state;
	steps_init(&s);
	taken(&s, true, false);
	steps_begin(&s, false, false, 0);
	steps_init(&left); /* of what a new run finds */
	left.route = s.route;
	left.address = s.address;
	left.worse = s.worse;
	assert_string_equal(taken(&left, true, false), "answer announce");
	left.route = PART_UNKNOWN;
	assert_string_equal(taken(&left, false, false), "withdraw withdrawn remove-address");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_route_goes_before_the_address_and_comes_after_it),
	    cmocka_unit_test(the_address_stays_while_the_route_is_there),
	    cmocka_unit_test(who_cannot_be_told_to_withdraw_may_have_gone),
	    cmocka_unit_test(what_fails_is_tried_again_later_and_later),
	    cmocka_unit_test(without_an_answer_on_the_address_there_is_no_route),
	    cmocka_unit_test(what_was_begun_and_never_ended_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
