/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The control socket as programs use and misuse it: a real socket and a real store, and a node that
 * says what the test told it to say.
 */
#include "tests/unit/control_help.h"

/* ---- requests ---- */

static void nonsense_is_answered_in_words(void **state)
{
	static const struct {
		const char *request, *words;
	} list[] = {
	    {"hello", "no JSON"},
	    {"", "no JSON"},
	    {"[]", "\"zonefs\":1"},
	    {"{}", "\"zonefs\":1"},
	    {"{\"zonefs\":\"1\"}", "\"zonefs\":1"},
	    {"{\"zonefs\":2,\"command\":\"status\"}", "version 1"},
	    {"{\"zonefs\":1}", "no \"command\""},
	    {"{\"zonefs\":1,\"command\":5}", "no \"command\""},
	    {"{\"zonefs\":1,\"command\":\"format c:\"}", "no command \"format c:\""},
	    {"{\"zonefs\":1,\"zonefs\":1}", "no JSON"},
	    {"{\"zonefs\":1,\"command\":\"log\",\"path\":5}", "\"path\""},
	    {"{\"zonefs\":1,\"command\":\"log\",\"path\":\"../x\"}", "\"path\""},
	    {"{\"zonefs\":1,\"command\":\"log\",\"since\":-1}", "\"since\""},
	    {"{\"zonefs\":1,\"command\":\"log\",\"last\":100001}", "\"last\""},
	    {"{\"zonefs\":1,\"command\":\"log\",\"follow\":1}", "\"follow\""},
	    {"{\"zonefs\":1,\"command\":\"log\",\"origin\":1}", "\"origin\""},
	    {"{\"zonefs\":1,\"command\":\"wait\",\"path\":\"/x\"}", "\"path\""},
	    {"{\"zonefs\":1,\"command\":\"wait\",\"serial\":5}", "\"serial\""},
	    {"{\"zonefs\":1,\"command\":\"wait\",\"served\":\"\"}", "\"served\""},
	    {"{\"zonefs\":1,\"command\":\"wait\",\"limit_ms\":3600001}", "\"limit_ms\""},
	};
	int fd = dial();

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		say(fd, list[i].request);
		say(fd, "\n");
		hears_end(fd, 1, list[i].words);
	}
	assert_false(fake.waiting);
	close(fd);
}

static void a_request_without_end_is_refused(void **state)
{
	char block[8192];
	int fd = dial();

	(void)state;
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 8; i++) {
		assert_int_equal(send(fd, block, sizeof(block), 0), sizeof(block));
		round_once(10);
		round_once(1);
	}
	hears_end(fd, 1, "at most");
	assert_null(hear(fd));
	close(fd);
}

static void requests_are_answered_one_after_the_other(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "{\"zonefs\":1,\"command\":\"wait\"}\n{\"zonefs\":1,\"command\":\"peers\"}\n");
	for (int i = 0; i < 5; i++)
		round_once(1);
	assert_true(fake.waiting);
	assert_int_equal(fake.spec.limit_msec, 30000);
	assert_int_equal(recv(fd, line, 1, 0), -1);
	fake.wait.done(fake.wait.arg, true);
	hears_type(fd, "reached", "peer", "ns3");
	hears_type(fd, "reached", "peer", "ns4");
	hears_type(fd, "reached", "peer", "ns5");
	hears_end(fd, 1, "has not told");
	hears_type(fd, "peer", "state", "reachable");
	hears_type(fd, "peer", "last_error", "a\\377");
	hears_end(fd, 0, "1 of 2");
	close(fd);
}

