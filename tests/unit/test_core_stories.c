/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the core decides, told as stories: two or three nodes, one thing happens after the other.
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

static void an_edit_travels(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	expect_content(N2, "zone", 1);
	user_saves(&s, N2, "zone", 2);
	expect_content(N1, "zone", 2);
	assert_int_equal(versions_of(N1, "zone"), 1);
	assert_true(vv_compare(core_vector(N1->core), core_vector(N2->core)) == VV_EQUAL);
}

static void an_install_is_no_edit(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	story_hint(&s, N2, "zone", ""); /* the echo of the install */
	story_run(&s);
	assert_int_equal(N2->broadcasts, 0);
}

static void a_deleted_file_does_not_come_back(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	story_crash(&s, N2);
	user_deletes(&s, N1, "zone");
	story_wait(&s, 200);
	story_up(&s, N2); /* with the file still there */
	story_run(&s);
	expect_absent(N1, "zone");
	expect_absent(N2, "zone");
}

static void a_save_made_before_an_install_stays_concurrent(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	s.hold = EFFECT_INSTALL;
	user_saves(&s, N1, "zone", 2); /* told to n2, not yet on its disk */
	s.now += 10;
	disk_write(&s, N2, "zone", 3); /* saved by somebody who saw 1 */
	s.hold = -1;
	story_run(&s); /* the install finds another identity, and the save is looked at */
	assert_int_equal(versions_of(N1, "zone"), 2);
	assert_int_equal(versions_of(N2, "zone"), 2);
	expect_content(N1, "zone", 3); /* the later one is shown, the other is a conflict */
	expect_content(N2, "zone", 3);
	user_saves(&s, N1, "zone", 4); /* who saves now has been told of both */
	assert_int_equal(versions_of(N2, "zone"), 1);
}

static void a_gap_starts_a_catch_up(void **state)
{
	uint32_t asked;

	(void)state;
	story_begin_joined(&s, 2);
	asked = N2->asks;
	s.deaf[1] = true;
	user_saves(&s, N1, "a", 1);
	s.deaf[1] = false;
	user_saves(&s, N1, "b", 2); /* does not follow on */
	assert_true(N2->asks > asked);
	expect_content(N2, "a", 1);
	expect_content(N2, "b", 2);
}

static void a_page_cut_harms_nothing(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	s.deaf[1] = true;
	user_saves(&s, N1, "a", 1);
	s.deaf[1] = false;
	s.lose_pages = true;
	user_saves(&s, N1, "b", 2);
	expect_absent(N2, "a");
	s.lose_pages = false;
	story_wait(&s, 30000); /* asked again */
	expect_content(N2, "a", 1);
	expect_content(N2, "b", 2);
	assert_true(vv_compare(core_vector(N1->core), core_vector(N2->core)) == VV_EQUAL);
}

static void an_editor_that_moves_the_file_away_deletes_nothing(void **state)
{
	uint32_t told;

	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	told = N1->broadcasts;
	user_renames(&s, N1, "zone", "zone~");
	story_wait(&s, 50);
	expect_content(N2, "zone", 1);
	user_saves(&s, N1, "zone", 2);
	user_deletes(&s, N1, "zone~");
	story_wait(&s, 500);
	assert_int_equal(N1->broadcasts, told + 1);
	expect_content(N2, "zone", 2);
	expect_absent(N2, "zone~");
}

static void a_rename_is_one_op(void **state)
{
	uint32_t told;

	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "old", 1);
	told = N1->broadcasts;
	user_renames(&s, N1, "old", "new");
	story_wait(&s, 200);
	assert_int_equal(N1->broadcasts, told + 1);
	assert_int_equal(N1->told_items, 2);
	expect_content(N2, "new", 1);
	expect_absent(N2, "old");
}

static void an_absence_waits_for_the_content_of_its_op(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "old", 1);
	s.hold = EFFECT_STAGE;
	user_renames(&s, N1, "old", "new");
	story_wait(&s, 200);
	expect_content(N2, "old", 1); /* never neither of the two */
	s.hold = -1;
	story_run(&s);
	expect_content(N2, "new", 1);
	expect_absent(N2, "old");
}

