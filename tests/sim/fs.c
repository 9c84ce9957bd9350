/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The worker as the replicator sees it: hints, and answers to LOOK, SCAN, STAGE, INSTALL and
 * REMOVE, each after a while. What was asked before a crash of the replicator is not carried out
 * after it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/path.h"
#include "base/port.h"
#include "tests/sim/world.h"

#define HINTS_MAX 60

static void *zalloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

/* ---- hints ---- */

static void give(struct world *w, struct node *n, struct fs_hint *h)
{
	static const struct who who = {.uid = 0, .pid = 1, .command = "vi", .tty = "pts/1"};
	struct event e = {0};

	h->given = ++n->hints_given;
	e.type = h->what == HINT_CHANGED ? EVENT_HINT
		 : h->what == HINT_FREE  ? EVENT_FREE
					 : EVENT_RESCAN;
	e.path = h->path;
	e.hint.serial = h->serial;
	e.hint.from = h->from;
	e.hint.flags = h->flags;
	e.hint.who = &who;
	e.hint.user = "admin";
	host_event(w, n, &e);
	host_pump(w, n);
}

static void give_in_time(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	struct fs_hint *h = n->hints;

	while (h && h->serial != *(uint64_t *)arg)
		h = h->next;
	if (h && !h->given)
		give(w, n, h);
}

/* The worker sends an answer behind the hints of all that it has seen before. After a power cut the
 * core needs that: else a save would be judged before anybody has said that it is one. In other
 * histories answers may overtake hints, which is meaner than the world. */
bool fs_hints_first(struct world *w, struct node *n, uint64_t serial)
{
	struct fs_hint *h = n->hints;
	uint64_t life = n->life;

	while (h && w->weights.power && h->serial <= serial) {
		if (h->given) {
			h = h->next;
			continue;
		}
		give(w, n, h);
		h = n->hints; /* some may have been acknowledged */
		if (!n->up || n->life != life)
			return false;
	}
	return true;
}

static void give_later(struct world *w, struct node *n, uint64_t serial)
{
	uint64_t *arg = zalloc(sizeof *arg);

	*arg = serial;
	world_at(w, rng_below(&w->rng, 4), n->index, n->life, give_in_time, free, arg);
}

void fs_give_hints(struct world *w, struct node *n)
{
	for (struct fs_hint *h = n->hints; h; h = h->next)
		give_later(w, n, h->serial);
}

static void hint_add(struct world *w, struct node *n, uint8_t what, const char *path,
		     const char *from, uint8_t flags)
{
	struct fs_hint *h = zalloc(sizeof *h);

	*h = (struct fs_hint){.serial = ++n->hint_serial, .what = what, .flags = flags};
	snprintf(h->path, sizeof h->path, "%s", path);
	snprintf(h->from, sizeof h->from, "%s", from);
	*n->hints_end = h;
	n->hints_end = &h->next;
	if (n->up)
		give_later(w, n, h->serial);
}

static void hints_drop_waiting(struct node *n, bool all)
{
	struct fs_hint **at = &n->hints;

	while (*at) {
		struct fs_hint *h = *at;

		if (h->given && !all) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		free(h);
	}
	n->hints_end = at;
}

void fs_hint(struct world *w, struct node *n, uint8_t what, const char *path, const char *from,
	     uint8_t flags)
{
	uint32_t waiting = 0;

	if (!n->fs_up)
		return;
	for (struct fs_hint *h = n->hints; h; h = h->next)
		waiting += !h->given;
	if (waiting >= HINTS_MAX || (w->faults && rng_chance(&w->rng, w->weights.rescan))) {
		hints_drop_waiting(n, false);
		power_excuse(w, n);
		hint_add(w, n, HINT_RESCAN, "", "", 0);
		return;
	}
	hint_add(w, n, what, path, from, flags);
}

/* As in the worker, the later of a path's hints stands for those given before it. */
static bool stands_for(const struct fs_hint *acked, const struct fs_hint *h)
{
	return h->given && h->given < acked->given && h->what == acked->what &&
	       h->what != HINT_RESCAN && strcmp(h->path, acked->path) == 0;
}

