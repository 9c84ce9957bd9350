/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One record: class, type, TTL, data, and into the set.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "replicator/zone/records_reader.h"

/* ---- memory ---- */

static int grow(struct record **list, size_t n, size_t *cap)
{
	if (n < *cap)
		return 0;
	size_t more = *cap ? *cap * 2 : 64;
	struct record *bigger = reallocarray(*list, more, sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	*list = bigger;
	*cap = more;
	return 0;
}

/* The owner's key, kept once for records that follow each other. */
static const uint8_t *keep_owner(struct reader *rd, const struct dname *owner)
{
	if (rd->kept && dname_compare(rd->kept, rd->kept_len, owner->key, owner->len) == 0)
		return rd->kept;
	rd->kept = (const uint8_t *)arena_keep(rd->set->arena, owner->key, owner->len);
	rd->kept_len = owner->len;
	return rd->kept;
}

static int no_room(struct reader *rd, const struct reader_file *f, uint32_t line)
{
	if (arena_full(rd->set->arena))
		return reader_wrong(rd, f, line, ERR_LIMIT, "the zone has more than %u MiB of data",
				    RECORDS_BYTES_MAX >> 20);
	return reader_wrong(rd, f, line, -ENOMEM, "no memory");
}

/* ---- what it is ---- */

static uint16_t class_of(const struct master_token *t)
{
	if (master_is(t, "IN"))
		return 1;
	if (master_is(t, "CH") || master_is(t, "CHAOS"))
		return 3;
	if (master_is(t, "HS"))
		return 4;
	unsigned long n = strtoul(t->text + strlen("CLASS"), NULL, 10);
	return n <= UINT16_MAX ? (uint16_t)n : 0;
}

/* A zone is of one class: its first record's. */
static int take_class(struct reader *rd, const struct reader_file *f, const struct master_record *r)
{
	char shown[READER_SHOWN_MAX];

	if (!r->class) {
		if (rd->rclass == 0)
			rd->rclass = 1;
		return 0;
	}
	uint16_t rclass = class_of(r->class);
	if (rd->rclass == 0)
		rd->rclass = rclass;
	if (rclass != 0 && rclass == rd->rclass)
		return 0;
	return reader_wrong(rd, f, r->class->line, ERR_FORMAT, "class %s is not the zone's",
			    reader_shown(shown, r->class->text, r->class->len));
}

/* The SOA's last number. */
static uint32_t minimum_of(const char *soa)
{
	const char *last = strrchr(soa, ' ');

	return last ? (uint32_t)strtoul(last + 1, NULL, 10) : 0;
}

/* The type, and for RRSIG the one covered, too. */
static uint32_t set_of(struct reader *rd, uint16_t type, const char *rdata)
{
	struct master_token covered = {.text = rdata, .len = strcspn(rdata, " ")};

	return type == TYPE_RRSIG ? 0x10000u + rdata_type(rd->rdata, &covered) : type;
}

/* In lines that follow each other with one name, the first of a type gives the TTL. */
static uint32_t ttl_of_run(struct reader *rd, uint32_t set)
{
	for (size_t i = 0; i < rd->run.n; i++)
		if (rd->run.list[i].set == set)
			return rd->run.list[i].ttl;
	if (rd->run.n < READER_RUN_MAX) {
		rd->run.list[rd->run.n].set = set;
		rd->run.list[rd->run.n++].ttl = rd->ttl;
	}
	return rd->ttl;
}

/* named has none above RFC 2181's largest (8). */
static uint32_t limited_ttl(uint32_t ttl)
{
	return ttl > MASTER_TTL_MAX ? 0 : ttl;
}

static int take_ttl(struct reader *rd, const struct reader_file *f, const struct master_record *r,
		    uint32_t line, uint16_t type, const char *rdata)
{
	if (r->has_ttl) {
		rd->ttl = limited_ttl(r->ttl);
		rd->ttl_known = true;
	} else if (rd->default_known) {
		rd->ttl = rd->default_ttl;
	} else if (!rd->ttl_known && type == TYPE_SOA) {
		rd->ttl = rd->default_ttl = limited_ttl(minimum_of(rdata));
		rd->default_known = true;
	} else if (!rd->ttl_known) {
		return reader_wrong(rd, f, line, ERR_FORMAT,
				    "no TTL: neither here nor in a $TTL line before");
	}
	rd->ttl = ttl_of_run(rd, set_of(rd, type, rdata));
	return 0;
}

/* ---- into the set ---- */

static int put_outside(struct reader *rd, const struct reader_file *f, uint16_t type, uint32_t line)
{
	struct records *set = rd->set;

	if (set->outside_total++ >= RECORDS_OUTSIDE_MAX)
		return 0;
	int r = grow(&set->outside, set->n_outside, &rd->outside_cap);
	const uint8_t *owner = r == 0 ? keep_owner(rd, &f->owner) : NULL;

	if (!owner)
		return no_room(rd, f, line);
	set->outside[set->n_outside++] = (struct record){.owner = owner,
							 .rdata = "",
							 .owner_len = f->owner.len,
							 .type = type,
							 .line = line,
							 .file = f->number};
	return 0;
}

static int put_soa(struct reader *rd, const struct reader_file *f, const struct record *new)
{
	struct records *set = rd->set;
	const char *p = new->rdata;

	if (f->owner.len != set->zone.len)
		return reader_wrong(rd, f, new->line, ERR_FORMAT,
				    "an SOA record that is not at the zone's top");
	if (set->soa.rdata && strcmp(set->soa.rdata, new->rdata) != 0)
		return reader_wrong(rd, f, new->line, ERR_FORMAT,
				    "a second SOA record (the first one: line %u)", set->soa.line);
	if (set->soa.rdata)
		return 0;
	set->soa = *new;
	for (int i = 0; i < 2; i++)
		p += strcspn(p, " ") + 1;
	set->serial = (uint32_t)strtoul(p, NULL, 10);
	return 0;
}

static int put(struct reader *rd, const struct reader_file *f, uint16_t type, uint32_t line,
	       const char *rdata)
{
	struct records *set = rd->set;
	struct record new = {.owner_len = f->owner.len,
			     .type = type,
			     .ttl = rd->ttl,
			     .line = line,
			     .file = f->number};

	new.owner = keep_owner(rd, &f->owner);
	new.rdata = new.owner ? arena_keep(set->arena, rdata, strlen(rdata)) : NULL;
	if (!new.rdata)
		return no_room(rd, f, line);
	if (type == TYPE_SOA)
		return put_soa(rd, f, &new);
	if (grow(&set->list, set->n, &rd->cap) != 0)
		return no_room(rd, f, line);
	set->list[set->n++] = new;
	return 0;
}

int reader_take(struct reader *rd, struct reader_file *f, const struct master_record *r,
		uint32_t line)
{
	char shown[READER_SHOWN_MAX], name[RECORDS_TYPE_MAX];
	const char *rdata, *why;
	uint16_t type = rdata_type(rd->rdata, r->type);
	size_t max = rd->how->max ? rd->how->max : RECORDS_MAX;

	if (rd->taken++ == max)
		return reader_wrong(rd, f, line, ERR_LIMIT,
				    "more than %zu records, $GENERATE's counted", max);
	if (type == 0)
		return reader_wrong(rd, f, r->type->line, ERR_UNKNOWN,
				    "\"%s\" is no type of record that zonefs knows",
				    reader_shown(shown, r->type->text, r->type->len));
	if (!f->inside)
		return put_outside(rd, f, type, line);
	int err = take_class(rd, f, r);
	if (err < 0)
		return err;
	err = rdata_read(rd->rdata, type, rd->rclass, r->rdata, r->n, &rdata, &why);
	if (err < 0)
		return reader_wrong(rd, f, line, err, "%s record: %s", records_type(name, type),
				    why);
	err = take_ttl(rd, f, r, line, type, rdata);
	return err < 0 ? err : put(rd, f, type, line, rdata);
}
