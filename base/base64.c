/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Three bytes are four characters.
 */
#include "base/base64.h"

#include <string.h>

#include "base/err.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(char *dst, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t len = n < 3 ? n : 3;
		uint32_t bits = (uint32_t)p[0] << 16 | (len > 1 ? (uint32_t)p[1] << 8 : 0) |
				(len > 2 ? p[2] : 0);

		*dst++ = digits[bits >> 18];
		*dst++ = digits[bits >> 12 & 63];
		*dst++ = len > 1 ? digits[bits >> 6 & 63] : '=';
		*dst++ = len > 2 ? digits[bits & 63] : '=';
		p += len;
		n -= len;
	}
	*dst = '\0';
}

long base64_decode(uint8_t *dst, size_t max, const char *text)
{
	size_t len = strlen(text), done = 0;
	size_t pad = 0;

	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	if (len % 4 != 0 || len / 4 * 3 - pad > max)
		return ERR_FORMAT;
	for (size_t at = 0; at < len; at += 4) {
		size_t chars = at + 4 == len ? 4 - pad : 4;
		uint32_t bits = 0;

		for (size_t i = 0; i < 4; i++) {
			const char *found = i < chars ? strchr(digits, text[at + i]) : digits;

			if (!found || !*found)
				return ERR_FORMAT;
			bits = bits << 6 | (uint32_t)(found - digits);
		}
		for (size_t i = 0; i + 1 < chars; i++)
			dst[done++] = (uint8_t)(bits >> (16 - 8 * i));
	}
	return (long)done;
}
