/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A few cores wired together, without chance and without waiting: what one tells, the others hear
 * when story_run is called, and time passes only where a story says so. Disk and store are the
 * simulator's. With STORIES=1 in the environment each step is printed as `cause -> decision`.
 */
#ifndef TEST_CORE_HELP_H
#define TEST_CORE_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/port.h"
#include "tests/sim/copy.c"
#include "tests/sim/disk.c"
#include "tests/sim/rng.c"
#include "tests/sim/storage.c"

#define HOSTS_MAX 3
#define PENDING_MAX 1024
#define STORY_WALL INT64_C(1700000000000)
#define MSEC INT64_C(1000000)

#define HINTS_OPEN_MAX 64

struct host {
	uint8_t index;
	char name[4];
	bool up;
	struct core *core;
	struct core_conf conf;
	struct locality *locality;
	const char *peers[HOSTS_MAX];
	uint8_t peer_host[HOSTS_MAX];
	struct disk disk;
	struct storage store;
	uint64_t serial;
	uint64_t lives;
	int64_t wake;
	uint64_t acked; /* the last one */
	struct open_hint {
		enum event_type type;
		char path[64];
		uint64_t serial;
	} open[HINTS_OPEN_MAX]; /* not acknowledged; the latest of a path and type */
	uint32_t nopen;
	uint32_t started; /* so often it said that what the start found is told */
	uint32_t broadcasts;
	uint32_t told_items; /* of the last broadcast */
	uint32_t asks;
	uint32_t notes; /* for the log */
	uint32_t told;  /* changes that hooks hear of, */
	uint32_t alone; /* and of these, those that nothing of the same op is about to follow */
	bool power_cut; /* its next start comes after one */
};

struct pending {
	uint8_t host;
	struct effect e;
};

struct story {
	struct host host[HOSTS_MAX];
	uint32_t n;
	int64_t now;
	struct pending pending[PENDING_MAX];
	uint32_t npending;
	bool cut[HOSTS_MAX][HOSTS_MAX]; /* from, to: nothing is heard */
	bool deaf[HOSTS_MAX];           /* broadcasts to it are lost, questions work */
	int hold;                       /* an effect that is not carried out for now; -1: none */
	bool apart;             /* contents do not come with their versions */
	bool lose_pages;
	uint32_t pages;         /* so many more come through; 0: all */
	bool mute;              /* installs are done, and nobody hears of it */
	const char *unreadable; /* a look at it fails; NULL: none does */
	struct trial *trial[HOSTS_MAX]; /* the last that is to be judged; NULL: none yet */
	uint32_t trials[HOSTS_MAX];     /* how many */
	uint32_t refusals;              /* told to their author */
};

static const char *const story_events[] = {
    "start",     "time",    "hint", "free", "rescan",    "looked", "scanned", "staged",
    "installed", "content", "peer", "op",   "heartbeat", "ask",    "page",    "nodes",
    "forget",    "start alone", "order", "hold", "release", "approve", "discard", "set aside", "edit",
    "verdict",   "rejudge"};
static const char *const story_effects[] = {"store",   "ack",    "look",   "scan",      "stage",
					    "install", "remove", "fetch",  "broadcast", "ask",
					    "answer",  "told",   "joined", "started", "wake",      "note",
					    "refused", "judge"};

static inline void hint_given(struct host *h, const struct event *e)
{
	struct open_hint *o = h->open;

	while (o < h->open + h->nopen && (o->type != e->type || strcmp(o->path, e->path) != 0))
		o++;
	if (o == h->open + h->nopen) {
		assert_true(h->nopen++ < HINTS_OPEN_MAX);
		o->type = e->type;
		snprintf(o->path, sizeof(o->path), "%s", e->path);
	}
	o->serial = e->hint.serial;
}

static inline void hint_acked(struct host *h, uint64_t serial)
{
	h->acked = serial;
	for (uint32_t i = 0; i < h->nopen; i++)
		if (h->open[i].serial == serial)
			h->open[i--] = h->open[--h->nopen];
}

