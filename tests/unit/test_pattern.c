/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Patterns, and what stays local.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/path.h"
#include "base/pattern.h"

static bool matches(const char *pattern, const char *path, bool dir)
{
	struct patterns *p = patterns_new();
	const char *why = "";

	assert_non_null(p);
	if (patterns_add(p, pattern, &why) != 0)
		fail_msg("%s: %s", pattern, why);
	bool match = patterns_match(p, path, dir);
	patterns_free(p);
	return match;
}

static void expect(const char *pattern, const char *path, bool dir, bool expected)
{
	if (matches(pattern, path, dir) != expected)
		fail_msg("%s %s %s%s", pattern, expected ? "should match" : "should not match",
			 path, dir ? "/" : "");
}

static void a_pattern_without_a_slash_matches_a_name_at_any_depth(void **state)
{
	(void)state;
	expect("*.jnl", "a.jnl", false, true);
	expect("*.jnl", "var/named/a.jnl", false, true);
	expect("*.jnl", "a.jnlx", false, false);
	expect("*.jnl", "x.jnl/inside/deeper", false, true);
	expect("named.conf", "etc/named.conf", false, true);
	expect("named.conf", "named.conf", false, true);
	expect("named.conf", "xnamed.conf", false, false);
	expect("*", "a/b", false, true);
	expect("**", "a/b", false, true);
	expect("*", "", true, false);
}

static void a_pattern_with_a_slash_is_anchored_at_the_root(void **state)
{
	(void)state;
	expect("etc/named.conf", "etc/named.conf", false, true);
	expect("etc/named.conf", "x/etc/named.conf", false, false);
	expect("/named.conf", "named.conf", false, true);
	expect("/named.conf", "etc/named.conf", false, false);
	expect("etc/*", "etc/a/b", false, true); /* etc/a does */
	expect("etc/*", "etc", true, false);
	expect("etc/*.conf", "etc/a/b.conf", false, false);
	expect("etc/*/b", "etc/a/b", false, true);
	expect("etc/*/b", "etc/a/c/b", false, false);
}

static void a_last_slash_matches_directories_and_what_is_below(void **state)
{
	(void)state;
	expect(".git/", ".git", true, true);
	expect(".git/", ".git", false, false);
	expect(".git/", "a/.git/config", false, true);
	expect("/dev/", "dev", true, true);
	expect("/dev/", "dev", false, false);
	expect("/dev/", "dev/null", false, true);
	expect("/dev/", "x/dev/null", false, false);
	expect("a/b/", "a/b", true, true);
	expect("a/b/", "a/b", false, false);
	expect("a/b/", "a/b/c", false, true);
	expect("a/**/", "a/b", false, true);
}

static void double_stars_stand_for_any_number_of_components(void **state)
{
	(void)state;
	expect("etc/**", "etc/a", false, true);
	expect("etc/**", "etc/a/b/c", false, true);
	expect("etc/**", "etc", true, true);
	expect("etc/**", "etcx", false, false);
	expect("**/b", "b", false, true);
	expect("**/b", "a/c/b", false, true);
	expect("**/b", "a/bb", false, false);
	expect("a/**/b", "a/b", false, true);
	expect("a/**/b", "a/x/y/b", false, true);
	expect("a/**/b", "a/x/y/c", false, false);
	expect("a/**/b/**/c", "a/b/b/x/b/c", false, true);
	expect("a/**/b/**/c", "a/c/b", false, false);
	expect("**/a/b", "a/a/a/b", false, true);
	expect("**/**", "x", false, true);
	expect("a**b", "axxb", false, true);
	expect("x/a**b", "x/ax/xb", false, false);
}

static void wildcards_sets_and_backslashes(void **state)
{
	(void)state;
	expect("?", "a", false, true);
	expect("?", "ab", false, false);
	expect("a?c/d", "a/c/d", false, false);
	expect("*a*b*c*", "xxaxxbxxcxx", false, true);
	expect("*a*b*c*", "xxaxxcxxbxx", false, false);
	expect("*ab", "aab", false, true);
	expect("[a-c]x", "bx", false, true);
	expect("[a-c]x", "dx", false, false);
	expect("[!a-c]x", "dx", false, true);
	expect("[!a-c]x", "ax", false, false);
	expect("[]]", "]", false, true);
	expect("[!]]", "x", false, true);
	expect("[!]]", "]", false, false);
	expect("[a-]", "-", false, true);
	expect("[-a]", "-", false, true);
	expect("[\\]]", "]", false, true);
	expect("[\\!a]", "!", false, true);
	expect("[a\\-c]", "b", false, false);
	expect("[^a]", "^", false, true);
	expect("[a-cx-z]", "y", false, true);
	expect("[\x80-\xff]", "\xe4", false, true);
	expect("\\*", "*", false, true);
	expect("\\*", "a", false, false);
	expect("a\\bc", "abc", false, true);
	expect("\\[a]", "[a]", false, true);
	expect(".*", ".hidden", false, true);
	expect("*", ".hidden", false, true);
	expect("#*#", "#a#", false, true);
}

