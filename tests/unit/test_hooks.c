/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * When hooks run, with a clock of the test's own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "replicator/core/hooks.h"

static struct patterns *everything;

static struct hooks *one_hook(void)
{
	struct hook_spec spec = {"bind", everything, 50};

	return hooks_new(&spec, 1);
}

static void changed(struct hooks *h, const char *path, int64_t now)
{
	hooks_changed(h, path, false, false, CHANGED_CONTENT, (struct dot){1, 1}, false, now);
}

static void the_first_change_after_a_silence_runs_at_once(void **state)
{
	struct hooks *h = one_hook();
	const struct hook_run *run;

	(void)state;
	assert_null(hooks_next(h, 1000));
	changed(h, "a", 1000);
	run = hooks_next(h, 1000);
	assert_non_null(run);
	assert_int_equal(run->n, 1);
	assert_string_equal(run->items[0].path, "a");
	assert_null(hooks_next(h, 1000));
	hooks_done(h, 0, true, 1010);
	assert_false(hooks_pending(h));
	hooks_free(h);
}

static void what_follows_within_quiet_is_collected(void **state)
{
	struct hooks *h = one_hook();
	const struct hook_run *run;

	(void)state;
	changed(h, "a", 1000);
	assert_non_null(hooks_next(h, 1000));
	hooks_done(h, 0, true, 1005);
	changed(h, "b", 1010);
	changed(h, "c", 1030);
	assert_null(hooks_next(h, 1079));
	assert_int_equal(hooks_wake(h), 1080);
	run = hooks_next(h, 1080);
	assert_non_null(run);
	assert_int_equal(run->n, 2);
	hooks_done(h, 0, true, 1090);
	hooks_free(h);
}

static void a_stream_of_changes_is_collected_for_a_second_at_most(void **state)
{
	struct hooks *h = one_hook();
	int64_t now = 1000;

	(void)state;
	changed(h, "a", now);
	assert_non_null(hooks_next(h, now));
	hooks_done(h, 0, true, now + 1);
	for (now = 1010; now < 2009; now += 20) {
		changed(h, "b", now);
		assert_null(hooks_next(h, now));
	}
	changed(h, "b", now);
	assert_non_null(hooks_next(h, 2010));
	hooks_done(h, 0, true, 2011);
	hooks_free(h);
}

static void a_change_during_a_run_gets_a_run_of_its_own(void **state)
{
	struct hooks *h = one_hook();
	const struct hook_run *run;

	(void)state;
	changed(h, "a", 1000);
	assert_non_null(hooks_next(h, 1000));
	changed(h, "a", 1500);
	assert_null(hooks_next(h, 5000));
	assert_true(hooks_pending(h));
	hooks_done(h, 0, true, 5000);
	run = hooks_next(h, 5000);
	assert_non_null(run);
	assert_string_equal(run->items[0].path, "a");
	hooks_done(h, 0, true, 5001);
	hooks_free(h);
}

static void a_failed_run_is_tried_again_later_with_all_its_items(void **state)
{
	struct hooks *h = one_hook();
	const struct hook_run *run;

	(void)state;
	changed(h, "a", 1000);
	assert_non_null(hooks_next(h, 1000));
	hooks_done(h, 0, false, 1100);
	assert_int_equal(hooks_failing(h), 1);
	assert_true(hooks_pending(h));
	assert_null(hooks_next(h, 2099));
	run = hooks_next(h, 2100);
	assert_non_null(run);
	assert_int_equal(run->attempt, 2);
	assert_int_equal(run->n, 1);
	hooks_done(h, 0, false, 2200);
	assert_null(hooks_next(h, 4199)); /* two seconds now */
	assert_non_null(hooks_next(h, 4200));
	hooks_done(h, 0, true, 4300);
	assert_int_equal(hooks_failing(h), 0);
	assert_false(hooks_pending(h));
	hooks_free(h);
}

static void a_change_after_a_failed_run_starts_one_at_once(void **state)
{
	struct hooks *h = one_hook();
	const struct hook_run *run;

	(void)state;
	changed(h, "a", 1000);
	assert_non_null(hooks_next(h, 1000));
	hooks_done(h, 0, false, 1100);
	assert_non_null(hooks_next(h, 2100));
	hooks_done(h, 0, false, 2200);
	changed(h, "b", 2500); /* the cure, perhaps */
	run = hooks_next(h, 2500);
	assert_non_null(run);
	assert_int_equal(run->n, 2);
	assert_int_equal(run->attempt, 1);
	changed(h, "c", 2600); /* while that runs: the next one does not wait either */
	hooks_done(h, 0, false, 2700);
	run = hooks_next(h, 2700);
	assert_non_null(run);
	assert_int_equal(run->n, 3);
	hooks_done(h, 0, false, 2800);
	assert_null(hooks_next(h, 3799)); /* and then it is a second again */
	assert_non_null(hooks_next(h, 3800));
	hooks_done(h, 0, true, 3900);
	assert_false(hooks_pending(h));
	hooks_free(h);
}

