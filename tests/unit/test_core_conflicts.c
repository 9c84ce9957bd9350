/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two sides that did not know of each other, in every combination, and what an administrator orders
 * afterwards: both nodes show the same, nothing that was saved is forgotten, and nobody's save is
 * overwritten unseen.
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

/* ---- words for the stories ---- */

static void cut_off(void)
{
	s.cut[0][1] = s.cut[1][0] = true;
	story_reach(&s, N1, false);
	story_run(&s);
}

static void heal(void)
{
	story_wait(&s, 1000); /* what is told late has been told */
	s.cut[0][1] = s.cut[1][0] = false;
	story_reach(&s, N1, true);
	story_run(&s);
	story_wait(&s, 60000);
}

static void order_items(struct host *h, const struct order_item *items, uint32_t n)
{
	static const struct who who = {.pid = 2, .command = "zonefsctl"};
	struct order o = {.items = items, .n = n, .who = &who, .user = "root"};
	struct event e = {.type = EVENT_ORDER, .order = &o};

	s.now += 10;
	story_event(&s, h, &e);
	story_run(&s);
	story_wait(&s, 60000);
}

static struct attrs file_attrs(struct host *h, uint64_t content)
{
	struct attrs a = {.kind = KIND_FILE,
			  .mode = 0644,
			  .owner = "root",
			  .group = "root",
			  .mtime_nsec = 1,
			  .size = content_size(content),
			  .hash = content_hash(content)};

	storage_put(&h->store, a.hash);
	return a;
}

static void order_file(struct host *h, const char *path, uint64_t content)
{
	struct attrs a = file_attrs(h, content);
	struct order_item item = {path, &a, NULL};

	order_items(h, &item, 1);
}

static void order_absent(struct host *h, const char *path)
{
	struct attrs none = {.kind = KIND_ABSENT};
	struct order_item item = {path, &none, NULL};

	order_items(h, &item, 1);
}

static void user_links(struct host *h, const char *path, uint64_t target)
{
	struct inode *i = disk_make(&h->disk, KIND_LINK, (STORY_WALL + s.now) * MSEC);

	s.now += 10;
	i->content = target;
	i->mtime = (STORY_WALL + s.now) * MSEC;
	assert_int_equal(disk_link(&h->disk, i, path, s.now), 0);
	story_hint(&s, h, path, "");
	story_run(&s);
}

static int64_t mtime_of(struct host *h, const char *path)
{
	return disk_find(&h->disk, path)->mtime;
}

static void expect_kind(struct host *h, const char *path, enum kind kind)
{
	const struct inode *i = disk_find(&h->disk, path);

	assert_int_equal(i ? i->kind : KIND_ABSENT, kind);
}

static uint32_t conflicts_on(struct host *h)
{
	struct heartbeat beat;

	core_heartbeat(h->core, &beat, STORY_WALL + s.now, s.now);
	return beat.conflicts;
}

static void expect_same(uint32_t conflicts)
{
	assert_true(core_tree_digest(N1->core) == core_tree_digest(N2->core));
	assert_true(vv_compare(core_vector(N1->core), core_vector(N2->core)) == VV_EQUAL);
	assert_int_equal(conflicts_on(N1), conflicts);
	assert_int_equal(conflicts_on(N2), conflicts);
}

/* ---- conflicts ---- */

static void of_two_edits_the_later_is_shown_everywhere(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	cut_off();
	user_saves(&s, N2, "zone", 2);
	user_saves(&s, N1, "zone", 3);
	heal();
	expect_same(1);
	expect_content(N1, "zone", 3);
	expect_content(N2, "zone", 3);
	assert_int_equal(versions_of(N2, "zone"), 2);
}

static void a_save_after_a_conflict_resolves_it(void **state)
{
	of_two_edits_the_later_is_shown_everywhere(state);
	user_saves(&s, N2, "zone", 4);
	expect_same(0);
	expect_content(N1, "zone", 4);
}

static void an_edit_beats_a_delete(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	cut_off();
	user_saves(&s, N1, "zone", 2);
	s.now += 1000;
	user_deletes(&s, N2, "zone");
	heal();
	expect_same(1);
	expect_content(N1, "zone", 2);
	expect_content(N2, "zone", 2);
}

static void two_deletes_are_no_conflict(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	cut_off();
	user_deletes(&s, N1, "zone");
	user_deletes(&s, N2, "zone");
	heal();
	expect_same(0);
	expect_absent(N1, "zone");
	expect_absent(N2, "zone");
}

