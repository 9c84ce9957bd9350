/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Versions: what counts as a difference, who ranks before whom, and that their bytes come back as
 * they were or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "replicator/core/version.h"

static struct version *sample(void)
{
	struct version *v = version_new();

	v->dot = (struct dot){77, 5};
	vv_raise(&v->context, v->dot);
	vv_raise(&v->context, (struct dot){12, 3});
	v->stamp = UINT64_C(1700000000000) << 16;
	v->import = true;
	v->changed = CHANGED_CONTENT | CHANGED_MTIME;
	v->attrs = (struct attrs){.kind = KIND_FILE,
				  .mode = 0640,
				  .uid = 53,
				  .gid = 54,
				  .owner = "bind",
				  .group = "named",
				  .mtime_nsec = -5,
				  .size = 2048};
	memset(v->attrs.hash.b, 0xab, 16);
	memset(v->replaced.b, 0xcd, 16);
	v->xattrs = malloc(3);
	memcpy(v->xattrs, "\1\0\2", 3);
	v->xattrs_len = 3;
	v->group = 99;
	v->who = (struct who){.uid = 1000, .login_uid = 1001, .pid = 4711};
	strcpy(v->who.command, "vim");
	strcpy(v->who.tty, "pts/3");
	free(v->user);
	v->user = strdup("alice");
	return v;
}

static struct version *through_bytes(const struct version *v)
{
	struct buf b;
	struct rd r;

	buf_init(&b, 1 << 22);
	buf_version(&b, v);
	assert_int_equal(b.err, 0);
	rd_init(&r, b.data, b.len);
	struct version *back = rd_version(&r);
	assert_int_equal(rd_end(&r), back ? 0 : ERR_FORMAT);
	buf_fini(&b);
	return back;
}

static void a_version_survives_its_bytes(void **state)
{
	struct version *v = sample();
	struct version *w = through_bytes(v);

	(void)state;
	assert_non_null(w);
	assert_true(dot_same(v->dot, w->dot));
	assert_int_equal(vv_compare(&v->context, &w->context), VV_EQUAL);
	assert_int_equal(w->stamp, v->stamp);
	assert_true(w->import);
	assert_int_equal(w->changed, v->changed);
	assert_int_equal(attrs_compare(&v->attrs, &w->attrs), 0);
	assert_int_equal(w->attrs.uid, 53);
	assert_int_equal(w->attrs.mtime_nsec, -5);
	assert_true(hash_same(v->replaced, w->replaced));
	assert_null(w->target);
	assert_int_equal(w->xattrs_len, 3);
	assert_memory_equal(w->xattrs, "\1\0\2", 3);
	assert_int_equal(w->group, 99);
	assert_int_equal(w->who.pid, 4711);
	assert_string_equal(w->who.command, "vim");
	assert_string_equal(w->who.tty, "pts/3");
	assert_string_equal(w->user, "alice");
	version_put(v);
	version_put(w);
}

static void a_version_knows_where_its_fields_come_from(void **state)
{
	struct version *v = sample();
	struct version before = {.setter = {{12, 1}, {12, 2}, {0, 0}}};

	(void)state;
	v->combined = true;
	version_set_by(v, &before, v->changed);
	struct version *w = through_bytes(v);
	assert_non_null(w);
	assert_true(w->combined);
	assert_true(dot_same(w->setter[FIELD_CONTENT], v->dot)); /* it changed that */
	assert_true(dot_same(w->setter[FIELD_MODE], (struct dot){12, 2}));
	assert_true(dot_same(w->setter[FIELD_OWNER], v->dot)); /* not known: as if it had */
	version_put(w);
	v->setter[FIELD_MODE] = (struct dot){12, 4};
	assert_null(through_bytes(v)); /* of what it has not seen */
	memset(v->setter, 0, sizeof(v->setter)); /* as versions were written once */
	w = through_bytes(v);
	assert_non_null(w);
	assert_int_equal(w->setter[FIELD_CONTENT].origin, 0);
	version_put(w);
	version_put(v);
}

static void a_link_keeps_its_target(void **state)
{
	struct version *v = sample();

	(void)state;
	v->attrs.kind = KIND_LINK;
	v->target = strdup("../a target\n");
	struct version *w = through_bytes(v);
	assert_non_null(w);
	assert_string_equal(w->target, "../a target\n");
	version_put(v);
	version_put(w);
}

