/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Zone texts into sets of records: what they mean, and what is wrong with them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/zone_help.h"

#define HEAD "$TTL 300\n@ SOA a b 1 2 3 4 5\n"

static void expect(const char *text, const char **files, const char *lines)
{
	char words[RECORDS_WORDS_MAX];
	struct records *set;

	if (zone_try(&set, "example.", text, strlen(text), files, words) != 0)
		fail_msg("%s: %s", text, words);
	CLEANUP_FREE char *got = zone_print(set);
	if (strcmp(got, lines) != 0)
		fail_msg("%s\ngives:\n%swanted:\n%s", text, got, lines);
	records_free(set);
}

static void names_make_keys_in_canonical_order(void **state)
{
	/* RFC 4034, 6.1 */
	static const char *const sorted[] = {
	    "example.",         "a.example.",      "yljkjljk.a.example.",
	    "Z.a.example.",     "zABC.a.EXAMPLE.", "z.example.",
	    "\\001.z.example.", "*.z.example.",    "\\200.z.example."};
	static const struct {
		const char *text, *printed;
	} cases[] = {
	    {".", "."},
	    {"WWW.Example.", "www.example."},
	    {"a\\.b.c.", "a\\.b.c."},
	    {"a\\046b.", "a\\.b."},
	    {"\\000\\001\\002.", "\\000\\001\\002."},
	    {"a\\032b.", "a\\032b."},
	    {"\\@.\\$.", "\\@.\\$."},
	    {"\\097.", "a."},
	};
	char text[DNAME_TEXT_MAX];
	const char *why;

	(void)state;
	for (size_t i = 0; i + 1 < ARRAY_SIZE(sorted); i++) {
		struct dname a = zone_name(sorted[i]), b = zone_name(sorted[i + 1]);
		if (dname_compare(a.key, a.len, b.key, b.len) >= 0)
			fail_msg("%s and %s", sorted[i], sorted[i + 1]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dname d = zone_name(cases[i].text);
		assert_string_equal(dname_text(text, d.key, d.len), cases[i].printed);
	}
	struct dname top = zone_name("example."), odd = zone_name("\\000\\001.a.example."), joined;
	assert_true(dname_within(odd.key, odd.len, top.key, top.len));
	assert_int_equal(dname_labels(odd.key, odd.len), 3);
	size_t parent = dname_parent(odd.key, odd.len);
	assert_string_equal(dname_text(text, odd.key, parent), "a.example.");
	assert_string_equal(dname_text_in(text, odd.key, odd.len, &top), "\\000\\001.a");
	assert_string_equal(dname_text_in(text, top.key, top.len, &top), "@");
	struct dname near = zone_name("notexample.");
	assert_false(dname_within(near.key, near.len, top.key, top.len));
	assert_int_equal(dname_join(&joined, &top, &top), 0);
	assert_string_equal(dname_text(text, joined.key, joined.len), "example.example.");

	/* 255 bytes are a name, 256 are not; 63 a label, 64 not. */
	char long_name[400] = "";
	for (int i = 0; i < 127; i++)
		strcat(long_name, "a.");
	assert_int_equal(dname_from_text(&joined, long_name, 254, NULL, &why), 0);
	assert_int_equal(dname_join(&joined, &joined, &top), ERR_LIMIT);
	strcat(long_name, "a.");
	assert_int_equal(dname_from_text(&joined, long_name, 256, NULL, &why), ERR_FORMAT);
	assert_int_equal(dname_from_text(&joined, long_name, 249, &top, &why), ERR_FORMAT);
	memset(long_name, 'a', 64);
	assert_int_equal(dname_from_text(&joined, long_name, 63, &top, &why), 0);
	assert_int_equal(dname_from_text(&joined, long_name, 64, &top, &why), ERR_FORMAT);
}

static void texts_that_mean_the_same_give_the_same_set(void **state)
{
	static const char same[] = "@ 300 SOA a.example. b.example. 1 2 3 4 5\n"
				   "@ 300 NS ns.example.\n"
				   "@ 300 MX 10 mail.example.\n"
				   "ns 300 A 192.0.2.1\n"
				   "ns 300 AAAA 2001:db8::1\n"
				   "t 60 TXT \"a b\" \"c\"\n";

	(void)state;
	expect("$TTL 5m\n@ IN SOA a b (1 2 3 4 5)\n NS ns\n MX 10 mail\nns A 192.0.2.1\n"
	       " AAAA 2001:db8::1\nt 60 TXT \"a b\" c\n",
	       NULL, same);
	expect("$ORIGIN .\n$TTL 300\nt.example 1m IN TXT a\\ b \"c\"\n"
	       "example IN SOA a.example b.EXAMPLE. ( ; comment\n1\r\n2 3 4 5)\n"
	       "EXAMPLE MX 10 Mail.Example.\n NS NS.example\n"
	       "$ORIGIN example.\nNS AAAA 2001:DB8:0:0::0:1\nns A 192.0.2.1\nns IN A 192.0.2.1",
	       NULL, same);
	/* RFC 3597, 5 */
	expect("a 1 MX \\# 8 000a 046d61696c 00\na 1 TYPE1 \\# 4 C0000201\na 1 TYPE65280 \\# 2 AB "
	       "cd\n",
	       NULL, "a 1 A 192.0.2.1\na 1 MX 10 mail.\na 1 TYPE65280 \\# 2 abcd\n");
}

static void a_record_without_a_ttl_gets_the_one_that_named_gives_it(void **state)
{
	(void)state;
	expect("@ SOA a b 1 2 3 4 77\nx A 192.0.2.1\ny 5 A 192.0.2.1\nz A 192.0.2.1\n", NULL,
	       "@ 77 SOA a.example. b.example. 1 2 3 4 77\n"
	       "x 77 A 192.0.2.1\ny 5 A 192.0.2.1\nz 77 A 192.0.2.1\n");
	expect("@ 9 SOA a b 1 2 3 4 77\nx A 192.0.2.1\ny 5 A 192.0.2.1\nz A 192.0.2.1\n", NULL,
	       "@ 9 SOA a.example. b.example. 1 2 3 4 77\n"
	       "x 9 A 192.0.2.1\ny 5 A 192.0.2.1\nz 5 A 192.0.2.1\n");
	/* Above the largest of TTLs it is 0, there as well. */
	expect("@ SOA a b 1 2 3 4 2147483648\nx A 192.0.2.1\n", NULL,
	       "@ 0 SOA a.example. b.example. 1 2 3 4 2147483648\nx 0 A 192.0.2.1\n");
	expect("@ SOA a b 1 2 3 4 2147483647\nx A 192.0.2.1\n", NULL,
	       "@ 2147483647 SOA a.example. b.example. 1 2 3 4 2147483647\nx 2147483647 A 192.0.2.1\n");
	/* One of a name and type: of lines together the first, of others the last. */
	expect("a 5 A 192.0.2.1\n 6 A 192.0.2.2\n A 192.0.2.3\n TXT x\nb A 192.0.2.1\n", NULL,
	       "a 5 A 192.0.2.1\na 5 A 192.0.2.2\na 5 A 192.0.2.3\na 5 TXT \"x\"\n"
	       "b 5 A 192.0.2.1\n");
	expect("a 5 A 192.0.2.1\nb 7 A 192.0.2.1\na 9 A 192.0.2.4\n", NULL,
	       "a 9 A 192.0.2.1\na 9 A 192.0.2.4\nb 7 A 192.0.2.1\n");
	expect("z 1 A 192.0.2.1\na 5 A 192.0.2.1\nb 7 A 192.0.2.1\na 9 A 192.0.2.2\n", NULL,
	       "a 9 A 192.0.2.1\na 9 A 192.0.2.2\nb 7 A 192.0.2.1\nz 1 A 192.0.2.1\n");
	expect("a 5 RRSIG NS 8 2 1 20260101000000 20250101000000 1 a. AAAA\n"
	       "a 6 RRSIG A 8 2 1 20260101000000 20250101000000 1 a. AAAA\n",
	       NULL,
	       "a 6 RRSIG A 8 2 1 20260101000000 20250101000000 1 a. AAAA\n"
	       "a 5 RRSIG NS 8 2 1 20260101000000 20250101000000 1 a. AAAA\n");
	expect("a 5 A 192.0.2.1\n$GENERATE 1-1 g 7 A 192.0.2.1\n 6 A 192.0.2.2\n", NULL,
	       "a 5 A 192.0.2.1\na 5 A 192.0.2.2\ng 7 A 192.0.2.1\n");
	expect("$TTL 1\na A 192.0.2.1\n$TTL 1w2d\nb A 192.0.2.1\n"
	       "c 2147483648 A 192.0.2.1\nd 2147483647 A 192.0.2.1\n",
	       NULL,
	       "a 1 A 192.0.2.1\nb 777600 A 192.0.2.1\nc 0 A 192.0.2.1\n"
	       "d 2147483647 A 192.0.2.1\n");
}

static void data_have_one_form(void **state)
{
	static const struct {
		const char *text, *form;
	} cases[] = {
	    {"CNAME a\\(b\\;", "CNAME a\\(b\\;.example."},
	    {"CNAME a\\.\\098", "CNAME a\\.b.example."},
	    {"HINFO \"a )b;\\\" c\" \"(\"", "HINFO \"a )b;\\\" c\" \"(\""},
	    {"TXT a\"b\"c \"\" ( d\n;x\n e )", "TXT \"a\" \"b\" \"c\" \"\" \"d\" \"e\""},
	    {"CAA 0 issue ca.test", "CAA 0 issue \"ca.test\""},
	    {"CAA 0 issue \"ca.test; a=b\"", "CAA 0 issue \"ca.test; a=b\""},
	    {"URI 10 1 \"http://a/\"", "URI 10 1 \"http://a/\""},
	    {"HTTPS 1 . port=443 alpn=\"h2,h3\"", "HTTPS 1 . alpn=h2,h3 port=443"},
	    {"HTTPS 1 . alpn=\"h2 port=443\"", "HTTPS \\# 19 0001000001000c0b683220706f72743d343433"},
	    {"HTTPS 1 . alpn=\"h;\"", "HTTPS \\# 10 0001000001000302683b"},
	    {"SVCB 1 . key667=\"a b\"", "SVCB \\# 10 000100029b0003612062"},
	    {"SVCB 1 . key667=a", "SVCB 1 . key667=a"},
	    {"SRV 1 2 3 WWW", "SRV 1 2 3 www.example."},
	    {"NSEC B A RRSIG MX", "NSEC B.example. A MX RRSIG"},
	    {"DS 1 8 2 ( AABB\n ccdd )", "DS 1 8 2 aabbccdd"},
	    {"DNSKEY 257 3 8 AwEA AQ==", "DNSKEY 257 3 8 AwEAAQ=="},
	    {"AAAA ::FFFF:192.0.2.1", "AAAA ::ffff:192.0.2.1"},
	};
	char text[300], wanted[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "x 1 %s\n", cases[i].text);
		snprintf(wanted, sizeof(wanted), "x 1 %s\n", cases[i].form);
		expect(text, NULL, wanted);
	}
}

