/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a disk stands for changes without a save: a core installs, or says that what is there stands for
 * more. Nothing goes in that way that no core has seen, or that no version was made of.
 */
#include <stdio.h>

#include "tests/sim/world.h"

/* All that the context covers of this path was known to the node when it read the disk. (What it
 * never merged was superseded by what it did.) */
static bool known_when_looked(const struct path_truth *p, const struct node *n,
			      const struct spot *spot, const struct vv *context,
			      const struct saves *claimed)
{
	struct saves known = spot->looked_shown;

	for (uint32_t i = 0; i < p->nversions; i++) {
		const struct truth *t = &p->versions[i];

		if (!vv_covers(context, t->dot))
			continue;
		if ((t->learned_at[n->index] >= 0 && t->learned_at[n->index] <= spot->looked_at) ||
		    truth_same(&t->version->attrs, &spot->looked_attrs))
			saves_join(&known, &t->saves);
	}
	return saves_within(claimed, &known);
}

/* Nobody has changed it since it was read, so nobody's save claims too much. */
static bool still_there(struct node *n, const char *path, const struct ident *ident)
{
	struct ident now;

	disk_ident(&n->disk, disk_find(&n->disk, path), &now);
	return ident_same(&now, ident);
}

static bool is_interrupted(const struct node *n, const struct path_truth *p, int32_t save)
{
	return n->power_cuts && save >= 0 && p->save[save].excused;
}

/* It could not be read with the first tree, and is taken like that now. */
static bool is_late(const struct node *n, const char *path)
{
	char name[SIM_PATH_MAX + 8];

	snprintf(name, sizeof name, "late/%s", path);
	return storage_has_meta(&n->store, name);
}

bool truth_found(const struct shown *s)
{
	return !s->dot.origin && (s->attrs.kind == KIND_FILE || s->attrs.kind == KIND_LINK);
}

void truth_shown(struct world *w, struct node *n, const char *path, const struct shown *s)
{
	struct path_truth *p = truth_at(w, path);
	struct spot *spot = truth_spot(w, n, path);
	struct saves claimed;

	if (!s)
		return;
	if (s->dot.origin && !vv_covers(&s->context, s->dot))
		world_fail(w, "converges", "%s shows a version of %s that it says nobody has seen",
			   n->name, path);
	truth_of_context(w, path, &s->context, &claimed);
	if (!spot->due_own) /* else it is due for that, and not if a crash takes that back */
		spot->due_install |= spot->found && s->dot.origin;
	spot->found = truth_found(s);
	/* It is what a change is compared with, until it is put back, whatever was saved since it was
	 * read. So is what a save left that the power cut interrupted. */
	if ((spot->cut || (spot->looked && spot->looked_cut) ||
	     (spot->discarded && attrs_compare(&s->attrs, &spot->looked_attrs) == 0) ||
	     is_interrupted(n, p, spot->looked ? spot->looked_last : spot->last)) &&
	    !s->dot.origin) {
		spot->base = s->attrs;
		spot->discarded = false;
	}
	/* Taken for what the peers have. */
	if ((w->losses || !n->joined || is_late(n, path)) && spot->looked &&
	    spot->base.kind == KIND_ABSENT && ident_same(&spot->looked_ident, &s->ident))
		spot->base = s->attrs;
	if (s->leftover) { /* it is told as gone, and stays for what is local in it */
		saves_join(&spot->shown, &claimed);
		saves_join(&spot->looked_shown, &claimed);
		spot->base = s->attrs;
		return;
	}
	if (spot->looked && spot->looked_attrs.kind == KIND_ABSENT &&
	    s->attrs.kind == KIND_ABSENT && spot->base.kind == KIND_DIR)
		spot->base = s->attrs; /* ... and then goes at last */
	if (saves_within(&claimed, &spot->looked_shown) || !spot->looked ||
	    !ident_same(&spot->looked_ident, &s->ident) ||
	    (!known_when_looked(p, n, spot, &s->context, &claimed) &&
	     !still_there(n, path, &s->ident)))
		return;
	saves_join(&spot->looked_shown, &claimed);
	saves_join(&spot->shown, &claimed);
	spot->base = s->attrs;
	for (uint32_t i = 0; i < p->nsaves; i++)
		if (p->save[i].node == n->index && i >= spot->looked_saves)
			saves_join(&p->save[i].past, &claimed);
}

/* The delete of something that no version was ever made of: there is nothing to tell. */
static bool deleted_unknown(const struct path_truth *p, const struct save *s)
{
	if (s->kind != KIND_ABSENT)
		return false;
	for (uint32_t i = 0; i < p->nsaves; i++)
		if (p->save[i].published && saves_has(&s->strong, i))
			return false;
	return true;
}

