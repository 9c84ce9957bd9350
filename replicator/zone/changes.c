/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two sorted lists side by side, set by set.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "replicator/zone/changes.h"

#define CHANGE_BYTES_MAX (600 * 1024) /* a record's data, a name */

static int add(struct changes *c, enum change_kind kind, const struct record *was,
	       const struct record *is)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		struct change *more = reallocarray(c->list, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		c->list = more;
		c->cap = cap;
	}
	c->list[c->n++] = (struct change){kind, was, is};
	c->removed += kind == CHANGE_REMOVED;
	c->added += kind == CHANGE_ADDED;
	c->ttls += kind == CHANGE_TTL;
	c->soa |= kind == CHANGE_SOA;
	return 0;
}

/* ---- the SOA ---- */

/* Both but for the third word. */
static bool same_soa(const char *a, const char *b)
{
	for (int word = 0;; word++) {
		size_t a_len = strcspn(a, " "), b_len = strcspn(b, " ");

		if (word != 2 && (a_len != b_len || memcmp(a, b, a_len) != 0))
			return false;
		a += a_len;
		b += b_len;
		if (!*a || !*b)
			return *a == *b;
		a++;
		b++;
	}
}

static int compare_soa(struct changes *c, const struct records *was, const struct records *is)
{
	const struct record *a = was->soa.rdata ? &was->soa : NULL;
	const struct record *b = is->soa.rdata ? &is->soa : NULL;

	if (!a && !b)
		return 0;
	c->serial = a && b && was->serial != is->serial;
	if (a && b && a->ttl == b->ttl && same_soa(a->rdata, b->rdata))
		return 0;
	return add(c, CHANGE_SOA, a, b);
}

/* ---- all others ---- */

/* Records of one owner and type: [i, i_end) and [j, j_end). What goes first, then what comes. */
static int compare_set(struct changes *c, const struct records *was, size_t i, size_t i_end,
		       const struct records *is, size_t j, size_t j_end)
{
	int r = 0;

	if (i < i_end && j < j_end && was->list[i].ttl != is->list[j].ttl)
		r = add(c, CHANGE_TTL, &was->list[i], &is->list[j]);
	for (size_t a = i, b = j; r == 0 && a < i_end;) {
		int order = b < j_end ? records_compare(&was->list[a], &is->list[b]) : -1;

		if (order < 0)
			r = add(c, CHANGE_REMOVED, &was->list[a], NULL);
		a += order <= 0;
		b += order >= 0;
	}
	for (size_t a = i, b = j; r == 0 && b < j_end;) {
		int order = a < i_end ? records_compare(&was->list[a], &is->list[b]) : 1;

		if (order > 0)
			r = add(c, CHANGE_ADDED, NULL, &is->list[b]);
		a += order <= 0;
		b += order >= 0;
	}
	return r;
}

int changes_make(struct changes *c, const struct records *was, const struct records *is)
{
	size_t i = 0, j = 0;

	*c = (struct changes){0};
	int r = compare_soa(c, was, is);
	while (r == 0 && (i < was->n || j < is->n)) {
		int order = i == was->n  ? 1
			    : j == is->n ? -1
					 : records_compare_sets(&was->list[i], &is->list[j]);
		size_t i_end = order <= 0 ? records_set_end(was, i) : i;
		size_t j_end = order >= 0 ? records_set_end(is, j) : j;

		r = compare_set(c, was, i, i_end, is, j, j_end);
		i = i_end;
		j = j_end;
	}
	return r;
}

void changes_fini(struct changes *c)
{
	free(c->list);
	*c = (struct changes){0};
}

/* ---- for people ---- */

static char *taken(struct buf *b)
{
	buf_u8(b, 0);
	if (b->err == 0)
		return (char *)b->data;
	buf_fini(b);
	return NULL;
}

static void put(struct buf *b, const char *text)
{
	buf_raw(b, text, strlen(text));
}

char *changes_line(const struct change *one, const struct dname *zone)
{
	const struct record *r = one->is ? one->is : one->was;
	char name[DNAME_TEXT_MAX], type[RECORDS_TYPE_MAX], ttl[64];
	bool both = one->was && one->is;
	struct buf b;

	buf_init(&b, CHANGE_BYTES_MAX);
	put(&b, both ? "~ " : one->is ? "+ " : "- ");
	put(&b, dname_text_in(name, r->owner, r->owner_len, zone));
	put(&b, " ");
	put(&b, records_type(type, r->type));
	if (one->kind != CHANGE_TTL) {
		put(&b, " ");
		put(&b, r->rdata);
	}
	if (both && one->was->ttl != one->is->ttl) {
		snprintf(ttl, sizeof(ttl), "%sTTL %u -> %u", one->kind == CHANGE_TTL ? " " : ", ",
			 one->was->ttl, one->is->ttl);
		put(&b, ttl);
	}
	return taken(&b);
}

char *changes_summary(const struct changes *c, const struct records *was, const struct records *is)
{
	struct buf b;
	char part[64];

	buf_init(&b, 512);
	if (c->n == 0 && !c->serial)
		put(&b, "no changes");
	else
		buf_raw(&b, part,
			(size_t)snprintf(part, sizeof(part), "+%zu -%zu", c->added, c->removed));
	if (c->ttls > 0)
		buf_raw(&b, part, (size_t)snprintf(part, sizeof(part), ", %zu TTL", c->ttls));
	if (c->soa)
		put(&b, ", SOA");
	if (c->serial)
		buf_raw(&b, part,
			(size_t)snprintf(part, sizeof(part), ", serial %u -> %u", was->serial,
					 is->serial));
	return taken(&b);
}
