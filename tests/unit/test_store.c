/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The store on a good day: what is written is read again, by the core, by the log, by whoever wants
 * a content.
 */
#include "tests/unit/store_text_help.h"

#include <sqlite3.h>

#include <errno.h>

#include "base/err.h"

/* ---- the core's state ---- */

static struct shown a_shown(void)
{
	struct shown s = {
	    .attrs = {.kind = KIND_FILE, .mode = 04755, .uid = 3, .gid = 4, .size = 5},
	    .dot = {11, 12},
	    .floor_nsec = -13,
	    .floor_hash = {"what it had then"},
	    .raised = true,
	    .leftover = true};

	s.ident = (struct ident){.handle = {.len = 8, .type = 1, .bytes = "abcdefg"},
				 .a = 1,
				 .b = -2,
				 .c = 3,
				 .life = 4,
				 .count = 5};
	strcpy(s.attrs.owner, "bind");
	strcpy(s.attrs.group, "bind");
	vv_raise(&s.context, (struct dot){11, 12});
	return s;
}

static int apply_shown(struct store *s, const char *path, const struct shown *shown)
{
	struct effect e = store_effect(STORE_SHOWN, path);

	e.store.shown = shown;
	return store_apply(s, &e, 0);
}

static int apply_intent(struct store *s, const char *path, const struct intent *intent)
{
	struct effect e = store_effect(STORE_INTENT, path);

	e.store.intent = intent;
	return store_apply(s, &e, 0);
}

static void versions_are_loaded_again(void **state)
{
	struct store *s = store_at(*state);

	assert_int_equal(save(s, "etc/named.conf", 1, "options {};\n", 1000), 0);
	assert_int_equal(apply_version(s, STORE_VERSION, "\xff\n odd name",
				       a_version((struct dot){INT64_MAX, INT64_MAX}, NULL), 1000),
			 0);
	assert_true(store_dirty(s));
	assert_int_equal(store_commit(s), 0);
	assert_false(store_dirty(s));
	s = reopened(s, *state);
	assert_int_equal(loaded.nversions, 2);
	assert_string_equal(loaded.versions[0].path, "etc/named.conf");
	assert_int_equal(loaded.versions[0].version->attrs.size, 12);
	assert_string_equal(loaded.versions[1].path, "\xff\n odd name");
	assert_int_equal(loaded.versions[1].version->dot.origin, INT64_MAX);
	store_close(s);
}

static void what_is_shown_is_loaded_again_until_it_is_forgotten(void **state)
{
	struct store *s = store_at(*state);
	struct shown shown = a_shown();

	assert_int_equal(apply_shown(s, "a/b", &shown), 0);
	assert_int_equal(store_commit(s), 0);
	s = reopened(s, *state);
	assert_int_equal(loaded.nshown, 1);
	assert_string_equal(loaded.shown_path, "a/b");
	assert_true(ident_same(&loaded.shown.ident, &shown.ident));
	assert_int_equal(loaded.shown.ident.count, 5);
	assert_int_equal(attrs_compare(&loaded.shown.attrs, &shown.attrs), 0);
	assert_int_equal(vv_compare(&loaded.shown.context, &shown.context), VV_EQUAL);
	assert_true(dot_same(loaded.shown.dot, shown.dot));
	assert_int_equal(loaded.shown.floor_nsec, -13);
	assert_true(hash_same(loaded.shown.floor_hash, shown.floor_hash));
	assert_true(loaded.shown.raised && loaded.shown.leftover);
	assert_int_equal(apply_shown(s, "a/b", NULL), 0);
	assert_int_equal(store_commit(s), 0);
	s = reopened(s, *state);
	assert_int_equal(loaded.nshown, 0);
	vv_fini(&shown.context);
	store_close(s);
}

