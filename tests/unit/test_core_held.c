/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Change sets, told as stories: what is saved under one is held on its node until it is released, as
 * one change, or discarded.
 */
#include "tests/unit/core_help.h"

static struct story s;
#define N1 (&s.host[0])
#define N2 (&s.host[1])

static int end(void **state)
{
	(void)state;
	story_end(&s);
	return 0;
}

static void begin(void)
{
	story_begin(&s, 2);
	story_up(&s, N1);
	story_up(&s, N2);
	user_saves(&s, N1, "a", 1);
	user_saves(&s, N1, "b", 2);
	expect_content(N2, "b", 2);
}

static void hold(struct host *h, const char *pattern)
{
	struct hold set = {.patterns = &pattern, .n = pattern != NULL, .why = "w", .user = "u"};
	struct event e = {.type = EVENT_HOLD, .hold = &set};

	story_event(&s, h, &e);
	story_run(&s);
}

static void decide(struct host *h, enum event_type type, const char *path)
{
	struct decision d = {.paths = &path, .n = path != NULL};
	struct event e = {.type = type, .decision = &d};

	story_event(&s, h, &e);
	story_run(&s);
	story_wait(&s, 2000);
}

static void crash(struct host *h)
{
	story_crash(&s, h);
	story_up(&s, h);
	story_run(&s);
	story_wait(&s, 2000);
}

static struct dot visible(struct host *h, const char *path)
{
	const struct version *v = core_visible(h->core, path);

	assert_non_null(v);
	return v->dot;
}

static void what_is_saved_under_a_set_stays_here(void **state)
{
	(void)state;
	begin();
	hold(N1, NULL);
	user_saves(&s, N1, "a", 3);
	user_saves(&s, N1, "new", 4);
	user_deletes(&s, N1, "b");
	story_wait(&s, 2000);
	assert_int_equal(core_held(N1->core), 3);
	assert_int_equal(N1->acked, N1->serial); /* nobody waits for what is held */
	expect_content(N2, "a", 1);
	expect_content(N2, "b", 2);
	assert_null(disk_find(&N2->disk, "new"));
	expect_content(N1, "a", 3);
}

static void released_it_goes_as_one_change(void **state)
{
	(void)state;
	begin();
	hold(N1, NULL);
	user_saves(&s, N1, "a", 3);
	user_saves(&s, N1, "a", 5);
	user_makes_dir(&s, N1, "d");
	user_saves(&s, N1, "d/new", 4);
	user_deletes(&s, N1, "b");
	story_wait(&s, 2000);
	decide(N1, EVENT_RELEASE, NULL);
	assert_int_equal(core_held(N1->core), 0);
	expect_content(N2, "a", 5);
	expect_content(N2, "d/new", 4);
	assert_null(disk_find(&N2->disk, "b"));
	assert_true(dot_same(visible(N2, "a"), visible(N2, "d/new")));
	assert_true(dot_same(visible(N2, "a"), visible(N2, "b")));
	user_saves(&s, N1, "a", 6); /* the set has ended */
	expect_content(N2, "a", 6);
}

/* Hooks wait for the last of it. */
static void released_it_is_installed_together(void **state)
{
	(void)state;
	begin();
	hold(N1, NULL);
	user_saves(&s, N1, "a", 3);
	user_saves(&s, N1, "b", 4);
	user_saves(&s, N1, "c", 5);
	N2->told = N2->alone = 0;
	decide(N1, EVENT_RELEASE, NULL);
	expect_content(N2, "c", 5);
	assert_int_equal(N2->told, 3);
	assert_int_equal(N2->alone, 1);
}

static void a_path_can_be_released_for_itself(void **state)
{
	(void)state;
	begin();
	hold(N1, NULL);
	user_saves(&s, N1, "a", 3);
	user_saves(&s, N1, "b", 4);
	decide(N1, EVENT_RELEASE, "a");
	expect_content(N2, "a", 3);
	expect_content(N2, "b", 2);
	user_saves(&s, N1, "a", 5); /* the set is open */
	expect_content(N2, "a", 3);
	assert_int_equal(core_held(N1->core), 2);
}

static void only_what_matches_is_held(void **state)
{
	(void)state;
	begin();
	hold(N1, "a");
	user_saves(&s, N1, "a", 3);
	user_saves(&s, N1, "b", 4);
	expect_content(N2, "a", 1);
	expect_content(N2, "b", 4);
}

