/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * After a power cut the disk does not hold all that was saved: what no fsync had reached is as it
 * was before, empty, full of NULs, cut off, or not there. Told as an edit, that would go to all
 * nodes; but the store has what was shown. So after an end that may have been one, until the tree
 * has been gone through once, what differs from what was shown *and* looks like such damage, at a
 * path that nobody has changed since the start, is put back.
 *
 *   suspected   No hint has come for the path in this life, nor for a directory above it that came
 *               or went as a whole: whoever changes something through the mount is hinted.
 *   put back    What is there is shown from now on, but stands for no more than before: the version
 *               that is current is installed over it, by compare and install as ever.
 *   kept        Bytes that the history does not have go there, as a version of this node that never
 *               was current: should it have been somebody's work after all, it is not lost.
 *
 * A process that was killed loses no page cache: then a difference is an edit. That one life has not
 * come to the end of its scan is remembered for the next.
 */
#include <string.h>

#include "base/log.h"
#include "replicator/core/parts.h"

#define META_UNCLEAN "unclean"

void mend_load(struct core *c, const char *name)
{
	if (strcmp(name, META_UNCLEAN) == 0)
		c->mend.on = true;
}

void core_distrust(struct core *c)
{
	c->mend.on = c->mend.is_new = true;
}

void mend_start(struct core *c)
{
	if (c->mend.is_new)
		store_meta(c, META_UNCLEAN, NULL, 0);
	c->mend.is_new = false;
}

void mend_hinted(struct core *c, struct key *k, bool tree)
{
	if (!c->mend.on)
		return;
	k->saved = true;
	k->saved_tree |= tree;
}

static bool suspected(const struct core *c, const struct key *k)
{
	if (!c->mend.on || k->saved)
		return false;
	for (k = key_parent(c, k); k; k = key_parent(c, k))
		if (k->saved_tree)
			return false;
	return true;
}

bool core_suspects(const struct core *c, const char *path)
{
	struct key probe = {.path = (char *)(uintptr_t)path};
	const struct key *k = key_find(c, path);

	return suspected(c, k ? k : &probe);
}

static enum damage damage_of(const struct key *k, const struct observation *o)
{
	if (o->attrs.kind == KIND_ABSENT)
		return key_present(k) && !k->shown->leftover ? DAMAGE_GONE : DAMAGE_NONE;
	return o->damage;
}

const char *mend_words(const struct key *k)
{
	switch (k->mended) {
	case DAMAGE_EMPTY:
		return "was empty";
	case DAMAGE_NULS:
		return "was full of NULs";
	case DAMAGE_PART:
		return "was cut off or mixed up";
	case DAMAGE_OLDER:
		return "was an older version";
	case DAMAGE_BYTES:
		return "had other bytes under unchanged times";
	case DAMAGE_GONE:
		return "was not there";
	case DAMAGE_NONE:
		break;
	}
	return NULL;
}

void mend_forget(struct core *c, struct key *k)
{
	c->mend.paths -= k->mended != DAMAGE_NONE;
	k->mended = DAMAGE_NONE;
}

bool mend_take(struct core *c, struct key *k, const struct observation *o)
{
	enum damage damage = damage_of(k, o);
	bool keep = damage != DAMAGE_OLDER && damage != DAMAGE_GONE;

	if (!c->mend.on || damage == DAMAGE_NONE)
		return false;
	if (!suspected(c, k)) {
		if (o->damage == DAMAGE_NONE)
			return false;
		observe_look(c, k); /* changed since it was read: what is there now is told */
		return true;
	}
	if (keep)
		author_keep(c, k, o);
	key_shown(k)->leftover = false;
	keep |= key_drafted(k);
	if (key_drafted(k))
		held_end(c, k);
	held_show_found(c, k, o);
	mend_forget(c, k);
	k->mended = damage;
	c->mend.paths++;
	effect_note(c, LOG_LEVEL_WARNING,
		    "/%s %s after an unclean stop, and nobody saved it so: it is put back%s",
		    k->path, mend_words(k), keep ? "; what was there is in its history" : "");
	return true;
}

/* The tree has been gone through, and nothing of that is left to be looked at: be it since something
 * was to be installed there, which finds something else. */
void mend_due(struct core *c)
{
	if (!c->mend.on || !c->brake.scanned || c->nlooking || c->nflight ||
	    !TAILQ_EMPTY(&c->delays) || !TAILQ_EMPTY(&c->due))
		return;
	c->mend.on = false;
	store_meta_forget(c, META_UNCLEAN);
	effect_note(c, LOG_LEVEL_NOTICE,
		    "the tree has been gone through after an unclean stop: %u paths are put back",
		    c->mend.paths);
}

uint32_t core_mended(const struct core *c)
{
	return c->mend.paths;
}
