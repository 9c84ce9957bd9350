/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Version vectors against a plain table of numbers, and their bytes against what must be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/err.h"
#include "replicator/core/vv.h"

#define ORIGINS 6

static void raise(struct vv *v, uint64_t origin, uint64_t seq)
{
	vv_raise(v, (struct dot){origin, seq});
}

static void an_empty_vector_covers_nothing(void **state)
{
	struct vv v = {0};

	(void)state;
	assert_int_equal(vv_get(&v, 7), 0);
	assert_false(vv_covers(&v, (struct dot){7, 1}));
	assert_int_equal(vv_sum(&v), 0);
	assert_int_equal(vv_digest(&v), 0);
	vv_fini(&v);
}

static void raising_keeps_the_highest_and_the_order(void **state)
{
	struct vv v = {0};

	(void)state;
	raise(&v, 30, 3);
	raise(&v, 10, 1);
	raise(&v, 20, 2);
	raise(&v, 20, 9);
	raise(&v, 20, 4);
	assert_int_equal(v.n, 3);
	assert_int_equal(v.p[0].origin, 10);
	assert_int_equal(v.p[2].origin, 30);
	assert_int_equal(vv_get(&v, 20), 9);
	assert_true(vv_covers(&v, (struct dot){20, 9}));
	assert_false(vv_covers(&v, (struct dot){20, 10}));
	assert_int_equal(vv_sum(&v), 13);
	vv_fini(&v);
}

static void a_copy_keeps_nothing_of_what_it_was(void **state)
{
	struct vv a = {0}, b = {0};

	(void)state;
	raise(&a, 1, 1);
	raise(&b, 2, 2);
	raise(&b, 3, 3);
	vv_copy(&b, &a);
	assert_int_equal(vv_compare(&a, &b), VV_EQUAL);
	raise(&b, 1, 2);
	assert_int_equal(vv_get(&a, 1), 1);
	vv_clear(&b);
	vv_copy(&a, &b);
	assert_int_equal(a.n, 0);
	vv_fini(&a);
	vv_fini(&b);
}

/* A vector of random numbers from 0 to 3, and the same as a table. */
static void random_vector(struct vv *v, uint64_t table[ORIGINS])
{
	vv_clear(v);
	for (int i = 0; i < ORIGINS; i++) {
		int at = (i * 5 + 3) % ORIGINS; /* not in order */

		table[at] = (uint64_t)(rand() % 4);
		if (table[at])
			raise(v, (uint64_t)at * 100 + 1, table[at]);
	}
}

static enum vv_order table_compare(const uint64_t a[ORIGINS], const uint64_t b[ORIGINS])
{
	bool more = false, less = false;

	for (int i = 0; i < ORIGINS; i++) {
		more |= a[i] > b[i];
		less |= a[i] < b[i];
	}
	if (more && less)
		return VV_CONCURRENT;
	return more ? VV_GREATER : less ? VV_LOWER : VV_EQUAL;
}

static void comparing_and_joining_agree_with_a_table(void **state)
{
	struct vv a = {0}, b = {0};
	uint64_t ta[ORIGINS], tb[ORIGINS];
	int seen[4] = {0};

	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		random_vector(&a, ta);
		random_vector(&b, tb);
		enum vv_order order = vv_compare(&a, &b);
		seen[order]++;
		assert_int_equal(order, table_compare(ta, tb));
		assert_int_equal(vv_reaches(&a, &b), order == VV_EQUAL || order == VV_GREATER);
		assert_int_equal(vv_digest(&a) == vv_digest(&b), order == VV_EQUAL);
		vv_join(&a, &b);
		for (int i = 0; i < ORIGINS; i++)
			assert_int_equal(vv_get(&a, (uint64_t)i * 100 + 1),
					 ta[i] > tb[i] ? ta[i] : tb[i]);
		for (uint32_t i = 1; i < a.n; i++)
			assert_true(a.p[i - 1].origin < a.p[i].origin);
	}
	for (int i = 0; i < 4; i++)
		assert_true(seen[i] > 0);
	vv_fini(&a);
	vv_fini(&b);
}

static void dots_are_ordered_by_origin_then_seq(void **state)
{
	(void)state;
	assert_true(dot_compare((struct dot){1, 9}, (struct dot){2, 1}) < 0);
	assert_true(dot_compare((struct dot){2, 2}, (struct dot){2, 1}) > 0);
	assert_int_equal(dot_compare((struct dot){2, 2}, (struct dot){2, 2}), 0);
}

static void a_vector_survives_its_bytes(void **state)
{
	struct vv a = {0}, b = {0};
	struct buf buf;
	struct rd r;

	(void)state;
	buf_init(&buf, 1 << 20);
	for (uint64_t i = 1; i <= 1000; i++)
		raise(&a, i * 7919, i);
	raise(&a, INT64_MAX, INT64_MAX);
	buf_vv(&buf, &a);
	rd_init(&r, buf.data, buf.len);
	rd_vv(&r, &b);
	assert_int_equal(rd_end(&r), 0);
	assert_int_equal(vv_compare(&a, &b), VV_EQUAL);
	vv_fini(&a);
	vv_fini(&b);
	buf_fini(&buf);
}

/* The bytes of n dots, refused. */
static void refuse(uint32_t claimed, const struct dot *dots, int n)
{
	struct vv v = {0};
	struct buf buf;
	struct rd r;

	buf_init(&buf, 4096);
	buf_u32(&buf, claimed);
	for (int i = 0; i < n; i++)
		buf_dot(&buf, dots[i]);
	rd_init(&r, buf.data, buf.len);
	rd_vv(&r, &v);
	assert_int_equal(rd_end(&r), ERR_FORMAT);
	vv_fini(&v);
	buf_fini(&buf);
}

static void what_is_no_vector_is_refused(void **state)
{
	(void)state;
	refuse(2, (struct dot[]){{2, 1}, {1, 1}}, 2); /* unsorted */
	refuse(2, (struct dot[]){{2, 1}, {2, 2}}, 2); /* doubled */
	refuse(1, (struct dot[]){{0, 1}}, 1);
	refuse(1, (struct dot[]){{1, 0}}, 1);
	refuse(1, (struct dot[]){{UINT64_C(1) << 63, 1}}, 1);
	refuse(1, (struct dot[]){{1, UINT64_MAX}}, 1);
	refuse(3, (struct dot[]){{1, 1}, {2, 1}}, 2); /* fewer than it says */
	refuse(1, (struct dot[]){{1, 1}, {2, 1}}, 2); /* more than it says */
	refuse(UINT32_MAX, NULL, 0);
	refuse(VV_MAX + 1, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_vector_covers_nothing),
	    cmocka_unit_test(raising_keeps_the_highest_and_the_order),
	    cmocka_unit_test(a_copy_keeps_nothing_of_what_it_was),
	    cmocka_unit_test(comparing_and_joining_agree_with_a_table),
	    cmocka_unit_test(dots_are_ordered_by_origin_then_seq),
	    cmocka_unit_test(a_vector_survives_its_bytes),
	    cmocka_unit_test(what_is_no_vector_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
