/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What nobody needs any more goes from the store: by number, by age, and by room.
 */
#include "tests/unit/store_text_help.h"

#include <sqlite3.h>

#include "base/clock.h"
#include "replicator/store/internal.h"

#define DAY_MSEC (INT64_C(24) * 60 * 60 * 1000)

/* ---- pruning ---- */

static void prune_all(struct store *s, uint32_t keep)
{
	int pieces = 0;

	while (store_prune(s, &(struct store_keep){.versions = keep, .days = 365}))
		assert_true(++pieces < 10000);
	assert_false(store_dirty(s));
}

static void only_the_last_versions_of_a_path_are_kept(void **state)
{
	struct store *s = store_at(*state);
	int64_t now = clock_wall_msec();
	char content[16];

	for (uint64_t i = 1; i <= 20; i++) {
		snprintf(content, sizeof(content), "content %d", (int)i);
		assert_int_equal(save(s, "f", i, content, now), 0);
		if (i > 1)
			assert_int_equal(
			    apply_dot(s, STORE_SUPERSEDED, "f", (struct dot){1, i - 1}), 0);
		assert_int_equal(outcome(s, (struct dot){1, i}, "f", NULL, true), 0);
	}
	assert_int_equal(save(s, "g", 21, "content 1", now), 0);
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	s = store_at(*state);
	prune_all(s, 3);
	assert_string_equal(log_text(s, &(struct log_filter){0}), "f:18h f:19h f:20 g:21 ");
	assert_true(has_content(s, "content 1")); /* g's */
	assert_false(has_content(s, "content 2"));
	assert_false(has_content(s, "content 17"));
	assert_true(has_content(s, "content 18"));
	content[0] = '\0';
	assert_int_equal(store_outcomes(s, (struct dot){1, 17}, "f", note_outcome, content), 0);
	assert_string_equal(content,
			    "f:installed "); /* the log has it still, without its content */
	assert_false(store_prune(
	    s, &(struct store_keep){.versions = 3, .days = 365})); /* nothing was written since */
	store_close(s);
}

/* Saved once more, and again. */
static void save_next(struct store *s, uint64_t seq)
{
	assert_int_equal(save(s, "f", seq, "content", clock_wall_msec()), 0);
	if (seq > 1)
		assert_int_equal(apply_dot(s, STORE_SUPERSEDED, "f", (struct dot){1, seq - 1}), 0);
}

/* Steps that SQLite has made for it since it was last asked. */
static int steps_of(struct store *s, enum statement which)
{
	assert_non_null(s->statements[which]);
	return sqlite3_stmt_status(s->statements[which], SQLITE_STMTSTATUS_VM_STEP, 1);
}

static void a_save_costs_the_same_however_often_the_path_was_saved(void **state)
{
	struct store *s = store_at(*state);
	int after_few = 0;

	for (uint64_t seq = 1; seq <= 2000; seq++) {
		save_next(s, seq);
		assert_int_equal(
		    apply_version(s, STORE_DRAFT, "f", a_version((struct dot){3, seq}, "held"), 0), 0);
		assert_int_equal(apply_dot(s, STORE_SUPERSEDED, "f", (struct dot){3, seq}), 0);
		assert_int_equal(store_commit(s), 0);
		int steps = steps_of(s, SQL_VERSION_SUPERSEDE) + steps_of(s, SQL_DRAFT_FORGET);
		if (seq == 10)
			after_few = steps;
		if (seq == 2000)
			assert_in_range(steps, 1, 2 * after_few);
	}
	store_close(s);
}

static void all_that_is_too_much_of_a_path_goes_at_once(void **state)
{
	struct store *s = store_at(*state);

	for (uint64_t seq = 1; seq <= 2000; seq++)
		save_next(s, seq);
	assert_int_equal(save(s, "g", 2001, "content", clock_wall_msec()), 0);
	assert_int_equal(store_commit(s), 0);
	prune_all(s, 3);
	assert_string_equal(log_text(s, &(struct log_filter){.last = 5}),
			    "f:1998h f:1999h f:2000 g:2001 ");
	store_close(s);
}

