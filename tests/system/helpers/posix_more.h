/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Extended attributes and access control lists.
 */
#ifndef POSIX_MORE_H
#define POSIX_MORE_H

#include <endian.h>
#include <sys/xattr.h>

#include "posix_base.h"

/* ---- extended attributes; a value "{N}" is N bytes, as in names ---- */

/* setx WHAT NAME VALUE [create|replace] */
static void c_setx(char **w)
{
	static const struct bit how[] = {
	    {"create", XATTR_CREATE}, {"replace", XATTR_REPLACE}, {NULL, 0}};
	int flags = bits_of(w[4], how);
	size_t len = strlen(w[3]);

	if (w[1][0] == '@')
		rec_result(fsetxattr(fd_of(w[1]), w[2], w[3], len, flags));
	else
		rec_result(lsetxattr(w[1], w[2], w[3], len, flags));
}

/* getx WHAT NAME [SIZE] */
static void c_getx(char **w)
{
	static char value[65536];
	size_t size = w[3] ? (size_t)number(w[3]) : sizeof(value);
	ssize_t n = w[1][0] == '@' ? fgetxattr(fd_of(w[1]), w[2], value, size)
				   : lgetxattr(w[1], w[2], value, size);

	rec_result(n);
	if (n >= 0 && size > 0)
		rec_bytes(value, (size_t)n);
	else if (n >= 0)
		rec(" %zd", n);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Labels are the system's own and the same everywhere: left out. */
static void c_listx(char **w)
{
	static char names[65536];
	const char *list[256];
	size_t size = w[2] ? (size_t)number(w[2]) : sizeof(names);
	size_t count = 0;
	ssize_t n = llistxattr(w[1], names, size);

	rec_result(n);
	for (ssize_t at = 0; size > 0 && at < n && count < 256;
	     at += (ssize_t)strlen(names + at) + 1)
		if (strncmp(names + at, "security.", 9) != 0)
			list[count++] = names + at;
	qsort(list, count, sizeof(list[0]), by_text);
	for (size_t i = 0; i < count; i++)
		rec(" %s", list[i]);
	if (size == 0 && n >= 0)
		rec(" %s", n > 0 ? "some" : "none");
}

static void c_rmx(char **w)
{
	rec_result(w[1][0] == '@' ? fremovexattr(fd_of(w[1]), w[2]) : lremovexattr(w[1], w[2]));
}

/* ---- ACLs, as the kernel keeps them: version 2, then tag, permissions, id ---- */

struct acl_entry {
	uint16_t tag;
	uint16_t perm;
	uint32_t id;
};

struct acl {
	uint32_t version;
	struct acl_entry entries[32];
};

static const char *acl_name(const char *which)
{
	return which[0] == 'd' ? "system.posix_acl_default" : "system.posix_acl_access";
}

/* "u::rw-": the tag's bit is its number: u 1, named 2, g 4, named 8, mask 16, other 32. */
static struct acl_entry acl_entry(const char *text)
{
	static const char kinds[] = "ugmo";
	static const uint16_t tags[] = {1, 4, 16, 32};
	size_t kind = (size_t)(strchr(kinds, text[0]) - kinds);
	const char *perm = strrchr(text, ':') + 1;
	bool named = text[2] != ':';
	uint16_t bits = (uint16_t)((perm[0] == 'r') * 4 + (perm[1] == 'w') * 2 + (perm[2] == 'x'));
	uint16_t tag = (uint16_t)(named ? tags[kind] * 2 : tags[kind]);

	return (struct acl_entry){htole16(tag), htole16(bits),
				  htole32(named ? (uint32_t)number(text + 2) : UINT32_MAX)};
}

/* acl WHAT access|default u::rwx,u:1234:r--,g::r-x,m::rwx,o::--- */
static void c_acl(char **w)
{
	struct acl acl = {.version = htole32(2)};
	char copy[256];
	char *rest = copy;
	char *one;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", w[3]);
	while ((one = strsep(&rest, ",")) && n < 32)
		acl.entries[n++] = acl_entry(one);
	rec_result(setxattr(w[1], acl_name(w[2]), &acl, 4 + n * sizeof(acl.entries[0]), 0));
}

static void c_getacl(char **w)
{
	struct acl acl;
	ssize_t n = getxattr(w[1], acl_name(w[2]), &acl, sizeof(acl));

	rec_result(n);
	for (ssize_t i = 0; 4 + i * 8 < n; i++) {
		struct acl_entry *e = &acl.entries[i];
		rec(" %u:%d:%u", le16toh(e->tag), (int)le32toh(e->id), le16toh(e->perm));
	}
}

static void c_noacl(char **w)
{
	rec_result(removexattr(w[1], acl_name(w[2])));
}

#endif
