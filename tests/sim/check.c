/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The invariants: while it runs, what is said or intended is durable; at the end, all trees are
 * equal, nothing that was saved is lost, and nothing deleted is back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "tests/sim/world.h"

/* ---- durable before said, intended before installed ---- */

bool check_stored(const struct node *n, const char *path, struct dot d)
{
	const struct stored_path *p = storage_find(&n->store, path);

	for (uint32_t i = 0; p && i < p->n; i++)
		if (dot_same(p->entry[i]->dot, d))
			return true;
	for (uint32_t i = 0; p && i < p->nhistory; i++)
		if (dot_same(p->history[i]->dot, d))
			return true;
	return false;
}

void check_told(struct world *w, struct node *n, const struct item *items, uint32_t nitems)
{
	for (uint32_t i = 0; i < nitems; i++)
		if (!items[i].version->refused && /* that is kept elsewhere */
		    !check_stored(n, items[i].path, items[i].version->dot))
			world_fail(w, "durable before said",
				   "%s told a version of %s that is not stored", n->name,
				   items[i].path);
}

void check_vector(struct world *w, struct node *n, const struct vv *v)
{
	if (!vv_reaches(&n->store.vector, v))
		world_fail(w, "durable before said", "%s told a vector that is not stored",
			   n->name);
}

void check_intent(struct world *w, struct node *n, const char *path, const struct intent *i)
{
	const struct stored_path *p = storage_find(&n->store, path);
	const struct intent *s = p ? p->intent : NULL;

	if (i && i->kind == INTENT_CONTENT && !i->dot.origin)
		return; /* over a draft: found after a crash it is one */
	if (!i || !s || s->kind != i->kind || !dot_same(s->dot, i->dot) ||
	    (i->kind == INTENT_CONTENT && !fhandle_same(&s->handle, &i->handle)))
		world_fail(w, "durable before said", "%s installs %s without a stored intent",
			   n->name, path);
}

/* ---- converges ---- */

static char words[256];

static bool left_here(struct node *n, const char *path)
{
	const struct shown *s = core_shown(n->core, path);

	return s && s->leftover;
}

/* A directory that cannot go, since it holds what stays on this node: as designed, and reported. */
static bool holds_local(struct node *n, const char *path)
{
	const struct inode *i = disk_find(&n->disk, path);
	bool all = i && i->kind == KIND_DIR && i->nkids > 0;

	for (uint32_t c = 0; all && c < i->nkids; c++) {
		char kid[SIM_PATH_MAX];

		all = disk_path(i->kids[c], kid) &&
		      (core_local(n->core, kid, i->kids[c]->kind == KIND_DIR) ||
		       (i->kids[c]->kind == KIND_DIR && holds_local(n, kid)));
	}
	return all;
}

static bool held_by_local(struct world *w, const char *path)
{
	for (uint32_t k = 0; k < w->nnodes; k++)
		if (holds_local(&w->nodes[k], path))
			return true;
	return false;
}

/* Its content was on one host only, and that was put back from an old image: nobody has it. */
static bool content_gone(struct world *w, const char *path)
{
	for (uint32_t i = 0; (w->losses || w->put_back) && i < w->nnodes; i++) {
		const struct version *v = core_visible(w->nodes[i].core, path);
		bool found = !v || v->attrs.kind != KIND_FILE;

		for (uint32_t k = 0; k < w->nnodes && !found; k++)
			found = storage_has(&w->nodes[k].store, v->attrs.hash);
		if (!found)
			return true;
	}
	return false;
}

static bool is_limited(const struct world *w, const struct node *n)
{
	return w->weights.limited && n->index == w->nnodes - 1;
}

/* What the limited one makes there is not taken. */
static bool outside(const struct world *w, const char *path)
{
	return w->weights.limited && !patterns_match(w->accepted, path, true);
}

/* The node does not install it: then it says nothing of what is there on that one. `now`: by what is
 * excluded in this life. */
static bool excluded_by(struct world *w, struct node *n, const char *path, bool now)
{
	if (!now)
		return truth_local(w, n, path, true) || truth_local(w, n, path, false);
	return locality_local(n->conf.locality, path, true, "") ||
	       locality_local(n->conf.locality, path, false, "");
}

