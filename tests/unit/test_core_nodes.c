/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Nodes that know of each other through others, what they have all deleted, and who missed that.
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

static void all_know(void)
{
	for (int i = 0; i < 3; i++) {
		story_beat(&s);
		story_gossip(&s);
	}
}

/* n1 - n2 - n3: the ends are not configured as peers. */
static void begin_chain(void)
{
	story_begin(&s, 3);
	N1->conf.npeers = 1;
	N1->peers[0] = N2->name;
	N1->peer_host[0] = 1;
	N3->conf.npeers = 1;
	N3->peers[0] = N2->name;
	N3->peer_host[0] = 1;
	for (uint32_t i = 0; i < 3; i++)
		story_up(&s, &s.host[i]);
	all_know();
}

static void a_tombstone_goes_when_all_know_it_and_a_day_has_passed(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "zone", 1);
	user_deletes(&s, N1, "zone");
	story_wait(&s, 1000);
	all_know();
	story_wait(&s, DAY / 2);
	assert_int_equal(versions_of(N1, "zone"), 1);
	story_wait(&s, DAY);
	assert_int_equal(versions_of(N1, "zone"), 0);
	assert_int_equal(versions_of(N2, "zone"), 0);
	assert_null(core_shown(N1->core, "zone"));
	assert_true(core_floor(N1->core)->n > 0);
	user_saves(&s, N2, "zone", 2); /* the name is free again */
	expect_content(N1, "zone", 2);
}

static void a_tombstone_stays_for_a_node_that_is_away(void **state)
{
	(void)state;
	story_begin_joined(&s, 3);
	user_saves(&s, N1, "zone", 1);
	all_know();
	story_crash(&s, N3);
	user_deletes(&s, N1, "zone");
	story_wait(&s, 1000);
	all_know();
	story_wait(&s, 3 * DAY);
	assert_int_equal(versions_of(N1, "zone"), 1);
	story_up(&s, N3);
	all_know();
	expect_absent(N3, "zone");
	story_wait(&s, 120000);
	assert_int_equal(versions_of(N1, "zone"), 0);
	assert_int_equal(versions_of(N3, "zone"), 0);
}

/* n3 has collected the delete of a file and makes it anew and deletes it: what it tells speaks of the
 * first file no more. n2 comes back from an image in which that is still there. */
static void what_one_has_collected_the_others_do_not_lose(void **state)
{
	struct storage store;
	struct disk disk;

	(void)state;
	story_begin_joined(&s, 3);
	user_saves(&s, N1, "zone", 1);
	all_know();
	storage_copy(&store, &N2->store);
	disk_copy(&disk, &N2->disk);
	user_deletes(&s, N3, "zone");
	story_wait(&s, 1000);
	s.cut[1][0] = s.cut[2][0] = true; /* n1 does not hear that the others know */
	all_know();
	story_wait(&s, 2 * DAY);
	s.cut[1][0] = s.cut[2][0] = false;
	assert_int_equal(versions_of(N1, "zone"), 1);
	assert_int_equal(versions_of(N3, "zone"), 0);
	user_saves(&s, N3, "zone", 2);
	user_deletes(&s, N3, "zone");
	story_wait(&s, 1000);
	story_crash(&s, N2);
	storage_fini(&N2->store);
	N2->store = store;
	disk_put_back(&N2->disk, &disk);
	disk_fini(&disk);
	s.cut[1][2] = s.cut[2][1] = true; /* it asks n1 first */
	story_up(&s, N2);
	s.cut[1][2] = s.cut[2][1] = false;
	story_wait(&s, 20000);
	expect_absent(N2, "zone");
	expect_absent(N1, "zone");
}

static void a_chain_passes_on_versions(void **state)
{
	(void)state;
	begin_chain();
	user_saves(&s, N1, "zone", 1);
	expect_content(N2, "zone", 1);
	story_beat(&s);
	expect_content(N3, "zone", 1);
	user_saves(&s, N3, "zone", 2);
	story_beat(&s);
	expect_content(N1, "zone", 2);
	assert_int_equal(versions_of(N1, "zone"), 1);
}

