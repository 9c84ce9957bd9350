/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The lists of what stays local are others than in the life before: what is excluded now stays where it
 * is, what no longer is comes as a newcomer's, and nobody's file is lost or deleted for it.
 */
#include "tests/unit/core_help.h"

#define DAY (INT64_C(86400) * 1000)

static struct story s;
#define N1 (&s.host[0])
#define N2 (&s.host[1])

static int end(void **state)
{
	(void)state;
	story_end(&s);
	return 0;
}

/* n2 starts anew, and excludes that, and nothing else of its own. */
static void restart_excluding(const char *pattern)
{
	const char *why;

	if (N2->up)
		story_crash(&s, N2);
	locality_free(N2->locality);
	N2->locality = locality_new();
	N2->conf.locality = N2->locality;
	if (pattern)
		assert_int_equal(locality_exclude(N2->locality, pattern, &why), 0);
	story_up(&s, N2);
}

static void settle(void)
{
	for (int i = 0; i < 3; i++) {
		story_wait(&s, 2000);
		story_beat(&s);
		story_gossip(&s);
	}
}

static bool has(const struct host *h, uint64_t content)
{
	return storage_has(&h->store, content_hash(content));
}

/* Peers behind it may get that from nobody else. */
static void what_is_not_shown_here_is_fetched_after_a_restart_too(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	restart_excluding("own");
	s.apart = true;
	s.hold = EFFECT_FETCH;
	user_saves(&s, N1, "own", 7);
	s.cut[0][1] = s.cut[1][0] = true;
	user_saves(&s, N1, "both", 8);
	s.now += 10000;
	user_saves(&s, N2, "both", 9);
	s.cut[0][1] = s.cut[1][0] = false;
	settle();
	assert_int_equal(versions_of(N2, "both"), 2);
	assert_false(has(N2, 7) || has(N2, 8));
	story_crash(&s, N2);
	s.hold = -1;
	story_up(&s, N2);
	assert_true(has(N2, 7));
	assert_true(has(N2, 8));
	expect_content(N2, "both", 9);
}

/* It is to be a file, and is a directory here that holds a local one. */
static void so_is_what_cannot_be_put_in_place_here(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "b");
	user_saves(&s, N2, "b/x.jnl", 2);
	s.apart = true;
	s.hold = EFFECT_FETCH;
	user_deletes(&s, N1, "b");
	story_wait(&s, 2000);
	user_saves(&s, N1, "b", 7);
	settle();
	assert_int_equal(versions_of(N2, "b"), 1);
	assert_false(has(N2, 7));
	story_crash(&s, N2);
	s.hold = -1;
	story_up(&s, N2);
	assert_true(has(N2, 7));
	assert_int_equal(disk_find(&N2->disk, "b")->kind, KIND_DIR);
}

static void what_is_excluded_now_stays_and_is_told_nobody(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "own", 1);
	user_saves(&s, N1, "shared", 2);
	expect_content(N2, "own", 1);
	uint32_t told = N2->broadcasts;
	restart_excluding("own");
	settle();
	expect_content(N2, "own", 1);
	expect_content(N1, "own", 1);
	assert_null(core_shown(N2->core, "own"));
	user_saves(&s, N1, "own", 3);
	settle();
	expect_content(N2, "own", 1); /* each its own */
	user_saves(&s, N2, "own", 4);
	settle();
	expect_content(N1, "own", 3);
	user_deletes(&s, N2, "own");
	settle();
	expect_content(N1, "own", 3);
	assert_int_equal(N2->broadcasts, told);
	user_saves(&s, N2, "shared", 5);
	expect_content(N1, "shared", 5);
	assert_int_equal(vv_compare(core_vector(N1->core), core_vector(N2->core)), VV_EQUAL);
}

