/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A path that the core knows: its entry, what is shown there, what is under way. In a table (keys.c).
 * For the files of the core only.
 */
#ifndef CORE_KEY_H
#define CORE_KEY_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "replicator/core/core.h"
#include "replicator/core/hearing.h"

/* Could not be read when the first tree was taken: taken when it can be, as then. OVER: somebody has
 * saved it since, and a look is under way that may be older. */
enum late { LATE_NOT, LATE_NEW, LATE_EQUAL, LATE_RETURNING, LATE_KNOWN, LATE_OVER };

enum flight { FLIGHT_NONE, FLIGHT_STAGING, FLIGHT_INSTALLING, FLIGHT_REMOVING };

enum block {
	BLOCK_NONE,
	BLOCK_BUSY,     /* until FREE */
	BLOCK_MOUNTED,  /* until FREE */
	BLOCK_CONTENT,  /* until CONTENT */
	BLOCK_PARENT,   /* until the parent is a directory on disk */
	BLOCK_CHILDREN, /* until nothing known is left in the directory */
	BLOCK_OP,       /* an absence: until the rest of its op is placed */
	BLOCK_FOREIGN,  /* a device, socket, FIFO or too large file is in the way */
	BLOCK_GATE,     /* until it is judged good */
	BLOCK_ERROR,    /* until retry_at */
};

/* A hint to be acknowledged: by the last of those whose looks it led to. A later hint of the same kind and
 * path stands for it, and has it. */
struct ticket {
	uint64_t number; /* in the order in which they were made */
	uint64_t serial;
	uint32_t refs;
	struct key *key; /* whose `changed` or `freed` it is; NULL: nobody's */
};

/* By number, each once. */
struct serials {
	struct ticket **p;
	uint32_t n;
	uint32_t cap;
};

struct delay;
struct opwait;

struct key {
	RB_ENTRY(key) link;      /* all keys */
	RB_ENTRY(key) live_link; /* those with a live version */
	TAILQ_ENTRY(key) ready_link;
	TAILQ_ENTRY(key) unsettled_link;
	char *path;

	struct version **entry; /* highest rank first */
	uint32_t n;
	uint32_t cap;
	struct version **refused; /* not taken (refused.c) */
	uint32_t nrefused;
	uint32_t cap_refused;
	struct shown *shown;        /* NULL: never */
	struct version *shown_once; /* was shown when it left the entry; NULL: none did */
	struct version
	    *found_over;       /* shown_found: a copy of the version that was shown before, with the
				     * attributes that it had on this disk; NULL: not known */
	struct intent *intent; /* recorded in the store */
	struct version
	    *draft; /* held back (held.c), and on disk here, but for `aside`; NULL: nothing */
	struct ident draft_ident;
	bool draft_seen;           /* as it was when it was last looked at */
	struct hearing *hearing;   /* in which its draft is judged; NULL: in none */
	struct hearing *admission; /* in which what is to be installed is, */
	struct dot tried;          /* which is this version */
	struct dot passed;         /* the version that was judged good here */

	enum flight flight;
	enum block block;
	bool is_live;
	bool conflict;
	bool ready;        /* in the queue of keys to be placed */
	bool unsettled;    /* not as the entry says */
	bool putting_back; /* was discarded, and is not settled since */
	bool unwanted;     /* will not be installed here */
	bool looking;      /* a LOOK is out */
	bool look_again;
	bool confirming; /* the LOOK that is out shall also confirm `decided` */
	bool local;      /* by its name and who created it (mark.c) */
	bool edited;     /* hinted while this node was joining */
	uint8_t late;    /* enum late */
	bool scratch;    /* on the list of keys that may be forgotten */
	bool recovering; /* an intent of an earlier life is being looked into */
	bool counted;    /* in the tree's digest */
	bool ordered;    /* by the order that is being carried out */
	bool was_dir;    /* on disk, when those above and below were last told */
	bool was_present;
	bool below_asked;    /* looked at, for what is shown below it, since it is unsettled */
	bool fetched;        /* contents that its entry lacked have come since that changed */
	bool left_told;      /* that it stays for its local files */
	bool left_again;     /* what it holds was to be looked into during a look or a flight */
	uint8_t local_known; /* by patterns, which are slow: 1 as a file, 2 as a directory, */
	uint8_t local_found; /* and what was found */
	bool put_back;       /* held, and its next look lets what was there be installed again */
	bool to_aside;       /* ... and its next look sets it aside */
	bool to_edit;        /* set aside, and to be installed again */
	bool releasing;      /* held, and one of those that go together soon */
	bool rewriting;      /* the flight is an install over a draft (rewrite.c) */
	bool saved;          /* hinted in this life, in which mend.on is set */
	bool saved_tree;     /* ... as a directory that came or went */
	enum damage mended;  /* put back in this life */
	uint64_t digest;     /* what it adds to that */

	struct version *placing; /* FLIGHT_*: what is being put there; NULL: an implicit directory,
				    or nothing */
	struct intent decided;   /* what `shown` becomes when it is confirmed or installed */
	int64_t since_msec;      /* of unsettled */
	int64_t retry_at;
	uint32_t retry_msec;
	uint32_t changed_again; /* installs in a row that found something else there */
	int error;
	struct key *blocker; /* CHILDREN: what is still there */

	uint32_t held;      /* by scans that found it, and contents that it waits for */
	int64_t appeared;   /* when this node first told it, after nothing; monotonic */
	uint64_t seen_scan; /* the scan that found it last */
	uint64_t touched;   /* step of the last change of shown or start of a flight */
	struct delay *delay;
	struct opwait *opwait;        /* its content is waited for */
	struct opwait *opwait_absent; /* waits itself */

	struct ticket *changed, *freed; /* of the last HINT and FREE; NULL: acknowledged */
	struct serials hinted; /* since the last LOOK was sent */
	struct serials looked; /* covered by it */
	struct who who;        /* of the last hint */
	char *user;
};

RB_HEAD(keys, key);
RB_HEAD(live_keys, key);
TAILQ_HEAD(key_queue, key);

#endif