static void included_files_are_read_where_they_stand(void **state)
{
	static const char *files[] = {"a",
				      "x A 192.0.2.1\n@ A 192.0.2.2\n$ORIGIN deep\ny A 192.0.2.3\n"
				      "$TTL 60\n$INCLUDE b c\n",
				      "b", "z A 192.0.2.4", NULL};

	(void)state;
	expect(
	    HEAD
	    "s A 192.0.2.9\n$INCLUDE a sub\n TXT s\n CNAME t\n$INCLUDE left-out\n$INCLUDE \"b\"\n",
	    files,
	    "@ 300 SOA a.example. b.example. 1 2 3 4 5\n"
	    "s 300 A 192.0.2.9\ns 60 CNAME t.example.\ns 60 TXT \"s\"\n"
	    "sub 300 A 192.0.2.2\n"
	    "z.c.deep.sub 60 A 192.0.2.4\ny.deep.sub 300 A 192.0.2.3\n"
	    "x.sub 300 A 192.0.2.1\nz 60 A 192.0.2.4\n");
	struct records *set;
	char words[RECORDS_WORDS_MAX];
	const char text[] = HEAD "\n$INCLUDE a sub\n";
	assert_int_equal(zone_try(&set, "example.", text, strlen(text), files, words), 0);
	assert_int_equal(set->n_files, 3);
	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->list[i].rdata, "192.0.2.3") == 0) {
			assert_string_equal(set->files[set->list[i].file], "a");
			assert_int_equal(set->list[i].line, 4);
		}
	records_free(set);
}

