/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hooks, run for real. Programs of the machine serve as hooks: /bin/sh where a story is needed,
 * since a script of the test's own would lie in a directory that others can write to, which is
 * refused. What needs root (another user) is skipped without.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "fs/account.h"
#include "fs/hookcheck.h"
#include "fs/hookrun.h"

static char user[] = "root";
static char node[] = "ns1";
static char mount_path[] = "/var/empty-tree";
static char name[] = "test";
static const struct conf conf = {.node = node, .mount = mount_path};

static int run_words(const char *who, int timeout_sec, char **words, const char *input,
		     struct hook_result *result)
{
	struct conf_hook hook = {
	    .name = name,
	    .run = words,
	    .user = (char *)(uintptr_t)who,
	    .timeout_sec = timeout_sec,
	};

	return hook_run(&conf, &hook, "reload", input, strlen(input), result);
}

static int run_shell(const char *script, const char *input, int timeout_sec,
		     struct hook_result *result)
{
	char sh[] = "/bin/sh", c[] = "-c";
	char *words[] = {sh, c, (char *)(uintptr_t)script, NULL};

	return run_words(user, timeout_sec, words, input, result);
}

static const char *output(const struct hook_result *r)
{
	static char text[PORT_HOOK_OUTPUT_MAX + 1];

	memcpy(text, r->output, r->output_len);
	text[r->output_len] = '\0';
	return text;
}

static void status_output_and_verb_come_back(void **state)
{
	struct hook_result r;

	(void)state;
	assert_int_equal(run_shell("echo out $0; echo err >&2; exit 3", "", 10, &r), 0);
	assert_int_equal(r.exit_status, 3);
	assert_int_equal(r.signal, 0);
	assert_false(r.timed_out);
	assert_string_equal(output(&r), "out reload\nerr\n");
}

static void a_signal_is_told_from_a_status(void **state)
{
	struct hook_result r;

	(void)state;
	assert_int_equal(run_shell("kill -USR1 $$", "", 10, &r), 0);
	assert_int_equal(r.exit_status, -1);
	assert_int_equal(r.signal, SIGUSR1);
}

static void input_arrives_whole(void **state)
{
	static char input[PORT_INPUT_MAX + 1];
	struct hook_result r;

	(void)state;
	memset(input, 'i', sizeof(input) - 1);
	assert_int_equal(run_shell("wc -c", input, 10, &r), 0);
	assert_int_equal(strtol(output(&r), NULL, 10), PORT_INPUT_MAX);
}

static void a_hook_that_does_not_read_harms_nobody(void **state)
{
	static char input[PORT_INPUT_MAX];
	struct hook_result r;

	(void)state;
	memset(input, 'i', sizeof(input) - 1);
	assert_int_equal(run_shell("exec <&-; exit 0", input, 10, &r), 0);
	assert_int_equal(r.exit_status, 0);
}

static void long_output_is_cut_and_the_hook_goes_on(void **state)
{
	struct hook_result r;

	(void)state;
	assert_int_equal(run_shell("head -c 1000000 /dev/zero | tr '\\0' x; exit 5", "", 10, &r),
			 0);
	assert_int_equal(r.output_len, PORT_HOOK_OUTPUT_MAX);
	assert_int_equal(r.exit_status, 5);
}

static void the_environment_is_clean(void **state)
{
	struct hook_result r;

	(void)state;
	setenv("SECRET_OF_ROOT", "x", 1);
	assert_int_equal(
	    run_shell("env | cut -d= -f1 | grep -v '^_$\\|^PWD$' | sort | tr '\\n' ' '", "", 10,
		      &r),
	    0);
	assert_string_equal(output(&r), "HOME LANG PATH ZONEFS_HOOK ZONEFS_MOUNT ZONEFS_NODE ");
	assert_int_equal(
	    run_shell("echo $ZONEFS_HOOK $ZONEFS_MOUNT $ZONEFS_NODE $LANG; pwd; umask", "", 10, &r),
	    0);
	assert_string_equal(output(&r), "test /var/empty-tree ns1 C\n/\n0022\n");
}

