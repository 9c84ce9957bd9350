/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bounded buffers: what is written is read, and every limit holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

static void what_is_written_is_read(void **state)
{
	struct buf b;
	struct rd r;
	size_t len;
	char name[16];

	(void)state;
	buf_init(&b, 1000);
	buf_u8(&b, 0xfe);
	buf_u16(&b, 0xfedc);
	buf_u32(&b, 0xfedcba98);
	buf_u64(&b, 0xfedcba9876543210);
	buf_i64(&b, -2);
	buf_raw(&b, "raw", 3);
	buf_bytes(&b, "by\0es", 5);
	buf_str(&b, "string");
	buf_str(&b, NULL);
	buf_str(&b, "name");
	assert_int_equal(b.err, 0);

	rd_init(&r, b.data, b.len);
	assert_int_equal(rd_u8(&r), 0xfe);
	assert_int_equal(rd_u16(&r), 0xfedc);
	assert_int_equal(rd_u32(&r), 0xfedcba98);
	assert_true(rd_u64(&r) == 0xfedcba9876543210);
	assert_int_equal(rd_i64(&r), -2);
	assert_memory_equal(rd_raw(&r, 3), "raw", 3);
	assert_memory_equal(rd_bytes(&r, &len, 5), "by\0es", 5);
	assert_int_equal(len, 5);
	char *s = rd_str(&r, 6);
	assert_string_equal(s, "string");
	free(s);
	s = rd_str(&r, 0);
	assert_string_equal(s, "");
	free(s);
	assert_int_equal(rd_left(&r), 6);
	assert_int_equal(rd_end(&r), ERR_FORMAT);
	rd_strbuf(&r, name, 5);
	assert_string_equal(name, "name");
	assert_int_equal(rd_left(&r), 0);
	assert_int_equal(rd_end(&r), 0);
	buf_fini(&b);
}

static void integers_are_little_endian(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_u16(&b, 0x0102);
	buf_u32(&b, 0x03040506);
	assert_memory_equal(b.data, "\x02\x01\x06\x05\x04\x03", 6);
	buf_put_u32_at(&b, 2, 0x0708090a);
	assert_memory_equal(b.data, "\x02\x01\x0a\x09\x08\x07", 6);
	buf_fini(&b);
}

static void a_buffer_never_gets_longer_than_its_maximum(void **state)
{
	struct buf b;
	char many[70000];

	(void)state;
	buf_init(&b, 1000);
	for (int i = 0; i < 1000; i++)
		buf_u8(&b, (uint8_t)i);
	assert_int_equal(b.err, 0);
	buf_u8(&b, 0);
	assert_int_equal(b.err, ERR_LIMIT);
	assert_int_equal(b.len, 1000);
	buf_reset(&b);
	assert_int_equal(b.err, 0);
	buf_raw(&b, many, 997);
	buf_u32(&b, 1);
	assert_int_equal(b.err, ERR_LIMIT);
	buf_u8(&b, 1);
	buf_put_u32_at(&b, 5000, 1); /* ignored after an error */
	assert_int_equal(b.len, 997);
	buf_fini(&b);

	memset(many, 'x', sizeof many);
	many[65536] = '\0';
	buf_init(&b, 100000);
	buf_str(&b, many);
	assert_int_equal(b.err, ERR_LIMIT);
	buf_reset(&b);
	many[65535] = '\0';
	buf_str(&b, many);
	assert_int_equal(b.err, 0);
	assert_int_equal(b.len, 65537);
	buf_fini(&b);
}

static void after_an_error_everything_reads_as_nothing(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3};
	struct rd r;
	size_t len = 77;
	char name[4] = "xyz";

	(void)state;
	rd_init(&r, bytes, sizeof bytes);
	assert_int_equal(rd_u32(&r), 0);
	assert_int_equal(r.err, ERR_FORMAT);
	assert_int_equal(rd_u8(&r), 0);
	assert_int_equal(rd_left(&r), 0);
	assert_null(rd_raw(&r, 0));
	assert_null(rd_bytes(&r, &len, 10));
	assert_int_equal(len, 0);
	assert_null(rd_str(&r, 10));
	rd_strbuf(&r, name, sizeof name);
	assert_string_equal(name, "");
	assert_int_equal(rd_end(&r), ERR_FORMAT);

	rd_init(&r, NULL, 0);
	assert_int_equal(rd_end(&r), 0);
	assert_non_null(rd_raw(&r, 0));
	rd_fail(&r);
	assert_int_equal(rd_end(&r), ERR_FORMAT);
}

static void lengths_beyond_the_limit_or_the_end_are_refused(void **state)
{
	struct buf b;
	struct rd r;
	size_t len;
	char name[4];

	(void)state;
	buf_init(&b, 100);
	buf_bytes(&b, "12345", 5);
	rd_init(&r, b.data, b.len);
	assert_null(rd_bytes(&r, &len, 4));
	rd_init(&r, b.data, b.len - 1);
	assert_null(rd_bytes(&r, &len, 100));
	rd_init(&r, "\xff\xff\xff\xff", 4);
	assert_null(rd_bytes(&r, &len, SIZE_MAX));
	assert_int_equal(r.err, ERR_FORMAT);

	buf_reset(&b);
	buf_str(&b, "1234");
	rd_init(&r, b.data, b.len);
	assert_null(rd_str(&r, 3));
	rd_init(&r, b.data, b.len);
	rd_strbuf(&r, name, sizeof name);
	assert_string_equal(name, "");
	assert_int_equal(r.err, ERR_FORMAT);
	buf_fini(&b);
}

static void a_string_with_a_nul_in_it_is_refused(void **state)
{
	struct rd r;
	char name[8];

	(void)state;
	rd_init(&r, "\x03\0a\0b", 5);
	assert_null(rd_str(&r, 100));
	assert_int_equal(r.err, ERR_FORMAT);
	rd_init(&r, "\x03\0a\0b", 5);
	rd_strbuf(&r, name, sizeof name);
	assert_string_equal(name, "");
	assert_int_equal(r.err, ERR_FORMAT);
}

static void every_error_has_its_sentence(void **state)
{
	(void)state;
	for (int code = ERR_TIMEOUT; code <= ERR_BUSY; code++) {
		assert_null(strstr(err_text(code), "error "));
		assert_true(strlen(err_text(code)) > 3);
	}
	assert_string_equal(err_text(-2), "No such file or directory");
	assert_string_equal(err_text(0), "success");
	assert_string_equal(err_text(-5000), "error -5000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_is_read),
	    cmocka_unit_test(integers_are_little_endian),
	    cmocka_unit_test(a_buffer_never_gets_longer_than_its_maximum),
	    cmocka_unit_test(after_an_error_everything_reads_as_nothing),
	    cmocka_unit_test(lengths_beyond_the_limit_or_the_end_are_refused),
	    cmocka_unit_test(a_string_with_a_nul_in_it_is_refused),
	    cmocka_unit_test(every_error_has_its_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