static void a_directory_moves_with_all_that_is_in_it(void **state)
{
	struct event e = {.type = EVENT_HINT, .path = "b"};

	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "a");
	user_saves(&s, N1, "a/x", 1);
	user_saves(&s, N1, "a/y", 2);
	struct inode *dir = disk_find(&N1->disk, "a");
	disk_unlink(&N1->disk, dir, s.now);
	disk_link(&N1->disk, dir, "b", s.now);
	e.hint.serial = ++N1->serial;
	e.hint.from = "a";
	e.hint.flags = HINT_NAMES | HINT_TREE;
	story_event(&s, N1, &e);
	story_run(&s);
	story_wait(&s, 300);
	assert_int_equal(N1->told_items, 6);
	expect_content(N2, "b/x", 1);
	expect_content(N2, "b/y", 2);
	expect_absent(N2, "a");
}

static void a_newcomer_takes_the_peers_content(void **state)
{
	(void)state;
	story_begin(&s, 2);
	story_up(&s, N1);
	struct event alone = {.type = EVENT_START_ALONE};
	story_event(&s, N1, &alone);
	story_run(&s);
	user_saves(&s, N1, "zone", 1);
	s.now += 100000;
	disk_write(&s, N2, "zone", 2); /* younger, and stale all the same */
	disk_write(&s, N2, "other", 3);
	story_up(&s, N2);
	assert_false(core_joining(N2->core));
	expect_content(N1, "zone", 1);
	expect_content(N2, "zone", 1);
	expect_content(N1, "other", 3);               /* what only it has is published */
	assert_int_equal(versions_of(N2, "zone"), 2); /* and its own is a conflict, not lost */
}

static void of_two_joining_nodes_the_newer_file_wins(void **state)
{
	(void)state;
	story_begin(&s, 2);
	disk_write(&s, N1, "zone", 1);
	disk_write(&s, N1, "same", 5);
	s.now += 5000;
	disk_write(&s, N2, "zone", 2);
	disk_write(&s, N2, "same", 5);
	story_up(&s, N1);
	assert_true(core_joining(N1->core)); /* alone it makes no versions */
	assert_int_equal(N1->broadcasts, 0);
	story_up(&s, N2);
	expect_content(N1, "zone", 2);
	expect_content(N2, "zone", 2);
	expect_content(N1, "same", 5);
}

static void what_is_local_is_never_told(void **state)
{
	(void)state;
	story_begin(&s, 2);
	story_up(&s, N1);
	disk_write(&s, N1, "session.key", 7);
	story_hint(&s, N1, "session.key", ""); /* while it is joining */
	story_up(&s, N2);
	user_saves(&s, N1, "session.key", 8);
	user_saves(&s, N1, "zone", 1);
	expect_absent(N2, "session.key");
	expect_content(N2, "zone", 1);
}

static void an_intent_is_recognised_after_a_crash(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	s.hold = EFFECT_INSTALL;
	user_saves(&s, N1, "zone", 1);
	/* The install is done, its answer is never heard. */
	for (uint32_t i = 0; i < s.npending; i++) {
		struct inode *now = NULL;

		if (s.pending[i].e.type == EFFECT_INSTALL)
			assert_int_equal(story_place(&s, N2, &s.pending[i].e, &now), 0);
	}
	story_crash(&s, N2);
	s.hold = -1;
	story_up(&s, N2);
	assert_int_equal(N2->broadcasts, 0); /* it is no edit of n2's */
	assert_int_equal(versions_of(N2, "zone"), 1);
	assert_non_null(core_shown(N2->core, "zone"));
	assert_true(core_shows(N2->core, core_vector(N2->core)));
}

/* n2 does what it is told, and is killed before it knows. */
static void install_unheard(struct host *from, const char *path, enum kind kind)
{
	struct inode *i = disk_make(&from->disk, kind, (STORY_WALL + s.now) * MSEC);

	i->content = 1;
	assert_int_equal(disk_link(&from->disk, i, path, s.now), 0);
	s.mute = true;
	story_hint(&s, from, path, "");
	story_run(&s);
	story_crash(&s, N2);
	s.mute = false;
}

static void hooks_hear_of_an_install_that_a_crash_has_met(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	install_unheard(N1, "zone", KIND_FILE);
	assert_int_equal(N2->told, 0);
	story_up(&s, N2);
	assert_int_equal(N2->told, 1);
	expect_content(N2, "zone", 1);
}

static void so_is_an_intent_of_a_link(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	install_unheard(N1, "link", KIND_LINK);
	assert_non_null(disk_find(&N2->disk, "link"));
	user_deletes(&s, N1, "link");
	story_wait(&s, 200);
	story_up(&s, N2); /* told as its own, it would come back */
	expect_absent(N1, "link");
	expect_absent(N2, "link");
	assert_int_equal(N2->broadcasts, 0);
}

