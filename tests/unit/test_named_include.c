/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which files a configuration and a zone lead to; what is a key; a check's bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/named_include.h"
#include "base/port.h"
#include "base/port_check.h"

struct found {
	char text[1024];
	size_t n;
};

static bool conf_found(void *arg, const char *file, bool directory)
{
	struct found *f = arg;

	f->n += (size_t)snprintf(f->text + f->n, sizeof(f->text) - f->n, "%s%s\n",
				 directory ? "in " : "", file);
	return true;
}

static bool zone_found(void *arg, const char *file, size_t line)
{
	struct found *f = arg;

	f->n += (size_t)snprintf(f->text + f->n, sizeof(f->text) - f->n, "%zu %s\n", line, file);
	return true;
}

static void conf_gives(const char *text, const char *wanted)
{
	struct found f = {.text = ""};

	named_include_conf(text, strlen(text), conf_found, &f);
	assert_string_equal(f.text, wanted);
}

static void zone_gives(const char *text, const char *wanted)
{
	struct found f = {.text = ""};

	named_include_zone(text, strlen(text), zone_found, &f);
	assert_string_equal(f.text, wanted);
}

static void includes_of_a_configuration(void **state)
{
	(void)state;
	conf_gives("include \"/etc/a\";\noptions { directory \"/var/named\"; include \"b\"; };",
		   "/etc/a\nin /var/named\nb\n");
	conf_gives("# include \"a\";\n// include \"b\";\n/* include \"c\"; */ INCLUDE \"d\";",
		   "d\n");
	conf_gives("acl include { any; }; zone \"include\" { file \"include\"; };", "");
	conf_gives("zone \"x\" { file \"a # b\"; include \"c*.conf\"; };", "c*.conf\n");
	conf_gives("include \"a \\\" b\"; include bare;", "a \" b\nbare\n");
	conf_gives("include", "");
	conf_gives("include ;", "");
	conf_gives("/* include \"c\";", "");
	conf_gives("include \"never closed", "never closed\n");
}

static void includes_of_a_zone(void **state)
{
	(void)state;
	zone_gives("$TTL 1\n$INCLUDE a\n$include \"b c\" origin.test.\n  $INCLUDE\td ; why\n",
		   "2 a\n3 b c\n4 d\n");
	zone_gives("; $INCLUDE a\nx TXT \"$INCLUDE b\"\n$INCLUDEX c\n$INCLUDE\n$INCLUDE ;d\n", "");
	zone_gives("$INCLUDE a\r\n$INCLUDE b", "1 a\n2 b\n");
}

static void keys_are_known(void **state)
{
	static const char *const yes[] = {
	    "key \"rndc-key\" {\n\talgorithm hmac-sha256;\n\tsecret \"aGVsbG8=\";\n};\n",
	    "Private-key-format: v1.3\nAlgorithm: 13\n",
	    "secret\n\"x\"",
	};
	static const char *const no[] = {
	    "secret IN A 10.0.0.1\n",
	    "www IN TXT \"secret\"\n",
	    "topsecret \"x\"",
	    "example. IN DNSKEY 257 3 13 aGVsbG8=\n",
	    "",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(named_include_secret(yes[i], strlen(yes[i])));
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(named_include_secret(no[i], strlen(no[i])));
}

static void what_would_be_an_option_is_no_zone(void **state)
{
	(void)state;
	assert_true(check_zone_name("example.org"));
	assert_true(check_zone_name("."));
	assert_true(check_zone_name("2/25.2.0.192.in-addr.arpa"));
	assert_false(check_zone_name(""));
	assert_false(check_zone_name("-oevil"));
	assert_false(check_zone_name("a b"));
	assert_false(check_zone_name("a\nb"));
}

static int again(const struct check *c, struct check *back)
{
	struct buf b;
	struct rd r;

	buf_init(&b, PORT_PACKET_MAX);
	buf_check(&b, c);
	assert_int_equal(b.err, 0);
	rd_init(&r, b.data, b.len);
	rd_check(&r, back);
	int err = rd_end(&r);
	buf_fini(&b);
	return err;
}

static void a_check_comes_as_it_went(void **state)
{
	char gone[] = "etc/gone", put[] = "etc/put";
	struct check_item items[] = {
	    {.path = gone, .gone = true},
	    {.path = put, .handle = {.type = 1, .len = 4, .bytes = {1, 2, 3, 4}}},
	};
	struct check c = {
	    .kind = CHECK_ZONE,
	    .author = "ns2",
	    .zone = "example.org",
	    .zclass = "IN",
	    .path = "var/named/z",
	    .directory = "/var/named",
	    .checks = {.names = NAMED_FAIL, .sibling = true, .max_ttl = 86400},
	    .items = items,
	    .n = 2,
	};
	struct check back;

	(void)state;
	assert_int_equal(again(&c, &back), 0);
	assert_string_equal(back.zone, c.zone);
	assert_string_equal(back.author, c.author);
	assert_string_equal(back.path, c.path);
	assert_int_equal(back.checks.names, NAMED_FAIL);
	assert_true(back.checks.sibling && !back.checks.wildcard);
	assert_int_equal(back.checks.max_ttl, 86400);
	assert_int_equal(back.n, 2);
	assert_true(back.items[0].gone && !back.items[1].gone);
	assert_string_equal(back.items[1].path, put);
	assert_int_equal(back.items[1].handle.len, 4);
	check_fini(&back);
}

static void what_a_check_may_not_say_is_refused(void **state)
{
	char up[] = "../etc/shadow";
	struct check_item item = {.path = up, .gone = true};
	struct check good = {.kind = CHECK_ZONE,
			     .zone = "example.org",
			     .zclass = "IN",
			     .path = "z",
			     .directory = "/"};
	struct check bad[6], back;

	(void)state;
	assert_int_equal(again(&good, &back), 0);
	check_fini(&back);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = good;
	strcpy(bad[0].zone, "-D");
	strcpy(bad[1].zclass, "-D");
	strcpy(bad[2].path, "../z");
	strcpy(bad[3].directory, "var");
	bad[4].items = &item;
	bad[4].n = 1;
	bad[5].kind = 0;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (again(&bad[i], &back) == 0)
			fail_msg("check %zu was taken", i);
		check_fini(&back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(includes_of_a_configuration),
	    cmocka_unit_test(includes_of_a_zone),
	    cmocka_unit_test(keys_are_known),
	    cmocka_unit_test(what_would_be_an_option_is_no_zone),
	    cmocka_unit_test(a_check_comes_as_it_went),
	    cmocka_unit_test(what_a_check_may_not_say_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
