/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The zones (and the views' keys, for questions), from named-checkconf: a process of tens of milliseconds, and more with many zones. One that
 * goes on running asks again only when a file of the configuration is another than it was then: as far as
 * its includes lead, each is recognised by device, inode, size and times. Where that cannot be told (a
 * pattern, a name that is not absolute, a file that cannot be read) it always asks. While what is there
 * cannot be used, named goes on with what it has, and so does one that goes on running.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/named_include.h"
#include "tools/hooks/bind.h"
#include "tools/hooks/bind_tool.h"

#define FILE_MAX (16 * 1024 * 1024)

struct files {
	char *names[CONF_FILES_MAX];
	size_t n;
	bool unsure;
};

static void add_file(struct files *f, const char *name)
{
	if (name[0] != '/' || strpbrk(name, "*?[") || f->n == CONF_FILES_MAX) {
		f->unsure = true;
		return;
	}
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->names[i], name) == 0)
			return;
	f->names[f->n] = strdup(name);
	f->unsure |= !f->names[f->n];
	f->n += f->names[f->n] != NULL;
}

static bool included(void *arg, const char *file, bool directory)
{
	if (!directory)
		add_file(arg, file);
	return true;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * UINT64_C(0x9e3779b97f4a7c15) + (h >> 29);
}

static void add_to_stamp(uint64_t *stamp, const struct stat *st)
{
	*stamp = mix(mix(mix(*stamp, st->st_dev), st->st_ino), (uint64_t)st->st_size);
	*stamp = mix(mix(*stamp, (uint64_t)st->st_mtim.tv_sec), (uint64_t)st->st_mtim.tv_nsec);
	*stamp = mix(mix(*stamp, (uint64_t)st->st_ctim.tv_sec), (uint64_t)st->st_ctim.tv_nsec);
}

/* Adds what it is to the stamp, and what it includes to the list. */
static void look_at(const struct hook *h, const char *name, struct files *f, uint64_t *stamp)
{
	CLEANUP_CLOSE int fd = open_inside(h, name, O_RDONLY | O_NONBLOCK);
	CLEANUP_FREE char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		f->unsure = true;
		return;
	}
	add_to_stamp(stamp, &st);
	text = malloc((size_t)st.st_size + 1);
	n = text ? read(fd, text, (size_t)st.st_size) : -1;
	if (n != st.st_size)
		f->unsure = true;
	else
		named_include_conf(text, (size_t)n, included, f);
}

/* Of the configuration as it is, and the files that it consists of; 0: it cannot be told. */
static uint64_t stamp_of(const struct hook *h, struct files *f)
{
	CLEANUP_FREE char *conf = named_conf_absolute("/", h->options.conf);
	uint64_t stamp = 1;

	if (conf)
		add_file(f, conf);
	for (size_t i = 0; i < f->n && !f->unsure; i++)
		look_at(h, f->names[i], f, &stamp);
	return f->unsure || f->n == 0 ? 0 : stamp;
}

/* All files are as they were, and so include the same. */
static bool is_the_same(const struct hook *h)
{
	uint64_t stamp = 1;
	struct stat st;

	for (size_t i = 0; i < h->nfiles; i++) {
		if (!stat_inside(h, h->files[i], &st))
			return false;
		add_to_stamp(&stamp, &st);
	}
	return h->stamp != 0 && stamp == h->stamp;
}

static void forget(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
}

void forget_files(struct hook *h)
{
	forget(h->files, h->nfiles);
	h->nfiles = 0;
	h->stamp = 0;
}

/* Into *zones, or why not into h->conf_words. */
static int ask(struct hook *h, struct named_conf *zones)
{
	const struct options *o = &h->options;
	CLEANUP_FREE char *in_root = named_conf_absolute("/", o->conf);
	const char *argv[6] = {"named-checkconf", "-p"};
	struct tool_run run = {.argv = argv, .timeout_msec = BOUND_MSEC};
	struct buf text;
	int r;

	if (!in_root)
		return -ENOMEM;
	if (strcmp(o->root, "/") != 0) {
		argv[2] = "-t";
		argv[3] = o->root;
		run.own_root = true;
	}
	argv[run.own_root ? 4 : 2] = in_root;
	buf_init(&text, TOOL_OUTPUT_MAX);
	buf_reset(&h->conf_words);
	r = tool_run(&run, &text);
	if (r == 0)
		r = text.err;
	if (r == 0)
		r = named_conf_parse(zones, (char *)text.data, text.len, 0);
	else if (r > 0)
		buf_raw(&h->conf_words, text.data, text.len);
	if (r != 0) {
		static const char cannot[] = "the configuration cannot be used: ";
		const char *why = r < 0 ? err_text(r) : "named-checkconf refuses it";

		buf_raw(&h->conf_words, cannot, sizeof cannot - 1);
		buf_raw(&h->conf_words, why, strlen(why));
		buf_raw(&h->conf_words, "\n", 1);
	}
	buf_fini(&text);
	return r;
}

static void take(struct hook *h, struct named_conf *zones)
{
	named_conf_fini(&h->zones);
	h->zones = *zones;
	h->links_known = false;
}

int read_zones(struct hook *h)
{
	struct files before = {0}, after = {0};
	struct named_conf zones = {0};
	int r = 0;

	h->conf_bad = h->conf_moves = h->all_held = h->conf_held = false;
	if (!is_the_same(h)) {
		uint64_t stamp = stamp_of(h, &before);

		forget_files(h);
		r = ask(h, &zones);
		if (r == 0)
			take(h, &zones);
		else
			named_conf_fini(&zones);
		/* What was changed while it was read is looked at again. */
		if (r == 0 && stamp && stamp == stamp_of(h, &after)) {
			h->stamp = stamp;
			memcpy(h->files, after.names, sizeof h->files);
			h->nfiles = after.n;
			after.n = 0;
		} else {
			h->conf_moves = r == 0 && stamp;
		}
		forget(before.names, before.n);
		forget(after.names, after.n);
	}
	for (size_t i = 0; i < h->zones.n; i++)
		h->zones.list[i].changed = h->zones.list[i].held = false;
	h->conf_bad = r != 0;
	if (r != 0 && h->zones.n == 0)
		fwrite(h->conf_words.data, 1, h->conf_words.len, stdout);
	return h->zones.n > 0 ? 0 : r;
}

bool conf_settled(const struct hook *h)
{
	CLEANUP_FREE char *conf = named_conf_absolute("/", h->options.conf);
	struct stat st;

	return conf && stat_inside(h, conf, &st) && st.st_size > 0 && !h->conf_moves &&
	       (h->stamp == 0 || is_the_same(h));
}
