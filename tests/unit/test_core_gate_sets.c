/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate, told as stories: what goes as one change (a set, a rename, a file and what it needs) is
 * judged as one.
 */
#include "tests/unit/gate_help.h"

static void a_restart_keeps_together_what_belongs_together(void **state)
{
	const char *need = "new";

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	say(N1, (struct verdict){.kind = VERDICT_BAD, .needs = &need, .nneeds = 1});
	user_saves(&s, N1, "new", 5);
	crash(N1);
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "new")->dot));
}

static void a_set_is_judged_as_a_whole_when_it_is_released(void **state)
{
	struct core_set set;
	uint32_t before;

	(void)state;
	begin_with_z();
	before = trials(N1);
	hold(N1);
	user_saves(&s, N1, "z", 2);
	user_saves(&s, N1, "a", 5);
	assert_int_equal(trials(N1), before);
	decide(N1, EVENT_RELEASE, NULL, false);
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_BAD, "line 3");
	assert_true(core_set(N1->core, &set)); /* nothing goes, and it stays open */
	assert_string_equal(set.words, "line 3");
	assert_false(core_releasing(N1->core));
	expect_absent(N2, "a");
	user_saves(&s, N1, "z", 3);
	user_saves(&s, N1, "b", 6);
	decide(N1, EVENT_RELEASE, NULL, false);
	judge(N1, VERDICT_GOOD, NULL);
	assert_false(core_set(N1->core, &set));
	expect_content(N2, "a", 5);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 3);
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "a")->dot));
}

static void a_set_without_such_paths_goes_at_once(void **state)
{
	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "a", 5);
	decide(N1, EVENT_RELEASE, NULL, false);
	expect_content(N2, "a", 5);
}

static void release_everywhere(void)
{
	struct decision d = {.everywhere = true};
	struct event e = {.type = EVENT_RELEASE, .decision = &d};

	story_event(&s, N1, &e);
	story_run(&s);
	story_wait(&s, 2000);
}

static void a_set_that_is_to_be_agreed_upon_is_judged_in_any_case(void **state)
{
	struct core_set set;
	uint64_t first;

	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "a", 5); /* no path that is gated */
	release_everywhere();
	assert_true(s.trial[0]->everywhere);
	first = s.trial[0]->id;
	assert_true(core_hears(N1->core, first));
	expect_absent(N2, "a");
	user_saves(&s, N1, "a", 6);
	assert_false(core_hears(N1->core, first)); /* it is another question */
	assert_true(s.trial[0]->everywhere && s.trial[0]->id != first);
	judge(N1, VERDICT_BAD, "ns2 refuses");
	assert_true(core_set(N1->core, &set));
	assert_string_equal(set.words, "ns2 refuses");
	expect_absent(N2, "a");
	release_everywhere();
	judge(N1, VERDICT_GOOD, NULL);
	assert_false(core_set(N1->core, &set));
	expect_content(N2, "a", 6);
	hold(N1);
	user_saves(&s, N1, "z", 2);
	decide(N1, EVENT_RELEASE, NULL, false);
	assert_false(s.trial[0]->everywhere);
}

/* Be it that the gate mends what is in it. */
static void a_set_goes_with_what_is_saved_while_it_is_judged(void **state)
{
	struct rewrite r = as(9);
	struct core_set set;

	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "z", 2);
	decide(N1, EVENT_RELEASE, NULL, false);
	user_saves(&s, N1, "a", 5);
	storage_put(&N1->store, r.hash);
	N1->broadcasts = 0;
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	expect_content(N1, "z", 9);
	assert_int_equal(N1->broadcasts, 0);
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_false(core_set(N1->core, &set));
	assert_int_equal(core_held(N1->core), 0);
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "a")->dot));
}

static void close_file(struct host *h, const char *path)
{
	disk_find(&h->disk, path)->writers = 0;
	story_hint(&s, h, path, "");
	story_run(&s);
}

/* The first release waits for a file that is open, and so does the second, which takes its place. */
static void what_is_released_twice_goes_as_one_change(void **state)
{
	struct core_set set;
	uint32_t before;

	(void)state;
	begin_with_z();
	before = trials(N1);
	hold(N1);
	user_saves(&s, N1, "z", 2);
	disk_find(&N1->disk, "z")->writers = 1;
	decide(N1, EVENT_RELEASE, NULL, false);
	user_saves(&s, N1, "zz", 3);
	decide(N1, EVENT_RELEASE, NULL, false);
	assert_int_equal(trials(N1), before);
	assert_true(core_set(N1->core, &set));
	close_file(N1, "z");
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_false(core_set(N1->core, &set));
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "zz")->dot));
}