static void of_a_file_and_a_link_the_later_is_shown(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	cut_off();
	user_saves(&s, N1, "zone", 1);
	s.now += 10;
	user_links(N2, "zone", 7);
	heal();
	expect_same(1);
	expect_kind(N1, "zone", KIND_LINK);
	expect_kind(N2, "zone", KIND_LINK);
}

static void an_empty_directory_and_a_file_are_a_conflict(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	cut_off();
	user_makes_dir(&s, N1, "x");
	s.now += 10;
	user_saves(&s, N2, "x", 1);
	heal();
	expect_same(1);
	expect_content(N1, "x", 1);
	expect_content(N2, "x", 1);
}

static void a_file_beside_a_directory_with_something_in_it_is_hidden_and_listed(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	cut_off();
	user_makes_dir(&s, N1, "x");
	user_saves(&s, N1, "x/zone", 1);
	s.now += 10;
	user_saves(&s, N2, "x", 2);
	heal();
	expect_same(1);
	expect_kind(N2, "x", KIND_DIR);
	expect_content(N2, "x/zone", 1);
	assert_int_equal(versions_of(N1, "x"), 2);
}

/* Here no two versions of one path are concurrent: the file has seen the directory. */
static void a_file_in_the_place_of_a_directory_that_others_fill_is_listed(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "x");
	user_saves(&s, N1, "x/old", 1);
	cut_off();
	user_saves(&s, N1, "x/new", 2);
	user_deletes(&s, N2, "x/old");
	disk_unlink(&N2->disk, disk_find(&N2->disk, "x"), s.now);
	user_saves(&s, N2, "x", 3);
	heal();
	expect_same(1);
	expect_kind(N1, "x", KIND_DIR);
	expect_kind(N2, "x", KIND_DIR);
	expect_content(N2, "x/new", 2);
	expect_absent(N1, "x/old");
	user_deletes(&s, N1, "x/new"); /* and nothing hides it any longer */
	story_wait(&s, 60000);
	expect_same(0);
	expect_content(N1, "x", 3);
}

static void a_new_file_keeps_its_deleted_directory(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "x");
	cut_off();
	user_saves(&s, N1, "x/zone", 1);
	user_deletes(&s, N2, "x");
	heal();
	expect_content(N1, "x/zone", 1);
	expect_content(N2, "x/zone", 1);
	expect_same(0);
}

static void an_edit_survives_the_rename_of_its_file(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "old", 1);
	cut_off();
	user_saves(&s, N2, "old", 2);
	user_renames(&s, N1, "old", "new");
	heal();
	expect_content(N1, "new", 1);
	expect_content(N2, "new", 1);
	expect_content(N1, "old", 2); /* live beats deleted */
	expect_content(N2, "old", 2);
	expect_same(1);
}

static void of_two_renames_both_names_stay(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	cut_off();
	user_renames(&s, N1, "zone", "a");
	user_renames(&s, N2, "zone", "b");
	heal();
	expect_absent(N1, "zone");
	expect_absent(N2, "zone");
	expect_content(N1, "a", 1);
	expect_content(N2, "a", 1);
	expect_content(N1, "b", 1);
	expect_content(N2, "b", 1);
	expect_same(0);
}

static void two_files_renamed_to_one_name_are_a_conflict(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "a", 1);
	user_saves(&s, N1, "b", 2);
	cut_off();
	user_renames(&s, N1, "a", "zone");
	s.now += 10;
	user_renames(&s, N2, "b", "zone");
	heal();
	expect_absent(N2, "a");
	expect_absent(N1, "b");
	expect_content(N1, "zone", 2);
	expect_content(N2, "zone", 2);
	expect_same(1);
}

static void the_same_content_from_two_is_no_conflict(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	cut_off();
	user_saves(&s, N1, "zone", 1);
	user_saves(&s, N2, "zone", 1);
	heal();
	expect_same(0);
	expect_content(N2, "zone", 1);
}

/* ---- orders ---- */

static void an_older_content_comes_back_everywhere_with_a_later_time(void **state)
{
	int64_t before;

	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	user_saves(&s, N1, "zone", 2);
	before = mtime_of(N2, "zone");
	order_file(N1, "zone", 1);
	expect_content(N1, "zone", 1);
	expect_content(N2, "zone", 1);
	assert_true(mtime_of(N1, "zone") > before);
	assert_true(mtime_of(N2, "zone") == mtime_of(N1, "zone"));
	expect_same(0);
}

static void time_goes_forward_above_a_file_from_the_future(void **state)
{
	int64_t future = (STORY_WALL + 3600000) * MSEC;
	struct inode *i;

	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	i = disk_write(&s, N1, "zone", 2);
	i->mtime = future;
	story_hint(&s, N1, "zone", "");
	story_run(&s);
	order_file(N2, "zone", 1);
	assert_true(mtime_of(N1, "zone") > future);
	assert_true(mtime_of(N2, "zone") > future);
}

