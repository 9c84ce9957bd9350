/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The lists of what stays local (`exclude`, `include`, the built-in one) are others than in the life
 * before. What is local now is forgotten as shown: the file stays where it is, the peers keep theirs,
 * and nobody is told of a deletion. What was local and no longer is, is taken in as a newcomer's, when
 * the scan of the start finds it: what only this node has is published; where the peers have other
 * content, theirs is visible, and its own is in the history and in conflict. Until then nothing is
 * put there.
 *
 * The lists of the life before are in the store, until that scan has ended.
 */
#include <string.h>

#include "base/log.h"
#include "replicator/core/parts.h"

#define META_LISTS "lists"

static bool are_these(const struct core *c, const uint8_t *p, size_t len)
{
	size_t now;
	const char *text = locality_text(c->conf.locality, &now);

	return now == len && memcmp(text, p, len) == 0;
}

void lists_load(struct core *c, const char *name, const uint8_t *p, size_t len)
{
	if (strcmp(name, META_LISTS) != 0)
		return;
	c->lists_kept = are_these(c, p, len);
	if (!c->lists_kept)
		c->lists_before = locality_from((const char *)p, len);
}

void lists_free(struct core *c)
{
	locality_free(c->lists_before);
	c->lists_before = NULL;
}

bool lists_taken_back(const struct core *c, struct key *k, bool dir)
{
	return c->lists_before && !observe_local(c, k, dir) &&
	       locality_local(c->lists_before, k->path, dir, NULL);
}

static void forget(struct core *c, struct key *k)
{
	held_end(c, k);
	join_late_over(c, k);
	place_forget_intent(c, k);
	key_forget_shown(c, k);
}

void lists_start(struct core *c)
{
	uint32_t n = 0;

	if (c->lists_kept || c->joining)
		return;
	for (struct key *k = key_first(c, ""); k; k = key_next(k)) {
		enum kind kind = k->shown ? k->shown->attrs.kind : KIND_ABSENT;

		if (k->intent && kind == KIND_ABSENT)
			kind = k->intent->attrs.kind;
		if ((!k->shown && !k->intent) || !observe_local(c, k, kind == KIND_DIR))
			continue;
		n += key_present(k);
		forget(c, k);
	}
	if (c->lists_before)
		effect_note(c, LOG_LEVEL_NOTICE,
			    "`exclude` or `include` is another than before: %u path%s from here on "
			    "this node's own, and what is no longer is taken in",
			    n, n == 1 ? " is" : "s are");
}

void lists_scanned(struct core *c)
{
	size_t len;
	const char *text = locality_text(c->conf.locality, &len);
	bool waited = c->lists_before;

	if (c->lists_kept)
		return;
	store_meta(c, META_LISTS, text, len);
	c->lists_kept = true;
	lists_free(c);
	for (struct key *k = key_first(c, ""); k && waited; k = key_next(k))
		place_consider(c, k);
}
