/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The safety brake. A `rm -rf` in the wrong place, or a disk that is not mounted when the node
 * starts, looks like the wish to remove all of it everywhere. So what would remove or empty more
 * than a share of the tree, and more than some paths, at once, makes no versions: it is *held* on
 * this node until an administrator approves it or has it put back.
 *
 *   at once   Up to `brake_paths` removals, without BRAKE_APART_MSEC of quiet between them, are told
 *             as ever, when their delete-delay has passed. More wait together until none has come
 *             for BRAKE_QUIET_MSEC, and are then judged as one.
 *   held      As drafts (held.c), of no set. A save that brings a path back ends that. While something
 *             is held, every further removal is held with it, also across a restart.
 */
#include <string.h>

#include "base/log.h"
#include "base/path.h"
#include "replicator/core/parts.h"

#define META_BRAKE "brake"
#define BRAKE_QUIET_MSEC 1000
#define BRAKE_APART_MSEC 10000
#define BRAKE_LAST_MSEC 60000 /* a group of removals is judged then at the latest */

static bool brake_enabled(const struct core *c)
{
	return c->conf.brake_share && !c->taking_in;
}

bool brake_removes(const struct key *k, const struct observation *o)
{
	if (o->status < 0 || o->busy || o->unchanged || !key_present(k) || k->shown->leftover)
		return false;
	if (o->attrs.kind == KIND_ABSENT)
		return true;
	return o->attrs.kind == KIND_FILE && !o->too_big && !o->attrs.size &&
	       k->shown->attrs.kind == KIND_FILE && k->shown->attrs.size;
}

void brake_load(struct core *c, const char *name, const uint8_t *p, size_t len)
{
	if (strcmp(name, META_BRAKE) == 0)
		c->brake.on = len == 1 && p[0] == 1;
}

static void brake_set(struct core *c, bool on)
{
	uint8_t value = on;

	if (c->brake.on == on)
		return;
	c->brake.on = on;
	store_meta(c, META_BRAKE, &value, sizeof(value));
}

void brake_expect(struct core *c)
{
	if (c->now - c->brake.last >= BRAKE_APART_MSEC)
		c->brake.recent = 0;
	if (!c->brake.waiting++)
		c->brake.first = c->now;
	c->brake.last = c->now;
}

void brake_forget(struct core *c)
{
	c->brake.waiting--;
}

static uint64_t at_once(const struct core *c)
{
	return (uint64_t)c->brake.waiting + c->brake.recent;
}

static bool too_much(const struct core *c)
{
	uint64_t tree = (uint64_t)c->ncounted + c->brake.recent;

	return at_once(c) > c->conf.brake_paths && at_once(c) * 100 > c->conf.brake_share * tree;
}

int64_t brake_wait_until(const struct core *c, int64_t deadline)
{
	int64_t quiet = c->brake.last + BRAKE_QUIET_MSEC, last = c->brake.first + BRAKE_LAST_MSEC;
	int64_t at = quiet < last ? quiet : last;

	if (!brake_enabled(c) || c->brake.on || deadline <= c->brake.passed_at ||
	    at_once(c) <= c->conf.brake_paths || at <= c->now)
		return 0;
	return at;
}

bool brake_holds(struct core *c, int64_t deadline)
{
	if (!brake_enabled(c))
		return false;
	if (c->brake.on)
		return true;
	if (deadline > c->brake.passed_at) {
		if (too_much(c)) {
			effect_note(c, LOG_LEVEL_ERROR,
				    "safety brake: %llu of %u paths would be removed or emptied at "
				    "once; they are held on this node until `zonefsctl approve` or "
				    "`zonefsctl discard`",
				    (unsigned long long)at_once(c), c->ncounted);
			brake_set(c, true);
			return true;
		}
		c->brake.passed_at = c->now;
	}
	c->brake.recent++;
	return false;
}

/* Nothing is held any more, and nothing that a scan could find either. */
void brake_due(struct core *c)
{
	const struct delay *d;

	if (!c->brake.on || !c->brake.scanned || c->nlooking || c->nflight || c->brake.held ||
	    c->brake.waiting)
		return;
	TAILQ_FOREACH(d, &c->delays, link) {
		if (d->kind == DELAY_LOOK) /* what could not be looked at may be what was held */
			return;
	}
	brake_set(c, false);
}

void brake_scanned(struct core *c)
{
	c->brake.scanned = true;
}
