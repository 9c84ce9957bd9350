/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A core makes a version: it stands for the saves that its disk stood for when that was read, and may
 * claim to have seen no others.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

/* The new version may not claim what its author had not been shown. */
static void check_claims(struct world *w, struct node *n, const struct path_truth *p,
			 const struct version *v, const struct saves *shown)
{
	struct saves collected = {0};

	truth_collected(w, p, &collected);
	for (uint32_t i = 0; i < p->nversions; i++) {
		const struct truth *t = &p->versions[i];

		if (dot_same(t->dot, v->dot) || !vv_covers(&v->context, t->dot))
			continue;
		if (t->primary >= 0 && !saves_has(shown, (uint32_t)t->primary) &&
		    !p->save[t->primary].excused && !saves_has(&collected, (uint32_t)t->primary))
			world_fail(
			    w, "loses nothing",
			    "%s's version of %s claims to have seen save %d, which was not shown",
			    n->name, p->path, t->primary);
	}
}

/* A new node makes no versions before it has heard everybody, and nobody ever of its own installs.
 */
static void check_may_tell(struct world *w, struct node *n, const char *path,
			   const struct spot *spot, const struct version *v)
{
	for (uint32_t i = 0; i < w->nnodes; i++)
		if (net_linked(w, (uint8_t)i, n->index) && !n->answered[i] && !n->alone)
			world_fail(w, "loses nothing",
				   "%s makes a version of %s and has not heard %s", n->name, path,
				   w->nodes[i].name);
	if (spot->looked_last < 0 && spot->looked_attrs.kind != KIND_ABSENT && !v->import &&
	    !truth_unfollowed(w, path))
		world_fail(w, "converges", "%s makes a version of its own install of %s", n->name,
			   path);
}

/* What was seen last was not told of; what was seen before that is. The other may be, later. */
static void look_back(struct spot *spot)
{
	struct spot was = *spot;

	spot->looked_shown = was.older_shown;
	spot->looked_strong = was.older_strong;
	spot->looked_last = was.older_last;
	spot->looked_attrs = was.older_attrs;
	spot->older_shown = was.looked_shown;
	spot->older_strong = was.looked_strong;
	spot->older_last = was.looked_last;
	spot->older_attrs = was.looked_attrs;
}

void truth_look_at_draft(struct spot *spot)
{
	if (spot->looked) { /* which may yet be told, too */
		spot->older_shown = spot->looked_shown;
		spot->older_strong = spot->looked_strong;
		spot->older_last = spot->looked_last;
		spot->older_attrs = spot->looked_attrs;
	}
	spot->looked_shown = spot->draft_shown;
	spot->looked_strong = spot->draft_strong;
	spot->looked_last = spot->draft_last;
	spot->looked_attrs = spot->draft_attrs;
}

/* It is the first to have seen two others at most: what else it covers somebody had seen before. */
static void check_two(struct world *w, struct node *n, const struct path_truth *p,
		      const struct version *v)
{
	uint32_t first = 0;

	for (uint32_t i = 0; i < p->nversions; i++) {
		struct dot d = p->versions[i].dot;
		bool seen = !vv_covers(&v->context, d) || truth_gone(w, d);

		for (uint32_t k = 0; k < p->nversions && !seen; k++)
			seen = k != i && vv_covers(&p->versions[k].version->context, d);
		first += !seen;
	}
	if (first > 2)
		world_fail(w, "loses nothing",
			   "%s's combined version of %s claims to be the first that has seen %u",
			   n->name, p->path, first);
}

/* An administrator's, or one combined of two: it stands for all that it has seen, and for no save
 * of its own. */
static void truth_ordered(struct world *w, struct node *n, struct path_truth *p, struct version *v)
{
	struct truth *t;

	if (v->combined && !w->losses && !w->put_back)
		check_two(w, n, p, v);
	p->versions = realloc(p->versions, (p->nversions + 1) * sizeof *p->versions);
	if (!p->versions)
		abort();
	t = &p->versions[p->nversions];
	*t = (struct truth){
	    .dot = v->dot, .primary = -1, .author = n->index, .version = version_get(v)};
	truth_of_context(w, p->path, &v->context, &t->saves);
	for (uint32_t i = 0; i < p->nversions; i++)
		if (vv_covers(&v->context, p->versions[i].dot))
			saves_join(&t->strong, &p->versions[i].strong);
	for (int i = 0; i < NODES_MAX; i++)
		t->learned_at[i] = i == n->index ? w->now : -1;
	p->nversions++;
}

void truth_version(struct world *w, struct node *n, const char *path, struct version *v)
{
	struct path_truth *p = truth_at(w, path);
	struct spot *spot = truth_spot(w, n, path);
	struct truth *t = truth_find(w, path, v->dot);

	w->versions++;
	n->own_versions++;
	if (t) {
		if (attrs_compare(&t->version->attrs, &v->attrs))
			world_fail(w, "converges", "%s used a dot of %s twice", n->name, path);
		return;
	}
	w->combined += v->combined;
	if (v->combined || strcmp(v->who.command, SIM_ORDER) == 0) {
		truth_ordered(w, n, p, v);
		return;
	}
	if (spot->looked && !truth_same(&v->attrs, &spot->looked_attrs) &&
	    truth_same(&v->attrs, &spot->older_attrs))
		look_back(spot);
	if (spot->drafted && !truth_same(&v->attrs, &spot->looked_attrs) &&
	    truth_same(&v->attrs, &spot->draft_attrs))
		truth_look_at_draft(spot);
	if (!spot->looked || !truth_same(&v->attrs, &spot->looked_attrs)) {
		world_fail(w, "loses nothing", "%s made a version of %s that was not looked at",
			   n->name, path);
		return;
	}
	check_may_tell(w, n, path, spot, v);
	admin_check(w, n, path, v);
	if (spot->cut)
		world_fail(w, "a power cut is no save", "%s makes a version of what it did to %s",
			   n->name, path);
	check_claims(w, n, p, v, &spot->looked_shown);
	p->versions = realloc(p->versions, (p->nversions + 1) * sizeof *p->versions);
	if (!p->versions)
		abort();
	t = &p->versions[p->nversions++];
	*t = (struct truth){.dot = v->dot,
			    .saves = spot->looked_shown,
			    .strong = spot->looked_strong,
			    .primary = spot->looked_last,
			    .author = n->index,
			    .newcomer = v->import && !n->returns,
			    .version = version_get(v)};
	for (int i = 0; i < NODES_MAX; i++)
		t->learned_at[i] = i == n->index ? w->now : -1;
	spot->due_own |= (v->changed & ~CHANGED_MTIME) != 0;
	if (t->primary >= 0) {
		struct save *s = &p->save[t->primary];

		s->published = true;
		s->attrs = spot->looked_attrs;
		s->changed = attrs_compare(&spot->told, &s->attrs);
	}
	spot->base = spot->told = spot->looked_attrs;
	spot->in_doubt = false;
	spot->to_remove = (struct fhandle){0};
}
