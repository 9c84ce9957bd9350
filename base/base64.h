/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Base 64 (RFC 4648, section 4, with padding): bytes in a line of text.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

#define BASE64_LEN(n) (((n) + 2) / 3 * 4) /* characters for n bytes, without a NUL */

/* Writes BASE64_LEN(n) characters and a NUL. */
void base64_encode(char *dst, const uint8_t *p, size_t n);
/* At most `max` bytes into dst: how many, or ERR_FORMAT (also where it would be more). */
long base64_decode(uint8_t *dst, size_t max, const char *text);

#endif
