/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * When hooks run: pure. The first change after a silence at once, what follows within `quiet`
 * collected (for a second at most); one run at a time per hook, another one for what came
 * meanwhile; a failed run again, with all items of the failed one: with back-off from 1 s to 60 s,
 * or as soon as something else changes. Changes of an mtime only start none.
 */
#ifndef CORE_HOOKS_H
#define CORE_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pattern.h"
#include "replicator/core/version.h"

#define HOOK_COLLECT_MAX_MSEC 1000
#define HOOK_ITEMS_MAX 1024 /* in one run; beyond, the run says "all" */

struct hooks;

struct hook_spec {
	const char *name;
	const struct patterns *match; /* borrowed */
	uint32_t quiet_msec;
};

struct hooks *hooks_new(const struct hook_spec *specs, uint32_t n);
void hooks_free(struct hooks *h);

/* A change is on disk. `dot`: the version's, origin 0 for none (an implicit directory). `more`: the
 * rest of the same op is about to follow, and one run shall cover it all (waited for a second at most). */
void hooks_changed(struct hooks *h, const char *path, bool dir, bool gone, uint8_t changed,
		   struct dot dot, bool more, int64_t now_msec);

/* A run that should start now. Valid until hooks_done for it. */
struct hook_item {
	char *path;
	bool dir;
	bool gone;
	struct dot dot;
};
struct hook_run {
	uint32_t hook; /* index of its spec */
	bool all;      /* too many items: everything may have changed */
	struct hook_item *items;
	uint32_t n;
	uint32_t attempt; /* 1, 2, ... */
};
/* The next run to start at `now`, or NULL. Call until it gives NULL. */
const struct hook_run *hooks_next(struct hooks *h, int64_t now_msec);
/* When to call hooks_next again without a change: monotonic ms, or INT64_MAX. */
int64_t hooks_wake(const struct hooks *h);
/* The run of this hook has ended. */
void hooks_done(struct hooks *h, uint32_t hook, bool ok, int64_t now_msec);
/* Hooks whose last run failed. */
uint32_t hooks_failing(const struct hooks *h);
/* Some change is not yet covered by a successful run of a hook that it concerns: it waits, its run
 * is under way or has failed. */
bool hooks_pending(const struct hooks *h);

#endif
