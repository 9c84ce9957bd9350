/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The plain directory is gone through as the node's first scan would: what is local by the patterns is
 * not looked at, links are not followed, and what is mounted in it is another tree. A file is read only
 * where the peers have one of the same size.
 */
#include "tools/zonefsctl/join_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/item.h"
#include "base/path.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/zonefsctl.h"

#define HASH_DIGITS 33
#define WHAT_MAX 128

struct line {
	struct join_plan plan;
	char *path, *what;
};

struct comparing {
	const struct conf *conf;
	json_t *entries;
	json_t *parents; /* directories that are there for what is in them */
	json_t *seen;
	dev_t dev;
	struct line *lines;
	size_t n, cap;
	bool failed;
};

/* ---- what is found ---- */

static void add(struct comparing *c, const struct join_plan *p)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 1024;
		struct line *lines = realloc(c->lines, cap * sizeof(*lines));

		if (!lines) {
			c->failed = true;
			return;
		}
		c->lines = lines;
		c->cap = cap;
	}
	struct line *l = &c->lines[c->n];
	*l = (struct line){*p, strdup(p->path), strdup(p->what)};
	if (!l->path || !l->what) {
		free(l->path);
		free(l->what);
		c->failed = true;
		return;
	}
	l->plan.path = l->path;
	l->plan.what = l->what;
	c->n++;
}

/* ---- one path ---- */

static void digits(char dst[HASH_DIGITS], XXH128_hash_t hash)
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, hash);
	for (size_t i = 0; i < sizeof(canonical.digest); i++)
		snprintf(dst + 2 * i, 3, "%02x", canonical.digest[i]);
}

static bool hash_file(int dir, const char *name, char dst[HASH_DIGITS])
{
	CLEANUP_FREE char *block = malloc(1 << 20);
	CLEANUP_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	XXH3_state_t *state = XXH3_createState();
	ssize_t n = -1;

	if (fd >= 0 && block && state) {
		XXH3_128bits_reset(state);
		while ((n = read(fd, block, 1 << 20)) > 0)
			XXH3_128bits_update(state, block, (size_t)n);
		digits(dst, XXH3_128bits_digest(state));
	}
	XXH3_freeState(state);
	return n == 0;
}

static bool same_content(int dir, const char *name, const struct stat *st, const json_t *entry)
{
	char hash[HASH_DIGITS] = "", target[PATH_MAX];
	ssize_t n;

	if (S_ISREG(st->st_mode))
		return st->st_size == line_number(entry, "size") && hash_file(dir, name, hash) &&
		       strcmp(hash, line_text(entry, "hash")) == 0;
	if (!S_ISLNK(st->st_mode))
		return true;
	n = readlinkat(dir, name, target, sizeof(target));
	if (n < 0)
		return false;
	digits(hash, XXH3_128bits(target, (size_t)n));
	return strcmp(hash, line_text(entry, "hash")) == 0;
}

/* By name where both have one, else by number. */
static bool same_owner(const struct stat *st, const json_t *entry)
{
	const char *owner = line_text(entry, "owner"), *group = line_text(entry, "group");
	const struct passwd *user = getpwuid(st->st_uid);
	bool same = user && owner[0] ? strcmp(user->pw_name, owner) == 0
				     : st->st_uid == (uid_t)line_number(entry, "uid");
	const struct group *g = getgrgid(st->st_gid);

	return same && (g && group[0] ? strcmp(g->gr_name, group) == 0
				      : st->st_gid == (gid_t)line_number(entry, "gid"));
}

/* In what it differs, in words: "" if it does not. */
static void differs(const struct comparing *c, int dir, const char *name, const struct stat *st,
		    const json_t *entry, char what[WHAT_MAX])
{
	mode_t bits = c->conf->allow_setid ? 07777 : 01777;
	const char *kind = kind_text(kind_of_mode(st->st_mode));
	size_t len = 0;

	what[0] = '\0';
	if (strcmp(kind, line_text(entry, "kind")) != 0) {
		snprintf(what, WHAT_MAX, "a %s here, a %s there", kind, line_text(entry, "kind"));
		return;
	}
	const struct {
		const char *word;
		bool same;
	} fields[] = {
	    {S_ISLNK(st->st_mode) ? "target" : "content", same_content(dir, name, st, entry)},
	    {"mode", S_ISLNK(st->st_mode) ||
			 (((mode_t)line_number(entry, "mode") ^ st->st_mode) & bits) == 0},
	    {"owner", same_owner(st, entry)},
	};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!fields[i].same)
			len += (size_t)snprintf(what + len, WHAT_MAX - len, "%s%s", len ? ", " : "",
						fields[i].word);
}

