/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The hook scheduler. Each hook is idle, collecting (until `quiet` after the
 * latest change, a second after the first at most), running, or waiting to try
 * again. A change while it runs is kept for the next run; a failed run's items
 * go back to those that wait.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "replicator/core/hooks.h"
#include "replicator/core/parts.h"

#define BACKOFF_FIRST_MSEC 1000
#define BACKOFF_LAST_MSEC 60000

struct batch {
	struct hook_item *items;
	uint32_t n;
	uint32_t cap;
	bool all;
};

struct hook {
	const struct hook_spec *spec;
	struct batch waiting;
	struct batch given; /* to the run that is under way, or has failed */
	struct hook_run run;
	bool running;
	bool failing;
	uint32_t attempt;    /* of the run under way, or of the last one */
	int64_t last_change; /* of those that wait */
	int64_t first_change;
	int64_t quiet_until; /* after a run's start: what follows is collected */
	int64_t retry_at;
	bool more; /* the rest of an op is about to follow */
};

struct hooks {
	struct hook_spec *specs;
	struct hook *hooks;
	uint32_t n;
};

struct hooks *hooks_new(const struct hook_spec *specs, uint32_t n)
{
	struct hooks *h = core_alloc(sizeof(*h));

	h->specs = core_alloc(n * sizeof(*h->specs));
	h->hooks = core_alloc(n * sizeof(*h->hooks));
	h->n = n;
	for (uint32_t i = 0; i < n; i++) {
		h->specs[i] = specs[i];
		h->hooks[i].spec = &h->specs[i];
	}
	return h;
}

static void batch_clear(struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		free(b->items[i].path);
	b->n = 0;
	b->all = false;
}

void hooks_free(struct hooks *h)
{
	if (!h)
		return;
	for (uint32_t i = 0; i < h->n; i++) {
		batch_clear(&h->hooks[i].waiting);
		batch_clear(&h->hooks[i].given);
		free(h->hooks[i].waiting.items);
		free(h->hooks[i].given.items);
	}
	free(h->hooks);
	free(h->specs);
	free(h);
}

static void batch_add(struct batch *b, const struct hook_item *item)
{
	if (b->all)
		return;
	for (uint32_t i = b->n; i-- > 0;) {
		if (strcmp(b->items[i].path, item->path) == 0) {
			b->items[i].dir = item->dir;
			b->items[i].gone = item->gone;
			b->items[i].dot = item->dot;
			return;
		}
	}
	if (b->n == HOOK_ITEMS_MAX) {
		b->all = true;
		return;
	}
	GROW(b->items, b->n, b->cap);
	b->items[b->n] = *item;
	b->items[b->n++].path = core_strdup(item->path);
}

static bool has_work(const struct hook *h)
{
	return h->waiting.n || h->waiting.all;
}

void hooks_changed(struct hooks *hs, const char *path, bool dir, bool gone, uint8_t changed,
		   struct dot dot, bool more, int64_t now_msec)
{
	struct hook_item item = {(char *)(uintptr_t)path, dir, gone, dot};

	if (!(changed & ~CHANGED_MTIME))
		return;
	for (uint32_t i = 0; i < hs->n; i++) {
		struct hook *h = &hs->hooks[i];

		if (!patterns_match(h->spec->match, path, dir))
			continue;
		/* News may well be the cure: a failed run waits no longer. */
		if (!has_work(h) || (h->failing && h->retry_at > now_msec)) {
			h->first_change = now_msec;
			h->retry_at = now_msec;
			h->attempt = 0;
		}
		h->last_change = now_msec;
		h->more = more;
		batch_add(&h->waiting, &item);
	}
}

/* When this hook should start, INT64_MAX: not by itself. */
static int64_t start_at(const struct hook *h)
{
	int64_t at;

	if (h->running || !has_work(h))
		return INT64_MAX;
	if (h->more) {
		at = h->first_change + HOOK_COLLECT_MAX_MSEC;
	} else if (h->first_change >= h->quiet_until) {
		at = h->first_change; /* after a silence: at once */
	} else {
		at = h->last_change + h->spec->quiet_msec;
		if (at > h->first_change + HOOK_COLLECT_MAX_MSEC)
			at = h->first_change + HOOK_COLLECT_MAX_MSEC;
	}
	return h->failing && h->retry_at > at ? h->retry_at : at;
}

const struct hook_run *hooks_next(struct hooks *hs, int64_t now_msec)
{
	for (uint32_t i = 0; i < hs->n; i++) {
		struct hook *h = &hs->hooks[i];
		struct batch empty;

		if (start_at(h) > now_msec)
			continue;
		empty = h->given;
		h->given = h->waiting;
		h->waiting = empty;
		h->running = true;
		h->attempt = h->failing ? h->attempt + 1 : 1;
		h->quiet_until = now_msec + h->spec->quiet_msec;
		h->run = (struct hook_run){i, h->given.all, h->given.items, h->given.n, h->attempt};
		return &h->run;
	}
	return NULL;
}

int64_t hooks_wake(const struct hooks *hs)
{
	int64_t at = INT64_MAX;

	for (uint32_t i = 0; i < hs->n; i++) {
		int64_t start = start_at(&hs->hooks[i]);

		at = start < at ? start : at;
	}
	return at;
}

void hooks_done(struct hooks *hs, uint32_t hook, bool ok, int64_t now_msec)
{
	struct hook *h = &hs->hooks[hook];
	int64_t backoff = BACKOFF_FIRST_MSEC;
	bool news = has_work(h);
	struct batch both;

	assert(h->running);
	h->running = false;
	h->failing = !ok;
	if (ok) {
		batch_clear(&h->given);
		return;
	}
	/* The failed run's items come first; what has changed again since counts as
	 * it is now. */
	for (uint32_t i = 0; i < h->waiting.n; i++)
		batch_add(&h->given, &h->waiting.items[i]);
	h->given.all |= h->waiting.all;
	batch_clear(&h->waiting);
	both = h->given;
	h->given = h->waiting;
	h->waiting = both;
	if (news) {
		h->retry_at = now_msec;
		h->attempt = 0;
		return;
	}
	for (uint32_t i = 1; i < h->attempt && backoff < BACKOFF_LAST_MSEC; i++)
		backoff *= 2;
	h->retry_at = now_msec + (backoff < BACKOFF_LAST_MSEC ? backoff : BACKOFF_LAST_MSEC);
}

uint32_t hooks_failing(const struct hooks *hs)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < hs->n; i++)
		n += hs->hooks[i].failing;
	return n;
}

bool hooks_pending(const struct hooks *hs)
{
	for (uint32_t i = 0; i < hs->n; i++) {
		if (hs->hooks[i].running || has_work(&hs->hooks[i]))
			return true;
	}
	return false;
}
