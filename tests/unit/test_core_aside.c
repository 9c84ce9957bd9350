/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is held and set aside, told as stories: what is current takes its place on disk, nobody hears of
 * the draft, and it can be brought back.
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

static void hold(struct host *h)
{
	struct hold set = {.why = "", .user = ""};
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

/* a and b everywhere, a is changed on n1 and held. */
static void begin(void)
{
	story_begin(&s, 2);
	story_up(&s, N1);
	story_up(&s, N2);
	user_saves(&s, N1, "a", 1);
	user_saves(&s, N1, "b", 2);
	expect_content(N2, "b", 2);
	hold(N1);
	user_saves(&s, N1, "a", 3);
	story_wait(&s, 2000);
}

static bool find_aside(void *arg, const struct core_path *p)
{
	*(uint32_t *)arg += p->draft && p->draft->aside;
	return true;
}

static uint32_t naside(const struct host *h)
{
	uint32_t n = 0;

	core_each(h->core, "", find_aside, &n);
	return n;
}

static bool find_waiting(void *arg, const struct core_path *p)
{
	*(uint32_t *)arg += p->waiting != NULL;
	return true;
}

static uint32_t nwaiting(const struct host *h)
{
	uint32_t n = 0;

	core_each(h->core, "", find_waiting, &n);
	return n;
}

static bool find_moving(void *arg, const struct core_path *p)
{
	*(uint32_t *)arg += p->moving;
	return true;
}

static uint32_t nmoving(const struct host *h)
{
	uint32_t n = 0;

	core_each(h->core, "", find_moving, &n);
	return n;
}

/* Until it is known which of the two is there. */
static void on_its_way_it_is_said_to_be(void **state)
{
	(void)state;
	begin();
	assert_int_equal(nmoving(N1), 0);
	s.hold = EFFECT_INSTALL;
	decide(N1, EVENT_SET_ASIDE, NULL);
	assert_int_equal(naside(N1), 1);
	assert_int_equal(nmoving(N1), 1);
	s.hold = -1;
	story_run(&s);
	expect_content(N1, "a", 1);
	assert_int_equal(nmoving(N1), 0);
	s.hold = EFFECT_INSTALL;
	decide(N1, EVENT_EDIT, NULL);
	assert_int_equal(naside(N1), 1);
	assert_int_equal(nmoving(N1), 1);
	s.hold = -1;
	story_run(&s);
	expect_content(N1, "a", 3);
	assert_int_equal(naside(N1), 0);
	assert_int_equal(nmoving(N1), 0);
}

static void what_is_current_takes_its_place_with_a_later_time(void **state)
{
	int64_t draft;

	(void)state;
	begin();
	draft = disk_find(&N1->disk, "a")->mtime;
	decide(N1, EVENT_SET_ASIDE, NULL);
	expect_content(N1, "a", 1);
	assert_true(disk_find(&N1->disk, "a")->mtime > draft);
	assert_int_equal(core_held(N1->core), 1);
	assert_int_equal(naside(N1), 1);
	expect_content(N2, "a", 1);
	assert_int_equal(versions_of(N2, "a"), 1);
}

static void edited_it_is_there_again_and_held(void **state)
{
	(void)state;
	begin();
	decide(N1, EVENT_SET_ASIDE, NULL);
	decide(N1, EVENT_EDIT, NULL);
	expect_content(N1, "a", 3);
	assert_int_equal(naside(N1), 0);
	assert_int_equal(core_held(N1->core), 1);
	assert_int_equal(nwaiting(N1), 0);
	crash(N1);
	expect_content(N1, "a", 3);
	expect_content(N2, "a", 1);
	decide(N1, EVENT_RELEASE, NULL);
	expect_content(N2, "a", 3);
	assert_int_equal(versions_of(N2, "a"), 1);
}

static void a_restart_keeps_it_aside(void **state)
{
	(void)state;
	begin();
	decide(N1, EVENT_SET_ASIDE, NULL);
	crash(N1);
	expect_content(N1, "a", 1);
	assert_int_equal(naside(N1), 1);
	decide(N1, EVENT_EDIT, NULL);
	expect_content(N1, "a", 3);
}

static void a_release_brings_it_back_first(void **state)
{
	(void)state;
	begin();
	user_saves(&s, N1, "b", 5);
	decide(N1, EVENT_SET_ASIDE, "a");
	assert_int_equal(naside(N1), 1);
	expect_content(N1, "b", 5);
	decide(N1, EVENT_RELEASE, NULL);
	expect_content(N2, "a", 3);
	expect_content(N2, "b", 5);
	assert_true(dot_same(core_visible(N2->core, "a")->dot, core_visible(N2->core, "b")->dot));
}

static void discarded_it_is_over(void **state)
{
	(void)state;
	begin();
	decide(N1, EVENT_SET_ASIDE, NULL);
	decide(N1, EVENT_DISCARD, NULL);
	assert_int_equal(core_held(N1->core), 0);
	expect_content(N1, "a", 1);
	user_saves(&s, N1, "a", 6);
	expect_content(N2, "a", 6);
}

/* It is installed, and what is brought back has not seen it. */
static void a_peers_save_meanwhile_is_served_and_not_lost(void **state)
{
	(void)state;
	begin();
	decide(N1, EVENT_SET_ASIDE, NULL);
	user_saves(&s, N2, "a", 9);
	story_wait(&s, 2000);
	expect_content(N1, "a", 9);
	decide(N1, EVENT_EDIT, "a");
	expect_content(N1, "a", 3);
	crash(N1);
	decide(N1, EVENT_RELEASE, NULL);
	expect_content(N2, "a", 3);
	assert_int_equal(versions_of(N1, "a"), 2);
	assert_int_equal(versions_of(N2, "a"), 2);
}

/* Whoever saves what is there has seen that. */
static void a_save_takes_its_place(void **state)
{
	(void)state;
	begin();
	decide(N1, EVENT_SET_ASIDE, NULL);
	user_saves(&s, N2, "a", 9);
	story_wait(&s, 2000);
	user_saves(&s, N1, "a", 4);
	story_wait(&s, 2000);
	assert_int_equal(naside(N1), 0);
	expect_content(N2, "a", 9);
	decide(N1, EVENT_RELEASE, NULL);
	expect_content(N2, "a", 4);
	assert_int_equal(versions_of(N2, "a"), 1);
}

static void new_directories_go_and_come_back(void **state)
{
	(void)state;
	begin();
	user_makes_dir(&s, N1, "d");
	user_makes_dir(&s, N1, "d/e");
	user_saves(&s, N1, "d/e/f", 7);
	story_wait(&s, 2000);
	decide(N1, EVENT_SET_ASIDE, NULL);
	assert_null(disk_find(&N1->disk, "d"));
	decide(N1, EVENT_EDIT, "d/e/f");
	expect_content(N1, "d/e/f", 7);
	expect_content(N1, "a", 1);
	assert_int_equal(naside(N1), 1);
	assert_null(disk_find(&N2->disk, "d"));
	decide(N1, EVENT_RELEASE, NULL);
	expect_content(N2, "d/e/f", 7);
	expect_content(N2, "a", 3);
}

static void what_was_removed_is_back_and_goes_again(void **state)
{
	(void)state;
	story_begin(&s, 2);
	story_up(&s, N1);
	story_up(&s, N2);
	user_makes_dir(&s, N1, "d");
	user_saves(&s, N1, "d/f", 7);
	user_saves(&s, N1, "d/g", 8);
	hold(N1);
	user_deletes(&s, N1, "d/f");
	user_deletes(&s, N1, "d/g");
	user_deletes(&s, N1, "d");
	story_wait(&s, 2000);
	assert_int_equal(core_held(N1->core), 3);
	decide(N1, EVENT_SET_ASIDE, NULL);
	expect_content(N1, "d/f", 7);
	assert_int_equal(naside(N1), 3);
	decide(N1, EVENT_EDIT, "d");
	assert_null(disk_find(&N1->disk, "d"));
	assert_int_equal(core_held(N1->core), 3);
	decide(N1, EVENT_RELEASE, NULL);
	assert_null(disk_find(&N2->disk, "d"));
}

static void what_the_brake_holds_can_be_set_aside_and_approved(void **state)
{
	(void)state;
	story_begin(&s, 2);
	s.host[0].conf.brake_share = 25;
	s.host[0].conf.brake_paths = 1;
	story_up(&s, N1);
	story_up(&s, N2);
	for (char name[] = "a"; name[0] < 'e'; name[0]++)
		user_saves(&s, N1, name, 1);
	for (char name[] = "a"; name[0] < 'e'; name[0]++)
		user_deletes(&s, N1, name);
	story_wait(&s, 90000);
	assert_int_equal(core_braked(N1->core), 4);
	decide(N1, EVENT_SET_ASIDE, NULL);
	expect_content(N1, "d", 1);
	assert_int_equal(core_braked(N1->core), 4);
	crash(N1);
	expect_content(N1, "d", 1);
	assert_int_equal(core_braked(N1->core), 4);
	decide(N1, EVENT_APPROVE, NULL);
	assert_null(disk_find(&N1->disk, "d"));
	assert_null(disk_find(&N2->disk, "d"));
	assert_int_equal(core_held(N1->core), 0);
}

/* The installs were done, and the node ended before it heard of it. */
static void an_end_in_the_middle_is_no_edit(void **state)
{
	(void)state;
	begin();
	s.mute = true;
	decide(N1, EVENT_SET_ASIDE, NULL);
	s.mute = false;
	crash(N1);
	expect_content(N1, "a", 1);
	assert_int_equal(naside(N1), 1);
	s.mute = true;
	decide(N1, EVENT_EDIT, NULL);
	s.mute = false;
	expect_content(N1, "a", 3);
	crash(N1);
	assert_int_equal(naside(N1), 0);
	assert_int_equal(core_held(N1->core), 1);
	expect_content(N1, "a", 3);
	assert_int_equal(versions_of(N1, "a"), 1);
}

/* The look that finds it may have read it before the release: once more. */
static void a_save_instead_of_it_is_looked_at_by_the_release(void **state)
{
	struct event e = {.type = EVENT_RELEASE, .decision = &(struct decision){0}};

	(void)state;
	begin();
	decide(N1, EVENT_SET_ASIDE, NULL);
	s.hold = EFFECT_LOOK;
	user_saves(&s, N1, "a", 5);
	story_event(&s, N1, &e);
	story_release(&s, N1, EFFECT_LOOK, "a");
	expect_content(N2, "a", 1);
	story_release(&s, N1, EFFECT_LOOK, "a");
	expect_content(N2, "a", 5);
	assert_int_equal(core_held(N1->core), 0);
}

/* It was to be set aside, and is released before that was done: the later decision is the one that counts. */
static void released_before_it_is_set_aside_it_goes(void **state)
{
	struct event aside = {.type = EVENT_SET_ASIDE, .decision = &(struct decision){0}};

	(void)state;
	begin();
	s.hold = EFFECT_LOOK;
	story_event(&s, N1, &aside);
	story_run(&s);
	decide(N1, EVENT_RELEASE, NULL);
	s.hold = -1;
	story_run(&s);
	expect_content(N2, "a", 3);
	assert_int_equal(core_held(N1->core), 0);
}

/* A rename takes its place; the look at its old name was over before the release, and what is saved there
 * between the two goes with it. */
static void the_old_name_of_a_rename_is_looked_at_by_the_release(void **state)
{
	struct event e = {.type = EVENT_RELEASE, .decision = &(struct decision){0}};

	(void)state;
	begin();
	decide(N1, EVENT_SET_ASIDE, NULL);
	user_renames(&s, N1, "a", "c");
	s.hold = EFFECT_LOOK;
	story_wait(&s, 200);
	story_release(&s, N1, EFFECT_LOOK, "a");
	disk_write(&s, N1, "a", 5);
	story_event(&s, N1, &e);
	story_release(&s, N1, EFFECT_LOOK, "c");
	expect_content(N2, "a", 1);
	s.hold = -1;
	story_run(&s);
	expect_content(N2, "a", 5);
	expect_content(N2, "c", 1);
	assert_int_equal(core_held(N1->core), 0);
}

/* A scan that has read what stood in its place does not know that it is back. */
static void a_scan_that_is_older_than_it_does_not_end_it(void **state)
{
	struct event e = {.type = EVENT_RESCAN, .hint = {.serial = 1000}};
	struct event found = {.type = EVENT_LOOKED, .path = "a"};

	(void)state;
	begin();
	decide(N1, EVENT_SET_ASIDE, NULL);
	s.hold = EFFECT_SCAN;
	story_event(&s, N1, &e);
	decide(N1, EVENT_EDIT, NULL);
	expect_content(N1, "a", 3);
	found.looked.scan = true;
	found.looked.o.unchanged = true;
	found.looked.o.attrs.kind = KIND_FILE;
	s.hold = -1;
	story_event(&s, N1, &found);
	assert_int_equal(core_held(N1->core), 1);
	story_run(&s);
	assert_int_equal(core_held(N1->core), 1);
	decide(N1, EVENT_RELEASE, NULL);
	expect_content(N2, "a", 3);
}

/* A peer did the same meanwhile. */
static void what_is_so_already_is_released_by_that(void **state)
{
	(void)state;
	begin();
	user_deletes(&s, N1, "b");
	story_wait(&s, 2000);
	decide(N1, EVENT_SET_ASIDE, "b");
	expect_content(N1, "b", 2);
	user_deletes(&s, N2, "b");
	story_wait(&s, 2000);
	decide(N1, EVENT_RELEASE, NULL);
	assert_int_equal(core_held(N1->core), 0);
	expect_absent(N1, "b");
	expect_content(N2, "a", 3);
}

/* And nobody knows any more that it was ever there. */
static void what_nobody_knows_any_more_is_over(void **state)
{
	(void)state;
	begin();
	user_deletes(&s, N1, "b");
	story_wait(&s, 2000);
	decide(N1, EVENT_SET_ASIDE, "b");
	user_deletes(&s, N2, "b");
	story_wait(&s, 2000);
	for (int i = 0; i < 3; i++) {
		story_beat(&s);
		story_gossip(&s);
	}
	story_wait(&s, INT64_C(2 * 86400 * 1000));
	assert_int_equal(versions_of(N1, "b"), 0);
	assert_int_equal(naside(N1), 1);
	decide(N1, EVENT_EDIT, "b");
	assert_int_equal(naside(N1), 0);
	assert_int_equal(core_held(N1->core), 1);
	decide(N1, EVENT_RELEASE, NULL);
	expect_content(N2, "a", 3);
}

/* It was there again, and somebody deleted it, before the node heard that it was: what had stood in its
 * place meanwhile was deleted by nobody. */
static void what_goes_in_the_middle_has_seen_no_more_than_it_had(void **state)
{
	(void)state;
	begin();
	decide(N1, EVENT_SET_ASIDE, NULL);
	user_saves(&s, N2, "a", 9);
	story_wait(&s, 2000);
	s.mute = true;
	decide(N1, EVENT_EDIT, "a");
	s.mute = false;
	expect_content(N1, "a", 3);
	disk_unlink(&N1->disk, disk_find(&N1->disk, "a"), s.now);
	crash(N1);
	decide(N1, EVENT_RELEASE, NULL);
	assert_int_equal(core_held(N1->core), 0);
	expect_content(N2, "a", 9);
	expect_content(N1, "a", 9);
}

/* It is brought back and goes again, the node ends before it hears of either, and then somebody saves. */
static void save_in_the_middle(void)
{
	s.mute = true;
	decide(N1, EVENT_EDIT, "a");
	s.mute = false;
	expect_content(N1, "a", 3);
	disk_unlink(&N1->disk, disk_find(&N1->disk, "a"), s.now);
	story_crash(&s, N1);
	s.hold = EFFECT_LOOK;
	story_up(&s, N1);
	story_release(&s, N1, EFFECT_LOOK, "a");
	user_saves(&s, N1, "a", 5);
	s.hold = -1;
	story_run(&s);
}

/* Nothing was there before and nothing is now; in between, it was. Whoever saves then, before a look
 * finds what the deletion left, has seen the draft and not the deletion. */
static void what_came_and_went_where_nothing_was_had_seen_no_more_either(void **state)
{
	(void)state;
	begin();
	decide(N1, EVENT_SET_ASIDE, NULL);
	user_deletes(&s, N2, "a");
	story_wait(&s, 2000);
	expect_absent(N1, "a");
	save_in_the_middle();
	decide(N1, EVENT_RELEASE, NULL);
	assert_int_equal(core_held(N1->core), 0);
	expect_content(N2, "a", 5);
	assert_int_equal(versions_of(N2, "a"), 2); /* beside the deletion */
	assert_int_equal(versions_of(N1, "a"), 2);
}

/* Nor has who saves it, after that, kept anything of what had stood there: the store could not be read. */
static void what_is_saved_instead_keeps_nothing_of_what_it_has_not_seen(void **state)
{
	const struct version *draft;

	(void)state;
	begin();
	decide(N1, EVENT_SET_ASIDE, NULL);
	user_deletes(&s, N2, "a");
	story_wait(&s, 2000);
	user_saves(&s, N2, "a", 9); /* its mode is of that */
	story_wait(&s, 2000);
	save_in_the_middle();
	draft = core_draft(N1->core, "a");
	for (int f = 0; f < FIELDS; f++)
		assert_true(vv_covers(&draft->context, draft->setter[f]));
	crash(N1);
	assert_int_equal(core_held(N1->core), 1);
	decide(N1, EVENT_RELEASE, NULL);
	assert_int_equal(versions_of(N2, "a"), 2);
}

static bool shows_a_version_or_none(const struct host *h, const char *path)
{
	const struct shown *shown = core_shown(h->core, path);

	return !shown->dot.origin || vv_covers(&shown->context, shown->dot);
}

/* The node ended before it heard that it was there again, and it was discarded before anybody could look. */
static void discarded_before_it_is_found_again_it_is_over(void **state)
{
	(void)state;
	begin();
	decide(N1, EVENT_SET_ASIDE, NULL);
	s.mute = true;
	decide(N1, EVENT_EDIT, NULL);
	s.mute = false;
	story_crash(&s, N1);
	s.unreadable = "a";
	story_up(&s, N1);
	decide(N1, EVENT_DISCARD, NULL);
	s.unreadable = NULL;
	s.hold = EFFECT_STAGE;
	story_wait(&s, 20000);
	assert_int_equal(core_held(N1->core), 0);
	assert_true(shows_a_version_or_none(N1, "a"));
	s.hold = -1;
	story_run(&s);
	expect_content(N1, "a", 1);
}

/* A peer deletes it, too, while it is on its way back; it stays for what is local in it, and nothing is shown
 * for what no vector speaks of. */
static void what_goes_again_and_stays_is_the_peers_deletion(void **state)
{
	struct event e = {.type = EVENT_EDIT, .decision = &(struct decision){0}};

	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "d");
	hold(N1);
	user_deletes(&s, N1, "d");
	story_wait(&s, 2000);
	decide(N1, EVENT_SET_ASIDE, NULL);
	user_saves(&s, N1, "d/x.jnl", 1);
	s.hold = EFFECT_REMOVE;
	story_event(&s, N1, &e);
	story_run(&s);
	user_deletes(&s, N2, "d");
	story_wait(&s, 2000);
	s.hold = EFFECT_LOOK;
	story_release(&s, N1, EFFECT_REMOVE, "d");
	assert_true(shows_a_version_or_none(N1, "d"));
	s.hold = -1;
	story_run(&s);
	assert_int_equal(core_held(N1->core), 0);
	assert_int_equal(nwaiting(N1), 0);
	user_deletes(&s, N1, "d/x.jnl");
	story_wait(&s, 2000);
	assert_null(disk_find(&N1->disk, "d"));
}

