/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is held, by the safety brake, by the gate or as a change set, is told later or never: then what
 * counts is what was seen when the draft was made of it.
 */
#include "tests/sim/world.h"

bool truth_aside(const struct node *n, const char *path, struct dot dot)
{
	const struct stored_path *s = storage_find(&n->store, path);

	return dot.origin && s && s->draft && s->draft->aside && dot_same(s->draft->dot, dot);
}

static void holds(struct spot *spot, const struct version *draft)
{
	spot->held = true;
	spot->draft = draft->dot;
	spot->draft_attrs = draft->attrs;
	spot->draft_group = draft->group;
	spot->draft_aside = draft->aside;
}

/* Somebody has saved it once more, as it was: the one save is as good as the other, and is told of
 * both. */
static bool saved_as_it_was(const struct node *n, struct path_truth *p, struct spot *spot,
			    const struct version *v)
{
	struct saves both;

	if (!spot->looked || spot->looked_last < 0 || spot->aside_last < 0 ||
	    spot->looked_last == spot->aside_last || attrs_compare(&spot->looked_attrs, &v->attrs))
		return false;
	/* What stayed there since it was told is not a later save of it: the directory that was not empty
	 * when it was set aside, and is so still when both come back from an image. */
	if (spot->looked_last < spot->aside_last && p->save[spot->looked_last].published)
		return false;
	both = p->save[spot->aside_last].past;
	saves_join(&both, &spot->looked_shown);
	saves_join(&spot->looked_shown, &both);
	saves_join(&spot->shown, &both);
	for (uint32_t i = (uint32_t)spot->looked_last; i < p->nsaves; i++)
		if (p->save[i].node == n->index)
			saves_join(&p->save[i].past, &both);
	spot->drafted = true;
	spot->draft_last = spot->looked_last;
	spot->draft_strong = spot->looked_strong;
	spot->draft_shown = both;
	spot->draft_attrs = v->attrs;
	return true;
}

/* It is there again, as when it was looked at, be it in an earlier life. */
static void edited(struct world *w, const struct node *n, struct path_truth *p, struct spot *spot,
		   const struct version *v)
{
	if (saved_as_it_was(n, p, spot, v))
		return;
	spot->drafted = true;
	spot->draft_last = spot->aside_last;
	spot->draft_strong = spot->aside_strong;
	truth_of_context(w, p->path, &v->context, &spot->draft_shown);
	if (spot->draft_last >= 0)
		saves_join(&spot->draft_shown, &p->save[spot->draft_last].past);
	spot->draft_attrs = v->attrs;
	if (spot->last < 0) /* what others had put there is as it was, and stands for it, too */
		saves_join(&spot->shown, &spot->draft_shown);
	spot->looked = true;
	truth_look_at_draft(spot);
}

void truth_loaded(struct world *w, struct node *n)
{
	for (uint32_t i = 0; i < w->npaths; i++) {
		const struct stored_path *s = storage_find(&n->store, w->paths[i]->path);
		struct spot *spot = truth_spot(w, n, w->paths[i]->path);

		spot->goes = 0; /* nothing is being released any more */
		spot->held = spot->drafted = false;
		spot->found = s && s->shown && truth_found(s->shown);
		if (s && s->draft)
			holds(spot, s->draft);
	}
}

void truth_draft(struct world *w, struct node *n, const char *path, const struct version *v)
{
	struct path_truth *p = truth_at(w, path);
	struct spot *spot = truth_spot(w, n, path);
	bool older = !truth_same(&v->attrs, &spot->looked_attrs) &&
		     truth_same(&v->attrs, &spot->older_attrs);
	bool mended = !older && spot->drafted &&
		      !truth_same(&v->attrs, &spot->looked_attrs);
	int32_t save = older ? spot->older_last : mended ? spot->draft_last : spot->looked_last;
	bool known = spot->held && dot_same(spot->draft, v->dot);

	if (v->aside) {
		spot->aside_last = save;
		spot->aside_strong = spot->looked_strong;
	}
	if (known && spot->draft_aside && !v->aside)
		edited(w, n, p, spot, v);
	holds(spot, v);
	if (known) /* it changes */
		return;
	w->drafts++;
	if (save >= 0)
		p->save[save].held = true;
	spot->drafted = true;
	if (n->releases && core_held_by(v) == HELD_SET && !spot->goes) { /* it is part of it */
		spot->goes = n->release;
		spot->goes_at = spot->looked_at;
	}
	if (mended) /* what was seen then, in other words */
		return;
	spot->draft_last = save;
	spot->draft_shown = older ? spot->older_shown : spot->looked_shown;
	spot->draft_strong = older ? spot->older_strong : spot->looked_strong;
}

void truth_superseded(struct world *w, struct node *n, const char *path, struct dot d)
{
	struct spot *spot = truth_spot(w, n, path);

	if (spot->held && dot_same(spot->draft, d))
		spot->held = false;
}

static bool has_content(const struct version *v, const struct save *s)
{
	struct inode i = {.kind = s->kind, .content = s->content};

	return v->attrs.kind == s->kind && hash_same(v->attrs.hash, inode_hash(&i));
}

bool truth_kept(const struct node *n, const struct path_truth *p, const struct save *s)
{
	const struct stored_path *stored = storage_find(&n->store, p->path);

	if (!s->held || s->kind == KIND_ABSENT || s->kind == KIND_DIR)
		return s->held;
	if (stored && stored->draft && has_content(stored->draft, s))
		return true;
	for (uint32_t i = 0; stored && i < stored->nhistory; i++)
		if (has_content(stored->history[i], s))
			return true;
	return false;
}