static void includes_have_limits(void **state)
{
	enum { DEEP = RECORDS_DEPTH_MAX + 3 };
	static char names[DEEP][16], texts[DEEP][32];
	const char *files[2 * DEEP + 3] = {NULL};
	char words[RECORDS_WORDS_MAX];
	struct records *set = NULL;

	(void)state;
	for (int i = 0; i < DEEP; i++) {
		snprintf(names[i], sizeof(names[i]), "f%d", i);
		snprintf(texts[i], sizeof(texts[i]), "$INCLUDE f%d\n", i + 1);
		files[2 * i] = names[i];
		files[2 * i + 1] = texts[i];
	}
	/* The last one but two is the last that is read. */
	assert_int_equal(zone_try(&set, "example.", "$INCLUDE f3\n", 12, files, words), ERR_DENIED);
	assert_int_equal(zone_try(&set, "example.", "$INCLUDE f2\n", 12, files, words), ERR_LIMIT);
	assert_string_equal(words, "f17:1: $INCLUDE in $INCLUDE, more than 16 deep");

	const char *empty[] = {"e", "", NULL};
	CLEANUP_FREE char *many = malloc(1001 * 11 + 1);
	for (int i = 0; i < 1001; i++)
		strcpy(many + 11 * i, "$INCLUDE e\n");
	assert_int_equal(zone_try(&set, "example.", many, 11000, empty, words), 0);
	records_free(set);
	assert_int_equal(zone_try(&set, "example.", many, 11011, empty, words), ERR_LIMIT);
	assert_string_equal(words, "zone:1001: more than 1000 times $INCLUDE");
}

