/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Versions of a zone that are valid, and are to be held all the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "replicator/zone/guard.h"
#include "tests/unit/zone_help.h"

#define SOA "$TTL 300\n@ SOA ns root 5 2 3 4 6\n"
#define NS " NS ns\n"

static char *with_hosts(const char *head, int from, int to, const char *network)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fputs(head, f);
	for (int i = from; i <= to; i++)
		fprintf(f, "h%d A %s.%d\n", i, network, i);
	fclose(f);
	return text;
}

static struct guard_side side_of(const char *text)
{
	struct guard_side s = {.text = text, .len = strlen(text)};

	s.set = zone_read("example.", text);
	s.has_serial = s.set->soa.rdata != NULL;
	s.serial = s.set->serial;
	return s;
}

static void side_free(struct guard_side *s)
{
	records_free((struct records *)(uintptr_t)s->set);
}

/* The kinds of all reasons, a letter each. */
static void expect(const char *was_text, const char *is_text, const char *kinds, const char *words)
{
	static const char letters[GUARD_KINDS + 1] = "SONCBJ";
	struct guard_side was = side_of(was_text), is = side_of(is_text);
	struct guard_verdict g;
	char got[GUARD_KINDS + 1] = "";

	guard_judge(&g, &was, &is, 30);
	for (size_t i = 0; i < g.n; i++)
		strncat(got, &letters[g.list[i].kind], 1);
	if (strcmp(got, kinds) != 0 || (words && !strstr(g.list[0].words, words)))
		fail_msg("%s\nto\n%s\nis held for \"%s\" (%s), not \"%s\" (%s)", was_text, is_text,
			 got, g.n ? g.list[0].words : "", kinds, words ? words : "");
	side_free(&was);
	side_free(&is);
}

static void an_ordinary_change_is_not_held(void **state)
{
	CLEANUP_FREE char *old = with_hosts(SOA NS, 1, 40, "192.0.2");
	CLEANUP_FREE char *new =
	    with_hosts("$TTL 60\n@ SOA ns root 6 2 3 4 6\n NS ns2\n", 1, 50, "10.0.0");

	(void)state;
	expect(old, old, "", NULL);
	expect(old, new, "", NULL); /* all addresses are others, some names are new */
	expect(SOA NS, old, "", NULL);
	expect(SOA NS "a A 192.0.2.1\n\n \r\n\t\n", SOA NS "a A 192.0.2.1\n", "", NULL);
	expect("", old, "", NULL);
}

static void a_zone_that_loses_many_records_is_held(void **state)
{
	CLEANUP_FREE char *old = with_hosts(SOA NS, 1, 39, "192.0.2"); /* 40 records */
	CLEANUP_FREE char *less = with_hosts(SOA NS, 13, 39, "192.0.2");
	CLEANUP_FREE char *too_few = with_hosts(SOA NS, 14, 39, "192.0.2");
	CLEANUP_FREE char *others = with_hosts(SOA NS, 100, 200, "192.0.2");
	CLEANUP_FREE char *ten = with_hosts(SOA NS, 1, 10, "192.0.2"); /* 11 records */

	(void)state;
	expect(old, less, "", NULL); /* 12 of 40 */
	expect(old, too_few, "S",
	       "13 of 40 records are gone (32 %; more than 30 % needs approval)");
	expect(old, others, "S", "39 of 40");               /* another zone's text */
	expect(ten, SOA NS "h10 A 192.0.2.10\n", "", NULL); /* 9 of 11 */
	expect(ten, SOA "ns A 192.0.2.1\n@ NS ns\n", "S", "10 of 11");
	/* Fewer of one name count, too. */
	expect(SOA NS "$GENERATE 1-30 a A 192.0.2.$\n", SOA NS "$GENERATE 1-10 a A 192.0.2.$\n",
	       "S", "20 of 31");
}

/* 12 May 2010: a third of a zone, and valid. */
static void half_a_zone_is_held(void **state)
{
	CLEANUP_FREE char *whole = with_hosts(SOA NS, 1, 99, "192.0.2");
	CLEANUP_FREE char *half = strndup(whole, strlen(whole) / 2);

	(void)state;
	strrchr(half, '\n')[1] = '\0';
	expect(whole, half, "SC", "of 100 records are gone");
	*strrchr(half, '\n') = '\0';
	expect(whole, half, "SC", NULL);
	CLEANUP_FREE char *most = strndup(whole, strlen(whole) - strlen("h99 A 192.0.2.99\n"));
	expect(whole, most, "C", "cut off in line 102 (1");
	expect(whole, "", "SONC", NULL);
}

static void a_text_that_cannot_be_read_is_judged_as_text(void **state)
{
	struct guard_verdict g;
	struct guard_side was = {.text = "abc\ndef", .len = 7}, is = {.text = "abc\nd", .len = 5};

	(void)state;
	guard_judge(&g, &was, &is, 30);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.list[0].kind, GUARD_CUT_OFF);
	assert_string_equal(g.list[0].words,
			    "the text is the beginning of what it was, cut off in line 2 "
			    "(5 of 7 bytes): a copy that was not finished?");
	is.text = "abd\nd";
	guard_judge(&g, &was, &is, 30);
	assert_int_equal(g.n, 0);
	is = (struct guard_side){.text = NULL, .len = 0};
	guard_judge(&g, &was, &is, 30);
	assert_int_equal(g.n, 1);
}

static void a_zone_without_its_top_is_held(void **state)
{
	(void)state;
	expect(SOA NS "ns A 192.0.2.1\n", SOA "ns A 192.0.2.1\n", "N", "NS records are gone");
	expect(SOA NS, "@ 300 NS ns\n", "O", "SOA record is gone");
	expect(SOA NS, SOA "@ NS other\n", "", NULL);
	expect(SOA "ns A 192.0.2.1\n", SOA "ns A 192.0.2.2\n", "", NULL); /* it had none */
	/* A delegation's NS is not the zone's. */
	expect(SOA NS, SOA "sub NS ns\n", "N", NULL);
}

static void a_serial_that_goes_back_or_jumps_is_held(void **state)
{
	static const struct {
		uint32_t was, is;
		const char *kinds;
	} cases[] = {
	    {5, 5, ""},
	    {5, 6, ""},
	    {6, 5, "B"},
	    {2026112101, 2206112101, "J"}, /* typed wrong */
	    {2026112101, 2027010101, ""},
	    {1, 10000001, ""},
	    {1, 10000002, "J"},
	    {4294967295u, 1, ""},
	    {1, 4294967295u, "B"},
	    {0, 2147483648u, "B"}, /* undefined */
	    {0, 2147483647, "J"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char was[100], is[100];

		snprintf(was, sizeof(was), "@ 1 SOA a b %u 1 1 1 1\n@ 1 NS a\n", cases[i].was);
		snprintf(is, sizeof(is), "@ 1 SOA a b %u 1 1 1 1\n@ 1 NS a\n", cases[i].is);
		expect(was, is, cases[i].kinds, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_ordinary_change_is_not_held),
	    cmocka_unit_test(a_zone_that_loses_many_records_is_held),
	    cmocka_unit_test(half_a_zone_is_held),
	    cmocka_unit_test(a_text_that_cannot_be_read_is_judged_as_text),
	    cmocka_unit_test(a_zone_without_its_top_is_held),
	    cmocka_unit_test(a_serial_that_goes_back_or_jumps_is_held),
	};

	return cmocka_run_group_tests_name("zone_guard", tests, NULL, NULL);
}
