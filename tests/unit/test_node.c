/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The inode table, its numbers, and the mtime floor of names that are gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/path.h"
#include "fs/floor.h"
#include "fs/node.h"
#include "fs/slots.h"

static struct fhandle handle(int n)
{
	struct fhandle h = {.len = sizeof(n), .type = 1};

	memcpy(h.bytes, &n, sizeof(n));
	return h;
}

static int set_up(void **state)
{
	static struct nodes t;
	struct fhandle root = handle(0);

	*state = &t;
	return nodes_init(&t, &root);
}

static int tear_down(void **state)
{
	nodes_fini(*state);
	return 0;
}

static struct node *enter(struct nodes *t, int n, mode_t type, struct node *parent,
			  const char *name)
{
	struct fhandle h = handle(n);

	return node_enter(t, &h, type, parent, name);
}

static void rename_node(struct nodes *t, struct node *n, struct node *from, const char *name,
			struct node *to, const char *new_name)
{
	nodes_lock(t);
	node_unlink_locked(t, n, from, name);
	node_link_locked(t, n, to, new_name);
	nodes_unlock(t);
}

static void assert_path(struct nodes *t, struct node *n, const char *wanted)
{
	char path[PATH_LEN_MAX + 1];

	assert_int_equal(node_path(t, n, NULL, path), 0);
	assert_string_equal(path, wanted);
}

/* ---- numbers ---- */

static void the_first_number_is_one(void **state)
{
	struct slots s;
	int what;

	(void)state;
	slots_init(&s);
	assert_int_equal(slots_add(&s, &what), 1);
	slots_fini(&s);
}

static void a_number_is_never_given_again(void **state)
{
	struct slots s;
	int a, b;

	(void)state;
	slots_init(&s);
	uint64_t first = slots_add(&s, &a);
	slots_remove(&s, first);
	uint64_t second = slots_add(&s, &b);
	assert_int_equal((uint32_t)first, (uint32_t)second);
	assert_int_not_equal(first, second);
	assert_null(slots_find(&s, first));
	assert_ptr_equal(slots_find(&s, second), &b);
	slots_remove(&s, first);
	assert_ptr_equal(slots_find(&s, second), &b);
	slots_fini(&s);
}

static void numbers_out_of_range_stand_for_nothing(void **state)
{
	struct slots s;
	int what;

	(void)state;
	slots_init(&s);
	slots_add(&s, &what);
	assert_null(slots_find(&s, 0));
	assert_null(slots_find(&s, 2));
	assert_null(slots_find(&s, UINT64_MAX));
	slots_fini(&s);
}

/* ---- nodes ---- */

static void the_root_is_number_one_and_stays(void **state)
{
	struct nodes *t = *state;

	assert_int_equal(t->root->id, 1);
	node_forget(t, 1, 1000);
	assert_ptr_equal(node_find(t, 1), t->root);
	assert_path(t, t->root, "");
}

static void an_inode_is_recognised_by_its_handle(void **state)
{
	struct nodes *t = *state;

	struct node *n = enter(t, 7, S_IFREG, t->root, "a");
	assert_ptr_equal(enter(t, 7, S_IFREG, t->root, "b"), n);
	assert_ptr_not_equal(enter(t, 8, S_IFREG, t->root, "c"), n);
	assert_int_equal(n->nlookup, 2);
}

static void a_node_goes_with_its_last_lookup(void **state)
{
	struct nodes *t = *state;

	struct node *n = enter(t, 7, S_IFREG, t->root, "a");
	uint64_t id = n->id;
	enter(t, 7, S_IFREG, t->root, "a");
	node_forget(t, id, 1);
	assert_ptr_equal(node_find(t, id), n);
	node_forget(t, id, 1);
	assert_null(node_find(t, id));
	node_forget(t, id, 1); /* nobody's */
}

static void an_open_node_outlives_its_lookups(void **state)
{
	struct nodes *t = *state;

	struct node *n = enter(t, 7, S_IFREG, t->root, "a");
	uint64_t id = n->id;
	n->opens = 1;
	node_forget(t, id, 1);
	assert_ptr_equal(node_find(t, id), n);
	nodes_lock(t);
	n->opens = 0;
	node_release_locked(t, n);
	nodes_unlock(t);
	assert_null(node_find(t, id));
}

static void parents_live_as_long_as_the_names_in_them(void **state)
{
	struct nodes *t = *state;

	struct node *d = enter(t, 1, S_IFDIR, t->root, "d");
	struct node *n = enter(t, 2, S_IFREG, d, "f");
	uint64_t dir = d->id, file = n->id;
	node_forget(t, dir, 1);
	assert_path(t, n, "d/f");
	node_forget(t, file, 1);
	assert_null(node_find(t, file));
	assert_null(node_find(t, dir));
}

static void a_rename_of_a_parent_is_seen_in_every_path(void **state)
{
	struct nodes *t = *state;

	struct node *d = enter(t, 1, S_IFDIR, t->root, "d");
	struct node *e = enter(t, 2, S_IFDIR, d, "e");
	struct node *f = enter(t, 3, S_IFREG, e, "f");
	rename_node(t, d, t->root, "d", t->root, "moved");
	assert_path(t, f, "moved/e/f");
	rename_node(t, e, d, "e", t->root, "top");
	assert_path(t, f, "top/f");
	assert_path(t, d, "moved");
}

