/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate's judgement: given what the core asks about (EFFECT_JUDGE), the verdict. The items are taken as
 * if all of them were in place, and everything else as it was released last, also where something else
 * that is held lies on the disk.
 *
 *   configuration   the name server's checker; then the map that it makes: a primary's file that is not
 *                   there is needed; zones that are new, or checked by other rules, are looked at, too
 *   zones           each whose file, or a file that it includes, is among the items: the name server's
 *                   checker with the zone's effective settings, and what that does not say
 *                   (zone/examine.h); signed text through dnssec-verify. Of peers' versions only what is
 *                   wrong counts: what is doubtful their author has decided
 *   serials         see judge_serials.h
 *
 * JUDGE_AT_ONCE judgements are under way, of each JUDGE_ZONES_AT_ONCE zones; further ones wait in
 * order. So one slow zone does not keep the others waiting.
 */
#ifndef REPLICATOR_JUDGE_H
#define REPLICATOR_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "replicator/core/core.h"
#include "replicator/portal.h"

#define JUDGE_AT_ONCE 4
#define JUDGE_RETRY_MSEC 20
#define JUDGE_ZONES_MAX 1000 /* looked at for one judgement; that there are more is said */

struct judge;
struct node;

/* NULL: out of memory. */
struct judge *judge_new(struct node *n);
void judge_free(struct judge *j);

/* `verdict` is valid during the call. */
typedef void judge_done(void *arg, const struct verdict *verdict);
/* Takes the trial, also where it fails. `done` once, in a later round. 0 or -ENOMEM. */
int judge_start(struct judge *j, struct trial *take, judge_done *done, void *arg);
/* Likewise, of versions that this peer may make; copied. */
int judge_start_for(struct judge *j, struct trial *take, const char *author, judge_done *done,
		    void *arg);
/* What was started with this arg is not waited for any more: its checkers are ended, and `done` is not
 * called. So it goes with a trial that the core does not wait for any more. */
void judge_give_up(struct judge *j, const void *arg);
/* EFFECT_JUDGE: EVENT_VERDICT follows. Takes the trial. */
void judge_trial(struct judge *j, struct trial *take);

/* CHECK_MAP of the configuration as it was released, whatever is held: the answer to that, once, in a
 * later round. 0 or -ENOMEM. */
int judge_map(struct judge *j, portal_done *done, void *arg);

/* For core_conf.gated, with a struct node: what is gated stays so until EVENT_REJUDGE. */
bool judge_gated(void *arg, const char *path);

/* EFFECT_TOLD: another content is shown at the path now. */
void judge_told(struct judge *j, const char *path);

/* After events, once a round. True: there is more to do at once. */
bool judge_work(struct judge *j);
/* Readable when judge_work has to be called; when it has at the latest: monotonic ms, INT64_MAX. */
int judge_fd(const struct judge *j);
int64_t judge_wake(const struct judge *j);

#endif
