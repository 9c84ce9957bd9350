/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inner part of the reader of named's configuration; only base/named_*.c include this.
 *
 * Keys, and which of them leads into which view from this host. named asks the views in their order, and
 * each view's `match-clients` element by element. A key leads into a view if it is an element there and
 * nothing before it, there or in the views before, could have decided by the address, which nobody knows
 * here.
 */
#ifndef BASE_NAMED_VIEW_H
#define BASE_NAMED_VIEW_H

#include "base/named_conf.h"
#include "base/named_text.h"

#define NAMED_MATCH_MAX 64
#define NAMED_KEYS_MAX 4096

enum named_element { ELEMENT_KEY, ELEMENT_NOT_KEY, ELEMENT_OTHER, ELEMENT_NOT_OTHER };

/* `match-clients` of a view; all zero: it has none. */
struct named_match {
	struct {
		enum named_element what;
		char *key; /* NULL: none */
	} list[NAMED_MATCH_MAX];
	size_t n;
	bool said;
	bool more; /* conditions, or elements than there is room for */
};

/* After the '{': through to the statement's end. */
void named_match_take(struct named_text *t, struct named_match *m);
void named_match_fini(struct named_match *m);
/* The first key that leads into view i of `views`; NULL: none is known to. */
const char *named_match_key(const struct named_match *views, size_t i);

/* The block `key NAME { algorithm ...; secret ...; };`, after its '{'; takes the name. */
void named_key_take(struct named_text *t, struct named_statement *head, struct named_conf *conf);

#endif
