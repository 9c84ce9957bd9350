/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A peer from which only some paths are accepted: what it makes there is taken, what it makes elsewhere
 * is known, told on as not taken, and changes nothing; and what it says of others proves nothing.
 */
#include "tests/unit/core_help.h"

#define DAY (INT64_C(86400) * 1000)

static struct story s;
static struct patterns *etc; /* etc/ns3 and what is in it */
static struct patterns *all;
static const struct patterns *accept_of[HOSTS_MAX][HOSTS_MAX];
static uint64_t tags_of[HOSTS_MAX][HOSTS_MAX];

#define N1 (&s.host[0])
#define N2 (&s.host[1])
#define N3 (&s.host[2])

static int end(void **state)
{
	(void)state;
	story_end(&s);
	patterns_free(etc);
	patterns_free(all);
	etc = all = NULL;
	return 0;
}

static void limit(struct host *on, const struct host *peer, const struct patterns *to)
{
	accept_of[on->index][story_peer(on, peer->index)] = to;
	on->conf.accept = accept_of[on->index];
	for (uint32_t p = 0; p < on->conf.npeers; p++)
		tags_of[on->index][p] = on->peer_host[p] + 1u;
	on->conf.origin_tags = tags_of[on->index];
}

/* They do not have each other as peers. */
static void forget_each_other(struct host *a, struct host *b)
{
	struct host *of[2] = {a, b};

	for (int i = 0; i < 2; i++) {
		uint32_t p = story_peer(of[i], of[1 - i]->index);

		of[i]->conf.npeers--;
		for (; p < of[i]->conf.npeers; p++) {
			of[i]->peer_host[p] = of[i]->peer_host[p + 1];
			of[i]->peers[p] = of[i]->peers[p + 1];
		}
	}
}

static void patterns_begin(void)
{
	const char *why;

	etc = patterns_new();
	all = patterns_new();
	assert_int_equal(patterns_add(etc, "/etc/ns3/**", &why), 0);
	assert_int_equal(patterns_add(all, "**", &why), 0);
	memset(accept_of, 0, sizeof accept_of);
}

static void begin(uint32_t n)
{
	patterns_begin();
	story_begin(&s, n);
	for (uint32_t i = 0; i < n; i++) {
		struct disk *d = &s.host[i].disk;

		assert_int_equal(disk_link(d, disk_make(d, KIND_DIR, s.now), "etc", s.now), 0);
		assert_int_equal(disk_link(d, disk_make(d, KIND_DIR, s.now), "etc/ns3", s.now), 0);
	}
}

/* A pair: n1 limits n2. */
static void begin_pair(void)
{
	begin(2);
	limit(N1, N2, etc);
	story_up(&s, N1);
	story_up(&s, N2);
}

/* A chain: n1 - n2 - n3, and n2 limits n3. */
static void begin_chain(void)
{
	begin(3);
	forget_each_other(N1, N3);
	limit(N2, N3, etc);
	for (int i = 0; i < 3; i++)
		story_up(&s, &s.host[i]);
	for (int i = 0; i < 3; i++)
		assert_false(core_joining(s.host[i].core));
}

static void all_know(void)
{
	for (int i = 0; i < 4; i++) {
		story_beat(&s);
		story_gossip(&s);
	}
}

struct not_taken {
	const char *path;
	uint32_t n;
};

static bool count_path(void *arg, const struct core_refused *r)
{
	struct not_taken *x = arg;

	x->n += !x->path || strcmp(x->path, r->path) == 0;
	return true;
}

/* Of that path; NULL: of all. */
static uint32_t not_taken(const struct host *h, const char *path)
{
	struct not_taken x = {path, 0};

	core_refused(h->core, count_path, &x);
	return x.n;
}

static void expect_same_vectors(void)
{
	for (uint32_t i = 1; i < s.n; i++)
		assert_int_equal(
		    vv_compare(core_vector(s.host[0].core), core_vector(s.host[i].core)), VV_EQUAL);
}

/* ---- inside and outside ---- */