static void the_far_end_of_a_chain_is_waited_for(void **state)
{
	(void)state;
	begin_chain();
	user_saves(&s, N1, "zone", 1);
	all_know();
	story_crash(&s, N3);
	user_deletes(&s, N1, "zone");
	story_wait(&s, 1000);
	all_know();
	story_wait(&s, 2 * DAY);
	assert_int_equal(versions_of(N1, "zone"), 1); /* n2 alone would not hold it up */
	story_up(&s, N3);
	all_know();
	story_wait(&s, 120000);
	assert_int_equal(versions_of(N1, "zone"), 0);
}

static void forget(struct host *h, const char *node)
{
	struct event e = {.type = EVENT_FORGET, .path = node};

	story_event(&s, h, &e);
	story_run(&s);
}

/* n3 is away while a file is deleted, is forgotten, and the tombstone collected. */
static void begin_forgotten(void)
{
	story_begin_joined(&s, 3);
	user_saves(&s, N1, "stays", 1);
	user_saves(&s, N1, "zone", 1);
	all_know();
	story_crash(&s, N3);
	user_deletes(&s, N1, "zone");
	story_wait(&s, 1000);
	forget(N1, "n3");
	all_know();
	story_wait(&s, 2 * DAY);
	assert_int_equal(versions_of(N1, "zone"), 0);
	assert_int_equal(versions_of(N2, "zone"), 0);
}

static void a_forgotten_node_brings_nothing_back(void **state)
{
	(void)state;
	begin_forgotten();
	story_up(&s, N3);
	all_know();
	expect_absent(N1, "zone");
	expect_absent(N3, "zone");
	expect_content(N3, "stays", 1);
	assert_true(vv_compare(core_vector(N1->core), core_vector(N3->core)) == VV_EQUAL);
}

static void what_a_forgotten_node_saved_meanwhile_is_kept(void **state)
{
	(void)state;
	begin_forgotten();
	disk_write(&s, N3, "zone", 7); /* while it was away */
	story_up(&s, N3);
	all_know();
	expect_content(N1, "zone", 7);
	expect_content(N3, "zone", 7);
}

static void a_readmitted_node_is_waited_for_again(void **state)
{
	(void)state;
	begin_forgotten();
	story_up(&s, N3);
	all_know();
	story_crash(&s, N3);
	user_deletes(&s, N1, "stays");
	story_wait(&s, 1000);
	all_know();
	story_wait(&s, 2 * DAY);
	assert_int_equal(versions_of(N1, "stays"), 1);
	assert_int_equal(versions_of(N2, "stays"), 1);
}

static struct core_node known_to(struct host *h, const char *name)
{
	static struct core_node known[NODES_KNOWN_MAX];
	uint32_t n = core_known(h->core, known, STORY_WALL + s.now);

	for (uint32_t i = 0; i < n; i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i];
	return (struct core_node){.name = NULL};
}

static void it_is_known_for_whom_a_tombstone_is_kept(void **state)
{
	(void)state;
	begin_chain();
	assert_null(known_to(N1, "n1").name); /* of itself nobody has to be told */
	assert_true(known_to(N1, "n3").peer == UINT32_MAX);
	assert_int_equal(known_to(N1, "n2").peer, 0);
	user_saves(&s, N1, "zone", 1);
	all_know();
	story_crash(&s, N3);
	user_deletes(&s, N1, "zone");
	story_wait(&s, 1000);
	all_know();
	assert_int_equal(known_to(N1, "n3").kept, 0); /* it is young */
	story_wait(&s, 2 * DAY);
	assert_int_equal(known_to(N1, "n3").kept, 1);
	assert_int_equal(known_to(N1, "n2").kept, 0);
	uint64_t news = core_nodes_news(N2->core);
	forget(N1, "n3");
	all_know();
	assert_true(core_nodes_news(N2->core) != news); /* the end of the chain is told at once */
	assert_int_equal(versions_of(N2, "zone"), 0); /* not a minute later */
	assert_int_equal(known_to(N2, "n3").kept, 0);
	assert_true(known_to(N2, "n3").forgotten);
	story_wait(&s, 120000);
	assert_int_equal(versions_of(N1, "zone"), 0);
}

