/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A zone's files are found before the checker runs, each looked at and opened here; only those are in what
 * it sees. So an include that this finds nothing of leads nowhere, and what may not be shown to its
 * author can't get into the checker's words.
 */
#include "fs/checkfiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/named_include.h"
#include "fs/backing.h"
#include "fs/staging.h"

#define DEPTH_MAX 32
#define SECRET_LOOK_MAX (64 * 1024)
#define CONF_FILE_MAX (16 * 1024 * 1024)

/* ---- paths ---- */

char *checkfiles_of_tree(const struct conf *conf, const char *in_root)
{
	const char *root = strcmp(conf->server->root, "/") == 0 ? "" : conf->server->root;
	CLEANUP_FREE char *absolute = named_conf_absolute("/", in_root);
	CLEANUP_FREE char *host = NULL;

	if (!absolute || asprintf(&host, "%s%s", root, absolute) < 0 ||
	    !path_below(host, conf->mount))
		return NULL;
	const char *path = host + strlen(conf->mount) + 1;
	return path_valid(path) ? strdup(path) : NULL;
}

char *checkfiles_in_root(const struct conf *conf, const char *path)
{
	const char *root = strcmp(conf->server->root, "/") == 0 ? "" : conf->server->root;
	size_t n = strlen(root);
	CLEANUP_FREE char *host = NULL;

	if (asprintf(&host, "%s/%s", conf->mount, path) < 0 || strncmp(host, root, n) != 0 ||
	    host[n] != '/')
		return NULL;
	return strdup(host + n);
}

