/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What differs between two texts of a zone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "replicator/zone/changes.h"
#include "tests/unit/zone_help.h"

#define OLD                                                                                        \
	"$TTL 300\n@ SOA ns root 5 2 3 4 6\n NS ns\nns A 192.0.2.1\nwww A 192.0.2.7\n A "          \
	"192.0.2.8\n"                                                                              \
	"mail MX 10 a\n"

static void expect(const char *was_text, const char *is_text, const char *lines)
{
	struct records *was = zone_read("example.", was_text), *is = zone_read("example.", is_text);
	struct changes c;
	char *got = NULL;
	size_t len;
	FILE *to = open_memstream(&got, &len);

	assert_int_equal(changes_make(&c, was, is), 0);
	for (size_t i = 0; i < c.n; i++) {
		CLEANUP_FREE char *line = changes_line(&c.list[i], &was->zone);
		fprintf(to, "%s\n", line);
	}
	CLEANUP_FREE char *summary = changes_summary(&c, was, is);
	fprintf(to, "%s", summary);
	fclose(to);
	if (strcmp(got, lines) != 0)
		fail_msg("%s\nto\n%s\nis:\n%s\nwanted:\n%s", was_text, is_text, got, lines);
	free(got);
	changes_fini(&c);
	records_free(was);
	records_free(is);
}

static void order_and_formatting_are_no_change(void **state)
{
	(void)state;
	expect(OLD, OLD, "no changes");
	expect(OLD,
	       "$ORIGIN .\n$TTL 1\n; new\nmail.example 5m IN MX 10 A.example.\nwww.example 300 A "
	       "192.0.2.8\n"
	       "$ORIGIN example.\nwww 300 A 192.0.2.7\nNS 300 IN A 192.0.2.1\n"
	       "@ 300 SOA ( ns.example. root 5\n2 3 4 6 )\n\t300 NS NS\n",
	       "no changes");
}

static void each_kind_of_change_has_its_line(void **state)
{
	(void)state;
	expect(OLD, OLD "new A 192.0.2.9\nwww TXT hello\n",
	       "+ new A 192.0.2.9\n+ www TXT \"hello\"\n+2 -0");
	expect(OLD "new A 192.0.2.9\n@ TXT bye\n", OLD,
	       "- @ TXT \"bye\"\n- new A 192.0.2.9\n+0 -2");
	expect(OLD "x A 192.0.2.1\nx A 192.0.2.2\nx A 192.0.2.3\n",
	       OLD "x A 192.0.2.0\nx A 192.0.2.2\nx A 192.0.2.4\n",
	       "- x A 192.0.2.1\n- x A 192.0.2.3\n+ x A 192.0.2.0\n+ x A 192.0.2.4\n+2 -2");
	expect(OLD "x 5 A 192.0.2.1\nx 5 A 192.0.2.2\n", OLD "x 6 A 192.0.2.1\nx 6 A 192.0.2.3\n",
	       "~ x A TTL 5 -> 6\n- x A 192.0.2.2\n+ x A 192.0.2.3\n+1 -1, 1 TTL");
	/* A name that goes takes its TTL with it. */
	expect(OLD "x 5 A 192.0.2.1\n", OLD "x 6 TXT a\n", "- x A 192.0.2.1\n+ x TXT \"a\"\n+1 -1");
	expect("a 1 RRSIG A 8 2 1 20260101000000 20250101000000 1 example. AAAA\n"
	       "a 2 RRSIG NS 8 2 1 20260101000000 20250101000000 1 example. AAAA\n",
	       "a 1 RRSIG A 8 2 1 20260101000000 20250101000000 1 example. AAAA\n"
	       "a 3 RRSIG NS 8 2 1 20260101000000 20250101000000 1 example. AAAA\n",
	       "~ a RRSIG TTL 2 -> 3\n+0 -0, 1 TTL");
}

static void the_serial_is_told_apart_from_the_soa(void **state)
{
	static const char soa[] = "$TTL 300\n@ SOA ns root 5 2 3 4 6\n";

	(void)state;
	expect(soa, "$TTL 300\n@ SOA NS root 6 2 3 4 6\n", "+0 -0, serial 5 -> 6");
	expect(soa, "$TTL 300\n@ SOA ns root 5 2 3 4 7\n",
	       "~ @ SOA ns.example. root.example. 5 2 3 4 7\n+0 -0, SOA");
	expect(soa, "@ 60 SOA ns root 7 2 3 4 6\n",
	       "~ @ SOA ns.example. root.example. 7 2 3 4 6, TTL 300 -> 60\n+0 -0, SOA, serial 5 "
	       "-> 7");
	expect(soa, "x 1 A 192.0.2.1\n",
	       "- @ SOA ns.example. root.example. 5 2 3 4 6\n+ x A 192.0.2.1\n+1 -0, SOA");
	expect("", soa, "+ @ SOA ns.example. root.example. 5 2 3 4 6\n+0 -0, SOA");
	expect("", "", "no changes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(order_and_formatting_are_no_change),
	    cmocka_unit_test(each_kind_of_change_has_its_line),
	    cmocka_unit_test(the_serial_is_told_apart_from_the_soa),
	};

	return cmocka_run_group_tests_name("zone_changes", tests, NULL, NULL);
}
