/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate, told as stories: what begins with `z` is judged before its author tells it, and again by
 * each node before it is installed there.
 */
#include "tests/unit/gate_help.h"

static void it_is_judged_before_it_is_told_and_before_it_is_installed(void **state)
{
	struct core_gate gate;

	(void)state;
	begin();
	user_saves(&s, N1, "z", 1);
	assert_int_equal(N1->acked, N1->serial); /* the store has it */
	assert_int_equal(N1->broadcasts, 0);
	assert_true(s.trial[0]->own);
	assert_string_equal(s.trial[0]->items[0].path, "z");
	core_gate(N1->core, &gate);
	assert_int_equal(gate.judging, 1);
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(N1->broadcasts, 1);
	assert_int_equal(core_held(N1->core), 0);
	expect_absent(N2, "z");
	assert_false(s.trial[1]->own);
	core_gate(N2->core, &gate);
	assert_int_equal(gate.waiting, 1);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 1);
}

static void other_paths_go_as_ever(void **state)
{
	(void)state;
	begin();
	user_saves(&s, N1, "a", 1);
	expect_content(N2, "a", 1);
	assert_int_equal(trials(N1) + trials(N2), 0);
}

static void what_is_bad_stays_here_until_a_good_save(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "line 3");
	assert_int_equal(core_held(N1->core), 1);
	assert_string_equal(found(N1, "z").words, "line 3");
	assert_int_equal(found(N1, "z").verdict, VERDICT_BAD);
	expect_content(N1, "z", 2);
	expect_content(N2, "z", 1);
	user_saves(&s, N1, "z", 3);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 3);
	assert_int_equal(core_held(N1->core), 0);
}

static void what_goes_is_what_was_judged(void **state)
{
	uint64_t first;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	first = s.trial[0]->id;
	user_saves(&s, N1, "z", 3);
	N1->broadcasts = 0;
	say(N1, (struct verdict){.id = first, .kind = VERDICT_GOOD});
	assert_int_equal(N1->broadcasts, 0);
	judge(N1, VERDICT_BAD, "no");
	assert_int_equal(N1->broadcasts, 0);
	expect_content(N2, "z", 1);
}

static void what_it_needs_goes_with_it(void **state)
{
	const char *need = "new";

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	say(N1, (struct verdict){
		    .kind = VERDICT_BAD, .words = "new is missing", .needs = &need, .nneeds = 1});
	user_saves(&s, N1, "new", 5); /* not gated for itself */
	expect_absent(N2, "new");
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "new")->dot));
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
	expect_content(N2, "new", 5);
}

static void a_judgement_that_failed_does_not_forget_what_it_needs(void **state)
{
	const char *need = "new";

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	say(N1, (struct verdict){.kind = VERDICT_BAD, .needs = &need, .nneeds = 1});
	user_saves(&s, N1, "z", 3);
	judge(N1, VERDICT_UNKNOWN, "the checker was killed");
	user_saves(&s, N1, "new", 5);
	expect_absent(N2, "new");
	judge(N1, VERDICT_GOOD, NULL);
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "new")->dot));
}

/* The file that it needs has come while it was being judged. */
static void what_it_needs_may_have_come_meanwhile(void **state)
{
	const char *need = "new";

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	user_saves(&s, N1, "new", 5);
	say(N1, (struct verdict){.kind = VERDICT_BAD, .needs = &need, .nneeds = 1});
	assert_int_equal(found(N1, "z").verdict, VERDICT_NONE);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
}

static void a_peer_does_not_install_what_is_bad_there(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_BAD, "unknown option");
	expect_content(N2, "z", 1);
	assert_int_equal(s.refusals, 1); /* its author hears of it */
	assert_true(found(N2, "z").waits);
	assert_string_equal(found(N2, "z").words, "unknown option");
	story_wait(&s, 100000);
	assert_int_equal(trials(N2), 2);
	user_saves(&s, N1, "a", 7); /* others are not in its way */
	expect_content(N2, "a", 7);
	user_saves(&s, N1, "z", 3);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 3);
}

