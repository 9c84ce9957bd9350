/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * When is a hint acknowledged? When what it led to has been told: `zonefsctl wait` relies on it. Told
 * as stories.
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

static void rescan(struct host *h)
{
	struct event e = {.type = EVENT_RESCAN, .path = ""};

	e.hint.serial = ++h->serial;
	e.hint.from = "";
	story_event(&s, h, &e);
	story_run(&s);
}

/* Every hint was acknowledged. */
static bool waited(const struct host *h)
{
	return h->nopen == 0;
}

static void a_save_made_while_joining_is_acknowledged_when_it_is_told(void **state)
{
	(void)state;
	story_begin(&s, 2);
	story_up(&s, N1);
	assert_true(core_joining(N1->core));
	user_saves(&s, N1, "zone", 1);
	user_saves(&s, N1, "zone", 2);
	assert_false(waited(N1));
	story_up(&s, N2);
	assert_false(core_joining(N1->core));
	assert_true(waited(N1));
	expect_content(N2, "zone", 2);
}

static void so_is_a_save_that_a_crash_meets_after_the_join(void **state)
{
	(void)state;
	story_begin(&s, 2);
	story_up(&s, N1);
	user_saves(&s, N1, "zone", 1);
	s.hold = EFFECT_SCAN; /* the first tree is not read yet */
	story_up(&s, N2);
	assert_false(waited(N1));
	story_crash(&s, N1);
	s.hold = -1;
	assert_false(waited(N1));
}

static void a_rescan_while_joining_is_acknowledged_with_the_first_tree(void **state)
{
	(void)state;
	story_begin(&s, 2);
	story_up(&s, N1);
	disk_write(&s, N1, "zone", 1);
	rescan(N1);
	rescan(N1);
	assert_false(waited(N1));
	story_up(&s, N2);
	assert_true(waited(N1));
	expect_content(N2, "zone", 1);
}

static void what_stays_local_is_acknowledged_while_joining(void **state)
{
	(void)state;
	story_begin(&s, 2);
	story_up(&s, N1);
	user_saves(&s, N1, "zone.jnl", 1);
	assert_true(waited(N1));
}

static void a_rescan_waits_for_a_file_that_was_emptied(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	s.now += 10;
	disk_write(&s, N1, "zone", 0);
	rescan(N1);
	assert_false(waited(N1)); /* told at the end of delete-delay, as a disappearance is */
	story_wait(&s, 200);
	assert_true(waited(N1));
	expect_content(N2, "zone", 0);
}

/* The looks that are to tell of the rename are out; then the new name goes. */
static void a_hint_during_the_telling_of_a_rename_has_a_look_of_its_own(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "a", 1);
	user_renames(&s, N1, "a", "b");
	s.hold = EFFECT_LOOK;
	story_wait(&s, 150);
	story_release(&s, N1, EFFECT_LOOK, "b");
	disk_unlink(&N1->disk, disk_find(&N1->disk, "b"), s.now);
	story_hint(&s, N1, "b", "");
	story_run(&s);
	story_release(&s, N1, EFFECT_LOOK, "a"); /* now it is told */
	assert_int_equal(versions_of(N2, "b"), 1);
	assert_false(waited(N1));
	s.hold = -1;
	story_run(&s);
	story_wait(&s, 200);
	assert_true(waited(N1));
	expect_absent(N2, "b");
}

/* The same, but it goes to a name that stays local: that hint tells of nothing but this. */
static void so_has_a_rename_to_a_local_name(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "a", 1);
	user_renames(&s, N1, "a", "b");
	s.hold = EFFECT_LOOK;
	story_wait(&s, 150);
	story_release(&s, N1, EFFECT_LOOK, "b");
	user_renames(&s, N1, "b", "b~");
	story_release(&s, N1, EFFECT_LOOK, "a");
	assert_int_equal(versions_of(N2, "b"), 1);
	assert_false(waited(N1));
	s.hold = -1;
	story_run(&s);
	story_wait(&s, 200);
	assert_true(waited(N1));
	expect_absent(N2, "b");
}

