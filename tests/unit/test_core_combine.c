/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two sides that changed different things of one path are combined by the author of the version
 * that is not shown; two that changed the same are a conflict for people.
 */
#include "tests/unit/core_help.h"

static struct story s;
#define N1 (&s.host[0])
#define N2 (&s.host[1])
#define N3 (&s.host[2])

static int end(void **state)
{
	(void)state;
	story_end(&s);
	return 0;
}

/* ---- words for the stories ---- */

static void cut_off(struct host *h, bool off)
{
	for (uint8_t i = 0; i < s.n; i++)
		s.cut[h->index][i] = s.cut[i][h->index] = off;
	if (off)
		story_reach(&s, h, false);
}

static void begin(uint32_t n)
{
	story_begin_joined(&s, n);
	user_saves(&s, N1, "zone", 1);
	for (uint32_t i = 0; i < n; i++)
		cut_off(&s.host[i], true);
}

static void heal(struct host *h)
{
	story_wait(&s, 1000);
	cut_off(h, false);
	for (uint32_t i = 0; i < s.n; i++)
		story_reach(&s, &s.host[i], true);
	story_run(&s);
	story_wait(&s, 60000);
}

static void heal_all(void)
{
	for (uint32_t i = 0; i < s.n; i++)
		cut_off(&s.host[i], false);
	heal(N1);
}

static void user_touches(struct host *h, const char *path)
{
	struct inode *i = disk_find(&h->disk, path);

	s.now += 10;
	i->mtime = (STORY_WALL + s.now) * MSEC;
	disk_touch(&h->disk, i, s.now);
	story_hint_flags(&s, h, path, "", 0);
	story_run(&s);
}

static void expect_everywhere(uint64_t content, uint32_t mode, uint32_t versions)
{
	for (uint32_t i = 0; i < s.n; i++) {
		expect_content(&s.host[i], "zone", content);
		assert_int_equal(disk_find(&s.host[i].disk, "zone")->mode, mode);
		assert_int_equal(versions_of(&s.host[i], "zone"), versions);
	}
}

static const struct version *visible(struct host *h)
{
	return core_visible(h->core, "zone");
}

/* ---- combined ---- */

static void a_later_edit_and_an_earlier_chmod_both_survive(void **state)
{
	(void)state;
	begin(2);
	user_chmods(&s, N1, "zone", 0600);
	user_saves(&s, N2, "zone", 2);
	int64_t mtime = disk_find(&N2->disk, "zone")->mtime;
	heal_all();
	expect_everywhere(2, 0600, 1);
	assert_true(visible(N1)->combined);
	assert_int_equal(visible(N1)->changed, CHANGED_MODE);
	/* The same content keeps its time: no name server has to load it once more. */
	assert_int_equal(disk_find(&N1->disk, "zone")->mtime, mtime);
	assert_string_equal(core_origin_node(N2->core, visible(N2)->dot.origin), "n1");
}

static void a_later_chmod_and_an_earlier_edit_both_survive(void **state)
{
	(void)state;
	begin(2);
	user_saves(&s, N2, "zone", 2);
	int64_t mtime = disk_find(&N2->disk, "zone")->mtime;
	user_chmods(&s, N1, "zone", 0600);
	heal_all();
	expect_everywhere(2, 0600, 1);
	assert_string_equal(core_origin_node(N1->core, visible(N1)->dot.origin), "n2");
	/* N1 has shown the old content all the time: the new one is newer. */
	assert_true(disk_find(&N1->disk, "zone")->mtime > mtime);
}

static void a_later_touch_does_not_bring_the_old_content_back(void **state)
{
	(void)state;
	begin(2);
	user_saves(&s, N2, "zone", 2);
	user_touches(N1, "zone");
	heal_all();
	expect_everywhere(2, 0644, 1);
}

static void meet(struct host *a, struct host *b)
{
	s.cut[a->index][b->index] = s.cut[b->index][a->index] = false;
	story_reach(&s, a, true);
	story_run(&s);
	story_wait(&s, 1000);
	cut_off(a, true);
}

