/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The reader: entries into directives and records, included texts by recursion.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/zone/records_reader.h"

/* ---- messages ---- */

int reader_wrong(struct reader *rd, const struct reader_file *f, uint32_t line, int code,
		 const char *format, ...)
{
	va_list ap;
	int n = snprintf(rd->words, RECORDS_WORDS_MAX, "%.200s:%u: ", f->name, line);

	va_start(ap, format);
	vsnprintf(rd->words + n, RECORDS_WORDS_MAX - (size_t)n, format, ap);
	va_end(ap);
	return code;
}

char *reader_shown(char dst[READER_SHOWN_MAX], const char *text, size_t len)
{
	size_t to = 0;

	for (size_t i = 0; i < len; i++) {
		if (to > READER_SHOWN_MAX - 8) {
			memcpy(dst + to, "...", 4);
			return dst;
		}
		if (text[i] >= ' ' && text[i] < 127)
			dst[to++] = text[i];
		else
			to += (size_t)sprintf(dst + to, "\\%03d", (uint8_t)text[i]);
	}
	dst[to] = '\0';
	return dst;
}

static int wrong_token(struct reader *rd, const struct reader_file *f, const struct master_token *t,
		       const char *why)
{
	char shown[READER_SHOWN_MAX];

	return reader_wrong(rd, f, t->line, ERR_FORMAT, "\"%s\": %s",
			    reader_shown(shown, t->text, t->len), why);
}

/* ---- directives ---- */

static int read_text(struct reader *rd, struct reader_file *f, const struct records_text *text);

int reader_owner(struct reader *rd, struct reader_file *f, const char *text, size_t len,
		 uint32_t line)
{
	struct dname owner;
	const char *why;

	if (dname_from_text(&owner, text, len, &f->origin, &why) != 0)
		return wrong_token(
		    rd, f, &(struct master_token){.text = text, .len = len, .line = line}, why);
	if (!f->owned || dname_compare(owner.key, owner.len, f->owner.key, f->owner.len) != 0)
		rd->run.n = 0;
	f->owner = owner;
	f->owned = true;
	f->inside = dname_within(owner.key, owner.len, rd->set->zone.key, rd->set->zone.len);
	return 0;
}

static int origin(struct reader *rd, struct reader_file *f, const struct master_token *t)
{
	const char *why;

	if (dname_from_text(&f->origin, t->text, t->len, &f->origin, &why) != 0)
		return wrong_token(rd, f, t, why);
	return rdata_origin(rd->rdata, &f->origin) == 0
		   ? 0
		   : reader_wrong(rd, f, t->line, -ENOMEM, "no memory");
}

static int default_ttl(struct reader *rd, struct reader_file *f, const struct master_token *t)
{
	if (!master_ttl(t, &rd->default_ttl))
		return wrong_token(rd, f, t, "no TTL (a number of seconds, or such as 1h30m)");
	if (rd->default_ttl > MASTER_TTL_MAX)
		rd->default_ttl = 0;
	rd->default_known = true;
	return 0;
}

static int add_file(struct records *set, const char *name)
{
	char **files = reallocarray(set->files, set->n_files + 1, sizeof(*files));

	if (!files)
		return -ENOMEM;
	set->files = files;
	files[set->n_files] = strdup(name);
	if (!files[set->n_files])
		return -ENOMEM;
	set->n_files++;
	return 0;
}

/* May `to` be read, included by f? */
static int may_include(struct reader *rd, const struct reader_file *f, uint32_t line,
		       const struct records_text *to)
{
	size_t depth = 0;

	for (const struct reader_file *up = f; up; up = up->from, depth++)
		if (strcmp(up->name, to->name) == 0)
			return reader_wrong(rd, f, line, ERR_FORMAT,
					    "$INCLUDE of %.200s, which includes this one: a loop",
					    to->name);
	if (depth > RECORDS_DEPTH_MAX)
		return reader_wrong(rd, f, line, ERR_LIMIT,
				    "$INCLUDE in $INCLUDE, more than %d deep", RECORDS_DEPTH_MAX);
	if (rd->set->n_files > RECORDS_FILES_MAX)
		return reader_wrong(rd, f, line, ERR_LIMIT, "more than %d times $INCLUDE",
				    RECORDS_FILES_MAX);
	return 0;
}

static int read_included(struct reader *rd, struct reader_file *f, struct reader_file *inner,
			 const struct records_text *to, uint32_t line)
{
	int r = add_file(rd->set, to->name);

	inner->from = f;
	inner->name = to->name;
	inner->number = (uint16_t)(rd->set->n_files - 1);
	rd->run.n = 0;
	if (r == 0)
		r = rdata_origin(rd->rdata, &inner->origin);
	if (r < 0)
		return reader_wrong(rd, f, line, r, "no memory");
	r = read_text(rd, inner, to);
	if (r < 0)
		return r;
	rd->run.n = 0;
	r = rdata_origin(rd->rdata, &f->origin);
	return r < 0 ? reader_wrong(rd, f, line, r, "no memory") : 0;
}

