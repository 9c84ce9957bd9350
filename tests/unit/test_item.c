/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Identities: what is the same and what is not, and their bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/item.h"

static const struct fhandle handle1 = {.len = 8, .type = 1, .bytes = {1, 2, 3, 4, 5, 6, 7, 8}};
static const struct fhandle handle2 = {.len = 8, .type = 1, .bytes = {1, 2, 3, 4, 5, 6, 7, 9}};

static struct ident make(const struct fhandle *h, mode_t mode, off_t size, uint64_t life,
			 uint64_t count)
{
	struct stat st = {
	    .st_mode = mode,
	    .st_size = size,
	    .st_uid = 5,
	    .st_gid = 6,
	    .st_mtim = {.tv_sec = 100, .tv_nsec = 7},
	    .st_ctim = {.tv_sec = 200, .tv_nsec = 8},
	};
	struct ident i;

	ident_make(&i, h, &st, life, count);
	return i;
}

static void nothing_is_the_same_as_nothing_only(void **state)
{
	struct ident absent = {0};
	struct ident absent_in_a_life = {.life = 7, .count = 1};
	struct ident file = make(&handle1, S_IFREG | 0644, 0, 1, 1);

	(void)state;
	assert_true(ident_absent(&absent));
	assert_false(ident_absent(&file));
	assert_true(ident_same(&absent, &absent_in_a_life));
	assert_false(ident_same(&absent, &file));
	assert_false(ident_same(&file, &absent));
}

static void the_stable_part_must_be_equal(void **state)
{
	struct ident file = make(&handle1, S_IFREG | 0644, 10, 1, 1);
	struct ident other;

	(void)state;
	assert_true(ident_same(&file, &file));
	other = make(&handle2, S_IFREG | 0644, 10, 1, 1);
	assert_false(ident_same(&file, &other));
	other = make(&handle1, S_IFREG | 0644, 11, 1, 1);
	assert_false(ident_same(&file, &other));
	other = file;
	other.b++;
	assert_false(ident_same(&file, &other));
	other = file;
	other.c++;
	assert_false(ident_same(&file, &other));
	other = file;
	other.handle.type++;
	assert_false(ident_same(&file, &other));
	other.handle = (struct fhandle){0};
	assert_false(ident_same(&other, &other));
}

static void counts_matter_within_one_life_only(void **state)
{
	struct ident one = make(&handle1, S_IFREG | 0644, 10, 1, 1);
	struct ident later = make(&handle1, S_IFREG | 0644, 10, 1, 2);
	struct ident next_life = make(&handle1, S_IFREG | 0644, 10, 2, 9);
	struct ident no_life = make(&handle1, S_IFREG | 0644, 10, 0, 5);

	(void)state;
	assert_false(ident_same(&one, &later));
	assert_true(ident_same(&one, &next_life));
	assert_true(ident_same(&one, &no_life));
	assert_true(ident_same(&no_life, &later));
}

static void a_directory_is_known_by_mode_and_owner_never_by_size_or_times(void **state)
{
	struct ident dir = make(&handle1, S_IFDIR | 02755, 4096, 1, 1);
	struct ident bigger = make(&handle1, S_IFDIR | 02755, 8192, 1, 1);
	struct ident other_mode = make(&handle1, S_IFDIR | 0700, 4096, 1, 1);

	(void)state;
	assert_int_equal(dir.a, 02755);
	assert_int_equal(dir.b, 5);
	assert_int_equal(dir.c, 6);
	assert_true(ident_same(&dir, &bigger));
	assert_false(ident_same(&dir, &other_mode));
	struct ident file = make(&handle1, S_IFREG | 0644, 10, 1, 1);
	assert_int_equal(file.a, 10);
	assert_int_equal(file.b, 100 * INT64_C(1000000000) + 7);
	assert_int_equal(file.c, 200 * INT64_C(1000000000) + 8);
}

static void identities_and_who_travel_unchanged(void **state)
{
	struct ident in = make(&handle1, S_IFREG | 0644, 10, UINT64_MAX, 3), out;
	struct who who_in = {1000, UINT32_MAX, 4711, "fifteen_letters", "pts/3"}, who_out;
	struct buf b;
	struct rd r;

	(void)state;
	in.b = INT64_MIN;
	buf_init(&b, 1000);
	buf_ident(&b, &in);
	buf_who(&b, &who_in);
	rd_init(&r, b.data, b.len);
	rd_ident(&r, &out);
	rd_who(&r, &who_out);
	assert_int_equal(rd_end(&r), 0);
	assert_memory_equal(&in, &out, sizeof in);
	assert_int_equal(who_out.uid, 1000);
	assert_int_equal(who_out.login_uid, UINT32_MAX);
	assert_int_equal(who_out.pid, 4711);
	assert_string_equal(who_out.command, "fifteen_letters");
	assert_string_equal(who_out.tty, "pts/3");

	for (size_t len = 0; len < b.len; len++) {
		rd_init(&r, b.data, len);
		rd_ident(&r, &out);
		rd_who(&r, &who_out);
		assert_int_equal(rd_end(&r), ERR_FORMAT);
		assert_int_equal(who_out.uid, 0);
	}
	buf_fini(&b);
}

static void what_is_out_of_range_is_refused(void **state)
{
	struct buf b;
	struct rd r;
	struct fhandle h;
	struct who who;

	(void)state;
	buf_init(&b, 1000);
	buf_u8(&b, FHANDLE_MAX + 1);
	buf_u32(&b, 0);
	for (int i = 0; i < FHANDLE_MAX + 1; i++)
		buf_u8(&b, 0);
	rd_init(&r, b.data, b.len);
	rd_fhandle(&r, &h);
	assert_int_equal(rd_end(&r), ERR_FORMAT);
	assert_int_equal(h.len, 0);

	buf_reset(&b);
	buf_who(&b, &(struct who){.pid = -1});
	rd_init(&r, b.data, b.len);
	rd_who(&r, &who);
	assert_int_equal(rd_end(&r), ERR_FORMAT);

	buf_reset(&b);
	buf_u32(&b, 0);
	buf_u32(&b, 0);
	buf_u32(&b, 0);
	buf_str(&b, "sixteen letters!");
	buf_str(&b, "");
	rd_init(&r, b.data, b.len);
	rd_who(&r, &who);
	assert_int_equal(rd_end(&r), ERR_FORMAT);
	buf_fini(&b);
}

static void every_mode_has_its_kind_and_every_kind_its_word(void **state)
{
	(void)state;
	assert_int_equal(kind_of_mode(S_IFREG | 0644), KIND_FILE);
	assert_int_equal(kind_of_mode(S_IFDIR), KIND_DIR);
	assert_int_equal(kind_of_mode(S_IFLNK), KIND_LINK);
	assert_int_equal(kind_of_mode(S_IFCHR), KIND_OTHER);
	assert_int_equal(kind_of_mode(S_IFSOCK), KIND_OTHER);
	assert_string_equal(kind_text(KIND_LINK), "symbolic link");
	assert_string_equal(kind_text((enum kind)77), "unknown kind");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_the_same_as_nothing_only),
	    cmocka_unit_test(the_stable_part_must_be_equal),
	    cmocka_unit_test(counts_matter_within_one_life_only),
	    cmocka_unit_test(a_directory_is_known_by_mode_and_owner_never_by_size_or_times),
	    cmocka_unit_test(identities_and_who_travel_unchanged),
	    cmocka_unit_test(what_is_out_of_range_is_refused),
	    cmocka_unit_test(every_mode_has_its_kind_and_every_kind_its_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
