/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One comparison.
 */
#include "replicator/stale.h"

#include "replicator/proofs.h"
#include "replicator/zone/serial.h"

/* It serves the newest version, or one that the newest has seen. */
static bool is_released(const struct proof *peer, const struct version *here)
{
	if (proofs_standing(peer, here) == SERVING)
		return true;
	return here && version_live(here) && peer->dot.origin &&
	       vv_covers(&here->context, peer->dot);
}

static bool is_older(const struct proof *own, const struct proof *peer)
{
	return own->has_serial && peer->has_serial &&
	       serial_compare(own->serial, peer->serial) == SERIAL_LESS;
}

/* Other content is served here than the newest, which the peer serves: by no older serial, so it has to be
 * known for sure. */
static bool is_other(const struct proof *own, const struct proof *peer, const struct version *here)
{
	return proofs_standing(peer, here) == SERVING && own->dot.origin &&
	       !hash_same(own->hash, here->attrs.hash);
}

enum stale stale_compare(const struct proof *own, const struct proof *peer,
			 const struct version *here, enum stale_block block)
{
	/* A file that is none of the tree is each node's own. */
	if (peer->state != PROOF_SERVED || !peer->path[0] || (own && !own->path[0]) ||
	    !is_released(peer, here))
		return STALE_NOT;
	enum serving s = proofs_standing(own, here);
	bool older = own && is_older(own, peer);
	if (s == SERVING && !older)
		return STALE_NOT;
	if (s == SERVING_OTHER && !older && !is_other(own, peer, here))
		return STALE_NOT;
	if (block != BLOCK_NONE)
		return block == BLOCK_HELD ? STALE_HELD : STALE_REFUSED;
	switch (s) {
	case SERVING_UNKNOWN: /* nothing is proved here, perhaps never: it says nothing */
		return STALE_NOT;
	case SERVING_FAILED:
		return STALE_FAILED;
	case SERVING_WAITS:
		return STALE_WAITS;
	default:
		return older ? STALE_OLD : STALE_OTHER;
	}
}

const char *stale_text(enum stale s)
{
	static const char *const text[] = {
	    [STALE_NOT] = "",
	    [STALE_OLD] = "old",
	    [STALE_OTHER] = "other",
	    [STALE_FAILED] = "failed",
	    [STALE_WAITS] = "waits",
	    [STALE_HELD] = "held",
	    [STALE_REFUSED] = "refused",
	};

	return text[s];
}
