/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Paths of the tree: relative, components separated by one '/', none of them "", "." or "..";
 * any byte but '/' and NUL in a component of at most 255 bytes; at most 4095 bytes in all.
 * "" is the tree's root. Every path from a peer, the port or a user is checked here first.
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>

#define PATH_LEN_MAX 4095
#define NAME_LEN_MAX 255

/* The directory at the root in which files are staged; invisible through the mount. */
#define PATH_STAGING ".zonefs"

/* A path other than the root, not PATH_STAGING nor in it. */
bool path_valid(const char *p);
/* Likewise, or "". */
bool path_valid_or_root(const char *p);
/* `p` lies below `dir` (and is not `dir` itself). Everything lies below "". */
bool path_below(const char *p, const char *dir);
/* Length of the parent's path: 0 for a path at the root. */
size_t path_parent_len(const char *p);
/* The last component, within p. */
const char *path_name(const char *p);
/* A new string "dir/name" (or "name" where dir is ""), the caller's to free; NULL if out of memory.
 */
char *path_join(const char *dir, const char *name);
/* The order of keys: byte order, but '/' before every other byte, so that what lies below a
 * directory follows it at once. */
int path_compare(const char *a, const char *b);

/* For people and for line-based formats: bytes below 0x20, 0x7f, above 0x7e if not valid UTF-8 (or
 * a C1 control character), and the backslash become \ooo (octal). Writes at most size bytes,
 * NUL-terminated; returns dst. */
char *path_escape(char *dst, size_t size, const char *p);
/* The bytes that path_escape showed as `text`, into dst[size]. 0; ERR_FORMAT: a backslash without three
 * octal digits of a byte, or a NUL; ERR_LIMIT: longer than that. */
int path_unescape(char *dst, size_t size, const char *text);
#define PATH_ESCAPED_MAX (4 * PATH_LEN_MAX + 1)

#endif