static void a_silent_node_is_forgotten_in_time(void **state)
{
	(void)state;
	story_begin(&s, 2);
	N1->conf.forget_after_msec = 90 * DAY;
	story_up(&s, N1);
	story_up(&s, N2);
	user_saves(&s, N1, "zone", 1);
	all_know();
	story_crash(&s, N2);
	user_deletes(&s, N1, "zone");
	story_wait(&s, 80 * DAY);
	assert_int_equal(versions_of(N1, "zone"), 1);
	story_wait(&s, 11 * DAY);
	assert_int_equal(versions_of(N1, "zone"), 0);
}

/* ---- a store that is lost ---- */

static void lose_store(struct host *h)
{
	story_crash(&s, h);
	storage_fini(&h->store);
	h->store = (struct storage){0};
}

/* n2 has been heard as an established node; then its store is gone, but not its tree. */
static void begin_lost(void)
{
	story_begin_joined(&s, 2);
	user_saves(&s, N1, "changed", 1);
	user_saves(&s, N2, "deleted", 2);
	user_saves(&s, N2, "differs", 3);
	all_know();
	lose_store(N2);
	user_deletes(&s, N1, "deleted");
	user_deletes(&s, N1, "differs");
	user_saves(&s, N1, "changed", 4);
	story_wait(&s, 1000);
	disk_write(&s, N2, "differs", 5);
	disk_write(&s, N2, "only", 6);
}

static void a_node_without_its_store_brings_nothing_back(void **state)
{
	(void)state;
	begin_lost();
	story_up(&s, N2);
	all_know();
	expect_content(N2, "changed", 4);
	for (int i = 0; i < 2; i++) {
		expect_absent(&s.host[i], "deleted");
		expect_absent(&s.host[i], "differs");
		expect_absent(&s.host[i], "only");
	}
	assert_int_equal(storage_find(&N2->store, "only")->nhistory, 1);
	assert_int_equal(storage_find(&N2->store, "differs")->nhistory, 1);
	assert_int_equal(storage_find(&N2->store, "changed")->nhistory, 1);
	assert_int_equal(versions_of(N1, "changed"), 1); /* an old copy is no conflict */
	assert_true(vv_compare(core_vector(N1->core), core_vector(N2->core)) == VV_EQUAL);
	user_saves(&s, N2, "only", 7); /* it goes on as ever */
	expect_content(N1, "only", 7);
}

static void what_is_set_aside_has_a_name_of_its_own(void **state)
{
	(void)state;
	begin_lost();
	story_up(&s, N2);
	const struct stored_path *only = storage_find(&N2->store, "only");
	const struct stored_path *differs = storage_find(&N2->store, "differs");
	struct dot a = only->history[0]->dot, b = differs->history[0]->dot;

	assert_true(only->history[0]->import);
	assert_false(dot_same(a, b));
	assert_string_equal(core_origin_node(N2->core, a.origin), "n2");
	assert_false(vv_covers(core_vector(N2->core), a)); /* nobody else is to have it */
	user_saves(&s, N2, "later", 8);
	assert_true(core_visible(N2->core, "later")->dot.origin != a.origin);
}

static void a_newcomer_publishes_what_only_it_has(void **state)
{
	(void)state;
	story_begin(&s, 2);
	story_up(&s, N1);
	struct event e = {.type = EVENT_START_ALONE};
	story_event(&s, N1, &e);
	story_run(&s);
	disk_write(&s, N2, "only", 6);
	story_up(&s, N2);
	expect_content(N1, "only", 6);
}

