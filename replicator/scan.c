/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SCAN: walks what is below a directory with LIST, page by page, and gives each path to the taker.
 * What stays local is neither looked at nor gone into. The next page is asked for only when most of
 * the last one has been looked at, so that a scan of a million files keeps a page of them in
 * memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "replicator/taker_internal.h"

#define FOUND_WAITING_MAX 128

struct dir {
	struct dir *next;
	char *path;
	uint64_t cursor;
};

struct scan {
	struct scan *next;
	char *path;
	struct dir *dirs; /* to be listed; the first goes on at its cursor */
	uint32_t takes;   /* found, and not given to the core yet */
	int status;
	bool listing;
};

static void add_dir(struct scan *s, char *path)
{
	struct dir *d = calloc(1, sizeof(*d));

	if (!d || !path) {
		log_error("out of memory");
		abort();
	}
	d->path = path;
	d->next = s->dirs;
	s->dirs = d;
}

static void drop_dir(struct dir *d)
{
	free(d->path);
	free(d);
}

void taker_scan(struct taker *t, const char *path)
{
	struct scan *s = calloc(1, sizeof(*s));

	if (!s || !(s->path = strdup(path))) {
		log_error("out of memory");
		abort();
	}
	add_dir(s, strdup(path));
	*t->scans_end = s;
	t->scans_end = &s->next;
	scan_pump(t);
}

static void scan_free(struct scan *s)
{
	while (s->dirs) {
		struct dir *d = s->dirs;
		s->dirs = d->next;
		drop_dir(d);
	}
	free(s->path);
	free(s);
}

void scan_free_all(struct taker *t)
{
	while (t->scans) {
		struct scan *s = t->scans;
		t->scans = s->next;
		scan_free(s);
	}
}

/* Ends the first scan if nothing is left of it. */
static void end_if_done(struct taker *t)
{
	struct scan *s = t->scans;

	if (!s || s->listing || s->dirs || s->takes > 0)
		return;
	t->scans = s->next;
	if (!t->scans)
		t->scans_end = &t->scans;
	struct event e = {.type = EVENT_SCANNED, .path = s->path};
	e.scanned.status = s->status;
	node_event(t->node, &e);
	scan_free(s);
	scan_pump(t);
}

void scan_took(struct taker *t, struct scan *s)
{
	s->takes--;
	end_if_done(t);
}

static void found(struct taker *t, struct scan *s, const char *dir, enum kind kind,
		  const char *name)
{
	char *path = path_join(dir, name);

	if (!path) {
		s->status = -ENOMEM;
		return;
	}
	if (!path_valid(path) || core_local(t->node->core, path, kind == KIND_DIR)) {
		free(path);
		return;
	}
	if (kind == KIND_DIR)
		add_dir(s, strdup(path));
	s->takes++;
	taker_add_found(t, s, path);
}

static void list_done(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	struct taker *t = n->taker;
	struct scan *s = arg;
	struct dir *d = s->dirs;

	(void)fd;
	s->listing = false;
	s->dirs = d->next;
	uint64_t cursor = 0;
	if (status == 0) {
		cursor = rd_u64(r);
		for (uint16_t left = rd_u16(r); left > 0 && !r->err; left--) {
			char name[NAME_LEN_MAX + 1];
			uint8_t kind = rd_u8(r);

			rd_strbuf(r, name, sizeof(name));
			if (!r->err)
				found(t, s, d->path, (enum kind)kind, name);
		}
		status = rd_end(r);
	}
	/* A directory that has gone, or is one no more, was told by a hint. */
	if (status < 0 && status != -ENOENT && status != -ENOTDIR)
		s->status = status;
	if (status == 0 && cursor != 0) {
		d->cursor = cursor;
		d->next = s->dirs;
		s->dirs = d;
	} else {
		drop_dir(d);
	}
	taker_pump(t);
	end_if_done(t);
}

void scan_pump(struct taker *t)
{
	struct scan *s = t->scans;

	if (!s || s->listing || !s->dirs || t->found.n > FOUND_WAITING_MAX)
		return;
	struct buf *b = portal_begin(t->node->portal, PORT_LIST);
	buf_str(b, s->dirs->path);
	buf_u64(b, s->dirs->cursor);
	s->listing = portal_send(t->node->portal, list_done, s) == 0;
}
