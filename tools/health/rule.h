/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rule of zonefs-health: samples and time in, what should be announced out. Pure: no clock, no
 * socket, no file. Times are milliseconds of a clock that only goes forward.
 *
 * Two kinds of finding lead to two kinds of answer:
 *
 *   dead   no check had any reply at all, `fall` times in a row, over UDP and over TCP: withdrawn
 *   data   replies that are wrong, checks that fail while others don't, what the replicator tells:
 *          demoted, that is announced with a worse metric, which needs nobody's agreement: when
 *          all nodes are stale, the address is still routed. Withdrawn only while a grant lasts.
 *
 * A failed sample taken while a hook runs (a name server that loads a large zone may stall) counts
 * only when the hook's time limit has passed since the first such failure in a row: hooks that are
 * retried one after the other don't postpone it any further.
 *
 * Who fell more than once within the damping window comes back demoted, for longer each time. It
 * does come back: a node that is held away could be the last one.
 */
#ifndef HEALTH_RULE_H
#define HEALTH_RULE_H

#include <stdbool.h>
#include <stdint.h>

#define RULE_CHECKS_MAX 64
#define RULE_WORDS 256

enum rule_outcome {
	RULE_GOOD,
	RULE_WRONG,  /* a reply, but not the one that was asked for */
	RULE_SILENT, /* no reply */
};

/* What is known of the data besides the checks. */
enum rule_finding {
	FINDING_REPLICATOR, /* it does not answer */
	FINDING_CUT_OFF,    /* no peer can be reached */
	FINDING_ZONE,       /* a zone that peers serve is old, held, refused or fails here */
	FINDING_LAG,        /* versions wait here for longer than allowed */
	FINDING_BEHIND,     /* most peers have versions that are not here */
	FINDING_STORE,      /* the store takes nothing, or contents of the disk are damaged */
	FINDING_HOOK,       /* a hook fails: what is on the disk may not be what is served */
	RULE_FINDINGS
};

enum rule_on_data { ON_DATA_NOTHING, ON_DATA_DEMOTE, ON_DATA_WITHDRAW };

struct rule_conf {
	unsigned nchecks; /* 1 to RULE_CHECKS_MAX */
	bool tcp[RULE_CHECKS_MAX];
	int fall, rise; /* 1 or more */
	int64_t interval_msec, fast_msec;
	int64_t start_timeout_msec;
	enum rule_on_data on_data;
	int64_t limit_msec[RULE_FINDINGS]; /* how long it may last; -1: it is not looked at */
	int64_t damp_window_msec;          /* falls further back are forgotten */
	int64_t damp_first_msec, damp_max_msec;
};

enum rule_reason {
	REASON_WELL,
	REASON_START, /* it has not been announced since the start, or since it was dead */
	REASON_DEAD,
	REASON_DATA,
	REASON_DAMPED,
	REASON_DRAINED,
};

struct rule_want {
	bool announced;
	bool demoted;   /* where it is announced */
	bool asks;      /* for a grant to withdraw for data */
	bool hands_off; /* disabled: nothing is to be done, whatever is wanted */
	bool late;      /* announced at the start's time limit, with something missing */
	enum rule_reason reason;
	int64_t since_msec; /* of this reason */
	char words[RULE_WORDS];
};

/* What an earlier run left; `known` false: nothing. */
struct rule_was {
	bool known;
	bool announced, demoted, drained;
	bool for_data; /* not announced because of its data: no start, it may be needed at once */
};

/* At the start, until rule_lacks is called. */
#define RULE_NOT_CAUGHT_UP "has not caught up with its peers"

struct rule;

/* NULL: out of memory. `conf` is copied. */
struct rule *rule_new(const struct rule_conf *conf, const struct rule_was *was, int64_t now);
void rule_free(struct rule *r);

/* What became of a sample: how many failures there are in a row, and whether this one counts. */
struct rule_count {
	int failures;
	bool counted;
};
/* `words` says what was asked and what came, for people. */
struct rule_count rule_sample(struct rule *r, unsigned check, enum rule_outcome outcome,
			      const char *words, int64_t now);
/* A hook runs on this node, or has run since the last call; timeout_msec is its time limit. */
void rule_hooks(struct rule *r, bool running, int64_t timeout_msec);
void rule_finding(struct rule *r, enum rule_finding finding, bool present, const char *words,
		  int64_t now);
/* What this node has not done since its start, "has not ...", static; NULL: it has what all peers have
 * that can be reached, and knows what lies in its own tree. */
void rule_lacks(struct rule *r, const char *words);
void rule_drain(struct rule *r, bool yes);
void rule_disable(struct rule *r, bool yes);
/* Peers stay until then, so that this node may withdraw for its data. */
void rule_grant(struct rule *r, int64_t until);

/* What is wanted now; the rule's until the next call of any function here. */
const struct rule_want *rule_decide(struct rule *r, int64_t now);
/* When rule_decide may say something else although nothing has come; INT64_MAX: never. */
int64_t rule_next(const struct rule *r, int64_t now);
/* How long after a round of checks the next one begins. */
int64_t rule_pace(const struct rule *r);

const char *rule_reason_text(enum rule_reason reason);
const char *rule_finding_text(enum rule_finding finding);

#endif
