/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which file is which zone: read from the canonical form of a configuration that `named-checkconf
 * -px` prints (includes expanded, views nested, every statement ended by ';').
 */
#ifndef HOOKS_BIND_ZONES_H
#define HOOKS_BIND_ZONES_H

#include <stdbool.h>
#include <stddef.h>

#define ZONES_MAX 1000000

struct zone {
	char *name;
	char *zclass; /* "IN" where none is written */
	char *view;   /* NULL: outside of all views */
	char *file;   /* absolute within named's root, normalised; NULL: it has none */
	bool primary;
	bool dynamic;      /* takes DNS UPDATE: its file is named's own */
	bool signs_itself; /* answered serial and the file's differ */
	bool text;         /* masterfile-format text */
	bool changed;      /* for the caller */
};

struct zones {
	struct zone *list;
	size_t n;
	bool views;
	char address[64]; /* where named listens: the first address written, else 127.0.0.1 */
	unsigned port;
};

/* Parses text[len]. 0, ERR_FORMAT, ERR_LIMIT, -ENOMEM; *zones is the caller's to zones_fini() in
 * any case. */
int zones_parse(struct zones *zones, const char *text, size_t len);
void zones_fini(struct zones *zones);

/* An absolute path without ".", ".." and doubled '/': a new string, NULL if out of memory. `path`
 * is below `directory` unless it is absolute. */
char *zones_absolute(const char *directory, const char *path);

#endif
