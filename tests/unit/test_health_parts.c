/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What zonefs-health stands on: which replies are answers, whose turn it is to be asked, its state
 * file, its commands.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/health/ask.h"
#include "tools/health/zonelist.h"
#include "tools/health/probe.h"
#include "tools/health/run.h"
#include "tools/health/state.h"

#define ID 0x1234

/* ---- replies ---- */

/* A reply to "a.test SOA": header flags, then an answer if `record`. Its length. */
static size_t reply(uint8_t *to, uint8_t flags, uint8_t rcode, bool record)
{
	static const uint8_t question[] = {1, 'a', 4, 't', 'e', 's', 't', 0, 0, 6, 0, 1};
	static const uint8_t soa[] = {0xc0, 12, 0, 6, 0, 1, 0, 0, 1, 44, 0, 22, 0, 0, 0, 0, 0,
				      1,    0,  0, 0, 1, 0, 0, 0, 1, 0,  0, 0,  1, 0, 0, 0, 1};
	const uint8_t header[12] = {ID >> 8, ID & 0xff, flags, rcode, 0, 1, 0, record};
	size_t len = sizeof header;

	memcpy(to, header, len);
	memcpy(to + len, question, sizeof question);
	len += sizeof question;
	if (record) {
		memcpy(to + len, soa, sizeof soa);
		len += sizeof soa;
	}
	return len;
}

static enum ask_verdict judge(uint8_t flags, uint8_t rcode, bool record, enum conf_answer answer,
			      const char *words)
{
	uint8_t message[128];
	char said[RULE_WORDS];
	size_t len = reply(message, flags, rcode, record);
	enum ask_verdict v = ask_judge(message, len, ID, "a.test", 6, answer, said);

	assert_string_equal(said, words);
	return v;
}

static void what_counts_as_an_answer(void **state)
{
	const enum conf_answer auth = CONF_ANSWER_AUTHORITATIVE, any = CONF_ANSWER_ANY,
			       noerror = CONF_ANSWER_NOERROR;

	(void)state;
	assert_int_equal(judge(0x84, 0, true, auth, ""), ASK_GOOD);
	assert_int_equal(judge(0x80, 0, true, auth, "an answer without authority"), ASK_WRONG);
	assert_int_equal(judge(0x84, 0, false, auth, "an answer without the record"), ASK_WRONG);
	assert_int_equal(judge(0x86, 0, false, auth, ""), ASK_GOOD); /* truncated */
	assert_int_equal(judge(0x80, 2, false, auth, "SERVFAIL"), ASK_WRONG);
	assert_int_equal(judge(0x80, 5, false, noerror, "REFUSED"), ASK_WRONG);
	assert_int_equal(judge(0x80, 0, false, noerror, ""), ASK_GOOD);
	assert_int_equal(judge(0x80, 5, false, any, ""), ASK_GOOD);
}

static void a_reply_to_something_else_is_none(void **state)
{
	const enum conf_answer auth = CONF_ANSWER_AUTHORITATIVE;
	uint8_t message[128];
	char words[RULE_WORDS];
	size_t len = reply(message, 0x84, 0, true);

	(void)state;
	assert_int_equal(ask_judge(message, len, ID + 1, "a.test", 6, auth, words), ASK_OTHER);
	assert_int_equal(ask_judge(message, len, ID, "b.test", 6, auth, words), ASK_OTHER);
	assert_int_equal(ask_judge(message, len, ID, "a.test", 1, auth, words), ASK_OTHER);
	assert_int_equal(ask_judge(message, 11, ID, "a.test", 6, auth, words), ASK_OTHER);
	message[2] = 0x04; /* a question */
	assert_int_equal(ask_judge(message, len, ID, "a.test", 6, auth, words), ASK_OTHER);
}

static void what_is_cut_off_anywhere_is_no_answer(void **state)
{
	uint8_t message[128], *exact;
	char words[RULE_WORDS];
	size_t len = reply(message, 0x84, 0, true);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		exact = malloc(i + 1); /* its end is watched by the sanitizer */
		assert_non_null(exact);
		memcpy(exact, message, i);
		assert_int_not_equal(
		    ask_judge(exact, i, ID, "a.test", 6, CONF_ANSWER_AUTHORITATIVE, words),
		    ASK_GOOD);
		free(exact);
	}
}

