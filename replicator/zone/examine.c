/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Both texts are read; each question is asked of both, and what is said of both is not said.
 */
#include "replicator/zone/examine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/zone/changes.h"
#include "replicator/zone/guard.h"
#include "replicator/zone/lint.h"
#include "replicator/zone/rdata.h"
#include "replicator/zone/serial.h"

/* One side as it was read. */
struct read_side {
	struct records *set; /* NULL: it could not be */
	struct lint lint;
	bool linted;
	bool has_serial;
	uint32_t serial;
	size_t serial_file;
};

static void __attribute__((format(printf, 2, 3))) say(struct buf *b, const char *format, ...)
{
	CLEANUP_FREE char *line = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&line, format, ap) < 0)
		line = NULL;
	va_end(ap);
	if (!line || b->len + strlen(line) + 2 > EXAMINE_WORDS_MAX)
		return;
	if (b->len) /* over the NUL */
		b->data[b->len - 1] = '\n';
	buf_raw(b, line, strlen(line) + 1);
}

/* ---- reading ---- */

static int include(void *arg, const char *from, const char *name, struct records_text *to)
{
	const struct examine_side *side = arg;

	for (size_t i = 0; i < side->n; i++) {
		const struct examine_file *f = &side->files[i];

		if (strcmp(f->path, from) != 0)
			continue;
		for (size_t k = 0; k < f->n; k++)
			if (strcmp(f->included[k].name, name) == 0) {
				const struct examine_file *inner =
				    &side->files[f->included[k].file];
				*to = (struct records_text){inner->path, inner->text, inner->len};
				return 0;
			}
	}
	return 1; /* the checker says what is wrong with it */
}

static size_t file_of(const struct examine_side *side, const char *path)
{
	for (size_t i = 0; i < side->n; i++)
		if (strcmp(side->files[i].path, path) == 0)
			return i;
	return 0;
}

/* By the text alone, where the records cannot be read. */
static void find_serial(struct read_side *r, const struct examine_side *side)
{
	struct serial_place place;
	const char *why;

	for (size_t i = 0; i < side->n && !r->has_serial; i++) {
		if (serial_find(side->files[i].text, side->files[i].len, &place, &why) != 0)
			continue;
		r->has_serial = true;
		r->serial = place.value;
		r->serial_file = i;
	}
}

static void read_side(struct read_side *r, const struct examine *e, const struct examine_side *side,
		      char why[RECORDS_WORDS_MAX])
{
	static const struct dname root;
	struct dname zone;
	const char *wrong;

	why[0] = '\0';
	if (side->n == 0)
		return;
	if (dname_from_text(&zone, e->zone, strlen(e->zone), &root, &wrong) < 0) {
		snprintf(why, RECORDS_WORDS_MAX, "the zone's name: %s", wrong);
		return;
	}
	struct records_text text = {side->files[0].path, side->files[0].text, side->files[0].len};
	struct records_reading how = {
	    .stop = e->stop, .zone = &zone, .include = include, .arg = (void *)(uintptr_t)side};
	if (records_read(&r->set, &text, &how, why) == 0 && r->set->soa.rdata) {
		r->has_serial = true;
		r->serial = r->set->serial;
		r->serial_file = file_of(side, r->set->files[r->set->soa.file]);
	} else if (!r->set) {
		find_serial(r, side);
	}
	if (r->set) {
		r->linted = true;
		if (lint_zone(&r->lint, r->set, e->limits) < 0)
			lint_fini(&r->lint), r->linted = false;
	}
}

static void side_fini(struct read_side *r)
{
	if (r->linted)
		lint_fini(&r->lint);
	records_free(r->set);
}

/* ---- what was found ---- */

static int by_words(const void *a, const void *b)
{
	const struct lint_finding *const *p = a, *const *q = b;

	return strcmp((*p)->words, (*q)->words);
}

/* Findings in the order of their words; the caller's to free. NULL: out of memory. */
static const struct lint_finding **sorted(const struct lint *l)
{
	const struct lint_finding **list = calloc(l->n + 1, sizeof(const struct lint_finding *));

	for (size_t i = 0; list && i < l->n; i++)
		list[i] = &l->list[i];
	if (list)
		qsort(list, l->n, sizeof(const struct lint_finding *), by_words);
	return list;
}

static void tell_findings(struct examine *e, const struct read_side *is,
			  const struct read_side *was)
{
	const struct lint_finding **old = was->linted ? sorted(&was->lint) : NULL;

	for (size_t i = 0; i < is->lint.n; i++) {
		const struct lint_finding *f = &is->lint.list[i];

		if (old &&
		    bsearch(&f, old, was->lint.n, sizeof(const struct lint_finding *), by_words))
			continue;
		say(f->severity == LINT_ERROR ? &e->errors : &e->doubts, "%s:%u: %s", f->file,
		    f->line, f->words);
	}
	size_t found = is->lint.errors + is->lint.approvals;
	if (found > is->lint.n && found > (was->linted ? was->lint.errors + was->lint.approvals : 0))
		say(is->lint.errors > 0 ? &e->errors : &e->doubts, "and %zu more of these",
		    found - is->lint.n);
	free(old);
}

