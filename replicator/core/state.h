/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The core's own state, for the files of the core only:
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
 *   combine.c   one version of two that changed different fields
 *   place.c     bringing the disk to what the entries say
 *   placed.c    what became of that
 *   join.c      the first tree
 *   lists.c     other paths stay local than before
 *   held.c      what is held back: drafts, change sets
 *   release.c   ... and what becomes of it
 *   aside.c     what is held makes room for a while
 *   brake.c     what would remove too much at once is held
 *   gate.c      what is judged before it is told, and admit.c: before it is installed; hearing.h
 *   mend.c      what a power cut did to the disk is put back
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include <errno.h>
#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/port.h"
#include "replicator/core/core.h"
#include "replicator/core/hearing.h"

#define FLIGHT_MAX 64        /* installs under way at once */
#define SERIALS_MAX 65536    /* hints held for one path */
#define ASK_LIMIT_MSEC 30000 /* an answer that takes longer is asked for again */
#define REFUSED_MSEC 60000    /* between two questions for what is refused */
#define OP_WAIT_MSEC 30000   /* an absence waits that long for its op's contents */
#define RETRY_FIRST_MSEC 1000
#define RETRY_LAST_MSEC 30000
#define MOVE_TRIES_MAX 50 /* times that a rename waits for a file that is being written */
#define MISMATCH_BEATS 3  /* heartbeats with another digest before we ask */

/* Could not be read when the first tree was taken: taken when it can be, as then. */
enum late { LATE_NOT, LATE_NEW, LATE_EQUAL, LATE_RETURNING, LATE_KNOWN };

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

/* A hint to be acknowledged: by the last of those whose looks it led to. */
struct ticket {
	uint64_t serial;
	uint32_t refs;
};

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
	struct shown *shown;   /* NULL: never */
	struct version *shown_once; /* was shown when it left the entry; NULL: none did */
	struct version *found_over; /* shown_found: a copy of the version that was shown before, with the
				     * attributes that it had on this disk; NULL: not known */
	struct intent *intent; /* recorded in the store */
	struct version *draft; /* held back (held.c), and on disk here, but for `aside`; NULL: nothing */
	struct ident draft_ident;
	bool draft_seen; /* as it was when it was last looked at */
	struct hearing *hearing;   /* in which its draft is judged; NULL: in none */
	struct hearing *admission; /* in which what is to be installed is, */
	struct dot tried;          /* which is this version */
	struct dot passed;       /* the version that was judged good here */

	enum flight flight;
	enum block block;
	bool is_live;
	bool conflict;
	bool ready;     /* in the queue of keys to be placed */
	bool unsettled; /* not as the entry says */
	bool putting_back; /* was discarded, and is not settled since */
	bool unwanted;  /* will not be installed here */
	bool looking;   /* a LOOK is out */
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
	bool below_asked; /* looked at, for what is shown below it, since it is unsettled */
	bool fetched;    /* contents that its entry lacked have come since that changed */
	bool left_told;  /* that it stays for its local files */
	bool left_again; /* what it holds was to be looked into during a look or a flight */
	uint8_t local_known; /* by patterns, which are slow: 1 as a file, 2 as a directory, */
	uint8_t local_found; /* and what was found */
	bool put_back;  /* held, and its next look lets what was there be installed again */
	bool to_aside;  /* ... and its next look sets it aside */
	bool to_edit;   /* set aside, and to be installed again */
	bool releasing; /* held, and one of those that go together soon */
	bool rewriting; /* the flight is an install over a draft (rewrite.c) */
	bool saved;         /* hinted in this life, in which mend.on is set */
	bool saved_tree;    /* ... as a directory that came or went */
	enum damage mended; /* put back in this life */
	uint64_t digest; /* what it adds to that */

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

	struct serials hinted; /* since the last LOOK was sent */
	struct serials looked; /* covered by it */
	struct who who;        /* of the last hint */
	char *user;
};

RB_HEAD(keys, key);
RB_HEAD(live_keys, key);
TAILQ_HEAD(key_queue, key);

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
	bool due; /* its looks are out */
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
	bool force;    /* it is not judged */
	bool approved; /* it may be in doubt */
	bool ends_set; /* which is open until all of it has been judged */
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
	uint64_t origin; /* of this life; 0 until the first version */
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

	struct peer *peers;
	uint64_t last_ask;

	bool started;
	bool joining;
	bool taking_in;     /* joined, and the scan of the first tree runs */
	bool returning;     /* the peers have heard this node before: its store was lost */
	bool known;         /* some peer has, be it one that is joining itself */
	bool forgot;        /* joining: others had what this node made, and its store did not */
	bool take_in_equal; /* nobody had anything: imports carry their mtime */
	struct locality *lists_before; /* what was local in the life before; NULL: the same, or not known */
	bool lists_kept;               /* the lists of this life are in the store */
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
void serials_add(struct serials *s, uint64_t serial);
void serials_move(struct serials *to, struct serials *from);
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
void key_forget_shown(struct core *c, struct key *k); /* as if nothing had ever been there */
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
void held_end(struct core *c, struct key *k);                   /* nothing is held there (any more) */
void held_put_back(struct core *c, struct key *k, const struct observation *o); /* the draft */
/* A save of it counts, and not what was about to be put back. True: something was. */
bool held_saved_anew(struct core *c, struct key *k);
bool held_meant(const struct decision *d, const struct key *k);
/* What is there becomes what is shown, but stands for no more than what was there before. */
void held_show_found(struct core *c, struct key *k, const struct observation *o);
void held_end_set(struct core *c);
/* What the gate says of its set, if it is the set's. */
void held_say(struct core *c, const struct hearing *h, enum verdict_kind verdict, const char *words);

/* ---- release.c ---- */
void release_decide(struct core *c, const struct event *e);
void release_due(struct core *c);
int64_t release_wake(const struct core *c);
/* Edits of one op, which are held: what is being released takes all of them with it. */
void release_with(struct core *c, const struct edit *edits, uint32_t n);
void release_leave(struct core *c, struct key *k); /* it is not released any more */
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
void place_launch(struct core *c, struct key *k); /* carries out k->decided, recorded as an intent */
void place_land(struct core *c, struct key *k);   /* the flight is over */
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
void join_late_over(struct core *c, struct key *k); /* somebody has saved it since */
/* A look can read it. True: it was taken. */
bool join_take_late(struct core *c, struct key *k, const struct observation *o);
void join_known(struct core *c, struct peer *p); /* it was established once */
void join_heard(struct core *c, uint32_t peer, bool joining);

#endif
