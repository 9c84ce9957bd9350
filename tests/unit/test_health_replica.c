/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What zonefs-health makes of a replicator's answers: the control socket is the test's own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/conf.h"
#include "tools/health/replica.h"

#define END "{\"type\":\"end\",\"end\":true,\"exit\":0}\n"

static struct conf_health health = {.lag_limit_sec = 60, .stale_limit_sec = 60, .behind_limit_sec = 60};
static struct conf conf = {.health = &health};
static struct replica *replica;
static struct rule *rule;
static char dir[] = "/tmp/zonefs-health-XXXXXX";
static int server = -1;
static int64_t now;

static int setup(void **state)
{
	static const struct rule_was nothing;
	static const struct rule_conf usual = {.nchecks = 1, .fall = 3, .rise = 1,
					       .interval_msec = 1000, .fast_msec = 1000,
					       .start_timeout_msec = 60000};
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	conf.state = dir;
	snprintf(a.sun_path, sizeof a.sun_path, "%s/control", dir);
	server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server, (struct sockaddr *)&a, sizeof a) < 0 || listen(server, 4) < 0)
		return -1;
	replica = replica_new(&conf);
	rule = rule_new(&usual, &nothing, now);
	return replica && rule ? 0 : -1;
}

static int teardown(void **state)
{
	CLEANUP_FREE char *path = conf_control_path(&conf);

	(void)state;
	rule_free(rule);
	replica_free(replica);
	close(server);
	unlink(path);
	return rmdir(dir);
}

/* One request is answered so. */
static void serve(const char *lines)
{
	int fd = accept(server, NULL, NULL);
	char request[1024];

	assert_true(fd >= 0);
	assert_true(read(fd, request, sizeof request) > 0);
	assert_int_equal(write(fd, lines, strlen(lines)), (ssize_t)strlen(lines));
	close(fd);
}

/* The replicator says that of itself, besides that it is an ordinary one with one peer, which is there;
 * the name server answers. */
static const struct rule_want *told(const char *of_itself)
{
	CLEANUP_FREE char *status = NULL;

	now += 1000;
	assert_true(asprintf(&status,
			     "{\"type\":\"node\",\"node\":\"ns1\",\"started\":1000,\"now\":2000%s}\n"
			     "{\"type\":\"peer\",\"peer\":\"ns2\",\"reachable\":true,\"ahead\":0}\n" END,
			     of_itself) > 0);
	replica_start(replica, now);
	serve(status);
	assert_false(replica_go_on(replica, now)); /* asks for what is stale */
	serve(END);
	assert_true(replica_go_on(replica, now));
	rule_sample(rule, 0, RULE_GOOD, "", now);
	replica_tell(replica, rule, now);
	return rule_decide(rule, now);
}

static void it_is_announced_once_it_has_caught_up(void **state)
{
	(void)state;
	assert_false(told(",\"joining\":true")->announced);
	assert_false(told(",\"pending\":1")->announced);
	assert_true(told("")->announced);
}

/* What a power cut has done to its files may not be put back yet. */
static void it_is_announced_once_its_tree_has_been_looked_at(void **state)
{
	const struct rule_want *w = told(",\"looking\":true");

	(void)state;
	assert_false(w->announced);
	assert_non_null(strstr(w->words, "has not looked at its whole tree"));
	assert_true(told(",\"looking\":false")->announced);
	assert_true(told(",\"looking\":true")->announced); /* it was started anew */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_is_announced_once_it_has_caught_up, setup, teardown),
	    cmocka_unit_test_setup_teardown(it_is_announced_once_its_tree_has_been_looked_at, setup,
					    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
