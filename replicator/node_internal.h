/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The node's state as the parts of the loop share it, and the questions that the control socket
 * asks. All of it belongs to the loop's one thread.
 *
 * A round of the loop: poll; gather what is ready (at most NODE_ROUND_MAX events); give each to the
 * core and its effects to the runner; commit; carry out what waited for the commit. Effects are
 * carried out between two steps of the core and never give it an event themselves: what is known at
 * once (a content that is here already) is deferred to the next round with node_defer.
 */
#ifndef REPLICATOR_NODE_INTERNAL_H
#define REPLICATOR_NODE_INTERNAL_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "replicator/node.h"
#include "replicator/zones.h"

#define NODE_ROUND_MAX 512
#define NODE_BY_MAX 160 /* who paused it, in words */

struct runner;
struct portal;
struct taker;
struct placer;
struct peers;
struct contents;
struct runs;
struct proofs;
struct waits;
struct verify;
struct recall;
struct lately;
struct hollow;
struct marker;
struct repair;
struct names;
struct teller;
struct control;
struct notes;
struct deferred;
struct thinker;
struct gated;
struct serials;
struct forwards;
struct news;
struct judge;
struct byhand;
struct everywhere;
struct questions;

struct node {
	const struct conf *conf;
	struct core *core;
	struct store *store;
	struct link *link;

	struct runner *runner;
	struct portal *portal;
	struct taker *taker;
	struct placer *placer;
	struct peers *peers;
	struct contents *contents;
	struct runs *runs;
	struct proofs *proofs;
	struct waits *waits;
	struct verify *verify;
	struct recall *recall;
	struct lately *damage;
	struct hollow *hollow;
	struct repair *repair;
	struct marker *marker;
	struct names *names;
	struct teller *teller;
	struct control *control;
	struct zones *zones;
	struct notes *notes;
	struct thinker *thinker;
	struct gated *gated;
	struct serials *serials;
	struct forwards *forwards;
	struct news *news;
	struct judge *judge;
	struct byhand *byhand;
	struct everywhere *everywhere;
	struct questions *questions;

	uint64_t zones_checked;     /* texts of zones that were judged */
	uint64_t node_id;           /* random, made with the store */
	int64_t now_msec;           /* monotonic, as of this round */
	int64_t wall_msec;          /* the wall clock, likewise */
	int64_t started_msec;       /* wall clock */
	int64_t core_wake;          /* when the core wants EVENT_TIME; INT64_MAX: not */
	int64_t prune_msec;         /* when a piece of what nobody needs is cut from the store */
	int64_t prune_took_usec;    /* the pieces of this round so far */
	int64_t blocked_since_msec; /* wall clock: the store cannot be written; 0: it can */
	int64_t paused_msec;        /* wall clock: replication is paused since then; 0: it is not */
	int64_t put_aside_msec;     /* wall clock: the database was, in this life; 0: it was not */
	bool put_aside_old;         /* ... as it was older than the tree; else it was damaged */
	char paused_by[NODE_BY_MAX];
	uint64_t changes;          /* counts what was stored: "has anything happened?" */
	bool looked_through;       /* what was on the disk at the start is told */
	struct deferred *deferred; /* events for the next round */
	struct deferred **deferred_end;
	bool clean;    /* the last keeper's end was, and the tree was synced */
	bool unclean;  /* it may have been a power cut */
	bool stopping; /* SIGTERM came, or the port is closed */
	bool stopped;  /* there is only the store, for reading (stopped.c) */
};

/* Gives an event to the core and its effects to the runner. Fills in the times. Not to be called
 * while effects are carried out. */
void node_event(struct node *n, struct event *e);
/* Likewise at the beginning of the next round; the path is copied. For LOOKED with an error,
 * SCANNED, STAGED, INSTALLED, CONTENT, PEER, TIME. */
void node_defer(struct node *n, const struct event *e);

/* ---- what the control socket may ask (nothing of this changes the node, unless it says so) ----
 */