static void a_question_can_be_read_again(void **state)
{
	uint8_t message[ASK_MESSAGE_MAX];
	char words[RULE_WORDS];
	int len = ask_make(message, ID, "a.test", ask_type("SOA"));

	(void)state;
	assert_true(len > 12);
	assert_int_equal(message[0] << 8 | message[1], ID);
	assert_int_equal(message[2] & 1, 0); /* no recursion is asked for */
	message[2] |= 0x80;
	assert_int_equal(ask_judge(message, (size_t)len, ID, "A.TEST.", 6, CONF_ANSWER_ANY, words),
			 ASK_GOOD);
	assert_int_equal(ask_type("NONSENSE"), 0);
	assert_false(ask_name_ok("a..test"));
	assert_true(ask_make(message, ID, "a..test", 6) < 0);
}

/* ---- all zones, in turn ---- */

static int server; /* it replies to all but one name */
static const char *mute;
static struct probes *probes;
static struct conf_probe probe = {.name = (char *)"all",
				  .address = (char *)"127.0.0.1",
				  .all = true,
				  .type = (char *)"SOA",
				  .udp = true,
				  .answer = CONF_ANSWER_NOERROR,
				  .sample = 2};
static struct conf_health health = {.timeout_sec = 60};
static struct conf conf = {.probes = &probe, .nprobes = 1, .health = &health};

static int setup_probes(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;

	(void)state;
	mute = "";
	probe.view = NULL;
	server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (server < 0 || bind(server, (struct sockaddr *)&a, len) < 0 ||
	    getsockname(server, (struct sockaddr *)&a, &len) < 0)
		return -1;
	probe.port = ntohs(a.sin_port);
	probes = probes_new(&conf);
	return probes ? 0 : -1;
}

static int drop_probes(void **state)
{
	(void)state;
	probes_free(probes);
	return close(server);
}

static void take(const char *const *names)
{
	char **list = calloc(8, sizeof *list);
	size_t n = 0;

	assert_non_null(list);
	for (; names[n]; n++)
		list[n] = strdup(names[n]);
	probes_take_zones(probes, 0, list, n);
}

/* What is asked for in a round, as it comes; names of one label. */
static const char *asked(void)
{
	static char all[256];
	uint8_t message[512];
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	ssize_t n;

	all[0] = '\0';
	probes_start(probes, 0);
	while ((n = recvfrom(server, message, sizeof message, MSG_DONTWAIT,
			     (struct sockaddr *)&from, &len)) > 12) {
		char name[64] = ".";

		if (message[12] > 0)
			snprintf(name, sizeof name, "%.*s", message[12], (char *)message + 13);
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", all[0] ? " " : "",
			 name);
		if (strcmp(name, mute) == 0)
			continue;
		/* A reply that is no answer, but to the question whether there is any. */
		message[2] |= 0x80;
		message[3] = name[0] == '.' ? 5 : 0;
		assert_int_equal(
		    sendto(server, message, (size_t)n, 0, (struct sockaddr *)&from, len), n);
	}
	if (!probes_go_on(probes, 0))
		assert_true(probes_go_on(probes, 60000));
	return all;
}

static void every_zone_of_the_map_has_its_turn(void **state)
{
	const char *words;

	(void)state;
	assert_string_equal(asked(), ".");
	assert_int_equal(probes_outcome(probes, 0, &words), RULE_GOOD);
	take((const char *[]){"c", "a", "b", "A", NULL});
	assert_string_equal(asked(), "a b");
	assert_int_equal(probes_outcome(probes, 0, &words), RULE_GOOD);
	assert_string_equal(asked(), "c a");
	/* What comes and goes keeps nobody waiting. */
	take((const char *[]){"d", "bb", "b", "a", NULL});
	assert_string_equal(asked(), "b bb");
	take((const char *[]){"e", "d", "a0", NULL});
	assert_string_equal(asked(), "d e");
	take((const char *[]){"a", NULL});
	assert_string_equal(asked(), "a");
	take((const char *[]){NULL});
	assert_string_equal(asked(), ".");
}

