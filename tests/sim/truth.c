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

#include "base/path.h"
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

static struct path_truth *path_of(struct world *w, const char *path)
{
	uint32_t i = truth_path(w, path); /* may move w->paths */

	return w->paths[i];
}

bool truth_local(struct world *w, struct node *n, const char *path, bool dir)
{
	struct path_truth *p = path_of(w, path);
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
	return path_of(w, path)->nsaves >= SAVES_MAX - 40 || w->npaths >= PATHS_TRUTH_MAX - 20;
}

void truth_save(struct world *w, struct node *n, const char *path, enum kind kind, uint64_t content)
{
	struct path_truth *p = path_of(w, path);
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
				path_of(w, path)->nsaves};
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
	path_of(w, path)->save[s->last].looked = true;
	if (!spot->held || attrs_compare(&spot->draft_attrs, a))
		return;
	path_of(w, path)->save[s->last].held = true; /* it was saved again as it was */
	if (spot->drafted)
		return;
	spot->drafted = true; /* in an earlier life */
	spot->draft_shown = s->shown;
	spot->draft_strong = s->strong;
	spot->draft_last = s->last;
}

struct truth *truth_find(struct world *w, const char *path, struct dot d)
{
	struct path_truth *p = path_of(w, path);

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

/* All nodes knew of it, and it was forgotten. */
static bool is_collected(const struct world *w, struct dot d)
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

		if (is_collected(w, t->dot) && t->version->attrs.kind == KIND_ABSENT)
			saves_join(to, &t->saves);
	}
}

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

static bool same_attrs_content(const struct attrs *a, const struct attrs *b)
{
	return a->kind == b->kind && hash_same(a->hash, b->hash);
}

/* Some node excluded it in some of its lives, in which nobody has followed it there. */
static bool unfollowed(struct world *w, const char *path)
{
	struct node *last = &w->nodes[w->nnodes - 1];

	return w->weights.lists && (truth_local(w, last, path, true) || truth_local(w, last, path, false));
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
	    !unfollowed(w, path))
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

/* Nor that; but a draft had been made of what was seen once, which has been judged since. */
static void look_at_draft(struct spot *spot)
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
		bool seen = !vv_covers(&v->context, d) || is_collected(w, d);

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

void truth_version(struct world *w, struct node *n, const char *path, struct version *v)
{
	struct path_truth *p = path_of(w, path);
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
	if (spot->looked && !same_attrs_content(&v->attrs, &spot->looked_attrs) &&
	    same_attrs_content(&v->attrs, &spot->older_attrs))
		look_back(spot);
	if (spot->drafted && !same_attrs_content(&v->attrs, &spot->looked_attrs) &&
	    same_attrs_content(&v->attrs, &spot->draft_attrs))
		look_at_draft(spot);
	if (!spot->looked || !same_attrs_content(&v->attrs, &spot->looked_attrs)) {
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

void truth_of_context(struct world *w, const char *path, const struct vv *context,
		      struct saves *out)
{
	const struct path_truth *p = path_of(w, path);

	*out = (struct saves){0};
	for (uint32_t i = 0; i < p->nversions; i++)
		if (vv_covers(context, p->versions[i].dot))
			saves_join(out, &p->versions[i].saves);
}

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
		    same_attrs_content(&t->version->attrs, &spot->looked_attrs))
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

static bool is_found(const struct shown *s)
{
	return !s->dot.origin && (s->attrs.kind == KIND_FILE || s->attrs.kind == KIND_LINK);
}

void truth_shown(struct world *w, struct node *n, const char *path, const struct shown *s)
{
	struct path_truth *p = path_of(w, path);
	struct spot *spot = truth_spot(w, n, path);
	struct saves claimed;

	if (!s)
		return;
	truth_of_context(w, path, &s->context, &claimed);
	if (!spot->due_own) /* else it is due for that, and not if a crash takes that back */
		spot->due_install |= spot->found && s->dot.origin;
	spot->found = is_found(s);
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

/* After a crash with such an intent, a directory that a user made as it was about to be made here
 * cannot be told from ours, nor a link that was moved away and back (with the version's target, and
 * its time to the nanosecond), nor can attributes, set by a user to what they were, or were about
 * to be. */
bool truth_taken_for_ours(struct world *w, struct node *n, const char *path,
			  const struct attrs *before, const struct attrs *base)
{
	const struct shown *s = core_shown(n->core, path);

	return truth_spot(w, n, path)->in_doubt && s && attrs_compare(&s->attrs, before) == 0 &&
	       (before->kind == KIND_DIR || before->kind == KIND_LINK ||
		same_attrs_content(before, base));
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

bool truth_aside(const struct node *n, const char *path, struct dot dot)
{
	const struct stored_path *s = storage_find(&n->store, path);

	return dot.origin && s && s->draft && s->draft->aside && dot_same(s->draft->dot, dot);
}

void truth_installed(struct world *w, struct node *n, const char *path, const struct intent *i,
		     const struct attrs *before)
{
	struct path_truth *p = path_of(w, path);
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
		    !unfollowed(w, path) &&
		    !(s->initial && (same_content(p, &spot->shown, s) ||
				     (t && same_attrs_content(&t->version->attrs, before)))) &&
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
	look_at_draft(spot);
}

void truth_loaded(struct world *w, struct node *n)
{
	for (uint32_t i = 0; i < w->npaths; i++) {
		const struct stored_path *s = storage_find(&n->store, w->paths[i]->path);
		struct spot *spot = truth_spot(w, n, w->paths[i]->path);

		spot->goes = 0; /* nothing is being released any more */
		spot->held = spot->drafted = false;
		spot->found = s && s->shown && is_found(s->shown);
		if (s && s->draft)
			holds(spot, s->draft);
	}
}

/* What was moved away and back again with its directory is what was looked at before, be it that it was
 * seen to be away meanwhile. */
void truth_rewritten(struct world *w, struct node *n, const char *path, const struct attrs *before)
{
	struct path_truth *p = path_of(w, path);
	struct spot *spot = truth_spot(w, n, path);
	bool seen = !attrs_compare(before, &spot->looked_attrs) ||
		    (spot->held && !attrs_compare(before, &spot->draft_attrs));

	if (spot->last >= 0 && !p->save[spot->last].looked && !seen)
		world_fail(w, "never overwrites the unseen", "%s: save %d of %s is rewritten",
			   n->name, spot->last, path);
}

void truth_draft(struct world *w, struct node *n, const char *path, const struct version *v)
{
	struct path_truth *p = path_of(w, path);
	struct spot *spot = truth_spot(w, n, path);
	bool older = !same_attrs_content(&v->attrs, &spot->looked_attrs) &&
		     same_attrs_content(&v->attrs, &spot->older_attrs);
	bool mended = !older && spot->drafted &&
		      !same_attrs_content(&v->attrs, &spot->looked_attrs);
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

void truth_history(struct world *w, struct node *n, const char *path)
{
	struct spot *spot = truth_spot(w, n, path);

	if (spot->looked_last >= 0)
		path_of(w, path)->save[spot->looked_last].excused = true;
}

/* What a power cut took out of it is not there any more because of this: whoever moves a directory
 * away, or puts another one in its place, means all that is in it, and by the time that the core
 * looks nobody can tell the one from the other. The content is in the history. */
void truth_tree_moved(struct world *w, struct node *n, const char *dir)
{
	for (uint32_t i = 0; i < w->npaths && i < n->nspots; i++)
		if (path_below(w->paths[i]->path, dir))
			n->spots[i].cut = false;
}

/* Whether what was intended was done before it was changed again will never be known. */
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
