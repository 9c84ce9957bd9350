/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is held lies on this disk, and the name server here can be made to load it by hand. Hooks are told
 * what that is, so that they load none of it; and are asked what the name server has loaded, every
 * BYHAND_ASK_MSEC while something is held, after it was brought back, and whenever somebody wants to know.
 * A serial other than the one proved last, or a load after the draft came to be there, says that it was.
 */
#ifndef REPLICATOR_BYHAND_H
#define REPLICATOR_BYHAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/pattern.h"
#include "replicator/wire/proof.h"

#define BYHAND_ASK_MSEC 60000
#define BYHAND_PATHS_MAX 2000 /* told one by one; beyond, hooks are told that anything may be held */
#define BYHAND_WAIT_MSEC 3000 /* for commands: that long for the answer */

struct node;
struct byhand;

/* NULL: out of memory. */
struct byhand *byhand_new(struct node *n);
void byhand_free(struct byhand *b);
/* Once a round. */
void byhand_tick(struct byhand *b);
int64_t byhand_wake(const struct byhand *b);

/* Adds the lines "held" for a hook with that `match`, in `max` bytes: what is on disk, held or yet to be
 * judged, and the files of zones that include it. */
void byhand_lines(struct byhand *b, const struct patterns *match, struct buf *to, size_t max);

/* A hook says what the name server has loaded of a zone whose file is held; `last` is what was proved
 * before, NULL: nothing. */
enum byhand_answer {
	BYHAND_NOTHING, /* as it was; or it is not held (any more) */
	BYHAND_SAME,    /* what was released, loaded anew before the draft was brought back */
	BYHAND_LOADED,  /* what is held */
};
enum byhand_answer byhand_judge(const struct byhand *b, const struct proof *last, const struct proof *now);

/* Has the hooks asked, but not within a second after the last answer. */
void byhand_ask(struct byhand *b);
/* They are being asked. */
bool byhand_asking(const struct byhand *b);

#endif
