/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The hint set: merging, acknowledgement, a new replicator, and what happens when there is too
 * much.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/path.h"
#include "fs/capture.h"

#define MAX 8
#define TAKEN_MAX 1100 /* more than fit into a packet */

struct taken {
	int n;
	struct hint hints[TAKEN_MAX];
	char paths[TAKEN_MAX][256];
	char froms[TAKEN_MAX][256];
};

static int wakes;

static void wake(void *arg)
{
	(void)arg;
	wakes++;
}

static int set_up(void **state)
{
	*state = capture_new(MAX, wake, NULL);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	capture_free(*state);
	return 0;
}

static void take(struct capture *c, struct taken *t)
{
	char path[PATH_LEN_MAX + 1];
	char from[PATH_LEN_MAX + 1];
	struct port_head head;
	struct buf b;
	struct rd r;

	*t = (struct taken){0};
	buf_init(&b, PORT_PACKET_MAX);
	if (capture_next(c, &b, 32768) > 0) {
		assert_int_equal(port_parse(&r, b.data, b.len, &head), 0);
		assert_int_equal(head.type, PORT_HINTS);
		for (int n = rd_u16(&r); n > 0; n--) {
			assert_true(t->n < TAKEN_MAX);
			rd_hint(&r, &t->hints[t->n], path, from);
			snprintf(t->paths[t->n], sizeof(t->paths[0]), "%.255s", path);
			snprintf(t->froms[t->n], sizeof(t->froms[0]), "%.255s", from);
			t->n++;
		}
		assert_int_equal(rd_end(&r), 0);
	}
	buf_fini(&b);
}

static void changed(struct capture *c, const char *path)
{
	capture_changed(c, path, NULL, 0, NULL, 0);
}

static void a_hint_waits_until_it_is_acknowledged(void **state)
{
	struct capture *c = *state;
	struct taken t;

	changed(c, "a");
	uint64_t serial = capture_serial(c);
	assert_false(capture_done(c, serial));
	take(c, &t);
	assert_int_equal(t.n, 1);
	assert_string_equal(t.paths[0], "a");
	assert_false(capture_done(c, serial));
	capture_ack(c, t.hints[0].serial);
	assert_true(capture_done(c, serial));
	take(c, &t);
	assert_int_equal(t.n, 0);
}

static void hints_for_one_path_are_merged(void **state)
{
	struct capture *c = *state;
	struct who creator = {.pid = 1, .command = "named"};
	struct who editor = {.pid = 2, .command = "vi"};
	struct taken t;

	capture_changed(c, "a", "b", HINT_CREATED, &creator, 0);
	capture_changed(c, "a", NULL, HINT_NAMES, &editor, 0);
	take(c, &t);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.hints[0].serial, 2);
	assert_int_equal(t.hints[0].flags, HINT_CREATED | HINT_NAMES);
	assert_string_equal(t.froms[0], "b");
	assert_string_equal(t.hints[0].who.command, "named");
}

static void a_change_while_a_hint_is_on_its_way_is_told_again(void **state)
{
	struct capture *c = *state;
	struct taken first, second;

	changed(c, "a");
	take(c, &first);
	changed(c, "a");
	capture_ack(c, first.hints[0].serial);
	assert_true(capture_done(c, first.hints[0].serial));
	assert_false(capture_done(c, capture_serial(c)));
	take(c, &second);
	assert_int_equal(second.n, 1);
	capture_ack(c, second.hints[0].serial);
	assert_true(capture_done(c, capture_serial(c)));
}

static void a_merged_hint_is_still_waited_for_under_its_older_serial(void **state)
{
	struct capture *c = *state;
	struct taken first, second;

	changed(c, "a");
	take(c, &first);
	changed(c, "a");
	take(c, &second); /* both are on their way; the later one stands for both */
	capture_ack(c, first.hints[0].serial);
	assert_false(capture_done(c, first.hints[0].serial));
	capture_ack(c, second.hints[0].serial);
	assert_true(capture_done(c, second.hints[0].serial));
}

static void what_was_given_until_then_is_sent_first(void **state)
{
	struct capture *c = *state;
	struct taken t;

	assert_false(capture_behind(c, capture_serial(c)));
	changed(c, "a");
	uint64_t serial = capture_serial(c);
	changed(c, "b");
	changed(c, "a"); /* merged: it keeps its place */
	assert_true(capture_behind(c, serial));
	take(c, &t);
	assert_int_equal(t.n, 2);
	serial = capture_serial(c);
	assert_false(capture_behind(c, serial));
	changed(c, "b"); /* later */
	assert_false(capture_behind(c, serial));
	assert_true(capture_behind(c, capture_serial(c)));
	capture_resend(c);
	assert_true(capture_behind(c, capture_serial(c)));
	take(c, &t);
	assert_false(capture_behind(c, capture_serial(c)));
	capture_rescan(c); /* stands for what came before, too */
	assert_true(capture_behind(c, serial));
	take(c, &t);
	assert_false(capture_behind(c, capture_serial(c)));
}