/* The first is being judged already when the second has to wait. */
static void what_is_released_again_waits_for_the_rest(void **state)
{
	struct core_set set;
	uint64_t first;

	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "z", 2);
	decide(N1, EVENT_RELEASE, NULL, false);
	first = s.trial[0]->id;
	user_saves(&s, N1, "zz", 3);
	disk_find(&N1->disk, "zz")->writers = 1;
	N1->broadcasts = 0;
	decide(N1, EVENT_RELEASE, NULL, false);
	say(N1, (struct verdict){.id = first, .kind = VERDICT_GOOD});
	assert_int_equal(N1->broadcasts, 0);
	assert_true(core_set(N1->core, &set));
	close_file(N1, "zz");
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_false(core_set(N1->core, &set));
	assert_int_equal(N1->broadcasts, 1);
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "zz")->dot));
}

/* It is being written, so it stays as it is; but it is not released any more. */
static void what_is_discarded_leaves_its_release(void **state)
{
	uint32_t before;

	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "z", 2);
	decide(N1, EVENT_RELEASE, NULL, false);
	before = trials(N1);
	disk_write(&s, N1, "z", 3);
	disk_find(&N1->disk, "z")->writers = 1;
	decide(N1, EVENT_DISCARD, NULL, false);
	close_file(N1, "z");
	judge(N1, VERDICT_GOOD, NULL); /* comes too late */
	assert_int_equal(trials(N1), before);
	assert_int_equal(core_held(N1->core), 1);
	expect_content(N2, "z", 1);
}

/* It is judged with the other name, whatever was decided about the path before. */
static void a_rename_onto_what_is_approved_is_judged(void **state)
{
	struct decision all = {0};
	struct event e = {.type = EVENT_APPROVE, .decision = &all};

	(void)state;
	story_begin(&s, 2);
	N1->conf.gated = N2->conf.gated = is_gated;
	N1->conf.brake_share = 25;
	N1->conf.brake_paths = 1;
	story_up(&s, N1);
	story_up(&s, N2);
	for (char name[] = "a"; name[0] < 'e'; name[0]++)
		user_saves(&s, N1, name, 1);
	user_saves(&s, N1, "z", 2);
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	for (char name[] = "a"; name[0] < 'e'; name[0]++)
		user_deletes(&s, N1, name);
	story_wait(&s, 90000);
	assert_int_equal(core_braked(N1->core), 4);
	s.hold = EFFECT_LOOK;
	story_event(&s, N1, &e);
	user_renames(&s, N1, "z", "a");
	s.hold = -1;
	story_run(&s);
	story_wait(&s, 2000);
	expect_content(N2, "a", 1);
	expect_absent(N2, "b");
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(core_held(N1->core), 0);
	expect_content(N2, "a", 2);
}

/* Its new name alone is being judged by then. */
static void a_rename_onto_what_is_judged_goes_with_it(void **state)
{
	(void)state;
	begin_with_z();
	user_saves(&s, N1, "b", 2);
	hold(N1);
	user_saves(&s, N1, "z", 3);
	decide(N1, EVENT_RELEASE, "z", false);
	user_renames(&s, N1, "b", "z");
	story_wait(&s, 2000);
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_int_equal(core_held(N1->core), 0);
	assert_true(dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "b")->dot));
}

/* What was said of a set is known to the next life, too: a doubt can be approved there. */
static void a_restart_keeps_what_was_said_of_a_set(void **state)
{
	struct core_set set;

	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "z", 2);
	decide(N1, EVENT_RELEASE, NULL, false);
	judge(N1, VERDICT_DOUBT, "half of it is gone");
	crash(N1);
	assert_true(core_set(N1->core, &set));
	assert_int_equal(set.verdict, VERDICT_DOUBT);
	assert_string_equal(set.words, "half of it is gone");
	decide(N1, EVENT_APPROVE, NULL, false);
	judge(N1, VERDICT_DOUBT, "half of it is gone");
	assert_int_equal(core_held(N1->core), 0);
	assert_false(core_set(N1->core, &set));
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_restart_keeps_together_what_belongs_together),
	    TEST(a_set_is_judged_as_a_whole_when_it_is_released),
	    TEST(a_set_without_such_paths_goes_at_once),
	    TEST(a_set_that_is_to_be_agreed_upon_is_judged_in_any_case),
	    TEST(a_set_goes_with_what_is_saved_while_it_is_judged),
	    TEST(what_is_released_twice_goes_as_one_change),
	    TEST(what_is_released_again_waits_for_the_rest),
	    TEST(what_is_discarded_leaves_its_release),
	    TEST(a_rename_onto_what_is_approved_is_judged),
	    TEST(a_rename_onto_what_is_judged_goes_with_it),
	    TEST(a_restart_keeps_what_was_said_of_a_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
