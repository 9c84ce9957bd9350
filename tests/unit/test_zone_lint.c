/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is wrong with a zone though named-checkzone passes it, and what is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "replicator/zone/lint.h"
#include "tests/unit/zone_help.h"

/* Three lines. */
#define HEAD "$TTL 300\n@ SOA ns root 1 2 3 4 5\n NS ns\n"

static void expect_limit(const char *zone, const char *text, struct lint_limits limit, const char *findings)
{
	struct records *set = zone_read(zone, text);
	struct lint l;
	char *got = NULL;
	size_t len, errors = 0;
	FILE *to = open_memstream(&got, &len);

	assert_int_equal(lint_zone(&l, set, limit), 0);
	for (size_t i = 0; i < l.n; i++) {
		bool error = l.list[i].severity == LINT_ERROR;
		errors += error;
		fprintf(to, "%c %s:%u %s\n", error ? 'E' : 'A', l.list[i].file, l.list[i].line,
			l.list[i].words);
	}
	fclose(to);
	if (strcmp(got, findings) != 0)
		fail_msg("%s\nfinds:\n%swanted:\n%s", text, got, findings);
	assert_int_equal(l.errors, errors);
	assert_int_equal(l.approvals, l.n - errors);
	free(got);
	lint_fini(&l);
	records_free(set);
}

static void expect(const char *zone, const char *text, const char *findings)
{
	expect_limit(zone, text, (struct lint_limits){100, 100}, findings);
}

static void records_outside_the_zone_are_an_error(void **state)
{
	(void)state;
	expect("249.249.192.in-addr.arpa.",
	       "$TTL 300\n@ SOA terminator.movie.edu. al.robocop.movie.edu. 1 2 3 4 5\n"
	       " NS terminator.movie.edu.\n1 PTR wormhole.movie.edu.\n"
	       "2,249.249.192.in-addr.arpa. PTR robocop.movie.edu.\n3 PTR terminator.movie.edu.\n",
	       "E zone:5 \"2,249.249.192.in-addr.arpa.\" is not in the zone "
	       "249.249.192.in-addr.arpa.: named would ignore this record\n");
}

static void all_are_counted_and_some_are_kept(void **state)
{
	struct records *set =
	    zone_read("example.", HEAD "ns A 192.0.2.1\n"
				       "$GENERATE 1-1500 a$.other. A 192.0.2.1\n");
	struct lint l;

	(void)state;
	assert_int_equal(set->n_outside, RECORDS_OUTSIDE_MAX);
	assert_int_equal(lint_zone(&l, set, (struct lint_limits){100, 100}), 0);
	assert_int_equal(l.n, LINT_FINDINGS_MAX);
	assert_int_equal(l.errors, 1500);
	lint_fini(&l);
	records_free(set);
}

static void a_missing_dot_needs_approval(void **state)
{
	(void)state;
	expect("movie.edu.",
	       HEAD "ns A 192.0.2.1\nroot A 192.0.2.1\ndh CNAME diehard.movie.edu\n"
		    "diehard.movie.edu A 192.0.2.2\n TXT x\nmail MX 10 diehard.movie.edu\n"
		    "_sip._udp SRV 1 2 3 www.movie.edu\n@ NS ns.movie.edu\n",
	       "A zone:6 dh CNAME \"diehard.movie.edu.movie.edu.\": the zone's name stands in it "
	       "twice: is the dot at the end of a name missing?\n"
	       "A zone:7 \"diehard.movie.edu.movie.edu.\": the zone's name stands in it twice: is "
	       "the dot at the end of a name missing?\n"
	       "A zone:9 mail MX \"diehard.movie.edu.movie.edu.\": the zone's name stands in it "
	       "twice: is the dot at the end of a name missing?\n"
	       "A zone:10 _sip._udp SRV \"www.movie.edu.movie.edu.\": the zone's name stands in it "
	       "twice: is the dot at the end of a name missing?\n"
	       "A zone:11 @ NS \"ns.movie.edu.movie.edu.\": the zone's name stands in it twice: is "
	       "the dot at the end of a name missing?\n");
	expect("movie.edu.",
	       "$TTL 1\n@ SOA ns.movie.edu root.movie.edu. 1 2 3 4 5\n NS ns\nns A 192.0.2.1\n",
	       "A zone:2 @ SOA \"ns.movie.edu.movie.edu.\": the zone's name stands in it twice: is "
	       "the "
	       "dot at the end of a name missing?\n");
}