bool truth_taken_for_ours(struct world *w, struct node *n, const char *path,
			  const struct attrs *before, const struct attrs *base)
{
	const struct shown *s = core_shown(n->core, path);

	return truth_spot(w, n, path)->in_doubt && s && attrs_compare(&s->attrs, before) == 0 &&
	       (before->kind == KIND_DIR || before->kind == KIND_LINK ||
		truth_same(before, base));
}

/* A directory that was moved away and back again, unseen: nothing of it is overwritten. */
static bool as_shown(const struct node *n, const char *path, const struct attrs *before)
{
	const struct shown *s = core_shown(n->core, path);

	return before->kind == KIND_DIR && s && attrs_compare(&s->attrs, before) == 0;
}

/* A crash left the intent to remove a directory, which was moved away and back before the next
 * life: that very inode, and nothing else, goes when it is done at last. */
static bool back_to_go(const struct node *n, const char *path, const struct spot *spot,
		       const struct attrs *before)
{
	const struct shown *s = core_shown(n->core, path);

	return as_shown(n, path, before) && fhandle_same(&s->ident.handle, &spot->to_remove);
}

/* An equal content is among what the install stands for: a newcomer's, which took the peers' for
 * its own. */
static bool same_content(const struct path_truth *p, const struct saves *of, const struct save *s)
{
	for (uint32_t i = 0; i < p->nsaves; i++)
		if (saves_has(of, i) && p->save[i].kind == s->kind &&
		    p->save[i].content == s->content)
			return true;
	return false;
}

/* Of what is replaced this node has made a version, be it one of two combined. */
static bool version_made(const struct path_truth *p, const struct node *n,
			 const struct attrs *before)
{
	for (uint32_t i = 0; i < p->nversions; i++)
		if (p->versions[i].author == n->index &&
		    attrs_compare(&p->versions[i].version->attrs, before) == 0)
			return true;
	return false;
}

void truth_installed(struct world *w, struct node *n, const char *path, const struct intent *i,
		     const struct attrs *before)
{
	struct path_truth *p = truth_at(w, path);
	struct spot *spot = truth_spot(w, n, path);
	struct truth *t = i->dot.origin ? truth_find(w, path, i->dot) : NULL;

	truth_of_context(w, path, &i->context, &spot->shown);
	if (spot->last >= 0) {
		const struct save *s = &p->save[spot->last];

		if (!s->looked && attrs_compare(before, &spot->base) && !deleted_unknown(p, s) &&
		    !(s->initial && s->kind == KIND_ABSENT) && !as_shown(n, path, before))
			world_fail(w, "never overwrites the unseen", "%s: save %d of %s", n->name,
				   spot->last, path);
		if (!s->published && !s->excused && !truth_kept(n, p, s) &&
		    attrs_compare(before, &spot->base) &&
		    !truth_unfollowed(w, path) &&
		    !(s->initial && (same_content(p, &spot->shown, s) ||
				     (t && truth_same(&t->version->attrs, before)))) &&
		    !(s->kind == KIND_DIR && s->initial) &&
		    !(n->power_cuts && as_shown(n, path, before)) && s->kind != KIND_ABSENT &&
		    !truth_taken_for_ours(w, n, path, before, &spot->base) &&
		    !back_to_go(n, path, spot, before) && !version_made(p, n, before))
			world_fail(w, "loses nothing",
				   "%s: save %d of %s was replaced without a version", n->name,
				   spot->last, path);
	}
	spot->in_doubt = spot->cut = spot->looked_cut = false;
	spot->to_remove = (struct fhandle){0};
	if (truth_aside(n, path, i->dot)) { /* what was saved once is there again, and told to nobody */
		w->edited++;
		spot->last = spot->aside_last;
		spot->strong = spot->aside_strong;
		if (spot->last >= 0)
			saves_join(&spot->shown, &p->save[spot->last].past);
		return;
	}
	spot->strong = t ? t->strong : (struct saves){0};
	spot->last = -1;
	fs_attrs(n, disk_find(&n->disk, path), &spot->told);
	spot->base = i->attrs;
	if (spot->told.kind != KIND_ABSENT || before->kind == KIND_FILE ||
	    before->kind == KIND_LINK)
		spot->due_install |= (attrs_compare(before, &spot->told) & ~CHANGED_MTIME) != 0;
}

/* What was moved away and back again with its directory is what was looked at before, be it that it was
 * seen to be away meanwhile. */
void truth_rewritten(struct world *w, struct node *n, const char *path, const struct attrs *before)
{
	struct path_truth *p = truth_at(w, path);
	struct spot *spot = truth_spot(w, n, path);
	bool seen = !attrs_compare(before, &spot->looked_attrs) ||
		    (spot->held && !attrs_compare(before, &spot->draft_attrs));

	if (spot->last >= 0 && !p->save[spot->last].looked && !seen)
		world_fail(w, "never overwrites the unseen", "%s: save %d of %s is rewritten",
			   n->name, spot->last, path);
}