static void what_is_inside_is_taken_and_nothing_else(void **state)
{
	(void)state;
	begin_pair();
	user_saves(&s, N1, "passwd", 1);
	expect_content(N2, "passwd", 1);
	user_saves(&s, N2, "etc/ns3/zone", 2);
	user_saves(&s, N2, "passwd", 3);
	user_saves(&s, N2, "own", 4);
	user_saves(&s, N2, "etc/ns3/next", 5); /* nothing that follows is blocked */
	expect_content(N1, "etc/ns3/zone", 2);
	expect_content(N1, "etc/ns3/next", 5);
	expect_content(N1, "passwd", 1);
	expect_absent(N1, "own");
	assert_int_equal(not_taken(N1, "passwd"), 1);
	assert_int_equal(not_taken(N1, NULL), 2);
	assert_int_equal(not_taken(N2, NULL), 0);
	expect_same_vectors();
	user_saves(&s, N1, "more", 6); /* and it goes on getting */
	expect_content(N2, "more", 6);
}

static void a_later_change_outside_stands_for_the_earlier(void **state)
{
	(void)state;
	begin_pair();
	for (uint64_t i = 1; i < 10; i++)
		user_saves(&s, N2, "own", i);
	assert_int_equal(not_taken(N1, NULL), 1);
	user_deletes(&s, N2, "own");
	story_wait(&s, 1000);
	assert_int_equal(not_taken(N1, NULL), 0); /* nothing is there, as here */
}

static void the_log_says_it_at_once_and_then_once_a_minute(void **state)
{
	(void)state;
	begin_pair();
	story_wait(&s, 120000);
	uint32_t before = N1->notes;
	user_saves(&s, N2, "own", 1);
	assert_int_equal(N1->notes, before + 1);
	user_saves(&s, N2, "own", 2);
	user_saves(&s, N2, "other", 3);
	story_wait(&s, 1000);
	assert_int_equal(N1->notes, before + 1);
	story_wait(&s, 180000);
	assert_int_equal(N1->notes, before + 2);
	user_saves(&s, N2, "own", 4);
	assert_int_equal(N1->notes, before + 3);
}

static void deletions_and_renames_stop_at_the_border(void **state)
{
	(void)state;
	begin_pair();
	user_saves(&s, N1, "etc/ns3/in", 1);
	user_saves(&s, N1, "out", 2);
	user_saves(&s, N1, "gone", 3);
	user_deletes(&s, N2, "gone");
	user_renames(&s, N2, "etc/ns3/in", "from-in");
	user_renames(&s, N2, "out", "etc/ns3/from-out");
	story_wait(&s, 1000);
	all_know();
	expect_content(N1, "gone", 3);
	expect_absent(N1, "etc/ns3/in"); /* it may delete there */
	expect_absent(N1, "from-in");
	expect_content(N1, "etc/ns3/from-out", 2);
	expect_content(N1, "out", 2);
	assert_int_equal(not_taken(N1, NULL), 3);
}

/* A directory of others stays as they made it, and so does a file that would have to become one. */
static void what_lies_above_is_not_touched(void **state)
{
	(void)state;
	begin_pair();
	uint32_t mode = disk_find(&N1->disk, "etc")->mode;

	disk_find(&N2->disk, "etc")->mode = 0700;
	disk_touch(&N2->disk, disk_find(&N2->disk, "etc"), s.now);
	story_hint(&s, N2, "etc", "");
	user_saves(&s, N2, "etc/ns3/zone", 1);
	expect_content(N1, "etc/ns3/zone", 1);
	assert_int_equal(disk_find(&N1->disk, "etc")->mode, mode);
	assert_int_equal(not_taken(N1, "etc"), 1);
	s.cut[0][1] = true; /* before n2 hears of it */
	user_deletes(&s, N1, "etc/ns3/zone");
	user_deletes(&s, N1, "etc/ns3");
	user_deletes(&s, N1, "etc");
	story_wait(&s, 1000);
	user_saves(&s, N1, "etc", 7);
	user_saves(&s, N2, "etc/ns3/again", 2);
	expect_content(N1, "etc", 7);
	assert_int_equal(not_taken(N1, "etc/ns3/again"), 1);
}

