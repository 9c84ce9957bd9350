/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The log: whole lines, that nobody can forge, and not too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

#define THREADS 4
#define LINES 500

/* Standard error goes to a file while a test writes. */
static FILE *file;
static int saved;

static int catch_stderr(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "0:0", 1); /* no time stamps */
	file = tmpfile();
	saved = dup(STDERR_FILENO);
	return file && saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0 ? 0 : -1;
}

static int release_stderr(void **state)
{
	(void)state;
	dup2(saved, STDERR_FILENO);
	close(saved);
	return fclose(file);
}

/* The next line of what was written, without its newline; "" at the end. */
static const char *next_line(void)
{
	static char line[16384];

	if (!fgets(line, sizeof line, file))
		return "";
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static void lines_below_the_level_are_left_out(void **state)
{
	(void)state;
	log_open("test", true, LOG_LEVEL_NOTICE);
	log_error("one %d", 1);
	log_warning("two");
	log_notice("three");
	log_info("four");
	log_debug("five");
	log_open("test", true, LOG_LEVEL_DEBUG);
	log_debug("six");
	rewind(file);
	assert_string_equal(next_line(), "test: error: one 1");
	assert_string_equal(next_line(), "test: warning: two");
	assert_string_equal(next_line(), "test: three");
	assert_string_equal(next_line(), "test: debug: six");
	assert_string_equal(next_line(), "");
}

static void a_name_with_a_newline_forges_no_line(void **state)
{
	(void)state;
	log_open("test", true, LOG_LEVEL_NOTICE);
	log_notice("removed %s", "a\ntest: error: forged\033[2J");
	rewind(file);
	assert_string_equal(next_line(), "test: removed a\\012test: error: forged\\033[2J");
	assert_string_equal(next_line(), "");
}

static void a_line_without_end_is_cut(void **state)
{
	CLEANUP_FREE char *many = calloc(1, 100001);

	(void)state;
	memset(many, '\n', 100000);
	log_open("test", true, LOG_LEVEL_NOTICE);
	log_notice("%s", many);
	memset(many, 'x', 100000);
	log_notice("%s", many);
	log_notice("after");
	rewind(file);
	assert_in_range(strlen(next_line()), 8000, 8192);
	assert_in_range(strlen(next_line()), 8000, 8192);
	assert_string_equal(next_line(), "test: after");
}

static void *write_lines(void *arg)
{
	for (int i = 0; i < LINES; i++)
		log_notice("%s %d end", (const char *)arg, i);
	return NULL;
}

static void lines_of_several_threads_stay_whole(void **state)
{
	static char names[THREADS][2];
	pthread_t threads[THREADS];
	int seen[THREADS] = {0};

	(void)state;
	log_open("test", true, LOG_LEVEL_NOTICE);
	for (int i = 0; i < THREADS; i++) {
		names[i][0] = (char)('a' + i);
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	rewind(file);
	for (const char *line = next_line(); *line; line = next_line()) {
		char name;
		int number, end = 0;

		assert_int_equal(sscanf(line, "test: %c %d end%n", &name, &number, &end), 2);
		assert_int_equal(line[end], '\0');
		assert_int_equal(seen[name - 'a']++, number);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(seen[i], LINES);
}

static void a_repeated_line_comes_once_a_minute_with_the_count_of_the_others(void **state)
{
	struct log_limit limit = {0};

	(void)state;
	log_open("test", true, LOG_LEVEL_NOTICE);
	for (int i = 0; i < 1000; i++)
		log_write_limited(&limit, LOG_LEVEL_WARNING, "again %d", i);
	limit.next_msec = 0; /* the minute is over */
	log_write_limited(&limit, LOG_LEVEL_WARNING, "again");
	for (int i = 0; i < 10; i++)
		log_limited(LOG_LEVEL_NOTICE, "from one place");
	rewind(file);
	assert_string_equal(next_line(), "test: warning: again 0");
	assert_string_equal(next_line(), "test: warning: again (999 more like this were left out)");
	assert_string_equal(next_line(), "test: from one place");
	assert_string_equal(next_line(), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, catch_stderr, release_stderr)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(lines_below_the_level_are_left_out),
	    TEST(a_name_with_a_newline_forges_no_line),
	    TEST(a_line_without_end_is_cut),
	    TEST(lines_of_several_threads_stay_whole),
	    TEST(a_repeated_line_comes_once_a_minute_with_the_count_of_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