static void a_wait_says_who_lags_and_who_writes(void **state)
{
	struct wait_report writer = {.what = WAIT_WRITER, .pid = 5, .command = "vim"};
	struct wait_report self = {.what = WAIT_SELF, .reached = true, .words = ""};
	struct wait_report lags = {.what = WAIT_PEER, .peer = 0, .words = "it is joining"};
	int fd = dial();

	(void)state;
	say(fd, "{\"zonefs\":1,\"command\":\"wait\",\"path\":\"a\\\\377\",\"limit_ms\":5,"
		"\"served\":true,\"serial\":\"18446744073709551615\"}\n");
	for (int i = 0; i < 5; i++)
		round_once(1);
	assert_string_equal(fake.path, "a\xff");
	assert_true(fake.spec.served && fake.spec.serial == UINT64_MAX);
	fake.wait.report(fake.wait.arg, &writer);
	fake.wait.report(fake.wait.arg, &self);
	fake.wait.report(fake.wait.arg, &lags);
	fake.wait.done(fake.wait.arg, false);
	hears_type(fd, "writer", "command", "vim");
	hears_type(fd, "reached", "peer", "ns1");
	hears_type(fd, "reached", "words", "it is joining");
	hears_type(fd, "reached", "words", "cannot be reached: not waited for");
	for (int i = 0; i < 2; i++)
		hears_type(fd, "reached", "words", "is no peer of this node: not waited for");
	hears_end(fd, 1, "1 lags");
	close(fd);
	assert_int_equal(fake.cancelled, 0);
}

static void who_waits_for_all_waits_for_those_behind_the_peers(void **state)
{
	struct wait_report self = {.what = WAIT_SELF, .reached = true, .words = ""};
	int fd = dial();

	(void)state;
	fake.far_knows = false;
	say(fd, "{\"zonefs\":1,\"command\":\"wait\",\"all\":true,\"limit_ms\":60000}\n");
	while (!fake.waiting)
		round_once(1);
	fake.wait.report(fake.wait.arg, &self);
	fake.wait.done(fake.wait.arg, true);
	hears_type(fd, "reached", "peer", "ns1");
	hears_type(fd, "reached", "words", "cannot be reached: not waited for");
	for (int i = 0; i < 20; i++)
		round_once(1);
	fake.far_knows = true; /* ns4; nobody has heard ns5 for long */
	hears_type(fd, "reached", "words", "is no peer of this node; it has heard of it");
	hears_type(fd, "reached", "peer", "ns5");
	hears_end(fd, 0, "all peers");
	close(fd);

	fake.far_knows = fake.waiting = false;
	fd = dial();
	say(fd, "{\"zonefs\":1,\"command\":\"wait\",\"all\":true,\"limit_ms\":0}\n");
	while (!fake.waiting)
		round_once(1);
	fake.wait.report(fake.wait.arg, &self);
	fake.wait.done(fake.wait.arg, true);
	hears_type(fd, "reached", "peer", "ns1");
	hears_type(fd, "reached", "words", "cannot be reached: not waited for");
	hears_type(fd, "reached", "words",
		   "is no peer of this node, and is not known to have heard of it");
	hears_type(fd, "reached", "peer", "ns5");
	hears_end(fd, 1, "not all nodes behind them");
	close(fd);
	fake.waiting = false;
}

static void who_hangs_up_waits_no_longer(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "{\"zonefs\":1,\"command\":\"wait\"}\n");
	for (int i = 0; i < 5; i++)
		round_once(1);
	assert_true(fake.waiting);
	close(fd);
	for (int i = 0; i < 5; i++)
		round_once(1);
	assert_int_equal(fake.cancelled, 77);
}

static void a_status_waits_for_the_file_system(void **state)
{
	struct fs_info info = {.known = true, .nbeneath = 1};
	int fd = dial(), troubles = 0;
	json_t *o;

	(void)state;
	strcpy(info.beneath[0].command, "named");
	say(fd, "{\"zonefs\":1,\"command\":\"status\"}\n");
	for (int i = 0; i < 5; i++)
		round_once(1);
	assert_non_null(fake.info);
	fake.info(fake.info_arg, &info);
	hears_type(fd, "summary", "state", "trouble");
	hears_type(fd, "node", "tree", "0000000000000001");
	hears_type(fd, "fs", NULL, NULL);
	hears_type(fd, "beneath", "command", "named");
	hears_type(fd, "peer", "peer", "ns2");
	hears_type(fd, "peer", "peer", "ns3");
	for (int i = 2; i <= 6; i++)
		hears_type(fd, "known", "node", ((const char *[]){"ns2", "ns3", "ns4", "ns5", "ns6"})[i - 2]);
	while ((o = hear(fd)) && strcmp(text_of(o, "trouble"), "waiting") == 0) {
		troubles++;
		json_decref(o);
	}
	assert_int_equal(troubles, 200);
	assert_int_equal(json_integer_value(json_object_get(o, "count")), 100);
	json_decref(o);
	hears_end(fd, 1, "NOT well");
	close(fd);
}

