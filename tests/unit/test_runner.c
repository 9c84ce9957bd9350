/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The order in which effects are carried out, around commits that succeed, fail, and succeed again.
 * What happens is written down as words: "store a" and "commit", and the effects by their names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "replicator/runner.h"

static struct {
	char log[1024];
	bool dirty;
	int commit_error, store_error;
	struct runner *r;
} w;

static void say(const char *what, const char *path)
{
	size_t len = strlen(w.log);

	snprintf(w.log + len, sizeof(w.log) - len, "%s%s%s%s", len ? ", " : "", what,
		 path ? " " : "", path ? path : "");
}

static int fake_store(void *arg, const struct effect *e)
{
	(void)arg;
	say("store", e->path);
	w.dirty = true;
	return w.store_error;
}

static int fake_commit(void *arg)
{
	(void)arg;
	if (w.commit_error) {
		say("commit fails", NULL);
		return w.commit_error;
	}
	say("commit", NULL);
	w.dirty = false;
	return 0;
}

static bool fake_dirty(void *arg)
{
	(void)arg;
	return w.dirty;
}

static bool fake_prepare(void *arg, const struct effect *e, struct task *t)
{
	(void)arg;
	if (!t) {
		say(e->type == EFFECT_WAKE ? "wake" : "note", NULL);
		return false;
	}
	return e->peer != 99; /* 99: impossible */
}

static void fake_carry_out(void *arg, struct task *t)
{
	static const char *const names[] = {
	    [EFFECT_ACK] = "ack",         [EFFECT_LOOK] = "look",
	    [EFFECT_INSTALL] = "install", [EFFECT_BROADCAST] = "broadcast",
	    [EFFECT_STAGE] = "stage",
	};

	(void)arg;
	if (t->type == TASK_REPLY)
		say("reply", NULL);
	else
		say(names[t->type], t->path);
}

static int setup(void **state)
{
	const struct runner_hands hands = {fake_store,   fake_commit,    fake_dirty,
					   fake_prepare, fake_carry_out, NULL};

	(void)state;
	memset(&w, 0, sizeof(w));
	w.r = runner_new(&hands);
	return w.r ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	runner_free(w.r);
	return 0;
}

static void take(const char *plan)
{
	struct effect e[16] = {0};
	size_t n = 0;

	/* s: store, l: look, i: install, b: broadcast, a: ack, g: stage, w: wake, n: note, x: an
	 * answer that is impossible; each with its number as the path. */
	static char paths[16][2];
	for (; plan[n]; n++) {
		paths[n][0] = (char)('0' + n);
		e[n].path = paths[n];
		switch (plan[n]) {
		case 's':
			e[n].type = EFFECT_STORE;
			break;
		case 'l':
			e[n].type = EFFECT_LOOK;
			break;
		case 'i':
			e[n].type = EFFECT_INSTALL;
			break;
		case 'b':
			e[n].type = EFFECT_BROADCAST;
			break;
		case 'a':
			e[n].type = EFFECT_ACK;
			break;
		case 'g':
			e[n].type = EFFECT_STAGE;
			break;
		case 'w':
			e[n].type = EFFECT_WAKE;
			break;
		case 'x':
			e[n].type = EFFECT_ANSWER;
			e[n].peer = 99;
			break;
		default:
			e[n].type = EFFECT_NOTE;
			break;
		}
	}
	runner_take(w.r, e, n);
}

static void what_needs_no_commit_is_done_at_once(void **state)
{
	(void)state;
	take("lbia");
	assert_string_equal(w.log, "look 0, broadcast 1, install 2, ack 3");
	runner_end_round(w.r, 1);
	assert_string_equal(w.log, "look 0, broadcast 1, install 2, ack 3");
}

static void what_others_see_waits_for_the_commit(void **state)
{
	(void)state;
	take("sba");
	assert_string_equal(w.log, "store 0");
	runner_end_round(w.r, 1);
	assert_string_equal(w.log, "store 0, commit, broadcast 1, ack 2");
}

static void a_look_need_not_wait_but_never_overtakes(void **state)
{
	(void)state;
	take("slgil");
	assert_string_equal(w.log, "store 0, look 1, stage 2");
	runner_end_round(w.r, 1);
	assert_string_equal(w.log, "store 0, look 1, stage 2, commit, install 3, look 4");
}