static void what_is_told_besides_is_one_line_each(void **state)
{
	char sh[] = "/bin/sh", c[] = "-c";
	char script[] = "echo \"$ZONEFS_ALERT|$ZONEFS_ALERT_WORDS|$0\"; env | wc -l";
	char *words[] = {sh, c, script, NULL};
	struct conf_hook hook = {.name = name, .run = words, .user = user, .timeout_sec = 10};
	const struct hook_more more[] = {
	    {"ZONEFS_ALERT", "held"}, {"ZONEFS_ALERT_WORDS", "two\nLD_PRELOAD=/x\x7f."}, {0}};
	struct hook_result r;

	(void)state;
	assert_int_equal(hook_run_with(&conf, &hook, "begins", more, "", 0, &r), 0);
	assert_memory_equal(output(&r), "held|two LD_PRELOAD=/x .|begins\n", 32);
}

static void no_descriptor_is_inherited(void **state)
{
	struct hook_result r;
	int leaked = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(leaked >= 0);
	assert_int_equal(dup2(leaked, 77), 77);
	/* The third is what ls itself has opened, to read the directory. */
	assert_int_equal(run_shell("exec ls /proc/self/fd", "", 10, &r), 0);
	close(77);
	close(leaked);
	assert_string_equal(output(&r), "0\n1\n2\n3\n");
}