static void an_intent_is_loaded_again_until_it_is_done(void **state)
{
	struct store *s = store_at(*state);
	struct intent intent = {.kind = INTENT_CONTENT,
				.handle = {.len = 4, .type = -2, .bytes = "xyz"},
				.attrs = {.kind = KIND_FILE, .mode = 0600},
				.raised = true};

	vv_raise(&intent.context, (struct dot){5, 6});
	assert_int_equal(apply_intent(s, "z", &intent), 0);
	assert_int_equal(store_commit(s), 0);
	s = reopened(s, *state);
	assert_int_equal(loaded.nintents, 1);
	assert_string_equal(loaded.intent_path, "z");
	assert_int_equal(loaded.intent.kind, INTENT_CONTENT);
	assert_true(fhandle_same(&loaded.intent.handle, &intent.handle));
	assert_int_equal(loaded.intent.dot.origin, 0);
	assert_true(loaded.intent.raised);
	assert_int_equal(apply_intent(s, "z", NULL), 0);
	assert_int_equal(store_commit(s), 0);
	s = reopened(s, *state);
	assert_int_equal(loaded.nintents, 0);
	vv_fini(&intent.context);
	store_close(s);
}

static void vector_origins_and_settings_are_loaded_again(void **state)
{
	struct store *s = store_at(*state);
	struct effect e = store_effect(STORE_META, "floor");

	e.store.bytes = (const uint8_t *)"\0\1\2";
	e.store.len = 3;
	assert_int_equal(store_apply(s, &e, 0), 0);
	assert_int_equal(apply_dot(s, STORE_VECTOR, NULL, (struct dot){9, 5}), 0);
	assert_int_equal(apply_dot(s, STORE_VECTOR, NULL, (struct dot){9, 7}), 0);
	assert_int_equal(apply_dot(s, STORE_VECTOR, NULL, (struct dot){9, 6}), 0);
	assert_int_equal(apply_origin(s, 9, "ns1"), 0);
	assert_int_equal(store_commit(s), 0);
	s = reopened(s, *state);
	assert_int_equal(vv_get(&loaded.vector, 9), 7);
	assert_int_equal(loaded.norigins, 1);
	assert_string_equal(loaded.origin.node, "ns1");
	assert_string_equal(loaded.meta_name, "floor");
	assert_int_equal(loaded.meta_len, 3);
	assert_memory_equal(loaded.meta, "\0\1\2", 3);
	e.store.forget = true;
	assert_int_equal(store_apply(s, &e, 0), 0);
	assert_int_equal(store_commit(s), 0);
	s = reopened(s, *state);
	assert_string_equal(loaded.meta_name, "");
	store_close(s);
}

static void what_is_superseded_is_no_longer_current(void **state)
{
	struct store *s = store_at(*state);

	assert_int_equal(save(s, "f", 1, "one", 0), 0);
	assert_int_equal(save(s, "f", 2, "two", 0), 0);
	assert_int_equal(save(s, "g", 1, "one", 0), 0);
	assert_int_equal(apply_dot(s, STORE_SUPERSEDED, "f", (struct dot){1, 1}), 0);
	assert_int_equal(
	    apply_version(s, STORE_HISTORY, "f", a_version((struct dot){3, 1}, "three"), 0), 0);
	assert_int_equal(store_commit(s), 0);
	s = reopened(s, *state);
	assert_int_equal(loaded.nversions, 2);
	assert_int_equal(loaded.versions[0].version->dot.seq, 2);
	assert_string_equal(loaded.versions[1].path, "g");
	assert_true(has_content(s, "one"));
	store_close(s);
}

static void a_draft_is_neither_current_nor_past(void **state)
{
	struct store *s = store_at(*state);

	assert_int_equal(save(s, "f", 1, "one", 0), 0);
	assert_int_equal(apply_version(s, STORE_DRAFT, "f", a_version((struct dot){3, 1}, "two"), 0),
			 0);
	assert_int_equal(apply_version(s, STORE_DRAFT, "g", a_version((struct dot){3, 2}, "three"), 0),
			 0);
	/* It may change, and is one. */
	assert_int_equal(apply_version(s, STORE_DRAFT, "g", a_version((struct dot){3, 2}, "three"), 0),
			 0);
	assert_int_equal(apply_dot(s, STORE_SUPERSEDED, "f", (struct dot){3, 1}), 0);
	assert_int_equal(store_commit(s), 0);
	s = reopened(s, *state);
	assert_int_equal(loaded.nversions, 1);
	assert_int_equal(loaded.ndrafts, 1);
	assert_string_equal(loaded.draft_path, "g");
	assert_int_equal(loaded.draft.seq, 2);
	store_close(s);
}

