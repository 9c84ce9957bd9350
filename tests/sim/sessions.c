/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Edits that take time: a program opens, writes, closes, moves away, writes anew. Between two steps
 * of one anything else may happen: an install, a rename by another program, a crash.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/port.h"
#include "tests/sim/world.h"

#define SETTLE_MSEC 1000
#define DAY_NSEC (INT64_C(86400) * 1000000000)

struct session {
	uint32_t action;
	uint32_t step;
	uint32_t writes;
	uint32_t rounds;
	char path[SIM_PATH_MAX];
	char other[SIM_PATH_MAX + 16]; /* a temporary or a new name */
	struct inode *file;            /* open */
	uint64_t life;                 /* of fs when it was opened */
	uint32_t cuts;                 /* of the power, when it began */
};

static void session_step(struct world *w, uint8_t node, void *arg);

static void next(struct world *w, struct node *n, const struct session *s, uint32_t delay)
{
	struct session *copy = malloc(sizeof *copy);

	if (!copy)
		abort();
	*copy = *s;
	copy->step++;
	w->sessions++;
	if (w->faults && rng_chance(&w->rng, w->weights.long_open))
		delay += rng_below(&w->rng, 4000);
	world_at(w, delay, n->index, 0, session_step, free, copy);
}

static uint32_t soon(struct world *w)
{
	return rng_below(&w->rng, 15);
}

static void open_file(struct world *w, struct node *n, struct session *s, const char *path,
		      bool truncate)
{
	struct inode *i = disk_find(&n->disk, path);

	if (i && i->kind != KIND_FILE)
		return;
	if (!i && !truncate)
		return;
	if (!i) {
		i = user_create(w, n, path, KIND_FILE, 0, false);
		if (!i)
			return;
		i->fresh = true;
		i->writers++;
	} else {
		i->writers++;
		if (truncate) {
			i->fresh = true;
			i->content = 0;
			user_changed(w, n, i, node_wall_nsec(w, n));
		}
	}
	s->file = i;
	s->life = n->disk.life;
	s->writes = rng_range(&w->rng, 1, 3);
	next(w, n, s, soon(w));
}

static void settled(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	struct inode *i = arg;
	char path[SIM_PATH_MAX];

	if (i->writers > 0 && !i->fresh && w->now >= i->quiet_at && disk_path(i, path))
		fs_hint(w, n, HINT_CHANGED, path, "", 0);
}

/* Writes once, or closes. True: closed (or lost with fs). */
static bool write_or_close(struct world *w, struct node *n, struct session *s)
{
	struct inode *i = s->file;

	if (n->disk.life != s->life)
		return true;
	if (s->writes > 0) {
		s->writes--;
		i->content = user_content(w);
		i->quiet_at = w->now + SETTLE_MSEC;
		user_changed(w, n, i, node_wall_nsec(w, n));
		if (!i->fresh)
			world_at(w, SETTLE_MSEC, n->index, 0, settled, NULL, i);
		s->step--;
		next(w, n, s, s->action == USER_REWRITE ? rng_below(&w->rng, 1500) : soon(w));
		return false;
	}
	user_closed(w, n, i);
	return true;
}

static void vim(struct world *w, struct node *n, struct session *s)
{
	switch (s->step) {
	case 0:
		if (user_rename(w, n, s->path, s->other))
			next(w, n, s, soon(w));
		break;
	case 1:
		open_file(w, n, s, s->path, true);
		break;
	case 2:
		if (write_or_close(w, n, s))
			next(w, n, s, soon(w));
		break;
	default:
		user_unlink(w, n, s->other);
		break;
	}
}

static void sed(struct world *w, struct node *n, struct session *s)
{
	switch (s->step) {
	case 0:
		open_file(w, n, s, s->other, true);
		break;
	case 1:
		if (!write_or_close(w, n, s))
			break;
		if (s->action == USER_OLD && s->life == n->disk.life)
			user_changed(w, n, s->file, s->file->mtime - DAY_NSEC);
		next(w, n, s, soon(w));
		break;
	default:
		if (!user_rename(w, n, s->other, s->path))
			user_unlink(w, n, s->other);
		break;
	}
}

static void unlink_tree(struct world *w, struct node *n, const char *path)
{
	struct inode *i = disk_find(&n->disk, path);

	if (!i)
		return;
	for (uint32_t k = i->nkids; k > 0; k--) {
		char below[SIM_PATH_MAX];

		if (disk_path(i->kids[k - 1], below))
			unlink_tree(w, n, below);
	}
	if (*path)
		user_unlink(w, n, path);
}

static void change_attrs(struct world *w, struct node *n, struct session *s)
{
	static const uint32_t modes[] = {0644, 0600, 0640, 0755};
	struct inode *i = disk_find(&n->disk, s->path);
	int64_t wall = node_wall_nsec(w, n);

	if (!i)
		return;
	if (s->action == USER_CHMOD && i->kind != KIND_LINK)
		i->mode = modes[rng_below(&w->rng, 4)];
	else if (s->action == USER_CHOWN)
		i->uid = rng_chance(&w->rng, 5000)   ? 100u + n->index
			 : rng_chance(&w->rng, 5000) ? 5000
						     : 0;
	else if (s->action == USER_TOUCH && rng_chance(&w->rng, 5000))
		wall -= DAY_NSEC;
	user_changed(w, n, i, s->action == USER_TOUCH ? wall : 0);
}

