/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The log in the order of time: what was fetched from others stands where it belongs, what the history
 * drops stays, and what nobody knows is a hole.
 */
#include "tests/unit/store_help.h"

#include <limits.h>

#include "base/clock.h"

#define HOUR INT64_C(3600000)

static struct version *version_at(struct dot dot, int64_t made_msec)
{
	struct version *v = a_version(dot, "x");

	v->stamp = (uint64_t)made_msec << 16;
	return v;
}

static void know(struct store *s, const char *path, uint64_t origin, uint64_t seq, int64_t made)
{
	assert_int_equal(apply_version(s, STORE_VERSION, path,
				       version_at((struct dot){origin, seq}, made), made + 5),
			 0);
}

static void fetch(struct store *s, const char *path, uint64_t origin, uint64_t seq, int64_t made)
{
	struct version *v = version_at((struct dot){origin, seq}, made);

	assert_int_equal(store_past_add(s, path, v, made + HOUR), 0);
	version_put(v);
}

static void jump(struct store *s, uint64_t origin, uint64_t from, uint64_t to, int64_t wall_msec)
{
	struct effect e = store_effect(STORE_VECTOR, NULL);

	e.store.dot = (struct dot){origin, to};
	e.store.untold = from;
	assert_int_equal(store_apply(s, &e, wall_msec), 0);
}

/* ---- what is told, as text ---- */

struct lines {
	char text[4096];
	struct past_place place;
};