static void only_a_node_that_is_gone_is_forgotten(void **state)
{
	static const struct {
		const char *request, *words;
		int status;
		bool forgotten;
	} list[] = {
	    {"\"node\":5", "\"node\" is", 1, false},
	    {"\"ask\":5", "\"ask\"", 1, false},
	    {"\"node\":\"ns1\"", "this node itself", 1, false},
	    {"\"node\":\"ns9\"", "no node \"ns9\"", 1, false},
	    {"\"node\":\"ns2\"", "can be reached", 1, false},
	    {"\"node\":\"ns4\"", "was heard 10 s ago", 1, false},
	    {"\"node\":\"ns6\"", "forgotten already", 1, false},
	    {"\"node\":\"ns3\",\"ask\":true", "2 deletions are kept", 0, false},
	    {"\"node\":\"ns3\",\"ask\":true", "out of zonefs.conf", 0, false},
	    {"\"node\":\"ns5\",\"ask\":true", "1 deletion is kept", 0, false},
	    {"\"node\":\"ns3\"", "ns3 is forgotten", 0, true},
	    {"\"node\":\"ns5\"", "ns5 is forgotten", 0, true},
	};
	int fd = dial();

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		char request[256];

		fake.forgotten[0] = '\0';
		snprintf(request, sizeof(request), "{\"zonefs\":1,\"command\":\"forget\",%s}\n",
			 list[i].request);
		say(fd, request);
		hears_end(fd, list[i].status, list[i].words);
		assert_int_equal(fake.forgotten[0] != '\0', list[i].forgotten);
	}
	close(fd);
}

static void a_peer_that_is_away_is_not_identical(void **state)
{
	struct verify_report r = {.what = VERIFY_DIFFERS, .peer = 0, .path = "x"};
	int fd = dial();

	(void)state;
	say(fd, "{\"zonefs\":1,\"command\":\"verify\"}\n");
	hears_type(fd, "compared", "failed", "it cannot be reached");
	fake.verify.done(fake.verify.arg, true);
	hears_end(fd, 1, "not known");
	say(fd, "{\"zonefs\":1,\"command\":\"verify\"}\n");
	hears_type(fd, "compared", "peer", "ns3");
	fake.verify.report(fake.verify.arg, &r);
	r = (struct verify_report){.what = VERIFY_PEER_DONE, .paths = 5, .differences = 1};
	fake.verify.report(fake.verify.arg, &r);
	fake.verify.done(fake.verify.arg, false);
	hears_type(fd, "difference", "difference", "differs");
	hears_type(fd, "compared", "peer", "ns2");
	hears_end(fd, 1, "NOT identical: 1 difference;");
	close(fd);
}

static void start_alone_says_what_it_means(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "{\"zonefs\":1,\"command\":\"start-alone\"}\n");
	hears_end(fd, 0, "waits for its peers no longer");
	fake.alone = -EALREADY;
	say(fd, "{\"zonefs\":1,\"command\":\"start-alone\"}\n");
	hears_end(fd, 1, "nothing to do");
	close(fd);
}

static void a_pause_knows_who_ordered_it(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "{\"zonefs\":1,\"command\":\"resume\"}\n");
	hears_end(fd, 1, "not paused");
	say(fd, "{\"zonefs\":1,\"command\":\"pause\",\"user\":\"alice\",\"tty\":\"pts/7\"}\n");
	hears_end(fd, 0, "replication is paused");
	assert_string_equal(fake.paused_by, "alice (pts/7)");
	say(fd, "{\"zonefs\":1,\"command\":\"pause\"}\n");
	hears_end(fd, 1, "paused already, by alice (pts/7)");
	say(fd, "{\"zonefs\":1,\"command\":\"resume\"}\n");
	hears_end(fd, 0, "replication goes on");
	fake.alone = -ENOSPC;
	say(fd, "{\"zonefs\":1,\"command\":\"pause\"}\n");
	hears_end(fd, 1, "No space left on device");
	close(fd);
}