static void one_commit_serves_many_steps(void **state)
{
	(void)state;
	take("sb");
	take("sb");
	take("nw");
	runner_end_round(w.r, 1);
	assert_string_equal(w.log,
			    "store 0, store 0, note, wake, commit, broadcast 1, broadcast 1");
}

static void a_full_disk_holds_everything_back_and_heals(void **state)
{
	(void)state;
	w.commit_error = -ENOSPC;
	take("sia");
	runner_end_round(w.r, 1000);
	assert_int_equal(runner_blocked(w.r), -ENOSPC);
	assert_string_equal(w.log, "store 0, commit fails");
	/* Tried again once a second, not at every round. */
	runner_end_round(w.r, 1001);
	runner_end_round(w.r, 1999);
	assert_string_equal(w.log, "store 0, commit fails");
	assert_int_equal(runner_wake(w.r), 2000);
	runner_end_round(w.r, 2000);
	assert_string_equal(w.log, "store 0, commit fails, commit fails");
	w.commit_error = 0;
	runner_end_round(w.r, 3000);
	assert_int_equal(runner_blocked(w.r), 0);
	assert_string_equal(w.log, "store 0, commit fails, commit fails, commit, install 1, ack 2");
}

static void a_store_that_keeps_what_it_cannot_write_waits(void **state)
{
	(void)state;
	w.store_error = -ENOSPC;
	take("sb");
	assert_int_equal(runner_blocked(w.r), -ENOSPC);
	runner_end_round(w.r, 1);
	assert_string_equal(w.log, "store 0, commit, broadcast 1");
}

/* The signal that ends a process in which the store answers with err; 0: it would have gone on. */
static int ended_by(int err)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		prctl(PR_SET_DUMPABLE, 0);
		signal(SIGABRT, SIG_DFL);
		w.store_error = err;
		take("sb");
		runner_end_round(w.r, 1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void what_the_store_has_not_kept_is_never_left_out_of_a_commit(void **state)
{
	(void)state;
	assert_int_equal(ended_by(-ENOMEM), SIGABRT);
	assert_int_equal(ended_by(ERR_LIMIT), SIGABRT);
	assert_int_equal(ended_by(-EIO), 0);
}

static void a_reply_waits_for_what_it_speaks_of(void **state)
{
	uint8_t route[1] = {0};

	(void)state;
	w.dirty = true; /* an outcome was put into the transaction */
	runner_reply(w.r, route, 1, malloc(1), 1, 0);
	assert_string_equal(w.log, "");
	runner_end_round(w.r, 1);
	assert_string_equal(w.log, "commit, reply");
}

static void a_commit_that_nothing_waits_for_is_late_but_comes(void **state)
{
	(void)state;
	take("s");
	runner_end_round(w.r, 1000);
	assert_string_equal(w.log, "store 0");
	assert_int_equal(runner_wake(w.r), 1000 + RUNNER_LAZY_MSEC);
	runner_end_round(w.r, 1000 + RUNNER_LAZY_MSEC);
	assert_string_equal(w.log, "store 0, commit");
	assert_int_equal(runner_wake(w.r), INT64_MAX);
}

static void what_cannot_be_prepared_is_left_out(void **state)
{
	(void)state;
	take("sxb");
	runner_end_round(w.r, 1);
	assert_string_equal(w.log, "store 0, commit, broadcast 2");
}

static void what_still_waits_at_the_end_is_freed(void **state)
{
	(void)state;
	take("siba");
	assert_int_equal(runner_wake(w.r), 0);
	assert_string_equal(w.log, "store 0");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_needs_no_commit_is_done_at_once),
	    TEST(what_others_see_waits_for_the_commit),
	    TEST(a_look_need_not_wait_but_never_overtakes),
	    TEST(one_commit_serves_many_steps),
	    TEST(a_full_disk_holds_everything_back_and_heals),
	    TEST(a_store_that_keeps_what_it_cannot_write_waits),
	    TEST(what_the_store_has_not_kept_is_never_left_out_of_a_commit),
	    TEST(a_reply_waits_for_what_it_speaks_of),
	    TEST(a_commit_that_nothing_waits_for_is_late_but_comes),
	    TEST(what_cannot_be_prepared_is_left_out),
	    TEST(what_still_waits_at_the_end_is_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
