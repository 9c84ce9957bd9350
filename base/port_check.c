/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The bytes of a check. What reads is as strict as the rest of the port.
 */
#include "base/port_check.h"

#include <stdlib.h>
#include <string.h>

#define SETTINGS_FLAGS 7

bool check_zone_name(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > CHECK_NAME_MAX || name[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] <= 0x20 || (unsigned char)name[i] >= 0x7f)
			return false;
	return true;
}

static void buf_settings(struct buf *b, const struct named_checks *s)
{
	buf_u8(b, (uint8_t)s->format);
	buf_u8(b, (uint8_t)s->names);
	buf_u8(b, (uint8_t)s->mx);
	buf_u8(b, (uint8_t)s->mx_cname);
	buf_u8(b, (uint8_t)s->srv_cname);
	buf_u8(b, (uint8_t)s->dup_records);
	buf_u8(b, (uint8_t)s->spf);
	buf_u8(b, (uint8_t)(s->wildcard | s->integrity << 1 | s->sibling << 2));
	buf_u32(b, s->max_ttl);
}

static uint8_t upto(struct rd *r, uint8_t max)
{
	uint8_t v = rd_u8(r);

	if (v <= max)
		return v;
	rd_fail(r);
	return 0;
}

static void rd_settings(struct rd *r, struct named_checks *s)
{
	s->format = upto(r, NAMED_RAW);
	s->names = upto(r, NAMED_FAIL);
	s->mx = upto(r, NAMED_FAIL);
	s->mx_cname = upto(r, NAMED_FAIL);
	s->srv_cname = upto(r, NAMED_FAIL);
	s->dup_records = upto(r, NAMED_FAIL);
	s->spf = upto(r, NAMED_FAIL);
	uint8_t flags = upto(r, SETTINGS_FLAGS);
	s->wildcard = flags & 1;
	s->integrity = flags >> 1 & 1;
	s->sibling = flags >> 2 & 1;
	s->max_ttl = rd_u32(r);
}

void buf_check(struct buf *b, const struct check *c)
{
	buf_u8(b, (uint8_t)c->kind);
	buf_str(b, c->author);
	buf_str(b, c->zone);
	buf_str(b, c->zclass);
	buf_str(b, c->path);
	buf_str(b, c->directory);
	buf_settings(b, &c->checks);
	buf_u16(b, (uint16_t)c->n);
	for (size_t i = 0; i < c->n; i++) {
		buf_str(b, c->items[i].path);
		buf_u8(b, !c->items[i].gone);
		if (!c->items[i].gone)
			buf_fhandle(b, &c->items[i].handle);
	}
}

static bool class_known(const char *zclass)
{
	return strcasecmp(zclass, "IN") == 0 || strcasecmp(zclass, "CH") == 0 ||
	       strcasecmp(zclass, "CHAOS") == 0 || strcasecmp(zclass, "HS") == 0 ||
	       strcasecmp(zclass, "HESIOD") == 0;
}

static bool directory_valid(const char *directory)
{
	return directory[0] == '/' && path_valid_or_root(directory + 1);
}

static void rd_items(struct rd *r, struct check *c)
{
	char path[PATH_LEN_MAX + 1];
	size_t n = rd_u16(r);

	if (r->err || n > CHECK_ITEMS_MAX)
		rd_fail(r);
	if (r->err || n == 0)
		return;
	c->items = calloc(n, sizeof(*c->items));
	if (!c->items)
		rd_fail(r);
	while (!r->err && c->n < n) {
		struct check_item *item = &c->items[c->n];

		rd_strbuf(r, path, sizeof(path));
		item->gone = upto(r, 1) == 0;
		if (!item->gone)
			rd_fhandle(r, &item->handle);
		if (r->err || !path_valid(path) || !(item->path = strdup(path)))
			rd_fail(r);
		else
			c->n++;
	}
}

void rd_check(struct rd *r, struct check *c)
{
	memset(c, 0, sizeof(*c));
	uint8_t kind = upto(r, CHECK_VERIFY);
	c->kind = kind;
	rd_strbuf(r, c->author, sizeof(c->author));
	rd_strbuf(r, c->zone, sizeof(c->zone));
	rd_strbuf(r, c->zclass, sizeof(c->zclass));
	rd_strbuf(r, c->path, sizeof(c->path));
	rd_strbuf(r, c->directory, sizeof(c->directory));
	rd_settings(r, &c->checks);
	rd_items(r, c);
	if (kind == 0)
		rd_fail(r);
	if (!r->err && kind >= CHECK_ZONE &&
	    (!check_zone_name(c->zone) || !class_known(c->zclass) || !path_valid(c->path) ||
	     !directory_valid(c->directory)))
		rd_fail(r);
}

void check_fini(struct check *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->items[i].path);
	free(c->items);
	c->items = NULL;
	c->n = 0;
}
