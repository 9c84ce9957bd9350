/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What people type for times and paths, and how times and sizes are shown to them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "tools/zonefsctl/place.h"
#include "tools/zonefsctl/text.h"

#define NOW INT64_C(1795258888333)

static void a_time_may_be_so_long_ago(void **state)
{
	(void)state;
	assert_int_equal(text_since("0s", NOW), NOW);
	assert_int_equal(text_since("30s", NOW), NOW - 30000);
	assert_int_equal(text_since("10m", NOW), NOW - 600000);
	assert_int_equal(text_since("2h", NOW), NOW - 7200000);
	assert_int_equal(text_since("3d", NOW), NOW - 259200000);
	assert_int_equal(text_since("1w", NOW), NOW - 604800000);
	assert_int_equal(text_since("1000000w", NOW), 0);
}

static void a_time_may_be_a_date_in_local_time(void **state)
{
	(void)state;
	assert_int_equal(text_since("1970-01-02", NOW), (86400 - 3600) * 1000);
	assert_int_equal(text_since("1970-01-02 03:04", NOW), 93840000);
	assert_int_equal(text_since("1970-01-02 03:04:05", NOW), 93845000);
	assert_int_equal(text_since("1970-01-02T03:04:05", NOW), 93845000);
	assert_int_equal(text_since("2026-07-01 12:00", NOW), 1782900000000);
	assert_int_equal(text_since("2024-02-29", NOW), 1709161200000);
}