static void generate_makes_what_named_makes(void **state)
{
	/* As named-compilezone 9.18 prints them. */
	static const struct {
		const char *line, *records;
	} cases[] = {
	    {"1-3 h$ A 192.0.2.$", "h1 300 A 192.0.2.1\nh2 300 A 192.0.2.2\nh3 300 A 192.0.2.3\n"},
	    {"10-20/5 h$ 60 IN A 192.0.2.$",
	     "h10 60 A 192.0.2.10\nh15 60 A 192.0.2.15\nh20 60 A 192.0.2.20\n"},
	    {"0-0 h${10} IN 61 A 192.0.2.${-0}", "h10 61 A 192.0.2.0\n"},
	    {"0-1 h${10,5} A 192.0.2.1", "h00010 300 A 192.0.2.1\nh00011 300 A 192.0.2.1\n"},
	    {"8-20/12 h${-3,4,x} A 192.0.2.1", "h0005 300 A 192.0.2.1\nh0011 300 A 192.0.2.1\n"},
	    {"26-26 ${0,3,x}${0,3,o} A 192.0.2.1", "01a032 300 A 192.0.2.1\n"},
	    {"14-14 ${0,7,n}.nib PTR h$", "e.0.0.0.nib 300 PTR h14.example.\n"},
	    {"254-254 ${0,0,N}.nib PTR h$", "e.f.nib 300 PTR h254.example.\n"},
	    {"1-1 $$x$ A 192.0.2.1", "\\$x1 300 A 192.0.2.1\n"},
	    {"1-1 \\$x$ A 192.0.2.1", "\\$x1 300 A 192.0.2.1\n"},
	    {"1-1 m$ MX \"10 mail$\"", "m1 300 MX 10 mail1.example.\n"},
	    {"7-7 t$ TXT \"\\\"a $ b\\\" c$\"", "t7 300 TXT \"a 7 b\" \"c7\"\n"},
	    {"1-2 h$.other. A 192.0.2.1", ""},
	    {"5-6 s$ AAAA 2001:db8::${10,4,x}",
	     "s5 300 AAAA 2001:db8::f\ns6 300 AAAA 2001:db8::10\n"},
	};
	char text[512], wanted[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), HEAD "$GENERATE %s\n", cases[i].line);
		snprintf(wanted, sizeof(wanted), "@ 300 SOA a.example. b.example. 1 2 3 4 5\n%s",
			 cases[i].records);
		expect(text, NULL, wanted);
	}
	expect("$TTL 1\nown A 192.0.2.1\n$GENERATE 1-1 g$ A 192.0.2.$\n TXT x\n", NULL,
	       "g1 1 A 192.0.2.1\nown 1 A 192.0.2.1\nown 1 TXT \"x\"\n");
	struct records *set = zone_read("example.", HEAD "$GENERATE 0-65535 h$ A 192.0.2.1\n");
	assert_int_equal(set->n, 65536);
	records_free(set);
}