static inline void story_event(struct story *s, struct host *h, struct event *e)
{
	bool print = getenv("STORIES") != NULL;
	const struct effect *effects;
	size_t n;

	if (!h->up)
		return;
	if (e->type == EVENT_HINT || e->type == EVENT_FREE || e->type == EVENT_RESCAN)
		hint_given(h, e);
	e->wall_msec = STORY_WALL + s->now;
	e->now_msec = s->now;
	effects = core_step(h->core, e, &n);
	if (print)
		printf("  %s %s %s ->", h->name, story_events[e->type], e->path ? e->path : "");
	for (size_t i = 0; i < n; i++) {
		assert_true(s->npending < PENDING_MAX);
		s->pending[s->npending].host = h->index;
		effect_copy(&s->pending[s->npending++].e, &effects[i]);
		if (print && effects[i].type != EFFECT_STORE && effects[i].type != EFFECT_WAKE)
			printf(" %s %s", story_effects[effects[i].type],
			       effects[i].path ? effects[i].path : "");
	}
	if (print)
		printf("\n");
}

/* ---- what a host does for its core ---- */

static inline void story_attrs(const struct inode *i, struct attrs *a)
{
	*a = (struct attrs){0};
	if (!i)
		return;
	a->kind = i->kind;
	a->mode = i->mode;
	strcpy(a->owner, "root");
	strcpy(a->group, "root");
	if (i->kind == KIND_DIR)
		return;
	a->mtime_nsec = i->mtime;
	a->size = content_size(i->content);
	a->hash = content_hash(i->content);
}

/* Contents from PARTS on are torn. */
#define PARTS 900

static inline enum damage story_damage(const struct host *h, const char *path,
				       const struct attrs *a)
{
	const struct stored_path *p = storage_find(&h->store, path);
	const struct shown *shown = core_shown(h->core, path);

	if (!core_suspects(h->core, path) || a->kind != KIND_FILE)
		return DAMAGE_NONE;
	for (uint32_t i = 0; p && i < p->n + p->nhistory; i++)
		if (hash_same((i < p->n ? p->entry[i] : p->history[i - p->n])->attrs.hash, a->hash))
			return DAMAGE_OLDER;
	if (!shown || shown->attrs.kind != KIND_FILE)
		return DAMAGE_NONE;
	return !a->size				 ? DAMAGE_EMPTY
	       : hash_same(a->hash, content_hash(PARTS)) ? DAMAGE_PART
							 : DAMAGE_NONE;
}

static inline void story_look(struct story *s, struct host *h, const char *path, bool scan)
{
	struct inode *i = disk_find(&h->disk, path);
	struct event e = {.type = EVENT_LOOKED, .path = path};
	const struct shown *shown = core_shown(h->core, path);
	char target[SIM_PATH_MAX];

	if (s->unreadable && strcmp(path, s->unreadable) == 0) {
		e.looked.o.status = -EIO;
		e.looked.scan = scan;
		story_event(s, h, &e);
		return;
	}
	disk_ident(&h->disk, i, &e.looked.o.ident);
	story_attrs(i, &e.looked.o.attrs);
	e.looked.o.busy = i && i->writers > 0;
	e.looked.o.unchanged =
	    !e.looked.o.busy && shown && ident_same(&shown->ident, &e.looked.o.ident);
	if (i && i->kind == KIND_LINK) {
		content_target(i->content, target, sizeof target);
		e.looked.o.target = target;
	}
	e.looked.scan = scan;
	e.looked.o.damage = story_damage(h, path, &e.looked.o.attrs);
	if (i && i->kind == KIND_FILE && !e.looked.o.busy)
		storage_put(&h->store, e.looked.o.attrs.hash);
	story_event(s, h, &e);
}

static inline void story_scan(struct story *s, struct host *h, const struct inode *dir)
{
	char path[SIM_PATH_MAX];

	for (uint32_t k = 0; k < dir->nkids; k++) {
		disk_path(dir->kids[k], path);
		if (core_local(h->core, path, dir->kids[k]->kind == KIND_DIR))
			continue;
		story_look(s, h, path, true);
		story_scan(s, h, dir->kids[k]);
	}
}

static inline void story_fill(struct inode *i, struct hash hash)
{
	while (!hash_same(content_hash(i->content), hash))
		i->content++;
}

