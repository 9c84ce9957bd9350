/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The core: every decision of a node, as one function of what has happened. It has no clock, file,
 * socket, thread or randomness: events go in, an ordered list of effects comes out, and the same
 * core runs in the daemon and in the simulator.
 *
 * The contract of the order. Effects are carried out in the order of the list, across steps too:
 *   - EFFECT_STORE is carried out (the record is part of an open transaction) before any later effect,
 *     and is *durable* (committed) before any later effect that others can see: SEND, BROADCAST,
 *     ANSWER, INSTALL, REMOVE, ACK, HOOK, JOINED. It need not be durable before LOOK, SCAN, STAGE, FETCH,
 *     JUDGE, WAKE. So one commit serves as many changes as wait.
 *   - If it cannot be made durable (disk full), it and all that follows wait, and no new events are
 *     given until it is. The core need not know.
 * Whoever runs the core answers each LOOK, SCAN, STAGE, INSTALL, REMOVE with exactly one event for
 * that path (FETCH with EVENT_CONTENT and JUDGE with EVENT_VERDICT, in their own time), or starts the
 * core anew from the store.
 *
 * Events and their contents stay the caller's. Effects and what they point to stay the core's until
 * its next step; versions may be kept by version_get.
 */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/item.h"
#include "base/pattern.h"
#include "replicator/core/exchange.h"
#include "replicator/core/version.h"
#include "replicator/core/vv.h"

struct core;

struct core_conf {
	const char *node;
	const struct locality *locality; /* borrowed for the core's life */
	uint32_t delete_delay_msec;
	uint64_t max_file_size;
	uint32_t brake_share; /* percent of the tree that may be removed at once; 0: all */
	uint32_t brake_paths; /* as many paths may in any case */
	bool allow_setid;
	int64_t forget_after_msec; /* a node that nobody hears for so long is forgotten; 0: never */
	int64_t collect_every_msec; /* how often tombstones are gone through; 0: once a minute */
	uint32_t page_versions; /* at most that many in a page; 0: as many as fit */
	uint32_t npeers;
	const char *const
	    *peers; /* names; borrowed for the core's life. A peer is its index here. */
	uint64_t receive_only; /* bit i: nothing is taken from peer i. What it says of itself counts
				* as acknowledgement, nothing that it says proves anything */
	/* accept[i]: where in the tree peer i's own versions are taken, and likewise nothing else; NULL,
	 * there or as a whole: anywhere. Borrowed for the core's life. */
	const struct patterns *const *accept;
	const uint64_t *origin_tags; /* ORIGIN_TAG of peer i's; 0, or NULL: not known */
	/* What becomes of this path passes the gate: it is judged (EFFECT_JUDGE) before it is told, and
	 * before it is installed, unless only its attributes change. What does keeps to it until
	 * EVENT_REJUDGE. NULL: nothing does. */
	bool (*gated)(void *arg, const char *path);
	void *gated_arg;
};

/* An origin's highest bits: who made it. The random number of EVENT_START has this node's. */
#define ORIGIN_TAG_SHIFT 39
#define ORIGIN_TAG(origin) ((origin) >> ORIGIN_TAG_SHIFT) /* 24 bits */

/* What this node last put at a path, or found there, and the knowledge that it stands for. */
struct shown {
	struct ident ident;
	struct attrs attrs;     /* as on disk here (kind ABSENT: nothing) */
	struct vv context;      /* what it stands for */
	struct dot dot;         /* the version that it shows; origin 0: none */
	int64_t floor_nsec;     /* the highest mtime that this path has shown here */
	struct hash floor_hash; /* the content that it had then */
	bool raised;            /* its mtime was raised here, above the version's */
	bool leftover;          /* a directory that is deleted but holds local files */
};

enum intent_kind {
	INTENT_NONE,
	INTENT_CONTENT,
	INTENT_INPLACE,
	INTENT_DIR,
	INTENT_LINK,
	INTENT_REMOVE
};

/* An install under way. */
struct intent {
	enum intent_kind kind;
	struct fhandle handle; /* CONTENT: the staged inode's */
	struct attrs attrs;    /* as they will be on disk */
	struct vv context;     /* what `shown` will stand for */
	struct dot dot;        /* the version; origin 0: a directory that only its contents need */
	bool raised;
};

/* ---- state from the store, before the first event ---- */

struct core *core_new(const struct core_conf *conf);
void core_free(struct core *c);