static void the_same_bytes_saved_by_a_person_are_an_edit(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	s.hold = EFFECT_INSTALL;
	user_saves(&s, N1, "zone", 1);
	story_crash(&s, N2);
	disk_write(&s, N2, "zone", 1); /* not the staged inode */
	s.hold = -1;
	story_up(&s, N2);
	assert_int_equal(N2->broadcasts, 1);
}

static void a_busy_path_waits_and_the_others_do_not(void **state)
{
	struct event e = {.type = EVENT_FREE, .path = "zone"};
	struct inode *i;

	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	i = disk_find(&N2->disk, "zone");
	i->writers = 1;
	user_saves(&s, N1, "zone", 2);
	user_saves(&s, N1, "other", 3);
	expect_content(N2, "zone", 1);
	expect_content(N2, "other", 3);
	i->writers = 0;
	e.hint.serial = ++N2->serial;
	e.hint.from = "";
	story_event(&s, N2, &e);
	story_run(&s);
	expect_content(N2, "zone", 2);
}

static void an_mtime_never_goes_back(void **state)
{
	int64_t served;
	struct inode *i;

	(void)state;
	story_begin_joined(&s, 2);
	s.now += 50000;
	user_saves(&s, N1, "zone", 1);
	served = disk_find(&N2->disk, "zone")->mtime;
	i = disk_find(&N1->disk, "zone");
	i->content = 2;
	i->mtime = served - 20000 * MSEC;
	disk_touch(&N1->disk, i, s.now);
	story_hint(&s, N1, "zone", "");
	story_run(&s);
	expect_content(N2, "zone", 2);
	assert_true(disk_find(&N2->disk, "zone")->mtime > served);
	assert_true(core_shown(N2->core, "zone")->raised);
	assert_int_equal(N2->broadcasts, 0); /* raised here, and told to nobody */
}

static void what_one_node_excludes_passes_through_it(void **state)
{
	const char *why;

	(void)state;
	story_begin(&s, 3);
	assert_int_equal(locality_exclude(N2->locality, "/private/", &why), 0);
	for (uint32_t i = 0; i < 3; i++)
		story_up(&s, &s.host[i]);
	s.cut[0][2] = s.cut[2][0] = true; /* n3 hears n1 through n2 only */
	user_makes_dir(&s, N1, "private");
	user_saves(&s, N1, "private/zone", 1);
	expect_absent(N2, "private");
	assert_int_equal(versions_of(N2, "private/zone"), 1);
	story_crash(&s, N3);
	story_up(&s, N3); /* asks n2 */
	expect_content(N3, "private/zone", 1);
}

static void a_delete_and_a_save_at_once_leave_the_save(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	s.cut[0][1] = s.cut[1][0] = true;
	user_deletes(&s, N1, "zone");
	story_wait(&s, 200);
	user_saves(&s, N2, "zone", 2);
	s.cut[0][1] = s.cut[1][0] = false;
	story_reach(&s, N1, false);
	story_reach(&s, N1, true);
	story_run(&s);
	expect_content(N1, "zone", 2);
	expect_content(N2, "zone", 2);
}

static void a_directory_moved_on_leaves_nothing_behind(void **state)
{
	struct event rescan = {.type = EVENT_RESCAN, .path = ""};

	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "d");
	user_saves(&s, N1, "d/f", 1);
	user_moves_dir(&s, N1, "d", "x");
	rescan.hint.serial = ++N1->serial;
	rescan.hint.from = "";
	story_event(&s, N1, &rescan); /* finds x/f before the rename is told */
	story_run(&s);
	user_moves_dir(&s, N1, "x", "d");
	story_wait(&s, 1000);
	expect_content(N2, "d/f", 1);
	expect_absent(N2, "x/f");
	expect_absent(N2, "x");
	assert_true(core_tree_digest(N1->core) == core_tree_digest(N2->core));
}

/* Told of a file, found no directory: what has come between is not undone. */
static void a_directory_moved_away_is_not_made_again_for_what_was_in_it(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "d");
	user_deletes(&s, N1, "d");
	story_wait(&s, 200);
	s.hold = EFFECT_LOOK;
	user_makes_dir(&s, N1, "d");
	user_saves(&s, N1, "d/f", 1);
	story_release(&s, N1, EFFECT_LOOK, "d/f");
	assert_int_equal(versions_of(N1, "d/f"), 1);
	user_moves_dir(&s, N1, "d", "x");
	story_release(&s, N1, EFFECT_LOOK, "d");
	expect_absent(N1, "d");
	s.hold = -1;
	story_run(&s);
	expect_absent(N1, "d");
	story_wait(&s, 1000);
	expect_content(N2, "x/f", 1);
	expect_absent(N1, "d");
	expect_absent(N2, "d");
	assert_true(core_tree_digest(N1->core) == core_tree_digest(N2->core));
	assert_int_equal(N1->acked, N1->serial);
}

