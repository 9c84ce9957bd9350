/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * After a power cut, told as stories: damage is put back and told to nobody, edits are told.
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

/* The power of N1 is cut. */
static void cut(void)
{
	story_crash(&s, N1);
	N1->power_cut = true;
}

static void up(void)
{
	story_up(&s, N1);
	story_wait(&s, 2000);
	story_beat(&s);
	story_run(&s);
}

/* What the disk holds after it; nobody is told. */
static void leave(const char *path, uint64_t content)
{
	disk_write(&s, N1, path, content);
}

static void lose(const char *path)
{
	disk_unlink(&N1->disk, disk_find(&N1->disk, path), s.now);
}

static void everywhere(const char *path, uint64_t content)
{
	expect_content(N1, path, content);
	expect_content(N2, path, content);
	assert_int_equal(versions_of(N1, path), 1);
	assert_int_equal(versions_of(N2, path), 1);
}

static bool in_history(const char *path, uint64_t content)
{
	const struct stored_path *p = storage_find(&N1->store, path);

	for (uint32_t i = 0; p && i < p->nhistory; i++)
		if (hash_same(p->history[i]->attrs.hash, content_hash(content)))
			return true;
	return false;
}

static void begin(void)
{
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "f", 5);
	user_saves(&s, N1, "f", 6);
	everywhere("f", 6);
}

static void an_emptied_file_is_put_back(void **state)
{
	(void)state;
	begin();
	cut();
	leave("f", 0);
	up();
	everywhere("f", 6);
	assert_int_equal(core_mended(N1->core), 1);
}

static void a_torn_file_is_put_back_and_kept(void **state)
{
	(void)state;
	begin();
	cut();
	leave("f", PARTS);
	up();
	everywhere("f", 6);
	assert_true(in_history("f", PARTS));
	user_saves(&s, N1, "f", 8); /* and life goes on */
	story_beat(&s);
	story_run(&s);
	everywhere("f", 8);
	assert_int_equal(core_mended(N1->core), 0);
}

static void an_older_version_is_put_back(void **state)
{
	(void)state;
	begin();
	cut();
	leave("f", 5);
	up();
	everywhere("f", 6);
}

static void what_was_lost_is_put_back(void **state)
{
	(void)state;
	begin();
	user_makes_dir(&s, N1, "d");
	user_saves(&s, N1, "d/in", 7);
	cut();
	lose("f");
	lose("d/in");
	lose("d");
	up();
	everywhere("f", 6);
	everywhere("d/in", 7);
}

static void what_was_deleted_does_not_come_back(void **state)
{
	(void)state;
	begin();
	user_deletes(&s, N1, "f");
	story_wait(&s, 2000);
	expect_absent(N2, "f");
	cut();
	leave("f", 6);
	up();
	expect_absent(N1, "f");
	expect_absent(N2, "f");
}

static void a_real_edit_is_told(void **state)
{
	(void)state;
	begin();
	cut();
	leave("f", 9);
	leave("new", 3);
	up();
	everywhere("f", 9);
	everywhere("new", 3);
	assert_int_equal(core_mended(N1->core), 0);
}

/* The tree is gone through while something is to be installed there. */
static void what_an_install_finds_after_that_is_put_back_too(void **state)
{
	(void)state;
	begin();
	s.hold = EFFECT_STAGE;
	user_saves(&s, N2, "f", 7);
	cut();
	leave("f", 0);
	s.hold = EFFECT_INSTALL;
	story_up(&s, N1);
	s.hold = -1;
	story_release(&s, N1, EFFECT_INSTALL, "f");
	story_wait(&s, 2000);
	everywhere("f", 7);
	assert_int_equal(core_mended(N1->core), 1);
}

/* An install was done and not recorded as done; then somebody wrote into the file. */
static void so_is_what_an_unrecorded_install_became(void **state)
{
	(void)state;
	begin();
	s.mute = true;
	user_saves(&s, N2, "g", 7);
	cut();
	s.mute = false;
	leave("g", 0);
	up();
	everywhere("g", 7);
}

/* Something was to be installed when somebody saved the file anew, which the power cut has emptied. */
static void so_is_what_was_saved_instead_of_an_install(void **state)
{
	(void)state;
	begin();
	s.hold = EFFECT_INSTALL;
	user_saves(&s, N2, "f", 7);
	lose("f"); /* another inode */
	cut();
	leave("f", 0);
	s.hold = -1;
	up();
	everywhere("f", 7);
}

/* What was here at the first start could not be read then, and was gone by the next. */
static void so_is_what_took_the_place_of_what_was_never_read(void **state)
{
	struct event alone = {.type = EVENT_START_ALONE};

	(void)state;
	story_begin(&s, 2);
	story_up(&s, N2);
	story_event(&s, N2, &alone);
	story_run(&s);
	user_saves(&s, N2, "f", 6);
	leave("f", 9);
	s.unreadable = "f";
	story_up(&s, N1);
	s.unreadable = NULL;
	story_crash(&s, N1);
	lose("f");
	s.mute = true;
	story_up(&s, N1);
	expect_content(N1, "f", 6);
	cut();
	s.mute = false;
	leave("f", 0);
	up();
	everywhere("f", 6);
}

static void without_a_power_cut_all_of_it_is_an_edit(void **state)
{
	(void)state;
	begin();
	user_saves(&s, N1, "g", 4);
	user_saves(&s, N1, "h", 4);
	story_crash(&s, N1);
	leave("f", 5);
	leave("g", 0);
	lose("h");
	up();
	everywhere("f", 5);
	everywhere("g", 0);
	expect_absent(N2, "h");
}