static void add(struct lines *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct lines *l, const char *format, ...)
{
	size_t len = strlen(l->text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(l->text + len, sizeof(l->text) - len, format, ap);
	va_end(ap);
}

static int note(void *arg, const struct past_record *r)
{
	struct lines *l = arg;

	add(l, "%s:%d%s ", r->path, (int)r->version->dot.seq,
	    r->fetched   ? "f"
	    : r->history ? "h"
			 : "");
	l->place.made_msec = r->made_msec;
	l->place.dot = r->version->dot;
	snprintf(l->place.path, sizeof(l->place.path), "%s", r->path);
	return 0;
}

static const char *past_text(struct store *s, struct past_filter f, uint32_t last, uint32_t page)
{
	static struct lines l;
	size_t before;

	memset(&l, 0, sizeof(l));
	f.until_id = f.until_id ? f.until_id : INT64_MAX;
	assert_true(store_past_start(s, &f, last, &l.place) >= 0);
	do {
		before = strlen(l.text);
		assert_int_equal(store_past(s, &f, &l.place, page, note, &l), 0);
	} while (strlen(l.text) > before);
	return l.text;
}

static const char *all(struct store *s)
{
	return past_text(s, (struct past_filter){0}, 1000, 1000);
}

static int note_hole(void *arg, const struct hole *h)
{
	add(arg, "%s:%d-%d=%d@%d-%d ", h->node, (int)h->first, (int)h->last, (int)h->n,
	    (int)h->since_msec, (int)h->until_msec);
	return 0;
}

static const char *holes(struct store *s, int64_t after_msec)
{
	static struct lines l;

	memset(&l, 0, sizeof(l));
	assert_int_equal(store_holes(s, after_msec, note_hole, &l), 0);
	return l.text;
}

static int note_gap(void *arg, const struct gap *g)
{
	add(arg, "%d:%d-%d ", (int)g->origin, (int)g->first, (int)g->last);
	return 0;
}

static const char *gaps(struct store *s)
{
	static struct lines l;

	memset(&l, 0, sizeof(l));
	assert_int_equal(store_gaps(s, note_gap, &l), 0);
	return l.text;
}

/* ---- stories ---- */

static void what_was_fetched_stands_where_it_belongs(void **state)
{
	struct store *s = store_at(*state);

	assert_int_equal(apply_origin(s, 1, "ns1"), 0);
	assert_int_equal(apply_origin(s, 2, "ns2"), 0);
	know(s, "a", 1, 1, 100);
	know(s, "c", 2, 1, 400); /* a page brings what is, in the order of paths */
	know(s, "b", 1, 4, 300);
	fetch(s, "a", 1, 3, 250);
	fetch(s, "a", 1, 2, 200);
	assert_string_equal(all(s), "a:1 a:2f a:3f b:4 c:1 ");
	for (uint32_t page = 1; page < 6; page++)
		assert_string_equal(past_text(s, (struct past_filter){0}, 9, page),
				    "a:1 a:2f a:3f b:4 c:1 ");
	assert_string_equal(past_text(s, (struct past_filter){0}, 3, 2), "a:3f b:4 c:1 ");
	assert_string_equal(past_text(s, (struct past_filter){.path = "a"}, 9, 9),
			    "a:1 a:2f a:3f ");
	assert_string_equal(past_text(s, (struct past_filter){.node = "ns2"}, 9, 9), "c:1 ");
	assert_string_equal(past_text(s, (struct past_filter){.since_msec = HOUR}, 9, 9),
			    "a:2f a:3f ");
	assert_string_equal(past_text(s, (struct past_filter){.until_id = 1}, 9, 9),
			    "a:1 a:2f a:3f ");
	store_close(s);
}

static void a_directory_stands_before_what_is_in_it(void **state)
{
	struct store *s = store_at(*state);

	know(s, "d/f", 1, 1, 100);
	know(s, "d", 1, 1, 100);
	assert_string_equal(all(s), "d:1 d/f:1 ");
	store_close(s);
}

static void what_is_known_is_not_told_twice(void **state)
{
	struct store *s = store_at(*state);

	know(s, "a", 1, 1, 100);
	fetch(s, "a", 1, 1, 100);
	fetch(s, "b", 1, 1, 100);
	fetch(s, "b", 1, 1, 100);
	assert_string_equal(all(s), "a:1 b:1f ");
	store_close(s);
}

static void a_jump_of_the_vector_is_a_gap_until_it_is_filled(void **state)
{
	struct store *s = store_at(*state);

	jump(s, 1, 0, 4, 50);
	assert_string_equal(gaps(s), "");
	jump(s, 1, 5, 20, 100);
	assert_string_equal(gaps(s), "1:5-20 ");
	assert_int_equal(store_heard(s, 1, 10, 12), 0);
	assert_string_equal(gaps(s), "1:5-9 1:13-20 ");
	assert_int_equal(store_heard(s, 1, 1, 5), 0);
	assert_int_equal(store_heard(s, 1, 20, 30), 0);
	assert_int_equal(store_heard(s, 2, 6, 7), 0);
	assert_string_equal(gaps(s), "1:6-9 1:13-19 ");
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	s = store_at(*state);
	assert_string_equal(gaps(s), "1:6-9 1:13-19 ");
	assert_int_equal(store_heard(s, 1, 6, 19), 0);
	assert_string_equal(gaps(s), "");
	store_close(s);
}

static void there_are_only_so_many_gaps(void **state)
{
	struct store *s = store_at(*state);
	struct lines l = {0};

	jump(s, 1, 1, 10 * STORE_GAPS_MAX, 50);
	for (uint64_t seq = 2; seq < 3 * STORE_GAPS_MAX; seq += 2)
		assert_int_equal(store_heard(s, 1, seq, seq), 0);
	jump(s, 2, 1, 2, 50);
	const char *text = gaps(s);
	assert_non_null(text);
	(void)l;
	/* The end of it is still missed. */
	assert_int_equal(store_heard(s, 1, 3 * STORE_GAPS_MAX, 10 * STORE_GAPS_MAX), 0);
	store_close(s);
}

static void what_nobody_knows_is_a_hole_between_two_times(void **state)
{
	struct store *s = store_at(*state);

	assert_int_equal(apply_origin(s, 1, "ns1"), 0);
	assert_int_equal(apply_origin(s, 3, "ns1"), 0);
	know(s, "a", 1, 2, 100);
	jump(s, 1, 3, 9, 1000);
	jump(s, 3, 1, 4, 1000); /* it was started anew meanwhile */
	assert_string_equal(holes(s, 0), "ns1:3-9=7@100-1000 ns1:1-4=4@100-1000 ");
	know(s, "b", 1, 9, 500); /* came with the page */
	know(s, "c", 3, 2, 700);
	fetch(s, "a", 1, 5, 300);
	assert_int_equal(store_heard(s, 1, 5, 5), 0);
	assert_string_equal(holes(s, 0), "ns1:3-4=2@100-300 ns1:6-8=3@300-500 "
					 "ns1:1-1=1@500-700 ns1:3-4=2@700-1000 ");
	assert_string_equal(holes(s, 500), "ns1:1-1=1@500-700 ns1:3-4=2@700-1000 ");
	store_close(s);
}

static void before_all_that_is_known_the_log_has_no_hole(void **state)
{
	struct store *s = store_at(*state);

	assert_int_equal(apply_origin(s, 1, "ns1"), 0);
	jump(s, 1, 1, 9, 1000);
	assert_string_equal(holes(s, 0), "");
	know(s, "a", 1, 7, 500);
	assert_string_equal(holes(s, 0), "ns1:8-9=2@500-1000 ");
	store_close(s);
}

static void prune_all(struct store *s, const struct store_keep *keep)
{
	for (int i = 0; store_prune(s, keep); i++)
		assert_true(i < 10000);
}

static void what_the_history_drops_stays_in_the_log_for_its_time(void **state)
{
	struct store *s = store_at(*state);
	int64_t now = clock_wall_msec();
	struct store_usage u;

	for (uint64_t i = 1; i <= 5; i++) {
		know(s, "f", 1, i, now - 48 * HOUR + (int64_t)i);
		if (i > 1)
			assert_int_equal(
			    apply_dot(s, STORE_SUPERSEDED, "f", (struct dot){1, i - 1}), 0);
	}
	fetch(s, "g", 2, 1, now - 24 * 10 * HOUR);
	jump(s, 2, 2, 5, now - 24 * 10 * HOUR);
	assert_int_equal(store_commit(s), 0);
	prune_all(s, &(struct store_keep){.versions = 2, .days = 20});
	assert_string_equal(all(s), "g:1f f:1h f:2h f:3h f:4h f:5 ");
	assert_string_equal(gaps(s), "2:2-5 ");
	assert_int_equal(store_usage(s, &u), 0);
	assert_true(u.counted && u.log_bytes > 4 * 64);
	know(s, "h", 1, 6, now);
	assert_int_equal(store_commit(s), 0);
	prune_all(s, &(struct store_keep){.versions = 2, .days = 9});
	assert_string_equal(all(s), "f:1h f:2h f:3h f:4h f:5 h:6 ");
	assert_string_equal(gaps(s), "");
	know(s, "h", 1, 7, now);
	assert_int_equal(store_commit(s), 0);
	prune_all(s, &(struct store_keep){.versions = 2, .days = 1});
	assert_string_equal(all(s), "f:5 h:6 h:7 ");
	store_close(s);
}

static void over_the_bound_the_log_goes_before_the_history(void **state)
{
	struct store *s = store_at(*state);
	int64_t now = clock_wall_msec();

	know(s, "f", 1, 1, now - 5);
	assert_int_equal(apply_dot(s, STORE_SUPERSEDED, "f", (struct dot){1, 1}), 0);
	know(s, "f", 1, 2, now - 4);
	for (uint64_t i = 1; i <= 300; i++)
		fetch(s, "g", 2, i, now - 1000 + (int64_t)i);
	assert_int_equal(store_commit(s), 0);
	prune_all(s, &(struct store_keep){.versions = 9, .days = 9, .bytes = 500});
	const char *text = all(s);
	assert_null(strstr(text, "g:1f "));
	assert_non_null(strstr(text, "f:1h f:2 "));
	store_close(s);
}

static void an_op_is_found_whole(void **state)
{
	struct store *s = store_at(*state);
	struct lines l = {0};

	know(s, "b", 1, 2, 200);
	fetch(s, "a", 1, 2, 200);
	fetch(s, "c", 1, 3, 300);
	fetch(s, "z", 2, 2, 300);
	assert_int_equal(store_past_op(s, (struct dot){1, 2}, note, &l), 0);
	assert_string_equal(l.text, "b:2 a:2 ");
	memset(&l, 0, sizeof(l));
	assert_int_equal(store_past_range(s, 1, 1, 3, note, &l), 0);
	assert_string_equal(l.text, "a:2 b:2 c:3 ");
	store_close(s);
}

#define story(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    story(what_was_fetched_stands_where_it_belongs),
	    story(a_directory_stands_before_what_is_in_it),
	    story(what_is_known_is_not_told_twice),
	    story(a_jump_of_the_vector_is_a_gap_until_it_is_filled),
	    story(there_are_only_so_many_gaps),
	    story(what_nobody_knows_is_a_hole_between_two_times),
	    story(before_all_that_is_known_the_log_has_no_hole),
	    story(what_the_history_drops_stays_in_the_log_for_its_time),
	    story(over_the_bound_the_log_goes_before_the_history),
	    story(an_op_is_found_whole),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	loaded_forget();
	return failed;
}