static void values_are_kept_until_they_are_forgotten(void **state)
{
	struct store *s = store_at(*state);
	char got[8] = "";

	assert_int_equal(store_value_get(s, "clock", got, sizeof(got)), 0);
	assert_int_equal(store_value_put(s, "clock", "12345", 5), 0);
	assert_int_equal(store_value_get(s, "clock", got, 2), 5);
	assert_string_equal(got, "12");
	assert_int_equal(store_commit(s), 0);
	s = reopened(s, *state);
	assert_int_equal(loaded.meta_len, 0);
	assert_int_equal(store_value_get(s, "clock", got, sizeof(got)), 5);
	assert_memory_equal(got, "12345", 5);
	assert_int_equal(store_value_put(s, "clock", NULL, 0), 0);
	assert_int_equal(store_value_get(s, "clock", got, sizeof(got)), 0);
	store_close(s);
}

/* ---- contents ---- */

static long read_all(struct store *s, const char *content, char *got, size_t size)
{
	uint64_t total = 0;
	long n = store_read(s, content_hash(content, strlen(content)), 0, got, size, &total);

	if (n >= 0)
		assert_int_equal(total, strlen(content));
	return n;
}

static void a_stashed_content_comes_with_its_version(void **state)
{
	struct store *s = store_at(*state);
	char got[32];

	assert_false(has_content(s, "zone"));
	assert_int_equal(read_all(s, "zone", got, sizeof(got)), -ENOENT);
	assert_int_equal(save(s, "f", 1, "zone", 0), 0);
	assert_int_equal(read_all(s, "zone", got, sizeof(got)), 4);
	assert_int_equal(store_commit(s), 0);
	s = reopened(s, *state);
	assert_true(has_content(s, "zone"));
	assert_int_equal(read_all(s, "zone", got, sizeof(got)), 4);
	assert_memory_equal(got, "zone", 4);
	store_close(s);
}

static void a_stashed_content_that_nobody_names_is_forgotten(void **state)
{
	struct store *s = store_at(*state);

	assert_int_equal(store_stash(s, content_hash("x", 1), "x", 1), 0);
	assert_int_equal(save(s, "f", 1, "y", 0), 0);
	assert_int_equal(store_commit(s), 0);
	assert_false(has_content(s, "x"));
	assert_true(has_content(s, "y"));
	store_close(s);
}

/* Else who wants it, or is about to make a version of it, would count on what the next commit forgets. */
static void a_stashed_content_is_not_there_before_it_is_named(void **state)
{
	struct store *s = store_at(*state);

	assert_int_equal(store_stash(s, content_hash("x", 1), "x", 1), 0);
	assert_false(has_content(s, "x"));
	assert_int_equal(store_put(s, content_hash("x", 1), "x", 1), 0);
	assert_true(has_content(s, "x"));
	assert_int_equal(store_stash(s, content_hash("y", 1), "y", 1), 0);
	assert_int_equal(save(s, "f", 1, "y", 0), 0);
	assert_true(has_content(s, "y"));
	assert_int_equal(store_commit(s), 0);
	assert_true(has_content(s, "x"));
	assert_true(has_content(s, "y"));
	store_close(s);
}