static void its_own_way_back_is_to_save_what_the_others_have(void **state)
{
	(void)state;
	begin_pair();
	user_saves(&s, N1, "passwd", 1);
	user_saves(&s, N2, "passwd", 2);
	assert_int_equal(not_taken(N1, NULL), 1);
	user_saves(&s, N1, "passwd", 3); /* later: visible there too, and a conflict there */
	expect_content(N2, "passwd", 3);
	assert_int_equal(versions_of(N2, "passwd"), 2);
	assert_int_equal(versions_of(N1, "passwd"), 1);
	user_saves(&s, N2, "passwd", 3);
	user_saves(&s, N2, "passwd", 4);
	assert_int_equal(not_taken(N1, NULL), 1);
	user_saves(&s, N2, "passwd", 3);
	assert_int_equal(not_taken(N1, NULL), 0);
	assert_int_equal(versions_of(N2, "passwd"), 1);
}

/* ---- from node to node ---- */

static void what_is_refused_is_told_on_as_such(void **state)
{
	(void)state;
	begin_chain();
	user_saves(&s, N1, "passwd", 1);
	all_know();
	expect_content(N3, "passwd", 1);
	user_saves(&s, N3, "passwd", 2);
	user_saves(&s, N3, "etc/ns3/zone", 3);
	all_know();
	expect_content(N1, "etc/ns3/zone", 3);
	expect_content(N1, "passwd", 1);
	assert_int_equal(not_taken(N1, "passwd"), 1);
	expect_same_vectors();
	user_deletes(&s, N3, "etc/ns3/zone");
	story_wait(&s, 1000);
	all_know();
	expect_absent(N1, "etc/ns3/zone");
}

static void a_page_at_a_time_is_the_same(void **state)
{
	(void)state;
	begin(2);
	for (int i = 0; i < 2; i++)
		s.host[i].conf.page_versions = 1;
	limit(N1, N2, etc);
	story_up(&s, N1);
	story_up(&s, N2);
	s.deaf[0] = true;
	user_saves(&s, N2, "a", 1);
	user_saves(&s, N2, "etc/ns3/b", 2);
	user_saves(&s, N2, "c", 3);
	user_saves(&s, N2, "etc/ns3/d", 4);
	all_know();
	expect_content(N1, "etc/ns3/b", 2);
	expect_content(N1, "etc/ns3/d", 4);
	expect_absent(N1, "a");
	expect_absent(N1, "c");
	assert_int_equal(not_taken(N1, NULL), 2);
	expect_same_vectors();
}

/* n1 has decided to take what n3 makes, and n2 gets it from n1. */
static void who_is_not_limited_may_have_taken_it(void **state)
{
	(void)state;
	begin(3);
	limit(N2, N3, etc);
	for (int i = 0; i < 3; i++)
		story_up(&s, &s.host[i]);
	s.deaf[0] = true;
	user_saves(&s, N3, "passwd", 1);
	assert_int_equal(not_taken(N2, "passwd"), 1);
	all_know();
	expect_content(N1, "passwd", 1);
	story_wait(&s, 120000);
	all_know();
	expect_content(N2, "passwd", 1);
	assert_int_equal(not_taken(N2, NULL), 0);
	expect_same_vectors();
}

/* n2's word that it has not taken it does not keep n1 from taking it. */
static void who_hears_first_that_it_is_refused_still_takes_it(void **state)
{
	(void)state;
	begin(3);
	limit(N2, N3, etc);
	for (int i = 0; i < 3; i++)
		story_up(&s, &s.host[i]);
	s.cut[2][0] = s.cut[0][2] = true;
	user_saves(&s, N3, "passwd", 1);
	story_beat(&s);
	assert_int_equal(not_taken(N1, "passwd"), 1);
	s.cut[2][0] = s.cut[0][2] = false;
	story_reach(&s, N1, true);
	story_run(&s);
	expect_content(N1, "passwd", 1);
	assert_int_equal(not_taken(N1, NULL), 0);
}

/* ---- it proves nothing ---- */

static void give_page(struct host *to, struct page *page)
{
	struct event e = {.type = EVENT_PAGE, .peer = 0, .page = page};
	bool have[4] = {true, true, true, true};

	e.have = have;
	story_event(&s, to, &e);
	story_run(&s);
}

