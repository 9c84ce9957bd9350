/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The log, as the control socket tells it: from the end, followed, and to a slow reader.
 */
#include "tests/unit/control_help.h"

static void outcome(uint64_t seq, const char *path, const char *hook, const char *served)
{
	struct outcome o = {.dot = {1, seq},
			    .path = (char *)path,
			    .node = (char *)"ns2",
			    .wall_msec = 5,
			    .after_msec = 3,
			    .hook = (char *)hook,
			    .words = (char *)"",
			    .served = (char *)served};

	assert_int_equal(store_outcome(node.store, &o, true), 0);
	assert_int_equal(store_commit(node.store), 0);
	node.changes++;
}

static void hears_version(int fd, const char *path, int outcomes)
{
	json_t *o = hear(fd);

	assert_non_null(o);
	assert_string_equal(text_of(o, "type"), "version");
	assert_string_equal(text_of(o, "path"), path);
	assert_int_equal(json_array_size(json_object_get(o, "outcomes")), outcomes);
	json_decref(o);
}

static void the_log_has_the_newest_and_what_became_of_them(void **state)
{
	int fd = dial();
	json_t *o;

	(void)state;
	assert_int_equal(apply_origin(node.store, 1, "ns1"), 0);
	saved("etc/a", 1, "one");
	saved("etc/b", 2, "two");
	saved("var/c", 3, "three");
	outcome(3, "var/c", NULL, "");
	outcome(3, "var/c", "bind", "a.test 1\nb.test 2\n");
	say(fd, "{\"zonefs\":1,\"command\":\"log\",\"last\":2}\n");
	hears_version(fd, "etc/b", 0);
	o = hear(fd);
	assert_string_equal(text_of(o, "node"), "ns1");
	assert_string_equal(text_of(o, "version"), "0000000000000001:3");
	const json_t *hook = json_array_get(json_object_get(o, "outcomes"), 1);
	assert_string_equal(text_of(hook, "hook"), "bind");
	assert_string_equal(json_string_value(json_array_get(json_object_get(hook, "served"), 1)),
			    "b.test 2");
	json_decref(o);
	hears_end(fd, 0, "");
	say(fd, "{\"zonefs\":1,\"command\":\"log\",\"path\":\"etc\"}\n");
	hears_version(fd, "etc/a", 0);
	hears_version(fd, "etc/b", 0);
	hears_end(fd, 0, "");
	say(fd, "{\"zonefs\":1,\"command\":\"log\",\"origin\":\"ns9\"}\n");
	hears_end(fd, 0, "");
	say(fd, "{\"zonefs\":1,\"command\":\"log\",\"since\":1003,\"last\":100}\n");
	hears_version(fd, "var/c", 2);
	hears_end(fd, 0, "");
	close(fd);
}

/* The gate looked at it first; `of`: and had made it of that itself. */
static void judged(const char *path, uint64_t seq, const char *content, const char *of)
{
	struct version *v = a_version((struct dot){9, seq}, content);

	v->draft = true;
	v->group = 2;
	if (of)
		v->replaced = content_hash(of, strlen(of));
	assert_int_equal(apply_version(node.store, STORE_HISTORY, path, v, 1000 + (int64_t)seq), 0);
}

static void a_save_that_was_judged_first_is_one_of_so_many(void **state)
{
	char name[32], content[32], request[128];
	int fd = dial();

	(void)state;
	assert_int_equal(apply_origin(node.store, 1, "ns1"), 0);
	saved("old", 1, "old");
	judged("bad", 2, "bad", NULL); /* and held, so that it is one */
	judged("z", 3, "zone 5", NULL);
	judged("z", 4, "zone 6", "zone 5"); /* with its serial raised */
	saved("z", 5, "zone 6");
	judged("a", 6, "one", NULL);
	saved("a", 7, "one");
	say(fd, "{\"zonefs\":1,\"command\":\"log\",\"last\":2}\n");
	hears_version(fd, "z", 0);
	hears_version(fd, "a", 0);
	hears_end(fd, 0, "");
	say(fd, "{\"zonefs\":1,\"command\":\"log\",\"last\":3}\n");
	hears_version(fd, "bad", 0);
	hears_version(fd, "z", 0);
	hears_version(fd, "a", 0);
	hears_end(fd, 0, "");
	for (uint64_t seq = 10; seq < 2000; seq += 2) {
		snprintf(name, sizeof(name), "many/%d", (int)seq / 100);
		snprintf(content, sizeof(content), "%d", (int)seq);
		judged(name, seq, content, NULL);
		assert_int_equal(save(node.store, name, seq + 1, content, 1001 + (int64_t)seq), 0);
	}
	assert_int_equal(store_commit(node.store), 0);
	for (int last = 997; last < 1002; last++) {
		int n = 0;
		json_t *o;

		snprintf(request, sizeof(request), "{\"zonefs\":1,\"command\":\"log\",\"last\":%d}\n", last);
		say(fd, request);
		while ((o = hear(fd)) && !json_object_get(o, "end")) {
			n++;
			json_decref(o);
		}
		json_decref(o);
		assert_int_equal(n, last > 999 ? 999 : last);
	}
	close(fd);
}

static void a_log_that_is_followed_goes_on(void **state)
{
	int fd = dial();

	(void)state;
	saved("a", 1, "one");
	saved("b", 2, "two");
	say(fd, "{\"zonefs\":1,\"command\":\"log\",\"last\":1,\"follow\":true}\n");
	hears_version(fd, "b", 0);
	assert_null(hear(fd));
	assert_true(control_wake(control) == INT64_MAX);
	saved("c", 3, "three");
	outcome(2, "b", NULL, "");
	assert_true(control_wake(control) < INT64_MAX);
	hears_version(fd, "c", 0);
	hears_type(fd, "outcome", "path", "b");
	outcome(3, "c", "bind", "");
	hears_type(fd, "outcome", "hook", "bind");
	assert_null(hear(fd));
	close(fd);
}

static void a_long_log_waits_for_a_slow_reader(void **state)
{
	char path[250];
	int fd = dial();

	(void)state;
	for (uint64_t i = 1; i <= 4000; i++) {
		snprintf(path, sizeof(path), "%0200d", (int)i);
		assert_int_equal(save(node.store, path, i, "x", 1), 0);
	}
	assert_int_equal(store_commit(node.store), 0);
	say(fd, "{\"zonefs\":1,\"command\":\"log\",\"last\":100000}\n");
	for (int i = 0; i < 300; i++)
		round_once(0);
	assert_true(control_wake(control) == INT64_MAX);
	for (int i = 1; i <= 4000; i++) {
		snprintf(path, sizeof(path), "%0200d", i);
		hears_version(fd, path, 0);
	}
	hears_end(fd, 0, "");
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_log_has_the_newest_and_what_became_of_them),
	    TEST(a_save_that_was_judged_first_is_one_of_so_many),
	    TEST(a_log_that_is_followed_goes_on),
	    TEST(a_long_log_waits_for_a_slow_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