/* October 2009. */
static void every_name_without_its_dot_is_found(void **state)
{
	struct records *set;
	struct lint l;
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	(void)state;
	fprintf(to,
		"$TTL 1\n@ SOA a.ns.se. root.se. 1 2 3 4 5\n@ NS a.ns.se.\na.ns.se. A 192.0.2.1\n");
	for (int i = 0; i < 1000; i++)
		fprintf(to, "zone%d.se NS ns.zone%d.se\n", i, i);
	fclose(to);
	set = zone_read("se.", text);
	assert_int_equal(lint_zone(&l, set, (struct lint_limits){100, 100}), 0);
	assert_int_equal(l.n, LINT_FINDINGS_MAX);
	assert_int_equal(l.approvals, 2000);
	assert_int_equal(l.errors, 0);
	lint_fini(&l);
	records_free(set);
	free(text);
}

static void a_target_without_records_needs_approval(void **state)
{
	(void)state;
	expect(
	    "example.",
	    HEAD "ns A 192.0.2.1\nwww CNAME nosuch\n@ MX 10 mail\nsub NS ns.nosuch\n"
		 "_s._tcp SRV 1 2 3 ent\nx.ent A 192.0.2.1\np PTR gone\n",
	    "A zone:5 www CNAME \"nosuch.example.\": this name is in the zone, but has no records\n"
	    "A zone:6 @ MX \"mail.example.\": this name is in the zone, but has no records\n"
	    "A zone:7 sub NS \"ns.nosuch.example.\": this name is in the zone, but has no records\n"
	    "A zone:8 _s._tcp SRV \"ent.example.\": this name is in the zone, but has no records\n"
	    "A zone:10 p PTR \"gone.example.\": this name is in the zone, but has no records\n");
}