static void a_tombstone_and_a_directory_have_no_hash(void **state)
{
	struct version *v = sample();

	(void)state;
	v->attrs = (struct attrs){.kind = KIND_ABSENT};
	struct version *w = through_bytes(v);
	assert_non_null(w);
	assert_false(version_live(w));
	version_put(w);
	v->attrs = (struct attrs){.kind = KIND_DIR, .mode = 01777};
	w = through_bytes(v);
	assert_non_null(w);
	assert_true(version_live(w));
	version_put(w);
	v->attrs.hash.b[0] = 1;
	assert_null(through_bytes(v));
	version_put(v);
}

/* Each makes a sound version one that no node may take. */
static void no_dot(struct version *v)
{
	v->dot = (struct dot){0};
}
static void no_seq(struct version *v)
{
	v->dot.seq = 0;
}
static void origin_too_large(struct version *v)
{
	v->dot.origin = UINT64_C(1) << 63;
	v->context.p[1].origin = v->dot.origin;
}
static void context_lacks_the_dot(struct version *v)
{
	v->dot.seq++;
}
static void context_beyond_the_dot(struct version *v)
{
	v->dot.seq--;
}
static void context_without_the_origin(struct version *v)
{
	v->dot.origin++;
}
static void stamp_too_large(struct version *v)
{
	v->stamp = VERSION_STAMP_MAX + 1;
}
static void unknown_change(struct version *v)
{
	v->changed = 0x40;
}
static void special_file(struct version *v)
{
	v->attrs.kind = KIND_OTHER;
}
static void unknown_kind(struct version *v)
{
	v->attrs.kind = (enum kind)9;
}
static void type_bits_in_the_mode(struct version *v)
{
	v->attrs.mode |= 0100000;
}
static void size_too_large(struct version *v)
{
	v->attrs.size = VERSION_SIZE_MAX + 1;
}
static void mtime_too_late(struct version *v)
{
	v->attrs.mtime_nsec = INT64_MAX;
}
static void mtime_too_early(struct version *v)
{
	v->attrs.mtime_nsec = INT64_MIN;
}
static void file_without_hash(struct version *v)
{
	v->attrs.hash = (struct hash){0};
}
static void file_with_target(struct version *v)
{
	v->target = strdup("x");
}
static void link_without_target(struct version *v)
{
	v->attrs.kind = KIND_LINK;
}
static void target_too_long(struct version *v)
{
	v->attrs.kind = KIND_LINK;
	v->target = calloc(1, 4097);
	memset(v->target, 'x', 4096);
}
static void xattrs_too_long(struct version *v)
{
	free(v->xattrs);
	v->xattrs = calloc(1, XATTRS_MAX + 1);
	v->xattrs_len = XATTRS_MAX + 1;
}
static void user_too_long(struct version *v)
{
	free(v->user);
	v->user = calloc(1, VERSION_USER_MAX + 2);
	memset(v->user, 'u', VERSION_USER_MAX + 1);
}

static void what_no_node_could_rely_on_is_refused(void **state)
{
	static void (*const spoil[])(struct version *) = {
	    no_dot,
	    no_seq,
	    origin_too_large,
	    context_lacks_the_dot,
	    context_beyond_the_dot,
	    context_without_the_origin,
	    stamp_too_large,
	    unknown_change,
	    special_file,
	    unknown_kind,
	    type_bits_in_the_mode,
	    size_too_large,
	    mtime_too_late,
	    mtime_too_early,
	    file_without_hash,
	    file_with_target,
	    link_without_target,
	    target_too_long,
	    xattrs_too_long,
	    user_too_long,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
		struct version *v = sample();

		spoil[i](v);
		struct version *w = through_bytes(v);
		if (w)
			fail_msg("spoiled version %zu was taken", i);
		version_put(v);
	}
}

static void another_format_is_refused(void **state)
{
	struct version *v = sample();
	struct buf b;
	struct rd r;

	(void)state;
	buf_init(&b, 4096);
	buf_version(&b, v);
	b.data[0] = VERSION_FORMAT + 1;
	rd_init(&r, b.data, b.len);
	assert_null(rd_version(&r));
	assert_int_equal(r.err, ERR_FORMAT);
	buf_fini(&b);
	version_put(v);
}