struct contents_progress {
	uint64_t n, bytes;       /* still to come */
	uint64_t got, got_bytes; /* came since there was nothing to come, parts of large ones included */
	uint64_t resting;        /* of n: no peer that can be reached has them */
	int64_t since_msec;      /* wall clock; 0: nothing is to come */
};

struct node_status {
	const char *node;     /* borrowed, as all strings here, until the loop's next round */
	int64_t started_msec; /* wall clock */
	bool joining;
	bool looking;       /* not joining; the tree is being gone through, as after each start */
	uint64_t waits_for; /* bit i: joining waits for peer i */
	int blocked; /* 0, or why the store cannot be written (-ENOSPC, ...): replication waits */
	int64_t blocked_since_msec; /* wall clock */
	int64_t paused_msec;        /* wall clock: replication is paused; 0: it is not */
	const char *paused_by;      /* "" */
	uint64_t ops;               /* known here */
	uint64_t tree;              /* digest of what is shown here */
	uint64_t digest;            /* of the vector */
	uint32_t pending;           /* paths that wait to be installed */
	uint32_t lag_msec;          /* age of the oldest of them */
	uint32_t conflicts;
	uint32_t tombstones;
	uint64_t zones_checked; /* texts of zones, by the gate, in this life */
	uint32_t judging;     /* paths that the gate has not decided about yet */
	uint32_t held;        /* others that wait for a decision, */
	uint32_t braked;      /* and of these removals that the safety brake holds */
	int64_t set_msec;     /* wall clock: a change set is open since; 0: there is none */
	const char *set_user; /* who began it */
	uint32_t damaged;     /* contents that the store has lost, and not got again yet */
	uint32_t damaged_all; /* ... got again or not, in this life */
	int64_t damaged_msec; /* wall clock: when the last of them was found */
	uint32_t mended;      /* paths put back after an unclean stop, in this life */
	uint32_t hollow;      /* new files that it has left empty: not told */
	int64_t
	    put_aside_msec; /* wall clock: the database was put aside, in this life; 0: it was not */
	bool put_aside_old; /* ... as it was older than the tree; else it was damaged */
	struct contents_progress fetching; /* contents */
	uint32_t hooks_failing;
	enum zones_state zones; /* of the map */
	const char *zones_words;
	int64_t zones_since_msec; /* wall clock */
	uint64_t refused_links;    /* connections with keys that are not listed */
	char refused_address[128]; /* of the last of them; "" */
	struct store_usage usage;
};
void node_status(struct node *n, struct node_status *s);

/* A configured peer, by its index in conf->peers. */
struct peer_status {
	const char *name;
	const char *address;
	const char *key;
	bool connected; /* the link's handshake succeeded */
	bool reachable; /* and it answered, and was heard in the last 5 s */
	bool heard;     /* a heartbeat came in this life: the fields below it mean something */
	bool joining;
	bool paused;         /* replication is paused there */
	int64_t heard_msec;  /* wall clock of the last contact; 0: never in this life */
	uint64_t ops;        /* that it knows */
	uint64_t behind;     /* ops that this node knows and it does not (0: none, or not known) */
	uint64_t ahead;      /* the other way round */
	uint32_t pending;    /* paths that it has yet to install */
	uint32_t lag_msec;   /* age of the oldest of them */
	struct core_transfer transfer; /* our catch-up from it; since_msec: wall clock */
	uint32_t asked;      /* contents that it is being asked for */
	bool identical;      /* vector and tree digests are the same as here */
	bool same_knowledge; /* the vector's digest is */
	uint32_t hooks_failing;
	uint32_t conflicts;
	int64_t offset_msec; /* its clock less ours */
	bool receive_only;
	uint64_t refused;     /* its ops that were not taken in this life, since it is receive-only */
	bool refusing;        /* it has not taken all that limited nodes made, perhaps of this one */
	bool limited;         /* with patterns of what is accepted from it */
	uint32_t outside;     /* paths where it has something outside these, which is not taken */
	bool patterns_differ; /* its exclusions are others than ours */
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t bad_messages;
	const char *last_error; /* "" if none: why it cannot be reached, or what it sent that was no
				   message */
};
uint32_t node_peers(const struct node *n);
void node_peer(struct node *n, uint32_t peer, struct peer_status *s);