static void a_hint_is_acknowledged_when_all_that_it_led_to_is_told(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	user_renames(&s, N1, "zone", "zone~"); /* a name that stays local */
	assert_int_not_equal(N1->acked, N1->serial);
	expect_content(N2, "zone", 1);
	story_wait(&s, 200);
	assert_int_equal(N1->acked, N1->serial);
	expect_absent(N2, "zone");

	user_makes_dir(&s, N1, "d");
	user_saves(&s, N1, "d/f", 1);
	user_moves_dir(&s, N1, "d", "session.key"); /* with all that was in it */
	expect_content(N2, "d/f", 1);
	assert_int_not_equal(N1->acked, N1->serial);
	story_wait(&s, 200);
	assert_int_equal(N1->acked, N1->serial);
	expect_absent(N2, "d");
}

static void a_start_is_over_when_what_it_found_is_told(void **state)
{
	uint32_t before;

	(void)state;
	story_begin_joined(&s, 2);
	assert_int_equal(N1->started, 1); /* with its join */
	user_saves(&s, N1, "zone", 1);
	user_saves(&s, N1, "gone", 1);
	story_wait(&s, 1000);
	story_crash(&s, N1);
	disk_write(&s, N1, "zone", 2); /* beneath */
	disk_unlink(&N1->disk, disk_find(&N1->disk, "gone"), s.now);
	before = N1->started;
	story_up(&s, N1);
	story_run(&s);
	expect_content(N2, "zone", 2);
	assert_non_null(disk_find(&N2->disk, "gone")); /* yet to be believed */
	assert_int_equal(N1->started, before);
	story_wait(&s, 1000);
	assert_null(disk_find(&N2->disk, "gone"));
	assert_int_equal(N1->started, before + 1);
}

static void what_looks_as_before_an_install_may_be_an_edit(void **state)
{
	struct inode *i;
	int64_t mtime;

	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	mtime = disk_find(&N2->disk, "zone")->mtime;
	s.hold = EFFECT_REMOVE;
	user_deletes(&s, N1, "zone");
	story_wait(&s, 200);
	/* It is removed on n2, and before that is heard put back as it was. */
	disk_unlink(&N2->disk, disk_find(&N2->disk, "zone"), s.now);
	story_crash(&s, N2);
	i = disk_write(&s, N2, "zone", 1);
	i->mtime = mtime;
	s.hold = -1;
	story_up(&s, N2);
	story_wait(&s, 1000);
	expect_content(N1, "zone", 1);
	expect_content(N2, "zone", 1);
}

static void a_directory_is_no_leftover_for_what_is_known_in_it(void **state)
{
	(void)state;
	story_begin_joined(&s, 3);
	user_makes_dir(&s, N1, "d");
	s.hold = EFFECT_REMOVE;
	s.deaf[2] = true;
	user_deletes(&s, N1, "d");
	story_wait(&s, 200);          /* n2 is about to remove it */
	user_saves(&s, N3, "d/f", 1); /* and gets something into it */
	expect_content(N2, "d/f", 1);
	user_deletes(&s, N3, "d/f");
	story_wait(&s, 200);
	story_release(&s, N2, EFFECT_REMOVE, "d");
	assert_false(core_shown(N2->core, "d")->leftover);
	s.hold = -1;
	s.deaf[2] = false;
	story_run(&s);
	story_wait(&s, 1000);
	expect_absent(N2, "d");
}