/* Of a file; 0: it is none. */
static uint64_t size_of(const json_t *entry)
{
	bool file = strcmp(line_text(entry, "kind"), kind_text(KIND_FILE)) == 0;

	return file ? (uint64_t)line_number(entry, "size") : 0;
}

static void compare_one(struct comparing *c, int dir, const char *name, const char *path,
			const struct stat *st)
{
	char shown[PATH_ESCAPED_MAX], what[WHAT_MAX] = "";
	const json_t *entry;
	struct join_plan p = {.peer = "", .what = what};

	p.path = path_escape(shown, sizeof(shown), path);
	entry = json_object_get(c->entries, shown);
	p.here = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
	if (S_ISREG(st->st_mode) && st->st_size > c->conf->max_file_size) {
		p.action = JOIN_STAYS;
		p.what = "bigger than max-file-size";
	} else if (kind_of_mode(st->st_mode) == KIND_OTHER) {
		p.action = JOIN_STAYS;
		p.what = "a special file";
	} else if (entry) {
		differs(c, dir, name, st, entry, what);
		p.action = what[0] ? JOIN_REPLACE : JOIN_SAME;
	} else {
		bool parent = S_ISDIR(st->st_mode) && json_object_get(c->parents, shown);
		p.action = parent ? JOIN_SAME : JOIN_ONLY;
	}
	if (entry) {
		json_object_set_new(c->seen, shown, json_true());
		p.peer = line_text(entry, "peer");
		p.there = size_of(entry);
	} else if (p.action == JOIN_STAYS && p.what[0] == 'a') {
		return; /* devices are nobody's business */
	}
	add(c, &p);
}

/* ---- the tree ---- */

/* `path` has room for what is appended, and is as before at the end. */
static void walk(struct comparing *c, int dir, char path[PATH_LEN_MAX + 1])
{
	size_t len = strlen(path);
	DIR *stream = fdopendir(dir);
	struct dirent *d;
	struct stat st;

	if (!stream) {
		close(dir);
		ctl_fail("/%s: %s", path, strerror(errno));
		c->failed = true;
		return;
	}
	while ((d = readdir(stream))) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
		    len + strlen(d->d_name) + 1 > PATH_LEN_MAX ||
		    fstatat(dirfd(stream), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		sprintf(path + len, "%s%s", len ? "/" : "", d->d_name);
		if (st.st_dev == c->dev && path_valid(path) &&
		    !locality_local(c->conf->locality, path, S_ISDIR(st.st_mode), NULL)) {
			compare_one(c, dirfd(stream), d->d_name, path, &st);
			int below = S_ISDIR(st.st_mode)
					? openat(dirfd(stream), d->d_name,
						 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
					: -1;
			if (below >= 0)
				walk(c, below, path);
		}
		path[len] = '\0';
	}
	closedir(stream);
}

static void note_parents(struct comparing *c)
{
	const char *path;
	json_t *entry;

	json_object_foreach(c->entries, path, entry)
	{
		CLEANUP_FREE char *above = strdup(path);
		char *slash = above;

		while (above && (slash = strchr(slash, '/'))) {
			*slash = '\0';
			json_object_set_new(c->parents, above, json_true());
			*slash++ = '/';
		}
	}
}

static void note_the_rest(struct comparing *c)
{
	const char *path;
	json_t *entry;

	json_object_foreach(c->entries, path, entry)
	{
		struct join_plan p = {.action = JOIN_TAKE,
				      .path = path,
				      .peer = line_text(entry, "peer"),
				      .what = "",
				      .there = size_of(entry)};

		if (!json_object_get(c->seen, path))
			add(c, &p);
	}
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->path, ((const struct line *)b)->path);
}

int join_compare(const struct conf *conf, json_t *entries,
		 void (*each)(void *arg, const struct join_plan *p), void *arg)
{
	struct comparing c = {
	    .conf = conf, .entries = entries, .parents = json_object(), .seen = json_object()};
	char path[PATH_LEN_MAX + 1] = "";
	struct stat st;
	int dir = open(conf->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || fstat(dir, &st) < 0) {
		ctl_fail("%s: %s", conf->mount, strerror(errno));
		c.failed = true;
	} else {
		c.dev = st.st_dev;
		note_parents(&c);
		walk(&c, dir, path);
		note_the_rest(&c);
	}
	if (c.n > 0)
		qsort(c.lines, c.n, sizeof(*c.lines), by_path);
	for (size_t i = 0; i < c.n; i++) {
		if (!c.failed)
			each(arg, &c.lines[i].plan);
		free(c.lines[i].path);
		free(c.lines[i].what);
	}
	free(c.lines);
	json_decref(c.parents);
	json_decref(c.seen);
	return c.failed ? -1 : 0;
}