static void discarded_it_is_put_back_with_a_later_time(void **state)
{
	int64_t draft;

	(void)state;
	begin();
	s.now += 100000;
	hold(N1, NULL);
	user_saves(&s, N1, "a", 3);
	user_saves(&s, N1, "new", 4);
	draft = disk_find(&N1->disk, "a")->mtime;
	s.hold = EFFECT_INSTALL;
	decide(N1, EVENT_DISCARD, NULL);
	assert_int_equal(core_held(N1->core), 0);
	assert_true(core_putting_back(N1->core)); /* it takes its time */
	s.hold = -1;
	story_run(&s);
	assert_false(core_putting_back(N1->core));
	expect_content(N1, "a", 1);
	assert_true(disk_find(&N1->disk, "a")->mtime > draft);
	assert_null(disk_find(&N1->disk, "new"));
	assert_int_equal(core_held(N1->core), 0);
	expect_content(N2, "a", 1);
	user_saves(&s, N1, "a", 5);
	expect_content(N2, "a", 5);
}

static void a_restart_keeps_it(void **state)
{
	struct core_set set;

	(void)state;
	begin();
	hold(N1, "a");
	user_saves(&s, N1, "a", 3);
	story_wait(&s, 2000);
	crash(N1);
	assert_true(core_set(N1->core, &set));
	assert_string_equal(set.why, "w");
	assert_string_equal(set.patterns[0], "a");
	assert_int_equal(core_held(N1->core), 1);
	expect_content(N2, "a", 1);
	user_saves(&s, N1, "a", 4);
	expect_content(N2, "a", 1);
	decide(N1, EVENT_RELEASE, NULL);
	expect_content(N2, "a", 4);
}

static void what_was_saved_while_nobody_looked_is_held(void **state)
{
	(void)state;
	begin();
	hold(N1, NULL);
	story_crash(&s, N1);
	disk_write(&s, N1, "a", 3);
	story_up(&s, N1);
	story_run(&s);
	story_wait(&s, 2000);
	assert_int_equal(core_held(N1->core), 1);
	expect_content(N2, "a", 1);
}

/* It is merged, and waits; and what is released then has not seen it. */
static void a_peers_save_is_not_installed_over_it(void **state)
{
	(void)state;
	begin();
	hold(N1, NULL);
	user_saves(&s, N1, "a", 3);
	story_wait(&s, 2000);
	user_saves(&s, N2, "a", 9);
	story_wait(&s, 2000);
	expect_content(N1, "a", 3);
	crash(N1);
	expect_content(N1, "a", 3);
	decide(N1, EVENT_RELEASE, NULL);
	expect_content(N2, "a", 3);
	assert_int_equal(versions_of(N1, "a"), 2);
	assert_int_equal(versions_of(N2, "a"), 2);
}

/* Not that it would be refused: it is not tried. */
static void nothing_is_staged_for_what_waits_for_it(void **state)
{
	(void)state;
	begin();
	hold(N1, "a");
	user_saves(&s, N1, "a", 3);
	s.hold = EFFECT_STAGE;
	user_saves(&s, N2, "a", 4);
	story_wait(&s, 2000);
	assert_int_equal(versions_of(N1, "a"), 1);
	assert_int_equal(s.npending, 0);
	decide(N1, EVENT_DISCARD, NULL);
	assert_int_equal(s.npending, 1);
	s.hold = -1;
	story_run(&s);
	expect_content(N1, "a", 4);
}

/* Told, or held where a set is open. */
static void discarded_and_saved_anew_it_is_said(void **state)
{
	(void)state;
	begin();
	hold(N1, NULL);
	user_saves(&s, N1, "a", 3);
	s.hold = EFFECT_INSTALL;
	decide(N1, EVENT_DISCARD, NULL);
	assert_true(core_putting_back(N1->core));
	assert_int_equal(core_saved_anew(N1->core), 0);
	s.now += 10;
	user_saves(&s, N1, "a", 5);
	s.hold = -1;
	story_run(&s);
	assert_false(core_putting_back(N1->core));
	assert_int_equal(core_saved_anew(N1->core), 1);
	expect_content(N1, "a", 5);
	expect_content(N2, "a", 5);

	hold(N1, NULL);
	user_saves(&s, N1, "a", 6);
	s.hold = EFFECT_INSTALL;
	decide(N1, EVENT_DISCARD, NULL);
	hold(N1, NULL);
	s.now += 10;
	user_saves(&s, N1, "a", 7);
	s.hold = -1;
	story_run(&s);
	assert_false(core_putting_back(N1->core));
	assert_int_equal(core_saved_anew(N1->core), 1);
	assert_int_equal(core_held(N1->core), 1);
	expect_content(N1, "a", 7);
	expect_content(N2, "a", 5);
}

