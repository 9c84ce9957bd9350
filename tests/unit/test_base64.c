/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bytes as text and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/base64.h"
#include "base/err.h"

static void the_vectors_of_the_rfc_hold(void **state)
{
	static const char *const vectors[][2] = {
	    {"", ""},
	    {"f", "Zg=="},
	    {"fo", "Zm8="},
	    {"foo", "Zm9v"},
	    {"foob", "Zm9vYg=="},
	    {"fooba", "Zm9vYmE="},
	    {"foobar", "Zm9vYmFy"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const char *plain = vectors[i][0];
		char text[16];
		uint8_t back[16];

		base64_encode(text, (const uint8_t *)plain, strlen(plain));
		assert_string_equal(text, vectors[i][1]);
		assert_int_equal(base64_decode(back, sizeof(back), text), strlen(plain));
		assert_memory_equal(back, plain, strlen(plain));
	}
}

static void every_byte_comes_back(void **state)
{
	uint8_t bytes[256], back[256];
	char text[BASE64_LEN(256) + 1];

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (uint8_t)(255 - i);
	for (size_t n = 0; n <= 256; n++) {
		base64_encode(text, bytes, n);
		assert_int_equal(strlen(text), BASE64_LEN(n));
		assert_int_equal(base64_decode(back, n, text), n);
		assert_memory_equal(back, bytes, n);
	}
}

static void what_is_no_base64_is_refused(void **state)
{
	static const char *const wrong[] = {
	    "Z", "Zg", "Zg=", "Z===", "====", "Zm9v!A==", "Zg==Zg=="};
	uint8_t back[16];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(base64_decode(back, sizeof(back), wrong[i]), ERR_FORMAT);
	assert_int_equal(base64_decode(back, 2, "Zm9v"), ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_vectors_of_the_rfc_hold),
	    cmocka_unit_test(every_byte_comes_back),
	    cmocka_unit_test(what_is_no_base64_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