static void signals_are_as_at_login(void **state)
{
	struct hook_result r;
	sigset_t set, old;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(
	    run_shell("grep -E '^Sig(Blk|Ign)' /proc/$$/status | tr -d '\\t\\n'", "", 10, &r), 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_string_equal(output(&r), "SigBlk:0000000000000000SigIgn:0000000000000000");
}

/* Waits until nobody is in the session any more. */
static bool session_ended(pid_t session)
{
	int64_t until = clock_monotonic_msec() + 10000;

	while (clock_monotonic_msec() < until) {
		if (kill(-session, 0) < 0 && errno == ESRCH)
			return true;
		usleep(1000);
	}
	return false;
}

static void the_time_limit_ends_the_whole_session(void **state)
{
	struct hook_result r;

	(void)state;
	/* One child ignores SIGTERM; one has left the process group. */
	char bash[] = "/bin/bash", c[] = "-c";
	char script[] =
	    "echo $$; (trap '' TERM; exec sleep 100) & set -m; sleep 100 & echo $!; wait";
	char *words[] = {bash, c, script, NULL};
	assert_int_equal(run_words(user, 1, words, "", &r), 0);
	assert_true(r.timed_out);
	assert_true(r.run_msec >= 1000);
	char *rest;
	pid_t session = (pid_t)strtol(output(&r), &rest, 10);
	pid_t group = (pid_t)strtol(rest, NULL, 10);
	assert_true(session > 1 && group > 1 && session != group);
	assert_true(session_ended(session));
	assert_true(session_ended(group));
}

static void a_hook_that_ignores_sigterm_is_killed(void **state)
{
	struct hook_result r;

	(void)state;
	assert_int_equal(run_shell("trap '' TERM; while :; do sleep 100; done", "", 1, &r), 0);
	assert_true(r.timed_out);
	assert_int_equal(r.signal, SIGKILL);
}

static void what_a_hook_leaves_behind_is_not_waited_for(void **state)
{
	struct hook_result r;

	(void)state;
	assert_int_equal(run_shell("sleep 30 & echo $!", "", 20, &r), 0);
	assert_int_equal(r.exit_status, 0);
	assert_false(r.timed_out);
	pid_t left = (pid_t)strtol(output(&r), NULL, 10);
	assert_true(left > 1);
	assert_int_equal(kill(left, SIGKILL), 0);
}

static void it_runs_as_the_user_without_rights(void **state)
{
	struct hook_result r;
	char sh[] = "/bin/sh", c[] = "-c";
	char script[] = "id -u; id -G; echo $HOME; grep -c '^Cap[IPEA].*:.0*$' /proc/self/status";
	char *words[] = {sh, c, script, NULL};
	struct passwd *nobody = getpwnam("nobody");
	char expected[128];

	(void)state;
	if (account_fixed() || !nobody)
		skip();
	assert_int_equal(run_words("nobody", 10, words, "", &r), 0);
	snprintf(expected, sizeof(expected), "%u\n%u\n%s\n4\n", nobody->pw_uid, nobody->pw_gid,
		 nobody->pw_dir);
	assert_string_equal(output(&r), expected);
}

/* As the threads are that create files for their callers. */
static void *run_from_a_kept_identity(void *arg)
{
	char sh[] = "/bin/sh", c[] = "-c";
	char script[] = "grep -c '^Cap[IPEA].*:.0*$' /proc/self/status; setpriv -d | grep Secureb";
	char *words[] = {sh, c, script, NULL};

	prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
	return run_words("nobody", 10, words, "", arg) == 0 ? arg : NULL;
}

static void it_keeps_no_rights_of_the_thread_that_runs_it(void **state)
{
	struct hook_result r;
	pthread_t thread;
	void *done;

	(void)state;
	if (account_fixed())
		skip();
	assert_int_equal(pthread_create(&thread, NULL, run_from_a_kept_identity, &r), 0);
	pthread_join(thread, &done);
	assert_non_null(done);
	assert_string_equal(output(&r), "4\nSecurebits: [none]\n");
}

static void an_unknown_user_is_told_in_words(void **state)
{
	struct hook_result r;
	char sh[] = "/bin/sh", *words[] = {sh, NULL};

	(void)state;
	if (account_fixed())
		skip();
	assert_int_equal(run_words("no-such-user", 10, words, "", &r), ERR_UNKNOWN);
	assert_non_null(strstr(output(&r), "no-such-user"));
}

static void a_strange_verb_is_refused(void **state)
{
	static const char *const verbs[] = {"", "-x", "re load", "../x", "RELOAD", "a\n"};
	char sh[] = "/bin/true", *words[] = {sh, NULL};
	struct conf_hook hook = {.name = name, .run = words, .user = user, .timeout_sec = 5};
	struct hook_result r;

	(void)state;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		assert_int_equal(hook_run(&conf, &hook, verbs[i], "", 0, &r), ERR_DENIED);
}

/* A directory of the test's own, below one that only root can write to if root runs it. */
static void make_file(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);

	assert_true(fd >= 0);
	assert_true(write(fd, "#!/bin/sh\n", 10) == 10);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int checked(const char *path, const char *tree)
{
	char why[4096] = "";
	int rc = hookcheck_program(path, tree, why, sizeof(why));

	assert_true((rc == 0) == (why[0] == '\0'));
	return rc;
}

static void programs_that_others_can_change_are_refused(void **state)
{
	char dir[] = "/run/zonefs-test-XXXXXX", path[64], link[64], sub[64];

	(void)state;
	if (account_fixed() || !mkdtemp(dir))
		skip();
	snprintf(path, sizeof(path), "%s/hook", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	snprintf(sub, sizeof(sub), "%s/../%s/hook", dir, strrchr(dir, '/') + 1);
	make_file(path, 0755);
	assert_int_equal(symlink("hook", link), 0);
	assert_int_equal(checked(path, mount_path), 0);
	assert_int_equal(checked(link, mount_path), 0);
	assert_int_equal(checked(sub, mount_path), 0);

	assert_int_equal(chmod(path, 0775), 0);
	assert_int_equal(checked(path, mount_path), ERR_DENIED);
	assert_int_equal(checked(link, mount_path), ERR_DENIED);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(checked(path, mount_path), -EACCES);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(chmod(dir, 01777), 0);
	assert_int_equal(checked(path, mount_path), ERR_DENIED);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(chown(path, 65534, 0), 0);
	assert_int_equal(checked(path, mount_path), ERR_DENIED);
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(lchown(link, 65534, 0), 0);
	assert_int_equal(checked(link, mount_path), ERR_DENIED);

	assert_int_equal(checked(path, dir), ERR_DENIED);
	assert_int_equal(checked(dir, mount_path), -EACCES);
	unlink(path);
	assert_int_equal(checked(path, mount_path), -ENOENT);
	unlink(link);
	rmdir(dir);
}

static void a_link_into_the_tree_is_refused(void **state)
{
	char dir[] = "/run/zonefs-test-XXXXXX", tree[64], program[80], link[64], way[64];

	(void)state;
	if (account_fixed() || !mkdtemp(dir))
		skip();
	snprintf(tree, sizeof(tree), "%s/tree", dir);
	snprintf(program, sizeof(program), "%s/hook", tree);
	snprintf(link, sizeof(link), "%s/link", dir);
	snprintf(way, sizeof(way), "%s/way", dir);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(mkdir(tree, 0755), 0);
	make_file(program, 0755);
	assert_int_equal(symlink("tree/hook", link), 0);
	assert_int_equal(symlink(tree, way), 0);
	assert_int_equal(checked(program, tree), ERR_DENIED);
	assert_int_equal(checked(link, tree), ERR_DENIED);
	snprintf(program, sizeof(program), "%s/way/hook", dir);
	assert_int_equal(checked(program, tree), ERR_DENIED);
	snprintf(program, sizeof(program), "%s/hook", tree);
	assert_int_equal(checked(program, "/elsewhere"), 0);
	unlink(program);
	unlink(link);
	unlink(way);
	rmdir(tree);
	rmdir(dir);
}

static void a_loop_of_links_and_a_relative_path_are_refused(void **state)
{
	char dir[] = "/run/zonefs-test-XXXXXX", link[64];

	(void)state;
	assert_int_equal(checked("bin/sh", mount_path), -EINVAL);
	assert_int_equal(checked("/", mount_path), -EACCES);
	assert_int_equal(checked("/etc/passwd/x", mount_path), -EACCES);
	if (account_fixed() || !mkdtemp(dir))
		skip();
	assert_int_equal(chmod(dir, 0755), 0);
	snprintf(link, sizeof(link), "%s/loop", dir);
	assert_int_equal(symlink("loop", link), 0);
	assert_int_equal(checked(link, mount_path), -ELOOP);
	unlink(link);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(status_output_and_verb_come_back),
	    cmocka_unit_test(a_signal_is_told_from_a_status),
	    cmocka_unit_test(input_arrives_whole),
	    cmocka_unit_test(a_hook_that_does_not_read_harms_nobody),
	    cmocka_unit_test(long_output_is_cut_and_the_hook_goes_on),
	    cmocka_unit_test(the_environment_is_clean),
	    cmocka_unit_test(what_is_told_besides_is_one_line_each),
	    cmocka_unit_test(no_descriptor_is_inherited),
	    cmocka_unit_test(signals_are_as_at_login),
	    cmocka_unit_test(the_time_limit_ends_the_whole_session),
	    cmocka_unit_test(a_hook_that_ignores_sigterm_is_killed),
	    cmocka_unit_test(what_a_hook_leaves_behind_is_not_waited_for),
	    cmocka_unit_test(it_runs_as_the_user_without_rights),
	    cmocka_unit_test(it_keeps_no_rights_of_the_thread_that_runs_it),
	    cmocka_unit_test(an_unknown_user_is_told_in_words),
	    cmocka_unit_test(a_strange_verb_is_refused),
	    cmocka_unit_test(programs_that_others_can_change_are_refused),
	    cmocka_unit_test(a_link_into_the_tree_is_refused),
	    cmocka_unit_test(a_loop_of_links_and_a_relative_path_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