/* What was combined comes from both sides: whoever had seen it there has seen it. */
static void a_save_that_had_seen_what_was_combined_is_no_conflict(void **state)
{
	(void)state;
	begin(3);
	user_saves(&s, N1, "zone", 2);
	meet(N1, N3);
	expect_content(N3, "zone", 2);
	user_touches(N2, "zone");
	meet(N1, N2);
	assert_true(visible(N2)->combined);
	user_saves(&s, N3, "zone", 3);
	heal_all();
	expect_everywhere(3, 0644, 1);
}

static void an_earlier_touch_is_no_conflict(void **state)
{
	(void)state;
	begin(2);
	user_touches(N1, "zone");
	user_saves(&s, N2, "zone", 2);
	int64_t mtime = disk_find(&N2->disk, "zone")->mtime;
	heal_all();
	expect_everywhere(2, 0644, 1);
	assert_int_equal(disk_find(&N1->disk, "zone")->mtime, mtime);
}

static void five_saves_and_a_chmod_both_survive(void **state)
{
	(void)state;
	begin(2);
	user_chmods(&s, N1, "zone", 0600);
	for (uint64_t content = 2; content <= 6; content++)
		user_saves(&s, N2, "zone", content);
	heal_all();
	expect_everywhere(6, 0600, 1);
}

static void three_sides_are_combined_step_by_step(void **state)
{
	(void)state;
	begin(3);
	user_chmods(&s, N1, "zone", 0600);
	user_touches(N2, "zone");
	user_saves(&s, N3, "zone", 2);
	heal_all();
	expect_everywhere(2, 0600, 1);
}

static void it_is_combined_when_the_author_is_back(void **state)
{
	(void)state;
	begin(3);
	user_chmods(&s, N1, "zone", 0600);
	user_saves(&s, N2, "zone", 2);
	cut_off(N1, false);
	cut_off(N2, false);
	cut_off(N3, true);
	s.hold = EFFECT_INSTALL; /* N1 learns of the edit, and dies before it is in place */
	heal(N2);
	s.hold = -1;
	story_crash(&s, N1);
	story_run(&s);
	story_up(&s, N1);
	heal_all();
	expect_everywhere(2, 0600, 1);
}

static void a_save_during_the_combination_loses_nothing(void **state)
{
	(void)state;
	begin(2);
	user_chmods(&s, N1, "zone", 0600);
	user_saves(&s, N2, "zone", 2);
	s.deaf[1] = true; /* N2 is told what it asks for, and nothing of the combination */
	heal_all();
	s.deaf[1] = false;
	assert_int_equal(versions_of(N2, "zone"), 2);
	assert_true(visible(N1)->combined);
	user_saves(&s, N2, "zone", 3);
	heal_all();
	expect_everywhere(3, 0600, 1);
}

/* What N1 shows has already been superseded by what is about to be put there. */
static void a_chmod_just_before_an_install_is_combined(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	s.hold = EFFECT_INSTALL;
	user_saves(&s, N2, "zone", 2);
	user_chmods(&s, N1, "zone", 0600);
	s.hold = -1;
	story_run(&s);
	story_wait(&s, 60000);
	expect_everywhere(2, 0600, 1);
	assert_true(visible(N1)->combined);
}

/* What N1 shows had been superseded before it was put there. */
static void a_chmod_just_after_such_an_install_is_combined(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	s.hold = EFFECT_INSTALL;
	user_saves(&s, N2, "zone", 2);
	user_saves(&s, N2, "zone", 3);
	s.hold = EFFECT_STAGE;
	story_run(&s);
	expect_content(N1, "zone", 2);
	user_chmods(&s, N1, "zone", 0600);
	s.hold = -1;
	story_run(&s);
	story_wait(&s, 60000);
	expect_everywhere(3, 0600, 1);
	assert_true(visible(N1)->combined);
}

/* ---- over what was discarded ---- */

/* The save is held. What was to be put back before that is not. */
static void saves_held(struct host *h, uint64_t content)
{
	struct hold set = {.why = "w", .user = "u"};
	struct event e = {.type = EVENT_HOLD, .hold = &set};

	story_event(&s, h, &e);
	user_saves(&s, h, "zone", content);
	if (s.hold == EFFECT_INSTALL)
		story_release(&s, h, EFFECT_INSTALL, "zone");
	assert_int_equal(core_held(h->core), 1);
}

