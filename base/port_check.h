/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A check, as the port carries it (PORT_CHECK of base/port.h): the name server's own checker is to look
 * at its configuration or at one zone, as they would be with some paths of the tree replaced by staged
 * contents, or gone. fs runs the programs that zonefs.conf names, and nothing else of what is asked
 * for becomes an argument unless it is what it should be: a zone's name, a class, numbers.
 *
 *   check = kind u8, author, zone, class, path, directory, settings, n u16, n * item
 *   item  = path, u8 0 (gone) or 1 and handle (of a STAGE)
 */
#ifndef BASE_PORT_CHECK_H
#define BASE_PORT_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/item.h"
#include "base/named_conf.h"
#include "base/path.h"

#define CHECK_ITEMS_MAX 256
#define CHECK_NAME_MAX 1023                 /* of a zone, as text */
#define CHECK_OUTPUT_MAX (64 * 1024 * 1024) /* of a map */
#define CHECK_FILES_MAX 1024
#define CHECK_AUTHOR_MAX 63

enum check_kind {
	CHECK_CONF = 1, /* the configuration */
	CHECK_MAP = 2,  /* likewise, and its canonical form is wanted */
	CHECK_ZONE = 3,
	CHECK_VERIFY = 4, /* the signatures of a zone that passes as CHECK_ZONE */
};

struct check_item {
	char *path; /* of the tree */
	bool gone;
	struct fhandle handle;
};

struct check {
	enum check_kind kind;
	char
	    author[CHECK_AUTHOR_MAX + 1]; /* the peer that may write only where `accept` says; "" */
	/* CHECK_ZONE, CHECK_VERIFY */
	char zone[CHECK_NAME_MAX + 1];
	char zclass[16];
	char path[PATH_LEN_MAX + 1];      /* its file, of the tree */
	char directory[PATH_LEN_MAX + 1]; /* named's, absolute within its root */
	struct named_checks checks;
	struct check_item *items; /* owned */
	size_t n;
};

void buf_check(struct buf *b, const struct check *c);
/* Checks everything. The items are the caller's to check_fini in any case. */
void rd_check(struct rd *r, struct check *c);
void check_fini(struct check *c);

/* A zone's name as it may stand among a program's arguments. */
bool check_zone_name(const char *name);

#endif
