/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From paths to zones. A path is compared by name, as named will open it, and by inode, since links
 * name files too. What is no zone's file is configuration or, where that can't be told, something
 * that a zone may include.
 *
 * Among thousands of zones looking at each one's file takes longer than all else. A file with one name is
 * another zone's only by a symbolic link, and which zones are so named is looked at once: again when links,
 * or what is no zone's file, have changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/hooks/bind.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/path.h"

#define ITEMS_BYTES_MAX (1024 * 1024)

/* A path of the tree as named sees it: a new string; NULL: it is outside of named's root. */
static char *named_path(const struct options *o, const char *path)
{
	CLEANUP_FREE char *absolute = named_conf_absolute(o->mount, path);
	size_t n = strlen(o->root);

	if (!absolute)
		return NULL;
	if (strcmp(o->root, "/") == 0)
		return strdup(absolute);
	if (strncmp(absolute, o->root, n) != 0 || absolute[n] != '/')
		return NULL;
	return strdup(absolute + n);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool starts_with(const char *s, const char *start)
{
	return strncmp(s, start, strlen(start)) == 0;
}

static bool is_linked(const struct hook *h, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS};
	CLEANUP_CLOSE int fd = (int)syscall(SYS_openat2, h->root, path, &how, sizeof how);

	return fd < 0 && errno == ELOOP;
}

static void know_links(struct hook *h)
{
	if (h->links_known)
		return;
	for (size_t i = 0; i < h->zones.n; i++)
		h->zones.list[i].linked =
		    h->zones.list[i].file && is_linked(h, h->zones.list[i].file);
	h->links_known = true;
}

/* Marks the zones of a file (of one inode, where it exists: links name it too). */
static bool mark_zones(struct hook *h, const char *path, bool held)
{
	struct stat st, changed = {0};
	bool regular = stat_inside(h, path, &changed) && S_ISREG(changed.st_mode);
	bool found = false;

	if (regular)
		know_links(h);
	for (size_t i = 0; i < h->zones.n; i++) {
		struct named_zone *z = &h->zones.list[i];

		if (!z->file)
			continue;
		if (strcmp(z->file, path) == 0 ||
		    (regular && (z->linked || changed.st_nlink > 1) &&
		     stat_inside(h, z->file, &st) && same_file(&st, &changed))) {
			*(held ? &z->held : &z->changed) = true;
			found = true;
		}
	}
	return found;
}

/* Some zone's file lies in the directory of `path` or below it. */
static bool among_zones(const struct hook *h, const char *path)
{
	size_t n = (size_t)(path_name(path) - path);

	for (size_t i = 0; i < h->zones.n; i++)
		if (h->zones.list[i].file && strncmp(h->zones.list[i].file, path, n) == 0)
			return true;
	return false;
}

static bool looks_like_conf(const struct hook *h, const char *inside)
{
	return starts_with(path_name(inside), "named.conf") ||
	       (starts_with(inside, "/etc/") && !among_zones(h, inside));
}

/* named would read it with its configuration. */
static bool is_conf(const struct hook *h, const char *inside)
{
	CLEANUP_FREE char *conf = named_conf_absolute("/", h->options.conf);

	for (size_t i = 0; i < h->nfiles; i++)
		if (strcmp(h->files[i], inside) == 0)
			return true;
	return !conf || strcmp(inside, conf) == 0 || looks_like_conf(h, inside);
}

static void plan_item(struct hook *h, const char *path, bool removed)
{
	CLEANUP_FREE char *inside = named_path(&h->options, path);
	struct stat st;

	if (!inside)
		return;
	if (removed || is_linked(h, inside))
		h->links_known = false;
	if (!removed && stat_inside(h, inside, &st) && S_ISDIR(st.st_mode)) {
		h->links_known = false;
		return; /* what is in it is named by itself */
	}
	if (mark_zones(h, inside, false))
		return;
	h->links_known = false;
	if (is_conf(h, inside)) {
		h->reconfig = true;
	} else if (!h->reload_all) {
		printf("%s is no zone's file, but one may include it: all are reloaded\n", path);
		h->reload_all = true;
		h->reconfig |= h->stamp == 0; /* which files the configuration has is not known */
	}
}

/* What is on disk there is not to be loaded. */
static void plan_held(struct hook *h, const char *path)
{
	CLEANUP_FREE char *inside = named_path(&h->options, path);

	if (!path[0])
		h->all_held = h->conf_held = true;
	else if (inside && !mark_zones(h, inside, true) && is_conf(h, inside))
		h->conf_held = true;
}

static int octal(const char *s)
{
	int v = 0;

	for (int i = 0; i < 3; i++) {
		if (s[i] < '0' || s[i] > '7')
			return -1;
		v = 8 * v + s[i] - '0';
	}
	return v <= 255 ? v : -1;
}

static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		int v = *s == '\\' ? octal(s + 1) : -1;

		*to++ = v >= 0 ? (char)v : *s;
		s += v >= 0 ? 4 : 1;
	}
	*to = '\0';
}

int plan(struct hook *h)
{
	CLEANUP_FREE char *line = NULL;
	size_t size = 0;
	size_t total = 0;
	ssize_t n;

	while ((n = getline(&line, &size, stdin)) > 0) {
		char *path = strchr(line, '\t');

		total += (size_t)n;
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (h->options.batches && !line[0]) {
			h->in_batch = false;
			return 0;
		}
		if (!path || total > ITEMS_BYTES_MAX)
			return ERR_FORMAT;
		*path++ = '\0';
		unescape(path);
		if (strcmp(line, "all") == 0)
			h->reload_all = h->reconfig = true;
		else if (!path_valid(path) && (path[0] || strcmp(line, "held") != 0))
			return ERR_FORMAT;
		else if (strcmp(line, "held") == 0)
			plan_held(h, path);
		else
			plan_item(h, path, strcmp(line, "removed") == 0);
	}
	return 0;
}

void plan_skip(struct hook *h)
{
	CLEANUP_FREE char *line = NULL;
	size_t size = 0;

	while (h->in_batch && getline(&line, &size, stdin) > 0)
		if (line[0] == '\n')
			h->in_batch = false;
}
