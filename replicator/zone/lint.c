/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One walk over the set. Whether a name exists, is delegated or covered by a wildcard is asked of the
 * set itself: it is sorted, and what is below a name stands right behind it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replicator/zone/lint.h"
#include "replicator/zone/rdata.h"

struct walk {
	struct lint *l;
	const struct records *set;
	struct lint_limits limits;
	struct dname doubled; /* ZONE.ZONE */
	bool can_double;
	int err;
};

static void __attribute__((format(printf, 4, 5)))
tell(struct walk *w, enum lint_severity severity, const struct record *r, const char *format, ...)
{
	struct lint *l = w->l;
	char *words;
	va_list ap;

	*(severity == LINT_ERROR ? &l->errors : &l->approvals) += 1;
	if (l->n == LINT_FINDINGS_MAX || w->err)
		return;
	va_start(ap, format);
	if (vasprintf(&words, format, ap) < 0)
		words = NULL;
	va_end(ap);
	if (!words) {
		w->err = -ENOMEM;
		return;
	}
	l->list[l->n++] = (struct lint_finding){severity, w->set->files[r->file], r->line, words};
}

/* ---- what the set knows of a name ---- */

static bool is_at(const struct records *set, size_t i, const uint8_t *key, size_t len)
{
	return i < set->n && set->list[i].owner_len == len &&
	       memcmp(set->list[i].owner, key, len) == 0;
}

static bool has_records(const struct records *set, const uint8_t *key, size_t len)
{
	return len == set->zone.len || is_at(set, records_at(set, key, len), key, len);
}

/* It has records, or a name below it has. */
static bool exists(const struct records *set, const uint8_t *key, size_t len)
{
	size_t i = records_at(set, key, len);

	return i < set->n && dname_within(set->list[i].owner, set->list[i].owner_len, key, len);
}

/* Somebody else's: at or below a delegation, or below a DNAME. */
static bool elsewhere(const struct records *set, const uint8_t *key, size_t len)
{
	for (size_t at = len;; at = dname_parent(key, at)) {
		if (at > set->zone.len && records_has(set, key, at, TYPE_NS))
			return true;
		if (at < len && records_has(set, key, at, TYPE_DNAME))
			return true;
		if (at <= set->zone.len)
			return false;
	}
}

/* RFC 4592, 3.3.1: the wildcard right below the closest encloser, if the name itself is not there. */
static bool wildcard_answers(const struct records *set, const struct dname *name)
{
	struct dname star = *name;
	size_t at = name->len;

	if (exists(set, name->key, at))
		return false;
	while (at > set->zone.len && !exists(set, name->key, at))
		at = dname_parent(name->key, at);
	star.key[at] = '*';
	star.key[at + 1] = 0;
	return has_records(set, star.key, at + 2);
}

/* ---- the checks ---- */

/* In a zone of one label ZONE.ZONE itself can be a delegation like any other, with all below it. */
static bool is_doubled(const struct walk *w, const uint8_t *key, size_t len)
{
	const struct dname *d = &w->doubled;

	if (!w->can_double || !dname_within(key, len, d->key, d->len))
		return false;
	if (len == d->len)
		return dname_labels(d->key, d->len) > 2;
	return !records_has(w->set, d->key, d->len, TYPE_NS);
}

/* "movie.edu" after which the dot is missing, most likely. */
static const char *const missing_dot =
    "the zone's name stands in it twice: is the dot at the end of a name missing?";