static void each_mistake_is_told_with_file_and_line(void **state)
{
	static const char *files[] = {"loop",   "$INCLUDE loop2\n", "loop2", "\n$INCLUDE loop\n",
				      "broken", "a A 1\n",          NULL};
	/* Lines 1 and 2 are HEAD. */
	static const struct {
		const char *text, *words;
		int code;
	} cases[] = {
	    /* The slides' zone of movie.edu. */
	    {":Addresses\n", "zone:3: \":Addresses\": a record without a type", ERR_FORMAT},
	    {"t CNAME terminator.movie .edu.\n", "zone:3: CNAME record: ", ERR_FORMAT},
	    {"1 PTR a b\n", "zone:3: PTR record: ", ERR_FORMAT},
	    {"www A 192.0.2\n", "zone:3: A record: ", ERR_FORMAT},
	    {"\n\nwww AAAA 192.0.2.1\n", "zone:5: AAAA record: ", ERR_FORMAT},
	    {"www A\n", "zone:3: A record: there is nothing behind", ERR_FORMAT},
	    {"www\n", "zone:3: \"www\": a record without a type", ERR_FORMAT},
	    {"www 300 IN\n", "zone:3: \"IN\": a record without a type", ERR_FORMAT},
	    {"www WHAT a\n", "zone:3: \"WHAT\" is no type", ERR_UNKNOWN},
	    {"www ANY a\n", "zone:3: \"ANY\" is no type", ERR_UNKNOWN},
	    {"www TYPE0 \\# 0\n", "zone:3: \"TYPE0\" is no type", ERR_UNKNOWN},
	    {"www TYPE1x 192.0.2.1\n", "zone:3: \"TYPE1x\" is no type", ERR_UNKNOWN},
	    {"www TYPE65280 abc\n", "zone:3: TYPE65280 record: a type whose", ERR_UNKNOWN},
	    {"a..b A 192.0.2.1\n", "zone:3: \"a..b\": an empty label", ERR_FORMAT},
	    {"www CH A 192.0.2.1\n", "zone:3: class CH is not the zone's", ERR_FORMAT},
	    {"m MX 70000 a\n", "zone:3: MX record: a number", ERR_FORMAT},
	    {"m MX x a\n", "zone:3: MX record: a number", ERR_FORMAT},
	    {"m TXT \"\\300\"\n", "zone:3: TXT record: a backslash", ERR_FORMAT},
	    {"m TXT \"\\3\"\n", "zone:3: TXT record: a backslash", ERR_FORMAT},
	    {"m A \\\n", "zone:3: A record: a backslash", ERR_FORMAT},
	    {"@ SOA a b 2 2 3 4 5\n", "zone:3: a second SOA record (the first one: line 2)",
	     ERR_FORMAT},
	    {"x SOA a b 1 2 3 4 5\n", "zone:3: an SOA record that is not at", ERR_FORMAT},
	    {"x TXT (\n\n\n", "zone:3: a parenthesis that is never closed", ERR_FORMAT},
	    {"x TXT a )\n", "zone:3: a closing parenthesis", ERR_FORMAT},
	    {"x TXT \"a\ny A 192.0.2.1\n", "zone:3: a quoted string that", ERR_FORMAT},
	    {"$WHAT 1\n", "zone:3: \"$WHAT\": no such directive", ERR_FORMAT},
	    {"$TTL\n", "zone:3: \"$TTL\": there is nothing", ERR_FORMAT},
	    {"$TTL 1h30\n", "zone:3: \"1h30\": no TTL", ERR_FORMAT},
	    {"a 5 6 A 192.0.2.1\n", "zone:3: \"6\" is no type", ERR_UNKNOWN},
	    {"a TXT \"a\\\nb\"\nb A x\n", "zone:5: A record: ", ERR_FORMAT},
	    {"$TTL soon\n", "zone:3: \"soon\": no TTL", ERR_FORMAT},
	    {"$TTL 1 2\n", "zone:3: \"2\": this is too much", ERR_FORMAT},
	    {"$ORIGIN a..b\n", "zone:3: \"a..b\": an empty label", ERR_FORMAT},
	    {"$INCLUDE nosuch\n", "zone:3: $INCLUDE \"nosuch\": ", ERR_DENIED},
	    {"$INCLUDE broken\n", "broken:1: A record: ", ERR_FORMAT},
	    {"\n$INCLUDE loop\n", "loop2:2: $INCLUDE of loop, which includes", ERR_FORMAT},
	    {"$INCLUDE loop a..b\n", "zone:3: \"a..b\": ", ERR_FORMAT},
	    {"$GENERATE 1-65537 a$ A 192.0.2.1\n", "zone:3: $GENERATE: a range of more",
	     ERR_FORMAT},
	    {"$GENERATE 2-1 a$ A 192.0.2.1\n", "zone:3: $GENERATE: no range", ERR_FORMAT},
	    {"$GENERATE 1-2/0 a$ A 192.0.2.1\n", "zone:3: $GENERATE: no range", ERR_FORMAT},
	    {"$GENERATE 1-2 a$ MX 10 b\n", "zone:3: not as in $GENERATE", ERR_FORMAT},
	    {"$GENERATE 1-2\n", "zone:3: not as in $GENERATE", ERR_FORMAT},
	    {"$GENERATE 1-2 a${1 A 192.0.2.1\n", "zone:3: $GENERATE: not as in ${", ERR_FORMAT},
	    {"$GENERATE 1-2 a${0,999} A 192.0.2.1\n", "zone:3: $GENERATE: not as in ${",
	     ERR_FORMAT},
	    {"$GENERATE 1-2 a$ A 300.$.0.0\n", "zone:3: A record: ", ERR_FORMAT},
	};
	struct records *set = NULL;
	char words[RECORDS_WORDS_MAX], text[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), HEAD "%s", cases[i].text);
		int r = zone_try(&set, "example.", text, strlen(text), files, words);
		if (r != cases[i].code || strncmp(words, cases[i].words, strlen(cases[i].words)))
			fail_msg("%s: %d %s", cases[i].text, r, words);
		assert_null(set);
	}
	assert_int_equal(zone_try(&set, "example.", "www A 192.0.2.1\n", 16, NULL, words),
			 ERR_FORMAT);
	assert_string_equal(words, "zone:1: no TTL: neither here nor in a $TTL line before");
	assert_int_equal(zone_try(&set, "example.", " 5 A 192.0.2.1\n", 15, NULL, words),
			 ERR_FORMAT);
	assert_string_equal(words, "zone:1: a record without a name, and none is before it");
	assert_int_equal(zone_try(&set, "example.", "a\n\0", 3, NULL, words), ERR_FORMAT);
	assert_non_null(strstr(words, "zone:2: a NUL byte"));
	assert_int_equal(zone_try(&set, "example.", "\xff\xfe$\0", 4, NULL, words), ERR_FORMAT);
	assert_non_null(strstr(words, "UTF-16"));
}