static inline int story_place(struct story *s, struct host *h, const struct effect *e,
			      struct inode **now)
{
	const struct intent *in = e->install.intent;
	struct inode *old = disk_find(&h->disk, e->path);
	struct inode *i = old;
	struct ident is;

	disk_ident(&h->disk, old, &is);
	if (!ident_same(&is, &e->install.expected))
		return ERR_CHANGED;
	if (old && old->writers > 0)
		return ERR_BUSY;
	if (in->kind != INTENT_INPLACE && old) {
		if (old->nkids > 0)
			return -ENOTEMPTY;
		disk_unlink(&h->disk, old, s->now);
	}
	if (in->kind == INTENT_REMOVE)
		return 0;
	if (in->kind == INTENT_CONTENT)
		i = disk_by_handle(&h->disk, &in->handle);
	else if (in->kind != INTENT_INPLACE)
		i = disk_make(&h->disk, in->attrs.kind, s->now);
	assert_non_null(i);
	if (in->kind == INTENT_LINK)
		story_fill(i, in->attrs.hash);
	i->mode = in->attrs.mode;
	i->mtime = in->attrs.mtime_nsec;
	if (in->kind == INTENT_INPLACE)
		disk_touch(&h->disk, i, s->now);
	else
		assert_int_equal(disk_link(&h->disk, i, e->path, s->now), 0);
	*now = i;
	return 0;
}

static inline void story_install(struct story *s, struct host *h, const struct effect *e)
{
	struct event done = {.type = EVENT_INSTALLED, .path = e->path};
	struct inode *i = NULL;

	done.installed.status = story_place(s, h, e, &i);
	if (s->mute)
		return;
	disk_ident(&h->disk, i, &done.installed.ident);
	if (i)
		done.installed.mtime_nsec = i->mtime;
	story_event(s, h, &done);
}

static inline void story_stage(struct story *s, struct host *h, const struct effect *e)
{
	struct event done = {.type = EVENT_STAGED, .path = e->path};
	struct inode *i = disk_make(&h->disk, KIND_FILE, s->now);

	story_fill(i, e->content.hash);
	disk_handle(i, &done.staged.handle);
	story_event(s, h, &done);
}

static inline uint32_t story_peer(const struct host *h, uint8_t other)
{
	uint32_t p = 0;

	while (h->peer_host[p] != other)
		p++;
	return p;
}

static inline bool story_knows(const struct host *h, uint8_t other)
{
	for (uint32_t p = 0; p < h->conf.npeers; p++)
		if (h->peer_host[p] == other)
			return true;
	return false;
}

/* To one host, if it can be heard there. */
static inline void story_say(struct story *s, struct host *from, struct host *to,
			     const struct effect *e)
{
	struct event heard = {.peer = story_peer(to, from->index)};
	bool have[OP_VERSIONS_MAX];

	memset(have, !s->apart, sizeof have);
	heard.have = have;
	if (s->cut[from->index][to->index])
		return;
	if (e->type == EFFECT_BROADCAST && !s->deaf[to->index]) {
		heard.type = EVENT_OP;
		heard.op = e->op;
	} else if (e->type == EFFECT_ASK) {
		heard.type = EVENT_ASK;
		heard.ask = e->ask;
	} else if (e->type == EFFECT_ANSWER && !s->lose_pages) {
		heard.type = EVENT_PAGE;
		heard.page = e->page;
		s->lose_pages = s->pages && --s->pages == 0;
	} else {
		return;
	}
	story_event(s, to, &heard);
}

static inline void story_fetch(struct story *s, struct host *h, struct hash hash)
{
	struct event e = {.type = EVENT_CONTENT, .content = hash};

	storage_put(&h->store, hash);
	story_event(s, h, &e);
}