static void what_others_answer_is_no_finding(void **state)
{
	static const char *const fine[] = {
	    HEAD "ns A 192.0.2.1\na CNAME other.test.\nb MX 0 .\nc SRV 0 0 0 .\nd CNAME @\n",
	    HEAD
	    "ns A 192.0.2.1\nsub NS ns.sub\nns.sub A 192.0.2.2\na CNAME www.sub\nb CNAME sub\n",
	    HEAD "ns A 192.0.2.1\nsub NS ns.other.test.\nx.sub CNAME nosuch\n", /* below the cut */
	    HEAD "ns A 192.0.2.1\nd DNAME nosuch.example.\na CNAME x.d\n",
	    HEAD "ns A 192.0.2.1\n* A 192.0.2.2\na CNAME nosuch\nb MX 10 x.y.z\n",
	    HEAD "ns A 192.0.2.1\n*.w A 192.0.2.2\na CNAME any.w\nb CNAME any.thing.w\n",
	    HEAD "ns A 192.0.2.1\n@ DNAME other.test.\na CNAME nosuch\n",
	    HEAD "NS A 192.0.2.1\nA CNAME nS\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++)
		expect("example.", fine[i], "");
	/* Where a wildcard does not reach: beside it, and where a name is. */
	expect("example.", HEAD "ns A 192.0.2.1\n*.w A 192.0.2.2\na CNAME w\n",
	       "A zone:6 a CNAME \"w.example.\": this name is in the zone, but has no records\n");
	expect(
	    "example.", HEAD "ns A 192.0.2.1\n*.w A 192.0.2.2\na CNAME nosuch\n",
	    "A zone:6 a CNAME \"nosuch.example.\": this name is in the zone, but has no records\n");
	expect(
	    "example.", HEAD "ns A 192.0.2.1\n* A 192.0.2.2\nx.ent A 192.0.2.2\na CNAME y.ent\n",
	    "A zone:7 a CNAME \"y.ent.example.\": this name is in the zone, but has no records\n");
}

static void a_name_like_the_zone_is_no_missing_dot(void **state)
{
	(void)state;
	/* com.com. exists. */
	expect("com.", HEAD "ns A 192.0.2.1\ncom NS ns.com\nns.com A 192.0.2.1\n", "");
	expect("a.test.", HEAD "ns A 192.0.2.1\na A 192.0.2.1\ntest.a A 192.0.2.1\n", "");
	expect(".", HEAD "ns A 192.0.2.1\n", "");
	/* A zone delegated there, with all that is in it. */
	expect("a.test.", HEAD "ns A 192.0.2.1\na.test NS ns.a.test\nns.a.test A 192.0.2.1\n",
	       "A zone:5 \"a.test.a.test.\": the zone's name stands in it twice: is the dot at the "
	       "end "
	       "of a name missing?\n");
}

static struct lint_limits of(size_t per_type)
{
	return (struct lint_limits){.per_type = per_type};
}

static void more_records_than_named_loads_are_an_error(void **state)
{
	(void)state;
	expect_limit("example.", HEAD "$GENERATE 1-100 ns A 192.0.2.$\n", of(100), "");
	expect_limit(
	    "example.", HEAD "$GENERATE 1-101 ns A 192.0.2.$\n", of(100),
	    "E zone:4 ns has 101 A records: named takes 100 of a type, and would refuse the "
	    "zone\n");
	expect_limit("example.", HEAD "$GENERATE 1-101 ns A 192.0.2.$\n", of(0), "");
	expect_limit(
	    "example.", HEAD "ns A 192.0.2.2\nns A 192.0.2.1\nns TXT a\nns TXT b\n", of(1),
	    "E zone:4 ns has 2 A records: named takes 1 of a type, and would refuse the zone\n"
	    "E zone:6 ns has 2 TXT records: named takes 1 of a type, and would refuse the "
	    "zone\n");
}

/* As BIND 9.18.49 was seen to do: the SOA counts, and RRSIGs of each type. */
static void more_types_than_named_loads_are_an_error(void **state)
{
	struct lint_limits four = {.types = 4};

	(void)state;
	expect_limit("example.", HEAD "@ A 192.0.2.1\n@ TXT a\n@ TXT b\nns A 192.0.2.2\n", four, "");
	expect_limit("example.", HEAD "@ A 192.0.2.1\n@ TXT a\n@ MX 1 ns\nns A 192.0.2.2\n", four,
		     "E zone:3 @ has records of 5 types: named takes 4 at a name, and would refuse the zone\n");
	expect_limit("example.",
		     HEAD "ns A 192.0.2.2\nns AAAA ::1\nns TXT a\n"
			  "ns RRSIG A 13 2 300 20300101000000 20200101000000 1 example. AAAA\n"
			  "ns RRSIG TXT 13 2 300 20300101000000 20200101000000 1 example. AAAA\n",
		     four, "E zone:4 ns has records of 5 types: named takes 4 at a name, and would refuse the zone\n");
	expect_limit("example.", HEAD "ns A 192.0.2.1\nns AAAA ::1\nns TXT a\nns MX 1 ns\nns HINFO a b\n", of(0), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_outside_the_zone_are_an_error),
	    cmocka_unit_test(all_are_counted_and_some_are_kept),
	    cmocka_unit_test(a_missing_dot_needs_approval),
	    cmocka_unit_test(every_name_without_its_dot_is_found),
	    cmocka_unit_test(a_target_without_records_needs_approval),
	    cmocka_unit_test(what_others_answer_is_no_finding),
	    cmocka_unit_test(a_name_like_the_zone_is_no_missing_dot),
	    cmocka_unit_test(more_records_than_named_loads_are_an_error),
	    cmocka_unit_test(more_types_than_named_loads_are_an_error),
	};

	return cmocka_run_group_tests_name("zone_lint", tests, NULL, NULL);
}
