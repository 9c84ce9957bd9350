/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Arguments to paths of the tree.
 */
#include "tools/zonefsctl/place.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

#define ABSOLUTE_MAX (2 * PATH_MAX)

/* Adds the components of p to the absolute path in dst. */
static int walk(char dst[ABSOLUTE_MAX], const char *p)
{
	size_t len = strlen(dst);

	while (*p) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.') {
			while (len > 0 && dst[--len] != '/')
				;
		} else if (n > 0 && !(n == 1 && p[0] == '.')) {
			if (len + 1 + n >= ABSOLUTE_MAX)
				return ERR_FORMAT;
			dst[len++] = '/';
			memcpy(dst + len, p, n);
			len += n;
		}
		dst[len] = '\0';
		p += n + (p[n] == '/');
	}
	return 0;
}

static bool is_in(const char *path, const char *dir)
{
	return strcmp(path, dir) == 0 || path_below(path, dir);
}

int place_of(const char *mount, const char *cwd, const char *argument, char path[PATH_LEN_MAX + 1])
{
	char whole[ABSOLUTE_MAX] = "";
	const char *base = cwd && is_in(cwd, mount) ? cwd : mount;
	int err = argument[0] == '/' ? 0 : walk(whole, base);

	if (!err)
		err = walk(whole, argument);
	if (err < 0)
		return err;
	if (!is_in(whole, mount))
		return ERR_DENIED;
	const char *rest = whole + strlen(mount);
	rest += *rest == '/';
	if (!path_valid_or_root(rest))
		return ERR_FORMAT;
	memcpy(path, rest, strlen(rest) + 1);
	return 0;
}

/* The directory's real path, with the name behind it: a last symbolic link is meant itself. */
static char *real_parent(const char *whole)
{
	const char *slash = strrchr(whole, '/');
	CLEANUP_FREE char *dir = slash ? strndup(whole, (size_t)(slash - whole)) : NULL;
	CLEANUP_FREE char *real = dir ? realpath(dir[0] ? dir : "/", NULL) : NULL;
	char *joined = NULL;

	if (!real || asprintf(&joined, "%s%s", strcmp(real, "/") == 0 ? "" : real, slash) < 0)
		return NULL;
	return joined;
}

int place_resolve(const char *mount, const char *argument, char path[PATH_LEN_MAX + 1])
{
	CLEANUP_FREE char *real_mount = realpath(mount, NULL);
	CLEANUP_FREE char *cwd = getcwd(NULL, 0);
	const char *base = real_mount ? real_mount : mount;
	size_t len = strlen(argument);
	CLEANUP_FREE char *whole = NULL;

	/* What ends with "/", "." or ".." is a directory: there is no last name to be kept. */
	bool named = len > 0 && strcmp(path_name(argument), "") != 0 &&
		     strcmp(path_name(argument), ".") != 0 &&
		     strcmp(path_name(argument), "..") != 0;
	if (argument[0] != '/' &&
	    asprintf(&whole, "%s/%s", cwd && is_in(cwd, base) ? cwd : base, argument) < 0)
		return -ENOMEM;
	const char *absolute = argument[0] == '/' ? argument : whole;
	CLEANUP_FREE char *real = named ? real_parent(absolute) : realpath(absolute, NULL);
	return place_of(base, cwd, real ? real : absolute, path);
}
