/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hooks that go on running, run for real: /bin/sh tells the stories. Its words are $$, so that a test sees
 * which process has answered.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fs/hookkeep.h"

/* Reads a batch into $b; at the end of the input, ends. */
#define READ_BATCH \
	"batch() { b=; while read -r l; do [ -n \"$l\" ] || return 0; b=\"$b<$l>\"; done; exit 0; };"

static char user[] = "root";
static char node[] = "ns1";
static char mount_path[] = "/var/empty-tree";
static char name[] = "test";

static struct conf_hook hook;
static struct conf conf = {.node = node, .mount = mount_path, .hooks = &hook, .nhooks = 1};
static struct hookkeep *keep;
static struct hook_result result;

static void begin(const char *script, int timeout_sec)
{
	static char sh[] = "/bin/sh", c[] = "-c";
	static char *words[4];

	words[0] = sh;
	words[1] = c;
	words[2] = (char *)(uintptr_t)script;
	hook = (struct conf_hook){
	    .name = name, .run = words, .user = user, .timeout_sec = timeout_sec, .persistent = true};
	keep = hookkeep_new(&conf);
	assert_non_null(keep);
}

static void end(void)
{
	hookkeep_free(keep);
}

/* Its output. */
static const char *batch(const char *input)
{
	static char text[PORT_HOOK_OUTPUT_MAX + 1];

	assert_int_equal(hookkeep_run(keep, &hook, input, strlen(input), &result), 0);
	memcpy(text, result.output, result.output_len);
	text[result.output_len] = '\0';
	return text;
}

static void one_process_answers_batch_after_batch(void **state)
{
	char first[64];

	(void)state;
	begin(READ_BATCH "n=0; while batch; do n=$((n + 1)); echo $$; echo \"$n $b\"; echo done $n; done", 30);
	snprintf(first, sizeof(first), "%s", batch("changed\ta\nchanged\tb\n"));
	long pid = strtol(first, NULL, 10);
	assert_true(pid > 0);
	assert_non_null(strstr(first, "\n1 <changed\ta><changed\tb>\n"));
	assert_null(strstr(first, "done"));
	assert_int_equal(result.exit_status, 1);
	const char *second = batch("all\t\n");
	assert_int_equal(strtol(second, NULL, 10), pid);
	assert_non_null(strstr(second, "\n2 <all>\n"));
	assert_int_equal(result.exit_status, 2);
	assert_false(result.timed_out);
	end();
	assert_int_equal(kill((pid_t)pid, 0), -1);
}

static void one_that_is_not_done_in_time_is_ended_and_started_anew(void **state)
{
	(void)state;
	begin(READ_BATCH "while batch; do echo $$; [ \"$b\" != '<hang>' ] || sleep 1000; echo done 0; done", 1);
	long first = strtol(batch("a\n"), NULL, 10);
	assert_int_equal(result.exit_status, 0);
	assert_int_equal(strtol(batch("hang\n"), NULL, 10), first);
	assert_true(result.timed_out);
	assert_int_equal(result.exit_status, -1);
	long next = strtol(batch("a\n"), NULL, 10);
	assert_true(next > 0 && next != first);
	assert_int_equal(result.exit_status, 0);
	assert_false(result.timed_out);
	end();
}

static void one_that_ends_within_a_batch_has_failed(void **state)
{
	(void)state;
	begin(READ_BATCH "while batch; do case $b in '<end>') exit 0;; '<die>') kill -9 $$;; esac; "
			 "echo $$; echo done 0; done",
	      30);
	long first = strtol(batch("a\n"), NULL, 10);
	batch("end\n");
	assert_int_equal(result.exit_status, -1);
	batch("die\n");
	assert_int_equal(result.exit_status, -1);
	assert_int_equal(result.signal, SIGKILL);
	long next = strtol(batch("a\n"), NULL, 10);
	assert_true(next > 0 && next != first);
	assert_int_equal(result.exit_status, 0);
	end();
}

static void one_that_ends_between_two_batches_is_no_failure(void **state)
{
	(void)state;
	begin(READ_BATCH "while batch; do echo $$; echo done 0; done", 30);
	long first = strtol(batch("a\n"), NULL, 10);
	assert_int_equal(kill((pid_t)first, SIGKILL), 0);
	/* It is a zombie, then: its end has been noticed when its number says so. */
	char path[64], line[256] = "";
	snprintf(path, sizeof(path), "/proc/%ld/stat", first);
	for (int64_t until = clock_monotonic_msec() + 60000;
	     !strstr(line, ") Z") && clock_monotonic_msec() < until;) {
		FILE *f = fopen(path, "r");
		assert_non_null(f);
		assert_non_null(fgets(line, sizeof(line), f));
		fclose(f);
	}
	long next = strtol(batch("a\n"), NULL, 10);
	assert_true(next > 0 && next != first);
	assert_int_equal(result.exit_status, 0);
	end();
}

static void one_that_knows_no_batches_is_run_for_each(void **state)
{
	(void)state;
	begin("[ \"$0\" = reload ] || { echo usage; exit 2; }; cat; exit 7", 30);
	assert_string_equal(batch("changed\ta\n"), "changed\ta\n");
	assert_int_equal(result.exit_status, 7);
	assert_string_equal(batch("changed\tb\n"), "changed\tb\n");
	assert_int_equal(result.exit_status, 7);
	end();
}

static void much_is_read_and_much_is_printed(void **state)
{
	static char input[PORT_INPUT_MAX];

	(void)state;
	memset(input, 'x', sizeof(input) - 1);
	for (size_t i = 99; i < sizeof(input) - 1; i += 100)
		input[i] = '\n';
	input[sizeof(input) - 2] = '\n';
	begin("while read -r l; do if [ -n \"$l\" ]; then echo \"$l$l\"; else echo done 0; fi; done", 60);
	for (int i = 0; i < 2; i++) {
		batch(input);
		assert_int_equal(result.exit_status, 0);
		assert_int_equal(result.output_len, PORT_HOOK_OUTPUT_MAX);
	}
	assert_string_equal(batch("undone 3\n"), "undone 3undone 3\n");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_process_answers_batch_after_batch),
	    cmocka_unit_test(one_that_is_not_done_in_time_is_ended_and_started_anew),
	    cmocka_unit_test(one_that_ends_within_a_batch_has_failed),
	    cmocka_unit_test(one_that_ends_between_two_batches_is_no_failure),
	    cmocka_unit_test(one_that_knows_no_batches_is_run_for_each),
	    cmocka_unit_test(much_is_read_and_much_is_printed),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
