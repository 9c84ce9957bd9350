/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Names that are local because of who created them (named's own temporary files): nothing on the
 * disk says so, thus a mark does, kept in the store until the name has gone. Whether it has is
 * looked up, not believed: a hint may come twice, or late.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "replicator/core/parts.h"

#define META_MARK "local/"

void mark_load(struct core *c, const char *name)
{
	if (strncmp(name, META_MARK, strlen(META_MARK)) == 0 && path_valid(name))
		key_get(c, name + strlen(META_MARK))->local = true;
}

static void set(struct core *c, struct key *k, bool local)
{
	char name[PATH_LEN_MAX + 1];

	if (k->local == local)
		return;
	k->local = local;
	key_scratch(c, k);
	if (strlen(META_MARK) + strlen(k->path) >= sizeof(name))
		return; /* no store takes a name so long: the mark lasts as long as this life */
	strcpy(name, META_MARK);
	strcat(name, k->path);
	if (local)
		store_meta(c, name, NULL, 0);
	else
		store_meta_forget(c, name);
}

/* The mark of a file goes with the directory that it is in. */
static void moved(struct core *c, const struct key *from, const struct key *to)
{
	for (struct key *k = NULL; (k = key_next_below(c, from->path, k));) {
		if (!k->local)
			continue;
		CLEANUP_FREE char *path = path_join(to->path, k->path + strlen(from->path) + 1);
		if (path)
			set(c, key_get(c, path), true);
		observe_look(c, k);
	}
}

void mark_hint(struct core *c, struct key *k, struct key *from, const struct event *e)
{
	bool tree = e->hint.flags & HINT_TREE;

	if (from && from->local)
		observe_look(c, from);
	if (from && tree)
		moved(c, from, k);
	if ((e->hint.flags & HINT_CREATED) && e->hint.who)
		set(c, k,
		    locality_by_creator(c->conf.locality, k->path, tree, e->hint.who->command));
	else if (from)
		set(c, k, false); /* another file, whose name somebody chose */
	else if (k->local && (e->hint.flags & HINT_NAMES))
		observe_look(c, k);
}

void mark_looked(struct core *c, struct key *k, const struct observation *o)
{
	if (o->status >= 0 && !o->busy && !o->unchanged && o->attrs.kind == KIND_ABSENT)
		set(c, k, false);
}
