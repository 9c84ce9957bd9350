/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The walk takes one component at a time, following symbolic links itself, so that no place on the
 * way goes unlooked at. It stops in front of the tree: whoever serves the tree must not ask for it.
 *
 * In a user namespace of a single id all other users, root among them, appear as the overflow user.
 */
#include "fs/hookcheck.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fs/account.h"

#define LINKS_MAX 40

struct walk {
	const char *mount;
	bool fixed;
	char at[PATH_MAX];   /* where we are: canonical, "" for the root directory */
	char rest[PATH_MAX]; /* what is left to walk */
	int links;
	char *why;
	size_t why_size;
};

static int refuse(struct walk *w, int err, const char *place, const char *sentence)
{
	snprintf(w->why, w->why_size, "%s %s", place, sentence);
	return err;
}

static int fail(struct walk *w, int err, const char *place)
{
	snprintf(w->why, w->why_size, "%s: %s", place, err_text(err));
	return err;
}

static int check_owner(struct walk *w, const char *place, const struct stat *st)
{
	bool own =
	    st->st_uid == 0 || (w->fixed && (st->st_uid == geteuid() || st->st_uid == 65534));

	if (!own)
		return refuse(w, ERR_DENIED, place, "does not belong to root");
	if (!S_ISLNK(st->st_mode) && (st->st_mode & 022))
		return refuse(w, ERR_DENIED, place, "is writable by others than root");
	return 0;
}

static bool in_tree(const struct walk *w, const char *path)
{
	size_t n = strlen(w->mount);

	return strncmp(path, w->mount, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Cuts the next component off w->rest: its length in `name`, 0 at the end. */
static size_t next_component(struct walk *w, char name[NAME_MAX + 1])
{
	const char *p = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(p, "/");

	if (n > NAME_MAX)
		n = NAME_MAX;
	memcpy(name, p, n);
	name[n] = '\0';
	memmove(w->rest, p + n, strlen(p + n) + 1);
	return n;
}

/* w->at with `name` added: in `place`. */
static int place_of(struct walk *w, const char *name, char place[PATH_MAX])
{
	size_t at = strlen(w->at), n = strlen(name);

	if (at + 1 + n >= PATH_MAX)
		return refuse(w, -ENAMETOOLONG, name, "has too long a path");
	memcpy(place, w->at, at);
	place[at] = '/';
	memcpy(place + at + 1, name, n + 1);
	return 0;
}

static int follow_link(struct walk *w, const char *place)
{
	char target[PATH_MAX];
	ssize_t n = readlink(place, target, sizeof(target));
	size_t rest = strlen(w->rest);

	if (n <= 0)
		return refuse(w, -EIO, place, "cannot be read");
	if (++w->links > LINKS_MAX || (size_t)n + rest + 2 > PATH_MAX)
		return refuse(w, -ELOOP, place, "leads over too many symbolic links");
	memmove(w->rest + n, w->rest, rest + 1); /* empty, or it begins with '/' */
	memcpy(w->rest, target, (size_t)n);
	if (target[0] == '/')
		w->at[0] = '\0';
	return 0;
}

static int check_program(struct walk *w, const char *place, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return refuse(w, -EACCES, place, "is not a program");
	if (!(st->st_mode & 0111))
		return refuse(w, -EACCES, place, "is not executable");
	return 0;
}

/* One component. 1 once the program has been reached. */
static int step(struct walk *w, const char *name)
{
	char place[PATH_MAX];
	struct stat st;

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0) {
		char *slash = strrchr(w->at, '/');
		if (slash)
			*slash = '\0';
		return 0;
	}
	int rc = place_of(w, name, place);
	if (rc < 0)
		return rc;
	if (in_tree(w, place))
		return refuse(w, ERR_DENIED, place, "lies in the tree: nothing in it is executed");
	if (lstat(place, &st) < 0)
		return fail(w, -errno, place);
	rc = check_owner(w, place, &st);
	if (rc < 0)
		return rc;
	if (S_ISLNK(st.st_mode))
		return follow_link(w, place);
	if (S_ISDIR(st.st_mode)) {
		memcpy(w->at, place, strlen(place) + 1);
		return 0;
	}
	rc = check_program(w, place, &st);
	return rc < 0 ? rc : 1;
}

/* The path of the mount without symbolic links, seen from its parent: its own root is not asked. */
static void canonical_mount(const char *mount, char *out, size_t size)
{
	char parent[PATH_MAX];
	const char *name = strrchr(mount, '/');

	snprintf(out, size, "%s", mount);
	if (!name || name == mount)
		return;
	snprintf(parent, sizeof(parent), "%.*s", (int)(name - mount), mount);
	char *real CLEANUP_FREE = realpath(parent, NULL);
	if (real)
		snprintf(out, size, "%s%s", strcmp(real, "/") == 0 ? "" : real, name);
}

int hookcheck_program(const char *program, const char *mount, char *why, size_t size)
{
	char name[NAME_MAX + 1], tree[2 * PATH_MAX];
	struct stat st;

	struct walk *w CLEANUP_FREE = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	canonical_mount(mount, tree, sizeof(tree));
	w->mount = tree;
	w->fixed = account_fixed();
	w->why = why;
	w->why_size = size;
	if (program[0] != '/' || strlen(program) >= sizeof(w->rest))
		return refuse(w, -EINVAL, program, "is not an absolute path");
	memcpy(w->rest, program, strlen(program) + 1);
	if (stat("/", &st) < 0)
		return fail(w, -errno, "/");

	int rc = check_owner(w, "/", &st);
	while (rc == 0 && next_component(w, name) > 0)
		rc = step(w, name);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return refuse(w, -EACCES, program, "is not a program");
	if (w->rest[strspn(w->rest, "/")])
		return refuse(w, -ENOTDIR, program, "leads through a file");
	return 0;
}
