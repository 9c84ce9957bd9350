/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate, told as stories: what is held and set aside, or is gone for a moment, and comes back.
 */
#include "tests/unit/gate_help.h"

/* What is set aside, and waits for another path before it can be there again, is not left behind. */
static void what_is_set_aside_is_released_with_the_rest(void **state)
{
	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "y", 2);
	user_saves(&s, N1, "zz", 3);
	decide(N1, EVENT_SET_ASIDE, "y", false);
	expect_absent(N1, "y");
	s.hold = EFFECT_STAGE;
	decide(N1, EVENT_RELEASE, NULL, false);
	user_saves(&s, N1, "zzz", 4);
	decide(N1, EVENT_RELEASE, NULL, false);
	N1->broadcasts = 0;
	for (int i = 0; i < 3; i++) /* whatever is asked */
		judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(N1->broadcasts, 0);
	s.hold = -1;
	story_run(&s);
	assert_int_equal(s.trial[0]->n, 3);
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(N1->broadcasts, 1);
	assert_int_equal(core_held(N1->core), 0);
	expect_content(N2, "y", 2);
}

/* While it is set aside nothing is told of it, whatever is said of it. */
static void what_is_set_aside_is_judged_when_it_is_back(void **state)
{
	uint64_t asked;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	asked = s.trial[0]->id;
	decide(N1, EVENT_SET_ASIDE, NULL, false);
	judge(N1, VERDICT_GOOD, NULL); /* what was told before, to be installed */
	expect_content(N1, "z", 1);
	N1->broadcasts = 0;
	say(N1, (struct verdict){.id = asked, .kind = VERDICT_GOOD});
	assert_int_equal(N1->broadcasts, 0);
	assert_int_equal(core_held(N1->core), 1);
	decide(N1, EVENT_EDIT, NULL, false);
	expect_content(N1, "z", 2);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
	assert_int_equal(versions_of(N2, "z"), 1);
}

/* Bad, set aside, and mended: over what is there, which is what was told before. */
static void what_is_bad_and_set_aside_can_be_mended(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "line 3");
	decide(N1, EVENT_SET_ASIDE, NULL, false);
	judge(N1, VERDICT_GOOD, NULL);
	expect_content(N1, "z", 1);
	crash(N1);
	expect_content(N1, "z", 1);
	assert_string_equal(found(N1, "z").words, "line 3");
	decide(N1, EVENT_EDIT, "z", false);
	expect_content(N1, "z", 2);
	judge(N1, VERDICT_BAD, "line 3");
	expect_content(N2, "z", 1);
	user_saves(&s, N1, "z", 3);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 3);
	assert_int_equal(core_held(N1->core), 0);
}

/* One of two that go together is being rewritten, and the other one set aside: neither is told. */
static void what_belongs_to_what_is_set_aside_waits(void **state)
{
	const char *need = "new";
	struct rewrite r = as(9);

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	say(N1, (struct verdict){.kind = VERDICT_BAD, .needs = &need, .nneeds = 1});
	user_saves(&s, N1, "new", 5);
	storage_put(&N1->store, r.hash);
	s.hold = EFFECT_STAGE;
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	N1->broadcasts = 0;
	decide(N1, EVENT_SET_ASIDE, "new", false);
	expect_absent(N1, "new");
	s.hold = -1;
	story_run(&s);
	assert_int_equal(N1->broadcasts, 0);
	assert_int_equal(core_held(N1->core), 2);
	decide(N1, EVENT_EDIT, "new", false);
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 9);
	expect_content(N2, "new", 5);
}

/* The look that sets it aside finds a later save, of which the hint is yet to come. */
static void what_is_found_when_it_is_set_aside_is_judged_in_its_place(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "line 3");
	s.now += 10;
	disk_write(&s, N1, "z", 3);
	decide(N1, EVENT_SET_ASIDE, NULL, false);
	judge(N1, VERDICT_GOOD, NULL);
	expect_content(N1, "z", 1);
	decide(N1, EVENT_EDIT, NULL, false);
	expect_content(N1, "z", 3);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 3);
	assert_int_equal(core_held(N1->core), 0);
}