static void malformed_patterns_are_refused_with_a_reason(void **state)
{
	static const char *const bad[] = {
	    "",    "/",   "//",  "a//b",  "a/./b", "../a",  "..",   "[a",  "[",   "[]",
	    "[!]", "[a-", "a\\", "a\\/b", "[b-a]", "a/[/]", "[a\\", "//a", "a//", ".",
	};
	char longest[PATTERN_LEN_MAX + 2];
	struct patterns *p = patterns_new();
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		why = NULL;
		if (patterns_add(p, bad[i], &why) != ERR_FORMAT)
			fail_msg("taken: %s", bad[i]);
		assert_non_null(why);
	}
	memset(longest, 'x', sizeof longest);
	longest[PATTERN_LEN_MAX + 1] = '\0';
	assert_int_equal(patterns_add(p, longest, &why), ERR_LIMIT);
	longest[PATTERN_LEN_MAX] = '\0';
	assert_int_equal(patterns_add(p, longest, &why), 0);
	assert_int_equal(patterns_count(p), 1);
	for (int i = 1; i < PATTERNS_MAX; i++)
		assert_int_equal(patterns_add(p, "a", &why), 0);
	assert_int_equal(patterns_add(p, "a", &why), ERR_LIMIT);
	patterns_free(p);
}

static void no_pattern_takes_for_ever(void **state)
{
	char pattern[PATTERN_LEN_MAX + 1] = "";
	char path[PATH_LEN_MAX + 1] = "";

	(void)state;
	for (int i = 0; i < 340; i++)
		strcat(pattern, i ? "**/" : "x/");
	strcat(pattern, "b");
	for (int i = 0; i < 2000; i++)
		strcat(path, "a/");
	strcat(path, "a");
	expect(pattern, path, false, false);

	pattern[0] = path[0] = '\0';
	for (int i = 0; i < 500; i++)
		strcat(pattern, "*a");
	strcat(pattern, "b");
	memset(path, 'a', NAME_LEN_MAX);
	expect(pattern, path, false, false);
}

/* A second matcher, slow and plain, over lists of components that end with NULL. */
static bool plain(char **pattern, char **path)
{
	if (!*pattern)
		return true; /* what is left of the path is below */
	if (strcmp(*pattern, "**") == 0)
		for (;; path++) {
			if (plain(pattern + 1, path))
				return true;
			if (!*path)
				return false;
		}
	return *path && fnmatch(*pattern, *path, 0) == 0 && plain(pattern + 1, path + 1);
}