/* The number of the first question of its life (see story_up). */
static uint64_t first_ask(const struct host *h)
{
	return ((h->index + UINT64_C(1)) << ORIGIN_TAG_SHIFT | h->lives << 16) + 1;
}

/* Whatever is asked, and under whatever number: each of what it is asked about is dead. */
static void all_is_dead(struct host *to, struct page *page)
{
	static uint8_t found[16];

	memset(found, 1, sizeof found);
	page->found = found;
	for (int at = 0; at < 2 * 30 * 16; at++) {
		page->compare = at / (30 * 16) ? COMPARE_DOTS : COMPARE_RANGES;
		page->id = first_ask(to) + (uint64_t)(at / 16 % 30);
		page->nfound = (uint32_t)(at % 16);
		give_page(to, page);
	}
	page->found = NULL;
	page->nfound = 0;
	page->compare = COMPARE_NONE;
}

static void nothing_is_dead_by_its_word(void **state)
{
	(void)state;
	begin_pair();
	user_saves(&s, N1, "zone", 1);
	user_saves(&s, N1, "etc/ns3/zone", 2);
	all_know();
	s.lose_pages = true;
	story_reach(&s, N1, true); /* asks */
	story_run(&s);
	struct page page = {.last = true, .cursor = (char *)""};
	vv_copy(&page.vector, core_vector(N1->core));
	vv_raise(&page.vector, (struct dot){vv_get(&page.vector, 1) + 77, 1000});
	for (uint32_t i = 0; i < page.vector.n; i++)
		page.vector.p[i].seq += 1000;
	vv_copy(&page.floor, &page.vector);
	struct origin own = {.origin = page.vector.p[0].origin, .node = "n2"};
	page.origins = &own;
	page.norigins = 1;
	for (page.id = first_ask(N1); page.id < first_ask(N1) + 1000; page.id++)
		give_page(N1, &page);
	all_is_dead(N1, &page);
	for (uint32_t i = 0; i < core_vector(N1->core)->n; i++) {
		struct dot d = core_vector(N1->core)->p[i];
		const char *node = core_origin_node(N1->core, d.origin);

		assert_false(node && strcmp(node, "n1") == 0 && d.seq > 1000);
	}
	assert_int_equal(core_floor(N1->core)->n, 0);
	expect_content(N1, "zone", 1);
	expect_content(N1, "etc/ns3/zone", 2);
	user_saves(&s, N1, "zone", 3);
	expect_content(N2, "zone", 3);
	vv_fini(&page.vector);
	vv_fini(&page.floor);
}

/* What another node made comes from that, or from who is not limited; and an origin's own tag says
 * whose it is, before anybody else has. */
static void it_speaks_for_nobody_else(void **state)
{
	struct version *v = version_new();
	struct item item = {(char *)"etc/ns3/forged", v};
	struct op op = {.items = &item, .n = 1};
	bool have = true;
	struct event e = {.type = EVENT_OP, .peer = 0, .op = &op, .have = &have};
	struct origin other = {.origin = 99, .node = "n3"}, lie = {.origin = 1234, .node = "n2"};
	struct event reached = {.type = EVENT_PEER, .peer = 0, .reachable = true};
	struct page page = {.last = true, .cursor = (char *)"", .origins = &lie, .norigins = 1};

	(void)state;
	begin(2);
	limit(N1, N2, etc);
	story_up(&s, N1);
	core_load_origin(N1->core, &other);
	story_event(&s, N1, &reached); /* it asks */
	story_run(&s);
	for (page.id = first_ask(N1); page.id < first_ask(N1) + 5; page.id++)
		give_page(N1, &page);
	assert_null(core_origin_node(N1->core, lie.origin));
	v->attrs = (struct attrs){.kind = KIND_FILE, .mode = 0644, .size = content_size(1)};
	v->attrs.hash = content_hash(1);
	uint64_t own = UINT64_C(2) << ORIGIN_TAG_SHIFT | 1;
	uint64_t origins[] = {99, 1234, own};
	for (int i = 0; i < 3; i++) {
		op.dot = v->dot = (struct dot){origins[i], 1};
		vv_clear(&v->context);
		vv_raise(&v->context, v->dot);
		story_event(&s, N1, &e);
		story_run(&s);
		assert_int_equal(vv_get(core_vector(N1->core), origins[i]), i == 2);
		assert_int_equal(versions_of(N1, "etc/ns3/forged"), i == 2);
	}
	assert_string_equal(core_origin_node(N1->core, own), "n2");
	assert_null(core_origin_node(N1->core, 1234));
	version_put(v);
}