/* It is there still, for what is local in it: nothing was to be installed, and somebody discards it before
 * the look that was to confirm that. */
static void discarded_while_it_is_confirmed_it_is_over(void **state)
{
	struct event edit = {.type = EVENT_EDIT, .decision = &(struct decision){0}};
	struct event discard = {.type = EVENT_DISCARD, .decision = &(struct decision){0}};

	(void)state;
	story_begin_joined(&s, 2);
	hold(N1);
	user_makes_dir(&s, N1, "d");
	user_saves(&s, N1, "d/x.jnl", 1);
	decide(N1, EVENT_SET_ASIDE, NULL);
	s.hold = EFFECT_LOOK;
	story_event(&s, N1, &edit);
	story_run(&s);
	story_event(&s, N1, &discard);
	story_release(&s, N1, EFFECT_LOOK, "d");
	assert_int_equal(core_held(N1->core), 0);
	assert_true(shows_a_version_or_none(N1, "d"));
	s.hold = -1;
	story_run(&s);
	user_deletes(&s, N1, "d/x.jnl");
	story_wait(&s, 2000);
	assert_null(disk_find(&N1->disk, "d"));
}

/* A directory's attributes are brought back in place, and somebody changes more of them before the node heard
 * that they were: who did has not seen what a peer had made of it meanwhile. */