static void discarded_the_peers_save_is_there(void **state)
{
	(void)state;
	begin();
	hold(N1, NULL);
	user_saves(&s, N1, "a", 3);
	story_wait(&s, 2000);
	user_saves(&s, N2, "a", 9);
	story_wait(&s, 2000);
	decide(N1, EVENT_DISCARD, NULL);
	expect_content(N1, "a", 9);
	assert_int_equal(versions_of(N1, "a"), 1);
}

/* Hooks had not been told of it, since it was held. */
static void discarded_for_an_equal_one_hooks_are_told(void **state)
{
	(void)state;
	begin();
	hold(N1, NULL);
	user_saves(&s, N1, "a", 3);
	story_wait(&s, 2000);
	s.now += 10000;
	user_saves(&s, N2, "a", 3);
	N1->told = 0;
	decide(N1, EVENT_DISCARD, NULL);
	expect_content(N1, "a", 3);
	assert_int_equal(versions_of(N1, "a"), 1);
	assert_int_equal(N1->told, 1);
}

/* Before it was put back. */
static void discarded_and_then_released_it_goes(void **state)
{
	struct decision all = {.n = 0};
	struct event e = {.type = EVENT_DISCARD, .decision = &all};

	(void)state;
	begin();
	hold(N1, NULL);
	user_saves(&s, N1, "a", 3);
	story_event(&s, N1, &e);
	decide(N1, EVENT_RELEASE, NULL);
	expect_content(N1, "a", 3);
	expect_content(N2, "a", 3);
	assert_int_equal(core_held(N1->core), 0);
}

/* What is in the directory goes first, and does not wait for the file that takes its place. */
static void a_file_for_a_directory_goes_as_one_change(void **state)
{
	(void)state;
	begin();
	user_makes_dir(&s, N1, "d");
	user_saves(&s, N1, "d/a", 4);
	expect_content(N2, "d/a", 4);
	hold(N1, NULL);
	user_deletes(&s, N1, "d/a");
	user_deletes(&s, N1, "d");
	user_saves(&s, N1, "d", 5);
	story_wait(&s, 2000);
	decide(N1, EVENT_RELEASE, NULL);
	expect_content(N2, "d", 5);
}

static void undone_by_hand_nothing_is_held(void **state)
{
	(void)state;
	begin();
	hold(N1, NULL);
	user_saves(&s, N1, "new", 3);
	story_wait(&s, 2000);
	assert_int_equal(core_held(N1->core), 1);
	user_deletes(&s, N1, "new");
	story_wait(&s, 2000);
	assert_int_equal(core_held(N1->core), 0);
	decide(N1, EVENT_RELEASE, NULL);
	assert_null(core_visible(N1->core, "new"));
}

/* What has been seen first must still be so when the last of it has been seen. */
static void what_goes_while_a_release_looks_is_released_as_gone(void **state)
{
	struct event e = {.type = EVENT_RELEASE, .decision = &(struct decision){0}};

	(void)state;
	begin();
	hold(N1, NULL);
	user_saves(&s, N1, "a", 3);
	user_saves(&s, N1, "b", 4);
	s.hold = EFFECT_LOOK;
	story_event(&s, N1, &e);
	story_release(&s, N1, EFFECT_LOOK, "a");
	user_deletes(&s, N1, "a");
	story_release(&s, N1, EFFECT_LOOK, "a"); /* it waits for the end of the delay */
	story_release(&s, N1, EFFECT_LOOK, "b");
	expect_content(N2, "a", 1);
	s.hold = -1;
	story_run(&s);
	story_wait(&s, 2000);
	assert_int_equal(core_held(N1->core), 0);
	expect_content(N2, "b", 4);
	expect_absent(N2, "a");
}

/* What the brake would hold goes when it is released: somebody has looked at it. */
static void a_set_may_delete_much(void **state)
{
	(void)state;
	story_begin(&s, 2);
	s.host[0].conf.brake_share = 25;
	s.host[0].conf.brake_paths = 1;
	story_up(&s, N1);
	story_up(&s, N2);
	user_saves(&s, N1, "a", 1);
	user_saves(&s, N1, "b", 2);
	user_saves(&s, N1, "c", 3);
	hold(N1, NULL);
	user_deletes(&s, N1, "a");
	user_deletes(&s, N1, "b");
	user_deletes(&s, N1, "c");
	story_wait(&s, 90000);
	assert_int_equal(core_held(N1->core), 3);
	assert_int_equal(core_braked(N1->core), 0);
	decide(N1, EVENT_APPROVE, NULL); /* that is for the brake */
	assert_int_equal(core_held(N1->core), 3);
	decide(N1, EVENT_RELEASE, NULL);
	assert_null(disk_find(&N2->disk, "c"));
}

