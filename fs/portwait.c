/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A wait for everything ends when all hints up to its serial are acknowledged; one for a path when
 * it has no writer, and nothing at it or below it is delayed or unacknowledged.
 */
#include "fs/portwait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "fs/fs.h"
#include "fs/tree.h"

#define LIMIT_MSEC (60 * 60 * 1000)

struct portwait {
	struct portwait *next;
	struct portjob *job;
	int64_t until_msec;
	uint64_t serial;
	char path[PATH_LEN_MAX + 1];
};

int portwaits_add(struct portwaits *w, struct portjob *job, struct rd *r)
{
	if (w->n >= PORTWAITS_MAX)
		return ERR_LIMIT;
	struct portwait *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	rd_strbuf(r, p->path, sizeof(p->path));
	p->serial = rd_u64(r);
	uint32_t limit = rd_u32(r);
	if (rd_end(r) < 0 || !path_valid_or_root(p->path)) {
		free(p);
		return ERR_FORMAT;
	}
	p->job = job;
	p->until_msec = clock_monotonic_msec() + (limit > LIMIT_MSEC ? LIMIT_MSEC : limit);
	p->next = w->first;
	w->first = p;
	w->n++;
	return 0;
}

static bool is_done(struct fs *fs, const struct portwait *w)
{
	/* A save that ends between the two questions is seen by the second. */
	if (!w->path[0])
		return !save_outstanding(fs, w->serial) && capture_done(fs->capture, w->serial);
	struct node *n = tree_node(fs, w->path);
	bool writer = false;
	if (n) {
		nodes_lock(&fs->nodes);
		writer = n->writers > 0;
		nodes_unlock(&fs->nodes);
		node_put(&fs->nodes, n);
	}
	return !writer && !save_below(fs, w->path) && capture_done_path(fs->capture, w->path);
}

struct portjob *portwaits_next(struct portwaits *w, struct fs *fs, int64_t now_msec, bool *done,
			       int64_t *next)
{
	struct portwait **at;

	*next = INT64_MAX;
	for (at = &w->first; *at; at = &(*at)->next) {
		struct portwait *p = *at;
		*done = is_done(fs, p);
		if (*done || p->until_msec <= now_msec) {
			struct portjob *job = p->job;
			*at = p->next;
			free(p);
			w->n--;
			return job;
		}
		*next = p->until_msec < *next ? p->until_msec : *next;
	}
	return NULL;
}

void portwaits_fini(struct portwaits *w)
{
	while (w->first) {
		struct portwait *p = w->first;
		w->first = p->next;
		portjob_free(p->job);
		free(p);
	}
	w->n = 0;
}