static void a_zone_that_failed_is_asked_again_while_it_is_there(void **state)
{
	const char *words;

	(void)state;
	take((const char *[]){"a", "b", "c", "d", NULL});
	mute = "b";
	assert_string_equal(asked(), "a b");
	assert_int_equal(probes_outcome(probes, 0, &words), RULE_WRONG);
	assert_non_null(strstr(words, "no reply for b over UDP at 127.0.0.1"));
	assert_string_equal(probes_bad_zone(probes), "b");
	assert_string_equal(asked(), "b c");
	take((const char *[]){"aa", "a", "b", "c", "d", NULL}); /* it has another number now */
	assert_string_equal(probes_bad_zone(probes), "b");
	assert_string_equal(asked(), "b d");
	take((const char *[]){"a", "c", "d", NULL});
	assert_string_equal(probes_bad_zone(probes), "");
	assert_string_equal(asked(), "a c");
	assert_int_equal(probes_outcome(probes, 0, &words), RULE_GOOD);
}

static void hear(struct zonelist *m, const char *text)
{
	json_t *line = json_loads(text, 0, NULL);

	assert_non_null(line);
	zonelist_line(m, line);
	json_decref(line);
}

static void the_zones_are_those_of_the_view(void **state)
{
	struct zonelist *m = zonelist_new(&conf);

	(void)state;
	assert_non_null(m);
	assert_true(zonelist_wanted(m));
	probe.view = (char *)"in";
	zonelist_begin(m);
	hear(m, "{\"type\":\"names\",\"zones\":[\"of-none\"]}");
	hear(m, "{\"type\":\"names\",\"view\":\"in\",\"zones\":[\"b\",\"a\",\"a..b\",7]}");
	hear(m, "{\"type\":\"names\",\"view\":\"out\",\"zones\":[\"c\"]}");
	hear(m, "{\"type\":\"map\",\"view\":\"in\",\"zones\":[\"d\"]}");
	assert_false(zonelist_give(m, probes)); /* it may not be all */
	assert_string_equal(asked(), ".");
	zonelist_end(m);
	assert_true(zonelist_give(m, probes));
	assert_false(zonelist_give(m, probes));
	assert_string_equal(asked(), "a b");
	probe.view = NULL;
	zonelist_begin(m);
	hear(m, "{\"type\":\"names\",\"view\":\"in\",\"zones\":[\"x\"]}");
	zonelist_begin(m); /* that one was broken off */
	hear(m, "{\"type\":\"names\",\"view\":\"in\",\"zones\":[\"a\"]}");
	hear(m, "{\"type\":\"names\",\"zones\":[\"c\"]}");
	zonelist_end(m);
	assert_true(zonelist_give(m, probes));
	assert_string_equal(asked(), "a c");
	zonelist_free(m);
}

/* ---- state ---- */

static char dir_name[] = "/tmp/zonefs-health.XXXXXX";
static int dir;

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir_name + strlen(dir_name) - 6, "XXXXXX");
	if (!mkdtemp(dir_name))
		return -1;
	dir = open(dir_name, O_RDONLY | O_DIRECTORY);
	return dir < 0 ? -1 : 0;
}

static int drop_dir(void **state)
{
	(void)state;
	unlinkat(dir, "state", 0);
	unlinkat(dir, "state.new", 0);
	close(dir);
	return rmdir(dir_name);
}

