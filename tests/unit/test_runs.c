/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a hook reads, and what of its output counts as served.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "replicator/runs.h"

static char *input(const struct hook_run *run, size_t max)
{
	struct buf b;

	buf_init(&b, 1024 * 1024);
	runs_input(&b, run, max);
	assert_int_equal(b.err, 0);
	buf_u8(&b, 0);
	return (char *)b.data;
}

static void each_item_is_a_line(void **state)
{
	struct hook_item items[] = {
	    {.path = (char *)"etc/named.conf"},
	    {.path = (char *)"var/named/old.zone", .gone = true},
	    {.path = (char *)"etc/odd\nname\\", .dir = true},
	};
	const struct hook_run run = {.items = items, .n = 3, .attempt = 1};

	(void)state;
	char *text = input(&run, 1000);
	assert_string_equal(text, "changed\tetc/named.conf\n"
				  "removed\tvar/named/old.zone\n"
				  "changed\tetc/odd\\012name\\134\n");
	free(text);
}

static void too_many_items_are_all(void **state)
{
	struct hook_item items[] = {{.path = (char *)"a"}, {.path = (char *)"b"}};
	struct hook_run run = {.items = items, .n = 2, .attempt = 1};

	(void)state;
	char *text = input(&run, 20);
	assert_string_equal(text, "changed\ta\nchanged\tb\n");
	free(text);
	text = input(&run, 19);
	assert_string_equal(text, "all\t\n");
	free(text);
	run.all = true;
	text = input(&run, 1000);
	assert_string_equal(text, "all\t\n");
	free(text);
	text = input(NULL, 1000);
	assert_string_equal(text, "all\t\n");
	free(text);
}

static void served_lines_are_picked_from_the_output(void **state)
{
	(void)state;
	char *served = runs_served("reloading\nserved example.org 12\nunserved x 1\n"
				   "served example.net 7");
	assert_string_equal(served, "example.org 12\nexample.net 7");
	free(served);
	served = runs_served("");
	assert_string_equal(served, "");
	free(served);
}

static void an_endless_output_is_cut(void **state)
{
	char *long_text = calloc(1, 100001);

	(void)state;
	for (int i = 0; i < 100000; i += 20)
		memcpy(long_text + i, "served zone.example\n", 20);
	char *served = runs_served(long_text);
	assert_true(strlen(served) < 1024);
	assert_memory_equal(served, "zone.example\nzone.example\n", 26);
	free(served);
	free(long_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_item_is_a_line),
	    cmocka_unit_test(too_many_items_are_all),
	    cmocka_unit_test(served_lines_are_picked_from_the_output),
	    cmocka_unit_test(an_endless_output_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
