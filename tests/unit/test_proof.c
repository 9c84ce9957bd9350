/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The line in which a hook proves what is served: taken whole, or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "replicator/wire/proof.h"

static int parse(struct proof *p, const char *line)
{
	return proof_parse(p, line, strlen(line));
}

static void a_line_has_nine_fields(void **state)
{
	struct proof p;

	(void)state;
	assert_int_equal(parse(&p, "proof\ta.test\tIN\tinside\tserved\t4294967295\t1795313413\t"
				   "var/named/a\\040b.zone\t"),
			 0);
	assert_string_equal(p.zone, "a.test");
	assert_string_equal(p.zclass, "IN");
	assert_string_equal(p.view, "inside");
	assert_int_equal(p.state, PROOF_SERVED);
	assert_true(p.has_serial && p.serial == 4294967295u);
	assert_true(p.has_loaded && p.loaded_sec == 1795313413);
	assert_string_equal(p.path, "var/named/a b.zone");
	assert_string_equal(p.words, "");
	proof_fini(&p);
}

static void what_is_not_known_is_left_out(void **state)
{
	struct proof p;

	(void)state;
	assert_int_equal(parse(&p, "proof\ta.test\tIN\t\tfailed\t\t\t\tno\tanswer"), 0);
	assert_string_equal(p.view, "");
	assert_int_equal(p.state, PROOF_FAILED);
	assert_false(p.has_serial || p.has_loaded);
	assert_string_equal(p.path, "");
	assert_string_equal(p.words, "no answer");
	proof_fini(&p);
}

static void what_is_no_proof_is_refused(void **state)
{
	static const char *const lines[] = {
	    "",
	    "proof",
	    "proof\t",
	    "prove\ta\tIN\t\tserved\t1\t\t\t",
	    "proof\ta\tIN\t\tserved\t1\t\t",           /* a field too few */
	    "proof\t\tIN\t\tserved\t1\t\t\t",          /* no zone */
	    "proof\ta\t\t\tserved\t1\t\t\t",           /* no class */
	    "proof\ta\tIN\t\tperhaps\t1\t\t\t",
	    "proof\ta\tIN\t\tserved\t4294967296\t\t\t",
	    "proof\ta\tIN\t\tserved\t-1\t\t\t",
	    "proof\ta\tIN\t\tserved\t1\tsoon\t\t",
	    "proof\ta\tIN\t\tserved\t1\t\t../etc/x\t",
	    "proof\ta\tIN\t\tserved\t1\t\t/etc/x\t",
	    "proof\ta\tIN\t\tserved\t1\t\ta\\9\t",
	    "proof\ta\001\tIN\t\tserved\t1\t\t\t",
	};
	struct proof p;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(parse(&p, lines[i]), ERR_FORMAT);
		assert_null(p.zone);
	}
}

static void words_are_cut_and_in_one_line(void **state)
{
	char line[1024] = "proof\ta\tIN\t\tfailed\t\t\t\t";
	struct proof p;

	(void)state;
	memset(line + strlen(line), 'w', sizeof(line) - strlen(line) - 1);
	line[40] = '\r';
	assert_int_equal(proof_parse(&p, line, sizeof(line) - 1), 0);
	assert_int_equal(strlen(p.words), PROOF_WORDS_MAX);
	assert_null(strchr(p.words, '\r'));
	proof_fini(&p);
}

static int order(const char *zone, const char *view, const char *other, const char *other_view)
{
	char in[] = "IN";
	struct proof a = {.zone = (char *)(uintptr_t)zone, .zclass = in, .view = (char *)(uintptr_t)view};
	struct proof b = {
	    .zone = (char *)(uintptr_t)other, .zclass = in, .view = (char *)(uintptr_t)other_view};

	return proof_compare(&a, &b);
}

static void a_zone_is_the_same_whatever_the_case_and_a_view_is_not(void **state)
{
	(void)state;
	assert_int_equal(order("A.test", "in", "a.TEST", "in"), 0);
	assert_int_not_equal(order("a.test", "in", "a.test", "In"), 0);
	assert_int_not_equal(order("a.test", "in", "a.test", ""), 0);
	assert_true(order("a.test", "z", "b.test", "a") < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_has_nine_fields),
	    cmocka_unit_test(what_is_not_known_is_left_out),
	    cmocka_unit_test(what_is_no_proof_is_refused),
	    cmocka_unit_test(words_are_cut_and_in_one_line),
	    cmocka_unit_test(a_zone_is_the_same_whatever_the_case_and_a_view_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