static inline void story_carry_out(struct story *s, struct host *h, const struct effect *e)
{
	switch (e->type) {
	case EFFECT_STORE:
		storage_apply(&h->store, e);
		storage_commit(&h->store);
		break;
	case EFFECT_ACK:
		hint_acked(h, e->serial);
		break;
	case EFFECT_LOOK:
		story_look(s, h, e->path, false);
		break;
	case EFFECT_SCAN: {
		struct event done = {.type = EVENT_SCANNED, .path = e->path};
		struct inode *dir = disk_find(&h->disk, e->path);

		if (dir)
			story_scan(s, h, dir);
		story_event(s, h, &done);
		break;
	}
	case EFFECT_STAGE:
		story_stage(s, h, e);
		break;
	case EFFECT_INSTALL:
	case EFFECT_REMOVE:
		story_install(s, h, e);
		break;
	case EFFECT_FETCH:
		story_fetch(s, h, e->content.hash);
		break;
	case EFFECT_BROADCAST:
		h->broadcasts++;
		h->told_items = e->op->n;
		for (uint32_t i = 0; i < s->n; i++)
			if (i != h->index && story_knows(h, (uint8_t)i))
				story_say(s, h, &s->host[i], e);
		break;
	case EFFECT_ASK:
		h->asks++;
		story_say(s, h, &s->host[h->peer_host[e->peer]], e);
		break;
	case EFFECT_ANSWER:
		story_say(s, h, &s->host[h->peer_host[e->peer]], e);
		break;
	case EFFECT_NOTE:
		h->notes++;
		break;
	case EFFECT_JUDGE:
		trial_free(s->trial[h->index]);
		s->trial[h->index] = trial_copy(e->trial);
		s->trials[h->index]++;
		break;
	case EFFECT_STARTED:
		h->started++;
		break;
	case EFFECT_REFUSED:
		s->refusals += e->told.words != NULL;
		break;
	case EFFECT_TOLD:
		h->told += (e->told.changed & ~CHANGED_MTIME) != 0;
		h->alone += (e->told.changed & ~CHANGED_MTIME) != 0 && !e->told.more;
		break;
	case EFFECT_WAKE:
		h->wake = e->at_msec;
		break;
	default:
		break;
	}
}

/* ---- what a story says ---- */

/* Until nothing is left to be done, but for what is held. */
static inline void story_run(struct story *s)
{
	for (uint32_t at = 0; at < s->npending;) {
		struct pending p = s->pending[at];

		if ((int)p.e.type == s->hold) {
			at++;
			continue;
		}
		memmove(&s->pending[at], &s->pending[at + 1], (s->npending - at - 1) * sizeof p);
		s->npending--;
		if (s->host[p.host].up)
			story_carry_out(s, &s->host[p.host], &p.e);
		effect_fini(&p.e);
		at = 0;
	}
}

/* Carries out one effect that was held. */
static inline void story_release(struct story *s, struct host *h, enum effect_type type,
				 const char *path)
{
	for (uint32_t at = 0; at < s->npending; at++) {
		struct pending p = s->pending[at];

		if (p.host != h->index || p.e.type != type || strcmp(p.e.path, path) != 0)
			continue;
		memmove(&s->pending[at], &s->pending[at + 1], (s->npending - at - 1) * sizeof p);
		s->npending--;
		story_carry_out(s, h, &p.e);
		effect_fini(&p.e);
		story_run(s);
		return;
	}
	fail_msg("%s: no effect of %s is held", h->name, path);
}

static inline void story_wait(struct story *s, int64_t msec)
{
	int64_t until = s->now + msec;

	for (;;) {
		struct host *first = NULL;
		struct event e = {.type = EVENT_TIME};

		for (uint32_t i = 0; i < s->n; i++)
			if (s->host[i].up && s->host[i].wake <= until &&
			    (!first || s->host[i].wake < first->wake))
				first = &s->host[i];
		if (!first)
			break;
		if (first->wake > s->now)
			s->now = first->wake;
		first->wake = INT64_MAX;
		story_event(s, first, &e);
		story_run(s);
	}
	s->now = until;
}

static inline void story_reach(struct story *s, struct host *h, bool up)
{
	for (uint32_t p = 0; p < h->conf.npeers; p++) {
		struct host *other = &s->host[h->peer_host[p]];
		struct event e = {.type = EVENT_PEER, .peer = p, .reachable = up};

		if (!other->up)
			continue;
		story_event(s, h, &e);
		e.peer = story_peer(other, h->index);
		story_event(s, other, &e);
	}
}