/* The first effect of that type that is held is carried out. */
static void let_go(enum effect_type type)
{
	for (uint32_t at = 0; at < s.npending; at++) {
		struct pending p = s.pending[at];

		if (p.e.type != type)
			continue;
		memmove(&s.pending[at], &s.pending[at + 1], (s.npending - at - 1) * sizeof p);
		s.npending--;
		story_carry_out(&s, &s.host[p.host], &p.e);
		effect_fini(&p.e);
		story_run(&s);
		return;
	}
	fail_msg("nothing of that is held");
}

/* Likewise of the answers that `from` gives to `to`. False: there is none. */
static bool answer(const struct host *from, const struct host *to)
{
	for (uint32_t at = 0; at < s.npending; at++) {
		struct pending p = s.pending[at];

		if (p.e.type != EFFECT_ANSWER || p.host != from->index ||
		    from->peer_host[p.e.peer] != to->index)
			continue;
		memmove(&s.pending[at], &s.pending[at + 1], (s.npending - at - 1) * sizeof p);
		s.npending--;
		story_carry_out(&s, &s.host[p.host], &p.e);
		effect_fini(&p.e);
		story_run(&s);
		return true;
	}
	return false;
}

/* n3 has lost its store. That "zone" was deleted it hears from n2, while it compares with n1, who has
 * collected that; and what n2 knows it has taken in before that is through. Then n2 comes back from an
 * image in which the file is still there, and can ask n3 only. */
static void what_a_comparison_drops_is_dead_for_the_next_one_too(void **state)
{
	struct storage store;
	struct disk disk;

	(void)state;
	story_begin(&s, 3);
	N2->conf.page_versions = 1;
	for (uint32_t i = 0; i < 3; i++)
		story_up(&s, &s.host[i]);
	user_saves(&s, N2, "other", 2);
	user_saves(&s, N2, "zone", 1);
	user_saves(&s, N2, "zz", 3);
	all_know();
	storage_copy(&store, &N2->store);
	disk_copy(&disk, &N2->disk);
	user_deletes(&s, N1, "zone");
	story_wait(&s, 1000);
	s.cut[0][1] = s.cut[2][1] = true; /* n2 does not hear that the others know */
	all_know();
	story_wait(&s, 2 * DAY);
	s.cut[0][1] = s.cut[2][1] = false;
	assert_int_equal(versions_of(N1, "zone"), 0);
	assert_int_equal(versions_of(N2, "zone"), 1);
	lose_store(N3);
	s.hold = EFFECT_ANSWER;
	story_up(&s, N3);
	while (versions_of(N3, "zone") == 0)
		assert_true(answer(N2, N3));
	assert_true(answer(N1, N3));
	while (answer(N2, N3))
		;
	while (answer(N1, N3))
		;
	s.hold = -1;
	story_run(&s);
	assert_false(core_joining(N3->core));
	assert_int_equal(versions_of(N3, "zone"), 0);
	story_crash(&s, N2);
	storage_fini(&N2->store);
	N2->store = store;
	disk_put_back(&N2->disk, &disk);
	disk_fini(&disk);
	s.cut[0][1] = s.cut[1][0] = true;
	story_up(&s, N2);
	story_wait(&s, 20000);
	expect_absent(N2, "zone");
}

/* n3 has lost its store. n1 has deleted "zone", and collected that without n2, who was forgotten; from n2 the
 * file comes between n3's first question in a comparison with n1 and the answer. */
static void what_comes_before_a_comparison_is_answered_is_compared_too(void **state)
{
	struct event forget = {.type = EVENT_FORGET, .path = "n2"};

	(void)state;
	story_begin(&s, 3);
	for (uint32_t i = 0; i < 3; i++)
		story_up(&s, &s.host[i]);
	user_saves(&s, N2, "zone", 1);
	all_know();
	story_crash(&s, N2);
	user_deletes(&s, N1, "zone");
	story_wait(&s, 1000);
	story_event(&s, N1, &forget);
	story_run(&s);
	all_know();
	story_wait(&s, 2 * DAY);
	assert_int_equal(versions_of(N1, "zone"), 0);
	lose_store(N3);
	s.hold = EFFECT_ANSWER;
	story_up(&s, N2);
	story_up(&s, N3);
	assert_true(answer(N1, N3)); /* all of its tree: it asks what is dead */
	while (versions_of(N3, "zone") == 0)
		assert_true(answer(N2, N3));
	while (answer(N1, N3))
		;
	s.hold = -1;
	story_run(&s);
	all_know();
	story_wait(&s, 20000);
	expect_absent(N2, "zone");
	expect_absent(N3, "zone");
	assert_int_equal(versions_of(N3, "zone"), 0);
}