static void put_state(const char *text)
{
	int fd = openat(dir, "state", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void the_state_is_found_again(void **state)
{
	struct state in = {.known = true,
			   .drained = true,
			   .for_data = true,
			   .route = PART_ON,
			   .address = PART_OFF,
			   .worse = PART_UNKNOWN};
	struct state out;

	(void)state;
	assert_int_equal(state_read(dir, &out), 0);
	assert_false(out.known);
	assert_int_equal(state_write(dir, &in), 0);
	assert_int_equal(state_read(dir, &out), 0);
	assert_true(out.known && out.drained && out.for_data);
	assert_int_equal(out.route, PART_ON);
	assert_int_equal(out.address, PART_OFF);
	assert_int_equal(out.worse, PART_UNKNOWN);
}

static void of_another_boot_only_the_order_to_drain_is_left(void **state)
{
	struct state out;

	(void)state;
	put_state("zonefs-health 1\nboot 0000\nroute on\naddress on\nworse on\ndrained 1\n");
	assert_int_equal(state_read(dir, &out), 0);
	assert_false(out.known);
	assert_true(out.drained);
	assert_int_equal(out.route, PART_UNKNOWN);
	assert_int_equal(out.address, PART_UNKNOWN);
}

static void a_damaged_state_says_nothing(void **state)
{
	static const char *const texts[] = {"", "\n", "zonefs-health 2\ndrained 1\n",
					    "zonefs-health 1", "\377\377\377"};
	struct state out;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		put_state(texts[i]);
		assert_int_equal(state_read(dir, &out), 0);
		assert_false(out.known || out.drained);
	}
}

/* ---- commands ---- */

static void finish(struct run *r, int64_t shift)
{
	struct pollfd fds[RUN_FDS];

	for (int i = 0; i < 600; i++) {
		if (run_go_on(r, clock_monotonic_msec() + shift))
			return;
		unsigned n = run_poll(r, fds);
		poll(fds, n, 100);
	}
	fail_msg("it does not end");
}

static const char *outcome(char *const argv[], const char *input, int64_t shift)
{
	static char words[2048];
	char *environment[] = {"A=b", NULL};
	struct run r;
	int err = run_start(&r, argv, environment, input, 60, clock_monotonic_msec());

	if (err < 0)
		return strerror(-err);
	finish(&r, shift);
	run_words(&r, words, sizeof words);
	assert_int_equal(run_succeeded(&r), strncmp(words, "succeeded", 9) == 0);
	return words;
}

static void a_command_says_how_it_ended(void **state)
{
	(void)state;
	assert_string_equal(outcome((char *[]){"/bin/cat", NULL}, "hello\n", 0),
			    "succeeded: hello");
	assert_string_equal(
	    outcome((char *[]){"/bin/sh", "-c", "echo $A >&2; exit 3", NULL}, "", 0),
	    "exit status 3: b");
	assert_string_equal(outcome((char *[]){"/bin/sh", "-c", "kill -TERM $$", NULL}, "", 0),
			    "ended by signal 15");
	assert_string_equal(outcome((char *[]){"/nowhere", NULL}, "", 0), strerror(ENOENT));
}

static void a_command_has_its_time(void **state)
{
	(void)state;
	assert_string_equal(outcome((char *[]){"/bin/sleep", "1000", NULL}, "", 60000),
			    "ended by its time limit");
}

static void much_output_is_cut_off(void **state)
{
	(void)state;
	const char *words =
	    outcome((char *[]){"/bin/sh", "-c", "yes | head -c 1000000", NULL}, "", 0);

	assert_true(strlen(words) < RUN_OUTPUT + 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_counts_as_an_answer),
	    cmocka_unit_test(a_reply_to_something_else_is_none),
	    cmocka_unit_test(what_is_cut_off_anywhere_is_no_answer),
	    cmocka_unit_test(a_question_can_be_read_again),
	    cmocka_unit_test_setup_teardown(every_zone_of_the_map_has_its_turn, setup_probes,
					    drop_probes),
	    cmocka_unit_test_setup_teardown(a_zone_that_failed_is_asked_again_while_it_is_there,
					    setup_probes, drop_probes),
	    cmocka_unit_test_setup_teardown(the_zones_are_those_of_the_view, setup_probes,
					    drop_probes),
	    cmocka_unit_test_setup_teardown(the_state_is_found_again, make_dir, drop_dir),
	    cmocka_unit_test_setup_teardown(of_another_boot_only_the_order_to_drain_is_left,
					    make_dir, drop_dir),
	    cmocka_unit_test_setup_teardown(a_damaged_state_says_nothing, make_dir, drop_dir),
	    cmocka_unit_test(a_command_says_how_it_ended),
	    cmocka_unit_test(a_command_has_its_time),
	    cmocka_unit_test(much_output_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
