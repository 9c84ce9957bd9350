/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Peers that are limited: to receiving, or to some paths (`accept`). From such a peer come versions that
 * it made itself, in these paths, and nothing else: what others made comes from them, or from a peer
 * that is not limited. And it proves nothing: what its vector and its floor cover is not dead for that;
 * of others, of this node and of what was forgotten its word is not taken. What it acknowledges counts.
 *
 * Whose an origin is the origin itself says, in its highest bits (ORIGIN_TAG): else such a peer could
 * take hold of another node's before that has been heard of here.
 *
 * What a peer that is not limited tells is taken, whoever made it: that one has decided.
 */
#include <string.h>

#include "base/log.h"
#include "base/path.h"
#include "replicator/core/parts.h"

#define SAY_AGAIN_MSEC 60000

bool limits_origin(const struct core *c, uint32_t peer, uint64_t origin)
{
	const struct peer *p = &c->peers[peer];
	const char *node = core_origin_node(c, origin);
	uint64_t tag = c->conf.origin_tags ? c->conf.origin_tags[peer] : 0;

	if (!p->limited)
		return true;
	if (p->receive_only)
		return false;
	if (node)
		return strcmp(node, p->name) == 0;
	return !tag || ORIGIN_TAG(origin) == tag;
}

bool core_takes_origin(const struct core *c, uint32_t peer, uint64_t origin)
{
	return limits_origin(c, peer, origin);
}

void limits_own_origin(struct core *c, uint32_t peer, uint64_t origin)
{
	struct origin o = {.origin = origin};

	if (core_origin_node(c, origin))
		return;
	strncpy(o.node, c->peers[peer].name, sizeof(o.node) - 1);
	merge_origin(c, &o);
}

void limits_know_origin(struct core *c, uint32_t peer, const struct origin *o)
{
	const struct peer *p = &c->peers[peer];

	if (!p->limited || (strcmp(o->node, p->name) == 0 && limits_origin(c, peer, o->origin)))
		merge_origin(c, o);
}

static bool pattern_accepts(const struct core *c, uint32_t peer, const char *path)
{
	const struct patterns *accept = c->conf.accept ? c->conf.accept[peer] : NULL;

	/* As a directory, whatever it is: what is absent has no kind. */
	return !c->peers[peer].receive_only && (!accept || patterns_match(accept, path, true));
}

bool core_accepts(const struct core *c, uint32_t peer, const char *path)
{
	return pattern_accepts(c, peer, path);
}

/* Something below it would hide a file of others, by making a directory of it. */
static bool would_hide(const struct core *c, uint32_t peer, const struct key *k)
{
	for (const struct key *up = key_parent(c, k); up; up = key_parent(c, up))
		if (up->is_live && key_visible(c, up).kind != KIND_DIR &&
		    !pattern_accepts(c, peer, up->path))
			return true;
	return false;
}

bool limits_accept(const struct core *c, uint32_t peer, const struct key *k)
{
	return pattern_accepts(c, peer, k->path) &&
	       (!c->peers[peer].limited || !would_hide(c, peer, k));
}

enum judgement limits_judge(const struct core *c, uint32_t peer, const struct key *k,
			    const struct version *v)
{
	if (!limits_origin(c, peer, v->dot.origin))
		return JUDGED_NOTHING;
	if (v->refused)
		return JUDGED_REFUSED;
	return limits_accept(c, peer, k) ? JUDGED_TAKEN : JUDGED_REFUSED;
}

static bool said_lately(const struct core *c, const struct peer *p)
{
	return p->said_at && c->now - p->said_at < SAY_AGAIN_MSEC;
}

/* The first at once, those of the next minute together. */
void limits_say(struct core *c, uint32_t peer, const char *path, uint32_t n)
{
	struct peer *p = &c->peers[peer];

	p->unsaid += n;
	if (!n || said_lately(c, p))
		return;
	effect_note(c, LOG_LEVEL_WARNING,
		    "peer %s is limited: its change of /%s%s is not taken, and stays there "
		    "(zonefsctl status)",
		    p->name, path, p->unsaid > 1 ? " and others" : "");
	p->said_at = c->now ? c->now : 1;
	p->unsaid = 0;
}

void limits_due(struct core *c)
{
	for (uint32_t i = 0; i < c->conf.npeers; i++) {
		struct peer *p = &c->peers[i];

		if (!p->unsaid || said_lately(c, p))
			continue;
		effect_note(c, LOG_LEVEL_WARNING,
			    "peer %s is limited: %u more of its changes were not taken, and stay "
			    "there (zonefsctl status)",
			    p->name, p->unsaid);
		p->said_at = c->now ? c->now : 1;
		p->unsaid = 0;
	}
}