void fs_acked(struct world *w, struct node *n, uint64_t serial)
{
	struct fs_hint *acked = n->hints, *rest = NULL, **end = &rest, *h;

	while (acked && acked->serial != serial)
		acked = acked->next;
	if (!acked)
		return;
	const struct fs_hint last = *acked;
	while ((h = n->hints)) {
		n->hints = h->next;
		if (h->serial == serial || stands_for(&last, h)) {
			free(h);
			continue;
		}
		*end = h;
		end = &h->next;
	}
	*end = NULL;
	n->hints = rest;
	n->hints_end = rest ? end : &n->hints;
	check_acked(w, n);
}

void fs_owed(struct world *w, struct node *n, const char *path)
{
	struct spot *spot = truth_spot(w, n, path);
	struct inode *i = disk_find(&n->disk, path);

	if (!spot->refused || (i && i->writers > 0) || spot->estale_until > w->now)
		return;
	spot->refused = false;
	fs_hint(w, n, HINT_FREE, path, "", 0);
}

void fs_crash(struct world *w, struct node *n)
{
	hints_drop_waiting(n, true);
	power_excuse(w, n);
	n->disk.life++;
	for (struct inode *i = n->disk.all; i; i = i->next) {
		i->writers = 0;
		i->fresh = false;
		i->count = 0;
		if (!i->linked)
			i->number = UINT64_MAX; /* nothing finds it any more */
	}
	for (uint32_t i = 0; i < n->nspots; i++)
		n->spots[i].refused = false;
	tell(w, "%s fs: a new life", n->name);
	world_note(w, 0xf5, n->index);
}

/* ---- what is there ---- */

static void name_of(const struct node *n, uint32_t id, char *out)
{
	if (id == 0)
		strcpy(out, "root");
	else if (id == 100u + n->index) /* the same name has another number on each host */
		strcpy(out, "bind");
	else
		out[0] = '\0';
}

void fs_attrs(const struct node *n, const struct inode *i, struct attrs *a)
{
	*a = (struct attrs){0};
	if (!i)
		return;
	a->kind = i->kind;
	a->mode = i->mode;
	a->uid = i->uid;
	a->gid = i->gid;
	name_of(n, i->uid, a->owner);
	name_of(n, i->gid, a->group);
	if (i->kind == KIND_DIR)
		return;
	a->mtime_nsec = i->mtime;
	a->size = content_size(i->content);
	a->hash = inode_hash(i);
}

struct look_arg {
	char path[SIM_PATH_MAX];
	bool scan;
	uint64_t hints; /* given by then */
	struct observation o;
	char target[16];
	struct sighting sighting;
	struct below {
		char path[SIM_PATH_MAX];
		struct sighting sighting;
	} * below; /* no directory is there: so nothing is at the paths below either */
	uint32_t nbelow;
};

static void look_free(void *arg)
{
	struct look_arg *l = arg;

	free(l->below);
	free(l);
}

static void sight_below(struct world *w, struct node *n, struct look_arg *l)
{
	uint32_t count = w->npaths;

	for (uint32_t i = 0; i < count; i++) {
		struct below *b;

		if (!path_below(w->paths[i]->path, l->path))
			continue;
		l->below = realloc(l->below, (l->nbelow + 1) * sizeof *l->below);
		if (!l->below)
			abort();
		b = &l->below[l->nbelow++];
		snprintf(b->path, sizeof b->path, "%s", w->paths[i]->path);
		truth_sighting(w, n, b->path, &b->sighting);
	}
}

static bool is_busy(const struct world *w, const struct inode *i)
{
	return i && i->kind == KIND_FILE && i->writers > 0 && (i->fresh || w->now < i->quiet_at);
}

/* Not of the history's own chance, which is what it was. */
static bool first_tree_fails(const struct world *w, const struct node *n, const char *path)
{
	uint64_t h = rng_mix(w->seed ^ rng_mix(text_hash(path) + (uint64_t)w->now));

	return !n->joined && h % 10000 < w->weights.join_error;
}

static void read_disk(struct world *w, struct node *n, struct look_arg *l)
{
	struct inode *i = disk_find(&n->disk, l->path);

	l->hints = n->hint_serial;
	l->o = (struct observation){0};
	if (w->faults && (rng_chance(&w->rng, w->weights.io_error) ||
			  first_tree_fails(w, n, l->path))) {
		l->o.status = -EIO;
		return;
	}
	disk_ident(&n->disk, i, &l->o.ident);
	fs_attrs(n, i, &l->o.attrs);
	l->o.busy = is_busy(w, i);
	l->o.damage = power_damage(n, l->path, i, &l->o.attrs);
	if (i && i->kind == KIND_LINK) {
		content_target(i->content, l->target, sizeof l->target);
		l->o.target = l->target;
	}
	truth_sighting(w, n, l->path, &l->sighting);
	if (!i || i->kind != KIND_DIR)
		sight_below(w, n, l);
}