/* What is current is not back yet. */
static void discards(struct host *h)
{
	struct decision all = {0};
	struct event e = {.type = EVENT_DISCARD, .decision = &all};

	s.hold = EFFECT_INSTALL;
	story_event(&s, h, &e);
	story_run(&s);
	assert_int_equal(core_held(h->core), 0);
	assert_true(core_putting_back(h->core));
}

static void goes_on(struct host *h, uint64_t content)
{
	user_saves(&s, h, "zone", content);
	s.hold = -1;
	story_run(&s);
	story_wait(&s, 1000);
	assert_false(core_putting_back(h->core));
	expect_content(h, "zone", content);
}

static void a_save_over_what_was_discarded_is_combined(void **state)
{
	(void)state;
	begin(2);
	user_chmods(&s, N2, "zone", 0600);
	saves_held(N1, 2);
	discards(N1);
	goes_on(N1, 3);
	heal_all();
	expect_everywhere(3, 0600, 1);
	assert_true(visible(N1)->combined);
}

/* The chmod took the place of what was to be put back. */
static void what_was_there_before_may_have_been_superseded(void **state)
{
	(void)state;
	begin(2);
	user_chmods(&s, N2, "zone", 0600);
	saves_held(N1, 2);
	discards(N1);
	meet(N1, N2);
	assert_int_equal(versions_of(N1, "zone"), 1);
	assert_int_equal(visible(N1)->attrs.mode, 0600);
	goes_on(N1, 3);
	heal_all();
	expect_everywhere(3, 0600, 1);
	assert_true(visible(N1)->combined);
}

static void it_may_have_been_superseded_while_that_was_held(void **state)
{
	(void)state;
	begin(2);
	user_chmods(&s, N2, "zone", 0600);
	saves_held(N1, 2);
	meet(N1, N2);
	assert_int_equal(visible(N1)->attrs.mode, 0600);
	discards(N1);
	goes_on(N1, 3);
	heal_all();
	expect_everywhere(3, 0600, 1);
	assert_true(visible(N1)->combined);
}

/* Discarded twice, it is as it was before the first of them. */
static void what_was_discarded_twice_is_over_the_same(void **state)
{
	(void)state;
	begin(2);
	user_chmods(&s, N2, "zone", 0600);
	saves_held(N1, 2);
	discards(N1);
	saves_held(N1, 3);
	discards(N1);
	goes_on(N1, 4);
	heal_all();
	expect_everywhere(4, 0600, 1);
}

/* What the discarded one had changed and the next save left as it was is of that save. */
static void the_mode_of_what_was_discarded_is_of_the_next_save(void **state)
{
	(void)state;
	begin(2);
	user_chmods(&s, N2, "zone", 0600);
	disk_find(&N1->disk, "zone")->mode = 0640;
	saves_held(N1, 2);
	discards(N1);
	goes_on(N1, 3);
	heal_all();
	expect_everywhere(3, 0640, 2); /* of the two modes one is to be chosen */
}

/* ---- not combined ---- */

static void two_chmods_are_for_people(void **state)
{
	(void)state;
	begin(2);
	user_chmods(&s, N1, "zone", 0600);
	user_chmods(&s, N2, "zone", 0640);
	heal_all();
	expect_everywhere(1, 0640, 2);
}

/* The last version changed the mode only; but the content before it is nobody else's to drop. */
static void an_edit_and_an_edit_with_a_chmod_are_for_people(void **state)
{
	(void)state;
	begin(2);
	user_saves(&s, N1, "zone", 2);
	user_chmods(&s, N1, "zone", 0600);
	user_saves(&s, N2, "zone", 3);
	heal_all();
	expect_everywhere(3, 0644, 2);
}

/* What is there is a directory, since somebody has saved something in it; a file was put in its place
 * elsewhere, and changed on two sides. */