void core_load_version(struct core *c, const char *path,
		       struct version *v); /* gets a reference of its own */
void core_load_shown(struct core *c, const char *path, const struct shown *s);
void core_load_intent(struct core *c, const char *path, const struct intent *i);
/* What was held there (STORE_DRAFT, not superseded since); gets a reference of its own. */
void core_load_draft(struct core *c, const char *path, struct version *v);
void core_load_vector(struct core *c, struct dot d);
void core_load_origin(struct core *c, const struct origin *o);
/* A named value that the core once stored with STORE_META. */
void core_load_meta(struct core *c, const char *name, const void *value, size_t len);

/* The last end may have been a power cut (and a process that was killed is none): what the disk does
 * not have any more is put back, not told. */
void core_distrust(struct core *c);

/* ---- events ---- */

enum event_type {
	EVENT_START,     /* once, first; `random` */
	EVENT_TIME,      /* the time asked for with WAKE has come, or any other time */
	EVENT_HINT,      /* fs: HINT_CHANGED */
	EVENT_FREE,      /* fs: HINT_FREE */
	EVENT_RESCAN,    /* fs: HINT_RESCAN, or a new life of the worker */
	EVENT_LOOKED,    /* answer to LOOK, or a path found by SCAN */
	EVENT_SCANNED,   /* answer to SCAN: all that is below has been given as LOOKED */
	EVENT_STAGED,    /* answer to STAGE */
	EVENT_INSTALLED, /* answer to INSTALL and REMOVE */
	EVENT_CONTENT,   /* this content is in the store now */
	EVENT_PEER,      /* a peer became reachable or unreachable */
	EVENT_OP,        /* a peer told an op */
	EVENT_HEARTBEAT,
	EVENT_ASK,
	EVENT_PAGE,
	EVENT_NODES,       /* a peer told what it knows of the nodes */
	EVENT_FORGET,      /* the administrator: the node named in `path` does not come back */
	EVENT_START_ALONE, /* the administrator: do not wait for the peers */
	EVENT_ORDER,       /* the administrator: this is to be there. Nothing while core_joining */
	EVENT_RENEW,       /* what is visible at the path, and was made here, is told anew with another content,
			    * in which nothing differs that anybody meant; `renew`. Nothing while joining, or
			    * where it is not so, or is about to be combined with another version */
	EVENT_HOLD,        /* ... what is saved here from now on is held. Nothing while core_joining or
			    * core_releasing, or while something is being held so already */
	EVENT_RELEASE,     /* ... what was held so is told, as one op; `decision` */
	EVENT_APPROVE,     /* ... and what the safety brake holds, or the gate in doubt; `decision` */
	EVENT_DISCARD,     /* ... all of these are put back; `decision` */
	EVENT_SET_ASIDE,   /* ... any of these stays held, and what is current is installed over it;
			    * `decision` */
	EVENT_EDIT,        /* ... what was set aside is installed again; `decision` */
	EVENT_VERDICT,     /* answer to JUDGE; `verdict` */
	EVENT_REJUDGE,     /* what was judged, and is held or waits, may be judged otherwise now: another
			    * map, other checkers. `rejudge` */
};

/* ---- the gate ---- */

/* What is to be judged as a whole, as if all of it were in place: a save, what waits for it, a change
 * set, or as much of a peer's op as is here. */
struct trial {
	uint64_t id; /* never 0. No other one of this life has it */
	bool own;    /* edits of this node, not told yet (`version` is the draft, with who made it); else
		      * known versions, about to be installed here */
	struct item *items; /* no path twice, not all of them gated. Kind ABSENT: it goes. Contents are
			     * in the store, or will be with an earlier EFFECT_STORE */
	uint32_t n;
	bool everywhere; /* own: GOOD only if all other nodes agree (struct decision) */
};

struct trial *trial_copy(const struct trial *t);
void trial_free(struct trial *t); /* NULL is fine */

enum verdict_kind {
	VERDICT_NONE,    /* not given yet */
	VERDICT_GOOD,    /* it is told, or installed */
	VERDICT_BAD,     /* held until a later save of one of its paths or `needs`, EVENT_REJUDGE, or
			  * RELEASE by force */
	VERDICT_DOUBT,   /* own: likewise, or until APPROVE. Else as GOOD: its author has decided */
	VERDICT_UNKNOWN, /* it could not be judged: held, and judged again, ever later */
	VERDICT_REWRITE, /* own: GOOD with these contents in place of the saved ones; else as GOOD */
};