static void what_others_made_is_not_taken_from_it(void **state)
{
	(void)state;
	begin(3);
	forget_each_other(N1, N3);
	limit(N1, N2, etc);
	for (int i = 0; i < 3; i++)
		story_up(&s, &s.host[i]);
	user_saves(&s, N3, "etc/ns3/behind", 1);
	user_saves(&s, N2, "etc/ns3/own", 2);
	all_know();
	expect_content(N2, "etc/ns3/behind", 1);
	expect_content(N1, "etc/ns3/own", 2);
	expect_absent(N1, "etc/ns3/behind");
}

static void its_acknowledgement_counts_for_itself(void **state)
{
	(void)state;
	begin_chain();
	user_saves(&s, N1, "zone", 1);
	user_saves(&s, N3, "own", 2);
	all_know();
	story_crash(&s, N3);
	user_deletes(&s, N1, "zone");
	story_wait(&s, 2 * DAY);
	all_know();
	story_wait(&s, 120000);
	assert_int_equal(versions_of(N1, "zone"), 1); /* n3 has not heard of that */
	story_up(&s, N3);
	all_know();
	story_wait(&s, 120000);
	assert_int_equal(versions_of(N1, "zone"), 0);
	assert_int_equal(versions_of(N2, "zone"), 0);
	/* Who compares in full does not take what is refused for dead. */
	story_crash(&s, N3);
	user_saves(&s, N1, "next", 3);
	story_up(&s, N3);
	all_know();
	expect_content(N3, "own", 2);
	assert_int_equal(versions_of(N3, "own"), 1);
	assert_int_equal(not_taken(N1, "own"), 1);
}

/* It compares in full, and what the others have not taken is not dead for that. */
static void a_limited_node_that_was_forgotten_keeps_its_own(void **state)
{
	struct event forget = {.type = EVENT_FORGET, .path = "n2"};

	(void)state;
	begin_pair();
	user_saves(&s, N1, "zone", 1);
	user_saves(&s, N2, "own", 2);
	all_know();
	story_crash(&s, N2);
	user_deletes(&s, N1, "zone");
	story_wait(&s, 1000);
	story_event(&s, N1, &forget);
	story_run(&s);
	story_wait(&s, 2 * DAY);
	assert_int_equal(versions_of(N1, "zone"), 0);
	story_up(&s, N2);
	all_know();
	story_wait(&s, 1000);
	expect_absent(N2, "zone");
	expect_content(N2, "own", 2);
	assert_int_equal(not_taken(N1, "own"), 1);
}

/* ---- starts ---- */

static void what_is_accepted_later_comes_in(void **state)
{
	(void)state;
	begin_chain();
	user_saves(&s, N1, "passwd", 1);
	all_know();
	user_saves(&s, N3, "passwd", 2);
	user_saves(&s, N3, "own", 3);
	all_know();
	assert_int_equal(not_taken(N1, NULL), 2);
	story_crash(&s, N2);
	story_up(&s, N2);
	all_know();
	assert_int_equal(not_taken(N2, NULL), 2); /* it is remembered, and stays so */
	expect_content(N2, "passwd", 1);
	story_crash(&s, N2);
	limit(N2, N3, all);
	story_up(&s, N2);
	story_wait(&s, 1000);
	for (uint64_t i = 2; i < 4; i++) { /* whose contents have come now */
		struct event e = {.type = EVENT_CONTENT, .content = content_hash(i)};

		story_event(&s, N2, &e);
		story_run(&s);
	}
	expect_content(N2, "passwd", 2);
	expect_content(N2, "own", 3);
	assert_int_equal(not_taken(N2, NULL), 0);
	all_know();
	story_wait(&s, 120000);
	all_know();
	expect_content(N1, "passwd", 2);
	expect_content(N1, "own", 3);
	assert_int_equal(not_taken(N1, NULL), 0);
	expect_same_vectors();
	story_crash(&s, N1); /* nothing of it is left in the stores */
	story_up(&s, N1);
	assert_int_equal(not_taken(N1, NULL), 0);
}