static void what_a_directory_hides_is_combined_when_that_has_gone(void **state)
{
	(void)state;
	story_begin_joined(&s, 3);
	user_makes_dir(&s, N1, "zone");
	user_saves(&s, N1, "zone/below", 1);
	cut_off(N3, true);
	user_saves(&s, N3, "zone/below", 3);
	user_deletes(&s, N1, "zone/below");
	user_deletes(&s, N1, "zone");
	user_saves(&s, N1, "zone", 1);
	story_wait(&s, 1000);
	expect_content(N2, "zone", 1);
	cut_off(N1, true);
	cut_off(N2, true);
	user_chmods(&s, N1, "zone", 0600);
	user_saves(&s, N2, "zone", 2);
	heal_all();
	for (uint32_t i = 0; i < s.n; i++) {
		expect_content(&s.host[i], "zone/below", 3);
		assert_int_equal(versions_of(&s.host[i], "zone"), 2);
	}
	user_deletes(&s, N2, "zone/below");
	story_wait(&s, 1000);
	expect_everywhere(2, 0600, 1);
	assert_true(visible(N1)->combined);
}

static void a_chmod_and_a_deletion_are_not_combined(void **state)
{
	(void)state;
	begin(2);
	user_chmods(&s, N1, "zone", 0600);
	user_deletes(&s, N2, "zone");
	heal_all();
	expect_everywhere(1, 0600, 2);
}

static void the_same_chmod_on_both_sides_hinders_nothing(void **state)
{
	(void)state;
	begin(2);
	user_chmods(&s, N1, "zone", 0600);
	user_chmods(&s, N2, "zone", 0600);
	user_saves(&s, N2, "zone", 2);
	heal_all();
	expect_everywhere(2, 0600, 1);
}

/* Its store and tree are put back from before its save, which a peer has. */
static void what_is_combined_is_here(void **state)
{
	struct storage store;
	struct disk disk;

	(void)state;
	begin(3);
	storage_copy(&store, &N1->store);
	disk_copy(&disk, &N1->disk);
	s.cut[0][2] = s.cut[2][0] = false;
	story_reach(&s, N1, true);
	user_saves(&s, N1, "zone", 2);
	expect_content(N3, "zone", 2);
	story_crash(&s, N1);
	storage_fini(&N1->store);
	N1->store = store;
	disk_put_back(&N1->disk, &disk);
	disk_fini(&disk);
	s.now += 1000;
	user_chmods(&s, N2, "zone", 0600);
	s.hold = EFFECT_FETCH;
	for (uint32_t i = 0; i < s.n; i++)
		cut_off(&s.host[i], false);
	story_up(&s, N1);
	assert_int_equal(versions_of(N1, "zone"), 2);
	s.hold = -1;
	heal_all();
	expect_everywhere(2, 0600, 1);
}

#define STORY(f) cmocka_unit_test_teardown(f, end)

/* ---- told anew ---- */

static void renews(struct host *h, uint64_t content)
{
	struct renew r = {visible(h)->dot, content_hash(content), content_size(content)};
	struct event e = {.type = EVENT_RENEW, .path = "zone", .renew = &r};

	storage_put(&h->store, content_hash(content));
	story_event(&s, h, &e);
	story_run(&s);
}

/* Both have saved, N2 later. */
static void begin_with_conflict(uint32_t n)
{
	begin(n);
	user_saves(&s, N1, "zone", 2);
	user_saves(&s, N2, "zone", 3);
	heal_all();
	expect_everywhere(3, 0644, 2);
}

static void a_winner_told_anew_stays_in_conflict_with_the_loser(void **state)
{
	(void)state;
	begin_with_conflict(3);
	renews(N2, 4);
	story_wait(&s, 1000);
	expect_everywhere(4, 0644, 2);
	assert_string_equal(visible(N1)->user, "admin");
}

static void only_the_winner_s_author_tells_it_anew(void **state)
{
	(void)state;
	begin_with_conflict(3);
	renews(N1, 4);
	renews(N3, 5);
	story_wait(&s, 1000);
	expect_everywhere(3, 0644, 2);
}

static void what_is_not_visible_any_more_is_not_told_anew(void **state)
{
	struct renew r = {.hash = content_hash(4), .size = content_size(4)};
	struct event e = {.type = EVENT_RENEW, .path = "zone", .renew = &r};

	(void)state;
	begin_with_conflict(2);
	r.dot = visible(N2)->dot;
	user_saves(&s, N2, "zone", 5);
	storage_put(&N2->store, r.hash);
	story_event(&s, N2, &e);
	story_run(&s);
	expect_everywhere(5, 0644, 1);
}

