/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Nodes whose store was lost, or put back together with their tree, told as stories.
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

/* Two nodes that have heard each other as established. */
static void begin(void)
{
	story_begin_joined(&s, 2);
	story_beat(&s);
}

static void lose_store(struct host *h)
{
	story_crash(&s, h);
	storage_fini(&h->store);
}

static bool in_history(const struct host *h, const char *path, uint64_t content)
{
	const struct stored_path *p = storage_find(&h->store, path);

	for (uint32_t i = 0; p && i < p->nhistory; i++)
		if (hash_same(p->history[i]->attrs.hash, content_hash(content)))
			return storage_has(&h->store, content_hash(content));
	return false;
}

static void what_was_deleted_meanwhile_does_not_come_back(void **state)
{
	(void)state;
	begin();
	user_saves(&s, N1, "zone", 1);
	user_saves(&s, N1, "kept", 2);
	expect_content(N2, "zone", 1);
	lose_store(N2);
	user_saves(&s, N1, "zone", 3); /* n2 still has what was there before that */
	user_deletes(&s, N1, "zone");
	story_wait(&s, 200);
	story_up(&s, N2);
	assert_false(core_joining(N2->core));
	expect_absent(N1, "zone");
	expect_absent(N2, "zone");
	expect_content(N2, "kept", 2);
	assert_true(in_history(N2, "zone", 1));
}

static void what_only_it_has_goes_to_its_history(void **state)
{
	(void)state;
	begin();
	user_saves(&s, N1, "zone", 1);
	lose_store(N2);
	s.now += 100000;
	disk_write(&s, N2, "zone", 2);
	disk_write(&s, N2, "other", 3);
	story_up(&s, N2);
	expect_content(N1, "zone", 1);
	expect_content(N2, "zone", 1);
	assert_int_equal(versions_of(N2, "zone"), 1);
	assert_true(in_history(N2, "zone", 2));
	expect_absent(N1, "other");
	expect_absent(N2, "other");
	assert_true(in_history(N2, "other", 3));
	user_saves(&s, N2, "zone", 4); /* an ordinary node again */
	expect_content(N1, "zone", 4);
}

static void what_is_saved_while_it_joins_is_an_edit(void **state)
{
	(void)state;
	begin();
	user_saves(&s, N1, "zone", 1);
	lose_store(N2);
	s.cut[0][1] = s.cut[1][0] = true;
	story_up(&s, N2);
	assert_true(core_joining(N2->core));
	user_saves(&s, N2, "zone", 5);
	s.cut[0][1] = s.cut[1][0] = false;
	story_reach(&s, N2, false);
	story_reach(&s, N2, true);
	story_run(&s);
	assert_false(core_joining(N2->core));
	expect_content(N1, "zone", 5);
	expect_content(N2, "zone", 5);
}

static void a_file_that_cannot_be_read_at_first_is_no_edit_later(void **state)
{
	struct event alone = {.type = EVENT_START_ALONE};

	(void)state;
	story_begin(&s, 2);
	story_up(&s, N1);
	story_event(&s, N1, &alone);
	story_run(&s);
	user_saves(&s, N1, "zone", 1);
	s.now += 100000;
	disk_write(&s, N2, "zone", 2);
	s.unreadable = "zone";
	story_up(&s, N2);
	assert_false(core_joining(N2->core));
	story_crash(&s, N2); /* that is remembered */
	story_up(&s, N2);
	expect_content(N2, "zone", 2);
	s.unreadable = NULL;
	story_wait(&s, 40000);
	expect_content(N1, "zone", 1);
	expect_content(N2, "zone", 1);
	assert_int_equal(versions_of(N1, "zone"), 2); /* listed, and not lost */
}

static void but_it_is_one_when_somebody_has_saved_it(void **state)
{
	struct event alone = {.type = EVENT_START_ALONE};

	(void)state;
	story_begin(&s, 2);
	story_up(&s, N1);
	story_event(&s, N1, &alone);
	story_run(&s);
	user_saves(&s, N1, "zone", 1);
	disk_write(&s, N2, "zone", 2);
	s.unreadable = "zone";
	story_up(&s, N2);
	s.unreadable = NULL;
	user_saves(&s, N2, "zone", 3);
	expect_content(N1, "zone", 3);
}

static void store_and_tree_of_yesterday_are_brought_up_to_date(void **state)
{
	struct storage store;
	struct disk disk;

	(void)state;
	begin();
	user_saves(&s, N2, "zone", 1);
	user_saves(&s, N2, "gone", 2);
	storage_copy(&store, &N2->store);
	disk_copy(&disk, &N2->disk);
	user_saves(&s, N2, "zone", 3);
	user_saves(&s, N2, "new", 4);
	user_deletes(&s, N1, "gone");
	story_wait(&s, 200);
	story_crash(&s, N2);
	storage_fini(&N2->store);
	N2->store = store;
	disk_put_back(&N2->disk, &disk);
	disk_fini(&disk);
	s.cut[0][1] = s.cut[1][0] = true;
	story_up(&s, N2);
	user_saves(&s, N2, "later", 5); /* no dot is used twice */
	s.cut[0][1] = s.cut[1][0] = false;
	story_reach(&s, N2, false);
	story_reach(&s, N2, true);
	story_run(&s);
	expect_content(N1, "later", 5);
	expect_content(N2, "zone", 3);
	expect_content(N2, "new", 4);
	expect_absent(N2, "gone");
	expect_absent(N1, "gone");
}

#define STORY(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORY(what_was_deleted_meanwhile_does_not_come_back),
	    STORY(what_only_it_has_goes_to_its_history),
	    STORY(what_is_saved_while_it_joins_is_an_edit),
	    STORY(a_file_that_cannot_be_read_at_first_is_no_edit_later),
	    STORY(but_it_is_one_when_somebody_has_saved_it),
	    STORY(store_and_tree_of_yesterday_are_brought_up_to_date),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