/* Gone for a moment with its directory, and found again by a scan while a look at it has failed: the
 * judgement of its absence is nobody's. */
static void what_is_there_again_is_not_told_as_gone(void **state)
{
	(void)state;
	begin();
	user_makes_dir(&s, N1, "z");
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	user_saves(&s, N1, "z/f", 1);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	user_moves_dir(&s, N1, "z", "y");
	story_wait(&s, 2000);
	assert_int_equal(core_draft(N1->core, "z/f")->attrs.kind, KIND_ABSENT);
	s.unreadable = "z/f";
	story_hint(&s, N1, "z/f", "");
	story_run(&s);
	s.unreadable = NULL;
	N1->broadcasts = 0;
	user_moves_dir(&s, N1, "y", "z");
	judge(N1, VERDICT_GOOD, NULL);
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(N1->broadcasts, 0);
	story_wait(&s, 40000);
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(core_held(N1->core), 0);
	expect_content(N1, "z/f", 1);
	expect_content(N2, "z/f", 1);
}

/* A power cut has torn what was about to be there again: it is not told as it was. */
static void what_is_back_is_judged_when_it_has_been_looked_at(void **state)
{
	uint32_t before;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "line 3");
	decide(N1, EVENT_SET_ASIDE, NULL, false);
	judge(N1, VERDICT_GOOD, NULL);
	s.mute = true;
	decide(N1, EVENT_EDIT, "z", false);
	s.mute = false;
	expect_content(N1, "z", 2);
	disk_write(&s, N1, "z", PARTS);
	before = trials(N1);
	N1->power_cut = true;
	s.hold = EFFECT_LOOK;
	story_crash(&s, N1);
	story_up(&s, N1);
	story_release(&s, N1, EFFECT_LOOK, "z");
	assert_int_equal(trials(N1), before);
	s.hold = -1;
	story_run(&s);
	judge(N1, VERDICT_GOOD, NULL); /* what is put back */
	expect_content(N1, "z", 1);
	expect_content(N2, "z", 1);
}

/* After a restart it was to be set aside, and an administrator lets it go before that was done. */
static void what_was_to_be_set_aside_goes_by_force(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "line 3");
	s.unreadable = "z";
	crash(N1);
	decide(N1, EVENT_SET_ASIDE, NULL, false);
	decide(N1, EVENT_RELEASE, "z", true);
	s.unreadable = NULL;
	story_wait(&s, 2000);
	expect_content(N2, "z", 2);
	assert_int_equal(core_held(N1->core), 0);
}

/* A rename, set aside. What is left of its old name is over by then, since a peer has deleted it: the rest is
 * brought back all the same. */
static void what_is_left_of_it_goes_by_force(void **state)
{
	(void)state;
	begin_with_z();
	user_renames(&s, N1, "z", "zz");
	story_wait(&s, 2000);
	judge(N1, VERDICT_BAD, "line 3");
	decide(N1, EVENT_SET_ASIDE, NULL, false);
	judge(N1, VERDICT_GOOD, NULL);
	expect_absent(N1, "zz");
	user_deletes(&s, N2, "z");
	story_wait(&s, 2000);
	judge(N2, VERDICT_GOOD, NULL);
	judge(N1, VERDICT_GOOD, NULL);
	expect_absent(N1, "z");
	crash(N1);
	assert_int_equal(core_held(N1->core), 2);
	decide(N1, EVENT_RELEASE, "z", true);
	expect_content(N1, "zz", 1);
	expect_content(N2, "zz", 1);
	assert_int_equal(core_held(N1->core), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_set_aside_is_released_with_the_rest),
	    TEST(what_is_set_aside_is_judged_when_it_is_back),
	    TEST(what_is_bad_and_set_aside_can_be_mended),
	    TEST(what_belongs_to_what_is_set_aside_waits),
	    TEST(what_is_found_when_it_is_set_aside_is_judged_in_its_place),
	    TEST(what_is_there_again_is_not_told_as_gone),
	    TEST(what_is_back_is_judged_when_it_has_been_looked_at),
	    TEST(what_was_to_be_set_aside_goes_by_force),
	    TEST(what_is_left_of_it_goes_by_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
