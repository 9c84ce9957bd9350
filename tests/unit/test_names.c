/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owners by name and by number, and how long they are remembered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "replicator/names.h"

static int asked;
static uint32_t bind_uid = 105;

static int fake_name(bool group, uint32_t id, char *name, size_t size)
{
	(void)size;
	asked++;
	if (id != bind_uid)
		return -ENOENT;
	strcpy(name, group ? "binders" : "bind");
	return 0;
}

static int fake_id(bool group, const char *name, uint32_t *id)
{
	(void)group;
	asked++;
	if (strcmp(name, "bind") != 0)
		return -ENOENT;
	*id = bind_uid;
	return 0;
}

static const struct names_source source = {fake_name, fake_id};

static void a_name_is_asked_for_once_a_minute(void **state)
{
	(void)state;
	struct names *n = names_new(&source);
	char name[OWNER_MAX];

	asked = 0;
	bind_uid = 105;
	for (int64_t now = 1; now < NAMES_KEEP_MSEC; now += 1000) {
		names_of(n, false, 105, name, now);
		assert_string_equal(name, "bind");
		assert_int_equal(names_id(n, false, "bind", 7, now), 105);
	}
	assert_int_equal(asked, 2);
	bind_uid = 106;
	assert_int_equal(names_id(n, false, "bind", 7, 2 * NAMES_KEEP_MSEC), 106);
	names_of(n, false, 105, name, 2 * NAMES_KEEP_MSEC);
	assert_string_equal(name, "");
	assert_int_equal(asked, 4);
	names_free(n);
}

static void users_and_groups_of_one_number_are_told_apart(void **state)
{
	(void)state;
	struct names *n = names_new(&source);
	char name[OWNER_MAX];

	bind_uid = 105;
	names_of(n, false, 105, name, 1);
	assert_string_equal(name, "bind");
	names_of(n, true, 105, name, 1);
	assert_string_equal(name, "binders");
	names_free(n);
}

static void an_unknown_name_goes_by_its_number(void **state)
{
	(void)state;
	struct names *n = names_new(&source);

	assert_int_equal(names_id(n, false, "nobody-here", 4242, 1), 4242);
	assert_int_equal(names_id(n, false, "", 17, 1), 17);
	names_free(n);
}

static void the_system_knows_root(void **state)
{
	(void)state;
	struct names *n = names_new(NULL);
	char name[OWNER_MAX];

	names_of(n, false, 0, name, 1);
	assert_string_equal(name, "root");
	assert_int_equal(names_id(n, true, "root", 99, 1), 0);
	names_of(n, false, 3999999999u, name, 1);
	assert_string_equal(name, "");
	names_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_is_asked_for_once_a_minute),
	    cmocka_unit_test(users_and_groups_of_one_number_are_told_apart),
	    cmocka_unit_test(an_unknown_name_goes_by_its_number),
	    cmocka_unit_test(the_system_knows_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