static void a_file_has_many_names_a_directory_one(void **state)
{
	struct nodes *t = *state;
	int names = 0;

	struct node *f = enter(t, 3, S_IFREG, t->root, "a");
	enter(t, 3, S_IFREG, t->root, "b");
	enter(t, 3, S_IFREG, t->root, "a");
	for (struct node_link *l = f->links; l; l = l->next)
		names++;
	assert_int_equal(names, 2);
	struct node *d = enter(t, 4, S_IFDIR, t->root, "d");
	enter(t, 4, S_IFDIR, t->root, "e");
	assert_path(t, d, "e");
	assert_null(d->links->next);
}

static void a_node_without_a_name_has_no_path(void **state)
{
	struct nodes *t = *state;
	char path[PATH_LEN_MAX + 1];

	struct node *d = enter(t, 1, S_IFDIR, t->root, "d");
	struct node *f = enter(t, 2, S_IFREG, d, "f");
	nodes_lock(t);
	node_unlink_locked(t, d, t->root, "d");
	nodes_unlock(t);
	assert_true(node_path(t, f, NULL, path) < 0);
	assert_true(node_path(t, d, "new", path) < 0);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
	struct nodes *t = *state;
	char path[PATH_LEN_MAX + 1];
	char name[NAME_LEN_MAX + 1];
	struct node *d = t->root;

	memset(name, 'x', NAME_LEN_MAX);
	name[NAME_LEN_MAX] = '\0';
	for (int i = 1; i <= 15; i++)
		d = enter(t, i, S_IFDIR, d, name);
	assert_int_equal(node_path(t, d, NULL, path), 0);
	assert_int_equal(strlen(path), 15 * 256 - 1);
	assert_int_equal(node_path(t, d, name, path), 0);
	assert_int_equal(strlen(path), PATH_LEN_MAX);
	d = enter(t, 16, S_IFDIR, d, name);
	assert_true(node_path(t, d, "y", path) < 0);
}

static void many_nodes_are_all_found(void **state)
{
	struct nodes *t = *state;
	char name[16];

	for (int i = 1; i < 20000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_non_null(enter(t, i, S_IFREG, t->root, name));
	}
	for (int i = 1; i < 20000; i++) {
		struct fhandle h = handle(i);
		struct node *n = node_peek(t, &h);
		assert_non_null(n);
		uint64_t id = n->id;
		node_put(t, n);
		node_forget(t, id, 1);
	}
	assert_int_equal(t->slots.count, 1);
}

/* ---- floors ---- */

static void what_a_name_has_shown_is_remembered_for_a_while(void **state)
{
	struct floor *f = floor_new(100);

	(void)state;
	floor_note(f, 1, "zone", 5000, 1000);
	assert_int_equal(floor_find(f, 1, "zone", 1050), 5000);
	assert_int_equal(floor_find(f, 1, "zone~", 1050), 0);
	assert_int_equal(floor_find(f, 2, "zone", 1050), 0);
	assert_int_equal(floor_find(f, 1, "zone", 1100), 0);
	floor_free(f);
}

static void the_highest_floor_of_a_name_counts(void **state)
{
	struct floor *f = floor_new(100);

	(void)state;
	floor_note(f, 1, "zone", 5000, 1000);
	floor_note(f, 1, "zone", 3000, 1050);
	assert_int_equal(floor_find(f, 1, "zone", 1120), 5000);
	floor_note(f, 1, "zone", 7000, 1130);
	assert_int_equal(floor_find(f, 1, "zone", 1140), 7000);
	floor_free(f);
}

static void floors_are_bounded(void **state)
{
	struct floor *f = floor_new(1000);
	char name[16];

	(void)state;
	for (int i = 0; i < FLOOR_MAX + 10; i++) {
		snprintf(name, sizeof(name), "%d", i);
		floor_note(f, 1, name, 1, 1);
	}
	assert_int_equal(floor_find(f, 1, "0", 2), 0);
	assert_int_equal(floor_find(f, 1, name, 2), 1);
	floor_free(f);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_number_is_one),
	    cmocka_unit_test(a_number_is_never_given_again),
	    cmocka_unit_test(numbers_out_of_range_stand_for_nothing),
	    TEST(the_root_is_number_one_and_stays),
	    TEST(an_inode_is_recognised_by_its_handle),
	    TEST(a_node_goes_with_its_last_lookup),
	    TEST(an_open_node_outlives_its_lookups),
	    TEST(parents_live_as_long_as_the_names_in_them),
	    TEST(a_rename_of_a_parent_is_seen_in_every_path),
	    TEST(a_file_has_many_names_a_directory_one),
	    TEST(a_node_without_a_name_has_no_path),
	    TEST(a_path_that_is_too_long_is_refused),
	    TEST(many_nodes_are_all_found),
	    cmocka_unit_test(what_a_name_has_shown_is_remembered_for_a_while),
	    cmocka_unit_test(the_highest_floor_of_a_name_counts),
	    cmocka_unit_test(floors_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
