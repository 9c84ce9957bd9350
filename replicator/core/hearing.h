/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is judged together: drafts of this node, or a peer's versions that are to be installed. For
 * the files of the core only.
 *
 *   hearing.c  hearings: who is in them, asking, what the store keeps of them
 *   gate.c     edits of this node; verdicts; questions
 *   admit.c    versions of others
 *   rewrite.c  what a verdict wants to have otherwise
 */
#ifndef CORE_HEARING_H
#define CORE_HEARING_H

#include <bsd/sys/queue.h>

#include "replicator/core/core.h"

#define TRIALS_MAX 64 /* at once */
#define HEARING_IDS_MAX 64

struct key;
struct edit;

enum hearing_kind {
	HEARING_OWN,     /* edits, told when they are good */
	HEARING_RELEASE, /* drafts of a change set, likewise; else they stay in the set */
	HEARING_PEER,    /* versions of the entries, to be installed here */
};

/* DUE: to be asked for. OUT: the verdict is waited for. IDLE: given. */
enum hearing_state { HEARING_DUE, HEARING_OUT, HEARING_IDLE };

struct rewriting {
	struct key *key;
	struct hash hash;
	uint64_t size;
	struct hash of; /* of a path that is none of the hearing's: what is shown there; else none */
	bool started;
};

struct hearing {
	TAILQ_ENTRY(hearing) link; /* of its state's list */
	enum hearing_kind kind;
	enum hearing_state state;
	uint64_t *ids; /* OWN: the `group` of its drafts, several where hearings became one */
	uint32_t nids;
	uint32_t cap_ids;
	struct dot op; /* PEER: what its versions have in common, as hearing_op */
	struct key **keys;
	uint32_t n;
	uint32_t cap;

	uint64_t trial; /* OUT: which */
	uint64_t step;  /* when it was asked */
	enum verdict_kind verdict;
	enum verdict_kind last; /* given; NONE: none was */
	bool mends;             /* ... with contents to be put in place: asked for again, as they would be now */
	char *words;            /* of that; NULL: none */
	char **needs;
	uint32_t nneeds;
	int64_t retry_at; /* DUE: not before; 0: at once */
	uint32_t retry_msec;
	bool stored;   /* OWN: in the store */
	bool approved; /* what it holds may be in doubt, */
	bool forced;   /* or anything, once it has been seen */
	bool ends_set; /* RELEASE: of all of the set */
	bool everywhere; /* RELEASE: the other nodes are to agree */
	char *why;     /* RELEASE: ... and by whom; else NULL */
	char *user;

	struct rewriting *rewriting; /* IDLE, until all are done */
	uint32_t nrewriting;
};
TAILQ_HEAD(hearings, hearing);

struct gate {
	struct hearings list[HEARING_IDLE + 1];
	uint32_t n; /* in all */
	uint32_t out;
	uint64_t last_trial;
	uint64_t last_id;
	struct key **pending; /* to be admitted; until the end of this step */
	uint32_t npending;
	uint32_t cap_pending;
};

#define HEARING_EACH(h, c, state)                                                                  \
	for ((state) = HEARING_DUE; (state) <= HEARING_IDLE; (state)++)                            \
		TAILQ_FOREACH(h, &(c)->gate.list[state], link)

/* ---- hearing.c ---- */
struct hearing *hearing_new(struct core *c, enum hearing_kind kind);
void hearing_free(struct core *c, struct hearing *h); /* its keys are in none any more */
void hearing_add(struct hearing *h, struct key *k);
void hearing_leave(struct core *c, struct hearing *h, struct key *k); /* NULL: nothing */
/* As it is now: judged as soon as it can be. */
void hearing_again(struct core *c, struct hearing *h);
void hearing_later(struct core *c, struct hearing *h); /* ... after ever more time */
void hearing_idle(struct core *c, struct hearing *h);
void hearing_join(struct core *c, struct hearing *h, struct hearing *other); /* takes all of it */
bool hearing_needs(const struct hearing *h, const char *path);
/* Something that it needs is another since it was asked for. */
bool hearing_is_late(const struct core *c, const struct hearing *h);
bool hearing_has_id(const struct hearing *h, uint64_t id);
void hearing_say(struct core *c, struct hearing *h, const struct verdict *v); /* keeps it */
void hearing_store(struct core *c, struct hearing *h);
void hearing_load(struct core *c, const char *name, const uint8_t *p, size_t len);
void hearing_ask(struct core *c, struct hearing *h);

/* ---- gate.c ---- */
bool gate_is(const struct core *c, const struct key *k);
/* Edits of one op: held until they are judged, if one of them has to be. */
bool gate_takes(struct core *c, const struct edit *edits, uint32_t n);
void gate_start(struct core *c);
void gate_due(struct core *c);
int64_t gate_wake(const struct core *c);
void gate_verdict(struct core *c, const struct verdict *v);
void gate_again(struct core *c, const struct event *e);
/* What is shown at k is another now: who needs it may be judged otherwise. */
void gate_shown(struct core *c, const struct key *k);
/* k, no draft of the gate's, goes with this release; and so does what an earlier one has not told yet. */
void gate_goes(struct core *c, struct hearing *h, struct key *k);
void gate_dropped(struct core *c, struct key *k); /* its draft is over */
/* ... is not on disk for now, or about to be put back. */
void gate_aside(struct core *c, struct key *k);
/* About an own one: true if it may be told, and is. */
bool gate_decide(struct core *c, struct key *k, enum event_type type, bool force);
/* All of it is told, as one op; or judged again, with what the set it ends holds besides. */
void gate_tell(struct core *c, struct hearing *h, bool force);
void gate_free(struct core *c);
enum verdict_kind gate_verdict_of(const struct key *k);
const char *gate_words(const struct key *k);

/* ---- admit.c ---- */
/* It may be installed here now; else k->block says why not. */
bool admit(struct core *c, struct key *k, struct version *v);
void admit_due(struct core *c); /* makes hearings of what came in this step */
void admit_verdict(struct core *c, struct hearing *h, const struct verdict *v);
void admit_shown(struct core *c, const struct key *k);
void admit_forget(struct core *c, const char *path); /* it is to be judged anew; NULL: all */
/* What of its op is to be judged with it, though it is not gated, or has passed. */
void admit_others(struct core *c, const struct hearing *h, struct trial *t, uint32_t *cap);

/* ---- rewrite.c ---- */
void rewrite_begin(struct core *c, struct hearing *h, const struct verdict *v);
void rewrite_due(struct core *c, struct hearing *h);
void rewrite_installed(struct core *c, struct key *k, const struct event *e);
void rewrite_failed(struct core *c, struct key *k, int error);

#endif