static void a_save_since_the_start_is_told_whatever_it_looks_like(void **state)
{
	(void)state;
	begin();
	user_saves(&s, N1, "gone", 4);
	cut();
	s.hold = EFFECT_SCAN;
	up();
	user_saves(&s, N1, "f", 5);
	user_deletes(&s, N1, "gone");
	story_wait(&s, 2000);
	s.hold = -1;
	story_run(&s);
	story_wait(&s, 2000);
	everywhere("f", 5);
	expect_absent(N1, "gone");
	expect_absent(N2, "gone");
}

static void a_directory_that_was_moved_since_is_told(void **state)
{
	(void)state;
	begin();
	user_makes_dir(&s, N1, "d");
	user_saves(&s, N1, "d/a", 7);
	user_saves(&s, N1, "d/b", 8);
	cut();
	s.hold = EFFECT_SCAN;
	up();
	user_moves_dir(&s, N1, "d", "e");
	s.hold = -1;
	story_run(&s);
	story_wait(&s, 3000);
	everywhere("e/a", 7);
	everywhere("e/b", 8);
	expect_absent(N1, "d");
	expect_absent(N2, "d/a");
}

static void a_life_that_does_not_get_through_hands_it_on(void **state)
{
	(void)state;
	begin();
	cut();
	leave("f", 0);
	s.hold = EFFECT_SCAN;
	up();
	story_crash(&s, N1);
	s.hold = -1;
	up();
	everywhere("f", 6);
}

static void it_ends_when_the_tree_has_been_gone_through(void **state)
{
	struct event e = {.type = EVENT_RESCAN};

	(void)state;
	begin();
	cut();
	up();
	assert_false(core_suspects(N1->core, "f"));
	leave("f", 5);
	e.hint.serial = ++N1->serial;
	story_event(&s, N1, &e);
	story_run(&s);
	everywhere("f", 5);
	story_crash(&s, N1);
	leave("f", 0);
	up();
	everywhere("f", 0);
}

static void what_a_peer_saved_meanwhile_is_installed_over_it(void **state)
{
	(void)state;
	begin();
	cut();
	user_saves(&s, N2, "f", 12);
	leave("f", 0);
	up();
	everywhere("f", 12);
}

/* Somebody may have read the older version meanwhile. */
static void put_back_by_another_cut_it_is_told_to_hooks(void **state)
{
	(void)state;
	begin();
	cut();
	leave("f", 5);
	s.hold = EFFECT_STAGE;
	up();
	assert_int_equal(core_mended(N1->core), 1);
	cut();
	leave("f", 6);
	s.hold = -1;
	N1->told = 0;
	up();
	everywhere("f", 6);
	assert_int_equal(N1->told, 1);
}

static void what_the_brake_held_is_held_again(void **state)
{
	(void)state;
	story_begin(&s, 2);
	N1->conf.brake_share = 25;
	N1->conf.brake_paths = 1;
	for (unsigned i = 0; i < 2; i++)
		story_up(&s, &s.host[i]);
	user_saves(&s, N1, "a", 1);
	user_saves(&s, N1, "b", 2);
	user_saves(&s, N1, "c", 3);
	user_deletes(&s, N1, "a");
	user_deletes(&s, N1, "b");
	user_deletes(&s, N1, "c");
	story_wait(&s, 2000);
	assert_int_equal(core_held(N1->core), 3);
	cut();
	up();
	assert_int_equal(core_held(N1->core), 3);
	expect_absent(N1, "a");
	expect_content(N2, "a", 1);
}

/* It could be read after the brake had been set: for what somebody emptied since the start. */
static void what_the_brake_has_no_part_in_is_put_back(void **state)
{
	(void)state;
	story_begin(&s, 2);
	N1->conf.brake_share = 25;
	N1->conf.brake_paths = 1;
	for (unsigned i = 0; i < 2; i++)
		story_up(&s, &s.host[i]);
	user_saves(&s, N1, "a", 1);
	user_saves(&s, N1, "b", 2);
	user_saves(&s, N1, "c", 3);
	cut();
	leave("c", 0);
	s.unreadable = "c";
	story_up(&s, N1);
	user_saves(&s, N1, "a", 0);
	user_saves(&s, N1, "b", 0);
	story_wait(&s, 1500);
	assert_int_equal(core_braked(N1->core), 2);
	s.unreadable = NULL;
	story_wait(&s, 2000);
	assert_int_equal(core_braked(N1->core), 2);
	everywhere("c", 3);
}

#define TEST(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_emptied_file_is_put_back),
	    TEST(a_torn_file_is_put_back_and_kept),
	    TEST(an_older_version_is_put_back),
	    TEST(what_was_lost_is_put_back),
	    TEST(what_was_deleted_does_not_come_back),
	    TEST(a_real_edit_is_told),
	    TEST(what_an_install_finds_after_that_is_put_back_too),
	    TEST(so_is_what_an_unrecorded_install_became),
	    TEST(so_is_what_was_saved_instead_of_an_install),
	    TEST(so_is_what_took_the_place_of_what_was_never_read),
	    TEST(without_a_power_cut_all_of_it_is_an_edit),
	    TEST(a_save_since_the_start_is_told_whatever_it_looks_like),
	    TEST(a_directory_that_was_moved_since_is_told),
	    TEST(a_life_that_does_not_get_through_hands_it_on),
	    TEST(it_ends_when_the_tree_has_been_gone_through),
	    TEST(what_a_peer_saved_meanwhile_is_installed_over_it),
	    TEST(put_back_by_another_cut_it_is_told_to_hooks),
	    TEST(what_the_brake_held_is_held_again),
	    TEST(what_the_brake_has_no_part_in_is_put_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
