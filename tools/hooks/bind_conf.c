/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The zones, from named-checkconf: a process of tens of milliseconds, and more with many zones. One that
 * goes on running asks again only when a file of the configuration is another than it was then: as far as
 * its includes lead, each is recognised by device, inode, size and times. Where that cannot be told (a
 * pattern, a name that is not absolute, a file that cannot be read) it always asks.
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

#define FILES_MAX 256
#define FILE_MAX (16 * 1024 * 1024)

struct files {
	char *names[FILES_MAX];
	size_t n;
	bool unsure;
};

static void add_file(struct files *f, const char *name)
{
	if (name[0] != '/' || strpbrk(name, "*?[") || f->n == FILES_MAX) {
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
	*stamp = mix(mix(mix(*stamp, st.st_dev), st.st_ino), (uint64_t)st.st_size);
	*stamp = mix(mix(*stamp, (uint64_t)st.st_mtim.tv_sec), (uint64_t)st.st_mtim.tv_nsec);
	*stamp = mix(mix(*stamp, (uint64_t)st.st_ctim.tv_sec), (uint64_t)st.st_ctim.tv_nsec);
	text = malloc((size_t)st.st_size + 1);
	n = text ? read(fd, text, (size_t)st.st_size) : -1;
	if (n != st.st_size)
		f->unsure = true;
	else
		named_include_conf(text, (size_t)n, included, f);
}

/* Of the configuration as it is; 0: it cannot be told. */
static uint64_t stamp_of(const struct hook *h)
{
	CLEANUP_FREE char *conf = named_conf_absolute("/", h->options.conf);
	struct files f = {0};
	uint64_t stamp = 1;

	if (conf)
		add_file(&f, conf);
	for (size_t i = 0; i < f.n && !f.unsure; i++)
		look_at(h, f.names[i], &f, &stamp);
	if (f.unsure || f.n == 0)
		stamp = 0;
	for (size_t i = 0; i < f.n; i++)
		free(f.names[i]);
	return stamp;
}

static int ask(struct hook *h)
{
	const struct options *o = &h->options;
	CLEANUP_FREE char *in_root = named_conf_absolute("/", o->conf);
	const char *argv[6] = {"named-checkconf", "-px"};
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
	r = tool_run(&run, &text);
	if (r == 0)
		r = text.err;
	if (r == 0)
		r = named_conf_parse(&h->zones, (char *)text.data, text.len, 0);
	else if (r > 0)
		fwrite(text.data, 1, text.len, stdout);
	if (r != 0)
		printf("the configuration cannot be used: %s\n",
		       r < 0 ? err_text(r) : "named-checkconf refuses it");
	buf_fini(&text);
	return r;
}

int read_zones(struct hook *h)
{
	uint64_t before = stamp_of(h);
	int r;

	if (before != 0 && before == h->stamp) {
		for (size_t i = 0; i < h->zones.n; i++)
			h->zones.list[i].changed = false;
		return 0;
	}
	named_conf_fini(&h->zones);
	h->zones = (struct named_conf){0};
	h->stamp = 0;
	r = ask(h);
	/* What was changed while it was read is looked at again. */
	if (r == 0 && before == stamp_of(h))
		h->stamp = before;
	return r;
}