static void named_makes(struct host *h, const char *path, uint64_t content)
{
	s.now += 10;
	disk_write(&s, h, path, content);
	story_hint_by(&s, h, path, "", HINT_NAMES | HINT_CREATED, "named");
	story_run(&s);
}

/* Somebody renames a zone to a name that named takes for a file of its own a moment later. */
static void a_rename_to_a_name_that_becomes_local_tells_that_the_old_name_has_gone(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	user_renames(&s, N1, "zone", "tmp-AbCdEfGhIj");
	disk_unlink(&N1->disk, disk_find(&N1->disk, "tmp-AbCdEfGhIj"), s.now);
	named_makes(N1, "tmp-AbCdEfGhIj", 2);
	story_wait(&s, 500);
	expect_absent(N2, "zone");
	expect_absent(N2, "tmp-AbCdEfGhIj");
	assert_true(waited(N1));
	user_saves(&s, N2, "zone", 3); /* and the name is free again */
	expect_content(N1, "zone", 3);
}

/* Peers have a file of that name; it is deleted, and named makes one before that is told. */
static void a_delete_is_told_when_the_local_file_of_that_name_has_gone(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "db-internal", 1);
	expect_content(N2, "db-internal", 1);
	user_deletes(&s, N1, "db-internal");
	named_makes(N1, "db-internal", 2);
	story_wait(&s, 500);
	assert_true(waited(N1));
	expect_content(N2, "db-internal", 1);
	disk_unlink(&N1->disk, disk_find(&N1->disk, "db-internal"), s.now);
	story_hint_by(&s, N1, "db-internal", "", HINT_NAMES, "named");
	story_run(&s);
	story_wait(&s, 500);
	expect_absent(N2, "db-internal");
	assert_true(waited(N1));
}

/* A rename of a directory is being told, when its old name is used again and cannot be looked at. */
static void a_save_under_the_old_name_waits_until_it_can_be_read(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "old");
	user_saves(&s, N1, "old/zone", 1);
	s.hold = EFFECT_SCAN;
	user_moves_dir(&s, N1, "old", "new");
	story_wait(&s, 150);
	s.unreadable = "old";
	user_saves(&s, N1, "old", 2);
	s.hold = -1;
	story_release(&s, N1, EFFECT_SCAN, "new");
	assert_false(waited(N1));
	s.unreadable = NULL;
	story_wait(&s, 5000);
	assert_true(waited(N1));
	expect_content(N2, "old", 2);
	expect_content(N2, "new/zone", 1);
}

/* The hints of that were lost to the RESCAN, whose scan does not find the new name any more. */
static void a_directory_that_is_back_again_is_waited_for(void **state)
{
	struct inode *d;

	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "d");
	user_saves(&s, N1, "d/f", 1);
	user_moves_dir(&s, N1, "d", "e");
	s.hold = EFFECT_SCAN;
	rescan(N1);
	story_wait(&s, 200); /* both names have been looked at */
	d = disk_find(&N1->disk, "e");
	disk_unlink(&N1->disk, d, s.now);
	assert_int_equal(disk_link(&N1->disk, d, "d", s.now), 0);
	story_release(&s, N1, EFFECT_SCAN, "");
	assert_int_not_equal(N1->acked, N1->serial); /* "e" is about to be told */
	s.hold = -1;
	story_run(&s);
	story_wait(&s, 2000);
	assert_true(waited(N1));
	expect_absent(N2, "e");
	expect_content(N2, "d/f", 1);
}

/* The scan of the directory that has moved began before that one went. */
static void a_move_into_a_directory_that_has_gone_is_not_told(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "a");
	user_makes_dir(&s, N1, "d");
	user_saves(&s, N1, "d/f", 1);
	user_moves_dir(&s, N1, "d", "a/d");
	s.hold = EFFECT_SCAN;
	story_wait(&s, 200); /* both names have been looked at */
	disk_unlink(&N1->disk, disk_find(&N1->disk, "a"), s.now);
	disk_write(&s, N1, "a", 2);
	story_hint(&s, N1, "a", "");
	story_run(&s);
	story_release(&s, N1, EFFECT_SCAN, "a/d");
	assert_null(core_visible(N1->core, "a/d"));
	s.hold = -1;
	story_run(&s);
	story_wait(&s, 2000);
	assert_true(waited(N1));
	expect_content(N2, "a", 2);
	expect_absent(N2, "d");
}

