/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a hook reads, what of its output counts as served, and the mark that something is due.
 */
#include "base/buf.h"
#include "replicator/runs.h"
#include "replicator/runs_text.h"
#include "replicator/store/internal.h"
#include "tests/unit/scratch_help.h"

static char *input(const struct hook_run *run, size_t max)
{
	struct buf b;

	buf_init(&b, 1024 * 1024);
	runs_input(&b, run, max);
	assert_int_equal(b.err, 0);
	buf_u8(&b, 0);
	return (char *)b.data;
}

static void each_item_is_a_line(void **state)
{
	struct hook_item items[] = {
	    {.path = (char *)"etc/named.conf"},
	    {.path = (char *)"var/named/old.zone", .gone = true},
	    {.path = (char *)"etc/odd\nname\\", .dir = true},
	};
	const struct hook_run run = {.items = items, .n = 3, .attempt = 1};

	(void)state;
	char *text = input(&run, 1000);
	assert_string_equal(text, "changed\tetc/named.conf\n"
				  "removed\tvar/named/old.zone\n"
				  "changed\tetc/odd\\012name\\134\n");
	free(text);
}

static void too_many_items_are_all(void **state)
{
	struct hook_item items[] = {{.path = (char *)"a"}, {.path = (char *)"b"}};
	struct hook_run run = {.items = items, .n = 2, .attempt = 1};

	(void)state;
	char *text = input(&run, 20);
	assert_string_equal(text, "changed\ta\nchanged\tb\n");
	free(text);
	text = input(&run, 19);
	assert_string_equal(text, "all\t\n");
	free(text);
	run.all = true;
	text = input(&run, 1000);
	assert_string_equal(text, "all\t\n");
	free(text);
	text = input(NULL, 1000);
	assert_string_equal(text, "all\t\n");
	free(text);
}

static void served_lines_are_picked_from_the_output(void **state)
{
	(void)state;
	char *served = runs_served("reloading\nserved example.org 12\nunserved x 1\n"
				   "served example.net 7");
	assert_string_equal(served, "example.org 12\nexample.net 7");
	free(served);
	served = runs_served("");
	assert_string_equal(served, "");
	free(served);
}

static void an_endless_output_is_cut(void **state)
{
	char *long_text = calloc(1, 100001);

	(void)state;
	for (int i = 0; i < 100000; i += 20)
		memcpy(long_text + i, "served zone.example\n", 20);
	char *served = runs_served(long_text);
	assert_true(strlen(served) < 1024);
	assert_memory_equal(served, "zone.example\nzone.example\n", 26);
	free(served);
	free(long_text);
}

/* ---- the mark ---- */

static bool noted(const struct node *n)
{
	uint8_t one;

	return store_value_get(n->store, "hooks-due", &one, 1) == 1;
}

static struct runs *runs_at(struct node *n, const char *dir)
{
	static struct conf_hook hook = {.name = (char *)"reload", .quiet_msec = 50};
	static const struct conf conf = {.hooks = &hook, .nhooks = 1};

	const char *why;

	hook.match = patterns_new();
	assert_int_equal(patterns_add(hook.match, "a", &why), 0);
	*n = (struct node){.conf = &conf, .store = store_at(dir)};
	n->runs = runs_new(n);
	assert_non_null(n->runs);
	return n->runs;
}

static void is_due(struct runs *r)
{
	struct effect e = {.type = EFFECT_TOLD, .path = "a"};

	e.told.kind = KIND_FILE;
	e.told.changed = CHANGED_CONTENT;
	runs_note(r, &e);
}

static void end(struct node *n)
{
	runs_free(n->runs);
	patterns_free(n->conf->hooks[0].match);
	store_close(n->store);
}

static void that_a_hook_is_due_outlives_the_process(void **state)
{
	struct node n;
	struct runs *r = runs_at(&n, *state);

	assert_false(runs_pending(r));
	is_due(r);
	assert_int_equal(store_commit(n.store), 0);
	end(&n);
	r = runs_at(&n, *state);
	assert_true(runs_pending(r));
	end(&n);
}

static void a_mark_that_the_store_had_no_room_for_is_put_as_soon_as_it_has(void **state)
{
	struct node n;
	struct runs *r = runs_at(&n, *state);

	for (uint32_t i = 0; i < RECORDS_MAX; i++)
		assert_int_equal(store_value_put(n.store, "other", NULL, 0), 0);
	is_due(r);
	assert_false(noted(&n));
	runs_tick(r);
	assert_false(noted(&n));
	assert_int_equal(store_commit(n.store), 0);
	runs_tick(r);
	assert_true(noted(&n));
	end(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_item_is_a_line),
	    cmocka_unit_test(too_many_items_are_all),
	    cmocka_unit_test(served_lines_are_picked_from_the_output),
	    cmocka_unit_test(an_endless_output_is_cut),
	    cmocka_unit_test_setup_teardown(that_a_hook_is_due_outlives_the_process,
					    scratch_make, scratch_remove),
	    cmocka_unit_test_setup_teardown(
		a_mark_that_the_store_had_no_room_for_is_put_as_soon_as_it_has, scratch_make,
		scratch_remove),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
