/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The invariant of what was changed on two sides: by the saves themselves, not by what the versions
 * say of each other. Looked at are the saves of a path that no other save had seen. At the end what
 * each of them changed is there; where that cannot be, since two have changed the same to different
 * values, both are listed. And of two that changed different things of the same file nothing is
 * listed any more: they have been combined. (But for a file where others have put something below: what
 * is there is a directory, and both stay listed until that has gone.)
 */
#include <string.h>

#include "base/path.h"
#include "tests/sim/world.h"

#define FIELDS_ALL (CHANGED_CONTENT | CHANGED_MODE | CHANGED_OWNER)
#define TIPS_MAX 64

struct tips {
	const struct save *p[TIPS_MAX];
	uint32_t index[TIPS_MAX];
	uint32_t n;
};

/* Nobody has seen it, as far as versions were made. False: nothing can be said of this path. */
static bool find_tips(const struct path_truth *p, struct tips *t)
{
	for (uint32_t i = 0; i < p->nsaves; i++) {
		const struct save *s = &p->save[i];
		bool seen = false;

		for (uint32_t k = 0; k < p->nsaves && !seen; k++)
			seen = k != i && saves_has(&p->save[k].past, i);
		if (seen)
			continue;
		if (!s->published || s->excused || s->initial || s->kind == KIND_ABSENT ||
		    (s->changed & CHANGED_KIND) || t->n == TIPS_MAX ||
		    (t->n && t->p[0]->kind != s->kind))
			return false;
		t->index[t->n] = i;
		t->p[t->n++] = s;
	}
	return t->n > 1;
}

/* Orders have seen what is listed, and choose. */
static bool ordered(const struct path_truth *p)
{
	for (uint32_t i = 0; i < p->nversions; i++)
		if (p->versions[i].primary < 0 && !p->versions[i].version->combined)
			return true;
	return false;
}

struct found {
	const char *path;
	uint32_t n;
	bool conflict;
	bool hidden; /* something lives below */
	const struct version *visible;
};

static bool find_entry(void *arg, const struct core_path *p)
{
	struct found *f = arg;

	if (path_below(p->path, f->path))
		f->hidden |= p->n && version_live(p->entry[0]);
	if (strcmp(p->path, f->path) != 0)
		return true;
	f->n = p->n;
	f->conflict = p->conflict;
	f->visible = p->n ? p->entry[0] : NULL;
	return true;
}

/* Another save made the same of it: whoever has seen that has seen this. */
static bool made_twice(const struct path_truth *p, const struct save *s, uint8_t fields)
{
	for (uint32_t i = 0; i < p->nsaves; i++)
		if (&p->save[i] != s && p->save[i].published && p->save[i].kind == s->kind &&
		    !(attrs_compare(&p->save[i].attrs, &s->attrs) & fields))
			return true;
	return false;
}

/* What one side has changed in all since they parted; CHANGED_KIND: nothing can be said of it. */
static uint8_t side(const struct path_truth *p, const struct save *tip, const struct save *other)
{
	uint8_t changed = 0;

	for (uint32_t i = 0; i < p->nsaves; i++) {
		const struct save *s = &p->save[i];

		if (!saves_has(&tip->past, i) || saves_has(&other->past, i))
			continue;
		if (s->initial || s->excused || s->kind != tip->kind)
			changed |= CHANGED_KIND;
		if (s->published)
			changed |= s->changed;
	}
	return changed;
}

/* Of what it has seen, each has seen the one before. Where there had been two sides before, whoever
 * saved next has chosen, and does not say so of the fields that stayed as they were shown. */
static bool in_line(const struct path_truth *p, const struct save *tip)
{
	for (uint32_t i = 0; i < p->nsaves; i++)
		for (uint32_t k = 0; k < i; k++)
			if (saves_has(&tip->past, i) && saves_has(&tip->past, k) &&
			    p->save[i].published && p->save[k].published &&
			    !saves_has(&p->save[i].past, k))
				return false;
	return true;
}

static bool disjoint(const struct path_truth *p, const struct save *a, const struct save *b)
{
	uint8_t of_a = side(p, a, b), of_b = side(p, b, a);

	return !((of_a | of_b) & CHANGED_KIND) && !(of_a & of_b & FIELDS_ALL);
}

void check_combined(struct world *w, const struct path_truth *p)
{
	struct tips t = {.n = 0};
	struct found f = {.path = p->path};

	if (ordered(p) || !find_tips(p, &t))
		return;
	core_each(w->nodes[0].core, "", find_entry, &f);
	/* A crash may make a node forget which version it is that a path shows. */
	if (f.n > 1 && f.conflict && !f.hidden && t.n == 2 && !w->crashes &&
	    t.p[0]->kind == KIND_FILE && disjoint(p, t.p[0], t.p[1]) && in_line(p, t.p[0]) &&
	    in_line(p, t.p[1]))
		world_fail(w, "both survive",
			   "%s: saves %u and %u changed different things, and are in conflict",
			   p->path, t.index[0], t.index[1]);
	for (uint32_t i = 0; i < t.n && f.n == 1; i++) {
		uint8_t lost = attrs_compare(&f.visible->attrs, &t.p[i]->attrs) & t.p[i]->changed;

		lost &= FIELDS_ALL | CHANGED_KIND;
		if (lost && !made_twice(p, t.p[i], lost) && !t.p[i]->excused &&
		    !check_save_gone(w, p, t.index[i]))
			world_fail(w, "both survive",
				   "%s: what save %u changed (%x) is neither there nor listed",
				   p->path, t.index[i], lost);
	}
}
