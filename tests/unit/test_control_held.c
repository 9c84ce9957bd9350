/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is held, and change sets, as the control socket lists them and lets them go.
 */
#include "tests/unit/control_help.h"

static void what_is_held_is_listed_and_decided(void **state)
{
	struct version *v = version_new();
	int fd = dial();

	(void)state;
	say(fd, "{\"zonefs\":1,\"command\":\"held\"}\n");
	hears_end(fd, 0, "nothing is held");
	fake.draft = v;
	say(fd, "{\"zonefs\":1,\"command\":\"held\"}\n");
	hears_type(fd, "held", "path", "etc/\\001x");
	hears_end(fd, 1, "1 path is removed or emptied here, but not on the peers");
	v->group = 7;
	say(fd, "{\"zonefs\":1,\"command\":\"held\"}\n");
	hears_type(fd, "held", "by", "set");
	hears_end(fd, 1, "1 path is held here, and no peer has heard of it");
	say(fd, "{\"zonefs\":1,\"command\":\"approve\",\"path\":\"etc\"}\n");
	hears_end(fd, 1, "nothing is held there");
	v->group = 0;
	say(fd, "{\"zonefs\":1,\"command\":\"release\"}\n");
	hears_end(fd, 1, "zonefsctl approve is for what the safety brake holds");
	say(fd, "{\"zonefs\":1,\"command\":\"approve\",\"path\":\"etc\"}\n");
	hears_end(fd, 0, "1 path: the removal goes to the peers");
	assert_int_equal(fake.decided, EVENT_APPROVE);
	assert_int_equal(fake.decided_paths, 1);
	fake.draft = v;
	say(fd, "{\"zonefs\":1,\"command\":\"discard\",\"paths\":[\"etc\",\"var\"]}\n");
	hears_end(fd, 0, "1 path: put back as the peers have it");
	assert_int_equal(fake.decided, EVENT_DISCARD);
	assert_int_equal(fake.decided_paths, 2);
	say(fd, "{\"zonefs\":1,\"command\":\"discard\"}\n");
	hears_end(fd, 1, "nothing is held: there is nothing to do");
	say(fd, "{\"zonefs\":1,\"command\":\"approve\",\"path\":\"../x\"}\n");
	hears_end(fd, 1, "is not a path of the tree");
	say(fd, "{\"zonefs\":1,\"command\":\"release\",\"paths\":[5]}\n");
	hears_end(fd, 1, "is not a path of the tree");
	version_put(v);
	close(fd);
}

static void what_is_saved_while_it_is_put_back_is_said(void **state)
{
	struct version *v = version_new();
	int fd = dial();

	(void)state;
	v->draft = true;
	fake.draft = v;
	fake.saves_anew = 1;
	say(fd, "{\"zonefs\":1,\"command\":\"discard\"}\n");
	hears_end(fd, 1, "0 paths put back as the peers have it, 1 saved anew meanwhile, which the peers are told");
	fake.draft = v;
	fake.saves_anew = 0;
	fake.stays = true; /* saved under the set that is open, or busy */
	say(fd, "{\"zonefs\":1,\"command\":\"discard\"}\n");
	hears_end(fd, 1, "0 paths put back as the peers have it, 1 saved since or still being written, and held");
	fake.put_back = true;
	say(fd, "{\"zonefs\":1,\"command\":\"discard\"}\n");
	for (int i = 0; i < 5; i++)
		round_once(1);
	assert_int_equal(recv(fd, line, 1, 0), -1);
	fake.draft = NULL;
	fake.put_back = fake.stays = false;
	hears_end(fd, 0, "1 path: put back as the peers have it");
	version_put(v);
	close(fd);
}