/* The last run of each hook, by its index in conf->hooks. */
struct hook_status {
	const char *name;
	bool running;
	bool failing;
	uint64_t runs;
	int64_t last_msec; /* wall clock of the end of the last run; 0: none yet */
	uint32_t run_msec;
	int status;        /* exit status, -1: a signal or the time limit */
	const char *words; /* its output, bounded */
};
uint32_t node_hooks(const struct node *n);
void node_hook(const struct node *n, uint32_t hook, struct hook_status *s);

/* Paths that are not as the versions say: calls back with each until it returns false. */
enum trouble_kind {
	TROUBLE_WAITING,  /* to be installed; `words` say why it is not yet */
	TROUBLE_UNWANTED, /* will not be installed here */
	TROUBLE_RAISED,   /* its mtime was raised here above the version's */
	TROUBLE_LEFTOVER, /* a deleted directory that holds local files */
	TROUBLE_CONFLICT, /* more than one version that nobody has reconciled */
	TROUBLE_SERIAL,   /* a zone's serial is not above those that were served: how */
	TROUBLE_HELD,     /* a change of it is held here */
	TROUBLE_DAMAGED,  /* its content in the store is, and not got again yet */
	TROUBLE_MENDED,   /* was damaged by an unclean stop, and put back: how it was */
	TROUBLE_OUTSIDE,  /* a version outside what is accepted from its author is not taken: whose */
	TROUBLE_TOO_BIG,  /* a local file over max-file-size: stays local */
	TROUBLE_HOLLOW,   /* a new file, empty after an unclean stop: stays local until saved */
};
struct trouble {
	enum trouble_kind kind;
	const char *path;
	const char *words; /* "" */
	uint32_t peer;     /* who has the content it waits for; UINT32_MAX: nobody in particular */
};
void node_troubles(struct node *n, bool (*each)(void *arg, const struct trouble *t), void *arg);

/* What fs says of itself: asked for anew, answered once, within a second (`stale`: it did not
 * answer and this is the last that is known). 0, or -EAGAIN (too many asked at once: no call back).
 */
struct fs_info {
	bool known; /* it has answered once */
	bool stale;
	uint32_t hints_waiting;
	uint32_t hints_unacknowledged;
	bool rescan;
	uint64_t hint_serial;
	uint32_t nbeneath; /* processes that live in the directory beneath the mount */
	struct {
		int32_t pid;
		char command[16];
	} beneath[64];
};
typedef void fs_info_done(void *arg, const struct fs_info *info);
int node_fs_info(struct node *n, fs_info_done *done, void *arg);
void node_fs_info_cancel(struct node *n, void *arg); /* no call back with this arg any more */

/* Waits until this node has told, and every reachable peer has (or serves), what is on disk here
 * now. */
struct wait_spec {
	const char *path; /* copied; "": everything */
	uint64_t
	    serial; /* path "": hints up to this one (from the barrier through the mount); 0: all */
	bool served; /* and hooks have run for it, here and there */
	bool only_here; /* no peer is waited for, and what was changed may be held */
	uint32_t limit_msec;
};
struct wait_report {
	enum { WAIT_PEER, WAIT_WRITER, WAIT_SELF } what;
	uint32_t peer;     /* PEER */
	bool reached;      /* PEER, SELF */
	const char *words; /* PEER, SELF: why not; "" */
	int32_t pid;       /* WRITER: has the path still open for writing */
	const char *command;
};
/* `report` for each peer, writer and (once) for this node itself, in the order of the answers; then
 * `done` once. Neither comes before node_wait returns, and neither may start or cancel a wait. */
struct wait_calls {
	void (*report)(void *arg, const struct wait_report *r);
	void (*done)(void *arg, bool reached);
	void *arg;
};
/* 0 and *id, or -EAGAIN: too many waits already. The wait ends by itself, at the latest 2 s after
 * its limit. */