struct rewrite {
	const char *path; /* of a file of the trial; or of another one that is core_settled, */
	struct hash of;   /* which is shown with this content, that `hash` was made of; else none */
	struct hash hash; /* the content is in the store */
	uint64_t size;
};

#define VERDICT_WORDS_MAX 2048 /* bytes; what is longer is cut off */
#define VERDICT_NEEDS_MAX 64
struct verdict {
	uint64_t id; /* the trial's. One that is not waited for (any more) is ignored */
	enum verdict_kind kind;
	const char *words; /* for people; NULL: none */
	/* BAD, DOUBT: paths that were missed. When something else is there than when the trial began, it is
	 * judged again; a save there, gated or not, joins it.
	 * UNKNOWN of a peer's: paths of the trial whose contents the store lacks: they are fetched. */
	const char *const *needs;
	uint32_t nneeds;
	const struct rewrite *rewrites; /* REWRITE: one or more; DOUBT: for when it is approved */
	uint32_t nrewrites;
};

/* What a power cut leaves behind, and a save hardly ever. */
enum damage {
	DAMAGE_NONE,
	DAMAGE_EMPTY,
	DAMAGE_NULS,
	DAMAGE_PART,  /* in blocks: of known versions, cut off by NULs, or short */
	DAMAGE_OLDER, /* as a version of its history, and no later than what was shown */
	DAMAGE_BYTES, /* other ones, and the identity is that of what was shown */
	DAMAGE_GONE,  /* the core's: nothing is there */
};

/* What was found at a path. */
struct observation {
	int status; /* 0, or a negative error: then nothing was learned, look again later */
	struct ident ident;
	struct attrs attrs; /* kind ABSENT: nothing is there */
	const char *target; /* a link's */
	bool busy;      /* being written: content and hash are not filled in; a hint will follow */
	bool unchanged; /* ident_same with what core_shown has: only ident is filled in */
	bool too_big;   /* over max-file-size: not read */
	bool hollow;    /* new, and emptied by a power cut: it is not told, and in no version's way */
	enum damage damage; /* how it differs from what was shown; told where core_suspects */
};

/* What an administrator wants to be at a path. */
struct order_item {
	const char *path;
	const struct attrs *attrs; /* kind ABSENT: nothing. A file's content is in the store, its
				    * mtime does not count. NULL: a directory, as the one above */
	const char *target;        /* a link's */
};

/* One op of ordinary versions (several above 1,024), which have seen all that the entries of their
 * paths hold; missing directories above come along, what is below a directory that makes way goes,
 * and what is so already makes no version. What is local by its name is left alone. */
struct order {
	const struct order_item *items;
	uint32_t n;
	const struct who *who;
	const char *user; /* login name */
};

/* It has seen what the version that it replaces has: what that is in conflict with stays so. */
struct renew {
	struct dot dot;   /* that version's */
	struct hash hash; /* in the store */
	uint64_t size;
};

/* A change set: what is held until EVENT_RELEASE or EVENT_DISCARD of all. */
#define HOLD_WHY_MAX 1024
#define HOLD_PATTERNS_MAX 256
struct hold {
	const char *const *patterns; /* each of them one that patterns_add takes; none: everything */
	uint32_t n;
	const char *why; /* at most HOLD_WHY_MAX bytes */
	const struct who *who;
	const char *user;
};

/* About what is held at these paths and below. */
struct decision {
	const char *const *paths;
	uint32_t n;      /* 0: all of it, and RELEASE and DISCARD end the set, too */
	bool force;      /* RELEASE: unjudged, and with paths what the gate holds there, too. Their
			  * versions say so (`forced`), and pass every gate */
	bool everywhere; /* RELEASE of all: it is judged in any case, as `everywhere` */
	const char *why; /* NULL: not said */
	const char *user;
};

struct event {
	enum event_type type;
	int64_t wall_msec; /* every event carries the time: the wall clock ... */
	int64_t now_msec;  /* ... and a monotonic one */

