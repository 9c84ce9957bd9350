/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * True causality, kept by the simulator itself and not by what the cores say: each save knows what
 * its user had been shown at that path on that node. A node's disk stands for a set of saves; an
 * install replaces the set by that of the versions that the install stands for; a save adds itself.
 *
 * Where a core says that a path now stands for more, without an install (a conflict whose winner
 * was there already), that is believed only if it has looked at the disk since it learned of the
 * rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

bool saves_has(const struct saves *s, uint32_t i)
{
	return s->bits[i / 64] >> (i % 64) & 1;
}

void saves_add(struct saves *s, uint32_t i)
{
	s->bits[i / 64] |= UINT64_C(1) << (i % 64);
}

void saves_join(struct saves *to, const struct saves *from)
{
	for (int i = 0; i < SAVES_MAX / 64; i++)
		to->bits[i] |= from->bits[i];
}

bool saves_within(const struct saves *a, const struct saves *b)
{
	for (int i = 0; i < SAVES_MAX / 64; i++)
		if (a->bits[i] & ~b->bits[i])
			return false;
	return true;
}

bool truth_same(const struct attrs *a, const struct attrs *b)
{
	return a->kind == b->kind && hash_same(a->hash, b->hash);
}

uint32_t truth_path(struct world *w, const char *path)
{
	for (uint32_t i = 0; i < w->npaths; i++)
		if (strcmp(w->paths[i]->path, path) == 0)
			return i;
	w->paths = realloc(w->paths, (w->npaths + 1) * sizeof(void *));
	if (!w->paths)
		abort();
	w->paths[w->npaths] = calloc(1, sizeof **w->paths);
	if (!w->paths[w->npaths])
		abort();
	w->paths[w->npaths]->path = strdup(path);
	return w->npaths++;
}

struct path_truth *truth_at(struct world *w, const char *path)
{
	uint32_t i = truth_path(w, path); /* may move w->paths */

	return w->paths[i];
}

bool truth_local(struct world *w, struct node *n, const char *path, bool dir)
{
	struct path_truth *p = truth_at(w, path);
	uint8_t bit = dir ? 2 : 1;

	if (!(p->local_known[n->index] & bit)) {
		p->local_known[n->index] |= bit;
		if (locality_local(n->locality, path, dir, ""))
			p->local_found[n->index] |= bit;
	}
	return p->local_found[n->index] & bit;
}

struct spot *truth_spot(struct world *w, struct node *n, const char *path)
{
	uint32_t i = truth_path(w, path);

	if (i >= n->nspots) {
		n->spots = realloc(n->spots, (i + 16) * sizeof *n->spots);
		if (!n->spots)
			abort();
		for (; n->nspots < i + 16; n->nspots++)
			n->spots[n->nspots] = (struct spot){.last = -1, .looked_last = -1};
	}
	return &n->spots[i];
}

bool truth_full(struct world *w, const char *path)
{
	return truth_at(w, path)->nsaves >= SAVES_MAX - 40 || w->npaths >= PATHS_TRUTH_MAX - 20;
}

void truth_save(struct world *w, struct node *n, const char *path, enum kind kind, uint64_t content)
{
	struct path_truth *p = truth_at(w, path);
	struct spot *spot = truth_spot(w, n, path);
	struct save *s = &p->save[p->nsaves];

	if (truth_local(w, n, path, kind == KIND_DIR))
		return;
	if (p->nsaves == SAVES_MAX) {
		world_fail(w, "simulator", "too many saves of %s", path);
		return;
	}
	*s = (struct save){.node = n->index,
			   .kind = kind,
			   .content = content,
			   .past = spot->shown,
			   .strong = spot->strong,
			   .initial = !n->joined};
	saves_add(&s->past, p->nsaves);
	saves_add(&s->strong, p->nsaves);
	spot->shown = s->past;
	spot->strong = s->strong;
	spot->last = (int32_t)p->nsaves++;
	spot->cut = spot->due_install = false; /* what is told of it now is this */
	world_note(w, text_hash(path), (uint64_t)kind << 32 | (uint32_t)spot->last);
	tell(w, "%s user: save %d of %s: %s, content %llu", n->name, spot->last, path,
	     kind_text(kind), (unsigned long long)content);
}