int node_wait(struct node *n, const struct wait_spec *spec, const struct wait_calls *calls,
	      uint64_t *id);
void node_wait_cancel(struct node *n, uint64_t id); /* no more calls; an unknown id is fine */

/* What programs of the peers' hosts say to their like: see notes.h. */
#define NODE_NOTE_MAX (8 * 1024)
struct note_status {
	const char *peer;
	bool reachable;
	const uint8_t *p; /* its newest note, until the loop's next round; NULL: none in this life */
	size_t len;
	int64_t age_msec; /* since it came */
};
/* Changes nothing here; len is at most NODE_NOTE_MAX. */
void node_note_say(struct node *n, const uint8_t *p, size_t len);
void node_note(const struct node *n, uint32_t peer, struct note_status *s);

/* Compares what all reachable peers show with what this node shows. */
struct verify_report {
	enum {
		VERIFY_DIFFERS,
		VERIFY_ONLY_HERE,
		VERIFY_ONLY_THERE,
		VERIFY_PEER_DONE,
		VERIFY_PEER_FAILED
	} what;
	uint32_t peer;
	const char *path;     /* DIFFERS, ONLY_* */
	uint64_t paths;       /* PEER_DONE: compared */
	uint64_t differences; /* PEER_DONE: all of them, though at most 1000 are reported a peer */
	const char *words;    /* PEER_FAILED */
};
struct verify_calls {
	void (*report)(void *arg, const struct verify_report *r);
	void (*done)(void *arg, bool identical);
	void *arg;
};
/* As with waits: the calls come later, and may not start or cancel a verification. */
int node_verify(struct node *n, const struct verify_calls *calls, uint64_t *id);
void node_verify_cancel(struct node *n, uint64_t id);

/* Goes through all contents of the store, from the beginning; what is damaged or missing is got again.
 * `report` for each such, `done` once; both come later. 0, -ENOMEM, or -EBUSY: somebody listens. */
struct check_calls {
	void (*report)(void *arg, const char *path, struct hash hash, bool missing);
	void (*done)(void *arg, uint64_t contents, uint64_t bad, int err);
	void *arg;
};
int node_check(struct node *n, const struct check_calls *calls);
void node_check_cancel(struct node *n, void *arg); /* it goes on, and no more calls */

/* Stop waiting for peers that have not answered (changes the node, in the next round). 0, or
 * -EALREADY: it is not joining. */
int node_start_alone(struct node *n);

/* Nothing is taken from peers or given to them (replicator/pause.h), durably, until resumed. `by`: in
 * words. 0, -EALREADY: it is so already, or why the store cannot be written: then nothing changed. */
int node_pause(struct node *n, const char *by);
int node_resume(struct node *n);

/* The other nodes that are known, peers or not, into NODES_KNOWN_MAX places; how many. */
uint32_t node_known(const struct node *n, struct core_node *to);
/* That node is known, by whoever told, to have heard durably of all that `v` covers. */
bool node_knows(const struct node *n, const char *name, const struct vv *v);
/* What is deleted is kept for that node no longer, from the next round on. */
void node_forget(struct node *n, const char *name);

/* An administrator's order, given to the core at once (changes the node). 0, or why the store cannot
 * be written: then nothing was ordered. Not while core_joining. */
int node_order(struct node *n, const struct order *o);
/* What is held of what `d` is about, in order, until the callback (which may be NULL) returns false.
 * How many paths that are. */
uint32_t node_held(struct node *n, const struct decision *d,
		   bool (*each)(void *arg, const struct core_path *p), void *arg);
/* EVENT_RELEASE, EVENT_APPROVE or EVENT_DISCARD, and EVENT_HOLD, given at once as by node_order. */
int node_decide(struct node *n, enum event_type type, const struct decision *d);
int node_hold(struct node *n, const struct hold *h);

/* Peers are being asked for what the log here lacks. */
bool node_recalls(const struct node *n);

/* For the log: store_log, store_past and store_outcomes on n->store. Nothing new has been written while
 * n->changes is the same. */

#endif