static void a_record_of_64_kib_is_one_and_more_is_none(void **state)
{
	enum { STRINGS = 255 };
	char words[RECORDS_WORDS_MAX];
	struct records *set = NULL;
	CLEANUP_FREE char *text = malloc(4 * 70000);
	size_t n = (size_t)sprintf(text, HEAD "t TXT (");

	(void)state;
	for (int i = 0; i < STRINGS; i++)
		n += (size_t)sprintf(text + n, "\n\"%0255d\"", i);
	size_t fits = n;
	n += (size_t)sprintf(text + n, " \"%0254d\" )\n", 0); /* 255 * 256 + 255 */
	assert_int_equal(zone_try(&set, "example.", text, n, NULL, words), 0);
	assert_int_equal(strlen(set->list[0].rdata), 255 * 258 + 256);
	records_free(set);
	n = fits + (size_t)sprintf(text + fits, " \"%0255d\" )\n", 0);
	assert_int_equal(zone_try(&set, "example.", text, n, NULL, words), ERR_FORMAT);
	assert_string_equal(words, "zone:3: TXT record: a record of more than 65535 bytes");
	n = (size_t)sprintf(text, HEAD "t TXT \"%0256d\"\n", 0);
	assert_int_equal(zone_try(&set, "example.", text, n, NULL, words), ERR_FORMAT);
	assert_string_equal(words,
			    "zone:3: TXT record: a string of more than 255 bytes: cut it in two");

	/* What never ends is not read to its end. */
	CLEANUP_FREE char *endless = malloc(700000);
	n = (size_t)sprintf(endless, HEAD "t TXT (");
	memset(endless + n, 'a', 700000 - n);
	assert_int_equal(zone_try(&set, "example.", endless, 700000, NULL, words), ERR_LIMIT);
	for (size_t i = n; i < 700000; i++)
		endless[i] = i % 2 ? 'a' : '\n';
	assert_int_equal(zone_try(&set, "example.", endless, 700000, NULL, words), ERR_LIMIT);
}