static void what_is_no_longer_current_is_kept_for_some_days(void **state)
{
	struct store *s = store_at(*state);
	int64_t now = clock_wall_msec();

	for (uint64_t i = 1; i <= 3; i++) {
		char content[] = {'c', (char)('0' + i), '\0'};

		assert_int_equal(save(s, "f", i, content, now - (4 - (int64_t)i) * 10 * DAY_MSEC),
				 0);
		if (i > 1)
			assert_int_equal(
			    apply_dot(s, STORE_SUPERSEDED, "f", (struct dot){1, i - 1}), 0);
	}
	assert_int_equal(save(s, "old", 4, "c4", now - 100 * DAY_MSEC), 0);
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	s = store_at(*state);
	while (store_prune(s, &(struct store_keep){.versions = 10, .days = 25}))
		;
	assert_string_equal(log_text(s, &(struct log_filter){0}), "f:2h f:3 old:4 ");
	assert_false(has_content(s, "c1"));
	assert_true(has_content(s, "c2"));
	assert_true(has_content(s, "c4")); /* current, however old */
	store_close(s);
}

static void current_versions_are_never_pruned(void **state)
{
	struct store *s = store_at(*state);
	char content[16];

	for (uint64_t i = 1; i <= 20; i++) { /* all concurrent */
		snprintf(content, sizeof(content), "content %d", (int)i);
		assert_int_equal(save(s, "f", i, content, 1), 0);
	}
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	s = store_at(*state);
	prune_all(s, 1);
	load_from(s);
	assert_int_equal(loaded.nversions, 20);
	assert_true(has_content(s, "content 1"));
	store_close(s);
}

static void history_older_than_a_year_goes(void **state)
{
	struct store *s = store_at(*state);
	int64_t now = clock_wall_msec();

	assert_int_equal(save(s, "old", 1, "old current", now - 800 * DAY_MSEC), 0);
	assert_int_equal(apply_version(s, STORE_HISTORY, "old",
				       a_version((struct dot){1, 2}, "old"), now - 400 * DAY_MSEC),
			 0);
	assert_int_equal(apply_version(s, STORE_HISTORY, "old",
				       a_version((struct dot){1, 3}, "young"),
				       now - 300 * DAY_MSEC),
			 0);
	assert_int_equal(store_commit(s), 0);
	prune_all(s, 10);
	assert_string_equal(log_text(s, &(struct log_filter){0}), "old:1 old:3h ");
	store_close(s);
}

static void what_may_yet_be_named_is_not_pruned(void **state)
{
	struct store *s = store_at(*state);

	/* Of an earlier life: nobody will name it. */
	assert_int_equal(store_put(s, content_hash("orphan", 6), "orphan", 6), 0);
	assert_int_equal(store_put(s, content_hash("asked", 5), "asked", 5), 0);
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	s = store_at(*state);
	assert_true(has_content(s, "asked")); /* somebody counts on it now */
	assert_int_equal(store_put(s, content_hash("fresh", 5), "fresh", 5), 0);
	assert_int_equal(store_commit(s), 0);
	prune_all(s, 10);
	assert_false(has_content(s, "orphan"));
	assert_true(has_content(s, "asked"));
	assert_true(has_content(s, "fresh"));
	store_close(s);
}

static void many_paths_are_pruned_in_bounded_pieces(void **state)
{
	struct store *s = store_at(*state);
	char path[32], content[32];
	int pieces = 0;

	for (uint64_t i = 1; i <= 3000; i++) {
		snprintf(path, sizeof(path), "d/%d", (int)(i % 1000));
		snprintf(content, sizeof(content), "c%d", (int)i);
		if (i > 1000)
			assert_int_equal(
			    apply_dot(s, STORE_SUPERSEDED, path, (struct dot){1, i - 1000}), 0);
		assert_int_equal(save(s, path, i, content, clock_wall_msec()), 0);
	}
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	s = store_at(*state);
	for (bool more = true; more; pieces++) {
		int64_t changes = sqlite3_total_changes64(s->db);

		more = store_prune(s, &(struct store_keep){.versions = 2, .days = 365});
		/* From the history to the log: two. */
		assert_in_range(sqlite3_total_changes64(s->db) - changes, 0, 2 * PRUNE_PIECE);
	}
	assert_in_range(pieces, 6, 20);
	struct store_usage u;
	assert_int_equal(store_usage(s, &u), 0);
	assert_int_equal(u.versions, 2000);
	assert_int_equal(u.paths, 1000);
	assert_true(u.database_bytes > 100000 && u.free_bytes > 0);
	assert_false(has_content(s, "c1"));
	assert_true(has_content(s, "c1001"));
	store_close(s);
}