static void an_op_of_several_paths_is_one_run(void **state)
{
	struct hooks *h = one_hook();
	const struct hook_run *run;

	(void)state;
	hooks_changed(h, "new", false, false, CHANGED_CONTENT, (struct dot){1, 1}, true, 1000);
	assert_null(hooks_next(h, 1000));
	hooks_changed(h, "old", false, true, CHANGED_KIND, (struct dot){1, 1}, false, 1004);
	run = hooks_next(h, 1004);
	assert_non_null(run);
	assert_int_equal(run->n, 2);
	hooks_done(h, 0, true, 1010);
	hooks_free(h);
}

static void an_op_whose_rest_does_not_come_runs_all_the_same(void **state)
{
	struct hooks *h = one_hook();

	(void)state;
	hooks_changed(h, "new", false, false, CHANGED_CONTENT, (struct dot){1, 1}, true, 1000);
	assert_null(hooks_next(h, 1999));
	assert_non_null(hooks_next(h, 2000));
	hooks_done(h, 0, true, 2001);
	hooks_free(h);
}

static void a_new_mtime_alone_starts_nothing(void **state)
{
	struct hooks *h = one_hook();

	(void)state;
	hooks_changed(h, "a", false, false, CHANGED_MTIME, (struct dot){1, 1}, false, 1000);
	assert_null(hooks_next(h, 5000));
	assert_int_equal(hooks_wake(h), INT64_MAX);
	hooks_free(h);
}

static void too_many_items_become_all(void **state)
{
	struct hooks *h = one_hook();
	const struct hook_run *run;
	char path[32];

	(void)state;
	for (unsigned int i = 0; i <= HOOK_ITEMS_MAX; i++) {
		snprintf(path, sizeof(path), "f%u", i);
		changed(h, path, 1000);
	}
	run = hooks_next(h, 1000);
	assert_non_null(run);
	assert_true(run->all);
	assert_int_equal(run->n, HOOK_ITEMS_MAX);
	hooks_done(h, 0, true, 1001);
	hooks_free(h);
}

static void only_matching_paths_start_a_hook(void **state)
{
	struct patterns *etc = patterns_new();
	struct hook_spec specs[2] = {{"all", everything, 0}, {"etc", etc, 0}};
	const char *why;
	struct hooks *h;

	(void)state;
	assert_int_equal(patterns_add(etc, "etc/**", &why), 0);
	h = hooks_new(specs, 2);
	changed(h, "var/zone", 1000);
	assert_int_equal(hooks_next(h, 1000)->hook, 0);
	assert_null(hooks_next(h, 1000));
	changed(h, "etc/named.conf", 1001);
	assert_int_equal(hooks_next(h, 1001)->hook, 1);
	hooks_done(h, 0, true, 1002);
	hooks_done(h, 1, true, 1002);
	hooks_free(h);
	patterns_free(etc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_change_after_a_silence_runs_at_once),
	    cmocka_unit_test(what_follows_within_quiet_is_collected),
	    cmocka_unit_test(a_stream_of_changes_is_collected_for_a_second_at_most),
	    cmocka_unit_test(a_change_during_a_run_gets_a_run_of_its_own),
	    cmocka_unit_test(a_failed_run_is_tried_again_later_with_all_its_items),
	    cmocka_unit_test(a_change_after_a_failed_run_starts_one_at_once),
	    cmocka_unit_test(an_op_of_several_paths_is_one_run),
	    cmocka_unit_test(an_op_whose_rest_does_not_come_runs_all_the_same),
	    cmocka_unit_test(a_new_mtime_alone_starts_nothing),
	    cmocka_unit_test(too_many_items_become_all),
	    cmocka_unit_test(only_matching_paths_start_a_hook),
	};
	const char *why;
	int failed;

	everything = patterns_new();
	if (!everything || patterns_add(everything, "**", &why) < 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	patterns_free(everything);
	return failed;
}