/* Nothing is said of it. (Where lists change, a node may be in between.) */
static bool left_out(struct world *w, const char *path, bool now)
{
	if (content_gone(w, path) || held_by_local(w, path))
		return true;
	for (uint32_t i = 0; w->weights.lists && i < w->nnodes; i++)
		if (excluded_by(w, &w->nodes[i], path, now))
			return true;
	return false;
}

/* A directory is nobody's wish where all that lives below it is excluded: it has no version of its
 * own, and whether it was once made there depends on what else was in it. */
static bool implied_by_excluded(struct world *w, struct node *n, const char *path)
{
	const struct version *v = core_visible(n->core, path);

	if (v && version_live(v))
		return false;
	for (uint32_t i = 0; i < w->npaths; i++) {
		const char *below = w->paths[i]->path;

		if (!path_below(below, path) || excluded_by(w, n, below, true))
			continue;
		v = core_visible(n->core, below);
		if (v && version_live(v))
			return false;
	}
	return true;
}

static const char *compare_item(struct world *w, struct node *a, struct node *b, const char *path)
{
	struct inode *i = disk_find(&a->disk, path);
	struct inode *k = disk_find(&b->disk, path);
	const struct shown *sa = core_shown(a->core, path);
	const struct shown *sb = core_shown(b->core, path);
	struct attrs x, y;
	uint8_t differs;

	if (excluded_by(w, a, path, true) || excluded_by(w, b, path, true) ||
	    left_out(w, path, true) ||
	    (outside(w, path) && (is_limited(w, a) || is_limited(w, b))))
		return NULL;
	if ((i && left_here(a, path)) || (k && left_here(b, path)))
		return NULL;
	if (!i != !k && implied_by_excluded(w, i ? b : a, path))
		return NULL;
	fs_attrs(a, i, &x);
	fs_attrs(b, k, &y);
	differs = attrs_compare(&x, &y);
	if ((sa && sa->raised) || (sb && sb->raised))
		differs &= (uint8_t)~CHANGED_MTIME;
	if (x.kind == KIND_DIR)
		differs &= (uint8_t)~CHANGED_MTIME;
	if (!differs)
		return NULL;
	snprintf(words, sizeof words,
		 "%s is %s (%o %s) on %s and %s (%o %s) on %s, differing in %x", path,
		 kind_text(x.kind), x.mode, x.owner, a->name, kind_text(y.kind), y.mode, y.owner,
		 b->name, differs);
	return words;
}

static const char *compare_visible(struct world *w, struct node *n, const char *path)
{
	const struct version *v = core_visible(n->core, path);
	struct inode *i = disk_find(&n->disk, path);

	if (!v || excluded_by(w, n, path, true) || left_out(w, path, true))
		return NULL;
	if ((v->attrs.kind == KIND_ABSENT && !i) || left_here(n, path))
		return NULL;
	if (!i || i->kind != v->attrs.kind ||
	    (i->kind != KIND_DIR && !hash_same(inode_hash(i), v->attrs.hash))) {
		snprintf(words, sizeof words, "%s on %s is not what its entry says", path, n->name);
		return words;
	}
	return NULL;
}

struct settling {
	struct world *w;
	struct node *n;
	uint32_t waiting;
};

static bool note_waiting(void *arg, const struct core_path *p)
{
	struct settling *s = arg;
	struct node *n = s->n;

	s->waiting += p->waiting != NULL;
	if (!p->waiting || p->unwanted || holds_local(n, p->path) || content_gone(s->w, p->path))
		return true;
	snprintf(words, sizeof words, "%s on %s waits: %s", p->path, n->name, p->waiting);
	return false;
}

static const char *node_settled(struct world *w, struct node *n)
{
	struct settling s = {w, n, 0};
	struct heartbeat h;

	words[0] = '\0';
	core_each(n->core, "", note_waiting, &s);
	if (words[0])
		return words;
	core_heartbeat(n->core, &h, node_wall_msec(w, n), w->now);
	if (h.pending > s.waiting)
		snprintf(words, sizeof words, "%s waits with %u paths that it knows nothing of", n->name,
			 h.pending - s.waiting);
	else if (core_held(n->core))
		snprintf(words, sizeof words, "%s holds %u paths", n->name, core_held(n->core));
	else if (!host_idle(n))
		snprintf(words, sizeof words, "%s is busy", n->name);
	else if (n->hints)
		snprintf(words, sizeof words, "%s has not acknowledged hint %llu of %s", n->name,
			 (unsigned long long)n->hints->serial, n->hints->path);
	else if (core_joining(n->core))
		snprintf(words, sizeof words, "%s is joining", n->name);
	else if (!n->looked_through)
		snprintf(words, sizeof words, "%s looks at its tree", n->name);
	return words[0] ? words : NULL;
}