static void a_reserved_serial_is_what_a_late_hint_stands_for(void **state)
{
	struct capture *c = *state;
	struct taken t;

	uint64_t reserved = capture_reserve(c);
	changed(c, "other");
	take(c, &t);
	capture_ack(c, t.hints[0].serial);
	capture_changed(c, "late", NULL, 0, NULL, reserved);
	assert_false(capture_done(c, reserved));
	take(c, &t);
	assert_true(t.hints[0].serial > reserved);
	capture_ack(c, t.hints[0].serial);
	assert_true(capture_done(c, reserved));
}

static void a_new_replicator_is_told_everything_that_was_not_acknowledged(void **state)
{
	struct capture *c = *state;
	struct taken t;

	changed(c, "a");
	changed(c, "b");
	take(c, &t);
	assert_int_equal(t.n, 2);
	capture_ack(c, t.hints[0].serial);
	changed(c, "c");
	capture_resend(c);
	take(c, &t);
	assert_int_equal(t.n, 2);
	assert_string_equal(t.paths[0], "c");
	assert_string_equal(t.paths[1], "b");
}

static void too_many_hints_become_one_rescan(void **state)
{
	struct capture *c = *state;
	struct capture_counts counts;
	struct taken t;
	char path[16];

	for (int i = 0; i <= 10 * MAX; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		changed(c, path);
	}
	capture_count(c, &counts);
	assert_true(counts.rescan);
	assert_int_equal(counts.waiting, 0);
	take(c, &t);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.hints[0].what, HINT_RESCAN);
	assert_false(capture_done(c, 1));
	changed(c, "after");
	capture_ack(c, t.hints[0].serial);
	assert_true(capture_done(c, t.hints[0].serial));
	take(c, &t);
	assert_int_equal(t.n, 1);
	assert_string_equal(t.paths[0], "after");
}

static const struct who named = {.pid = 1, .command = "named"};
static const struct who editor = {.pid = 2, .command = "vi"};

static void made(struct capture *c, const char *path, const struct who *who)
{
	capture_changed(c, path, NULL, HINT_CREATED | HINT_NAMES, who, 0);
}

static void overflow(struct capture *c)
{
	struct capture_counts counts;
	char path[16];

	for (int i = 0; i <= MAX; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		changed(c, path);
	}
	capture_count(c, &counts);
	assert_true(counts.rescan);
}

/* What is to be sent: these names as created by named, then the RESCAN. */
static void named_then_rescan(struct capture *c, const char *const paths[], int n)
{
	struct taken t;

	take(c, &t);
	assert_int_equal(t.n, n + 1);
	for (int i = 0; i < n; i++) {
		assert_int_equal(t.hints[i].what, HINT_CHANGED);
		assert_true(t.hints[i].flags & HINT_CREATED);
		assert_string_equal(t.paths[i], paths[i]);
		assert_string_equal(t.hints[i].who.command, "named");
	}
	assert_int_equal(t.hints[n].what, HINT_RESCAN);
}

#define NAMED_THEN_RESCAN(c, ...)                                                                  \
	named_then_rescan((c), (const char *const[]){__VA_ARGS__},                                 \
			  sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void what_is_local_by_its_creator_is_told_before_the_rescan(void **state)
{
	struct capture *c = *state;

	made(c, "d/tmp-before1234", &named);
	made(c, "db-someones", &editor);
	made(c, "zone.db", &named);
	overflow(c);
	made(c, "d/tmp-while12345", &named);
	made(c, "db-anothers", &editor);
	made(c, "other.db", &named);
	overflow(c); /* more do not push them out */
	capture_changed(c, "d/tmp-while12345", NULL, 0, &editor, 0);
	NAMED_THEN_RESCAN(c, "d/tmp-before1234", "d/tmp-while12345");
}

static void so_is_the_name_that_was_too_much(void **state)
{
	struct capture *c = *state;
	char path[16];

	for (int i = 0; i < MAX; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		changed(c, path);
	}
	made(c, "tmp-abcdefghij", &named);
	NAMED_THEN_RESCAN(c, "tmp-abcdefghij");
}

static void so_is_what_was_sent_and_not_acknowledged(void **state)
{
	struct capture *c = *state;
	struct taken t;

	made(c, "tmp-abcdefghij", &named);
	take(c, &t);
	assert_int_equal(t.n, 1);
	capture_changed(c, "tmp-abcdefghij", NULL, 0, &editor, 0);
	overflow(c);
	capture_resend(c);
	NAMED_THEN_RESCAN(c, "tmp-abcdefghij");
	capture_resend(c);
	NAMED_THEN_RESCAN(c, "tmp-abcdefghij");
}

static void a_name_that_has_gone_meanwhile_is_not_kept(void **state)
{
	struct capture *c = *state;
	struct taken t;

	made(c, "tmp-0123456789", &named);
	overflow(c);
	made(c, "db-12345678", &named);
	made(c, "db-87654321", &named);
	capture_changed(c, "tmp-0123456789", NULL, HINT_NAMES, &named, 0);
	capture_changed(c, "zone.db", "db-12345678", HINT_NAMES, &named, 0);
	made(c, "db-87654321", &editor);
	take(c, &t);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.hints[0].what, HINT_RESCAN);
}