static void expect_transfer(bool asking, uint64_t taken, uint64_t of, int64_t since_msec)
{
	struct core_transfer t;

	core_transfer(N2->core, 0, &t);
	assert_int_equal(t.asking, asking);
	assert_int_equal(t.taken, taken);
	assert_int_equal(t.of, of);
	assert_int_equal(t.since_msec, since_msec);
}

static void a_catch_up_says_how_far_it_has_come(void **state)
{
	(void)state;
	story_begin_joined(&s, 2);
	expect_transfer(false, 0, 0, 0);
	N1->conf.page_versions = 2;
	story_crash(&s, N1);
	story_up(&s, N1);
	story_reach(&s, N2, false);
	s.cut[0][1] = true;
	for (int i = 0; i < 5; i++) {
		char path[] = {'f', (char)('0' + i), '\0'};
		user_saves(&s, N1, path, (uint64_t)i + 10);
	}
	s.cut[0][1] = false;
	s.hold = EFFECT_ANSWER;
	int64_t began = s.now;
	story_reach(&s, N2, true);
	story_run(&s);
	expect_transfer(true, 0, 0, began);
	s.now += 50;
	let_go(EFFECT_ANSWER); /* N2's, or N1's: both ask */
	let_go(EFFECT_ANSWER);
	expect_transfer(true, 2, 5, began);
	let_go(EFFECT_ANSWER);
	expect_transfer(true, 4, 5, began);
	/* Cut off there, and begun anew. */
	story_reach(&s, N2, false);
	expect_transfer(false, 0, 0, 0);
	s.hold = -1;
	story_run(&s);
	expect_transfer(false, 0, 0, 0);
	story_reach(&s, N2, true);
	story_run(&s);
	expect_transfer(false, 0, 0, 0);
	expect_content(N2, "f4", 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(what_one_has_collected_the_others_do_not_lose, end),
	    cmocka_unit_test_teardown(a_tombstone_goes_when_all_know_it_and_a_day_has_passed, end),
	    cmocka_unit_test_teardown(a_tombstone_stays_for_a_node_that_is_away, end),
	    cmocka_unit_test_teardown(a_chain_passes_on_versions, end),
	    cmocka_unit_test_teardown(the_far_end_of_a_chain_is_waited_for, end),
	    cmocka_unit_test_teardown(a_forgotten_node_brings_nothing_back, end),
	    cmocka_unit_test_teardown(what_a_forgotten_node_saved_meanwhile_is_kept, end),
	    cmocka_unit_test_teardown(a_readmitted_node_is_waited_for_again, end),
	    cmocka_unit_test_teardown(it_is_known_for_whom_a_tombstone_is_kept, end),
	    cmocka_unit_test_teardown(a_node_without_its_store_brings_nothing_back, end),
	    cmocka_unit_test_teardown(what_is_set_aside_has_a_name_of_its_own, end),
	    cmocka_unit_test_teardown(a_newcomer_publishes_what_only_it_has, end),
	    cmocka_unit_test_teardown(a_silent_node_is_forgotten_in_time, end),
	    cmocka_unit_test_teardown(what_a_comparison_drops_is_dead_for_the_next_one_too, end),
	    cmocka_unit_test_teardown(what_comes_before_a_comparison_is_answered_is_compared_too, end),
	    cmocka_unit_test_teardown(a_catch_up_says_how_far_it_has_come, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
