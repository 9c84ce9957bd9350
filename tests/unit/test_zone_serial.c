/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Serials: their arithmetic, and the number in a zone's text, found and replaced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/zone/serial.h"

static void serials_are_compared_by_rfc_1982(void **state)
{
	static const struct {
		uint32_t a, b;
		enum serial_order order;
	} cases[] = {
	    {0, 0, SERIAL_EQUAL},
	    {4294967295u, 4294967295u, SERIAL_EQUAL},
	    {1, 0, SERIAL_GREATER},
	    {0, 1, SERIAL_LESS},
	    {0, 4294967295u, SERIAL_GREATER}, /* around the end */
	    {4294967295u, 0, SERIAL_LESS},
	    {44, 4294967000u, SERIAL_GREATER},
	    {2147483647, 0, SERIAL_GREATER}, /* as far as it goes */
	    {0, 2147483647, SERIAL_LESS},
	    {2147483648u, 0, SERIAL_UNDEFINED}, /* half the circle */
	    {0, 2147483648u, SERIAL_UNDEFINED},
	    {2147483649u, 1, SERIAL_UNDEFINED},
	    {1, 2147483649u, SERIAL_UNDEFINED},
	    {2147483649u, 0, SERIAL_LESS}, /* and past it */
	    {0, 2147483649u, SERIAL_GREATER},
	    {2026112101, 2026112100, SERIAL_GREATER},
	    {2206112101u, 2026112101, SERIAL_GREATER}, /* typed wrong, far ahead */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (serial_compare(cases[i].a, cases[i].b) != cases[i].order)
			fail_msg("%u and %u: %d, not %d", cases[i].a, cases[i].b,
				 serial_compare(cases[i].a, cases[i].b), cases[i].order);
	assert_int_equal(serial_add(4294967295u, 1), 0);
	assert_int_equal(serial_add(2026112199, 1), 2026112200);
	for (uint32_t a = 0; a < 4000000000u; a += 99999989u)
		assert_int_equal(serial_compare(serial_add(a, SERIAL_ADD_MAX), a), SERIAL_GREATER);
}

static void the_next_serial_is_above_the_highest_released(void **state)
{
	(void)state;
	assert_int_equal(serial_next(5, 5), 6);  /* not raised */
	assert_int_equal(serial_next(9, 5), 10); /* an old editor's buffer */
	assert_int_equal(serial_next(5, 6), 6);  /* raised by hand: as it was meant */
	assert_int_equal(serial_next(2026112099, 2026112101), 2026112101);
	assert_int_equal(serial_next(2026112199, 2026112101), 2026112200);
	assert_int_equal(serial_next(4294967295u, 7), 7);           /* 7 is greater */
	assert_int_equal(serial_next(4294967295u, 4294967290u), 1); /* 0 is left out */
	assert_int_equal(serial_next(0, 2147483648u), 1);           /* undefined: not greater */
}

#define FIND(text, value, before)                                                                  \
	{                                                                                          \
		text, sizeof(text) - 1, value, before                                              \
	}

static void the_serial_is_found_in_every_syntax(void **state)
{
	/* The last one: what stands right before the number. */
	static const struct {
		const char *text;
		size_t len;
		uint32_t value;
		const char *before;
	} cases[] = {
	    FIND("@ SOA a b 7 1 1 1 1\n", 7, "a b "),
	    FIND("@ SOA a b 7 1 1 1 1", 7, "a b "), /* no newline at the end */
	    FIND("example. 1h IN SOA a b 4294967295 1 1 1 1\n", 4294967295u, "a b "),
	    FIND("example. IN 1h30m SOA a b 8 1h 1 1w 1\n", 8, "a b "),
	    FIND("example. CLASS1 SOA a b 8 1 1 1 1\n", 8, "a b "),
	    FIND("@ ch soa a b 8 1 1 1 1\n", 8, "a b "),
	    FIND("$TTL 1d\n$ORIGIN example.\n@ IN SOA ns hostmaster 9 1 1 1 1\n", 9, "master "),
	    FIND("@ IN SOA ns root (\n\t2026112101 ; serial 99\n\t1 1 1 1 )\n", 2026112101, "\n\t"),
	    FIND("@ IN SOA ns root ( ; 5 (\n; 6 \"\n\n 7\n 1 1 1 1 )\n", 7, "\n "),
	    FIND("@ (\n IN\n SOA\n) ns root 7 1 1 1 1\n", 7, "root "),
	    FIND("@ IN SOA ns root (7 1 1 1 1)\n", 7, "("),
	    FIND("@ IN SOA ns root(7)1 1 1 1\n", 7, "root("),
	    FIND("@ IN SOA ns root 7;comment\n", 7, "root "),
	    FIND("@ IN SOA ns root ( 7;comment\n1 1 1 1)\n", 7, "( "),
	    FIND(" SOA a b 7 1 1 1 1\n", 7, "a b "), /* the owner is left out */
	    FIND("\tIN SOA a b 7 1 1 1 1\n", 7, "a b "),
	    FIND("@ IN SOA a b 7 1 1 1 1\r\n@ NS a\r\n", 7, "a b "),
	    FIND("@ IN SOA a b (\r\n 7 ; x\r\n 1 1 1 1 )\r\n", 7, "\n "),
	    FIND("@ IN SOA a b\\.c\\ d\\;e 7 1 1 1 1\n", 7, "\\;e "), /* escapes */
	    FIND("@ IN SOA a b\\040 7 1 1 1 1\n", 7, "040 "),
	    FIND("@ IN SOA a b\\( 7 1 1 1 1\n", 7, "\\( "),
	    FIND("@ IN SOA a b 0000000007 1 1 1 1\n", 7, "a b "),
	    FIND("@ IN TXT \"SOA a b 1 ; ( \\\" \" ; SOA a b 2\n@ SOA a b 7 1 1 1 1\n", 7, "a b "),
	    FIND("; @ SOA a b 1\n@ SOA a b 7 1 1 1 1\n", 7, "a b "),
	    FIND("soa TXT soa\nSOA SOA a b 7 1 1 1 1\n", 7, "a b "), /* a name like the type */
	    FIND("@ NS soa\n@ SOA a b 7 1 1 1 1\n", 7, "a b "),
	    FIND("1d 1d IN SOA 3 4 7 1 1 1 1\n", 7, "3 4 "), /* a name like a TTL */
	    FIND("IN IN SOA a b 7 1 1 1 1\n", 7, "a b "),    /* ... like a class */
	    FIND("$INCLUDE head\n@ SOA a b 7 1 1 1 1\n", 7, "a b "),
	    FIND("@ SOA a b 7 1 1 1 1\n@ SOA a b 8 1 1 1 1\n", 7, "a b "),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct serial_place p = {0};
		const char *why;
		int r = serial_find(cases[i].text, cases[i].len, &p, &why);
		size_t before = strlen(cases[i].before);

		if (r != 0 || p.value != cases[i].value)
			fail_msg("%s: %d (%s), %u", cases[i].text, r, why ? why : "", p.value);
		if (p.start < before ||
		    memcmp(cases[i].text + p.start - before, cases[i].before, before) != 0)
			fail_msg("%s: found at %zu", cases[i].text, p.start);
	}
}

static void where_there_is_none_that_is_said(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		int code;
		uint32_t line;
		const char *why; /* in it */
	} cases[] = {
	    {"", 0, ERR_UNKNOWN, 0, NULL},
	    {"$INCLUDE head\n@ NS a\n", 21, ERR_UNKNOWN, 0, NULL}, /* it is in the other file */
	    {"; SOA a b 7\n", 12, ERR_UNKNOWN, 0, NULL},
	    {"@ TXT \"SOA\" a b 7\n", 18, ERR_UNKNOWN, 0, NULL},
	    {"$GENERATE 1-2 SOA a b 7\n", 24, ERR_UNKNOWN, 0, NULL},
	    {"\n@ SOA a b\n", 11, ERR_FORMAT, 2, "without a serial"},
	    {"@ SOA a b 7x\n", 13, ERR_FORMAT, 1, "no number"},
	    {"@ SOA a b \"7\"\n", 14, ERR_FORMAT, 1, "no number"},
	    {"@ SOA a b -7\n", 13, ERR_FORMAT, 1, "no number"},
	    {"@ SOA a b 4294967296\n", 21, ERR_FORMAT, 1, "no number"},
	    {"@ SOA a b 99999999999999999999\n", 31, ERR_FORMAT, 1, "no number"},
	    {"\n\n@ SOA a b ( 7\n1 1\n", 20, ERR_FORMAT, 3, "never closed"},
	    {"@ SOA a b ) 7\n", 14, ERR_FORMAT, 1, "without an opening"},
	    {"\n@ TXT \"a\n@ SOA a b 7\n", 22, ERR_FORMAT, 2, "does not end"},
	    {"@ SOA a\n\0b 7", 12, ERR_FORMAT, 2, "NUL"},
	    {"\xff\xfe@\0", 4, ERR_FORMAT, 1, "UTF-16"},
	    {"\xef\xbb\xbf@ SOA a b 7", 14, ERR_FORMAT, 1, "byte order mark"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct serial_place p = {0};
		const char *why;
		int r = serial_find(cases[i].text, cases[i].len, &p, &why);

		if (r != cases[i].code || p.line != cases[i].line ||
		    (cases[i].why && (!why || !strstr(why, cases[i].why))))
			fail_msg("%zu %s: %d, line %u, %s", i, cases[i].text, r, p.line,
				 why ? why : "");
	}
}

static void a_rewrite_touches_the_number_only(void **state)
{
	static const struct {
		const char *text;
		uint32_t serial;
		const char *result;
	} cases[] = {
	    {"@ SOA a b 7 1 1 1 1\n", 8, "@ SOA a b 8 1 1 1 1\n"},
	    {"@ SOA a b 9 1 1 1 1\n", 10, "@ SOA a b 10 1 1 1 1\n"}, /* another width */
	    {"@ SOA a b 4294967295 1 1 1 1\n", 1, "@ SOA a b 1 1 1 1 1\n"},
	    {"@ SOA a b 0007 1 1 1 1\n", 8, "@ SOA a b 0008 1 1 1 1\n"},
	    {"@ SOA a b 0007 1 1 1 1\n", 123456, "@ SOA a b 123456 1 1 1 1\n"},
	    {"@ SOA a b 0 1 1 1 1\n", 1, "@ SOA a b 1 1 1 1 1\n"},
	    {"7 7 IN SOA 7 7 (\r\n\t7;7\r\n 7 7 7 7 )\r\n7 TXT \"7\"", 8,
	     "7 7 IN SOA 7 7 (\r\n\t8;7\r\n 7 7 7 7 )\r\n7 TXT \"7\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct serial_place p;
		const char *why;
		struct buf to;
		size_t len = strlen(cases[i].text);

		assert_int_equal(serial_find(cases[i].text, len, &p, &why), 0);
		buf_init(&to, 1000);
		serial_rewrite(&to, cases[i].text, len, &p, cases[i].serial);
		assert_int_equal(to.err, 0);
		buf_u8(&to, 0);
		assert_string_equal((char *)to.data, cases[i].result);
		buf_fini(&to);
	}
	struct serial_place p = {.start = 10, .end = 11};
	struct buf small;
	buf_init(&small, 12);
	serial_rewrite(&small, "@ SOA a b 7 1", 13, &p, 8);
	assert_int_equal(small.err, ERR_LIMIT);
	buf_fini(&small);
}

static void signed_text_is_known_by_its_records(void **state)
{
	static const struct {
		const char *text;
		int is;
	} cases[] = {
	    {"@ SOA a b 7\nwww A 192.0.2.1\n", 0},
	    {"@ SOA a b 7\nwww RRSIG A 8 2 1\n", 1},
	    {"www 1h IN nsec b A\n", 1},
	    {" IN NSEC3 1 0\n", 1},
	    {"@ ZONEMD 1 1 1\n", 1},
	    {"@ TYPE46 \\# 0\n", 1},
	    {"@ type63 \\# 0\n", 1},
	    {"@ DNSKEY 257 3 8 AAAA\n@ NSEC3PARAM 1 0 0 -\n", 0},
	    {"; RRSIG\nwww TXT RRSIG \"NSEC\"\nRRSIG A 1\n", 0},
	    {"@ \"RRSIG\" a\n", 0},
	    {"www TXT \"a (\nwww RRSIG a\n", ERR_FORMAT},
	    {"www TXT ( a\nwww RRSIG a\n", ERR_FORMAT},
	    {"", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int is = serial_signed(cases[i].text, strlen(cases[i].text));
		if (is != cases[i].is)
			fail_msg("%s: %d", cases[i].text, is);
	}
	assert_int_equal(serial_signed("a\0", 2), ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(serials_are_compared_by_rfc_1982),
	    cmocka_unit_test(the_next_serial_is_above_the_highest_released),
	    cmocka_unit_test(the_serial_is_found_in_every_syntax),
	    cmocka_unit_test(where_there_is_none_that_is_said),
	    cmocka_unit_test(a_rewrite_touches_the_number_only),
	    cmocka_unit_test(signed_text_is_known_by_its_records),
	};

	return cmocka_run_group_tests_name("zone_serial", tests, NULL, NULL);
}