static void saves_at(struct host *h, const char *path, uint64_t content, int64_t mtime)
{
	s.now += 10;
	disk_write(&s, h, path, content)->mtime = mtime;
	story_hint(&s, h, path, "");
	story_run(&s);
}

/* Copied with their times, while nobody raised them: a name server may have loaded either. */
static void of_two_with_the_latest_time_neither_has_it_again(void **state)
{
	int64_t latest;

	(void)state;
	begin();
	latest = disk_find(&N1->disk, "a")->mtime;
	hold(N1, NULL);
	saves_at(N1, "a", 3, latest);
	saves_at(N2, "a", 3, latest);
	saves_at(N1, "a", 4, latest - MSEC);
	decide(N1, EVENT_DISCARD, NULL);
	expect_content(N1, "a", 3);
	assert_true(disk_find(&N1->disk, "a")->mtime > latest);
}

/* A hint of a rename is given again after a restart, and its new name is a directory by then. */
static void a_directory_that_is_held_outlasts_a_hint_given_again(void **state)
{
	(void)state;
	begin();
	hold(N1, NULL);
	user_deletes(&s, N1, "b");
	user_makes_dir(&s, N1, "c");
	story_wait(&s, 2000);
	crash(N1);
	story_hint(&s, N1, "c", "b");
	story_run(&s);
	story_wait(&s, 2000);
	assert_int_equal(core_held(N1->core), 2);
	decide(N1, EVENT_RELEASE, NULL);
	assert_non_null(disk_find(&N2->disk, "c"));
	expect_absent(N2, "b");
}

static void close_file(struct host *h, const char *path)
{
	disk_find(&h->disk, path)->writers = 0;
	story_hint(&s, h, path, "");
	story_run(&s);
}

/* Both names of it, since its new one is about to be released. */
static void a_rename_onto_what_is_released_goes_with_it(void **state)
{
	(void)state;
	begin();
	hold(N1, NULL);
	user_saves(&s, N1, "a", 3);
	user_saves(&s, N1, "c", 4);
	disk_find(&N1->disk, "c")->writers = 1;
	decide(N1, EVENT_RELEASE, NULL);
	user_renames(&s, N1, "b", "a");
	story_wait(&s, 2000);
	assert_int_equal(core_held(N1->core), 3);
	close_file(N1, "c");
	assert_int_equal(core_held(N1->core), 0);
	expect_content(N2, "a", 2);
	expect_absent(N2, "b");
	assert_true(dot_same(visible(N2, "a"), visible(N2, "b")));
}

/* It stays as it is, and that is said. */
static void what_is_being_written_is_not_put_back(void **state)
{
	(void)state;
	begin();
	hold(N1, NULL);
	user_saves(&s, N1, "a", 3);
	disk_write(&s, N1, "a", 4);
	disk_find(&N1->disk, "a")->writers = 1;
	N1->notes = 0;
	decide(N1, EVENT_DISCARD, NULL);
	assert_int_equal(N1->notes, 1);
	close_file(N1, "a");
	expect_content(N1, "a", 4);
	assert_int_equal(core_held(N1->core), 1);
}

#define TEST(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_saved_under_a_set_stays_here),
	    TEST(released_it_goes_as_one_change),
	    TEST(released_it_is_installed_together),
	    TEST(a_path_can_be_released_for_itself),
	    TEST(only_what_matches_is_held),
	    TEST(discarded_it_is_put_back_with_a_later_time),
	    TEST(a_restart_keeps_it),
	    TEST(what_was_saved_while_nobody_looked_is_held),
	    TEST(a_peers_save_is_not_installed_over_it),
	    TEST(nothing_is_staged_for_what_waits_for_it),
	    TEST(discarded_and_saved_anew_it_is_said),
	    TEST(discarded_the_peers_save_is_there),
	    TEST(discarded_for_an_equal_one_hooks_are_told),
	    TEST(discarded_and_then_released_it_goes),
	    TEST(a_file_for_a_directory_goes_as_one_change),
	    TEST(undone_by_hand_nothing_is_held),
	    TEST(what_goes_while_a_release_looks_is_released_as_gone),
	    TEST(a_set_may_delete_much),
	    TEST(of_two_with_the_latest_time_neither_has_it_again),
	    TEST(a_directory_that_is_held_outlasts_a_hint_given_again),
	    TEST(a_rename_onto_what_is_released_goes_with_it),
	    TEST(what_is_being_written_is_not_put_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
