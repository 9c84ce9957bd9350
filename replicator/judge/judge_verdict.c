/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What comes of a judgement: the worst that was found counts. Serials are raised last, when all zones of
 * a file have been looked at.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "replicator/hashing.h"
#include "replicator/judge/judge_internal.h"
#include "replicator/zone/serial.h"

#define REWRITES_MAX 1000

static int badness(enum verdict_kind kind)
{
	switch (kind) {
	case VERDICT_BAD:
		return 4;
	case VERDICT_UNKNOWN:
		return 3;
	case VERDICT_DOUBT:
		return 2;
	case VERDICT_REWRITE:
		return 1;
	default:
		return 0;
	}
}

void judge_say(struct judgement *j, enum verdict_kind kind, const char *format, ...)
{
	CLEANUP_FREE char *line = NULL;
	size_t len = strlen(j->words);
	va_list ap;

	if (badness(kind) > badness(j->kind))
		j->kind = kind;
	va_start(ap, format);
	if (vasprintf(&line, format, ap) < 0)
		line = NULL;
	va_end(ap);
	if (!line)
		return;
	for (size_t n = strlen(line); n > 0 && line[n - 1] == '\n';)
		line[--n] = '\0';
	snprintf(j->words + len, sizeof(j->words) - len, "%s%s", len ? "\n" : "", line);
}

void judge_need(struct judgement *j, const char *path)
{
	for (uint32_t i = 0; i < j->nneeds; i++)
		if (strcmp(j->needs[i], path) == 0)
			return;
	if (j->nneeds < VERDICT_NEEDS_MAX && (j->needs[j->nneeds] = strdup(path)))
		j->nneeds++;
}

/* ---- a zone ---- */

/* Of what was there before zonefs was, and of what another node has let go, only what is wrong counts. */
bool judge_has_doubts(const struct judgement *j)
{
	for (uint32_t i = 0; i < j->trial->n; i++)
		if (!j->trial->items[i].version->import)
			return j->trial->own;
	return false;
}

void judge_examined(struct judge_zone *z)
{
	const struct examine *e = &z->examine;
	struct judgement *j = z->judgement;

	if (e->err < 0) {
		judge_say(j, VERDICT_UNKNOWN, "%s could not be examined: %s", z->path,
			  err_text(e->err));
		return;
	}
	if (e->errors.len || e->doubts.len)
		judge_zone_watch(z);
	if (e->errors.len)
		judge_say(j, judge_has_doubts(j) || !j->trial->own ? VERDICT_BAD : VERDICT_GOOD, "%s",
			  (const char *)e->errors.data);
	if (e->doubts.len && judge_has_doubts(j))
		judge_say(j, VERDICT_DOUBT, "%s", (const char *)e->doubts.data);
	if (e->warnings.len && judge_has_doubts(j)) {
		judge_say(j, VERDICT_GOOD, "%s", (const char *)e->warnings.data);
		j->warned = true;
	}
}

/* ---- serials ---- */

int judge_put(struct store *s, const struct buf *b, struct hash hash)
{
	struct incoming *in;

	if (store_has(s, hash))
		return 0;
	if (b->len <= STORE_SMALL_MAX)
		return store_put(s, hash, b->data, b->len);
	int err = incoming_open(s, hash, false, &in);
	if (err < 0)
		return err;
	err = incoming_write(in, b->data, b->len);
	if (err < 0) {
		incoming_cancel(in, false);
		return err;
	}
	return incoming_finish(in);
}

static void rewrite(struct judgement *j, const struct judge_file *f, uint32_t serial)
{
	struct rewrite *grown = reallocarray(j->rewrites, j->nrewrites + 1, sizeof(*grown));
	struct serial_place place;
	const char *why;
	struct buf b;

	if (grown)
		j->rewrites = grown;
	if (!grown || j->nrewrites == REWRITES_MAX ||
	    serial_find(f->text->data, f->text->len, &place, &why) != 0)
		return;
	buf_init(&b, f->text->len + 16);
	serial_rewrite(&b, f->text->data, f->text->len, &place, serial);
	struct hash hash = hash_of(b.data, b.len);
	int err = b.err ? b.err : judge_put(j->node->store, &b, hash);
	if (err == 0) {
		struct rewrite *r = &j->rewrites[j->nrewrites];
		*r = (struct rewrite){.path = strdup(f->path), .hash = hash, .size = b.len};
		if (!judge_is_item(j, f->path))
			r->of = f->text->hash;
		j->nrewrites += r->path != NULL;
		judge_say(j, VERDICT_REWRITE, "%s: serial raised from %u to %u", f->path,
			  place.value, serial);
	} else {
		log_limited(LOG_LEVEL_WARNING, "%s: the serial cannot be raised: %s", f->path,
			    err_text(err));
	}
	buf_fini(&b);
}

/* The serial that the file must have for all zones that it holds the serial of; false: none. */
static bool wanted_serial(const struct judgement *j, const char *path, uint32_t *serial)
{
	bool wanted = false;

	for (size_t i = 0; i < j->nzones; i++) {
		const struct examine *e = &j->zones[i]->examine;

		if (!j->zones[i]->examined || !e->low || !e->raises || !e->has_serial ||
		    strcmp(e->is.files[e->serial_file].path, path) != 0)
			continue;
		uint32_t next = serial_next(e->highest, e->serial);
		if (!wanted || serial_compare(next, *serial) == SERIAL_GREATER)
			*serial = next;
		wanted = true;
	}
	return wanted;
}

void judge_raise(struct judgement *j)
{
	for (size_t i = 0; i < j->nzones; i++) {
		const struct judge_zone *z = j->zones[i];
		const struct examine *e = &z->examine;
		uint32_t serial = 0;
		bool done = false;

		if (!z->examined || !e->low || !e->raises)
			continue;
		const struct judge_file *f = &z->is.list[e->serial_file];
		if (!judge_is_item(j, f->path) && !core_settled(j->node->core, f->path)) {
			judge_say(j, VERDICT_GOOD,
				  "%s: serial %u not raised, since another change of that file is "
				  "held or in conflict: secondaries won't transfer what has changed",
				  f->path, e->serial);
			j->warned = true;
			continue;
		}
		for (uint32_t k = 0; k < j->nrewrites; k++)
			done |= strcmp(j->rewrites[k].path, f->path) == 0;
		if (!done && wanted_serial(j, f->path, &serial))
			rewrite(j, f, serial);
	}
}
