/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a crash, a power cut or the loss of a store takes back.
 */
#include "base/path.h"
#include "tests/sim/world.h"

/* What a power cut took out of it is not there any more because of this: whoever moves a directory
 * away, or puts another one in its place, means all that is in it, and by the time that the core
 * looks nobody can tell the one from the other. The content is in the history. */
void truth_tree_moved(struct world *w, struct node *n, const char *dir)
{
	for (uint32_t i = 0; i < w->npaths && i < n->nspots; i++)
		if (path_below(w->paths[i]->path, dir))
			n->spots[i].cut = false;
}

void truth_doubt(const struct node *n, struct spot *spot, const char *path)
{
	const struct stored_path *s = storage_find(&n->store, path);

	if (!s || !s->intent)
		return;
	spot->strong = (struct saves){0};
	spot->in_doubt |= s->intent->kind == INTENT_INPLACE || s->intent->kind == INTENT_DIR ||
			  s->intent->kind == INTENT_LINK;
	if (s->intent->kind == INTENT_REMOVE && s->shown && s->shown->attrs.kind == KIND_DIR)
		spot->to_remove = s->shown->ident.handle;
}

/* What is shown is what the store says, be it that nothing is; what the core took it for is over. */
static void take_back(struct spot *spot, const struct stored_path *s)
{
	if (!s || !s->intent)
		spot->base = s && s->shown ? s->shown->attrs : (struct attrs){0};
}

void truth_crashed(struct world *w, struct node *n)
{
	for (uint32_t i = 0; i < w->npaths; i++) {
		struct path_truth *p = w->paths[i];
		const struct stored_path *s = storage_find(&n->store, p->path);

		truth_doubt(n, truth_spot(w, n, p->path), p->path);
		take_back(truth_spot(w, n, p->path), s);
		for (uint32_t k = 0; k < p->nversions; k++) {
			struct truth *t = &p->versions[k];

			if (t->author != n->index || t->forgotten ||
			    check_stored(n, p->path, t->dot))
				continue;
			truth_spot(w, n, p->path)->due_own = false;
			if (t->primary >= 0) { /* what was found on the disk was told */
				struct spot *spot = truth_spot(w, n, p->path);

				p->save[t->primary].published = false;
				spot->base = s && s->shown ? s->shown->attrs : (struct attrs){0};
				spot->told = spot->base;
			}
			version_put(t->version);
			p->versions[k--] = p->versions[--p->nversions];
		}
	}
}

static bool others_have(const struct world *w, const struct node *n, const char *path, struct dot d)
{
	for (uint32_t i = 0; i < w->nnodes; i++)
		if (i != n->index && check_stored(&w->nodes[i], path, d))
			return true;
	return false;
}

void truth_forgotten(struct world *w, struct node *n)
{
	for (uint32_t i = 0; i < w->npaths; i++) {
		struct path_truth *p = w->paths[i];

		for (uint32_t k = 0; k < p->nversions; k++) {
			struct truth *t = &p->versions[k];

			if (check_stored(n, p->path, t->dot)) { /* be it again */
				if (t->learned_at[n->index] < 0)
					t->learned_at[n->index] = w->now;
				continue;
			}
			t->learned_at[n->index] = -1;
			t->forgotten |= t->author == n->index;
			if (t->author == n->index && t->primary >= 0 &&
			    !others_have(w, n, p->path, t->dot))
				p->save[t->primary].excused = true; /* it may yet be on its way */
		}
		for (uint32_t k = 0; k < p->nsaves; k++)
			if (p->save[k].node == n->index && !p->save[k].published)
				p->save[k].excused = true;
	}
}