static void looked(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	struct look_arg *l = arg;
	const struct shown *s;
	struct event e = {.type = EVENT_LOOKED, .path = l->path};

	if (!fs_hints_first(w, n, l->hints))
		return;
	s = core_shown(n->core, l->path);
	e.looked.o = l->o;
	e.looked.scan = l->scan;
	if (l->o.status == 0 && !l->o.busy) {
		truth_looked(w, n, l->path, &l->sighting, &l->o.attrs, &l->o.ident);
		for (uint32_t i = 0; i < l->nbelow; i++)
			truth_looked(w, n, l->below[i].path, &l->below[i].sighting,
				     &(struct attrs){0}, &(struct ident){0});
		if (s && ident_same(&s->ident, &l->o.ident) && !core_suspects(n->core, l->path)) {
			e.looked.o.unchanged = true;
			e.looked.o.attrs = (struct attrs){.kind = l->o.attrs.kind};
		} else if (l->o.attrs.kind == KIND_FILE) {
			storage_put(&n->store, l->o.attrs.hash);
		}
	} else if (l->o.busy) {
		e.looked.o.attrs.hash = (struct hash){0};
	}
	host_event(w, n, &e);
	host_pump(w, n);
}

static void look(struct world *w, uint8_t node, void *arg)
{
	struct look_arg *l = zalloc(sizeof *l);

	*l = *(struct look_arg *)arg; /* nothing is below yet */
	read_disk(w, &w->nodes[node], l);
	world_at(w, rng_below(&w->rng, 4), node, w->nodes[node].life, looked, look_free, l);
}

void fs_look(struct world *w, struct node *n, const char *path)
{
	struct look_arg *l = zalloc(sizeof *l);

	snprintf(l->path, sizeof l->path, "%s", path);
	world_at(w, rng_below(&w->rng, 3), n->index, n->life, look, free, l);
}

/* ---- SCAN: the paths below, found one after the other, each read at its own time ---- */

struct scan_arg {
	char path[SIM_PATH_MAX];
	int status;
	uint64_t hints;
};

static uint32_t scan_below(struct world *w, struct node *n, const struct inode *dir, uint32_t delay)
{
	for (uint32_t i = 0; i < dir->nkids; i++) {
		struct look_arg *l = zalloc(sizeof *l);

		disk_path(dir->kids[i], l->path);
		l->scan = true;
		if (core_local(n->core, l->path, dir->kids[i]->kind == KIND_DIR)) {
			free(l);
			continue;
		}
		delay += rng_below(&w->rng, 2);
		world_at(w, delay, n->index, n->life, look, free, l);
		if (dir->kids[i]->kind == KIND_DIR)
			delay = scan_below(w, n, dir->kids[i], delay);
	}
	return delay;
}

static void scanned(struct world *w, uint8_t node, void *arg)
{
	struct scan_arg *s = arg;
	struct event e = {.type = EVENT_SCANNED, .path = s->path};

	if (!fs_hints_first(w, &w->nodes[node], s->hints))
		return;
	e.scanned.status = s->status;
	host_event(w, &w->nodes[node], &e);
	host_pump(w, &w->nodes[node]);
}

static void scan(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	struct scan_arg *s = zalloc(sizeof *s);
	struct inode *dir;
	uint32_t delay = 0;

	*s = *(struct scan_arg *)arg;
	s->hints = n->hint_serial;
	dir = disk_find(&n->disk, s->path);
	if (w->faults && rng_chance(&w->rng, w->weights.io_error))
		s->status = -EIO;
	if (dir && dir->kind == KIND_DIR)
		delay = scan_below(w, n, dir, 0);
	world_at(w, delay + 5, node, n->life, scanned, free, s);
}

void fs_scan(struct world *w, struct node *n, const char *path)
{
	struct scan_arg *s = zalloc(sizeof *s);

	snprintf(s->path, sizeof s->path, "%s", path);
	world_at(w, rng_below(&w->rng, 3), n->index, n->life, scan, free, s);
}