/* ---- room ---- */

static const char *thousand(int i)
{
	static char content[1001];

	snprintf(content, sizeof(content), "%01000d", i);
	return content;
}

/* Contents of 1,000 bytes each: 20 old ones of f and g in turn, and what is there now. */
static struct store *store_with_a_past(const char *dir)
{
	struct store *s = store_at(dir);

	for (uint64_t i = 1; i <= 22; i++) {
		const char *path = i % 2 ? "f" : "g";

		assert_int_equal(save(s, path, i, thousand((int)i), clock_wall_msec()), 0);
		if (i > 2)
			assert_int_equal(
			    apply_dot(s, STORE_SUPERSEDED, path, (struct dot){1, i - 2}), 0);
		assert_int_equal(outcome(s, (struct dot){1, i}, path, NULL, true), 0);
	}
	/* What f was at first: in conflict, so all of them are current. */
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(save(s, "h", 23 + i, thousand(1 + 2 * (int)i), clock_wall_msec()),
				 0);
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	return store_at(dir);
}

static struct store_usage usage_after(struct store *s, uint64_t bytes)
{
	const struct store_keep keep = {.versions = 1000, .days = 365, .bytes = bytes};
	struct store_usage u;
	int pieces = 0;

	while (store_prune(s, &keep))
		assert_true(++pieces < 10000);
	assert_int_equal(store_usage(s, &u), 0);
	assert_true(u.counted);
	return u;
}

static void how_much_room_the_past_takes_is_known(void **state)
{
	struct store *s = store_with_a_past(*state);
	struct store_usage u;

	assert_int_equal(store_usage(s, &u), 0);
	assert_false(u.counted);
	u = usage_after(s, 0);
	assert_int_equal(u.versions, 27);
	assert_int_equal(u.current_bytes, 7000); /* f's first are what h is */
	assert_int_equal(u.history_bytes, 15000);
	assert_in_range(u.log_bytes, 20 * 200, 44 * 400);
	store_close(s);
}

static void over_the_bound_the_oldest_of_the_past_goes(void **state)
{
	struct store *s = store_with_a_past(*state);
	uint64_t all = usage_after(s, 0).log_bytes + 15000;
	struct store_usage u;

	store_close(s);
	s = store_at(*state);
	u = usage_after(s, all); /* just enough */
	assert_int_equal(u.versions, 27);
	store_close(s);
	s = store_at(*state);
	u = usage_after(s, all - 5000);
	assert_true(u.history_bytes + u.log_bytes <= all - 5000);
	assert_true(u.history_bytes >= 9000); /* and no more than need be */
	store_close(s);
	s = store_at(*state);
	u = usage_after(s, 0); /* counted anew */
	assert_true(u.history_bytes + u.log_bytes <= all - 5000);
	assert_false(has_content(s, thousand(2)));
	assert_true(has_content(s, thousand(1))); /* h has it */
	assert_true(has_content(s, thousand(20)));
	store_close(s);
	s = store_at(*state);
	u = usage_after(s, 1);
	assert_int_equal(u.versions, 7);
	assert_int_equal(u.history_bytes, 0);
	assert_int_equal(u.current_bytes, 7000);
	assert_string_equal(log_text(s, &(struct log_filter){0}),
			    "f:21 g:22 h:23 h:24 h:25 h:26 h:27 ");
	assert_true(has_content(s, thousand(1)));
	assert_true(has_content(s, thousand(21)));
	store_close(s);
}

#define story(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    story(only_the_last_versions_of_a_path_are_kept),
	    story(a_save_costs_the_same_however_often_the_path_was_saved),
	    story(all_that_is_too_much_of_a_path_goes_at_once),
	    story(what_is_no_longer_current_is_kept_for_some_days),
	    story(current_versions_are_never_pruned),
	    story(history_older_than_a_year_goes),
	    story(what_may_yet_be_named_is_not_pruned),
	    story(many_paths_are_pruned_in_bounded_pieces),
	    story(how_much_room_the_past_takes_is_known),
	    story(over_the_bound_the_oldest_of_the_past_goes),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	loaded_forget();
	return failed;
}