static void what_is_changed_in_place_has_seen_no_more_than_it_had(void **state)
{
	struct inode *d;

	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "d");
	hold(N1);
	user_chmods(&s, N1, "d", 0700);
	story_wait(&s, 2000);
	decide(N1, EVENT_SET_ASIDE, NULL);
	user_chmods(&s, N2, "d", 0750);
	story_wait(&s, 2000);
	assert_int_equal(disk_find(&N1->disk, "d")->mode, 0750);
	s.mute = true;
	decide(N1, EVENT_EDIT, NULL);
	s.mute = false;
	assert_int_equal(disk_find(&N1->disk, "d")->mode, 0700);
	story_crash(&s, N1);
	d = disk_find(&N1->disk, "d");
	d->mode = 0711;
	disk_touch(&N1->disk, d, s.now);
	story_up(&s, N1);
	story_wait(&s, 2000);
	decide(N1, EVENT_RELEASE, NULL);
	assert_int_equal(core_held(N1->core), 0);
	assert_int_equal(versions_of(N2, "d"), 2);
}

#define TEST(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(on_its_way_it_is_said_to_be),
	    TEST(what_is_current_takes_its_place_with_a_later_time),
	    TEST(edited_it_is_there_again_and_held),
	    TEST(a_restart_keeps_it_aside),
	    TEST(a_release_brings_it_back_first),
	    TEST(a_save_instead_of_it_is_looked_at_by_the_release),
	    TEST(released_before_it_is_set_aside_it_goes),
	    TEST(the_old_name_of_a_rename_is_looked_at_by_the_release),
	    TEST(a_scan_that_is_older_than_it_does_not_end_it),
	    TEST(what_is_so_already_is_released_by_that),
	    TEST(what_nobody_knows_any_more_is_over),
	    TEST(discarded_it_is_over),
	    TEST(a_peers_save_meanwhile_is_served_and_not_lost),
	    TEST(a_save_takes_its_place),
	    TEST(new_directories_go_and_come_back),
	    TEST(what_was_removed_is_back_and_goes_again),
	    TEST(what_the_brake_holds_can_be_set_aside_and_approved),
	    TEST(an_end_in_the_middle_is_no_edit),
	    TEST(what_goes_in_the_middle_has_seen_no_more_than_it_had),
	    TEST(what_came_and_went_where_nothing_was_had_seen_no_more_either),
	    TEST(discarded_before_it_is_found_again_it_is_over),
	    TEST(what_goes_again_and_stays_is_the_peers_deletion),
	    TEST(discarded_while_it_is_confirmed_it_is_over),
	    TEST(what_is_changed_in_place_has_seen_no_more_than_it_had),
	    TEST(what_is_saved_instead_keeps_nothing_of_what_it_has_not_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