static uint32_t random_next(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

/* 1 to `most` random words, and "/" + the same joined. */
static void choose(uint32_t *seed, const char *const *words, uint32_t n, uint32_t most, char **list,
		   char *joined)
{
	uint32_t count = 1 + random_next(seed) % most;

	joined[0] = '\0';
	for (uint32_t i = 0; i < count; i++) {
		list[i] = (char *)(uintptr_t)words[random_next(seed) % n];
		strcat(joined, "/");
		strcat(joined, list[i]);
	}
	list[count] = NULL;
}

static void a_plain_matcher_agrees_on_random_patterns(void **state)
{
	static const char *const parts[] = {"a",  "b",  "*",   "?",   "**",
					    "a*", "*b", "?*b", "*a*", "[!b]*"};
	static const char *const names[] = {"a", "b", "ab", "ba", "aab"};
	uint32_t seed = 20261121;
	int matched = 0;

	(void)state;
	for (int round = 0; round < 50000; round++) {
		char *pattern_list[6], *path_list[6];
		char pattern[64], path[64];

		choose(&seed, parts, ARRAY_SIZE(parts), 5, pattern_list, pattern);
		choose(&seed, names, ARRAY_SIZE(names), 5, path_list, path);
		bool expected = plain(pattern_list, path_list);
		expect(pattern, path + 1, false, expected);
		matched += expected;
	}
	assert_in_range(matched, 5000, 45000);
}

static const struct {
	const char *path;
	bool dir;
	bool local;
} built_in[] = {
    {"var/named/a.zone", false, false},
    {"var/named/a.zone.jnl", false, true},
    {"var/named/a.jbk", false, true},
    {"var/named/a.jnw", false, true},
    {"var/named/x.mkeys", false, true},
    {"var/named/managed-keys.bind", false, true},
    {"var/named/managed-keys.bind.jnl", false, true},
    {"var/named/_default.nzd", false, true},
    {"var/named/_default.nzd-lock", false, false},
    {"var/named/_default.nzf", false, true},
    {"var/named/_default.nta", false, true},
    {"var/named/Kexample.com.+013+12345.state", false, true},
    {"var/named/Kexample.com.+013+12345.key", false, true},
    {"var/named/Kexample.com.+013+12345.private", false, true},
    {"var/named/Keep.txt", false, false},
    {"var/named/__catz___default_catalog_example.db", false, true},
    {"var/run/named/session.key", false, true},
    {"etc/session.key", false, true},
    {"etc/rndc.key", false, false},
    {"run.pid", false, true},
    {"var/named/named.run", false, true},
    {"var/named/named.run.0", false, true},
    {"var/named/a.zone.signed", false, true},
    {"dev", true, true},
    {"dev/null", false, true},
    {"x/dev", true, false},
    {"proc", true, true},
    {"run/named", true, true},
    {"tmp/x", false, true},
    {"var/run", true, true},
    {"var/run", false, false}, /* a link to ../run */
    {"var/tmp/x", false, true},
    {"var/log/named.log", false, true},
    {"var/named/data/x", false, true},
    {"var/named/slaves/x", false, true},
    {"var/named/dynamic/x", false, true},
    {"var/named", true, false},
    {"var/named/dynamics/x", false, false},
    {"etc/named.host.conf", false, true},
    {"x/etc/named.host.conf", false, false},
    {".git", true, true},
    {"a/.git/config", false, true},
    {".gitignore", false, false},
    {"etc/.named.conf.swp", false, true},
    {"etc/.named.conf.swpx", false, false},
    {"etc/named.conf~", false, true},
    {"etc/4913", false, true},
    {"etc/49130", false, false},
    {"etc/.#named.conf", false, true},
    {"etc/#named.conf#", false, true},
};

static void the_built_in_list_is_what_each_host_has_for_itself(void **state)
{
	struct locality *l = locality_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(built_in); i++)
		if (locality_local(l, built_in[i].path, built_in[i].dir, "") != built_in[i].local)
			fail_msg("%s should %sbe local", built_in[i].path,
				 built_in[i].local ? "" : "not ");
	locality_free(l);
}

static void some_names_are_local_only_when_named_made_them(void **state)
{
	struct locality *l = locality_new();

	(void)state;
	assert_true(locality_local(l, "var/named/tmp-a1B2c3D4e5", false, "named"));
	assert_false(locality_local(l, "var/named/tmp-a1B2c3D4e5", false, "vi"));
	assert_false(locality_local(l, "var/named/tmp-a1B2c3D4e5", false, ""));
	assert_false(locality_local(l, "var/named/tmp-a1B2c3D4e5", false, NULL));
	assert_false(locality_local(l, "var/named/tmp-a1B2c3D4e", false, "named"));
	assert_true(locality_local(l, "db-a1B2c3D4", false, "named"));
	assert_false(locality_local(l, "db-a1B2c3D4", false, "cp"));
	assert_false(locality_local(l, "db-a1B2c3D45", false, "named"));
	assert_false(locality_local(l, "db-a1B2c3D4/zone", false, "named"));
	assert_true(locality_local(l, "var/named/core", false, "named"));
	assert_true(locality_local(l, "core.4711", false, "named"));
	assert_false(locality_local(l, "core", false, "vi"));
	assert_false(locality_local(l, "core/zone", false, "named"));
	locality_free(l);
}

