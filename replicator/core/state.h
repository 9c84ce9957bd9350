/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The core's own state, besides its keys. For the files of the core only.
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include "replicator/core/key.h"

/* Contents that entries need and the store lacks. */
struct want {
	RB_ENTRY(want) link;
	struct hash hash;
	uint64_t size;
	uint32_t peer;
	struct key **keys; /* that wait for it */
	uint32_t n;
	uint32_t cap;
};
RB_HEAD(wants, want);

enum delay_kind { DELAY_GONE, DELAY_MOVE, DELAY_NEW, DELAY_LOOK };

/* Something to be looked at, or told, at a later time. */
struct delay {
	TAILQ_ENTRY(delay) link; /* by deadline */
	enum delay_kind kind;
	int64_t deadline;
	struct key *key;  /* MOVE: the new name */
	struct key *from; /* MOVE: the old one */
	bool tree;
	bool due;  /* its looks are out */
	bool hold; /* GONE: the safety brake holds it, if it is still so */
	uint64_t due_step;
	uint32_t tries;
	bool have_key; /* MOVE: what the looks found */
	bool have_from;
	struct observation key_seen;
	struct observation from_seen;
	char *key_target;
};
TAILQ_HEAD(delays, delay);

struct opwait {
	struct opwait *next;
	struct dot dot;
	uint32_t contents; /* still to be placed */
	int64_t deadline;
	struct key **absent;
	uint32_t n;
	uint32_t cap;
};

struct edit {
	struct key *key;
	struct attrs attrs;
	struct ident ident;
	const char *target;
};

struct scan {
	STAILQ_ENTRY(scan) link;
	char *path;
	uint64_t id;
	uint64_t step; /* when it began */
	bool running;
	bool take_in; /* the scan of a first tree */
	struct delay *move;
	struct edit *edits; /* of a moved directory */
	uint32_t n;
	uint32_t cap;
	struct serials serials;
};
STAILQ_HEAD(scans, scan);

/* A change set that somebody has begun. */
struct set {
	bool open;
	uint64_t id;
	int64_t since_msec; /* wall clock */
	struct who who;
	char *user;
	char *why;
	char **pattern;
	uint32_t npatterns;
	struct patterns *patterns; /* NULL: all */
	enum verdict_kind verdict; /* that kept it from being released */
	char *words;
};

/* What goes as one op when all of it has been looked at. */
struct release {
	struct release *next;
	struct key **keys;
	uint32_t n;
	uint32_t cap;
	uint32_t at; /* those before have been looked at */
	int64_t deadline;
	bool force;      /* it is not judged */
	bool approved;   /* it may be in doubt */
	bool ends_set;   /* which is open until all of it has been judged */
	bool everywhere; /* ... also by the other nodes */
	char *why;
	char *user;
};

struct origin_node {
	RB_ENTRY(origin_node) link;
	struct origin origin;
};
RB_HEAD(origins, origin_node);

struct range {
	char *start; /* after it */
	char *end;   /* it too; "": all */
};

struct peer {
	const char *name;
	bool receive_only; /* never asked, and nothing is taken from it */
	bool limited;      /* receive_only, or with patterns */
	uint32_t unsaid;   /* refused, and not in the log yet */
	int64_t said_at;   /* monotonic; 0: never */
	bool reachable;
	/* the transfer */
	bool asking;
	bool ask_again;
	uint64_t ask_id;
	struct vv ask_vector;
	struct vv ask_start;
	char *ask_cursor;
	bool ask_swept;
	int64_t asked_at;
	int64_t since;  /* when the transfer began; monotonic */
	uint64_t taken; /* versions that came with it */
	uint64_t of;    /* of as many, as the sender counted them */
	/* the full comparison */
	enum compare comparing;
	char *compare_cursor;
	bool compare_swept;
	struct mark *marks; /* of the ask under way */
	uint32_t nmarks;
	uint32_t cap_marks;
	struct range *differ;
	uint32_t ndiffer;
	uint32_t cap_differ;
	struct vv compared;        /* its floor as of the last one's beginning; empty: none */
	struct vv compared_vector; /* its vector likewise */
	struct vv compared_late;   /* the first version of each origin that came before that was known */
	/* heartbeats */
	uint64_t refused_digest; /* when it was asked for what is refused here */
	uint64_t mismatch_digest;
	uint32_t mismatches;
	/* joining */
	bool answered;
	bool answer_joining;
	bool heard_joining; /* it was joining when we were */
	bool known;         /* heard as an established node */
	bool known_before;  /* it says the same of us */
};