/* A look at a name that has moved is out when its scan ends: once more, and together. */
static void a_move_that_is_hinted_again_is_told_as_one(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "d");
	user_saves(&s, N1, "d/f", 1);
	user_moves_dir(&s, N1, "d", "e");
	s.hold = EFFECT_SCAN;
	story_wait(&s, 200);
	s.hold = EFFECT_LOOK;
	story_hint(&s, N1, "e", "");
	story_run(&s);
	assert_null(core_visible(N1->core, "e/f"));
	story_release(&s, N1, EFFECT_LOOK, "e");
	assert_true(waited(N1));
	assert_int_equal(N1->told_items, 4);
	expect_content(N2, "e/f", 1);
}

/* Each rename is told late, and takes over from the one before. */
static void a_directory_that_never_rests_is_told_when_it_does(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "d");
	user_makes_dir(&s, N1, "d/b");
	user_saves(&s, N1, "d/b/f", 1);
	s.hold = EFFECT_LOOK;
	for (int i = 0; i < 500; i++) {
		user_moves_dir(&s, N1, "d", "e");
		user_moves_dir(&s, N1, "e/b", "e/c");
		user_moves_dir(&s, N1, "e/c", "e/b");
		user_moves_dir(&s, N1, "e", "d");
	}
	s.hold = -1;
	story_run(&s);
	assert_false(waited(N1));
	story_wait(&s, 5000);
	assert_true(waited(N1));
	expect_content(N2, "d/b/f", 1);
	expect_absent(N2, "e");
}

/* It had no version of its own: what is in it has one. */
static void a_directory_that_nothing_is_in_any_more_is_not_waited_for(void **state)
{
	struct heartbeat h;

	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "x");
	assert_int_equal(disk_link(&N1->disk, disk_make(&N1->disk, KIND_DIR, s.now), "x/b", s.now), 0);
	user_makes_dir(&s, N1, "x/b/c");
	disk_unlink(&N1->disk, disk_find(&N1->disk, "x"), s.now);
	story_hint(&s, N1, "x", "");
	story_hint(&s, N1, "x/b", "");
	story_run(&s);
	story_wait(&s, 5000);
	core_heartbeat(N1->core, &h, STORY_WALL + s.now, s.now);
	assert_int_equal(h.pending, 0);
	assert_true(waited(N1));
	expect_absent(N2, "x");
}

#define STORY(f) cmocka_unit_test_teardown(f, end)

/* A node whose first tree cannot read f, which is another there than on its peer. */
static void begin_unread(void)
{
	struct event alone = {.type = EVENT_START_ALONE};

	story_begin(&s, 2);
	story_up(&s, N2);
	story_event(&s, N2, &alone);
	story_run(&s);
	user_saves(&s, N2, "f", 6);
	disk_write(&s, N1, "f", 9);
	s.unreadable = "f";
	s.hold = EFFECT_LOOK;
	story_up(&s, N1);
}

/* What a look has read before somebody saves it is no edit. */
static void what_was_read_before_a_save_is_not_told_as_one(void **state)
{
	struct event before = {.type = EVENT_LOOKED, .path = "f"};
	uint32_t told;

	(void)state;
	begin_unread();
	s.unreadable = NULL;
	disk_ident(&N1->disk, disk_find(&N1->disk, "f"), &before.looked.o.ident);
	story_attrs(disk_find(&N1->disk, "f"), &before.looked.o.attrs);
	told = N1->broadcasts;
	user_saves(&s, N1, "f", 5);
	story_event(&s, N1, &before);
	assert_int_equal(N1->broadcasts, told);
	s.hold = -1;
	story_run(&s);
	assert_int_equal(N1->broadcasts, told + 1);
	expect_content(N2, "f", 5);
	assert_true(waited(N1));
}