static void include_wins_over_every_exclusion(void **state)
{
	struct locality *l = locality_new();
	const char *why;

	(void)state;
	assert_int_equal(locality_exclude(l, "data/**", &why), 0);
	assert_true(locality_local(l, "data/a", false, ""));
	assert_int_equal(locality_include(l, "data/a", &why), 0);
	assert_false(locality_local(l, "data/a", false, ""));
	assert_false(locality_local(l, "data/a/b.jnl", false, ""));
	assert_true(locality_local(l, "data/b", false, ""));
	assert_int_equal(locality_include(l, "var/named/slaves/", &why), 0);
	assert_false(locality_local(l, "var/named/slaves/x", false, ""));
	assert_int_equal(locality_include(l, "tmp-*", &why), 0);
	assert_false(locality_local(l, "tmp-a1B2c3D4e5", false, "named"));
	assert_int_equal(locality_exclude(l, "[", &why), ERR_FORMAT);
	locality_free(l);
}

static void include_takes_the_directories_above_along(void **state)
{
	struct locality *l = locality_new();
	const char *why;

	(void)state;
	locality_exclude(l, "data/**", &why);
	locality_include(l, "data/public/*.zone", &why);
	locality_include(l, "var/named/slaves/shared", &why);
	locality_include(l, "var/log/**/*.conf", &why);
	locality_include(l, "*.kept", &why);
	assert_false(locality_local(l, "data", true, ""));
	assert_false(locality_local(l, "data/public", true, ""));
	assert_false(locality_local(l, "data/public", false, ""));
	assert_false(locality_local(l, "data/public/a.zone", false, ""));
	assert_true(locality_local(l, "data/public/a", false, ""));
	assert_true(locality_local(l, "data/public/sub", true, ""));
	assert_true(locality_local(l, "data/other", true, ""));
	assert_false(locality_local(l, "var/named/slaves", true, ""));
	assert_false(locality_local(l, "var/named/slaves/shared", false, ""));
	assert_false(locality_local(l, "var/log", true, ""));
	assert_false(locality_local(l, "var/log/a.conf", false, ""));
	assert_true(locality_local(l, "var/log/a", true, ""));
	assert_true(locality_local(l, "var/log/a/a.conf", false, ""));
	/* What does not say where takes no directory along. */
	assert_false(locality_local(l, "etc/a.pid.kept", false, ""));
	assert_true(locality_local(l, "data/other", true, ""));
	assert_true(locality_local(l, "data/other/a.kept", false, ""));
	assert_true(locality_local(l, "tmp", true, ""));
	assert_true(locality_local(l, "tmp/a.kept", false, ""));
	assert_false(locality_local(l, "data/public/a.kept", false, ""));
	locality_free(l);
}

static void equal_lists_have_equal_hashes_in_whatever_order(void **state)
{
	struct locality *a = locality_new(), *b = locality_new();
	const char *why;

	(void)state;
	assert_true(locality_hash(a) == locality_hash(b));
	locality_exclude(a, "x", &why);
	assert_false(locality_hash(a) == locality_hash(b));
	locality_include(b, "x", &why);
	assert_false(locality_hash(a) == locality_hash(b));
	locality_include(a, "x", &why);
	locality_exclude(b, "x", &why);
	assert_true(locality_hash(a) == locality_hash(b));
	locality_exclude(a, "[", &why);
	assert_true(locality_hash(a) == locality_hash(b));
	locality_free(a);
	locality_free(b);
}