const char *check_settled(struct world *w)
{
	const char *not_yet = NULL;

	for (uint32_t k = 0; k < w->nnodes && !not_yet; k++)
		not_yet = node_settled(w, &w->nodes[k]);
	for (uint32_t k = 1; k < w->nnodes && !not_yet; k++)
		if (vv_compare(core_vector(w->nodes[0].core), core_vector(w->nodes[k].core)) !=
		    VV_EQUAL)
			not_yet = "vectors differ";
	for (uint32_t i = 0; i < w->npaths && !not_yet; i++) {
		const char *path = w->paths[i]->path;

		for (uint32_t k = 0; k < w->nnodes && !not_yet; k++) {
			for (uint32_t m = 0; m < k && !not_yet; m++)
				not_yet = compare_item(w, &w->nodes[m], &w->nodes[k], path);
			if (!not_yet)
				not_yet = compare_visible(w, &w->nodes[k], path);
		}
	}
	return not_yet;
}

/* ---- loses nothing, no resurrection ---- */

struct entry_seen {
	struct world *w;
	const char *path;
	struct saves saves;
	bool live;
};

static bool gather(void *arg, const struct core_path *p)
{
	struct entry_seen *s = arg;

	if (strcmp(p->path, s->path) != 0)
		return true;
	for (uint32_t i = 0; i < p->n; i++) {
		const struct truth *t = truth_find(s->w, p->path, p->entry[i]->dot);

		if (t)
			saves_join(&s->saves, &t->saves);
		s->live |= version_live(p->entry[i]);
	}
	return false;
}

/* Kept by another save of the same content: two newcomers' equal files. */
static bool same_kept(const struct path_truth *p, const struct saves *kept, const struct save *s)
{
	for (uint32_t i = 0; i < p->nsaves; i++)
		if (saves_has(kept, i) && p->save[i].kind == s->kind &&
		    p->save[i].content == s->content)
			return true;
	return false;
}

/* No store has it any more, since stores were lost or put back from old images. */
static bool version_gone(const struct world *w, const struct path_truth *p, const struct truth *t)
{
	if (!w->losses && !w->put_back)
		return false;
	for (uint32_t i = 0; i < w->nnodes; i++)
		if (check_stored(&w->nodes[i], p->path, t->dot))
			return false;
	return true;
}

bool check_save_gone(const struct world *w, const struct path_truth *p, uint32_t save)
{
	for (uint32_t i = 0; i < p->nversions; i++)
		if (p->versions[i].primary == (int32_t)save && !version_gone(w, p, &p->versions[i]))
			return false;
	return w->losses || w->put_back;
}

static void check_lost(struct world *w, struct node *n, const struct path_truth *p)
{
	struct entry_seen seen = {.w = w, .path = p->path};

	core_each(n->core, "", gather, &seen);
	truth_collected(w, p, &seen.saves);
	if (seen.live && !disk_find(&n->disk, p->path))
		world_fail(w, "loses nothing",
			   "%s is deleted on %s, and was saved at the same time", p->path, n->name);
	for (uint32_t i = 0; i < p->nsaves; i++) {
		const struct save *s = &p->save[i];

		if (!s->published || s->excused || saves_has(&seen.saves, i) ||
		    (s->initial && same_kept(p, &seen.saves, s)) || check_save_gone(w, p, i) ||
		    (outside(w, p->path) && is_limited(w, &w->nodes[s->node]) && !is_limited(w, n)))
			continue;
		world_fail(w, "loses nothing", "save %u of %s, made on %s, is nowhere on %s", i,
			   p->path, w->nodes[s->node].name, n->name);
	}
}

/* The same content as a peer's is the peer's, though that may have told another one since. */
static bool told_by_others(const struct path_truth *p, const struct attrs *a)
{
	for (uint32_t i = 0; i < p->nversions; i++)
		if (p->versions[i].version->attrs.kind == a->kind &&
		    hash_same(p->versions[i].version->attrs.hash, a->hash))
			return true;
	return false;
}