static void what_is_kept_is_bounded(void **state)
{
	struct capture *c = *state;
	struct capture_counts counts;
	struct taken t;
	char path[32];
	int n = 0;

	overflow(c);
	for (int i = 0; i <= CAPTURE_KEPT_MAX; i++) {
		snprintf(path, sizeof(path), "db-%08d", i);
		made(c, path, &named);
	}
	capture_count(c, &counts);
	assert_int_equal(counts.waiting, CAPTURE_KEPT_MAX);
	do { /* the RESCAN comes after all of them */
		take(c, &t);
		assert_true(t.n > 0);
		for (int i = 0; i < t.n; i++, n++)
			if (t.hints[i].what == HINT_CHANGED)
				capture_ack(c, t.hints[i].serial);
	} while (t.hints[t.n - 1].what != HINT_RESCAN);
	assert_int_equal(n, CAPTURE_KEPT_MAX + 1);

	overflow(c); /* there is room again */
	made(c, "tmp-abcdefghij", &named);
	NAMED_THEN_RESCAN(c, "tmp-abcdefghij");
}

static void an_unacknowledged_rescan_is_told_again(void **state)
{
	struct capture *c = *state;
	struct taken t;

	capture_rescan(c);
	take(c, &t);
	capture_resend(c);
	take(c, &t);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.hints[0].what, HINT_RESCAN);
}

static void free_and_changed_are_told_apart(void **state)
{
	struct capture *c = *state;
	struct taken t;

	changed(c, "a");
	capture_freed(c, "a");
	take(c, &t);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.hints[0].what, HINT_CHANGED);
	assert_int_equal(t.hints[1].what, HINT_FREE);
}

static void a_path_is_done_when_nothing_below_it_is_left(void **state)
{
	struct capture *c = *state;
	struct taken t;

	changed(c, "d/e/f");
	assert_false(capture_done_path(c, "d"));
	assert_false(capture_done_path(c, "d/e/f"));
	assert_true(capture_done_path(c, "d/e/fg"));
	take(c, &t);
	assert_false(capture_done_path(c, "d"));
	capture_ack(c, t.hints[0].serial);
	assert_true(capture_done_path(c, "d"));
}

static void stray_acknowledgements_do_nothing(void **state)
{
	struct capture *c = *state;
	struct taken t;

	capture_ack(c, 0);
	capture_ack(c, UINT64_MAX);
	changed(c, "a");
	capture_ack(c, capture_serial(c)); /* it was not sent */
	take(c, &t);
	assert_int_equal(t.n, 1);
}

static void paths_that_the_port_cannot_carry_are_left_out(void **state)
{
	struct capture *c = *state;
	struct taken t;

	changed(c, "../a");
	changed(c, PATH_STAGING "/1");
	take(c, &t);
	assert_int_equal(t.n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_hint_waits_until_it_is_acknowledged),
	    TEST(hints_for_one_path_are_merged),
	    TEST(a_change_while_a_hint_is_on_its_way_is_told_again),
	    TEST(a_merged_hint_is_still_waited_for_under_its_older_serial),
	    TEST(what_was_given_until_then_is_sent_first),
	    TEST(a_reserved_serial_is_what_a_late_hint_stands_for),
	    TEST(a_new_replicator_is_told_everything_that_was_not_acknowledged),
	    TEST(too_many_hints_become_one_rescan),
	    TEST(what_is_local_by_its_creator_is_told_before_the_rescan),
	    TEST(so_is_the_name_that_was_too_much),
	    TEST(so_is_what_was_sent_and_not_acknowledged),
	    TEST(a_name_that_has_gone_meanwhile_is_not_kept),
	    TEST(what_is_kept_is_bounded),
	    TEST(an_unacknowledged_rescan_is_told_again),
	    TEST(free_and_changed_are_told_apart),
	    TEST(a_path_is_done_when_nothing_below_it_is_left),
	    TEST(stray_acknowledgements_do_nothing),
	    TEST(paths_that_the_port_cannot_carry_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