static void the_stash_has_a_limit(void **state)
{
	struct store *s = store_at(*state);
	char *content = calloc(1, STORE_SMALL_MAX + 1);
	int err = 0, n = 0;

	assert_int_equal(store_stash(s, content_hash(content, STORE_SMALL_MAX + 1), content,
				     STORE_SMALL_MAX + 1),
			 ERR_LIMIT);
	for (; n < 2000 && !err; n++) {
		memcpy(content, &n, sizeof(n));
		err = store_stash(s, content_hash(content, STORE_SMALL_MAX), content,
				  STORE_SMALL_MAX);
	}
	assert_int_equal(err, ERR_LIMIT);
	assert_in_range(n, 1000, 1024);
	free(content);
	store_close(s);
}

static void a_fetched_content_is_put_without_a_version(void **state)
{
	struct store *s = store_at(*state);
	char got[32];

	assert_int_equal(store_put(s, content_hash("fetched", 7), "fetched", 7), 0);
	assert_int_equal(store_put(s, content_hash("fetched", 7), "fetched", 7), 0);
	assert_int_equal(store_put(s, content_hash("", 0), "", 0), 0);
	assert_int_equal(store_commit(s), 0);
	s = reopened(s, *state);
	assert_int_equal(read_all(s, "fetched", got, sizeof(got)), 7);
	assert_int_equal(read_all(s, "", got, sizeof(got)), 0);
	store_close(s);
}

static void a_content_is_read_in_pieces(void **state)
{
	struct store *s = store_at(*state);
	struct hash hash = content_hash("0123456789", 10);
	uint64_t total = 0;
	char got[4];

	assert_int_equal(store_put(s, hash, "0123456789", 10), 0);
	for (int committed = 0; committed < 2; committed++) {
		assert_int_equal(store_read(s, hash, 4, got, 4, &total), 4);
		assert_memory_equal(got, "4567", 4);
		assert_int_equal(store_read(s, hash, 8, got, 4, &total), 2);
		assert_int_equal(store_read(s, hash, 10, got, 4, &total), 0);
		assert_int_equal(store_read(s, hash, UINT64_MAX, got, 4, &total), 0);
		assert_int_equal(total, 10);
		assert_int_equal(store_commit(s), 0);
	}
	store_close(s);
}

static void a_damaged_content_is_not_given_out(void **state)
{
	struct store *s = store_at(*state);
	char got[8];

	assert_int_equal(save(s, "f", 1, "good", 0), 0);
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	execute(*state, "UPDATE content SET data = x'62616421'");
	s = store_at(*state);
	assert_int_equal(read_all(s, "good", got, sizeof(got)), ERR_CORRUPT);
	store_close(s);
}

/* ---- the log ---- */

static void the_log_tells_what_happened_in_order(void **state)
{
	struct store *s = store_at(*state);
	struct lines l = {.stop_after = 2};

	assert_int_equal(apply_origin(s, 1, "ns1"), 0);
	assert_int_equal(save(s, "etc/a", 1, "1", 100), 0);
	assert_int_equal(save(s, "etc/a", 2, "2", 200), 0);
	assert_int_equal(apply_dot(s, STORE_SUPERSEDED, "etc/a", (struct dot){1, 1}), 0);
	assert_int_equal(save(s, "etc/a/b", 3, "3", 300), 0);
	assert_int_equal(save(s, "etc/a0", 4, "4", 400), 0);
	assert_int_equal(
	    apply_version(s, STORE_VERSION, "other", a_version((struct dot){2, 5}, "5"), 500), 0);

	assert_string_equal(log_text(s, &(struct log_filter){0}),
			    "etc/a:1hns1 etc/a:2ns1 etc/a/b:3ns1 etc/a0:4ns1 other:5 ");
	assert_string_equal(log_text(s, &(struct log_filter){.path = "etc/a"}),
			    "etc/a:1hns1 etc/a:2ns1 etc/a/b:3ns1 ");
	assert_string_equal(log_text(s, &(struct log_filter){.last = 2}), "etc/a0:4ns1 other:5 ");
	assert_string_equal(log_text(s, &(struct log_filter){.since_msec = 300, .node = "ns1"}),
			    "etc/a/b:3ns1 etc/a0:4ns1 ");
	assert_string_equal(log_text(s, &(struct log_filter){.origin = 2}), "other:5 ");
	assert_string_equal(log_text(s, &(struct log_filter){.after_id = 4}), "other:5 ");
	assert_string_equal(log_text(s, &(struct log_filter){.path = "nothing"}), "");
	assert_int_equal(store_log(s, &(struct log_filter){0}, note_record, &l), 42);
	assert_string_equal(l.text, "etc/a:1hns1 etc/a:2ns1 ");
	store_close(s);
}