int checkfiles_open(struct fs *fs, const struct check *c, const char *path)
{
	struct stat st;

	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->items[i].path, path) == 0)
			return c->items[i].gone ? -ENOENT
						: staging_read(fs->staging, &c->items[i].handle);
	CLEANUP_CLOSE int found = backing_resolve(fs->root, path, O_PATH);
	if (found < 0)
		return found;
	if (fstat(found, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (st.st_size > fs->conf->max_file_size)
		return -EFBIG;
	return backing_reopen(found, O_RDONLY | O_CLOEXEC);
}

/* A file's text for looking at: NULL where it is empty (*len 0) or cannot be read. */
static char *text_of(int fd, size_t *len)
{
	struct stat st;

	*len = 0;
	if (fstat(fd, &st) < 0 || st.st_size <= 0)
		return NULL;
	/* Read, not mapped: it may be cut while it is looked at. */
	char *text = malloc((size_t)st.st_size);
	while (text && *len < (size_t)st.st_size) {
		ssize_t n = pread(fd, text + *len, (size_t)st.st_size - *len, (off_t)*len);
		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	return text;
}

/* ---- zones ---- */

struct closure {
	struct fs *fs;
	const struct check *check;
	struct checkview *view;
	char *words;
	const char *above[DEPTH_MAX]; /* paths of the tree that led here */
	size_t depth;
	int rc;
};

static int add_file(struct closure *c, const char *path, bool included);

static bool may_include(const struct closure *c, const char *path)
{
	const struct conf *conf = c->fs->conf;

	for (size_t i = 0; i < conf->npeers; i++)
		if (strcmp(conf->peers[i].name, c->check->author) == 0 && conf->peers[i].accept)
			return patterns_match(conf->peers[i].accept, path, false);
	return true;
}

static void refuse(struct closure *c, size_t line, const char *file, const char *why)
{
	snprintf(c->words, CHECKFILES_WORDS, "%s:%zu: $INCLUDE %.300s is refused: %s",
		 c->above[c->depth - 1], line, file, why);
	c->rc = 1;
}

static bool is_above(const struct closure *c, const char *path)
{
	for (size_t i = 0; i < c->depth; i++)
		if (strcmp(c->above[i], path) == 0)
			return true;
	return false;
}

static bool included(void *arg, const char *file, size_t line)
{
	struct closure *c = arg;
	CLEANUP_FREE char *absolute = named_conf_absolute(c->check->directory, file);
	CLEANUP_FREE char *path = absolute ? checkfiles_of_tree(c->fs->conf, absolute) : NULL;

	if (!path)
		refuse(c, line, file, "it lies outside of the tree");
	else if (is_above(c, path))
		refuse(c, line, file, "it leads back to itself");
	else if (c->depth == DEPTH_MAX || c->view->n >= CHECK_FILES_MAX)
		refuse(c, line, file, "too many files include each other");
	else if (!may_include(c, path))
		refuse(c, line, file, "who wrote this may not write that file");
	else
		c->rc = add_file(c, path, true);
	if (c->rc == -EACCES)
		refuse(c, line, file, "it is a key");
	else if (c->rc == -ELOOP)
		refuse(c, line, file, "it is, or leads over, a symbolic link");
	return c->rc == 0;
}

/* What is not there is no error: the checker says so, with the line. */
static int add_file(struct closure *c, const char *path, bool is_included)
{
	CLEANUP_FREE char *in_root = checkfiles_in_root(c->fs->conf, path);
	size_t len;

	if (!in_root)
		return -ENOMEM;
	if (checkview_has(c->view, in_root + 1))
		return 0;
	int fd = checkfiles_open(c->fs, c->check, path);
	if (fd < 0)
		return is_included && fd != -ELOOP && fd != -ENOMEM ? 0 : fd;
	CLEANUP_FREE char *text = text_of(fd, &len);
	if (named_include_secret(text ? text : "",
				 is_included && len > SECRET_LOOK_MAX ? SECRET_LOOK_MAX : len) &&
	    is_included) {
		close(fd);
		return -EACCES;
	}
	int rc = checkview_add(c->view, in_root + 1, fd);
	if (rc < 0 || !text || c->check->checks.format != NAMED_TEXT)
		return rc;
	c->above[c->depth++] = path;
	named_include_zone(text, len, included, c);
	c->depth--;
	return c->rc;
}

int checkfiles_zone(struct fs *fs, const struct check *c, struct checkview *v,
		    char words[CHECKFILES_WORDS])
{
	struct closure closure = {.fs = fs, .check = c, .view = v, .words = words};

	words[0] = '\0';
	return add_file(&closure, c->path, false);
}

/* ---- the configuration ---- */

char *checkfiles_conf(struct fs *fs, const struct check *c)
{
	static const char *const usual[] = {"/etc/named.conf", "/etc/bind/named.conf"};

	if (fs->conf->server->conf[0])
		return strdup(fs->conf->server->conf);
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
		CLEANUP_FREE char *path = checkfiles_of_tree(fs->conf, usual[i]);
		CLEANUP_CLOSE int fd = path ? checkfiles_open(fs, c, path) : -1;

		if (fd >= 0)
			return strdup(usual[i]);
	}
	return strdup(usual[0]);
}

struct listing {
	struct fs *fs;
	const struct check *check;
	char *paths[CHECK_FILES_MAX]; /* patterns too */
	size_t n;
	size_t seen;     /* of these, looked into */
	char *directory; /* NULL: none said so far */
};

static void list_path(struct listing *l, const char *in_root)
{
	CLEANUP_FREE char *path = checkfiles_of_tree(l->fs->conf, in_root);

	for (size_t i = 0; path && i < l->n; i++)
		if (strcmp(l->paths[i], path) == 0)
			return;
	if (path && l->n < CHECK_FILES_MAX) {
		l->paths[l->n++] = path;
		path = NULL;
	}
}

/* What a pattern's last component matches now. */
static void list_matches(struct listing *l, const char *in_root)
{
	CLEANUP_FREE char *path = checkfiles_of_tree(l->fs->conf, in_root);
	struct dirent *e;

	if (!path || !strpbrk(path_name(path), "*?["))
		return;
	CLEANUP_FREE char *parent = strndup(path, path_parent_len(path));
	CLEANUP_FREE char *above = strndup(in_root, (size_t)(strrchr(in_root, '/') - in_root));
	int fd = parent ? backing_resolve(l->fs->root, parent, O_RDONLY | O_DIRECTORY) : -1;
	DIR *d CLEANUP_CLOSEDIR = fd >= 0 ? fdopendir(fd) : NULL;

	if (fd >= 0 && !d)
		close(fd);
	while (above && d && (e = readdir(d))) {
		CLEANUP_FREE char *match = NULL;

		if (fnmatch(path_name(path), e->d_name, FNM_PERIOD) == 0 &&
		    asprintf(&match, "%s/%s", above, e->d_name) >= 0)
			list_path(l, match);
	}
}

static bool conf_found(void *arg, const char *file, bool directory)
{
	struct listing *l = arg;

	if (directory) {
		free(l->directory);
		l->directory = named_conf_absolute("/", file);
		return true;
	}
	for (int i = 0; i < (file[0] != '/' && l->directory ? 2 : 1); i++) {
		CLEANUP_FREE char *in_root = named_conf_absolute(i ? l->directory : "/", file);

		if (in_root) {
			list_path(l, in_root);
			list_matches(l, in_root);
		}
	}
	return l->n < CHECK_FILES_MAX;
}

void checkfiles_list(struct fs *fs, const struct check *c, const char *conf, struct buf *answer)
{
	struct listing l = {.fs = fs, .check = c};
	struct stat st;
	size_t n = 0, bytes = 0, len;

	list_path(&l, conf);
	for (; l.seen < l.n; l.seen++) {
		CLEANUP_CLOSE int fd = checkfiles_open(fs, c, l.paths[l.seen]);

		if (fd < 0 || fstat(fd, &st) < 0 || st.st_size > CONF_FILE_MAX)
			continue;
		CLEANUP_FREE char *text = text_of(fd, &len);
		if (text)
			named_include_conf(text, len, conf_found, &l);
	}
	for (; n < l.n && bytes < PORT_PACKET_MAX / 2; n++)
		bytes += strlen(l.paths[n]) + 8;
	buf_u16(answer, (uint16_t)n);
	for (size_t i = 0; i < l.n; i++) {
		if (i < n)
			buf_str(answer, l.paths[i]);
		free(l.paths[i]);
	}
	free(l.directory);
}