static void other_kind(struct world *w, struct node *n, struct session *s)
{
	static const enum kind kinds[] = {KIND_FILE, KIND_DIR, KIND_LINK};
	struct inode *i = disk_find(&n->disk, s->path);
	enum kind kind = kinds[rng_below(&w->rng, 3)];

	if (i && i->kind == kind)
		kind = kind == KIND_FILE ? KIND_DIR : KIND_FILE;
	unlink_tree(w, n, s->path);
	user_create(w, n, s->path, kind, user_content(w), true);
}

static void delete_create(struct world *w, struct node *n, struct session *s)
{
	if (s->step == 0) {
		if (user_unlink(w, n, s->path))
			next(w, n, s, rng_below(&w->rng, rng_chance(&w->rng, 5000) ? 20 : 200));
		return;
	}
	user_create(w, n, s->path, KIND_FILE, user_content(w), true);
}

/* Away and back: at once, or when the first rename has been told; there may be a third step, as
 * when two directories change places. */
static void away(struct world *w, struct node *n, struct session *s)
{
	const char *from = s->step % 2 ? s->other : s->path;
	const char *to = s->step % 2 ? s->path : s->other;

	if (user_rename(w, n, from, to) && s->step < 3 &&
	    (s->step % 2 == 0 || rng_chance(&w->rng, 3000)))
		next(w, n, s, rng_below(&w->rng, rng_chance(&w->rng, 5000) ? 8 : 250));
}

/* A program that writes its state down again and again, without a pause to speak of. */
static void often(struct world *w, struct node *n, struct session *s)
{
	if (s->step == 0) {
		open_file(w, n, s, s->path, true);
		return;
	}
	if (!write_or_close(w, n, s) || s->rounds-- == 0 || truth_full(w, s->path))
		return;
	s->step = UINT32_MAX;
	next(w, n, s, soon(w));
}

static void at_once(struct world *w, struct node *n, struct session *s)
{
	struct inode *i;

	switch (s->action) {
	case USER_DELETE:
		user_unlink(w, n, s->path);
		break;
	case USER_DELETE_TREE:
		unlink_tree(w, n, s->path);
		break;
	case USER_RENAME:
		user_rename(w, n, s->path, s->other);
		break;
	case USER_MKDIR:
		user_create(w, n, s->path, KIND_DIR, 0, true);
		break;
	case USER_LINK:
		i = disk_find(&n->disk, s->path);
		if (i && i->kind == KIND_LINK)
			user_unlink(w, n, s->path);
		user_create(w, n, s->path, KIND_LINK, user_content(w), true);
		break;
	case USER_KIND:
		other_kind(w, n, s);
		break;
	case USER_EMPTY:
		i = disk_find(&n->disk, s->path);
		if (i && i->kind == KIND_FILE && i->content) {
			i->content = 0;
			user_changed(w, n, i, node_wall_nsec(w, n));
		}
		break;
	case USER_LOCAL:
		i = disk_find(&n->disk, s->path);
		if (i && i->kind == KIND_DIR && strlen(s->path) < SIM_PATH_MAX - 8) {
			strcat(s->path, "/x.jnl");
			user_create(w, n, s->path, KIND_FILE, user_content(w), true);
		}
		break;
	default:
		change_attrs(w, n, s);
		break;
	}
}

static void session_step(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	struct session *s = arg;

	w->sessions--;
	if (power_off(n) || s->cuts != n->power_cuts)
		return; /* the program is gone */
	switch (s->action) {
	case USER_SAVE:
	case USER_REWRITE:
		if (s->step == 0)
			open_file(w, n, s, s->path, s->action == USER_SAVE);
		else
			write_or_close(w, n, s);
		break;
	case USER_VIM:
		vim(w, n, s);
		break;
	case USER_SED:
	case USER_OLD:
		sed(w, n, s);
		break;
	case USER_AWAY:
		away(w, n, s);
		break;
	case USER_OFTEN:
		often(w, n, s);
		break;
	case USER_DELETE_CREATE:
		delete_create(w, n, s);
		break;
	default:
		at_once(w, n, s);
		break;
	}
}

void session_start(struct world *w, struct node *n, const char *path, uint32_t action)
{
	struct session s = {.action = action, .step = UINT32_MAX, .cuts = n->power_cuts};
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) + 1 : 0;

	snprintf(s.path, sizeof s.path, "%s", path);
	if (action == USER_VIM)
		snprintf(s.other, sizeof s.other, "%s~", path);
	else if (action == USER_SED || action == USER_OLD)
		snprintf(s.other, sizeof s.other, "%.*ssed%06u", dir, path,
			 rng_below(&w->rng, 1000000));
	else if (action == USER_OFTEN)
		s.rounds = rng_range(&w->rng, 2, 8);
	else if (action == USER_AWAY) {
		if (dir && rng_chance(&w->rng, 6000))
			s.path[dir - 1] = '\0'; /* the directory, with what is in it */
		snprintf(s.other, sizeof s.other, "%s%c", s.path,
			 'a' + (int)rng_below(&w->rng, w->weights.names));
	} else if (action == USER_RENAME) {
		snprintf(s.other, sizeof s.other, "%c%s%c",
			 'a' + (int)rng_below(&w->rng, w->weights.names), "/",
			 'a' + (int)rng_below(&w->rng, w->weights.names));
		if (w->weights.depth == 1 || rng_chance(&w->rng, 5000))
			s.other[1] = '\0';
	}
	next(w, n, &s, 0);
}
