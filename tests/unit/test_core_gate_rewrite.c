/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate, told as stories: what it mends is told as it has mended it, and no save is lost to that.
 */
#include "tests/unit/gate_help.h"

/* What was held there, and is in the history: made of that content. */
static bool was_made_of(struct host *h, const char *path, uint64_t content, uint64_t of)
{
	const struct stored_path *p = storage_find(&h->store, path);

	for (uint32_t i = 0; p && i < p->nhistory; i++)
		if (p->history[i]->draft &&
		    hash_same(p->history[i]->attrs.hash, content_hash(content)) &&
		    hash_same(p->history[i]->replaced, content_hash(of)))
			return true;
	return false;
}

static void what_is_rewritten_is_told_as_that(void **state)
{
	struct rewrite r = as(9);
	int64_t saved;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	saved = disk_find(&N1->disk, "z")->mtime;
	storage_put(&N1->store, r.hash);
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	expect_content(N1, "z", 9);
	assert_true(disk_find(&N1->disk, "z")->mtime > saved);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 9);
	assert_string_equal(core_visible(N2->core, "z")->user, "admin"); /* it is still theirs */
	assert_int_equal(core_held(N1->core), 0);
	assert_true(was_made_of(N1, "z", 9, 2));
	assert_true(hash_same(core_visible(N1->core, "z")->replaced, content_hash(1)));
}

/* What is mended is asked for again: it is as it has to be when it goes. */
static void what_is_approved_is_rewritten_too(void **state)
{
	struct rewrite r = as(8);
	uint64_t before;

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	storage_put(&N1->store, content_hash(8));
	storage_put(&N1->store, content_hash(9));
	say(N1, (struct verdict){
		    .kind = VERDICT_DOUBT, .words = "half", .rewrites = &r, .nrewrites = 1});
	expect_content(N1, "z", 2);
	before = trials(N1);
	decide(N1, EVENT_APPROVE, "z", false);
	assert_int_equal(trials(N1), before + 1);
	r = as(9);
	say(N1, (struct verdict){
		    .kind = VERDICT_DOUBT, .words = "half", .rewrites = &r, .nrewrites = 1});
	expect_content(N1, "z", 9);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 9);
	assert_int_equal(core_held(N1->core), 0);
}

static struct rewrite beside(uint64_t of, uint64_t content)
{
	return (struct rewrite){"z", content_hash(of), content_hash(content),
				content_size(content)};
}

static void begin_with_beside(void)
{
	begin_with_z();
	storage_put(&N1->store, content_hash(9));
	user_saves(&s, N1, "z.inc", 2);
	N1->broadcasts = 0;
}

static void what_was_not_saved_is_rewritten_beside_what_was(void **state)
{
	struct rewrite r = beside(1, 9);

	(void)state;
	begin_with_beside();
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	expect_content(N1, "z", 9);
	assert_int_equal(N1->broadcasts, 1);
	assert_int_equal(s.trial[1]->n, 2);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 9);
	expect_content(N2, "z.inc", 2);
	assert_true(
	    dot_same(core_visible(N2->core, "z")->dot, core_visible(N2->core, "z.inc")->dot));
	assert_string_equal(core_visible(N2->core, "z")->user, "admin");
	assert_int_equal(core_held(N1->core), 0);
}

static void a_save_made_meanwhile_is_not_rewritten_beside_it(void **state)
{
	struct rewrite r = beside(1, 9);

	(void)state;
	begin_with_beside();
	s.hold = EFFECT_INSTALL;
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	s.now += 10;
	disk_write(&s, N1, "z", 3);
	story_hint(&s, N1, "z", "");
	s.hold = -1;
	story_run(&s);
	expect_content(N1, "z", 3);
	assert_int_equal(N1->broadcasts, 0);
	judge(N1, VERDICT_GOOD, NULL); /* of the save */
	assert_int_equal(N1->broadcasts, 1);
	story_wait(&s, 2000);
	judge(N1, VERDICT_GOOD, NULL); /* of what was to be rewritten: asked for again */
	assert_int_equal(N1->broadcasts, 2);
	expect_content(N1, "z", 3);
}