	const char *path;
	uint32_t peer; /* PEER, OP, HEARTBEAT, ASK, PAGE, NODES */
	union {
		uint64_t random; /* START: 63 random bits that are not all 0 */
		struct {
			uint64_t serial; /* to be acknowledged; 0: not. A later one of the same
					    path and type stands for those before it. */
			const char *from;
			uint8_t flags; /* HINT_* of base/port.h */
			const struct who *who;
			const char *user; /* login name */
		} hint;                   /* HINT, FREE, RESCAN */
		struct {
			struct observation o;
			bool scan; /* found by SCAN */
		} looked;
		struct {
			int status; /* 0: whole; else it must be done again */
		} scanned;
		struct {
			int status;
			struct fhandle handle;
		} staged;
		struct {
			int status; /* 0, ERR_BUSY, ERR_CHANGED, ERR_MOUNTED, or another error */
			struct ident ident;
			int64_t mtime_nsec; /* as it is on disk now */
			uint32_t uid;
			uint32_t gid;
		} installed;
		struct hash content;
		bool reachable;
		const struct op *op;
		const struct heartbeat *heartbeat;
		const struct ask *ask;
		const struct page *page;
		const struct order *order;
		const struct renew *renew;
		const struct hold *hold;
		const struct decision *decision;
		const struct verdict *verdict;
		struct {
			const char *const *paths;
			uint32_t n; /* 0: all */
		} rejudge;
		const struct nodes *nodes;
	};
	/* OP and PAGE: have[i] says that the content of item i is in the store, or will be with the
	 * EFFECT_STORE of that version. */
	const bool *have;
};

/* ---- effects ---- */

enum effect_type {
	EFFECT_STORE,
	EFFECT_ACK,     /* hint.serial is dealt with, and what it stands for */
	EFFECT_LOOK,    /* path: EVENT_LOOKED */
	EFFECT_SCAN,    /* path ("" is the root): EVENT_LOOKED for all below that is not local,
			   EVENT_SCANNED */
	EFFECT_STAGE,   /* path, attrs.hash, attrs.size: EVENT_STAGED. Content is in the store. */
	EFFECT_INSTALL, /* path, intent, expected: EVENT_INSTALLED */
	EFFECT_REMOVE,  /* path, expected: EVENT_INSTALLED */
	EFFECT_FETCH,   /* attrs.hash, attrs.size, peer (who told it): EVENT_CONTENT when it is here
			 */
	EFFECT_BROADCAST, /* op */
	EFFECT_ASK,       /* peer, ask */
	EFFECT_ANSWER,    /* peer, page */
	EFFECT_TOLD,      /* a change is on this node's disk (own or installed): path, version
			   * (NULL: an implicit directory, or nothing is known any more); feeds the hooks and the outcomes */
	EFFECT_JOINED,    /* this node is no longer joining */
	EFFECT_STARTED,   /* the tree has been gone through since the start, or the join, and what
			   * was found is told, or held */
	EFFECT_WAKE,      /* at_msec (monotonic): EVENT_TIME then; a later one replaces it */
	EFFECT_NOTE,      /* for the log: level, text */
	EFFECT_REFUSED,   /* path, told.version: not taken from its author, who is to hear of it; or, with
			   * told.words, not installed, since the gate here says so */
	EFFECT_JUDGE,     /* trial: EVENT_VERDICT */
};

enum store_what {
	STORE_VERSION,    /* path, version: now in the entry of path */
	STORE_SUPERSEDED, /* path, dot: no longer in the entry; goes to the history */
	STORE_SHOWN,      /* path, shown (NULL: forget it) */
	STORE_INTENT,     /* path, intent (NULL: none) */
	STORE_VECTOR,     /* dot */
	STORE_ORIGIN,     /* origin */
	STORE_META,       /* name in `path`, bytes (`forget`: no longer) */
	STORE_HISTORY,    /* path, version: never current here, for the history only */
	STORE_DRAFT,      /* path, version: held here; SUPERSEDED sends it to the history */
};

struct effect {
	enum effect_type type;
	const char *path;
	uint32_t peer;
	union {
		struct {
			enum store_what what;
			struct version *version;
			struct dot dot;
			uint64_t untold; /* VECTOR: of that origin's ops from here on it is not known
					  * that all were told; 0: all were */
			const struct shown *shown;
			const struct intent *intent;
			const struct origin *origin;
			const uint8_t *bytes;
			size_t len;
			bool own;    /* VERSION: made here */
			bool forget; /* META */
		} store;
		uint64_t serial; /* ACK */
		struct {
			struct hash hash;
			uint64_t size;
			const struct attrs *attrs; /* STAGE: what it will be installed with */
		} content; /* STAGE, FETCH */
		struct {
			struct intent *intent;
			const char *target; /* links */
			struct ident expected;
		} install; /* INSTALL, REMOVE */
		struct op *op;
		struct ask *ask;
		struct page *page;
		struct {
			struct version *version;
			bool own;        /* made here (else installed) */
			bool more;       /* the rest of its op is about to follow */
			enum kind kind;  /* of what is there now */
			uint8_t changed; /* CHANGED_*: in what the disk changed here */
			const char *words; /* REFUSED: the gate's; NULL: outside what is accepted */
		} told;
		struct trial *trial;
		int64_t at_msec;
		struct {
			int level; /* enum log_level */
			const char *text;
		} note;
	};
};

