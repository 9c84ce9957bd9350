/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The safety brake, told as stories: what would remove too much at once waits for an administrator.
 */
#include "tests/unit/core_help.h"

#define FILES 40

static struct story s;
#define N1 (&s.host[0])
#define N2 (&s.host[1])

static int end(void **state)
{
	(void)state;
	story_end(&s);
	return 0;
}

static const char *name(unsigned i)
{
	static char text[16];

	snprintf(text, sizeof(text), "f%02u", i);
	return text;
}

/* Two nodes with FILES files; the brake holds what removes more than a quarter and more than 5. */
static void begin(void)
{
	story_begin(&s, 2);
	for (unsigned i = 0; i < 2; i++) {
		s.host[i].conf.brake_share = 25;
		s.host[i].conf.brake_paths = 5;
	}
	for (unsigned i = 0; i < 2; i++)
		story_up(&s, &s.host[i]);
	for (unsigned i = 0; i < FILES; i++)
		user_saves(&s, N1, name(i), i + 1);
	expect_content(N2, name(FILES - 1), FILES);
}

static void remove_some(struct host *h, unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++)
		user_deletes(&s, h, name(i));
}

static unsigned files_on(struct host *h)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FILES; i++)
		n += disk_find(&h->disk, name(i)) != NULL;
	return n;
}

static void decide(struct host *h, enum event_type type, const char *path)
{
	struct decision d = {.paths = &path, .n = path[0] != '\0'};
	struct event e = {.type = type, .decision = &d};

	story_event(&s, h, &e);
	story_run(&s);
	story_wait(&s, 2000);
}

static void a_tree_that_is_emptied_stays_on_the_peers(void **state)
{
	(void)state;
	begin();
	remove_some(N1, 0, FILES);
	story_wait(&s, 90000);
	assert_int_equal(core_held(N1->core), FILES);
	assert_int_equal(files_on(N2), FILES);
	assert_int_equal(N1->acked, N1->serial); /* nobody waits for what is held */
}

static void a_few_removals_are_told_at_once(void **state)
{
	(void)state;
	begin();
	remove_some(N1, 0, 5);
	story_wait(&s, 150);
	assert_int_equal(files_on(N2), FILES - 5);
	assert_int_equal(core_held(N1->core), 0);
}

static void many_of_very_many_are_told_when_they_are_over(void **state)
{
	(void)state;
	begin();
	remove_some(N1, 0, 9);
	story_wait(&s, 500);
	assert_int_equal(files_on(N2), FILES);
	story_wait(&s, 1000);
	assert_int_equal(files_on(N2), FILES - 9);
	assert_int_equal(core_held(N1->core), 0);
}

static void a_slow_hand_does_not_pass_unseen(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 0; i < FILES; i += 4) {
		remove_some(N1, i, 4);
		story_wait(&s, 2000);
	}
	assert_true(files_on(N2) >= FILES * 3 / 4 - 4);
	assert_true(core_held(N1->core) > 0);
}

static void approved_it_is_removed_everywhere(void **state)
{
	(void)state;
	begin();
	remove_some(N1, 0, FILES);
	story_wait(&s, 2000);
	decide(N1, EVENT_APPROVE, "");
	assert_int_equal(core_held(N1->core), 0);
	assert_int_equal(files_on(N2), 0);
	user_saves(&s, N1, name(0), 7); /* and the brake is as before */
	user_deletes(&s, N1, name(0));
	story_wait(&s, 150);
	expect_absent(N2, name(0));
}

static void discarded_it_is_put_back(void **state)
{
	(void)state;
	begin();
	remove_some(N1, 0, FILES);
	story_wait(&s, 2000);
	decide(N1, EVENT_DISCARD, "");
	assert_int_equal(core_held(N1->core), 0);
	assert_int_equal(files_on(N1), FILES);
	assert_int_equal(files_on(N2), FILES);
	expect_content(N1, name(3), 4);
	assert_int_equal(versions_of(N1, name(3)), 1);
}

static void one_path_can_be_decided_for_itself(void **state)
{
	(void)state;
	begin();
	remove_some(N1, 0, FILES);
	story_wait(&s, 2000);
	decide(N1, EVENT_APPROVE, name(1));
	assert_int_equal(files_on(N2), FILES - 1);
	decide(N1, EVENT_DISCARD, name(2));
	assert_int_equal(files_on(N1), 1);
	assert_int_equal(core_held(N1->core), FILES - 2);
}

static void files_that_are_emptied_count_too(void **state)
{
	int64_t emptied;

	(void)state;
	begin();
	s.now += 5000;
	for (unsigned i = 0; i < FILES; i++)
		user_saves(&s, N1, name(i), 0);
	emptied = disk_find(&N1->disk, name(0))->mtime;
	story_wait(&s, 2000);
	assert_int_equal(core_held(N1->core), FILES);
	expect_content(N2, name(0), 1);
	decide(N1, EVENT_DISCARD, "");
	expect_content(N1, name(0), 1);
	assert_true(disk_find(&N1->disk, name(0))->mtime >
		    emptied); /* as a name server compares it */
}