static void a_save_on_what_was_told_anew_elsewhere_wins(void **state)
{
	(void)state;
	begin_with_conflict(3);
	cut_off(N3, true);
	user_saves(&s, N3, "zone", 5); /* it has seen the winner, and the loser */
	renews(N2, 4);
	heal_all();
	expect_everywhere(5, 0644, 1);
}

static void a_later_one_wins_too(void **state)
{
	(void)state;
	begin_with_conflict(3);
	cut_off(N3, true);
	renews(N2, 4);
	user_saves(&s, N3, "zone", 5);
	heal_all();
	expect_everywhere(5, 0644, 1);
}

/* A chmod and a renewal, each by its author, of what both had; then the combined one, too. */
static void what_two_have_told_anew_is_no_conflict(void **state)
{
	(void)state;
	begin_with_conflict(3);
	cut_off(N2, true);
	user_chmods(&s, N3, "zone", 0600);
	renews(N3, 6); /* its own by now */
	renews(N2, 4);
	heal_all();
	for (uint32_t i = 0; i < s.n; i++)
		assert_int_equal(disk_find(&s.host[i].disk, "zone")->mode, 0600);
	assert_int_equal(versions_of(N1, "zone"), 1);
}

static void what_is_to_be_combined_is_not_told_anew(void **state)
{
	(void)state;
	begin(3);
	user_chmods(&s, N1, "zone", 0600);
	user_saves(&s, N2, "zone", 2);
	story_wait(&s, 1000);
	s.cut[1][2] = s.cut[2][1] = false; /* N3 tells N2 of it, and N1 is away */
	meet(N1, N3);
	s.cut[1][2] = s.cut[2][1] = false;
	story_reach(&s, N2, true);
	story_run(&s);
	story_wait(&s, 1000);
	assert_int_equal(versions_of(N2, "zone"), 2);
	renews(N2, 4);
	assert_int_equal(versions_of(N2, "zone"), 2);
	expect_content(N2, "zone", 2);
	heal_all();
	expect_everywhere(2, 0600, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORY(what_is_combined_is_here),
	    STORY(a_chmod_just_after_such_an_install_is_combined),
	    STORY(a_later_edit_and_an_earlier_chmod_both_survive),
	    STORY(a_later_chmod_and_an_earlier_edit_both_survive),
	    STORY(a_later_touch_does_not_bring_the_old_content_back),
	    STORY(a_save_that_had_seen_what_was_combined_is_no_conflict),
	    STORY(an_earlier_touch_is_no_conflict),
	    STORY(five_saves_and_a_chmod_both_survive),
	    STORY(three_sides_are_combined_step_by_step),
	    STORY(it_is_combined_when_the_author_is_back),
	    STORY(a_save_during_the_combination_loses_nothing),
	    STORY(a_chmod_just_before_an_install_is_combined),
	    STORY(a_save_over_what_was_discarded_is_combined),
	    STORY(what_was_there_before_may_have_been_superseded),
	    STORY(it_may_have_been_superseded_while_that_was_held),
	    STORY(what_was_discarded_twice_is_over_the_same),
	    STORY(the_mode_of_what_was_discarded_is_of_the_next_save),
	    STORY(two_chmods_are_for_people),
	    STORY(an_edit_and_an_edit_with_a_chmod_are_for_people),
	    STORY(what_a_directory_hides_is_combined_when_that_has_gone),
	    STORY(a_chmod_and_a_deletion_are_not_combined),
	    STORY(the_same_chmod_on_both_sides_hinders_nothing),
	    STORY(a_winner_told_anew_stays_in_conflict_with_the_loser),
	    STORY(only_the_winner_s_author_tells_it_anew),
	    STORY(what_is_not_visible_any_more_is_not_told_anew),
	    STORY(a_save_on_what_was_told_anew_elsewhere_wins),
	    STORY(a_later_one_wins_too),
	    STORY(what_two_have_told_anew_is_no_conflict),
	    STORY(what_is_to_be_combined_is_not_told_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