/* Takes one event, gives the effects: *n of them, valid until the next call. */
const struct effect *core_step(struct core *c, const struct event *e, size_t *n);

/* The STORE_META that holds core_floor: the first change wherever tombstones are collected. */
#define CORE_META_FLOOR "floor"

/* ---- questions (they change nothing) ---- */

/* What was last shown at path, or NULL. For "is a look at its content needed?". */
const struct shown *core_shown(const struct core *c, const char *path);
/* It is a file here, of one version that nobody disagrees with, and nothing of it is held or waits. */
bool core_settled(const struct core *c, const char *path);
/* Until the tree has been gone through after core_distrust: what differs at this path may be damage,
 * since nobody has changed it. Its identity proves nothing then about a content that was written
 * shortly before. */
bool core_suspects(const struct core *c, const char *path);
/* The path stays on this host: SCAN neither looks at it nor goes below it. */
bool core_local(const struct core *c, const char *path, bool dir);
const struct vv *core_vector(const struct core *c);
bool core_joining(const struct core *c);
/* Peers that have to answer before this node makes versions: calls back with each index. */
void core_waits_for(const struct core *c, void (*each)(void *arg, uint32_t peer), void *arg);
/* Whose an origin is: a node name, or NULL. */
const char *core_origin_node(const struct core *c, uint64_t origin);
/* All that `v` covers is known here and shown on disk here (what this node will not install aside).
 */
bool core_shows(const struct core *c, const struct vv *v);
/* Likewise for one path: what `v` covers of it. */
bool core_shows_path(const struct core *c, const char *path, const struct vv *v);
/* The peer has been heard as an established node: should it come without its store, it is returning. */
bool core_peer_known(const struct core *c, uint32_t peer);
/* How far a catch-up from a peer has come. Cut off, it begins anew, and so does this. */
struct core_transfer {
	bool asking;
	bool comparing;     /* in full: `taken` and `of` stand still */
	int64_t since_msec; /* monotonic */
	uint64_t taken;     /* versions that came */
	uint64_t of;        /* of as many; 0: the peer has not answered yet */
};
void core_transfer(const struct core *c, uint32_t peer, struct core_transfer *to);
void core_heartbeat(const struct core *c, struct heartbeat *h, int64_t wall_msec, int64_t now_msec);
/* What it knows of all nodes, this one included, to be told once it is durable: known_nodes_fini it. */
void core_nodes(const struct core *c, struct nodes *to, int64_t wall_msec);
/* Another number when core_nodes has more to tell than that somebody was heard. */
uint64_t core_nodes_news(const struct core *c);
/* Another node that is known here, be it by what others tell. */
struct core_node {
	const char *name;
	uint32_t peer;      /* its index; UINT32_MAX: it is not configured here */
	int64_t heard_msec; /* wall clock: when somebody heard it last */
	bool forgotten;
	uint32_t kept; /* tombstones of more than a day ago that it is not known to have */
};
/* All of them, into NODES_KNOWN_MAX places; how many. */
uint32_t core_known(const struct core *c, struct core_node *to, int64_t wall_msec);
/* It is known to know all that `v` covers. */
bool core_node_knows(const struct core *c, const char *name, const struct vv *v);
uint32_t core_tombstones(const struct core *c);
/* What collected tombstones covered. */
const struct vv *core_floor(const struct core *c);
uint64_t core_tree_digest(const struct core *c);
/* Paths that are held here; and of these, those whose removal the safety brake holds. */
uint32_t core_held(const struct core *c);
uint32_t core_braked(const struct core *c);
/* What holds a draft. */
enum held_by { HELD_NOT, HELD_SET, HELD_BRAKE, HELD_GATE };
/* By its `group`: 0 is the safety brake's, an odd one a set's, another even one the gate's. */
static inline enum held_by core_held_by(const struct version *draft) /* NULL: HELD_NOT */
{
	if (!draft)
		return HELD_NOT;
	if (!draft->group)
		return HELD_BRAKE;
	return draft->group & 1 ? HELD_SET : HELD_GATE;
}
/* Paths by what the gate says of them. */
struct core_gate {
	uint32_t judging; /* own ones that have no verdict yet: about to be told, or held */
	uint32_t bad, doubt, unknown; /* own ones that are held */
	uint32_t waiting;             /* of others, about to be installed, without a verdict */
	uint32_t refused;             /* likewise, not installed: bad here, or could not be judged */
};
void core_gate(const struct core *c, struct core_gate *to);
/* The verdict on this trial is waited for: false once it was given, or another question has taken its place. */
bool core_hears(const struct core *c, uint64_t trial);
/* How many versions its entry has. */
uint32_t core_versions(const struct core *c, const char *path);
/* What is held at path (core_held_by), or NULL. */
const struct version *core_draft(const struct core *c, const char *path);
/* What was released is being looked at, and is about to be told. */
bool core_releasing(const struct core *c);
/* Of what was discarded, something is not on the disk as the peers have it yet. */
bool core_putting_back(const struct core *c);
/* How many were saved anew before they were put back, and told: since the start. */
uint32_t core_saved_anew(const struct core *c);
/* The set that what is saved now belongs to; false: there is none. Borrowed until the next step. */
struct core_set {
	uint64_t id; /* the `group` of its drafts */
	int64_t since_msec;
	const struct who *who;
	const char *user;
	const char *why;
	const char *const *patterns;
	uint32_t n; /* 0: everything */
	enum verdict_kind verdict; /* on the release that did not pass the gate; NONE: none did not */
	const char *words;         /* NULL: none */
};
bool core_set(const struct core *c, struct core_set *to);
/* Paths that were put back in this life. */
uint32_t core_mended(const struct core *c);

