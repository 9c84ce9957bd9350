/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The clocks, durations as words, and the floor under mtimes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define SEC INT64_C(1000000000)
#define MSEC INT64_C(1000000)
#define NOW (INT64_C(1800000000) * SEC)

static void a_newer_time_stays_as_it_is(void **state)
{
	(void)state;
	assert_int_equal(mtime_raise(0, 5, NOW), 5);
	assert_int_equal(mtime_raise(0, -5 * SEC, NOW), -5 * SEC);
	assert_int_equal(mtime_raise(NOW, NOW + 1, NOW), NOW + 1);
	assert_int_equal(mtime_raise(NOW, NOW + 3600 * SEC, NOW), NOW + 3600 * SEC);
}

static void an_older_or_equal_time_becomes_the_next_whole_second(void **state)
{
	(void)state;
	assert_int_equal(mtime_raise(NOW, NOW, NOW), NOW + SEC);
	assert_int_equal(mtime_raise(NOW + 1, NOW, NOW), NOW + SEC);
	assert_int_equal(mtime_raise(NOW + SEC - 1, 7, NOW), NOW + SEC);
	assert_int_equal(mtime_raise(NOW + 59 * SEC, NOW, NOW), NOW + 60 * SEC);
	assert_int_equal(mtime_raise(-1, -1, NOW), 0);
	assert_int_equal(mtime_raise(-SEC, -SEC, NOW), 0);
	assert_int_equal(mtime_raise(-SEC - 1, -2 * SEC, NOW), -SEC);
}

static void a_floor_ahead_of_the_clock_is_raised_by_milliseconds(void **state)
{
	(void)state;
	assert_int_equal(mtime_raise(NOW + 60 * SEC, NOW, NOW), NOW + 60 * SEC + MSEC);
	assert_int_equal(mtime_raise(NOW + 86400 * SEC + 5, NOW, NOW),
			 NOW + 86400 * SEC + 5 + MSEC);
}

static void the_result_is_never_below_the_floor_nor_does_it_overflow(void **state)
{
	static const int64_t times[] = {
	    INT64_MIN,       INT64_MIN + 1, -SEC,          -1,       0, 1, NOW, NOW + 1,
	    INT64_MAX - SEC, INT64_MAX - 2, INT64_MAX - 1, INT64_MAX};

	(void)state;
	for (size_t f = 0; f < sizeof times / sizeof *times; f++)
		for (size_t w = 0; w < sizeof times / sizeof *times; w++) {
			int64_t raised = mtime_raise(times[f], times[w], NOW);

			if (times[f] != 0)
				assert_true(raised > times[f] || raised == INT64_MAX);
			assert_true(raised >= times[w] || times[f] == 0);
		}
}

static void the_monotonic_clock_does_not_go_back(void **state)
{
	int64_t before = clock_monotonic_usec();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t after = clock_monotonic_usec();
		assert_true(after >= before);
		before = after;
	}
	assert_true(clock_monotonic_msec() >= before / 1000);
}

/* The offset as a fresh process sees it, in seconds, rounded. */
static int64_t offset_with(const char *setting)
{
	int pipes[2];
	int64_t difference = 0;
	int status;

	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setenv("ZONEFS_CLOCK_OFFSET", setting, 1);
		difference = (clock_wall_nsec() - (int64_t)time(NULL) * SEC) / SEC;
		_exit(write(pipes[1], &difference, sizeof difference) != sizeof difference);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &difference, sizeof difference), sizeof difference);
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return difference;
}

static void the_environment_moves_the_wall_clock(void **state)
{
	(void)state;
	assert_in_range(offset_with("100000"), 100000, 100010);
	assert_true(offset_with("-100000") <= -99990);
	assert_in_range(offset_with(""), 0, 10);
	assert_in_range(offset_with("12x"), 0, 10);
	assert_in_range(offset_with("999999999999999999999"), 0, 10);
}

static void the_clock_jumps_with_a_file(void **state)
{
	char name[] = "/tmp/zonefs-clock.XXXXXX";
	int fd = mkstemp(name);
	int64_t difference[3];
	static const char *const texts[3] = {"86400\n", "-86400\n", "x\n"};
	int pipes[2], status;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setenv("ZONEFS_CLOCK_FILE", name, 1);
		for (int i = 0; i < 3; i++) {
			ssize_t len = (ssize_t)strlen(texts[i]);
			if (ftruncate(fd, 0) < 0 || pwrite(fd, texts[i], (size_t)len, 0) != len)
				_exit(1);
			difference[i] = (clock_wall_nsec() - (int64_t)time(NULL) * SEC) / SEC;
		}
		_exit(write(pipes[1], difference, sizeof difference) != sizeof difference);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], difference, sizeof difference), sizeof difference);
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	unlink(name);
	close(fd);
	assert_in_range(difference[0], 86400, 86410);
	assert_true(difference[1] <= -86390 && difference[1] >= -86401);
	assert_in_range(difference[2], 0, 10);
}

static void durations_are_short(void **state)
{
	char text[CLOCK_SPAN_TEXT];

	(void)state;
#define SPAN(msec, wanted) (clock_span(text, msec), assert_string_equal(text, wanted))
	SPAN(0, "0 ms");
	SPAN(-7, "-7 ms");
	SPAN(1999, "1999 ms");
	SPAN(4250, "4.2 s");
	SPAN(12999, "12 s");
	SPAN(119999, "119 s");
	SPAN(180000, "3 min");
	SPAN(7200000, "2 h");
	SPAN(INT64_C(864000000), "10 d");
#undef SPAN
}

static void times_that_64_bits_do_not_hold_are_the_last_that_they_do(void **state)
{
	const struct timespec times[] = {{1, 5},
					 {-1, 5},
					 {INT64_C(9999999999999), 7},
					 {-INT64_C(9999999999999), 7},
					 {INT64_C(9199999999), 999999999}};

	(void)state;
	assert_int_equal(clock_nsec_of(&times[0]), 1000000005);
	assert_int_equal(clock_nsec_of(&times[1]), -999999995);
	assert_int_equal(clock_nsec_of(&times[2]), CLOCK_NSEC_MAX);
	assert_int_equal(clock_nsec_of(&times[3]), -CLOCK_NSEC_MAX);
	assert_int_equal(clock_nsec_of(&times[4]), CLOCK_NSEC_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    /* First: it forks before this process reads its own environment. */
	    cmocka_unit_test(the_environment_moves_the_wall_clock),
	    cmocka_unit_test(a_newer_time_stays_as_it_is),
	    cmocka_unit_test(an_older_or_equal_time_becomes_the_next_whole_second),
	    cmocka_unit_test(a_floor_ahead_of_the_clock_is_raised_by_milliseconds),
	    cmocka_unit_test(the_result_is_never_below_the_floor_nor_does_it_overflow),
	    cmocka_unit_test(the_clock_jumps_with_a_file),
	    cmocka_unit_test(durations_are_short),
	    cmocka_unit_test(times_that_64_bits_do_not_hold_are_the_last_that_they_do),
	    cmocka_unit_test(the_monotonic_clock_does_not_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