static void references_keep_a_version(void **state)
{
	struct version *v = sample();

	(void)state;
	assert_ptr_equal(version_get(v), v);
	version_put(v);
	assert_string_equal(v->user, "alice");
	version_put(v);
	version_put(NULL);
}

static void numbers_count_only_where_a_name_is_missing(void **state)
{
	struct attrs a = {.kind = KIND_FILE, .uid = 1, .gid = 1, .owner = "x", .group = "y"};
	struct attrs b = a;

	(void)state;
	b.uid = b.gid = 2;
	assert_int_equal(attrs_compare(&a, &b), 0);
	b.owner[0] = '\0';
	assert_int_equal(attrs_compare(&a, &b), CHANGED_OWNER);
	b.uid = 1;
	assert_int_equal(attrs_compare(&a, &b), 0);
	strcpy(b.group, "z");
	assert_int_equal(attrs_compare(&a, &b), CHANGED_OWNER);
}

static void each_difference_has_its_bit(void **state)
{
	struct attrs a = {.kind = KIND_FILE, .mode = 0644, .mtime_nsec = 1};
	struct attrs b = a;

	(void)state;
	b.mode = 0600;
	assert_int_equal(attrs_compare(&a, &b), CHANGED_MODE);
	b = a;
	b.mtime_nsec = 2;
	assert_int_equal(attrs_compare(&a, &b), CHANGED_MTIME);
	b = a;
	b.hash.b[3] = 1;
	assert_int_equal(attrs_compare(&a, &b), CHANGED_CONTENT);
	b = a;
	b.kind = KIND_LINK;
	assert_int_equal(attrs_compare(&a, &b) & (CHANGED_KIND | CHANGED_CONTENT),
			 CHANGED_KIND | CHANGED_CONTENT);
	b.kind = KIND_ABSENT;
	assert_true(attrs_compare(&a, &b) & CHANGED_KIND);
	a.kind = KIND_ABSENT;
	assert_int_equal(attrs_compare(&a, &b), 0);
}

static void a_directorys_times_and_a_links_mode_do_not_count(void **state)
{
	struct attrs a = {.kind = KIND_DIR, .mode = 0755, .mtime_nsec = 1};
	struct attrs b = a;

	(void)state;
	b.mtime_nsec = 2;
	b.size = 4096;
	assert_int_equal(attrs_compare(&a, &b), 0);
	a.kind = b.kind = KIND_LINK;
	b.mtime_nsec = 1;
	b.mode = 0777;
	assert_int_equal(attrs_compare(&a, &b), 0);
}

static void the_highest_ranks_first(void **state)
{
	struct version *a = sample(), *b = sample();

	(void)state;
	assert_int_equal(version_rank(a, b), 0);
	b->dot.seq++;
	assert_true(version_rank(a, b) > 0);
	b->dot.origin--;
	assert_true(version_rank(a, b) < 0);
	b->stamp++;
	assert_true(version_rank(a, b) > 0);
	a->import = false;
	assert_true(version_rank(a, b) < 0);
	a->attrs.kind = KIND_ABSENT;
	assert_true(version_rank(a, b) > 0);
	assert_true(version_rank(b, a) < 0);
	version_put(a);
	version_put(b);
}

static void a_hash_reads_as_32_digits(void **state)
{
	struct hash h = {{0x01, 0x23, 0xff}};
	char text[HASH_TEXT];

	(void)state;
	hash_text(text, h);
	assert_string_equal(text, "0123ff00000000000000000000000000");
	assert_false(hash_none(h));
	assert_true(hash_none((struct hash){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_version_survives_its_bytes),
	    cmocka_unit_test(a_version_knows_where_its_fields_come_from),
	    cmocka_unit_test(a_link_keeps_its_target),
	    cmocka_unit_test(a_tombstone_and_a_directory_have_no_hash),
	    cmocka_unit_test(what_no_node_could_rely_on_is_refused),
	    cmocka_unit_test(another_format_is_refused),
	    cmocka_unit_test(references_keep_a_version),
	    cmocka_unit_test(numbers_count_only_where_a_name_is_missing),
	    cmocka_unit_test(each_difference_has_its_bit),
	    cmocka_unit_test(a_directorys_times_and_a_links_mode_do_not_count),
	    cmocka_unit_test(the_highest_ranks_first),
	    cmocka_unit_test(a_hash_reads_as_32_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