static const struct examine_file *same_file(const struct examine_side *side, const char *path)
{
	for (size_t i = 0; i < side->n; i++)
		if (strcmp(side->files[i].path, path) == 0)
			return &side->files[i];
	return NULL;
}

/* Where the name of the file is not clear from the words. */
static void tell_guard(struct examine *e, const struct guard_verdict *g, const char *path)
{
	for (size_t i = 0; i < g->n; i++)
		say(&e->doubts, "%s: %s", path, g->list[i].words);
}

static void guard(struct examine *e, const struct read_side *is, const struct read_side *was)
{
	const struct examine_file *now = &e->is.files[0], *then = &e->was.files[0];
	struct guard_verdict g;
	struct guard_side a = {.text = then->text, .len = then->len, .set = was->set};
	struct guard_side b = {.text = now->text, .len = now->len, .set = is->set};

	a.has_serial = e->known && !e->raises;
	a.serial = e->highest;
	b.has_serial = is->has_serial;
	b.serial = is->serial;
	if (e->raises && e->known && is->has_serial &&
	    serial_compare(is->serial, e->highest) == SERIAL_GREATER)
		a.has_serial = true; /* a jump is one all the same */
	guard_judge(&g, &a, &b, e->shrink);
	tell_guard(e, &g, now->path);
	for (size_t i = 1; i < e->is.n; i++) {
		then = same_file(&e->was, e->is.files[i].path);
		if (!then)
			continue;
		a = (struct guard_side){.text = then->text, .len = then->len};
		b = (struct guard_side){.text = e->is.files[i].text, .len = e->is.files[i].len};
		guard_judge(&g, &a, &b, e->shrink);
		tell_guard(e, &g, e->is.files[i].path);
	}
}

/* Of the records; where they cannot be read, of the bytes. */
static bool has_changed(const struct examine *e, const struct read_side *is,
			const struct read_side *was)
{
	struct changes c;
	bool changed = true;

	if (is->set && was->set) {
		if (changes_make(&c, was->set, is->set) == 0)
			changed = c.n > 0;
		changes_fini(&c);
		return changed;
	}
	for (size_t i = 0; i < e->is.n && e->is.n == e->was.n; i++) {
		const struct examine_file *then = same_file(&e->was, e->is.files[i].path);

		if (!then || then->len != e->is.files[i].len ||
		    memcmp(then->text, e->is.files[i].text, then->len) != 0)
			return true;
	}
	return e->is.n != e->was.n;
}

static void judge_serial(struct examine *e, const struct read_side *is, const struct read_side *was)
{
	enum serial_order order;

	e->has_serial = is->has_serial;
	e->serial = is->serial;
	e->serial_file = is->serial_file;
	if (!e->known || !is->has_serial)
		return;
	order = serial_compare(is->serial, e->highest);
	e->low = order == SERIAL_LESS || order == SERIAL_UNDEFINED ||
		 (order == SERIAL_EQUAL && has_changed(e, is, was));
	if (e->low && order == SERIAL_EQUAL && !e->raises)
		say(&e->warnings,
		    "%s: serial %u not raised: secondaries won't transfer what has changed",
		    e->is.files[is->serial_file].path, is->serial);
}

/* ZONEMD alone is no matter of signatures. */
static bool has_signatures(const struct records *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->list[i].type == TYPE_RRSIG || set->list[i].type == TYPE_NSEC ||
		    set->list[i].type == TYPE_NSEC3)
			return true;
	return false;
}

void examine_zone(struct examine *e)
{
	struct read_side is = {0}, was = {0};
	char ignored[RECORDS_WORDS_MAX];

	buf_init(&e->errors, EXAMINE_WORDS_MAX);
	buf_init(&e->doubts, EXAMINE_WORDS_MAX);
	buf_init(&e->warnings, EXAMINE_WORDS_MAX);
	if (e->is.n == 0)
		return;
	for (size_t i = 0; i < e->is.n && !e->is_signed; i++)
		e->is_signed = serial_signed(e->is.files[i].text, e->is.files[i].len) != 0;
	e->raises &= !e->is_signed;
	read_side(&is, e, &e->is, e->why);
	read_side(&was, e, &e->was, ignored);
	e->unread = !is.set;
	e->verifiable = is.set ? has_signatures(is.set) : e->is_signed;
	if (is.linted)
		tell_findings(e, &is, &was);
	if (e->was.n > 0)
		guard(e, &is, &was);
	judge_serial(e, &is, &was);
	e->err = e->errors.err || e->doubts.err || e->warnings.err ? -ENOMEM : 0;
	side_fini(&is);
	side_fini(&was);
}

void examine_fini(struct examine *e)
{
	buf_fini(&e->errors);
	buf_fini(&e->doubts);
	buf_fini(&e->warnings);
}
