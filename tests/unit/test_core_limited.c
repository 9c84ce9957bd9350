/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A peer that only receives: it gets everything, and can neither change nor prove anything here.
 */
#include "tests/unit/core_help.h"

#define DAY (INT64_C(86400) * 1000)

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

/* Nothing is taken from n2 by n1, which is there first. */
static void begin(uint32_t n)
{
	story_begin(&s, n);
	N1->conf.receive_only = 1;
	story_up(&s, N1);
}

static void all_know(void)
{
	for (int i = 0; i < 3; i++) {
		story_beat(&s);
		story_gossip(&s);
	}
}

static void nobody_waits_for_it_to_join(void **state)
{
	(void)state;
	begin(2);
	assert_false(core_joining(N1->core));
	disk_write(&s, N2, "only", 6);
	story_up(&s, N2);
	all_know();
	assert_false(core_joining(N2->core));
	expect_absent(N1, "only");
	assert_int_equal(N1->asks, 0);
}

static void it_gets_everything_and_gives_nothing(void **state)
{
	(void)state;
	begin(2);
	story_up(&s, N2);
	user_saves(&s, N1, "zone", 1);
	expect_content(N2, "zone", 1);
	user_saves(&s, N2, "zone", 2);
	user_saves(&s, N2, "own", 3);
	all_know();
	story_wait(&s, 60000);
	expect_content(N1, "zone", 1);
	expect_absent(N1, "own");
	user_deletes(&s, N2, "zone");
	story_wait(&s, 1000);
	all_know();
	expect_content(N1, "zone", 1);
	assert_int_equal(N1->asks, 0);
	user_saves(&s, N1, "next", 4); /* and it goes on getting */
	expect_content(N2, "next", 4);
}

static void what_it_has_missed_it_still_gets(void **state)
{
	(void)state;
	begin(2);
	story_up(&s, N2);
	story_crash(&s, N2);
	user_saves(&s, N1, "zone", 1);
	story_up(&s, N2);
	expect_content(N2, "zone", 1);
}

static void its_acknowledgement_counts(void **state)
{
	(void)state;
	begin(2);
	story_up(&s, N2);
	user_saves(&s, N1, "zone", 1);
	all_know();
	story_crash(&s, N2);
	user_deletes(&s, N1, "zone");
	story_wait(&s, 2 * DAY);
	assert_int_equal(versions_of(N1, "zone"), 1); /* it has not heard of that */
	story_up(&s, N2);
	all_know();
	story_wait(&s, 120000);
	assert_int_equal(versions_of(N1, "zone"), 0);
}

/* What it says of n3, or of versions that it lacks, proves nothing. */
static void its_word_on_others_is_not_taken(void **state)
{
	(void)state;
	begin(3);
	story_up(&s, N3);
	story_up(&s, N2);
	user_saves(&s, N1, "zone", 1);
	all_know();
	story_crash(&s, N3);
	user_deletes(&s, N1, "zone");
	user_saves(&s, N1, "stays", 2);
	story_wait(&s, 1000);
	struct known_node lies[] = {{.name = "n3", .forgotten = 1}, {.name = "n1", .forgotten = 7}};
	struct nodes told = {.p = lies, .n = 2};
	vv_copy(&lies[0].covers, core_vector(N1->core));
	struct event e = {.type = EVENT_NODES, .peer = 0, .nodes = &told};
	story_event(&s, N1, &e);
	struct page page = {.id = 1, .last = true, .cursor = (char *)""};
	vv_raise(&page.vector, (struct dot){77, 1000});
	vv_copy(&page.floor, &page.vector);
	struct event p = {.type = EVENT_PAGE, .peer = 0, .page = &page};
	story_event(&s, N1, &p);
	story_run(&s);
	story_wait(&s, 2 * DAY);
	assert_int_equal(versions_of(N1, "zone"), 1); /* n3 is waited for */
	assert_int_equal(vv_get(core_vector(N1->core), 77), 0);
	expect_content(N1, "stays", 2);
	vv_fini(&lies[0].covers);
	vv_fini(&page.vector);
	vv_fini(&page.floor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(nobody_waits_for_it_to_join, end),
	    cmocka_unit_test_teardown(it_gets_everything_and_gives_nothing, end),
	    cmocka_unit_test_teardown(what_it_has_missed_it_still_gets, end),
	    cmocka_unit_test_teardown(its_acknowledgement_counts, end),
	    cmocka_unit_test_teardown(its_word_on_others_is_not_taken, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
