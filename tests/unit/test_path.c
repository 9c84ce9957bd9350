/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Paths: which there are, their order, and how they are shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"

static void what_is_a_path_and_what_is_not(void **state)
{
	static const char *const good[] = {
	    "a",         "a/b",   "...",      "..a/b..",   ".a", "a b",         "\n",
	    "\xff/\x01", ".zone", ".zonefsx", "x/.zonefs", "-",  "a/.zonefs/b", "etc/named.conf",
	};
	static const char *const bad[] = {
	    "",     "/",    "/a",     "a/",    "a//b",    ".",         "..",   "a/.",
	    "../a", "a/..", "a/../b", "a/./b", ".zonefs", ".zonefs/a", "a/b/", "./a",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!path_valid(good[i]) || !path_valid_or_root(good[i]))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (path_valid(bad[i]))
			fail_msg("taken: %s", bad[i]);
	assert_true(path_valid_or_root(""));
	assert_false(path_valid_or_root("/"));
}

static void the_lengths_are_limited(void **state)
{
	char p[PATH_LEN_MAX + 2];

	(void)state;
	memset(p, 'x', sizeof p);
	p[NAME_LEN_MAX] = '\0';
	assert_true(path_valid(p));
	p[NAME_LEN_MAX] = 'x';
	p[NAME_LEN_MAX + 1] = '\0';
	assert_false(path_valid(p));
	memset(p, 'x', sizeof p);
	for (size_t i = 255; i < sizeof p; i += 256)
		p[i] = '/';
	p[PATH_LEN_MAX] = '\0';
	assert_true(path_valid(p));
	p[PATH_LEN_MAX] = 'x';
	p[PATH_LEN_MAX + 1] = '\0';
	assert_false(path_valid(p));
}

static void paths_are_taken_apart_and_joined(void **state)
{
	(void)state;
	assert_true(path_below("a/b", "a"));
	assert_true(path_below("a", ""));
	assert_false(path_below("", ""));
	assert_false(path_below("a", "a"));
	assert_false(path_below("ab", "a"));
	assert_false(path_below("a", "a/b"));
	assert_int_equal(path_parent_len("a"), 0);
	assert_int_equal(path_parent_len("ab/c/d"), 4);
	assert_string_equal(path_name("ab/c/d"), "d");
	assert_string_equal(path_name("ab"), "ab");
	CLEANUP_FREE char *joined = path_join("a/b", "c");
	CLEANUP_FREE char *at_root = path_join("", "c");
	assert_string_equal(joined, "a/b/c");
	assert_string_equal(at_root, "c");
}

static void what_is_below_a_directory_follows_it_at_once(void **state)
{
	static const char *const ordered[] = {
	    "", "a", "a/\x01", "a/b", "a/b/c", "a/c", "a\x01", "a!", "a-b", "aa", "b", "\xff",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ordered); i++)
		for (size_t j = 0; j < ARRAY_SIZE(ordered); j++) {
			int order = path_compare(ordered[i], ordered[j]);

			assert_true((order < 0) == (i < j));
			assert_true((order == 0) == (i == j));
		}
}

static void unprintable_bytes_are_shown_in_octal(void **state)
{
	static const struct {
		const char *path, *shown;
	} cases[] = {
	    {"etc/named.conf", "etc/named.conf"},
	    {"a\nb", "a\\012b"},
	    {"a\\b", "a\\134b"},
	    {"\x1b[31m\x7f", "\\033[31m\\177"},
	    {"z\xc3\xbcrich", "z\xc3\xbcrich"},
	    {"\xe2\x82\xac \xf0\x9f\x98\x80", "\xe2\x82\xac \xf0\x9f\x98\x80"},
	    {"\xc3", "\\303"},
	    {"\xc3(", "\\303("},
	    {"\xc0\xaf", "\\300\\257"},                   /* overlong */
	    {"\xe0\x80\xaf", "\\340\\200\\257"},          /* overlong */
	    {"\xed\xa0\x80", "\\355\\240\\200"},          /* surrogate */
	    {"\xf4\x90\x80\x80", "\\364\\220\\200\\200"}, /* above U+10FFFF */
	    {"\xc2\x9b", "\\302\\233"},                   /* C1: CSI */
	    {"\xff\xfe", "\\377\\376"},
	};
	char shown[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(path_escape(shown, sizeof shown, cases[i].path),
				    cases[i].shown);
}

static void what_is_shown_is_cut_between_characters(void **state)
{
	char shown[8];

	(void)state;
	assert_string_equal(path_escape(shown, 4, "abcdef"), "abc");
	assert_string_equal(path_escape(shown, 8, "abcd\n"), "abcd");
	assert_string_equal(path_escape(shown, 8, "abc\n"), "abc\\012");
	assert_string_equal(path_escape(shown, 4, "ab\xc3\xbc"), "ab");
	assert_string_equal(path_escape(shown, 1, "ab"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_a_path_and_what_is_not),
	    cmocka_unit_test(the_lengths_are_limited),
	    cmocka_unit_test(paths_are_taken_apart_and_joined),
	    cmocka_unit_test(what_is_below_a_directory_follows_it_at_once),
	    cmocka_unit_test(unprintable_bytes_are_shown_in_octal),
	    cmocka_unit_test(what_is_shown_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