/* It was being looked at when the verdict came, and is another one once that is done. */
static void a_save_looked_at_meanwhile_is_not_rewritten_beside_it(void **state)
{
	struct rewrite r = beside(1, 9);

	(void)state;
	begin_with_beside();
	s.hold = EFFECT_LOOK;
	s.now += 10;
	disk_write(&s, N1, "z", 3);
	story_hint(&s, N1, "z", "");
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	s.hold = -1;
	story_run(&s);
	expect_content(N1, "z", 3);
	assert_int_equal(N1->broadcasts, 0);
	judge(N1, VERDICT_GOOD, NULL); /* of the save */
	assert_int_equal(N1->broadcasts, 1);
	story_wait(&s, 2000);
	judge(N1, VERDICT_GOOD, NULL); /* of what was saved first */
	assert_int_equal(N1->broadcasts, 2);
	expect_content(N1, "z", 3);
}

static void what_has_changed_is_asked_for_again_and_not_rewritten(void **state)
{
	struct rewrite r = beside(7, 9);
	uint64_t before;

	(void)state;
	begin_with_beside();
	before = trials(N1);
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	assert_int_equal(trials(N1), before + 1);
	expect_content(N1, "z", 1);
	judge(N1, VERDICT_GOOD, NULL);
	expect_content(N1, "z", 1);
	assert_int_equal(N1->broadcasts, 1);
}

static void a_save_made_meanwhile_is_not_rewritten(void **state)
{
	struct rewrite r = as(9);

	(void)state;
	begin_with_z();
	user_saves(&s, N1, "z", 2);
	storage_put(&N1->store, r.hash);
	N1->broadcasts = 0;
	s.hold = EFFECT_INSTALL;
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	s.now += 10;
	disk_write(&s, N1, "z", 3);
	story_hint(&s, N1, "z", "");
	s.hold = -1;
	story_run(&s);
	expect_content(N1, "z", 3);
	assert_int_equal(N1->broadcasts, 0);
	assert_true(hash_same(s.trial[0]->items[0].version->attrs.hash, content_hash(3)));
	judge(N1, VERDICT_GOOD, NULL);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 3);
}

static void what_is_saved_late_goes_with_what_is_rewritten(void **state)
{
	struct rewrite r = as(9);
	struct core_set set;

	(void)state;
	begin_with_z();
	hold(N1);
	user_saves(&s, N1, "z", 2);
	decide(N1, EVENT_RELEASE, NULL, false);
	user_saves(&s, N1, "b", 6);
	N1->broadcasts = 0;
	storage_put(&N1->store, r.hash);
	say(N1, (struct verdict){.kind = VERDICT_REWRITE, .rewrites = &r, .nrewrites = 1});
	assert_int_equal(N1->broadcasts, 0);
	assert_int_equal(s.trial[0]->n, 2);
	judge(N1, VERDICT_GOOD, NULL);
	assert_false(core_set(N1->core, &set));
	assert_int_equal(core_held(N1->core), 0);
	judge(N2, VERDICT_GOOD, NULL);
	expect_content(N2, "z", 9);
	expect_content(N2, "b", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_rewritten_is_told_as_that),
	    TEST(what_is_approved_is_rewritten_too),
	    TEST(what_was_not_saved_is_rewritten_beside_what_was),
	    TEST(a_save_made_meanwhile_is_not_rewritten_beside_it),
	    TEST(a_save_looked_at_meanwhile_is_not_rewritten_beside_it),
	    TEST(what_has_changed_is_asked_for_again_and_not_rewritten),
	    TEST(a_save_made_meanwhile_is_not_rewritten),
	    TEST(what_is_saved_late_goes_with_what_is_rewritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
