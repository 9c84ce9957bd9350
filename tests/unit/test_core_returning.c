/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Nodes whose store was lost, or put back together with their tree, told as stories.
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

/* n1's answer to a question that n2 asked when it still had its store comes late. */
static void an_answer_to_the_life_before_is_none(void **state)
{
	(void)state;
	begin();
	user_saves(&s, N1, "zone", 1);
	expect_content(N2, "zone", 1);
	story_crash(&s, N2);
	s.hold = EFFECT_ANSWER;
	story_up(&s, N2);
	lose_store(N2);
	story_up(&s, N2);
	s.hold = -1;
	story_run(&s);
	assert_false(core_joining(N2->core));
	assert_int_equal(versions_of(N2, "zone"), 1);
	expect_content(N2, "zone", 1);
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

/* N2 has joined, and could not read the file then that it had. */
static void join_unread(void)
{
	struct event alone = {.type = EVENT_START_ALONE};

	story_begin(&s, 2);
	story_up(&s, N1);
	story_event(&s, N1, &alone);
	story_run(&s);
	user_saves(&s, N1, "zone", 1);
	disk_write(&s, N2, "zone", 2);
	s.unreadable = "zone";
	story_up(&s, N2);
	s.unreadable = NULL;
}

/* It was gone before anybody could read it, and what the peers have is there since. */
static void what_could_not_be_read_and_is_installed_can_be_deleted(void **state)
{
	(void)state;
	join_unread();
	story_crash(&s, N2);
	disk_unlink(&N2->disk, disk_find(&N2->disk, "zone"), s.now);
	story_up(&s, N2);
	expect_content(N2, "zone", 1);
	user_renames(&s, N2, "zone", "other");
	story_wait(&s, 2000);
	expect_absent(N1, "zone");
	expect_content(N1, "other", 1);
}

/* That it was installed was not recorded before the end. */
static void what_could_not_be_read_and_is_installed_is_told_to_hooks(void **state)
{
	(void)state;
	join_unread();
	story_crash(&s, N2);
	disk_unlink(&N2->disk, disk_find(&N2->disk, "zone"), s.now);
	s.mute = true;
	story_up(&s, N2);
	expect_content(N2, "zone", 1);
	assert_int_equal(N2->told, 0);
	story_crash(&s, N2);
	s.mute = false;
	story_up(&s, N2);
	assert_int_equal(N2->told, 1);
}

/* It is read at last by a rescan, which stands for the hint that it is closed. */
static void what_could_not_be_read_and_was_open_waits_no_longer(void **state)
{
	struct event alone = {.type = EVENT_START_ALONE};
	struct event again = {.type = EVENT_RESCAN, .path = ""};

	(void)state;
	story_begin(&s, 2);
	story_up(&s, N1);
	story_event(&s, N1, &alone);
	story_run(&s);
	user_saves(&s, N1, "zone", 1);
	disk_write(&s, N2, "zone", 2)->writers = 1;
	s.unreadable = "zone";
	story_up(&s, N2);
	s.unreadable = NULL;
	story_wait(&s, 40000);
	disk_find(&N2->disk, "zone")->writers = 0;
	again.hint.serial = ++N2->serial;
	story_event(&s, N2, &again);
	story_run(&s);
	expect_content(N2, "zone", 1);
}

static void but_it_is_one_when_somebody_has_saved_it(void **state)
{
	(void)state;
	join_unread();
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

/* Its peer joined together with it and has not heard it since; but has what it made. */
static void who_was_never_heard_as_established_returns_all_the_same(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N2, "zone", 1);
	expect_content(N1, "zone", 1);
	lose_store(N2);
	user_saves(&s, N1, "zone", 3); /* n2 still has what was there before that */
	user_deletes(&s, N1, "zone");
	story_wait(&s, 200);
	story_up(&s, N2);
	assert_false(core_joining(N2->core));
	expect_absent(N1, "zone");
	expect_absent(N2, "zone");
	assert_true(in_history(N2, "zone", 1));
}

/* It has heard what it once made from a peer that was lost before it had joined: the other one cannot
 * tell any more that it had forgotten that. */
static void what_it_was_told_of_itself_it_remembers(void **state)
{
	(void)state;
	story_begin_joined(&s, 3);
	user_saves(&s, N1, "zone", 1);
	lose_store(N1);
	user_saves(&s, N2, "zone", 3); /* n1 still has what was there before that */
	user_deletes(&s, N2, "zone");
	story_wait(&s, 200);
	s.cut[0][1] = s.cut[1][0] = true;
	story_up(&s, N1);
	assert_true(core_joining(N1->core));
	story_crash(&s, N1);
	s.cut[0][1] = s.cut[1][0] = false;
	lose_store(N3);
	story_up(&s, N3);
	story_up(&s, N1);
	assert_false(core_joining(N1->core));
	expect_absent(N2, "zone");
	expect_absent(N1, "zone");
	assert_true(in_history(N1, "zone", 1));
}

static void joins_alone(struct host *h)
{
	struct event alone = {.type = EVENT_START_ALONE};

	story_up(&s, h);
	story_event(&s, h, &alone);
	story_run(&s);
	assert_false(core_joining(h->core));
}

/* The only one that knows it is still joining: what that knows of is taken from there, and what it
 * does not know of is published. */
static void a_peer_that_is_joining_knows_of_some_paths(void **state)
{
	(void)state;
	story_begin(&s, 3);
	story_up(&s, N1); /* waits for n3 */
	joins_alone(N2);
	user_saves(&s, N2, "zone", 1);
	user_saves(&s, N2, "zone", 2);
	story_beat(&s);
	assert_true(core_joining(N1->core));
	lose_store(N2);
	disk_write(&s, N2, "zone", 1);
	disk_write(&s, N2, "only", 3);
	joins_alone(N2);
	expect_content(N2, "zone", 2);
	assert_int_equal(versions_of(N2, "zone"), 1);
	assert_true(in_history(N2, "zone", 1));
	assert_int_equal(versions_of(N1, "only"), 1);
}

static void reach_one(struct host *h, struct host *other, bool up)
{
	struct event e = {.type = EVENT_PEER, .reachable = up};

	e.peer = story_peer(h, other->index);
	story_event(&s, h, &e);
}

/* n1 has the first page of what n2 has, when n2 is lost for ever. */
static void half_a_transfer_is_not_forgotten(void **state)
{
	(void)state;
	story_begin(&s, 3);
	N2->conf.page_versions = 2;
	for (uint32_t i = 0; i < 3; i++)
		story_up(&s, &s.host[i]);
	s.cut[0][1] = s.cut[1][0] = s.cut[2][1] = s.cut[1][2] = true;
	user_saves(&s, N2, "a", 1);
	user_saves(&s, N2, "b", 2);
	user_saves(&s, N2, "c", 3);
	s.cut[0][1] = s.cut[1][0] = false;
	s.pages = 1;
	reach_one(N1, N2, false);
	reach_one(N1, N2, true);
	story_run(&s);
	reach_one(N1, N2, false);
	lose_store(N2);
	s.lose_pages = false;
	expect_content(N1, "a", 1);
	expect_absent(N3, "a");
	for (int i = 0; i < 4; i++) /* n3 hears that n1 knows more */
		story_beat(&s);
	expect_content(N3, "a", 1);
	expect_content(N3, "b", 2);
	user_saves(&s, N3, "a", 4);
	story_crash(&s, N1); /* and that is so after a restart, too */
	story_up(&s, N1);
	expect_content(N1, "a", 4);
	expect_content(N1, "b", 2);
}

#define STORY(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORY(what_was_deleted_meanwhile_does_not_come_back),
	    STORY(an_answer_to_the_life_before_is_none),
	    STORY(what_only_it_has_goes_to_its_history),
	    STORY(what_is_saved_while_it_joins_is_an_edit),
	    STORY(a_file_that_cannot_be_read_at_first_is_no_edit_later),
	    STORY(what_could_not_be_read_and_is_installed_can_be_deleted),
	    STORY(what_could_not_be_read_and_is_installed_is_told_to_hooks),
	    STORY(what_could_not_be_read_and_was_open_waits_no_longer),
	    STORY(but_it_is_one_when_somebody_has_saved_it),
	    STORY(who_was_never_heard_as_established_returns_all_the_same),
	    STORY(what_it_was_told_of_itself_it_remembers),
	    STORY(a_peer_that_is_joining_knows_of_some_paths),
	    STORY(half_a_transfer_is_not_forgotten),
	    STORY(store_and_tree_of_yesterday_are_brought_up_to_date),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