/* It stayed for what was in it, and that stood for its deletion, too. */
static void a_deleted_directory_is_shown_as_such_when_it_has_gone(void **state)
{
	(void)state;
	story_begin_joined(&s, 3);
	user_makes_dir(&s, N1, "d");
	s.deaf[0] = true;
	user_saves(&s, N3, "d/f", 1);
	user_deletes(&s, N1, "d");
	story_wait(&s, 200);
	expect_content(N2, "d/f", 1);
	assert_true(core_shows(N2->core, core_vector(N2->core)));
	s.hold = EFFECT_REMOVE;
	user_deletes(&s, N3, "d/f");
	story_wait(&s, 200);
	assert_false(core_shows(N2->core, core_vector(N2->core)));
	story_release(&s, N2, EFFECT_REMOVE, "d/f");
	assert_non_null(disk_find(&N2->disk, "d"));
	assert_false(core_shows(N2->core, core_vector(N2->core)));
	assert_false(core_shows_path(N2->core, "d", core_vector(N2->core)));
	s.hold = -1;
	story_run(&s);
	expect_absent(N2, "d");
	assert_true(core_shows(N2->core, core_vector(N2->core)));
}

/* Likewise a file that was put in its place: it was hidden, which all had shown. */
static void a_file_that_a_directory_hid_is_shown_when_it_is_there(void **state)
{
	(void)state;
	story_begin_joined(&s, 3);
	user_makes_dir(&s, N1, "d");
	s.deaf[0] = true;
	user_saves(&s, N3, "d/f", 1);
	user_deletes(&s, N1, "d");
	user_saves(&s, N1, "d", 2);
	story_wait(&s, 1000);
	expect_content(N2, "d/f", 1);
	assert_true(core_shows(N2->core, core_vector(N2->core)));
	s.hold = EFFECT_INSTALL;
	user_deletes(&s, N3, "d/f");
	story_wait(&s, 1000);
	assert_null(disk_find(&N2->disk, "d/f"));
	assert_false(core_shows(N2->core, core_vector(N2->core)));
	assert_false(core_shows_path(N2->core, "d", core_vector(N2->core)));
	s.hold = -1;
	story_run(&s);
	expect_content(N2, "d", 2);
	assert_true(core_shows(N2->core, core_vector(N2->core)));
}

static void a_leftover_goes_when_it_is_empty_though_it_is_being_looked_at(void **state)
{
	(void)state;
	story_begin_joined(&s, 3);
	user_makes_dir(&s, N1, "d");
	disk_write(&s, N2, "d/session.key", 7);
	s.deaf[2] = true;
	user_deletes(&s, N1, "d");
	story_wait(&s, 200);
	assert_true(core_shown(N2->core, "d")->leftover);
	s.hold = EFFECT_LOOK;
	disk_unlink(&N3->disk, disk_find(&N3->disk, "d"), s.now);
	story_hint(&s, N3, "d", "");
	story_release(&s, N3, EFFECT_LOOK, "d");
	story_wait(&s, 200);
	story_release(&s, N3, EFFECT_LOOK, "d"); /* n2 hears of a second deletion, and looks */
	user_deletes(&s, N2, "d/session.key");
	s.hold = -1;
	story_run(&s);
	story_wait(&s, 1000);
	expect_absent(N2, "d");
}

static uint32_t marks(const struct host *h)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < h->store.nmeta; i++)
		n += strncmp(h->store.meta[i].name, "local/", 6) == 0;
	return n;
}

/* named makes a file that has no name yet, and closes it. */
static void named_makes(struct host *h, const char *path, uint64_t content)
{
	s.now += 10;
	disk_write(&s, h, path, content);
	story_hint_by(&s, h, path, "", HINT_NAMES | HINT_CREATED, "named");
	story_run(&s);
}

static void what_named_has_not_named_stays_local_over_a_restart(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	named_makes(N1, "tmp-AbCdEfGhIj", 1);
	story_hint_by(&s, N1, "tmp-AbCdEfGhIj", "", 0, "chmod"); /* an attribute */
	story_run(&s);
	expect_absent(N2, "tmp-AbCdEfGhIj");
	story_crash(&s, N1);
	story_up(&s, N1); /* scans its tree */
	story_wait(&s, 500);
	expect_content(N1, "tmp-AbCdEfGhIj", 1);
	expect_absent(N2, "tmp-AbCdEfGhIj");
	user_renames(&s, N1, "tmp-AbCdEfGhIj", "zone"); /* whole now */
	expect_content(N2, "zone", 1);
}