static void one_file_that_is_emptied_is_told(void **state)
{
	(void)state;
	begin();
	user_saves(&s, N1, name(0), 0);
	story_wait(&s, 150);
	expect_content(N2, name(0), 0);
}

static void a_save_ends_what_is_held_of_its_path(void **state)
{
	(void)state;
	begin();
	remove_some(N1, 0, FILES);
	story_wait(&s, 2000);
	user_saves(&s, N1, name(4), 99);
	expect_content(N2, name(4), 99);
	assert_int_equal(core_held(N1->core), FILES - 1);
}

static void a_peers_edit_waits_and_survives_an_approval(void **state)
{
	(void)state;
	begin();
	remove_some(N1, 0, FILES);
	story_wait(&s, 2000);
	user_saves(&s, N2, name(4), 99);
	story_wait(&s, 2000);
	expect_absent(N1, name(4));
	decide(N1, EVENT_APPROVE, "");
	expect_content(N1, name(4), 99);
	expect_content(N2, name(4), 99);
	assert_int_equal(files_on(N2), 1);
}

static void a_restart_does_not_release_it(void **state)
{
	(void)state;
	begin();
	remove_some(N1, 0, FILES);
	story_wait(&s, 2000);
	for (unsigned i = 3; i < FILES; i++) /* brought back while nobody looks */
		disk_write(&s, N1, name(i), i + 1);
	story_crash(&s, N1);
	story_up(&s, N1);
	story_run(&s);
	story_wait(&s, 2000);
	assert_int_equal(core_held(N1->core), 3);
	assert_int_equal(files_on(N2), FILES);
	decide(N1, EVENT_DISCARD, "");
	assert_int_equal(files_on(N1), FILES);
}

static void a_tree_that_is_empty_at_the_start_is_held(void **state)
{
	(void)state;
	begin();
	story_crash(&s, N1);
	for (unsigned i = 0; i < FILES; i++)
		disk_unlink(&N1->disk, disk_find(&N1->disk, name(i)), s.now);
	story_up(&s, N1);
	story_run(&s);
	story_wait(&s, 2000);
	assert_int_equal(core_held(N1->core), FILES);
	assert_int_equal(files_on(N2), FILES);
}

static void what_was_emptied_comes_back_with_a_later_time(void **state)
{
	int64_t empty;

	(void)state;
	begin();
	s.now += 100000;
	for (unsigned i = 0; i < 20; i++)
		user_saves(&s, N1, name(i), 0);
	story_wait(&s, 90000);
	assert_int_equal(core_held(N1->core), 20);
	empty = disk_find(&N1->disk, name(7))->mtime;
	decide(N1, EVENT_DISCARD, "");
	expect_content(N1, name(7), 8);
	assert_true(disk_find(&N1->disk, name(7))->mtime > empty);
}

/* Made anew and renamed before anybody has looked. */
static void what_is_renamed_is_held_no_longer(void **state)
{
	(void)state;
	begin();
	remove_some(N1, 0, FILES);
	story_wait(&s, 2000);
	disk_write(&s, N1, name(4), 5);
	user_renames(&s, N1, name(4), "new");
	story_wait(&s, 2000);
	expect_content(N2, "new", 5);
	expect_absent(N2, name(4));
	assert_int_equal(core_held(N1->core), FILES - 1);
	user_saves(&s, N2, name(4), 6);
	story_wait(&s, 2000);
	expect_content(N1, name(4), 6);
	decide(N1, EVENT_DISCARD, "");
	assert_int_equal(core_held(N1->core), 0);
}

/* When it was said to be put back somebody was writing to it. */
static void what_is_emptied_once_more_is_decided_once_more(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 0; i < FILES; i++)
		user_saves(&s, N1, name(i), 0);
	story_wait(&s, 2000);
	assert_int_equal(core_held(N1->core), FILES);
	disk_find(&N1->disk, name(4))->writers = 1;
	decide(N1, EVENT_DISCARD, name(4));
	disk_find(&N1->disk, name(4))->writers = 0;
	user_saves(&s, N1, name(4), 0);
	story_wait(&s, 2000);
	expect_content(N1, name(4), 0);
	assert_int_equal(core_held(N1->core), FILES);
	decide(N1, EVENT_DISCARD, name(4));
	expect_content(N1, name(4), 5);
}

#define TEST(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_emptied_once_more_is_decided_once_more),
	    TEST(what_is_renamed_is_held_no_longer),
	    TEST(what_was_emptied_comes_back_with_a_later_time),
	    TEST(a_tree_that_is_emptied_stays_on_the_peers),
	    TEST(a_few_removals_are_told_at_once),
	    TEST(many_of_very_many_are_told_when_they_are_over),
	    TEST(a_slow_hand_does_not_pass_unseen),
	    TEST(approved_it_is_removed_everywhere),
	    TEST(discarded_it_is_put_back),
	    TEST(one_path_can_be_decided_for_itself),
	    TEST(files_that_are_emptied_count_too),
	    TEST(one_file_that_is_emptied_is_told),
	    TEST(a_save_ends_what_is_held_of_its_path),
	    TEST(a_peers_edit_waits_and_survives_an_approval),
	    TEST(a_restart_does_not_release_it),
	    TEST(a_tree_that_is_empty_at_the_start_is_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