static void what_the_peers_delete_stays_here_if_it_is_excluded(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "data");
	user_saves(&s, N1, "data/f", 1);
	user_saves(&s, N1, "own", 2);
	const char *patterns[] = {"/data/", "own"};
	for (int i = 0; i < 2; i++) {
		restart_excluding(patterns[i]);
		if (i == 0) {
			user_deletes(&s, N1, "data/f");
			user_deletes(&s, N1, "data");
		} else {
			user_deletes(&s, N1, "own");
		}
		settle();
		expect_content(N2, i ? "own" : "data/f", i ? 2 : 1);
		story_wait(&s, 2 * DAY); /* and nothing is kept of it for ever */
		settle();
		story_wait(&s, 120000);
		assert_int_equal(versions_of(N1, i ? "own" : "data/f"), 0);
		assert_int_equal(versions_of(N2, i ? "own" : "data/f"), 0);
	}
}

static void what_is_taken_back_comes_as_a_newcomers(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	restart_excluding("*.x");
	user_saves(&s, N1, "same.x", 1);
	user_saves(&s, N1, "other.x", 2);
	user_saves(&s, N1, "theirs.x", 3);
	story_crash(&s, N2);
	disk_write(&s, N2, "same.x", 1);
	disk_write(&s, N2, "other.x", 4); /* later, which does not help it */
	disk_write(&s, N2, "only.x", 5);
	restart_excluding(NULL);
	settle();
	for (uint32_t i = 0; i < 2; i++) {
		expect_content(&s.host[i], "same.x", 1);
		expect_content(&s.host[i], "other.x", 2);
		expect_content(&s.host[i], "theirs.x", 3);
		expect_content(&s.host[i], "only.x", 5);
		assert_int_equal(versions_of(&s.host[i], "same.x"), 1);
		assert_int_equal(versions_of(&s.host[i], "other.x"), 2); /* in conflict */
	}
	/* From here on as any other. */
	user_saves(&s, N2, "other.x", 6);
	expect_content(N1, "other.x", 6);
	user_deletes(&s, N2, "only.x");
	story_wait(&s, 1000);
	expect_absent(N1, "only.x");
}

static void what_was_excluded_and_comes_back_unchanged_is_no_conflict(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "own", 1);
	restart_excluding("own");
	user_saves(&s, N1, "own", 2);
	settle();
	expect_content(N2, "own", 1);
	restart_excluding(NULL);
	settle();
	expect_content(N2, "own", 2);
	expect_content(N1, "own", 2);
}

static void what_the_peers_deleted_is_not_published(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_makes_dir(&s, N1, "data");
	user_makes_dir(&s, N1, "data/kept");
	user_saves(&s, N1, "data/f", 1);
	user_saves(&s, N1, "data/kept/g", 2);
	restart_excluding("/data/");
	user_deletes(&s, N1, "data/f");
	user_deletes(&s, N1, "data/kept/g");
	user_deletes(&s, N1, "data/kept");
	user_deletes(&s, N1, "data");
	user_saves(&s, N2, "data/kept/g", 3);
	settle();
	expect_content(N2, "data/f", 1);
	restart_excluding(NULL);
	settle();
	for (uint32_t i = 0; i < 2; i++) {
		expect_absent(&s.host[i], "data/f");
		expect_content(&s.host[i], "data/kept/g", 3); /* is another than was deleted */
	}
	assert_false(core_shown(N2->core, "data")->leftover);
	user_deletes(&s, N2, "data/kept/g");
	settle();
	expect_absent(N1, "data");
	expect_absent(N2, "data");
}

/* Until the scan of the start has ended the lists of before are not forgotten. */
static void a_crash_on_the_way_makes_no_difference(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	restart_excluding("own");
	user_saves(&s, N1, "own", 1);
	story_crash(&s, N2);
	disk_write(&s, N2, "own", 2);
	s.hold = EFFECT_SCAN;
	restart_excluding(NULL);
	settle();
	expect_content(N2, "own", 2); /* nothing is put there before it was looked at */
	story_crash(&s, N2);
	s.hold = -1;
	story_up(&s, N2);
	settle();
	expect_content(N1, "own", 1);
	expect_content(N2, "own", 1);
	assert_int_equal(versions_of(N1, "own"), 2);
}