static void what_was_refused_may_be_judged_again(void **state)
{
	struct core_gate gate;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_BAD, "no");
	core_gate(N2->core, &gate);
	assert_int_equal(gate.refused, 1);
	judge_again(N2);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
}

static void a_rename_waits_as_a_whole(void **state)
{
	(void)state;
	begin_with_z();
	user_renames(&s, N1, "z", "zz");
	story_wait(&s, 2000);
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(s.trial[1]->n, 2);
	judge(N2, VERDICT_BAD, "no");
	story_wait(&s, 100000);
	expect_content(N2, "z", 1); /* else it would be nowhere */
	judge_again(N2);
	judge(N2, VERDICT_GOOD, NULL);
	story_wait(&s, 2000);
	if (disk_find(&N2->disk, "z")) /* the old name, for itself */
		judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "zz", 1);
	expect_absent(N2, "z");
}

static void a_deletion_is_judged(void **state)
{
	(void)state;
	begin_with_z();
	user_deletes(&s, N1, "z");
	story_wait(&s, 2000);
	expect_content(N2, "z", 1);
	judge(N1, VERDICT_DOUBT, "a configured zone's file");
	expect_content(N2, "z", 1);
	decide(N1, EVENT_APPROVE, "z", false);
	judge(N2, VERDICT_DOUBT, NULL); /* its author has decided */
	expect_absent(N2, "z");
}

static void attributes_are_not_judged(void **state)
{
	uint32_t before;

	(void)state;
	begin_with_z();
	before = trials(N1) + trials(N2);
	s.now += 10;
	disk_find(&N1->disk, "z")->mode = 0600;
	disk_touch(&N1->disk, disk_find(&N1->disk, "z"), s.now);
	story_hint(&s, N1, "z", "");
	story_run(&s);
	assert_int_equal(disk_find(&N2->disk, "z")->mode, 0600);
	assert_int_equal(trials(N1) + trials(N2), before);
}

static void a_doubt_is_held_until_it_is_approved(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_DOUBT, "half of it is gone");
	decide(N1, EVENT_RELEASE, "z", false); /* that is not for doubts; but it is judged again */
	judge(N1, VERDICT_DOUBT, "half of it is gone");
	expect_content(N2, "z", 1);
	decide(N1, EVENT_APPROVE, NULL, false);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
	assert_false(core_visible(N2->core, "z")->forced);
}

static void what_is_bad_is_not_approved(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "no");
	decide(N1, EVENT_APPROVE, NULL, false);
	assert_int_equal(core_held(N1->core), 1);
	expect_content(N2, "z", 1);
}

static void what_is_forced_passes_every_gate(void **state)
{
	uint32_t before;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "no");
	before = trials(N2);
	N2->notes = 0;
	decide(N1, EVENT_RELEASE, "z", true);
	expect_content(N2, "z", 2);
	assert_int_equal(trials(N2), before);
	assert_int_equal(N2->notes, 1); /* but it is said */
	assert_true(core_visible(N2->core, "z")->forced);
	user_saves(&s, N1, "z", 3);
	assert_int_equal(core_held(N1->core), 1); /* that was for the one */
}

static void it_can_be_put_back(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "no");
	decide(N1, EVENT_DISCARD, "z", false);
	judge(N1, VERDICT_GOOD, NULL); /* what is put back is judged, too */
	expect_content(N1, "z", 1);
	assert_int_equal(core_held(N1->core), 0);
}

static void what_cannot_be_judged_is_judged_later(void **state)
{
	uint32_t before;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	before = trials(N1);
	judge(N1, VERDICT_UNKNOWN, "no checker");
	assert_int_equal(found(N1, "z").verdict, VERDICT_UNKNOWN);
	assert_int_equal(trials(N1), before);
	story_wait(&s, 1500);
	assert_int_equal(trials(N1), before + 1);
	judge(N1, VERDICT_UNKNOWN, "no checker");
	story_wait(&s, 1500); /* ever later */
	assert_int_equal(trials(N1), before + 1);
	story_wait(&s, 1000);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_UNKNOWN, "no checker");
	expect_content(N2, "z", 1);
	story_wait(&s, 1500);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
}