static void a_time_may_be_seconds_since_1970(void **state)
{
	(void)state;
	assert_int_equal(text_since("@0", NOW), 0);
	assert_int_equal(text_since("@1795255200", NOW), 1795255200000);
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const wrong[] = {"",
					    "m",
					    "10",
					    "10x",
					    "10mm",
					    "-10m",
					    "+1h",
					    "1.5h",
					    " 10m",
					    "@",
					    "@-1",
					    "@1x",
					    "@99999999999999999999",
					    "2026-02-30",
					    "2025-02-29",
					    "2026-13-01",
					    "yesterday",
					    "2026-11-21x",
					    "2026-11-21 25:00",
					    "1000001w"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (text_since(wrong[i], NOW) != -1)
			fail_msg("\"%s\" was taken for a time", wrong[i]);
}

static void seconds_may_have_decimals(void **state)
{
	(void)state;
	assert_int_equal(text_seconds("0"), 0);
	assert_int_equal(text_seconds("30"), 30000);
	assert_int_equal(text_seconds("0.25"), 250);
	assert_int_equal(text_seconds("1.00095"), 1000);
	assert_int_equal(text_seconds("3600"), 3600000);
	assert_int_equal(text_seconds("3600.5"), -1);
	assert_int_equal(text_seconds("3601"), -1);
	assert_int_equal(text_seconds("-1"), -1);
	assert_int_equal(text_seconds("1."), -1);
	assert_int_equal(text_seconds(".5"), -1);
	assert_int_equal(text_seconds("1s"), -1);
	assert_int_equal(text_seconds(""), -1);
}

static void counts_are_digits_within_their_range(void **state)
{
	(void)state;
	assert_int_equal(text_count("0", 0, 100000), 0);
	assert_int_equal(text_count("100000", 0, 100000), 100000);
	assert_int_equal(text_count("100001", 0, 100000), -1);
	assert_int_equal(text_count("18446744073709551617", 0, 100000), -1);
	assert_int_equal(text_count("0", 1, 5), -1);
	assert_int_equal(text_count("5 ", 0, 9), -1);
	assert_int_equal(text_count("0x5", 0, 9), -1);
}

static void sizes_are_short(void **state)
{
	char text[TEXT_MAX];

	(void)state;
#define SIZE(bytes, wanted) (text_size(text, bytes), assert_string_equal(text, wanted))
	SIZE(0, "0 bytes");
	SIZE(1, "1 byte");
	SIZE(9999, "9999 bytes");
	SIZE(10240, "10 KiB");
	SIZE(2202010, "2.1 MiB");
	SIZE(INT64_C(12) << 30, "12 GiB");
	text_time(text, 93845678);
	assert_string_equal(text, "1970-01-02 03:04:05.678");
}

/* ---- places ---- */

#define MOUNT "/var/named/chroot"

static void means(const char *cwd, const char *argument, const char *wanted)
{
	char path[PATH_LEN_MAX + 1];

	assert_int_equal(place_of(MOUNT, cwd, argument, path), 0);
	assert_string_equal(path, wanted);
}

static int refused(const char *cwd, const char *argument)
{
	char path[PATH_LEN_MAX + 1];

	return place_of(MOUNT, cwd, argument, path);
}

static void an_absolute_path_leads_through_the_mount(void **state)
{
	(void)state;
	means("/root", MOUNT "/etc/named.conf", "etc/named.conf");
	means(NULL, MOUNT "//etc/./x/../named.conf", "etc/named.conf");
	means("/root", MOUNT, "");
	means("/root", MOUNT "/", "");
	assert_int_equal(refused("/root", "/etc/passwd"), ERR_DENIED);
	assert_int_equal(refused("/root", MOUNT "x/etc"), ERR_DENIED);
	assert_int_equal(refused("/root", MOUNT "/../chrooted"), ERR_DENIED);
	assert_int_equal(refused("/root", "/"), ERR_DENIED);
}

static void a_relative_path_starts_where_one_is_within_the_mount(void **state)
{
	(void)state;
	means(MOUNT, "etc/f", "etc/f");
	means(MOUNT "/etc", "f", "etc/f");
	means(MOUNT "/etc", "../var/f", "var/f");
	means(MOUNT "/etc", ".", "etc");
	means(MOUNT "/etc", "..", "");
	assert_int_equal(refused(MOUNT "/etc", "../../f"), ERR_DENIED);
	assert_int_equal(refused(MOUNT, "../../../../../../f"), ERR_DENIED);
}

static void a_relative_path_starts_at_the_tree_elsewhere(void **state)
{
	(void)state;
	means("/root", "etc/f", "etc/f");
	means(MOUNT "er", "f", "f");
	means(NULL, "etc/f", "etc/f");
}

static void no_path_leads_into_the_staging_directory(void **state)
{
	char long_name[400];

	(void)state;
	assert_int_equal(refused("/root", ".zonefs/x"), ERR_FORMAT);
	memset(long_name, 'x', sizeof(long_name));
	long_name[300] = '\0';
	assert_int_equal(refused("/root", long_name), ERR_FORMAT);
}

static void symbolic_links_on_the_way_are_followed_but_not_the_last(void **state)
{
	char dir[] = "/tmp/zonefs-place-XXXXXX", name[64], to[128], path[PATH_LEN_MAX + 1];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(name, sizeof(name), "%s/link", dir);
	snprintf(to, sizeof(to), "%s/link/last", dir);
	assert_int_equal(symlink(dir, name), 0);
	assert_int_equal(place_resolve(dir, to, path), 0);
	assert_string_equal(path, "last");
	assert_int_equal(place_resolve(dir, name, path), 0);
	assert_string_equal(path, "link");
	/* Where the mount itself is named by a link, its name is the tree's root. */
	snprintf(to, sizeof(to), "%s/", name);
	assert_int_equal(place_resolve(name, to, path), 0);
	assert_string_equal(path, "");
	unlink(name);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_time_may_be_so_long_ago),
	    cmocka_unit_test(a_time_may_be_a_date_in_local_time),
	    cmocka_unit_test(a_time_may_be_seconds_since_1970),
	    cmocka_unit_test(what_is_no_time_is_refused),
	    cmocka_unit_test(seconds_may_have_decimals),
	    cmocka_unit_test(counts_are_digits_within_their_range),
	    cmocka_unit_test(sizes_are_short),
	    cmocka_unit_test(an_absolute_path_leads_through_the_mount),
	    cmocka_unit_test(a_relative_path_starts_where_one_is_within_the_mount),
	    cmocka_unit_test(a_relative_path_starts_at_the_tree_elsewhere),
	    cmocka_unit_test(no_path_leads_into_the_staging_directory),
	    cmocka_unit_test(symbolic_links_on_the_way_are_followed_but_not_the_last),
	};

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
