/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What cores tell each other. wire/ turns these into bytes and back; the core makes and takes them.
 */
#ifndef CORE_EXCHANGE_H
#define CORE_EXCHANGE_H

#include "replicator/core/version.h"

#define OP_VERSIONS_MAX 1024
#define PAGE_VERSIONS_MAX 1024
#define PAGE_BYTES_MAX (256 * 1024) /* about: the last version may go over */
#define ORIGINS_MAX 4096            /* in one message */
#define NODE_NAME_MAX 64

/* A version and the path that it is of. */
struct item {
	char *path;
	struct version *version;
};

void item_fini(struct item *i);

/* One origin's next sequence number: all its versions have the dot (origin, seq). */
struct op {
	struct dot dot;
	struct item *items;
	uint32_t n; /* 1 .. OP_VERSIONS_MAX */
};

void op_fini(struct op *o);

/* Whose an origin is. */
struct origin {
	uint64_t origin;
	char node[NODE_NAME_MAX];
};

#define HEARTBEAT_RECENT_MAX 64
struct heartbeat {
	uint64_t digest;   /* of the sender's vector, and of what it knows beyond that */
	uint64_t ops;      /* how many ops it knows: the vector's sum */
	uint64_t tree;     /* digest of the tree that it shows */
	uint32_t pending;  /* paths that it has yet to install */
	uint32_t lag_msec; /* age of the oldest of them here; 0: none */
	uint32_t failing;  /* hooks whose last run failed */
	uint32_t conflicts;
	bool joining;
	bool refusing;     /* what limited nodes made is not all taken here, or where it comes from */
	bool paused;       /* filled in outside of the core */
	int64_t wall_msec; /* the sender's clock */
	struct dot recent[HEARTBEAT_RECENT_MAX]; /* its vector's latest changes, newest first */
	uint32_t nrecent;
};

enum compare { COMPARE_NONE, COMPARE_RANGES, COMPARE_DOTS };
#define MARKS_MAX 1024

/* RANGES: what the asker's entries hold after the mark before (the first: after the cursor), up to
 * and with `path` ("", only in the last: to the end), as a digest in `seq`, origin 0. DOTS: a version
 * in the asker's entries. */
struct mark {
	char *path;
	struct dot dot;
};

/* "Here is my vector": asks for a page of the versions that it does not cover. The asker repeats
 * vector, start and cursor, so that the answering side keeps no state and may restart. */
struct ask {
	uint64_t id;     /* of the transfer; the page carries it back */
	struct vv vector; /* the asker's when the transfer began */
	struct vv start;  /* the sender's as of the first page; empty: give me the first */
	char *cursor;     /* last path received; "" at first; NULL counts as "" */
	bool swept;       /* all keys have been gone through: only what is newer than `start` is left */
	bool joining;     /* the asker has nothing yet and is taking its first tree */
	/* The full comparison: for each mark, has the sender the same, or is it dead there? */
	enum compare compare;
	struct mark *marks;
	uint32_t nmarks; /* up to MARKS_MAX */
};

void ask_fini(struct ask *a);

struct page {
	uint64_t id;
	struct item *items;
	uint32_t n;
	struct origin *origins; /* whose the origins in this page (on the last: in the vector) are */
	uint32_t norigins;
	struct vv start;   /* to be repeated */
	char *cursor;      /* to be repeated */
	bool swept;        /* to be repeated */
	uint32_t total;    /* first page of a sweep: versions that are to come, this page's included */
	bool last;         /* after this the asker has all that `vector` covers */
	struct vv vector;  /* last page: the sender's, as of this page */
	struct vv floor;   /* last page: what its collected tombstones covered */
	bool joining;      /* the sender is joining itself */
	bool joined_with;  /* the sender joined knowing that the asker was joining too */
	bool known;        /* the sender has heard the asker's key in an earlier life */
	/* Of a comparison: for each mark of the ask, 0 or 1: another digest; a dead version. It carries
	 * vector and floor as of this page. */
	enum compare compare;
	uint8_t *found;
	uint32_t nfound;
};

void page_fini(struct page *p);

/* What is known of a node, whoever told: it spreads from node to node, so that acknowledgements
 * travel along chains. Merged, it only grows. */
#define NODES_KNOWN_MAX 256
struct known_node {
	char name[NODE_NAME_MAX];
	struct vv covers;    /* its vector is known to cover that */
	int64_t heard_msec;  /* wall clock: when somebody heard it last */
	uint64_t forgotten;  /* times it was forgotten and readmitted: odd means forgotten */
};

struct nodes {
	struct known_node *p;
	uint32_t n;
};

void known_nodes_fini(struct nodes *n);

/* What became of a version on a node. */
struct outcome {
	struct dot dot;
	char *path;
	char *node;          /* where */
	int64_t wall_msec;   /* when, by the clock of the node that says so */
	int32_t after_msec;  /* since the author made it; -1: not known */
	char *hook;          /* NULL: installed; else the hook that ran */
	int32_t status;      /* installed: 0 or an error; hook: exit status, -1 signal or time limit */
	char *words;         /* the hook's output or the reason; bounded to 1 KiB */
	char *served;        /* "zone serial" lines that the hook proved; may be "" */
};
void outcome_fini(struct outcome *o);

#endif
