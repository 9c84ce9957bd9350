/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The store on a good day: what is written is read again, by the core, by the log, by whoever wants
 * a content; and what nobody needs any more goes.
 */
#include "tests/unit/store_help.h"

#include <sqlite3.h>

#include <errno.h>

#include "base/clock.h"
#include "base/err.h"

#define DAY_MSEC (INT64_C(24) * 60 * 60 * 1000)

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
	assert_true(has_content(s, "x"));
	assert_int_equal(save(s, "f", 1, "y", 0), 0);
	assert_int_equal(store_commit(s), 0);
	assert_false(has_content(s, "x"));
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

struct lines {
	char text[4096];
	int64_t last_id;
	int stop_after;
};

static int note_record(void *arg, const struct log_record *r)
{
	struct lines *l = arg;
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof(l->text) - len, "%s:%llu%s%s ", r->path,
		 (unsigned long long)r->version->dot.seq, r->history ? "h" : "", r->node);
	assert_true(r->id > l->last_id);
	l->last_id = r->id;
	return l->stop_after && --l->stop_after == 0 ? 42 : 0;
}

static const char *log_text(struct store *s, const struct log_filter *f)
{
	static struct lines l;

	l = (struct lines){0};
	assert_int_equal(store_log(s, f, note_record, &l), 0);
	return l.text;
}

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

static int outcome(struct store *s, struct dot dot, const char *path, const char *hook, bool told)
{
	struct outcome o = {.dot = dot,
			    .path = (char *)(uintptr_t)path,
			    .node = (char *)(uintptr_t) "ns2",
			    .after_msec = 3,
			    .hook = (char *)(uintptr_t)hook,
			    .words = (char *)(uintptr_t) "words",
			    .served = (char *)(uintptr_t) ""};

	return store_outcome(s, &o, told);
}

static int note_outcome(void *arg, const struct outcome *o)
{
	char *text = arg;

	assert_string_equal(o->node, "ns2");
	sprintf(text + strlen(text), "%s:%s ", o->path, o->hook ? o->hook : "installed");
	return 0;
}

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
	assert_string_equal(content, "f:installed "); /* the log has it still, without its content */
	assert_false(store_prune(s, &(struct store_keep){.versions = 3, .days = 365})); /* nothing was written since */
	store_close(s);
}

static void what_is_no_longer_current_is_kept_for_some_days(void **state)
{
	struct store *s = store_at(*state);
	int64_t now = clock_wall_msec(), day = INT64_C(24) * 60 * 60 * 1000;

	for (uint64_t i = 1; i <= 3; i++) {
		char content[] = {'c', (char)('0' + i), '\0'};

		assert_int_equal(save(s, "f", i, content, now - (4 - (int64_t)i) * 10 * day), 0);
		if (i > 1)
			assert_int_equal(
			    apply_dot(s, STORE_SUPERSEDED, "f", (struct dot){1, i - 1}), 0);
	}
	assert_int_equal(save(s, "old", 4, "c4", now - 100 * day), 0);
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
	int pieces = 1;

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
	while (store_prune(s, &(struct store_keep){.versions = 2, .days = 365}))
		pieces++;
	assert_in_range(pieces, 16, 300);
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
	assert_string_equal(log_text(s, &(struct log_filter){0}), "f:21 g:22 h:23 h:24 h:25 h:26 h:27 ");
	assert_true(has_content(s, thousand(1)));
	assert_true(has_content(s, thousand(21)));
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
	    story(the_stash_has_a_limit),
	    story(a_fetched_content_is_put_without_a_version),
	    story(a_content_is_read_in_pieces),
	    story(a_damaged_content_is_not_given_out),
	    story(the_log_tells_what_happened_in_order),
	    story(a_later_outcome_takes_the_place_of_an_earlier_one),
	    story(authors_hear_of_outcomes_until_they_are_told),
	    story(only_the_last_versions_of_a_path_are_kept),
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