static inline void story_up(struct story *s, struct host *h)
{
	struct event e = {.type = EVENT_START};

	e.random = (h->index + UINT64_C(1)) << ORIGIN_TAG_SHIFT | ++h->lives << 16;

	h->core = core_new(&h->conf);
	h->wake = INT64_MAX;
	storage_load(&h->store, h->core);
	if (h->power_cut)
		core_distrust(h->core);
	h->power_cut = false;
	h->up = true;
	story_event(s, h, &e);
	story_reach(s, h, true);
	story_run(s);
}

/* Its process is gone, with all that was not carried out. */
static inline void story_crash(struct story *s, struct host *h)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->npending; i++) {
		if (s->pending[i].host == h->index)
			effect_fini(&s->pending[i].e);
		else
			s->pending[kept++] = s->pending[i];
	}
	s->npending = kept;
	storage_crash(&h->store);
	core_free(h->core);
	h->core = NULL;
	h->up = false;
}

/* n hosts with empty trees, not yet started. */
static inline void story_begin(struct story *s, uint32_t n)
{
	*s = (struct story){.n = n, .hold = -1, .now = 1000};
	for (uint32_t i = 0; i < n; i++) {
		struct host *h = &s->host[i];

		h->index = (uint8_t)i;
		snprintf(h->name, sizeof h->name, "n%u", (i + 1) % 10);
		disk_init(&h->disk, (uint64_t)(i + 1) << 32);
		h->locality = locality_new();
		h->conf = (struct core_conf){.node = h->name,
					     .locality = h->locality,
					     .delete_delay_msec = 100,
					     .max_file_size = 1 << 30,
					     .peers = h->peers};
	}
	for (uint32_t i = 0; i < n; i++) {
		struct host *h = &s->host[i];

		for (uint32_t k = 0; k < n; k++) {
			if (k == i)
				continue;
			h->peer_host[h->conf.npeers] = (uint8_t)k;
			h->peers[h->conf.npeers++] = s->host[k].name;
		}
	}
}

/* And started, with the first tree behind them. */
static inline void story_begin_joined(struct story *s, uint32_t n)
{
	story_begin(s, n);
	for (uint32_t i = 0; i < n; i++)
		story_up(s, &s->host[i]);
	for (uint32_t i = 0; i < n; i++)
		assert_false(core_joining(s->host[i].core));
}

static inline void story_end(struct story *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct host *h = &s->host[i];

		if (h->up)
			story_crash(s, h);
		trial_free(s->trial[i]);
		storage_fini(&h->store);
		disk_fini(&h->disk);
		locality_free(h->locality);
	}
}

/* Each tells its peers what it knows of the nodes. */
static inline void story_gossip(struct story *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct host *from = &s->host[i];
		struct event e = {.type = EVENT_NODES};
		struct nodes nodes;

		if (!from->up)
			continue;
		core_nodes(from->core, &nodes, STORY_WALL + s->now);
		e.nodes = &nodes;
		for (uint32_t p = 0; p < from->conf.npeers; p++) {
			struct host *to = &s->host[from->peer_host[p]];

			e.peer = story_peer(to, from->index);
			if (!s->cut[from->index][to->index])
				story_event(s, to, &e);
		}
		known_nodes_fini(&nodes);
	}
	story_run(s);
}

/* A heartbeat of each to its peers, which starts what catch-up is needed. */
static inline void story_beat(struct story *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct host *from = &s->host[i];
		struct heartbeat h;
		struct event e = {.type = EVENT_HEARTBEAT, .heartbeat = &h};

		if (!from->up)
			continue;
		core_heartbeat(from->core, &h, STORY_WALL + s->now, s->now);
		for (uint32_t p = 0; p < from->conf.npeers; p++) {
			struct host *to = &s->host[from->peer_host[p]];

			e.peer = story_peer(to, from->index);
			if (!s->cut[from->index][to->index])
				story_event(s, to, &e);
		}
		story_run(s);
	}
}