static void a_save_after_the_start_is_a_save(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	restart_excluding("own");
	user_saves(&s, N1, "own", 1);
	story_crash(&s, N2);
	disk_write(&s, N2, "own", 2);
	s.hold = EFFECT_SCAN;
	restart_excluding(NULL);
	s.hold = EFFECT_LOOK;
	user_saves(&s, N2, "own", 3);
	s.hold = -1;
	story_run(&s);
	settle();
	expect_content(N1, "own", 3);
	expect_content(N2, "own", 3);
	assert_int_equal(versions_of(N1, "own"), 2);
}

static void what_cannot_be_read_at_the_start_is_a_newcomers_later(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	restart_excluding("own");
	user_saves(&s, N1, "own", 1);
	story_crash(&s, N2);
	disk_write(&s, N2, "own", 2);
	s.unreadable = "own";
	restart_excluding(NULL);
	settle();
	s.unreadable = NULL;
	story_wait(&s, 120000);
	settle();
	expect_content(N1, "own", 1);
	expect_content(N2, "own", 1);
	assert_int_equal(versions_of(N1, "own"), 2);
}

/* It is there already, but the core does not know. */
static void installs_unnoticed(struct host *h, const char *path)
{
	for (uint32_t i = 0; i < s.npending; i++) {
		const struct effect *e = &s.pending[i].e;

		if (s.pending[i].host != h->index || e->type != EFFECT_INSTALL)
			continue;
		struct inode *staged = disk_by_handle(&h->disk, &e->install.intent->handle);
		disk_unlink(&h->disk, disk_find(&h->disk, path), s.now);
		assert_int_equal(disk_link(&h->disk, staged, path, s.now), 0);
		return;
	}
	fail_msg("no install is under way");
}

/* An install was under way when it was excluded: it says nothing of what is saved there since. */
static void an_intent_of_before_is_dropped(void **state)
{
	struct heartbeat h;

	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "own", 1);
	s.hold = EFFECT_INSTALL;
	user_saves(&s, N1, "own", 2);
	s.hold = -1;
	installs_unnoticed(N2, "own");
	restart_excluding("own");
	settle();
	expect_content(N2, "own", 2);
	core_heartbeat(N2->core, &h, STORY_WALL + s.now, s.now);
	assert_int_equal(h.pending, 0);
	user_saves(&s, N1, "own", 3);
	user_saves(&s, N2, "own", 4);
	restart_excluding(NULL);
	settle();
	expect_content(N1, "own", 3);
	expect_content(N2, "own", 3);
	assert_int_equal(versions_of(N1, "own"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(what_is_not_shown_here_is_fetched_after_a_restart_too, end),
	    cmocka_unit_test_teardown(so_is_what_cannot_be_put_in_place_here, end),
	    cmocka_unit_test_teardown(what_is_excluded_now_stays_and_is_told_nobody, end),
	    cmocka_unit_test_teardown(what_the_peers_delete_stays_here_if_it_is_excluded, end),
	    cmocka_unit_test_teardown(what_is_taken_back_comes_as_a_newcomers, end),
	    cmocka_unit_test_teardown(what_was_excluded_and_comes_back_unchanged_is_no_conflict,
				      end),
	    cmocka_unit_test_teardown(what_the_peers_deleted_is_not_published, end),
	    cmocka_unit_test_teardown(a_crash_on_the_way_makes_no_difference, end),
	    cmocka_unit_test_teardown(a_save_after_the_start_is_a_save, end),
	    cmocka_unit_test_teardown(what_cannot_be_read_at_the_start_is_a_newcomers_later, end),
	    cmocka_unit_test_teardown(an_intent_of_before_is_dropped, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