static void no_text_makes_more_records_than_are_wanted(void **state)
{
	static const char text[] =
	    HEAD "$GENERATE 1-5 a A 192.0.2.1\n$GENERATE 1-5 a$.other. A 192.0.2.1\n";
	struct dname zone = zone_name("example.");
	struct records_text t = {"zone", text, strlen(text)};
	struct records_reading how = {.zone = &zone, .max = 11};
	char words[RECORDS_WORDS_MAX];
	struct records *set = NULL;

	(void)state;
	assert_int_equal(records_read(&set, &t, &how, words), 0);
	assert_int_equal(set->n, 1);
	records_free(set);
	how.max = 10;
	assert_int_equal(records_read(&set, &t, &how, words), ERR_LIMIT);
	assert_string_equal(words, "zone:4: more than 10 records, $GENERATE's counted");
	how.max = 5;
	assert_int_equal(records_read(&set, &t, &how, words), ERR_LIMIT);
	assert_string_equal(words, "zone:3: more than 5 records, $GENERATE's counted");
}

static void what_is_outside_the_zone_is_kept_apart(void **state)
{
	struct records *set = zone_read("249.249.192.in-addr.arpa.",
					HEAD "1 PTR a.\n2,249.249.192.in-addr.arpa. PTR b.\n"
					     " TXT also\n3 PTR c.\n");

	(void)state;
	assert_int_equal(set->n, 2);
	assert_int_equal(set->n_outside, 2);
	assert_int_equal(set->outside[0].line, 4);
	assert_int_equal(set->outside[1].line, 5);
	records_free(set);
}

static void the_zone_is_guessed_from_its_soa(void **state)
{
	static const struct {
		const char *text, *zone;
	} cases[] = {
	    {"example. SOA a b 1\n", "example."},
	    {"$ORIGIN example.\n@ SOA a b 1\n", "example."},
	    {"$ORIGIN org.\n$ORIGIN example\n@ 1 IN SOA a b 1\n", "example.org."},
	    {"$ORIGIN .\n$TTL 1\nexample IN SOA a b 1\n", "example."},
	    {"@ SOA a b 1\n", NULL},
	    {"example SOA a b 1\n", NULL},
	    {" SOA a b 1\n", NULL},
	    {"$ORIGIN example\n@ SOA a b 1\n", NULL},
	    {"www.example. A 192.0.2.1\n", NULL},
	    {"", NULL},
	};
	char text[DNAME_TEXT_MAX];
	struct dname zone;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = records_zone_of(cases[i].text, strlen(cases[i].text), &zone);
		if ((r == 0) != (cases[i].zone != NULL))
			fail_msg("%s: %d", cases[i].text, r);
		if (r == 0)
			assert_string_equal(dname_text(text, zone.key, zone.len), cases[i].zone);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_make_keys_in_canonical_order),
	    cmocka_unit_test(texts_that_mean_the_same_give_the_same_set),
	    cmocka_unit_test(a_record_without_a_ttl_gets_the_one_that_named_gives_it),
	    cmocka_unit_test(data_have_one_form),
	    cmocka_unit_test(included_files_are_read_where_they_stand),
	    cmocka_unit_test(includes_have_limits),
	    cmocka_unit_test(generate_makes_what_named_makes),
	    cmocka_unit_test(each_mistake_is_told_with_file_and_line),
	    cmocka_unit_test(a_record_of_64_kib_is_one_and_more_is_none),
	    cmocka_unit_test(no_text_makes_more_records_than_are_wanted),
	    cmocka_unit_test(what_is_outside_the_zone_is_kept_apart),
	    cmocka_unit_test(the_zone_is_guessed_from_its_soa),
	};

	return cmocka_run_group_tests_name("zone_records", tests, NULL, NULL);
}