static inline void story_hint_by(struct story *s, struct host *h, const char *path,
				 const char *from, uint8_t flags, const char *command)
{
	struct who who = {.pid = 1};
	struct event e = {.type = EVENT_HINT, .path = path};

	snprintf(who.command, sizeof who.command, "%s", command);
	e.hint.serial = ++h->serial;
	e.hint.from = from;
	e.hint.flags = flags;
	e.hint.who = &who;
	e.hint.user = "admin";
	story_event(s, h, &e);
}

static inline void story_hint_flags(struct story *s, struct host *h, const char *path,
				    const char *from, uint8_t flags)
{
	story_hint_by(s, h, path, from, flags, "vi");
}

static inline void story_hint(struct story *s, struct host *h, const char *path, const char *from)
{
	story_hint_flags(s, h, path, from, HINT_NAMES | HINT_CREATED);
}

/* Changes the disk only: nothing is hinted. */
static inline struct inode *disk_write(struct story *s, struct host *h, const char *path,
				       uint64_t content)
{
	struct inode *i = disk_find(&h->disk, path);

	if (!i) {
		i = disk_make(&h->disk, KIND_FILE, (STORY_WALL + s->now) * MSEC);
		assert_int_equal(disk_link(&h->disk, i, path, s->now), 0);
	}
	i->content = content;
	i->mtime = (STORY_WALL + s->now) * MSEC;
	disk_touch(&h->disk, i, s->now);
	return i;
}

static inline void user_saves(struct story *s, struct host *h, const char *path, uint64_t content)
{
	s->now += 10;
	disk_write(s, h, path, content);
	story_hint(s, h, path, "");
	story_run(s);
}

static inline void user_deletes(struct story *s, struct host *h, const char *path)
{
	disk_unlink(&h->disk, disk_find(&h->disk, path), s->now);
	story_hint(s, h, path, "");
	story_run(s);
}

static inline void user_renames(struct story *s, struct host *h, const char *from, const char *to)
{
	struct inode *i = disk_find(&h->disk, from);

	if (disk_find(&h->disk, to))
		disk_unlink(&h->disk, disk_find(&h->disk, to), s->now);
	disk_unlink(&h->disk, i, s->now);
	assert_int_equal(disk_link(&h->disk, i, to, s->now), 0);
	story_hint(s, h, to, from);
	story_run(s);
}

static inline void user_moves_dir(struct story *s, struct host *h, const char *from, const char *to)
{
	struct inode *i = disk_find(&h->disk, from);

	disk_unlink(&h->disk, i, s->now);
	assert_int_equal(disk_link(&h->disk, i, to, s->now), 0);
	story_hint_flags(s, h, to, from, HINT_NAMES | HINT_TREE);
	story_run(s);
}

static inline void user_makes_dir(struct story *s, struct host *h, const char *path)
{
	assert_int_equal(disk_link(&h->disk, disk_make(&h->disk, KIND_DIR, s->now), path, s->now),
			 0);
	story_hint(s, h, path, "");
	story_run(s);
}

static inline void user_chmods(struct story *s, struct host *h, const char *path, uint32_t mode)
{
	struct inode *i = disk_find(&h->disk, path);

	s->now += 10;
	i->mode = mode;
	disk_touch(&h->disk, i, s->now);
	story_hint_flags(s, h, path, "", 0);
	story_run(s);
}

static inline void expect_content(struct host *h, const char *path, uint64_t content)
{
	const struct inode *i = disk_find(&h->disk, path);

	assert_non_null(i);
	assert_int_equal(i->kind, KIND_FILE);
	assert_int_equal(i->content, content);
}

static inline void expect_absent(struct host *h, const char *path)
{
	assert_null(disk_find(&h->disk, path));
}

struct count_arg {
	const char *path;
	uint32_t n;
};
static inline bool count_entry(void *arg, const struct core_path *p)
{
	struct count_arg *a = arg;

	if (strcmp(p->path, a->path) == 0)
		a->n = p->n;
	return true;
}

/* Versions of path that no other one has seen: 2 are a conflict. */
static inline uint32_t versions_of(const struct host *h, const char *path)
{
	struct count_arg a = {path, 0};

	core_each(h->core, "", count_entry, &a);
	return a.n;
}

#endif