bool check_is_draft(const struct node *n, const char *path, const struct attrs *a)
{
	const struct stored_path *s = storage_find(&n->store, path);

	return s && s->draft && !attrs_compare(&s->draft->attrs, a);
}

static void check_unpublished(struct world *w, struct node *n, const struct path_truth *p,
			      const char *invariant)
{
	struct spot *spot = truth_spot(w, n, p->path);
	const struct version *v = core_visible(n->core, p->path);
	struct attrs a;

	if (spot->last < 0 || p->save[spot->last].published || p->save[spot->last].excused ||
	    truth_kept(n, p, &p->save[spot->last]))
		return;
	fs_attrs(n, disk_find(&n->disk, p->path), &a);
	if (check_is_draft(n, p->path, &a))
		return;
	if (p->save[spot->last].initial && told_by_others(p, &a))
		return;
	if (attrs_compare(&a, &spot->base) == 0 || (v && attrs_compare(&a, &v->attrs) == 0))
		return;
	if (a.kind == KIND_DIR || (a.kind == KIND_ABSENT && (!v || !version_live(v))) ||
	    truth_taken_for_ours(w, n, p->path, &a, &spot->base))
		return;
	world_fail(w, invariant, "save %d of %s on %s did not become a version", spot->last,
		   p->path, n->name);
}

/* All hints are acknowledged, and the tree was gone through: who waits for that is told that everything here
 * has been told. */
void check_acked(struct world *w, struct node *n)
{
	if (n->hints || !n->fs_up || !n->joined || !n->looked_through || core_joining(n->core))
		return;
	for (uint32_t i = 0; i < w->npaths && !w->failed; i++) {
		const struct path_truth *p = w->paths[i];
		struct inode *now = disk_find(&n->disk, p->path);
		const struct shown *s = core_shown(n->core, p->path);

		int32_t last = truth_spot(w, n, p->path)->last;

		if (now && now->writers > 0)
			continue; /* who waits is told of the writer */
		if (last >= 0 && (p->save[last].decided || p->save[last].held))
			continue; /* acknowledged when it was held */
		if (!now && (!s || s->attrs.kind == KIND_ABSENT || s->leftover))
			continue; /* nobody had been told that it was there */
		if (truth_local(w, n, p->path, true) || truth_local(w, n, p->path, false))
			continue;
		if (admin_braked(n) && (!now || (now->kind == KIND_FILE && !now->content)))
			continue; /* status says so */
		check_unpublished(w, n, p, "wait is exact");
	}
}

static void check_back(struct world *w, struct node *n, const struct path_truth *p)
{
	const struct version *v = core_visible(n->core, p->path);
	const struct truth *live = v && version_live(v) ? truth_find(w, p->path, v->dot) : NULL;

	if (!live || live->primary < 0 || (live->newcomer && (w->losses || w->put_back)))
		return;
	for (uint32_t i = 0; i < p->nversions; i++) {
		const struct truth *t = &p->versions[i];

		if (t->version->attrs.kind == KIND_ABSENT && !version_gone(w, p, t) &&
		    saves_has(&t->strong, (uint32_t)live->primary))
			world_fail(w, "no resurrection",
				   "%s shows save %d of %s, which was deleted", n->name,
				   live->primary, p->path);
	}
}

void check_end(struct world *w)
{
	for (uint32_t k = 0; k < w->nnodes && !w->failed; k++) {
		const struct node *n = &w->nodes[k];

		if (n->up && n->joined && !n->looked_through)
			world_fail(w, "wait is exact", "%s never says that it has told what it found", n->name);
	}
	for (uint32_t i = 0; i < w->npaths && !w->failed; i++) {
		const struct path_truth *p = w->paths[i];

		if (left_out(w, p->path, false))
			continue;
		if (!outside(w, p->path))
			check_combined(w, p);
		for (uint32_t k = 0; k < w->nnodes && !w->failed; k++) {
			struct node *n = &w->nodes[k];

			if (excluded_by(w, n, p->path, false))
				continue;
			check_lost(w, n, p);
			check_unpublished(w, n, p, "loses nothing");
			hook_check(w, n, p->path);
			if (!outside(w, p->path)) /* what the limited one deletes stays elsewhere */
				check_back(w, n, p);
		}
	}
}
