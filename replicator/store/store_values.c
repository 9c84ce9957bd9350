/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Named values that the loop keeps for itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replicator/store/internal.h"

int store_value_put(struct store *s, const char *name, const void *p, size_t len)
{
	struct record r = {.kind = RECORD_VALUE, .forget = len == 0};
	struct buf data = {.data = (uint8_t *)(uintptr_t)p, .len = len};

	return record_add(s, &r, name, &data);
}

static long give(const void *from, size_t len, void *p, size_t max)
{
	size_t n = len < max ? len : max;

	if (n)
		memcpy(p, from, n);
	return (long)len;
}

/* While the store is stalled, the records know what the database does not. */
static const struct record *find_record(const struct store *s, const char *name)
{
	size_t len = strlen(name);

	for (uint32_t i = s->nrecords; s->stalled && i > 0; i--) {
		const struct record *r = &s->records[i - 1];

		if (r->kind == RECORD_VALUE && r->path_len == len &&
		    memcmp(s->arena.data + r->path, name, len) == 0)
			return r;
	}
	return NULL;
}

long store_value_get(struct store *s, const char *name, void *p, size_t max)
{
	const struct record *r = find_record(s, name);
	int err;

	if (r)
		return give(s->arena.data + r->data, r->data_len, p, max);
	sqlite3_stmt *st = database_statement(s, SQL_VALUE_GET, &err);
	if (!st)
		return err;
	bind_path(st, 1, name);
	int rc = sqlite3_step(st);
	long len = database_error(s, rc, "reading a value");
	if (rc == SQLITE_ROW)
		len = give(sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0), p, max);
	sqlite3_reset(st);
	return len;
}

int store_value_each(struct store *s, const char *prefix,
		     int (*each)(void *arg, const char *name, const void *p, size_t len), void *arg)
{
	size_t len = strlen(prefix);
	int err, rc, stop = 0;

	sqlite3_stmt *st = database_statement(s, SQL_VALUE_EACH, &err);
	if (!st)
		return err;
	bind_path(st, 1, prefix);
	while (stop == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *p = sqlite3_column_blob(st, 0);
		size_t n = (size_t)sqlite3_column_bytes(st, 0);

		if (n < len || memcmp(p, prefix, len) != 0)
			break;
		char *name = strndup(p, n);
		if (!name)
			break;
		stop = each(arg, name, sqlite3_column_blob(st, 1),
			    (size_t)sqlite3_column_bytes(st, 1));
		free(name);
	}
	sqlite3_reset(st);
	return 0;
}
