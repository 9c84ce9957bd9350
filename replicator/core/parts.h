/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the files of the core offer one another:
 *
 *   core.c      a step: from the event to whoever decides; loading; questions
 *   keys.c      the table of paths, their entries, what is visible
 *   effects.c   the list of effects of a step and what it owns
 *   observe.c   hints and looks: has this node's disk changed?
 *   scan.c      a whole directory is gone through
 *   mark.c      names that are local because of who created them
 *   delay.c     what is told late: disappearances, renames, names of temporary files
 *   author.c    making versions of local changes
 *   merge.c     taking versions of others
 *   nodes.c     the nodes that are known; collecting tombstones by them
 *   limits.c    peers that may not do everything
 *   refused.c   versions that are not taken, and have to be known all the same
 *   compare.c   the full comparison, for who missed that
 *   catchup.c   asking and answering: "here is my vector"
 *   order.c     what an administrator orders to be there
 *   combine.c   one version of two that changed different fields
 *   place.c     bringing the disk to what the entries say
 *   placed.c    what became of that
 *   join.c      the first tree
 *   lists.c     other paths stay local than before
 *   held.c      what is held back: drafts, change sets
 *   release.c   ... and what becomes of it
 *   aside.c     what is held makes room for a while
 *   brake.c     what would remove too much at once is held
 *   gate.c      what is judged before it is told, and admit.c: before it is installed (hearing.h)
 *   mend.c      what a power cut did to the disk is put back
 */
#ifndef CORE_PARTS_H
#define CORE_PARTS_H

#include <errno.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/port.h"
#include "replicator/core/state.h"

#define FLIGHT_MAX 64        /* installs under way at once */
#define ASK_LIMIT_MSEC 30000 /* an answer that takes longer is asked for again */
#define REFUSED_MSEC 60000   /* between two questions for what is refused */
#define OP_WAIT_MSEC 30000   /* an absence waits that long for its op's contents */
#define RETRY_FIRST_MSEC 1000
#define RETRY_LAST_MSEC 30000
#define MOVE_TRIES_MAX 50 /* times that a rename waits for a file that is being written */
#define MISMATCH_BEATS 3  /* heartbeats with another digest before we ask */

/* A red-black tree's functions, as many as are used. */
#define TREE(name, type, field, order)                                                             \
	RB_GENERATE_INTERNAL(name, type, field, order, __attribute__((unused)) static)

/* ---- memory: the core cannot go on without it ---- */
void *core_alloc(size_t n);
void *core_grow(void *p, size_t n);
char *core_strdup(const char *s);
/* Makes room for one more in a growing array. */
#define GROW(array, n, cap)                                                                        \
	do {                                                                                       \
		if ((n) == (cap)) {                                                                \
			(cap) = (cap) ? (cap)*2 : 8;                                               \
			(array) = core_grow((array), (size_t)(cap) * sizeof(*(array)));            \
		}                                                                                  \
	} while (0)