static void notes_are_said_and_heard(void **state)
{
	int fd = dial();
	json_t *o;

	(void)state;
	say(fd, "{\"zonefs\":1,\"command\":\"notes\",\"say\":\"aGVsbG8=\"}\n");
	o = hear(fd);
	assert_string_equal(text_of(o, "type"), "note");
	assert_string_equal(text_of(o, "peer"), "ns2");
	assert_true(json_is_true(json_object_get(o, "reachable")));
	assert_null(json_object_get(o, "note"));
	json_decref(o);
	o = hear(fd);
	assert_string_equal(text_of(o, "peer"), "ns3");
	assert_true(json_is_false(json_object_get(o, "reachable")));
	json_decref(o);
	hears_end(fd, 0, "0 of 2 peers");
	assert_int_equal(fake.said_len, 5);
	assert_memory_equal(fake.said, "hello", 5);

	fake.noted = "well";
	fake.said_len = 0;
	say(fd, "{\"zonefs\":1,\"command\":\"notes\"}\n");
	o = hear(fd);
	assert_string_equal(text_of(o, "note"), "d2VsbA==");
	assert_int_equal(json_integer_value(json_object_get(o, "age_ms")), 1234);
	json_decref(o);
	json_decref(hear(fd));
	hears_end(fd, 0, "1 of 2 peers");
	assert_int_equal(fake.said_len, 0);

	say(fd, "{\"zonefs\":1,\"command\":\"notes\",\"say\":\"?\"}\n");
	hears_end(fd, 1, "in base 64");
	say(fd, "{\"zonefs\":1,\"command\":\"notes\",\"say\":7}\n");
	hears_end(fd, 1, "is a text");
	assert_int_equal(fake.said_len, 0);
	close(fd);
}

/* ---- clients ---- */

static void sixty_four_are_served_and_one_more_is_told_so(void **state)
{
	int fds[64], more;

	(void)state;
	for (int i = 0; i < 64; i++) {
		fds[i] = dial();
		round_once(10);
	}
	more = dial();
	hears_end(more, 1, "too many");
	assert_null(hear(more));
	close(more);
	for (int i = 0; i < 64; i++) {
		say(fds[i], "{\"zonefs\":1,\"command\":\"start-alone\"}\n");
		hears_end(fds[i], 0, "");
		close(fds[i]);
	}
	for (int i = 0; i < 10; i++)
		round_once(1);
	more = dial();
	say(more, "{\"zonefs\":1,\"command\":\"start-alone\"}\n");
	hears_end(more, 0, "");
	close(more);
}

static void half_closed_clients_get_their_answers(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "{\"zonefs\":1,\"command\":\"start-alone\"}\n");
	shutdown(fd, SHUT_WR);
	hears_end(fd, 0, "");
	assert_null(hear(fd));
	close(fd);
}

static void nobody_takes_the_socket_of_a_living_node(void **state)
{
	struct control *second;
	struct stat st;
	char path[300];

	(void)state;
	snprintf(path, sizeof(path), "%s/control", conf.state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(control_open(&node, &second), -EADDRINUSE);
}

static void a_dead_nodes_socket_is_replaced(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	control_close(control);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/control", conf.state);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	assert_int_equal(control_open(&node, &control), 0);
	fd = dial();
	say(fd, "{\"zonefs\":1,\"command\":\"start-alone\"}\n");
	hears_end(fd, 0, "");
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(nonsense_is_answered_in_words),
	    TEST(a_request_without_end_is_refused),
	    TEST(requests_are_answered_one_after_the_other),
	    TEST(a_wait_says_who_lags_and_who_writes),
	    TEST(who_waits_for_all_waits_for_those_behind_the_peers),
	    TEST(who_hangs_up_waits_no_longer),
	    TEST(a_status_waits_for_the_file_system),
	    TEST(only_a_node_that_is_gone_is_forgotten),
	    TEST(a_peer_that_is_away_is_not_identical),
	    TEST(start_alone_says_what_it_means),
	    TEST(a_pause_knows_who_ordered_it),
	    TEST(notes_are_said_and_heard),
	    TEST(sixty_four_are_served_and_one_more_is_told_so),
	    TEST(half_closed_clients_get_their_answers),
	    TEST(nobody_takes_the_socket_of_a_living_node),
	    TEST(a_dead_nodes_socket_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