/* With nobody but limited peers: it waits for them, and publishes what it has. */
static void a_newcomer_does_not_give_up_its_tree(void **state)
{
	(void)state;
	begin(2);
	limit(N1, N2, etc);
	disk_write(&s, N1, "passwd", 1);
	disk_write(&s, N1, "etc/ns3/zone", 2);
	story_up(&s, N1);
	assert_true(core_joining(N1->core));
	disk_write(&s, N2, "passwd", 3);
	disk_write(&s, N2, "etc/ns3/other", 4);
	story_up(&s, N2);
	all_know();
	story_wait(&s, 1000);
	assert_false(core_joining(N1->core));
	expect_content(N1, "passwd", 1);
	expect_content(N1, "etc/ns3/zone", 2);
	expect_content(N1, "etc/ns3/other", 4);
	/* Its store is lost: that the limited peer knows it does not put its tree aside. */
	story_crash(&s, N1);
	storage_fini(&N1->store);
	N1->store = (struct storage){0};
	disk_write(&s, N1, "only", 5);
	story_up(&s, N1);
	all_know();
	story_wait(&s, 1000);
	assert_false(core_joining(N1->core));
	expect_content(N1, "only", 5);
}

static void a_limited_node_that_lost_its_store_comes_back(void **state)
{
	(void)state;
	begin_pair();
	user_saves(&s, N1, "passwd", 1);
	user_saves(&s, N2, "passwd", 2);
	user_saves(&s, N2, "etc/ns3/zone", 3);
	all_know();
	story_crash(&s, N2);
	storage_fini(&N2->store);
	N2->store = (struct storage){0};
	story_up(&s, N2);
	all_know();
	story_wait(&s, 1000);
	assert_false(core_joining(N2->core));
	expect_content(N2, "passwd", 1);
	expect_content(N2, "etc/ns3/zone", 3);
	user_saves(&s, N2, "etc/ns3/zone", 4);
	expect_content(N1, "etc/ns3/zone", 4);
	expect_content(N1, "passwd", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(what_is_inside_is_taken_and_nothing_else, end),
	    cmocka_unit_test_teardown(a_later_change_outside_stands_for_the_earlier, end),
	    cmocka_unit_test_teardown(the_log_says_it_at_once_and_then_once_a_minute, end),
	    cmocka_unit_test_teardown(deletions_and_renames_stop_at_the_border, end),
	    cmocka_unit_test_teardown(what_lies_above_is_not_touched, end),
	    cmocka_unit_test_teardown(its_own_way_back_is_to_save_what_the_others_have, end),
	    cmocka_unit_test_teardown(what_is_refused_is_told_on_as_such, end),
	    cmocka_unit_test_teardown(a_page_at_a_time_is_the_same, end),
	    cmocka_unit_test_teardown(who_is_not_limited_may_have_taken_it, end),
	    cmocka_unit_test_teardown(who_hears_first_that_it_is_refused_still_takes_it, end),
	    cmocka_unit_test_teardown(nothing_is_dead_by_its_word, end),
	    cmocka_unit_test_teardown(it_speaks_for_nobody_else, end),
	    cmocka_unit_test_teardown(what_others_made_is_not_taken_from_it, end),
	    cmocka_unit_test_teardown(its_acknowledgement_counts_for_itself, end),
	    cmocka_unit_test_teardown(a_limited_node_that_was_forgotten_keeps_its_own, end),
	    cmocka_unit_test_teardown(what_is_accepted_later_comes_in, end),
	    cmocka_unit_test_teardown(a_newcomer_does_not_give_up_its_tree, end),
	    cmocka_unit_test_teardown(a_limited_node_that_lost_its_store_comes_back, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