/* That look fails, too: the next one says what was saved. */
static void what_is_read_after_a_save_is_told_before_it_is_acknowledged(void **state)
{
	uint32_t told;

	(void)state;
	begin_unread();
	told = N1->broadcasts;
	user_saves(&s, N1, "f", 5);
	story_release(&s, N1, EFFECT_LOOK, "f");
	s.unreadable = NULL;
	story_wait(&s, 2000);
	story_release(&s, N1, EFFECT_LOOK, "f");
	assert_int_equal(N1->broadcasts, told + 1);
	expect_content(N2, "f", 5);
	assert_true(waited(N1));
}

/* A rescan waits for a look that says nothing, since somebody saved the file meanwhile: what the next one
 * says is told before the rescan is over. */
static void a_rescan_waits_for_the_look_after_one_that_says_nothing(void **state)
{
	(void)state;
	begin_unread();
	story_release(&s, N1, EFFECT_LOOK, "f");
	rescan(N1);
	story_wait(&s, 2000); /* this look is for the rescan */
	s.unreadable = NULL;
	user_saves(&s, N1, "f", 5);
	assert_int_equal(N1->nopen, 2);
	story_release(&s, N1, EFFECT_LOOK, "f");
	assert_int_equal(N1->nopen, 2);
	story_release(&s, N1, EFFECT_LOOK, "f");
	expect_content(N2, "f", 5);
	assert_true(waited(N1));
}

/* What an earlier life intended there waits for a file that is being written, and that goes with its
 * directory: the hint of its end comes under another name. */
static void what_was_being_written_goes_with_its_directory(void **state)
{
	struct inode *file;

	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "b");
	s.hold = EFFECT_INSTALL;
	user_makes_dir(&s, N2, "b/d");
	story_crash(&s, N1);
	s.hold = -1;
	file = disk_write(&s, N1, "b/d", 5);
	file->writers = 1;
	story_up(&s, N1);
	story_wait(&s, 2000);
	user_moves_dir(&s, N1, "b", "c");
	file->writers = 0;
	story_hint(&s, N1, "c/d", "");
	story_wait(&s, 2000);
	expect_content(N2, "c/d", 5);
	assert_non_null(disk_find(&N1->disk, "b/d"));
	assert_int_equal(disk_find(&N1->disk, "b/d")->kind, KIND_DIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORY(a_directory_that_is_back_again_is_waited_for),
	    STORY(a_directory_that_never_rests_is_told_when_it_does),
	    STORY(a_directory_that_nothing_is_in_any_more_is_not_waited_for),
	    STORY(a_save_under_the_old_name_waits_until_it_can_be_read),
	    STORY(a_save_made_while_joining_is_acknowledged_when_it_is_told),
	    STORY(so_is_a_save_that_a_crash_meets_after_the_join),
	    STORY(a_rescan_while_joining_is_acknowledged_with_the_first_tree),
	    STORY(what_stays_local_is_acknowledged_while_joining),
	    STORY(a_rescan_waits_for_a_file_that_was_emptied),
	    STORY(a_hint_during_the_telling_of_a_rename_has_a_look_of_its_own),
	    STORY(so_has_a_rename_to_a_local_name),
	    STORY(a_rename_to_a_name_that_becomes_local_tells_that_the_old_name_has_gone),
	    STORY(a_move_into_a_directory_that_has_gone_is_not_told),
	    STORY(a_move_that_is_hinted_again_is_told_as_one),
	    STORY(a_delete_is_told_when_the_local_file_of_that_name_has_gone),
	    STORY(what_was_read_before_a_save_is_not_told_as_one),
	    STORY(what_is_read_after_a_save_is_told_before_it_is_acknowledged),
	    STORY(a_rescan_waits_for_the_look_after_one_that_says_nothing),
	    STORY(what_was_being_written_goes_with_its_directory),
};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