static void temporary_names_are_known(void **state)
{
	static const char *const yes[] = {
	    "sedAbC123", "etc/sed000000", "XXabcdef",        "a/XX",      "etc/.named.conf.Ab12cD",
	    "a.oAb12cD", "index.lock",    ".git/index.lock", "a/.x.lock",
	};
	static const char *const no[] = {
	    "sedAbC12", "sedAbC1234", "sed-b-123", "xsedAbC123",  "Xx",    "named.conf.Ab12cD",
	    ".bashrc",  ".abcdef",    "a.oAb12c",  "a.xAb12cD",   ".lock", "XX/named.conf",
	    "lock",     "zone.db",    "a.o-b12cD", "sedAbC123/x",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (!locality_temporary(yes[i]))
			fail_msg("%s should be temporary", yes[i]);
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (locality_temporary(no[i]))
			fail_msg("%s should not be temporary", no[i]);
}

static void the_lists_survive_as_bytes(void **state)
{
	struct locality *a = locality_new(), *b;
	const char *why, *text;
	size_t len, again;

	(void)state;
	assert_int_equal(locality_exclude(a, "/data/", &why), 0);
	assert_int_equal(locality_include(a, "data/keep", &why), 0);
	text = locality_text(a, &len);
	b = locality_from(text, len);
	assert_non_null(b);
	assert_true(locality_hash(a) == locality_hash(b));
	assert_true(locality_local(b, "data/x", false, NULL));
	assert_false(locality_local(b, "data/keep", false, NULL));
	assert_true(locality_local(b, "tmp-abcdefghij", false, "named"));
	assert_memory_equal(locality_text(b, &again), text, len);
	assert_int_equal(again, len);
	assert_null(locality_from(text, 0));
	assert_null(locality_from(text, len - 1));
	assert_null(locality_from("?x", 3));
	assert_null(locality_from("-[", 3));
	locality_free(a);
	locality_free(b);
}

static void single_files_come_before_the_built_in_list(void **state)
{
	struct locality *l = locality_new(), *back, *bare;
	const char *why, *text;
	size_t len;
	uint64_t hash = locality_hash(l);

	(void)state;
	assert_int_equal(locality_file(l, "var/named/own/sec", true), 0);
	assert_int_equal(locality_file(l, "var/named/own/sec", true), 0);
	assert_int_equal(locality_file(l, "var/named/own/dyn", true), 0);
	assert_int_equal(locality_file(l, "var/named/data/zone", false), 0);
	assert_int_equal(locality_file(l, "off.signed", false), 0);
	assert_int_equal(locality_file(l, "db-a1B2c3D4", false), 0);
	assert_true(hash == locality_hash(l));
	assert_true(locality_local(l, "var/named/own/sec", false, ""));
	assert_true(locality_local(l, "var/named/own/dyn", false, ""));
	assert_false(locality_local(l, "var/named/own/sec2", false, ""));
	assert_false(locality_local(l, "var/named/own", true, ""));
	assert_false(locality_local(l, "var/named/own/sec", true, ""));
	assert_false(locality_local(l, "off.signed", false, ""));
	assert_true(locality_local(l, "x/off.signed", false, ""));
	assert_false(locality_local(l, "var/named/data/zone", false, ""));
	assert_false(locality_local(l, "var/named/data", true, ""));
	assert_true(locality_local(l, "var/named/data/zone2", false, ""));
	assert_true(locality_local(l, "var/named/slaves", true, ""));
	assert_false(locality_local(l, "db-a1B2c3D4", false, "named"));
	assert_true(locality_local(l, "db-a1B2c3D5", false, "named"));

	text = locality_text(l, &len);
	back = locality_from(text, len);
	assert_true(locality_files_same(l, back));
	assert_true(locality_local(back, "var/named/own/dyn", false, ""));
	bare = locality_bare(l);
	assert_false(locality_files_same(l, bare));
	assert_false(locality_local(bare, "var/named/own/dyn", false, ""));
	assert_true(locality_local(bare, "off.signed", false, ""));
	locality_free(bare);
	locality_free(back);

	assert_int_equal(locality_exclude(l, "off.signed", &why), 0);
	assert_int_equal(locality_include(l, "var/named/own/sec", &why), 0);
	assert_true(locality_said(l, "off.signed"));
	assert_false(locality_said(l, "var/named/data/zone"));
	assert_true(locality_local(l, "off.signed", false, ""));
	assert_false(locality_local(l, "var/named/own/sec", false, ""));
	locality_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_lists_survive_as_bytes),
	    cmocka_unit_test(a_pattern_without_a_slash_matches_a_name_at_any_depth),
	    cmocka_unit_test(a_pattern_with_a_slash_is_anchored_at_the_root),
	    cmocka_unit_test(a_last_slash_matches_directories_and_what_is_below),
	    cmocka_unit_test(double_stars_stand_for_any_number_of_components),
	    cmocka_unit_test(wildcards_sets_and_backslashes),
	    cmocka_unit_test(malformed_patterns_are_refused_with_a_reason),
	    cmocka_unit_test(no_pattern_takes_for_ever),
	    cmocka_unit_test(a_plain_matcher_agrees_on_random_patterns),
	    cmocka_unit_test(the_built_in_list_is_what_each_host_has_for_itself),
	    cmocka_unit_test(some_names_are_local_only_when_named_made_them),
	    cmocka_unit_test(include_wins_over_every_exclusion),
	    cmocka_unit_test(include_takes_the_directories_above_along),
	    cmocka_unit_test(equal_lists_have_equal_hashes_in_whatever_order),
	    cmocka_unit_test(temporary_names_are_known),
	    cmocka_unit_test(single_files_come_before_the_built_in_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