/* Peer's ops of this origin are taken, as far as core_accepts; else none of what they hold. */
bool core_takes_origin(const struct core *c, uint32_t peer, uint64_t origin);
/* What peer makes at this path is taken. */
bool core_accepts(const struct core *c, uint32_t peer, const char *path);

/* A version that was not taken here, or by who told it, since it lies outside what is accepted from
 * its author, and that is not as what is visible here. */
struct core_refused {
	const char *path;
	const struct version *version;
	const char *node; /* its author; NULL: not known */
};
/* Each (a NULL callback: they are counted), until the callback returns false; how many. */
uint32_t core_refused(const struct core *c,
		      bool (*each)(void *arg, const struct core_refused *r), void *arg);

/* The version that is visible at path by the entries (borrowed), or NULL: nothing, or an implicit
 * directory. */
const struct version *core_visible(const struct core *c, const char *path);

/* By the entries it is a directory, be it only for what is in it. */
bool core_is_dir(const struct core *c, const char *path);

/* Each path with an entry or something shown, in key order, from the first one after `after` (""
 * for all); stops when the callback returns false. */
struct core_path {
	const char *path;
	struct version *const *entry; /* the set, highest rank first */
	uint32_t n;
	const struct shown *shown; /* NULL: none */
	const char *waiting;       /* why it is not installed, in words; NULL: it is */
	uint32_t waiting_for_peer; /* content: who told it; UINT32_MAX: nobody to be reached for */
	bool unwanted;             /* will not be installed here */
	const struct version *draft; /* what is held there (core_held_by); NULL: nothing. `aside`: it
				      * is not on disk */
	bool moving;                 /* that is about to be on disk again, or not to be there any more */
	bool put_back;               /* that is discarded as soon as it has been looked at */
	enum verdict_kind verdict;   /* the gate's: of what is held there, or is to be installed; NONE: not
				      * known yet, or not asked for */
	const char *words;           /* the gate's; NULL: none */
	const char *mended;        /* put back in this life: how it was, in words; NULL: no */
	bool conflict; /* versions of other content that nobody has reconciled, or a file where
			* others have put something below */
};
/* What is held there is being judged: told in a moment, or held for good reason. */
static inline bool core_judging(const struct core_path *p)
{
	return core_held_by(p->draft) == HELD_GATE && p->verdict == VERDICT_NONE;
}
void core_each(const struct core *c, const char *after,
	       bool (*each)(void *arg, const struct core_path *p), void *arg);

#endif