void truth_sighting(struct world *w, struct node *n, const char *path, struct sighting *s)
{
	struct spot *spot = truth_spot(w, n, path);

	*s = (struct sighting){spot->shown, spot->strong, spot->last, spot->cut, w->now,
				truth_at(w, path)->nsaves};
}

void truth_looked(struct world *w, struct node *n, const char *path, const struct sighting *s,
		  const struct attrs *a, const struct ident *i)
{
	struct spot *spot = truth_spot(w, n, path);

	spot->older_shown = spot->looked_shown;
	spot->older_strong = spot->looked_strong;
	spot->older_last = spot->looked_last;
	spot->older_attrs = spot->looked_attrs;
	spot->looked = true;
	spot->looked_shown = s->shown;
	spot->looked_strong = s->strong;
	spot->looked_last = s->last;
	spot->looked_cut = s->cut;
	spot->looked_saves = s->saves;
	if (s->at > spot->looked_at) /* the directory above may have been read before that */
		spot->looked_at = s->at;
	spot->looked_attrs = *a;
	spot->looked_ident = *i;
	if (s->last < 0)
		return;
	truth_at(w, path)->save[s->last].looked = true;
	if (!spot->held || attrs_compare(&spot->draft_attrs, a))
		return;
	truth_at(w, path)->save[s->last].held = true; /* it was saved again as it was */
	if (spot->drafted)
		return;
	spot->drafted = true; /* in an earlier life */
	spot->draft_shown = s->shown;
	spot->draft_strong = s->strong;
	spot->draft_last = s->last;
}

struct truth *truth_find(struct world *w, const char *path, struct dot d)
{
	struct path_truth *p = truth_at(w, path);

	for (uint32_t i = 0; i < p->nversions; i++)
		if (dot_same(p->versions[i].dot, d))
			return &p->versions[i];
	return NULL;
}

void truth_learned(struct world *w, struct node *n, const char *path, struct dot d)
{
	struct truth *t = truth_find(w, path, d);

	if (!t)
		world_fail(w, "loses nothing", "%s learned a version of %s that nobody made",
			   n->name, path);
	else if (t->learned_at[n->index] < 0)
		t->learned_at[n->index] = w->now;
}

bool truth_gone(const struct world *w, struct dot d)
{
	for (uint32_t i = 0; i < w->nnodes; i++)
		if (w->nodes[i].core && vv_covers(core_floor(w->nodes[i].core), d))
			return true;
	return false;
}

void truth_collected(struct world *w, const struct path_truth *p, struct saves *to)
{
	for (uint32_t i = 0; i < p->nversions; i++) {
		const struct truth *t = &p->versions[i];

		if (truth_gone(w, t->dot) && t->version->attrs.kind == KIND_ABSENT)
			saves_join(to, &t->saves);
	}
}

void truth_of_context(struct world *w, const char *path, const struct vv *context,
		      struct saves *out)
{
	const struct path_truth *p = truth_at(w, path);

	*out = (struct saves){0};
	for (uint32_t i = 0; i < p->nversions; i++)
		if (vv_covers(context, p->versions[i].dot))
			saves_join(out, &p->versions[i].saves);
}

void truth_history(struct world *w, struct node *n, const char *path)
{
	struct spot *spot = truth_spot(w, n, path);

	if (spot->looked_last >= 0)
		truth_at(w, path)->save[spot->looked_last].excused = true;
}

bool truth_known(struct world *w, const struct node *by, const struct node *n)
{
	char name[sizeof n->name + 6];

	snprintf(name, sizeof name, "known/%s", n->name);
	if (storage_has_meta(&by->store, name))
		return true;
	for (uint32_t i = 0; i < w->npaths; i++)
		for (uint32_t k = 0; k < w->paths[i]->nversions; k++)
			if (w->paths[i]->versions[k].author == n->index &&
			    vv_covers(&by->store.vector, w->paths[i]->versions[k].dot))
				return true;
	return false;
}

bool truth_unfollowed(struct world *w, const char *path)
{
	struct node *last = &w->nodes[w->nnodes - 1];

	return w->weights.lists && (truth_local(w, last, path, true) || truth_local(w, last, path, false));
}

void truth_fini(struct world *w)
{
	for (uint32_t i = 0; i < w->npaths; i++) {
		struct path_truth *p = w->paths[i];

		for (uint32_t k = 0; k < p->nversions; k++)
			version_put(p->versions[k].version);
		free(p->versions);
		free(p->path);
		free(p);
	}
	free(w->paths);
}
