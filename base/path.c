/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Paths of the tree: what is one, their order, and how they are shown to people.
 */
#include "base/path.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* A component's length if it is one, else 0. */
static size_t component_len(const char *p)
{
	size_t len = strcspn(p, "/");

	if (len > NAME_LEN_MAX)
		return 0;
	if (p[0] == '.' && (len == 1 || (len == 2 && p[1] == '.')))
		return 0;
	return len;
}

bool path_valid(const char *p)
{
	static const size_t staging_len = sizeof PATH_STAGING - 1;

	if (strnlen(p, PATH_LEN_MAX + 1) > PATH_LEN_MAX)
		return false;
	if (strncmp(p, PATH_STAGING, staging_len) == 0 &&
	    (p[staging_len] == '\0' || p[staging_len] == '/'))
		return false;
	for (;;) {
		size_t len = component_len(p);

		if (len == 0)
			return false;
		if (p[len] == '\0')
			return true;
		p += len + 1;
	}
}

bool path_valid_or_root(const char *p)
{
	return p[0] == '\0' || path_valid(p);
}

bool path_below(const char *p, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 0)
		return p[0] != '\0';
	return strncmp(p, dir, len) == 0 && p[len] == '/';
}

size_t path_parent_len(const char *p)
{
	const char *slash = strrchr(p, '/');

	return slash ? (size_t)(slash - p) : 0;
}

const char *path_name(const char *p)
{
	const char *slash = strrchr(p, '/');

	return slash ? slash + 1 : p;
}

char *path_join(const char *dir, const char *name)
{
	size_t dir_len = strlen(dir);
	size_t name_len = strlen(name);
	size_t at = dir_len ? dir_len + 1 : 0;
	char *joined = malloc(at + name_len + 1);

	if (!joined)
		return NULL;
	memcpy(joined, dir, dir_len);
	if (dir_len)
		joined[dir_len] = '/';
	memcpy(joined + at, name, name_len + 1);
	return joined;
}

/* The end sorts first, then '/', then the bytes. */
static int weight(char c)
{
	if (c == '\0')
		return 0;
	return c == '/' ? 1 : 1 + (uint8_t)c;
}

int path_compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return weight(*a) - weight(*b);
}

/* Length of the valid UTF-8 sequence of 2 to 4 bytes at p, 0 if there is none: no overlong forms,
 * no surrogates, nothing above U+10FFFF (RFC 3629), no C1 control character (terminals obey them).
 */
static size_t utf8_len(const uint8_t *p)
{
	static const uint32_t lowest[] = {0, 0, 0xa0, 0x800, 0x10000};
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t c;

	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	c = p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < lowest[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return len;
}

char *path_escape(char *dst, size_t size, const char *path)
{
	const uint8_t *p = (const uint8_t *)path;
	size_t at = 0;

	while (*p) {
		size_t len = *p < 0x20 || *p == 0x7f || *p == '\\' ? 0 : 1;

		if (*p > 0x7f)
			len = utf8_len(p);
		if (at + (len ? len : 4) >= size)
			break;
		if (len) {
			memcpy(dst + at, p, len);
			at += len;
			p += len;
		} else {
			dst[at++] = '\\';
			dst[at++] = (char)('0' + (*p >> 6));
			dst[at++] = (char)('0' + (*p >> 3 & 7));
			dst[at++] = (char)('0' + (*p & 7));
			p++;
		}
	}
	if (size)
		dst[at] = '\0';
	return dst;
}

static int octal(const char *s)
{
	int value = 0;

	for (int i = 0; i < 3; i++) {
		if (s[i] < '0' || s[i] > '7')
			return -1;
		value = value * 8 + (s[i] - '0');
	}
	return value > 0 && value <= 255 ? value : -1;
}

int path_unescape(char *dst, size_t size, const char *text)
{
	size_t len = 0;

	while (*text) {
		int byte = (unsigned char)*text++;

		if (byte == '\\') {
			byte = octal(text);
			if (byte < 0)
				return ERR_FORMAT;
			text += 3;
		}
		if (len + 1 >= size)
			return ERR_LIMIT;
		dst[len++] = (char)byte;
	}
	dst[len] = '\0';
	return 0;
}