static void what_is_set_aside_is_not_brought_back_while_a_hook_runs(void **state)
{
	struct version *v = version_new();
	int fd = dial();

	(void)state;
	v->draft = v->aside = true;
	fake.draft = v;
	fake.hook_runs = true;
	fake.decided = EVENT_TIME;
	say(fd, "{\"zonefs\":1,\"command\":\"edit\"}\n");
	hears_type(fd, "waits", "hook", "bind");
	for (int i = 0; i < 5; i++)
		round_once(1);
	assert_int_equal(fake.decided, EVENT_TIME);
	fake.hook_runs = false;
	hears_end(fd, 0, "1 path: brought back into the tree, and held as before");
	assert_int_equal(fake.decided, EVENT_EDIT);

	fake.draft = v;
	fake.hook_runs = true;
	fake.decided = EVENT_TIME;
	say(fd, "{\"zonefs\":1,\"command\":\"edit\"}\n");
	hears_type(fd, "waits", "hook", "bind");
	node.now_msec += 15000;
	hears_end(fd, 1, "hook bind is still running, and could load what is brought back");
	assert_int_equal(fake.decided, EVENT_TIME);

	v->group = 7;
	say(fd, "{\"zonefs\":1,\"command\":\"release\"}\n"); /* is to be loaded: it goes on */
	hears_type(fd, "waits", "hook", "bind");
	node.now_msec += 15000;
	hears_end(fd, 0, "1 path: released, as one change");
	assert_int_equal(fake.decided, EVENT_RELEASE);
	fake.draft = NULL;
	fake.hook_runs = false;
	version_put(v);
	close(fd);
}

static void a_set_is_begun_and_released(void **state)
{
	struct version *v = version_new();
	int fd = dial();

	(void)state;
	v->group = 7;
	say(fd, "{\"zonefs\":1,\"command\":\"hold\",\"patterns\":[\"a/../b\"]}\n");
	hears_end(fd, 1, "pattern \"a/../b\"");
	say(fd, "{\"zonefs\":1,\"command\":\"hold\",\"patterns\":\"x\"}\n");
	hears_end(fd, 1, "is not a list of at most");
	say(fd, "{\"zonefs\":1,\"command\":\"hold\",\"patterns\":[\"zones/\"],\"why\":\"new mail\"}\n");
	hears_end(fd, 0, "under these patterns is held here until zonefsctl release");
	assert_int_equal(fake.patterns, 1);
	say(fd, "{\"zonefs\":1,\"command\":\"hold\"}\n");
	hears_end(fd, 1, "a change set is open already, begun by ada");
	say(fd, "{\"zonefs\":1,\"command\":\"held\"}\n");
	hears_type(fd, "set", "why", "new mail");
	hears_end(fd, 0, "nothing has been saved under it yet");
	fake.draft = v;
	/* What was saved before is waited for, and it has ended when it is told. */
	say(fd, "{\"zonefs\":1,\"command\":\"release\",\"serial\":\"12\",\"why\":\"go\"}\n");
	while (!fake.waiting)
		round_once(1);
	assert_true(fake.spec.only_here);
	assert_int_equal(fake.spec.serial, 12);
	assert_true(fake.decided != EVENT_RELEASE);
	fake.releasing = true;
	fake.wait.done(fake.wait.arg, true);
	for (int i = 0; i < 10; i++)
		round_once(1);
	assert_int_equal(fake.decided, EVENT_RELEASE);
	assert_string_equal(fake.why, "go");
	fake.releasing = false;
	fake.draft = NULL;
	hears_end(fd, 0, "1 path: released, as one change");
	version_put(v);
	close(fd);
}

static void what_is_being_written_stays_held(void **state)
{
	struct version *v = version_new();
	int fd = dial();

	(void)state;
	v->group = 7;
	fake.draft = v;
	fake.releasing = true;
	say(fd, "{\"zonefs\":1,\"command\":\"release\"}\n");
	while (fake.decided != EVENT_RELEASE)
		round_once(1);
	fake.releasing = false;
	hears_end(fd, 1, "nothing is released: a path is still being written");
	version_put(v);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_held_is_listed_and_decided),
	    TEST(what_is_saved_while_it_is_put_back_is_said),
	    TEST(what_is_set_aside_is_not_brought_back_while_a_hook_runs),
	    TEST(a_set_is_begun_and_released),
	    TEST(what_is_being_written_stays_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