struct core {
	struct core_conf conf;
	const struct event *event;
	int64_t now;
	int64_t wall;
	uint64_t step;
	uint64_t random;
	uint64_t origin;       /* of this life; 0 until the first version */
	uint64_t order_origin; /* likewise, of what was not made by a save */
	uint64_t aside_origin; /* likewise, of what is only in the history */
	uint64_t aside;        /* how many those are */
	uint64_t draft_origin; /* likewise, of drafts */
	uint64_t drafts;

	struct vv vector;
	struct dot recent[HEARTBEAT_RECENT_MAX];
	uint32_t nrecent;
	uint64_t loose; /* digest of what the entries hold and the vector does not cover, */
	uint32_t nloose;
	bool loose_stale; /* to be counted anew when no transfer is under way */
	struct origins origins;
	struct vv floor; /* what collected tombstones covered */
	struct nodes nodes;
	uint32_t cap_nodes;
	bool nodes_too_many;
	uint64_t nodes_news;
	int64_t collect_at;

	struct keys keys;
	struct live_keys live;
	struct key_queue ready;
	struct key_queue unsettled;
	uint32_t nunsettled;
	uint32_t nputting_back;
	uint32_t nsaved_anew; /* ever: were being put back, and told instead */
	uint32_t nflight;
	uint32_t nlooking;
	uint32_t nconflicts;
	uint32_t nrefused; /* versions, in all */
	uint32_t ncounted; /* paths in the tree's digest */
	uint64_t tree_digest;
	struct wants wants;
	int64_t next_retry; /* of keys that are BLOCK_ERROR */

	struct {
		bool on;           /* something is held, or was when the node was stopped */
		bool scanned;      /* the tree has been gone through in this life */
		uint32_t held;     /* paths; of core.ndrafts */
		uint32_t waiting;  /* removals at whose end of delay it will be decided */
		uint32_t recent;   /* removals told since the last BRAKE_APART_MSEC of quiet */
		int64_t first;     /* of those that wait; monotonic */
		int64_t last;      /* of all */
		int64_t passed_at; /* those that were due then are not held */
	} brake;

	struct set set;
	struct release *releases;
	uint32_t ndrafts;
	struct gate gate;
	bool forcing; /* what is being told is let go by force */

	struct key **combining; /* for the end of this step */
	uint32_t ncombining;
	uint32_t cap_combining;
	struct {
		bool on;        /* after a power cut, until the tree has been gone through */
		bool is_new;    /* ... and not recorded yet */
		uint32_t paths; /* put back */
	} mend;

	struct delays delays; /* by deadline */
	struct delays due;    /* their names are being looked at */
	struct opwait *opwaits;
	struct scans scans;
	uint64_t last_scan;
	uint64_t last_ticket;

	struct peer *peers;
	uint64_t last_ask;

	bool started;
	bool joining;
	bool taking_in;     /* joined, and the scan of the first tree runs */
	bool returning;     /* the peers have heard this node before: its store was lost */
	bool known;         /* some peer has, be it one that is joining itself */
	bool forgot;        /* joining: others had what this node made, and its store did not */
	bool take_in_equal; /* nobody had anything: imports carry their mtime */
	struct locality
	    *lists_before; /* what was local in the life before; NULL: the same, or not known */
	bool lists_kept;   /* the lists of this life are in the store */
	struct serials join_rescan; /* the rescan that was asked for while joining */

	struct key **scratch;
	uint32_t nscratch;
	uint32_t cap_scratch;
	uint32_t kept_scratch; /* the first so many stay until the scan `scratch_scan` has ended */
	uint64_t scratch_scan; /* its step; 0: none */

	struct effect *effects;
	size_t neffects;
	size_t cap_effects;
	void **owned; /* freed at the next step */
	size_t nowned;
	size_t cap_owned;
	int64_t wake;
};

#endif