static int include(struct reader *rd, struct reader_file *f, const struct master *m)
{
	struct reader_file inner = {.origin = f->origin};
	struct records_text to = {0};
	const char *why;
	char shown[READER_SHOWN_MAX];

	if (m->n > 2 && dname_from_text(&inner.origin, m->tokens[2].text, m->tokens[2].len,
					&f->origin, &why) != 0)
		return wrong_token(rd, f, &m->tokens[2], why);
	if (!rd->how->include)
		return 0;
	CLEANUP_FREE char *name = strndup(m->tokens[1].text, m->tokens[1].len);
	int r = name ? rd->how->include(rd->how->arg, f->name, name, &to) : -ENOMEM;
	if (r == 1)
		return 0;
	if (r < 0)
		return reader_wrong(rd, f, m->line, r, "$INCLUDE \"%s\": %s",
				    reader_shown(shown, m->tokens[1].text, m->tokens[1].len),
				    err_text(r));
	r = may_include(rd, f, m->line, &to);
	return r < 0 ? r : read_included(rd, f, &inner, &to, m->line);
}

static int directive(struct reader *rd, struct reader_file *f, const struct master *m)
{
	const struct master_token *t = m->tokens;

	if (master_is(&t[0], "$DATE"))
		return 0; /* what named writes on top of a secondary's file, in old times */
	if (master_is(&t[0], "$GENERATE"))
		return reader_generate(rd, f, m);
	bool including = master_is(&t[0], "$INCLUDE");
	if (!including && !master_is(&t[0], "$ORIGIN") && !master_is(&t[0], "$TTL"))
		return wrong_token(rd, f, &t[0], "no such directive");
	if (m->n < 2)
		return wrong_token(rd, f, &t[0], "there is nothing behind it");
	if (m->n > (including ? 3u : 2u))
		return wrong_token(rd, f, &t[m->n - 1], "this is too much for one line");
	if (including)
		return include(rd, f, m);
	return master_is(&t[0], "$TTL") ? default_ttl(rd, f, &t[1]) : origin(rd, f, &t[1]);
}

/* ---- records ---- */

static int record(struct reader *rd, struct reader_file *f, const struct master *m)
{
	struct master_record r;
	int err = 0;

	if (!master_split(m, &r))
		return wrong_token(rd, f, &m->tokens[m->n - 1], "a record without a type");
	if (r.owner)
		err = reader_owner(rd, f, r.owner->text, r.owner->len, r.owner->line);
	else if (!f->owned)
		err = reader_wrong(rd, f, m->line, ERR_FORMAT,
				   "a record without a name, and none is before it");
	return err < 0 ? err : reader_take(rd, f, &r, m->line);
}

static bool is_stopped(const struct reader *rd)
{
	return rd->how->stop && atomic_load_explicit(rd->how->stop, memory_order_relaxed);
}

static int read_text(struct reader *rd, struct reader_file *f, const struct records_text *text)
{
	struct master m;
	int r;

	master_init(&m, text->text, text->len);
	r = master_check(&m);
	if (r == 0)
		while ((r = master_next(&m)) > 0) {
			r = is_stopped(rd)		 ? -ECANCELED
			    : master_directive(&m) ? directive(rd, f, &m)
						   : record(rd, f, &m);
			if (r < 0)
				break;
		}
	if (r < 0 && m.why)
		reader_wrong(rd, f, m.why_line, r, "%s", m.why);
	master_fini(&m);
	return r;
}

int records_read(struct records **set, const struct records_text *text,
		 const struct records_reading *how, char words[RECORDS_WORDS_MAX])
{
	struct reader rd = {.how = how, .words = words, .set = calloc(1, sizeof(*rd.set))};
	struct reader_file f = {.name = text->name, .origin = *how->zone};
	int r = -ENOMEM;

	snprintf(words, RECORDS_WORDS_MAX, "%.200s: no memory", text->name);
	rd.rdata = rdata_new();
	if (rd.set && rd.rdata) {
		rd.set->zone = *how->zone;
		rd.set->arena = arena_new(RECORDS_BYTES_MAX);
		r = rd.set->arena ? add_file(rd.set, text->name) : -ENOMEM;
	}
	if (r == 0)
		r = rdata_origin(rd.rdata, how->zone);
	if (r == 0)
		r = read_text(&rd, &f, text);
	rdata_free(rd.rdata);
	if (r == 0)
		r = records_sort(rd.set);
	if (r < 0) {
		records_free(rd.set);
		return r;
	}
	words[0] = '\0';
	*set = rd.set;
	return 0;
}

/* ---- whose text it is ---- */

int records_zone_of(const char *text, size_t len, struct dname *zone)
{
	struct master m;
	struct master_record r;
	struct dname origin = {0};
	bool known = false;
	int result = ERR_UNKNOWN;
	const char *why;

	master_init(&m, text, len);
	if (master_check(&m) != 0)
		return ERR_UNKNOWN;
	while (result == ERR_UNKNOWN && master_next(&m) > 0) {
		if (master_directive(&m)) {
			if (master_is(&m.tokens[0], "$ORIGIN") && m.n > 1)
				known = dname_from_text(&origin, m.tokens[1].text, m.tokens[1].len,
							known ? &origin : NULL, &why) == 0;
			continue;
		}
		if (!master_split(&m, &r) || !master_is(r.type, "SOA"))
			continue;
		if (!r.owner || dname_from_text(zone, r.owner->text, r.owner->len,
						known ? &origin : NULL, &why) != 0)
			break;
		result = 0;
	}
	master_fini(&m);
	return result;
}