/* ---- outcomes ---- */

static int note_untold(void *arg, int64_t id, const struct outcome *o)
{
	assert_true(id > 0);
	return note_outcome(arg, o);
}

static int tell(void *arg, int64_t id, const struct outcome *o)
{
	(void)o;
	*(int64_t *)arg = id;
	return 0;
}

static int count_outcome(void *arg, const struct outcome *o)
{
	(void)o;
	++*(int *)arg;
	return 0;
}

static void a_later_outcome_takes_the_place_of_an_earlier_one(void **state)
{
	struct store *s = store_at(*state);
	int n = 0;

	for (int i = 0; i < 5; i++)
		assert_int_equal(outcome(s, (struct dot){1, 1}, "a", "bind", true), 0);
	assert_int_equal(outcome(s, (struct dot){1, 1}, "a", NULL, true), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_outcomes(s, (struct dot){1, 1}, "a", count_outcome, &n), 0);
	assert_int_equal(n, 2);
	store_close(s);
}

static void authors_hear_of_outcomes_until_they_are_told(void **state)
{
	struct store *s = store_at(*state);
	char text[512] = "";
	int64_t id;

	assert_int_equal(apply_origin(s, 1, "ns1"), 0);
	assert_int_equal(apply_origin(s, 2, "ns3"), 0);
	assert_int_equal(outcome(s, (struct dot){1, 1}, "a", NULL, false), 0);
	assert_int_equal(outcome(s, (struct dot){1, 1}, "b", NULL, false), 0);
	assert_int_equal(outcome(s, (struct dot){2, 1}, "c", NULL, false), 0);
	assert_int_equal(outcome(s, (struct dot){1, 1}, "a", "bind", true), 0);

	assert_int_equal(store_untold(s, "ns1", 10, note_untold, text), 0);
	assert_string_equal(text, "a:installed b:installed ");
	assert_int_equal(store_untold(s, "ns1", 1, tell, &id), 0);
	assert_int_equal(store_told(s, id), 0);
	assert_int_equal(store_commit(s), 0);
	s = reopened(s, *state);
	text[0] = '\0';
	assert_int_equal(store_untold(s, "ns1", 10, note_untold, text), 0);
	assert_string_equal(text, "b:installed ");
	text[0] = '\0';
	assert_int_equal(store_outcomes(s, (struct dot){1, 1}, "a", note_outcome, text), 0);
	assert_string_equal(text, "a:installed a:bind ");
	store_close(s);
}

#define story(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    story(versions_are_loaded_again),
	    story(what_is_shown_is_loaded_again_until_it_is_forgotten),
	    story(an_intent_is_loaded_again_until_it_is_done),
	    story(vector_origins_and_settings_are_loaded_again),
	    story(what_is_superseded_is_no_longer_current),
	    story(a_draft_is_neither_current_nor_past),
	    story(values_are_kept_until_they_are_forgotten),
	    story(a_stashed_content_comes_with_its_version),
	    story(a_stashed_content_that_nobody_names_is_forgotten),
	    story(a_stashed_content_is_not_there_before_it_is_named),
	    story(the_stash_has_a_limit),
	    story(a_fetched_content_is_put_without_a_version),
	    story(a_content_is_read_in_pieces),
	    story(a_damaged_content_is_not_given_out),
	    story(the_log_tells_what_happened_in_order),
	    story(a_later_outcome_takes_the_place_of_an_earlier_one),
	    story(authors_hear_of_outcomes_until_they_are_told),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	loaded_forget();
	return failed;
}