static void an_order_resolves_a_conflict(void **state)
{
	of_two_edits_the_later_is_shown_everywhere(state);
	order_file(N1, "zone", 2);
	expect_same(0);
	expect_content(N1, "zone", 2);
	expect_content(N2, "zone", 2);
}

static void an_order_for_what_is_visible_resolves_a_conflict_too(void **state)
{
	int64_t before;

	of_two_edits_the_later_is_shown_everywhere(state);
	before = mtime_of(N1, "zone");
	order_file(N2, "zone", 3);
	expect_same(0);
	expect_content(N1, "zone", 3);
	assert_true(mtime_of(N1, "zone") == before); /* its content is what it was */
}

static void a_deleted_file_comes_back_with_its_directories(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "a");
	user_makes_dir(&s, N1, "a/b");
	user_saves(&s, N1, "a/b/zone", 1);
	user_deletes(&s, N1, "a/b/zone");
	user_deletes(&s, N1, "a/b");
	user_deletes(&s, N1, "a");
	story_wait(&s, 1000);
	expect_absent(N2, "a");
	order_file(N2, "a/b/zone", 1);
	expect_content(N1, "a/b/zone", 1);
	expect_content(N2, "a/b/zone", 1);
	expect_same(0);
	user_deletes(&s, N1, "a/b/zone");
	story_wait(&s, 1000);
	expect_kind(N2, "a/b", KIND_DIR); /* made, not only implied */
}

static void an_ordered_delete_takes_what_is_below_along(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "a");
	user_saves(&s, N1, "a/zone", 1);
	user_saves(&s, N1, "b", 2);
	order_absent(N2, "a");
	expect_absent(N1, "a");
	expect_absent(N2, "a");
	expect_content(N1, "b", 2);
	expect_same(0);
}

static void a_hidden_file_is_taken(void **state)
{
	a_file_beside_a_directory_with_something_in_it_is_hidden_and_listed(state);
	order_file(N1, "x", 2);
	expect_content(N1, "x", 2);
	expect_content(N2, "x", 2);
	expect_same(0);
}

static void the_directory_is_taken_instead_of_a_hidden_file(void **state)
{
	struct order_item item = {"x", NULL, NULL};

	a_file_in_the_place_of_a_directory_that_others_fill_is_listed(state);
	story_end(&s);
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "x");
	cut_off();
	user_saves(&s, N1, "x/new", 2);
	disk_unlink(&N2->disk, disk_find(&N2->disk, "x"), s.now);
	user_saves(&s, N2, "x", 3);
	heal();
	expect_same(1);
	order_items(N2, &item, 1);
	expect_same(0);
	expect_content(N1, "x/new", 2);
	user_deletes(&s, N1, "x/new");
	story_wait(&s, 1000);
	expect_kind(N2, "x", KIND_DIR);
}

static void a_save_nobody_has_looked_at_is_not_overwritten(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	user_saves(&s, N1, "zone", 2);
	s.now += 10;
	disk_write(&s, N1, "zone", 3); /* its hint is still under way */
	s.now += 10;
	order_file(N1, "zone", 1);
	assert_int_equal(versions_of(N1, "zone"), 2);
	assert_int_equal(versions_of(N2, "zone"), 2);
	expect_same(1);
}

static void an_order_and_an_edit_elsewhere_are_concurrent(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	user_saves(&s, N1, "zone", 2);
	cut_off();
	order_file(N1, "zone", 1);
	user_saves(&s, N2, "zone", 3);
	heal();
	expect_same(1);
	expect_content(N1, "zone", 3);
}

static void what_is_so_already_makes_no_version(void **state)
{
	uint32_t told;

	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	told = N1->broadcasts;
	order_file(N1, "zone", 1);
	order_absent(N1, "never");
	assert_int_equal(N1->broadcasts, told);
}

static void what_is_local_is_left_alone(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	order_file(N1, "zone.jnl", 1);
	expect_absent(N1, "zone.jnl");
	assert_int_equal(N1->broadcasts, 0);
}