static void a_restart_keeps_what_is_held_and_judges_it_anew(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_BAD, "line 3");
	crash(N1);
	assert_int_equal(core_held(N1->core), 1);
	assert_string_equal(found(N1, "z").words, "line 3");
	expect_content(N2, "z", 1);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
}

static void a_verdict_comes_too_late_for_what_is_discarded(void **state)
{
	struct decision all = {0};
	struct event e = {.type = EVENT_DISCARD, .decision = &all};

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	N1->broadcasts = 0;
	s.hold = EFFECT_LOOK;
	story_event(&s, N1, &e);
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(N1->broadcasts, 0);
	s.hold = -1;
	story_run(&s);
	judge(N1, VERDICT_GOOD, NULL); /* what is put back */
	expect_content(N1, "z", 1);
	assert_int_equal(N1->broadcasts, 0);
}

/* A conflict's winner, and what is ordered, come through the same gate. */
static void whatever_is_installed_is_judged(void **state)
{
	struct attrs back;
	struct order_item item = {"z", &back, NULL};
	struct order o = {.items = &item, .n = 1};
	struct event e = {.type = EVENT_ORDER, .order = &o};

	(void)state;
	begin_with_z();
	back = core_visible(N1->core, "z")->attrs;
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	story_event(&s, N1, &e);
	story_run(&s);
	expect_content(N1, "z", 2);
	judge(N1, VERDICT_GOOD, NULL);
	expect_content(N1, "z", 1);
	expect_content(N2, "z", 2);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 1);
}

/* While a judgement is put off, another version comes, is judged in its stead, and goes again. */
static void what_is_good_is_what_was_asked_about(void **state)
{
	(void)state;
	story_begin(&s, 3);
	N2->conf.gated = is_gated;
	for (int i = 0; i < 3; i++)
		story_up(&s, &s.host[i]);
	s.cut[0][2] = s.cut[2][0] = true;
	user_saves(&s, N1, "z", 1);
	judge(N2, VERDICT_UNKNOWN, "no checker");
	s.hold = EFFECT_LOOK;
	story_hint(&s, N2, "z", ""); /* a look is out: nothing is installed meanwhile */
	user_saves(&s, N3, "z", 2);
	story_release(&s, N3, EFFECT_LOOK, "z");
	story_wait(&s, 1500);
	assert_true(hash_same(s.trial[1]->items[0].version->attrs.hash, content_hash(2)));
	user_deletes(&s, N3, "z");
	story_release(&s, N3, EFFECT_LOOK, "z");
	story_wait(&s, 200);
	story_release(&s, N3, EFFECT_LOOK, "z");
	judge(N2, VERDICT_GOOD, NULL); /* of 2 */
	s.hold = -1;
	story_run(&s);
	expect_absent(N2, "z");
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(it_is_judged_before_it_is_told_and_before_it_is_installed),
	    TEST(other_paths_go_as_ever),
	    TEST(what_is_bad_stays_here_until_a_good_save),
	    TEST(what_goes_is_what_was_judged),
	    TEST(what_it_needs_goes_with_it),
	    TEST(a_judgement_that_failed_does_not_forget_what_it_needs),
	    TEST(what_it_needs_may_have_come_meanwhile),
	    TEST(a_peer_does_not_install_what_is_bad_there),
	    TEST(what_was_refused_may_be_judged_again),
	    TEST(a_rename_waits_as_a_whole),
	    TEST(a_deletion_is_judged),
	    TEST(attributes_are_not_judged),
	    TEST(a_doubt_is_held_until_it_is_approved),
	    TEST(what_is_bad_is_not_approved),
	    TEST(what_is_forced_passes_every_gate),
	    TEST(it_can_be_put_back),
	    TEST(what_cannot_be_judged_is_judged_later),
	    TEST(a_restart_keeps_what_is_held_and_judges_it_anew),
	    TEST(a_verdict_comes_too_late_for_what_is_discarded),
	    TEST(whatever_is_installed_is_judged),
	    TEST(what_is_good_is_what_was_asked_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