/* The target's text in the data, NULL: it has none. */
static const char *target_of(const struct record *r)
{
	int words;

	switch (r->type) {
	case TYPE_CNAME:
	case TYPE_NS:
	case TYPE_PTR:
	case TYPE_DNAME:
		return r->rdata;
	case TYPE_MX:
		words = 1;
		break;
	case TYPE_SRV:
		words = 3;
		break;
	default:
		return NULL;
	}
	const char *p = r->rdata;
	while (p && words-- > 0) {
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	return p;
}

static void check_target(struct walk *w, const struct record *r, const char *text)
{
	char owner[DNAME_TEXT_MAX], type[RECORDS_TYPE_MAX], shown[DNAME_TEXT_MAX];
	const struct dname *zone = &w->set->zone;
	struct dname target;
	const char *why;

	if (dname_from_text(&target, text, strcspn(text, " "), NULL, &why) != 0)
		return;
	dname_text_in(owner, r->owner, r->owner_len, zone);
	records_type(type, r->type);
	dname_text(shown, target.key, target.len);
	if (is_doubled(w, target.key, target.len)) {
		tell(w, LINT_APPROVAL, r, "%s %s \"%s\": %s", owner, type, shown, missing_dot);
		return;
	}
	if (r->type == TYPE_SOA || r->type == TYPE_DNAME ||
	    !dname_within(target.key, target.len, zone->key, zone->len) ||
	    has_records(w->set, target.key, target.len) ||
	    elsewhere(w->set, target.key, target.len) || wildcard_answers(w->set, &target))
		return;
	tell(w, LINT_APPROVAL, r, "%s %s \"%s\": this name is in the zone, but has no records",
	     owner, type, shown);
}

/* The record that stands first in the text. */
static const struct record *first_of(const struct records *set, size_t i, size_t end)
{
	const struct record *first = &set->list[i];

	for (; i < end; i++)
		if (set->list[i].file < first->file ||
		    (set->list[i].file == first->file && set->list[i].line < first->line))
			first = &set->list[i];
	return first;
}

static void check_set(struct walk *w, size_t i, size_t end)
{
	char owner[DNAME_TEXT_MAX], type[RECORDS_TYPE_MAX];
	const struct record *r = &w->set->list[i];
	size_t most = w->limits.per_type;

	if (most == 0 || end - i <= most)
		return;
	tell(w, LINT_ERROR, first_of(w->set, i, end),
	     "%s has %zu %s records: named takes %zu of a type, and would refuse the zone",
	     dname_text_in(owner, r->owner, r->owner_len, &w->set->zone), end - i,
	     records_type(type, r->type), most);
}

/* The SOA stands beside the list. */
static void check_types(struct walk *w, size_t i, size_t end, size_t types)
{
	char owner[DNAME_TEXT_MAX];
	const struct record *r = &w->set->list[i];

	types += r->owner_len == w->set->zone.len && w->set->soa.rdata;
	if (w->limits.types == 0 || types <= w->limits.types)
		return;
	tell(w, LINT_ERROR, first_of(w->set, i, end),
	     "%s has records of %zu types: named takes %zu at a name, and would refuse the zone",
	     dname_text_in(owner, r->owner, r->owner_len, &w->set->zone), types, w->limits.types);
}

/* All records of one owner. */
static void check_name(struct walk *w, size_t i, size_t end)
{
	const struct record *r = &w->set->list[i];
	char owner[DNAME_TEXT_MAX];
	size_t types = 0;
	bool ours = r->owner_len == w->set->zone.len ||
		    !elsewhere(w->set, r->owner, dname_parent(r->owner, r->owner_len));

	if (is_doubled(w, r->owner, r->owner_len))
		tell(w, LINT_APPROVAL, first_of(w->set, i, end), "\"%s\": %s",
		     dname_text(owner, r->owner, r->owner_len), missing_dot);
	for (size_t at = i, next; at < end; at = next) {
		next = records_set_end(w->set, at);
		check_set(w, at, next);
		types++;
		for (; ours && at < next; at++) {
			const char *target = target_of(&w->set->list[at]);
			if (target)
				check_target(w, &w->set->list[at], target);
		}
	}
	check_types(w, i, end, types);
}

static void check_outside(struct walk *w)
{
	const struct records *set = w->set;
	char owner[DNAME_TEXT_MAX], zone[DNAME_TEXT_MAX];

	dname_text(zone, set->zone.key, set->zone.len);
	for (size_t i = 0; i < set->n_outside; i++)
		tell(w, LINT_ERROR, &set->outside[i],
		     "\"%s\" is not in the zone %s: named would ignore this record",
		     dname_text(owner, set->outside[i].owner, set->outside[i].owner_len), zone);
	w->l->errors += set->outside_total - set->n_outside;
}

static void check_soa(struct walk *w)
{
	const char *names = w->set->soa.rdata;

	if (!names)
		return;
	check_target(w, &w->set->soa, names);
	check_target(w, &w->set->soa, names + strcspn(names, " ") + 1);
}

/* ---- all of it ---- */

static int by_place(const void *a, const void *b)
{
	const struct lint_finding *x = a, *y = b;
	int r = strcmp(x->file, y->file);

	return r ? r : (x->line > y->line) - (x->line < y->line);
}

int lint_zone(struct lint *l, const struct records *set, struct lint_limits limits)
{
	struct walk w = {.l = l, .set = set, .limits = limits};

	*l = (struct lint){.list = calloc(LINT_FINDINGS_MAX, sizeof(*l->list))};
	if (!l->list)
		return -ENOMEM;
	w.can_double = set->zone.len > 0 && dname_join(&w.doubled, &set->zone, &set->zone) == 0;
	check_outside(&w);
	check_soa(&w);
	for (size_t i = 0, end; i < set->n; i = end) {
		const struct record *r = &set->list[i];
		for (end = i + 1; is_at(set, end, r->owner, r->owner_len); end++)
			;
		check_name(&w, i, end);
	}
	qsort(l->list, l->n, sizeof(*l->list), by_place);
	return w.err;
}

void lint_fini(struct lint *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->list[i].words);
	free(l->list);
	*l = (struct lint){0};
}