static void an_order_is_one_op_and_several_when_it_is_large(void **state)
{
	static struct order_item items[1100];
	static char paths[1100][12];
	struct order o = {.items = items, .n = 1100};
	struct event e = {.type = EVENT_ORDER, .order = &o};
	const struct effect *effects;
	uint32_t told[2] = {0}, ops = 0;
	struct attrs a;
	size_t n;

	(void)state;
	story_begin_joined(&s, 1);
	a = file_attrs(N1, 1);
	for (uint32_t i = 0; i < 1100; i++) {
		snprintf(paths[i], sizeof paths[i], "f%u", i);
		items[i] = (struct order_item){paths[i], &a, NULL};
	}
	order_items(N1, items, 5);
	assert_int_equal(N1->broadcasts, 1);
	assert_int_equal(N1->told_items, 5);
	effects = core_step(N1->core, &e, &n);
	for (size_t i = 0; i < n; i++) {
		if (effects[i].type != EFFECT_BROADCAST)
			continue;
		assert_true(ops < 2);
		told[ops++] = effects[i].op->n;
	}
	assert_int_equal(told[0], 1024);
	assert_int_equal(told[1], 1095 - 1024);
}

static void an_order_outlives_a_crash(void **state)
{
	struct attrs a;
	struct order_item item = {"zone", &a, NULL};
	struct order o = {.items = &item, .n = 1};
	struct event e = {.type = EVENT_ORDER, .order = &o};

	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	user_saves(&s, N1, "zone", 2);
	a = file_attrs(N1, 1);
	s.hold = EFFECT_INSTALL;
	story_event(&s, N1, &e);
	story_run(&s);
	s.hold = -1;
	story_crash(&s, N1);
	story_run(&s);
	expect_content(N1, "zone", 2);
	story_up(&s, N1);
	story_wait(&s, 60000);
	expect_content(N1, "zone", 1);
	expect_content(N2, "zone", 1);
	expect_same(0);
}

/* It was deleted elsewhere and stayed for a local file; when that went, a file was made in it at that
 * moment. */
static void a_directory_that_is_needed_again_follows_the_one_above(void **state)
{
	struct inode *i;

	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "b");
	user_makes_dir(&s, N1, "b/a");
	user_saves(&s, N1, "b/a/x.jnl", 2);
	user_deletes(&s, N2, "b/a");
	story_wait(&s, 200);
	s.hold = EFFECT_REMOVE;
	user_deletes(&s, N1, "b/a/x.jnl");
	user_saves(&s, N1, "b/a/zone", 1);
	s.hold = -1;
	story_release(&s, N1, EFFECT_REMOVE, "b/a");
	story_wait(&s, 40000);
	expect_content(N2, "b/a/zone", 1);
	i = disk_find(&N1->disk, "b");
	i->mode = 0700;
	disk_touch(&N1->disk, i, s.now);
	story_hint_flags(&s, N1, "b", "", 0);
	story_run(&s);
	assert_int_equal(disk_find(&N2->disk, "b/a")->mode, 0700);
	assert_int_equal(disk_find(&N1->disk, "b/a")->mode, 0700);
}

#define STORY(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORY(a_directory_that_is_needed_again_follows_the_one_above),
	    STORY(of_two_edits_the_later_is_shown_everywhere),
	    STORY(a_save_after_a_conflict_resolves_it),
	    STORY(an_edit_beats_a_delete),
	    STORY(two_deletes_are_no_conflict),
	    STORY(of_a_file_and_a_link_the_later_is_shown),
	    STORY(an_empty_directory_and_a_file_are_a_conflict),
	    STORY(a_file_beside_a_directory_with_something_in_it_is_hidden_and_listed),
	    STORY(a_file_in_the_place_of_a_directory_that_others_fill_is_listed),
	    STORY(a_new_file_keeps_its_deleted_directory),
	    STORY(an_edit_survives_the_rename_of_its_file),
	    STORY(of_two_renames_both_names_stay),
	    STORY(two_files_renamed_to_one_name_are_a_conflict),
	    STORY(the_same_content_from_two_is_no_conflict),
	    STORY(an_older_content_comes_back_everywhere_with_a_later_time),
	    STORY(time_goes_forward_above_a_file_from_the_future),
	    STORY(an_order_resolves_a_conflict),
	    STORY(an_order_for_what_is_visible_resolves_a_conflict_too),
	    STORY(a_deleted_file_comes_back_with_its_directories),
	    STORY(an_ordered_delete_takes_what_is_below_along),
	    STORY(a_hidden_file_is_taken),
	    STORY(the_directory_is_taken_instead_of_a_hidden_file),
	    STORY(a_save_nobody_has_looked_at_is_not_overwritten),
	    STORY(an_order_and_an_edit_elsewhere_are_concurrent),
	    STORY(what_is_so_already_makes_no_version),
	    STORY(what_is_local_is_left_alone),
	    STORY(an_order_is_one_op_and_several_when_it_is_large),
	    STORY(an_order_outlives_a_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