static void a_name_that_named_made_is_free_when_it_has_gone(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	named_makes(N1, "tmp-AbCdEfGhIj", 1);
	assert_int_equal(marks(N1), 1);
	disk_unlink(&N1->disk, disk_find(&N1->disk, "tmp-AbCdEfGhIj"), s.now);
	story_hint_by(&s, N1, "tmp-AbCdEfGhIj", "", HINT_NAMES, "named");
	story_run(&s);
	assert_int_equal(marks(N1), 0);
	user_saves(&s, N2, "tmp-AbCdEfGhIj", 2); /* somebody's own */
	expect_content(N1, "tmp-AbCdEfGhIj", 2);

	named_makes(N1, "db-AbCdEfGh", 1);
	assert_int_equal(marks(N1), 1);
	story_crash(&s, N1); /* removed while nobody looks */
	disk_unlink(&N1->disk, disk_find(&N1->disk, "db-AbCdEfGh"), s.now);
	story_up(&s, N1);
	assert_int_equal(marks(N1), 0);
}

static void a_mark_goes_with_its_directory(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "d");
	named_makes(N1, "d/db-AbCdEfGh", 1);
	struct inode *dir = disk_find(&N1->disk, "d");
	disk_unlink(&N1->disk, dir, s.now);
	disk_link(&N1->disk, dir, "e", s.now);
	story_hint_by(&s, N1, "e", "d", HINT_NAMES | HINT_TREE, "mv");
	story_run(&s);
	story_wait(&s, 500);
	assert_non_null(disk_find(&N2->disk, "e"));
	expect_absent(N2, "d");
	expect_content(N1, "e/db-AbCdEfGh", 1);
	expect_absent(N2, "e/db-AbCdEfGh");
	assert_int_equal(marks(N1), 1);
}

static void a_scan_is_over_when_what_it_found_is_told(void **state)
{
	struct event looked_at = {.type = EVENT_FREE, .path = "zone"};
	struct event rescan = {.type = EVENT_RESCAN, .path = ""};

	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	s.hold = EFFECT_LOOK;
	story_event(&s, N1, &looked_at);
	story_run(&s);
	disk_write(&s, N1, "zone", 2);
	rescan.hint.serial = ++N1->serial;
	story_event(&s, N1, &rescan);
	story_run(&s);
	expect_content(N2, "zone", 1);
	assert_int_not_equal(N1->acked, N1->serial);
	s.hold = -1;
	story_run(&s);
	assert_int_equal(N1->acked, N1->serial);
	expect_content(N2, "zone", 2);
}

#define STORY(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest stories[] = {
	    STORY(an_edit_travels),
	    STORY(an_install_is_no_edit),
	    STORY(a_deleted_file_does_not_come_back),
	    STORY(a_save_made_before_an_install_stays_concurrent),
	    STORY(a_gap_starts_a_catch_up),
	    STORY(a_page_cut_harms_nothing),
	    STORY(an_editor_that_moves_the_file_away_deletes_nothing),
	    STORY(a_rename_is_one_op),
	    STORY(an_absence_waits_for_the_content_of_its_op),
	    STORY(a_directory_moves_with_all_that_is_in_it),
	    STORY(a_newcomer_takes_the_peers_content),
	    STORY(of_two_joining_nodes_the_newer_file_wins),
	    STORY(what_is_local_is_never_told),
	    STORY(an_intent_is_recognised_after_a_crash),
	    STORY(so_is_an_intent_of_a_link),
	    STORY(hooks_hear_of_an_install_that_a_crash_has_met),
	    STORY(the_same_bytes_saved_by_a_person_are_an_edit),
	    STORY(a_busy_path_waits_and_the_others_do_not),
	    STORY(what_named_has_not_named_stays_local_over_a_restart),
	    STORY(a_name_that_named_made_is_free_when_it_has_gone),
	    STORY(a_mark_goes_with_its_directory),
	    STORY(an_mtime_never_goes_back),
	    STORY(what_one_node_excludes_passes_through_it),
	    STORY(a_delete_and_a_save_at_once_leave_the_save),
	    STORY(a_directory_moved_on_leaves_nothing_behind),
	    STORY(a_directory_moved_away_is_not_made_again_for_what_was_in_it),
	    STORY(a_hint_is_acknowledged_when_all_that_it_led_to_is_told),
	    STORY(a_scan_is_over_when_what_it_found_is_told),
	    STORY(a_start_is_over_when_what_it_found_is_told),
	    STORY(what_looks_as_before_an_install_may_be_an_edit),
	    STORY(a_directory_is_no_leftover_for_what_is_known_in_it),
	    STORY(a_deleted_directory_is_shown_as_such_when_it_has_gone),
	    STORY(a_file_that_a_directory_hid_is_shown_when_it_is_there),
	    STORY(a_leftover_goes_when_it_is_empty_though_it_is_being_looked_at),
	};

	return cmocka_run_group_tests(stories, NULL, NULL);
}