/* ---- effects.c ---- */
struct effect *effect_add(struct core *c, enum effect_type type, const char *path);
void effects_reset(struct core *c);
/* Memory that lives until the next step. */
void *step_alloc(struct core *c, size_t n);
void step_own(struct core *c, void *p);
void store_version(struct core *c, struct key *k, struct version *v, bool own);
void store_history(struct core *c, struct key *k, struct version *v);
void store_draft(struct core *c, struct key *k);
void store_superseded(struct core *c, struct key *k, struct dot d);
void store_shown(struct core *c, struct key *k);
void store_intent(struct core *c, struct key *k);
void store_vector(struct core *c, struct dot d, uint64_t untold);
void store_origin(struct core *c, const struct origin *o);
void store_meta(struct core *c, const char *name, const void *p, size_t len);
void store_meta_forget(struct core *c, const char *name);
void effect_note(struct core *c, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* In the place of a hint's: what the scan of the start finds is told before EFFECT_STARTED. */
#define SERIAL_START UINT64_MAX
void serials_add(struct core *c, struct serials *s, uint64_t serial);
/* For `known`, which is k->changed or k->freed. 0: nobody waits for it. */
void serials_add_hint(struct core *c, struct key *k, struct ticket **known, uint64_t serial);
void serials_move(struct serials *to, struct serials *from);
void serials_move_hinted(struct core *c, struct serials *to); /* of all keys */
/* What `to` leads to is told before the hints of `from` are acknowledged. */
void serials_share(struct serials *to, const struct serials *from);
void serials_ack(struct core *c, struct serials *s); /* and empties */
void serials_free(struct serials *s);

/* ---- keys.c ---- */
struct key *key_find(const struct core *c, const char *path);
struct key *key_get(struct core *c, const char *path); /* makes it */
/* The nearest directory above that has a key; NULL: none. */
struct key *key_parent(const struct core *c, const struct key *k);
struct key *key_next_below(const struct core *c, const char *dir, const struct key *after);
struct key *key_first(const struct core *c, const char *after);
struct key *key_next(const struct key *k);
void key_scratch(struct core *c, struct key *k); /* to be forgotten if nothing is known of it */
void keys_forget_scratch(struct core *c);
void keys_free(struct core *c);
bool key_present(const struct key *k);  /* something is shown there */
struct shown *key_shown(struct key *k); /* makes it */
void shown_floor(struct shown *s);      /* its mtime is what the path shows from now on */
/* Programs have seen these here. True: the floor is another now. */
bool shown_floor_of(struct shown *s, const struct attrs *a);
/* What is shown there is no version's: it was found (held_show_found), and nobody was told. */
bool shown_found(const struct shown *s);
void key_shown_changed(struct core *c, struct key *k); /* recounts the digest, and stores it */
void key_forget_shown(struct core *c, struct key *k);  /* as if nothing had ever been there */
void key_forget_found_over(struct key *k);
void key_settled(struct core *c, struct key *k);
void key_unsettled(struct core *c, struct key *k);

enum merge { MERGE_DROPPED, MERGE_ADDED };
/* Rule 3. Keeps a reference where added. */
enum merge entry_merge(struct core *c, struct key *k, struct version *v, bool own);
/* Dead, or collected: goes to the history. */
void entry_drop(struct core *c, struct key *k, struct dot d);
void entry_load(struct core *c, struct key *k, struct version *v);
/* The version that is shown; NULL: none, or it is not known any more. */
const struct version *entry_shown(const struct key *k);
/* The union of what its versions have seen: what showing this entry stands for. */
void entry_context(const struct key *k, struct vv *to);

struct visible {
	enum kind kind;          /* ABSENT: nothing */
	struct version *version; /* NULL: an implicit directory, or nothing was ever there */
};
struct visible key_visible(const struct core *c, const struct key *k);
/* What lives below it, as key_next_below; without walking over what has gone. */
struct key *key_next_live_below(const struct core *c, const char *dir, const struct key *after);
bool key_live_below(const struct core *c, const char *path);

/* ---- observe.c ---- */
void observe_hint(struct core *c, const struct event *e);
void observe_free(struct core *c, const struct event *e);
void observe_looked(struct core *c, const struct event *e);
/* `dir` is no directory any more; `why`: the hints that told so. */
void observe_below(struct core *c, const struct key *dir, const struct serials *why);
bool observe_may_go(const struct core *c, struct key *k);
void observe_look(struct core *c, struct key *k); /* as soon as possible */
void observe_look_for(struct core *c, struct key *k, const struct serials *why);
bool observe_local(const struct core *c, struct key *k, bool dir);
/* A look's result that is neither an error nor of a file being written; `why`: the hints that led
 * to it. */
void observe_compare(struct core *c, struct key *k, const struct observation *o,
		     const struct serials *why);
bool observe_differs(const struct key *k, const struct observation *o); /* from what is shown */

/* ---- scan.c ---- */
struct scan *scan_new(struct core *c, const char *path);
struct scan *scan_for(struct core *c, const struct key *k); /* for its hints */
void scan_again(struct core *c, uint64_t serial);           /* all of the tree */
void scan_found(struct core *c, struct key *k, const struct observation *o);
void scan_ended(struct core *c, const struct event *e);
void scans_run(struct core *c);
void scan_free(struct core *c, struct scan *s);

/* ---- mark.c ---- */
void mark_load(struct core *c, const char *name);
/* k's name came (from `from`, or NULL), went or changed: sets, moves, or looks up whether it is
 * still there. */
void mark_hint(struct core *c, struct key *k, struct key *from, const struct event *e);
void mark_looked(struct core *c, struct key *k, const struct observation *o); /* k is marked */

/* ---- delay.c ---- */
void delay_gone(struct core *c, struct key *k);
void delay_new(struct core *c, struct key *k);
void delay_failed(struct core *c, struct key *k, int64_t msec);
void delay_move(struct core *c, struct key *from, struct key *to, bool tree);
void delay_end(struct core *c, struct delay *d);
bool delay_open(const struct delay *d);
void delay_seen(struct core *c, struct key *k, const struct observation *o);
void delay_local(struct core *c, struct key *k);
void delay_scanned(struct core *c, struct scan *s);
void delays_due(struct core *c);

/* ---- brake.c ---- */
void brake_load(struct core *c, const char *name, const uint8_t *p, size_t len);
/* The look says that what is shown has gone, or is an empty file now. */
bool brake_removes(const struct key *k, const struct observation *o);
void brake_expect(struct core *c); /* one more removal waits for the end of its delay */
void brake_forget(struct core *c); /* one less */
/* A removal's delay, until `deadline`, is over: later than when it may be decided; 0: now. */
int64_t brake_wait_until(const struct core *c, int64_t deadline);
/* ... it is to be held. Decides for all that wait with it. */
bool brake_holds(struct core *c, int64_t deadline);
void brake_scanned(struct core *c); /* the tree has been gone through */
void brake_due(struct core *c);

/* ---- held.c ---- */
void held_load(struct core *c, const char *name, const uint8_t *p, size_t len);
void held_free(struct core *c);
void held_begin(struct core *c, const struct event *e);
/* Edits of one op: held, if a set wants one of them. */
bool held_takes(struct core *c, const struct edit *edits, uint32_t n);
bool held_by_set(const struct core *c, const struct key *k); /* its removal would be */
/* `group`: the set, or 0 for the brake. */
void held_put(struct core *c, const struct edit *e, uint64_t group);
bool held_is(struct key *k, const struct observation *o); /* the draft, as it was */
void held_end(struct core *c, struct key *k);             /* nothing is held there (any more) */
void held_put_back(struct core *c, struct key *k, const struct observation *o); /* the draft */
/* A save of it counts, and not what was about to be put back. True: something was. */
bool held_saved_anew(struct core *c, struct key *k);
bool held_meant(const struct decision *d, const struct key *k);
/* What is there becomes what is shown, but stands for no more than what was there before. */
void held_show_found(struct core *c, struct key *k, const struct observation *o);
void held_end_set(struct core *c);
/* What the gate says of its set, if it is the set's. */
void held_say(struct core *c, const struct hearing *h, enum verdict_kind verdict,
	      const char *words);

/* ---- release.c ---- */
void release_decide(struct core *c, const struct event *e);
void release_due(struct core *c);
int64_t release_wake(const struct core *c);
/* Edits of one op, which are held: what is being released takes all of them with it. */
void release_with(struct core *c, const struct edit *edits, uint32_t n);
void release_leave(struct core *c, struct key *k);                /* it is not released any more */
void release_tell(struct core *c, struct key **keys, uint32_t n); /* their drafts, as one op */
void release_say(struct core *c, uint32_t n, const char *user, const char *why);
void release_free_all(struct core *c);

/* ---- aside.c ---- */
void aside_decide(struct core *c, const struct event *e);
void aside_put(struct core *c, struct key *k, const struct observation *o); /* it was looked at */
/* The draft is to be on disk again, as soon as possible. */
void aside_edit(struct core *c, struct key *k);
/* `dot` is that of the draft, which is on disk again. */
bool aside_is(const struct key *k, struct dot dot);
void aside_seen(const struct key *k, struct vv *to); /* by the draft's author; a copy */
/* What is shown stands for that alone: of what came meanwhile it is no version. */
void aside_stands(struct key *k, const struct vv *seen);
void aside_back(struct core *c, struct key *k, const struct ident *ident, const struct attrs *a);
/* What was to be edited is as it is shown: there is nothing to be held any more. */
bool aside_vain(struct core *c, struct key *k);
/* The disk has the draft. */
static inline bool key_drafted(const struct key *k)
{
	return k->draft && !k->draft->aside;
}

/* ---- mend.c ---- */
void mend_load(struct core *c, const char *name);
void mend_start(struct core *c);
void mend_hinted(struct core *c, struct key *k, bool tree);
/* A look that differs from what is shown: true if that is damage, which is dealt with. */
bool mend_take(struct core *c, struct key *k, const struct observation *o);
void mend_forget(struct core *c, struct key *k);
void mend_due(struct core *c);
const char *mend_words(const struct key *k); /* NULL: was not put back */

/* ---- author.c ---- */
void author_change(struct core *c, struct key *k, const struct observation *o);
void author_edits(struct core *c, const struct edit *edits, uint32_t n); /* or they are held */
void author_ops(struct core *c, const struct edit *edits, uint32_t n);
/* For the store of this node alone, and then its history: no vector speaks of it. */
struct version *author_draft(struct core *c, const struct edit *e);
/* What was found goes to the history only. */
void author_keep(struct core *c, struct key *k, const struct observation *o);
void author_import(struct core *c, struct key *k, const struct observation *o);

void author_aside(struct core *c, struct key *k, const struct observation *o);
uint64_t author_order_origin(struct core *c);
uint64_t author_stamp(const struct core *c, const struct key *k);

/* ---- combine.c ---- */
/* k is on disk as its entry says: at the end of this step a conflict in it may be combined. */
void combine_later(struct core *c, struct key *k);
/* EVENT_RENEW. */
void combine_renew(struct core *c, const struct event *e);
/* Does what was asked for; true if there was something, which may have to be placed now. */
bool combine_due(struct core *c);

/* ---- order.c ---- */
/* Later than what this path is known to have had. */
int64_t order_mtime(const struct core *c, const struct key *k);
void order_take(struct core *c, const struct event *e);

/* ---- merge.c ---- */
void merge_op(struct core *c, const struct event *e);
/* `page`: from a page, else an op. */
void merge_items(struct core *c, uint32_t peer, bool page, const struct item *items,
		 const bool *have, uint32_t n);
void merge_origin(struct core *c, const struct origin *o);
bool merge_origin_own(const struct core *c, uint64_t origin); /* this node's, of any life */
void merge_vector(struct core *c, struct dot d); /* raises, remembers as recent, stores */
/* Likewise, by what a page says: what lies between may have been superseded, and never told. */
void merge_vector_untold(struct core *c, struct dot d);
void merge_content(struct core *c, struct hash hash);
struct want *want_find(const struct core *c, struct hash hash);
void want_content(struct core *c, struct key *k, const struct version *v, uint32_t peer);
/* Whether it is wanted; k is told when it comes, too. */
bool want_also(struct core *c, struct key *k, struct hash hash);
void wants_start(struct core *c);
void wants_free(struct core *c);
/* The absences of an op wait for its contents: `added` to the entries of `keys`, in this step. */
void opwaits_make(struct core *c, struct key **keys, struct version **added, uint32_t n);
void opwait_placed(struct core *c, struct key *k);
void opwaits_due(struct core *c);
void opwaits_free(struct core *c);

/* ---- nodes.c ---- */
void nodes_load(struct core *c, const char *name, const uint8_t *p, size_t len);
void nodes_start(struct core *c);
void nodes_free(struct core *c);
void nodes_heard(struct core *c, uint32_t peer);
void nodes_told(struct core *c, const struct event *e);
void nodes_forget(struct core *c, const char *name);
void nodes_store_floor(struct core *c);
void nodes_due(struct core *c);

/* ---- limits.c ---- */
/* This peer may tell ops of this origin. */
bool limits_origin(const struct core *c, uint32_t peer, uint64_t origin);
/* An origin that is new here is this peer's. */
void limits_own_origin(struct core *c, uint32_t peer, uint64_t origin);
/* What a page says of an origin is learned, if this peer may say so. */
void limits_know_origin(struct core *c, uint32_t peer, const struct origin *o);
/* What this peer makes there is taken. */
bool limits_accept(const struct core *c, uint32_t peer, const struct key *k);
enum judgement { JUDGED_TAKEN, JUDGED_REFUSED, JUDGED_NOTHING };
enum judgement limits_judge(const struct core *c, uint32_t peer, const struct key *k,
			    const struct version *v);
/* In the log: n versions of this peer are not taken, one of them of that path. */
void limits_say(struct core *c, uint32_t peer, const char *path, uint32_t n);
void limits_due(struct core *c);

/* ---- refused.c ---- */
struct version *refused_find(const struct key *k, struct dot d); /* NULL: not there */
/* A copy is kept, by rule 3 among its like. True: it is new. */
bool refused_add(struct core *c, struct key *k, const struct version *v);
/* It is taken after all, or dead. True: it was there. */
bool refused_release(struct core *c, struct key *k, struct dot d);
/* Those that somebody has seen who saved since go. */
void refused_seen(struct core *c, struct key *k, const struct vv *context);
/* So that it covers none of them. */
void refused_cap(const struct core *c, struct vv *v);
void refused_load(struct core *c, const char *name, const uint8_t *p, size_t len);
void refused_start(struct core *c);
void refused_free(struct key *k);
/* The versions that are known at a path: its entry's, and those. */
static inline uint32_t key_versions(const struct key *k)
{
	return k->n + k->nrefused;
}
static inline struct version *key_version(const struct key *k, uint32_t i)
{
	return i < k->n ? k->entry[i] : k->refused[i - k->n];
}

/* ---- compare.c ---- */
void compare_start(struct core *c, uint32_t peer);
/* True: all has been compared. */
bool compare_page(struct core *c, uint32_t peer, const struct page *page);
void compare_end(struct peer *p);
void compare_added(struct core *c, uint32_t peer, struct dot d);
void compare_answer(const struct core *c, const struct ask *a, struct page *page);

/* ---- catchup.c ---- */
void catchup_start(struct core *c);
/* Equal for nodes that know the same. */
uint64_t catchup_digest(const struct core *c);
void catchup_want(struct core *c, uint32_t peer);
void catchup_peer(struct core *c, const struct event *e);
void catchup_heartbeat(struct core *c, const struct event *e);
void catchup_ask(struct core *c, const struct event *e);
void catchup_page(struct core *c, const struct event *e);
void catchup_due(struct core *c);

/* ---- place.c, placed.c ---- */
void place_consider(struct core *c, struct key *k);
void place_pump(struct core *c);
void place_staged(struct core *c, const struct event *e);
void place_installed(struct core *c, const struct event *e);
/* The LOOK of a key that confirms what was decided found the disk as it was shown. */
void place_confirmed(struct core *c, struct key *k);
void place_recover(struct core *c, struct key *k, const struct observation *o);
void place_above(struct core *c, struct key *k); /* k's parents may have changed their minds */
void place_below(struct core *c, const struct key *dir); /* what waits for it to be a directory */
void place_due(struct core *c);
void place_leftover(struct core *c, struct key *k);
void place_leftover_again(struct core *c, struct key *k); /* a look or a flight has ended */
bool place_has_children(const struct core *c, struct key *k);
const char *place_reason(const struct key *k);
/* A directory's attributes where no version gives it any. */
void place_implied(const struct core *c, const struct key *k, struct attrs *a);

/* between place.c and placed.c: */
void place_block(struct core *c, struct key *k, int error); /* until it is tried again */
void place_take_off(struct core *c, struct key *k, enum flight flight);
void place_launch(struct core *c,
		  struct key *k);               /* carries out k->decided, recorded as an intent */
void place_land(struct core *c, struct key *k); /* the flight is over */
void place_forget_intent(struct core *c, struct key *k);
uint32_t place_teller(const struct core *c, const struct version *v); /* the peer that made it */

/* ---- lists.c ---- */
void lists_load(struct core *c, const char *name, const uint8_t *p, size_t len);
void lists_start(struct core *c);
void lists_scanned(struct core *c); /* all of the tree */
void lists_free(struct core *c);
/* It was local in the life before, and the scan of the start has yet to end. */
bool lists_taken_back(const struct core *c, struct key *k, bool dir);

/* ---- join.c ---- */
void join_load(struct core *c, const char *name, const uint8_t *p, size_t len);
void join_start(struct core *c);
void join_answered(struct core *c, uint32_t peer, const struct page *page);
void join_alone(struct core *c);
/* The vector is about to cover more of this origin. */
void join_learned(struct core *c, uint64_t origin);
void join_take(struct core *c, struct key *k, const struct observation *o);
void join_taken(struct core *c, const struct scan *s);
void join_late(struct core *c, struct key *k);      /* it cannot be read now */
void join_late_over(struct core *c, struct key *k);
void join_late_hinted(struct core *c, struct key *k); /* somebody has saved it since */
bool join_late_ended(struct key *k); /* while the look was under way that is over now */
/* A look can read it. True: it was taken. */
bool join_take_late(struct core *c, struct key *k, const struct observation *o);
void join_known(struct core *c, struct peer *p); /* it was established once */
void join_heard(struct core *c, uint32_t peer, bool joining);

#endif
