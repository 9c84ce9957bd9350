/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One simulated history: nodes with disks, stores and cores, a network between them, users who
 * edit, faults, and one virtual clock. All of it follows from the seed.
 *
 *   rng.c      chance                       disk.c    a node's directory
 *   world.c    time and events, trace       storage.c a node's durable store
 *   weights.c  what kind of history it is   net.c     messages, loss, partitions
 *   user.c     what people and programs do  host.c    runs a core, carries out its effects, crashes
 *   sessions.c edits that take time         fs.c      hints, LOOK, SCAN; fsplace.c: the rest
 *   truth.h    who truly had seen what      check.c   the invariants
 *   images.c   lost stores, old images      admin.c   orders, what the safety brake holds
 *   power.c    what a power cut does to a disk   hooks.c  runs of hooks
 *   focus.c    what hardly comes by chance        judge.c   what passes the gate
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pattern.h"
#include "replicator/core/core.h"
#include "tests/sim/disk.h"
#include "tests/sim/rng.h"
#include "tests/sim/storage.h"
#include "tests/sim/truth.h"

#define NSEC_PER_MSEC INT64_C(1000000)
#define WRITTEN_BACK_MSEC 5000 /* what was written is on stable storage then */
#define JUDGED_BY_MSEC 20000   /* what was approved has been looked at and judged by then */
#define WALL_START_MSEC INT64_C(1700000000000)

struct world;

/* ---- events ---- */

struct sim_event {
	int64_t at;
	uint64_t order;
	uint8_t node;
	uint64_t life; /* of the node's replicator: dropped when that is over; 0: any */
	void (*fire)(struct world *w, uint8_t node, void *arg);
	void (*drop)(void *arg); /* frees what arg owns, and arg; NULL: nothing to free */
	void *arg;
};

/* ---- a node ---- */

struct fs_hint {
	uint64_t serial;
	uint8_t what;
	uint8_t flags;
	char path[SIM_PATH_MAX];
	char from[SIM_PATH_MAX];
	uint64_t given; /* to this life of the replicator, as the so-many-eth; 0: not yet */
	struct fs_hint *next;
};

struct hooks;
struct image;

struct queued {
	struct effect e;             /* with all that it points to owned */
	bool with_content;           /* STORE: the content comes into the same transaction */
	struct heartbeat *heartbeat; /* not an effect, but said in turn */
	struct nodes *nodes;         /* likewise */
	struct queued *next;
};

struct node {
	uint8_t index;
	char name[8];
	struct disk disk;
	struct spot *spots; /* by path index */
	uint32_t nspots;
	struct storage store;
	struct locality *locality; /* with all that it excludes in any of its lives */
	struct locality *bare;     /* with nothing of its own */
	struct core_conf conf;
	const struct patterns *accept[NODES_MAX];
	uint64_t origin_tags[NODES_MAX];
	const char *peer_names[NODES_MAX];
	uint8_t peer_node[NODES_MAX]; /* peer index -> node */
	int64_t skew_msec; /* of its wall clock, which somebody may set, */
	int32_t drift_ppm; /* and which runs so much too fast */

	struct disk stable;  /* as of the last checkpoint, where there are power cuts */
	bool off;            /* without power */
	bool power_cut;      /* its next start comes after one */
	uint32_t power_cuts; /* how many */

	/* fs */
	bool fs_up;
	uint64_t hint_serial;
	uint64_t hints_given;
	struct fs_hint *hints, **hints_end;

	/* the replicator */
	bool started; /* at least once */
	bool up;
	uint64_t life;
	struct core *core;
	struct queued *queue, **queue_end;
	bool stalled; /* the queue waits: for a commit, or by chance */
	bool joined;
	bool looked_through; /* in this life, and what was found is told */
	bool alone;               /* the administrator said so */
	bool answered[NODES_MAX]; /* a whole transfer came from there */
	bool returns; /* joining, it was answered by an established peer that has heard of it */
	int64_t wake_at;
	bool peer_up[NODES_MAX]; /* what this core was told, by node */
	struct hooks *hooks;
	bool hooks_noted;      /* in the store: one is due */
	uint32_t hooks_coming; /* TOLD that are not carried out yet */
	bool hook_runs;
	bool hook_recovers; /* runs for everything, since it was due when this life began */
	int64_t hook_recover_at;
	struct hash *stash;      /* contents seen since the last commit */
	uint32_t nstash;
	struct hash *fetching;
	uint32_t nfetching;
	uint32_t own_versions; /* made since the faults ended */
	bool holds;              /* a change set is open */
	uint32_t release;        /* the last one */
	struct dot release_dot;  /* of the op that is being made of one */
	uint32_t release_told;   /* which */
	bool releases;           /* the set that is open is being released */

	struct judged *judged; /* what was judged good here */
	uint32_t njudged;
	int64_t approves_until; /* what is held in doubt, as soon as it has been judged anew, */
	int64_t forces_until;   /* or by force, as soon as all has been looked at */
	int64_t edits_since;    /* at last: what is set aside and the gate's; 0: nothing is */
};

/* Who is configured as whose peer. */
enum topology { TOPOLOGY_MESH, TOPOLOGY_CHAIN, TOPOLOGY_STAR };

/* What is arranged. */
enum focus {
	FOCUS_NONE,
	FOCUS_TRANSFER,
	FOCUS_SHORT_LIFE,
	FOCUS_TWO_SIDES,
	FOCUS_FORGOTTEN,
	FOCUS_TWO_FIELDS,
	FOCUS_THREE_SIDES,
	FOCUSES
};

/* By hand: all histories have it, or none. */
extern struct sim_options {
	bool limited;
	bool lists;
	bool gate;
	bool held;
} sim_options;

/* What kind of history the seed makes. Chances are per 10,000. */
struct weights {
	const char *flavour;
	uint32_t nodes;
	uint32_t actions;
	uint32_t names; /* different names that are used */
	uint32_t depth;
	uint32_t user[20];             /* enum user_action */
	uint32_t orders;               /* of the actions: an administrator's order instead */
	uint32_t page_versions;        /* in a page of a transfer, at most; 0: all */
	uint32_t pause_msec;           /* between actions, at most */
	uint32_t loss, dup, slow, cut; /* of a message */
	uint32_t crash;                /* before an effect */
	uint32_t fs_crash;             /* of a replicator's crashes: fs too */
	uint32_t power;                /* of these: the whole host */
	uint32_t stall;                /* of a pump of the queue */
	uint32_t io_error;
	uint32_t join_error; /* ... besides, while the first tree is read */
	uint32_t hook_fails; /* of a run */
	uint32_t big; /* a content does not travel in the op */
	uint32_t rescan;
	uint32_t partitions; /* events of the network in a history */
	uint32_t long_open;
	uint32_t local_names;
	uint32_t same_content;
	uint32_t initial; /* paths in the first trees */
	bool initial_same;
	bool late;       /* the last node starts in the middle */
	bool dark_start; /* the network is down at first */
	bool start_alone;
	bool skewed;
	uint32_t clock_steps; /* in a history */
	uint32_t clock_rename; /* of a rename: a clock is set while it happens */
	uint32_t exclude;      /* of a node: it excludes one name */
	bool lists;            /* the last node does, in some of its lives */
	bool limited;          /* of the last node only one name is accepted */
	bool absence;          /* one node is away, and may be forgotten */
	uint32_t topology;  /* enum topology */
	uint32_t days;      /* that pass at once, somewhere in the history */
	uint32_t forgets;   /* times that an administrator forgets a node */
	bool quiet_restart; /* a start without a RESCAN of fs beside the scan of its own */
	uint32_t lost_stores; /* in a history */
	uint32_t images;      /* likewise, put back */
	uint32_t brake_share; /* percent; 0: no safety brake */
	uint32_t decisions;   /* of an administrator about what it holds */
	uint32_t focus;       /* enum focus */
	uint32_t hasty;       /* of an install: somebody writes into it at once, and the power goes */
	uint32_t sets;        /* change sets that are begun */
	uint32_t asides;      /* times that what is held is set aside, or brought back, */
	bool asides_meet;     /* ... while a tree is gone through, somebody saves, or it crashes */
};

/* What was judged good on a node. */
struct judged {
	uint64_t path;
	enum kind kind;
	struct hash hash;
	bool doubt; /* in doubt */
};

/* Chances per 10,000. */
/* What rewriting made of what. */
struct made {
	struct hash hash, of;
};

struct gate_weights {
	bool on;
	bool open; /* everything is good now, */
	int64_t open_at; /* since then */
	uint64_t seed;
	struct rng rng;
	uint32_t paths;                                  /* are gated */
	uint32_t bad, local_bad, doubt, rewrite, needs; /* contents are, or have */
	uint32_t unknown;                                /* of a judgement */
	uint32_t slow;                                   /* milliseconds, at most */
	uint32_t hasty;                                  /* of a save meanwhile */
	struct made *made;                               /* by rewriting */
	uint32_t nmade;
	uint64_t verdicts[VERDICT_REWRITE + 1];
	uint64_t decided;
};

struct world {
	struct gate_weights gate;
	struct patterns *accepted;
	uint64_t seed;
	struct rng rng;
	struct weights weights;
	int64_t now; /* virtual ms */
	struct sim_event *heap;
	uint32_t nheap, heap_cap;
	uint64_t order;
	bool trace;
	uint64_t hash; /* of all that happened */
	bool failed;
	char failure[512];

	struct node nodes[NODES_MAX];
	uint32_t nnodes;
	bool cut[NODES_MAX][NODES_MAX]; /* from, to */
	uint8_t away;                   /* the node that is absent, in histories with one */
	int64_t days_msec;              /* that have passed at once */
	bool faults;
	uint64_t contents; /* numbers given */
	uint32_t sessions; /* edits under way */
	uint32_t actions_left;

	struct path_truth **paths;
	uint32_t npaths;

	uint64_t steps, installs, crashes, versions, combined, collected, compared;
	uint64_t decisions, sets, drafts, released, asides, edited;
	uint64_t power_cuts;
	struct image *remembered; /* NULL: none */
	int64_t focus_until; /* what is waited for does not come after it */
	uint64_t losses, put_back, eras; /* eras: times that all stores were lost at once */
};

/* ---- world.c ---- */
void world_run(struct world *w, uint64_t seed, bool trace);
void world_fini(struct world *w);
void world_print_trees(const struct world *w);
/* `arg` is freed by `drop` after it was fired, too. */
void world_at(struct world *w, int64_t delay_msec, uint8_t node, uint64_t life,
	      void (*fire)(struct world *, uint8_t, void *), void (*drop)(void *), void *arg);
void world_fail(struct world *w, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Notes that something happened: into the trace's hash always, as words where they are wanted. */
void world_note(struct world *w, uint64_t a, uint64_t b);
#define tell(w, ...)                                                                               \
	do {                                                                                       \
		if ((w)->trace)                                                                    \
			world_tell(w, __VA_ARGS__);                                                \
	} while (0)
void world_tell(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
int64_t node_wall_msec(const struct world *w, const struct node *n);
uint64_t text_hash(const char *s);

void world_set_clock(struct world *w, struct node *n); /* by seconds, or by hours */

/* ---- weights.c ---- */
void weights_draw(struct weights *w, struct rng *r);

/* ---- user.c, sessions.c ---- */
void user_start(struct world *w);
void user_initial_trees(struct world *w);
void session_start(struct world *w, struct node *n, const char *path, uint32_t action);
enum user_action {
	USER_SAVE,    /* open, truncate, write, close */
	USER_REWRITE, /* open without truncation, write, pause, close */
	USER_VIM,     /* move away, write anew, delete the old */
	USER_SED,     /* write a temporary file, rename over */
	USER_DELETE,
	USER_DELETE_CREATE,
	USER_DELETE_TREE,
	USER_RENAME,
	USER_MKDIR,
	USER_LINK,
	USER_CHMOD,
	USER_CHOWN,
	USER_TOUCH,
	USER_OLD,   /* a copy with an old time put over it */
	USER_KIND,  /* another kind of thing at the same path */
	USER_LOCAL, /* a local file beside */
	USER_AWAY,  /* moved away and back again, a directory with all that is in it */
	USER_OFTEN, /* saved again and again */
	USER_EMPTY, /* nothing is left in it */
	USER_ACTIONS
};
/* Single steps, with their hints. */
struct inode *user_create(struct world *w, struct node *n, const char *path, enum kind kind,
			  uint64_t content, bool hinted);
bool user_unlink(struct world *w, struct node *n, const char *path);
bool user_rename(struct world *w, struct node *n, const char *from, const char *to);
void user_changed(struct world *w, struct node *n, struct inode *i, int64_t wanted_mtime);
void user_closed(struct world *w, struct node *n, struct inode *i);
uint64_t user_content(struct world *w);
bool user_make_parents(struct world *w, struct node *n, const char *path);
int64_t node_wall_nsec(struct world *w, struct node *n);

/* ---- fs.c ---- */
void fs_hint(struct world *w, struct node *n, uint8_t what, const char *path, const char *from,
	     uint8_t flags);
void fs_give_hints(struct world *w, struct node *n); /* those not yet given, each at its time */
/* Up to this one they are given, where the order counts. False: that was this life's end. */
bool fs_hints_first(struct world *w, struct node *n, uint64_t serial);
void fs_acked(struct world *w, struct node *n, uint64_t serial);
void fs_owed(struct world *w, struct node *n, const char *path); /* FREE, if BUSY was answered */
void fs_look(struct world *w, struct node *n, const char *path);
void fs_scan(struct world *w, struct node *n, const char *path);
void fs_stage(struct world *w, struct node *n, const char *path, struct hash hash);
void fs_install(struct world *w, struct node *n, const struct effect *e);
void fs_remove(struct world *w, struct node *n, const struct effect *e);
void fs_crash(struct world *w,
	      struct node *n); /* the worker: hints, open files and staged inodes go */
void fs_attrs(const struct node *n, const struct inode *i, struct attrs *a);
void fs_floor_note(struct world *w, struct node *n, const char *path, const struct inode *i);

/* ---- host.c ---- */
void host_start(struct world *w, struct node *n);
void host_crash(struct world *w, struct node *n);
void host_killed(struct world *w, uint8_t node, void *arg); /* so as an event */
void host_event(struct world *w, struct node *n, struct event *e);
void host_pump(struct world *w, struct node *n);
void host_heartbeat(struct world *w, struct node *n);
bool host_idle(const struct node *n);

/* ---- admin.c ---- */
void admin_order(struct world *w, struct node *n, const char *path);
/* What is held may only be told when it is released, and then as one op. */
void admin_check(struct world *w, struct node *n, const char *path, const struct version *v);
/* A step has been taken. */
void admin_stepped(struct node *n);
void admin_started(struct world *w, struct node *n);
/* The safety brake holds what is removed or emptied. */
bool admin_braked(const struct node *n);
void admin_decide(struct world *w, struct node *n); /* what is held is meant, or put back */
void admin_start(struct world *w);

/* ---- hooks.c ---- */
void hook_start(struct world *w, struct node *n);
void hook_crash(struct node *n);
void hook_forget(struct node *n);
void hook_decided(struct node *n, const struct effect *e);
void hook_told(struct world *w, struct node *n, const struct effect *e);
bool hook_pending(const struct node *n);
void hook_check(struct world *w, struct node *n, const char *path);

/* ---- judge.c ---- */
void judge_draw(struct world *w);
void judge_start(struct world *w);
void judge_open(struct world *w); /* soon everything is good */
/* What was set aside is edited then. */
void judge_settle(struct world *w, struct node *n);
bool judge_gates(const struct world *w, const char *path);
/* All that the gate holds is let go in doubt, be it later. */
void judge_approved(struct node *n);
void judge_trial(struct world *w, struct node *n, const struct trial *t);
/* Invariant 7. */
void judge_told(struct world *w, struct node *n, const char *path, const struct version *v);
void judge_installs(struct world *w, struct node *n, const char *path, const struct intent *i);

/* ---- power.c ---- */
void power_start(struct world *w);
void power_cut(struct world *w, struct node *n); /* its processes are gone already */
bool power_off(const struct node *n);            /* nobody can work there */
void power_checkpoint(struct world *w, struct node *n);
void power_excuse(struct world *w, struct node *n);
enum damage power_damage(const struct node *n, const char *path, const struct inode *i,
			 const struct attrs *a);

/* ---- images.c ---- */
/* What the store intended is there. */
bool images_installed(const struct stored_path *s, const struct inode *now, const struct attrs *a);
void images_start(struct world *w);
void images_lose(struct world *w, struct node *n); /* its store is lost */
void images_remember(struct world *w, uint8_t node); /* takes one, ... */
void images_put_back(struct world *w, uint8_t node); /* ... which is put back: nothing where there is none */
void images_forget(struct world *w);

/* ---- focus.c ---- */
void focus_start(struct world *w);
void focus_started(struct world *w, struct node *n);
void focus_installed(struct world *w, struct node *n, struct inode *i);

/* ---- net.c ---- */
void net_start(struct world *w);
void net_broadcast(struct world *w, struct node *from, const struct op *op);
void net_nodes(struct world *w, struct node *from, const struct nodes *nodes);
bool net_linked(const struct world *w, uint8_t a, uint8_t b); /* they are peers */
void net_heartbeat(struct world *w, struct node *from, const struct heartbeat *h);
void net_ask(struct world *w, struct node *from, uint8_t to, const struct ask *ask);
void net_answer(struct world *w, struct node *from, uint8_t to, const struct page *page);
void net_fetch(struct world *w, struct node *n, struct hash hash, uint32_t peer);
bool net_reaches(const struct world *w, uint8_t from, uint8_t to);
void net_heal(struct world *w);
void net_isolate(struct world *w, uint8_t node);
/* Tells the cores who is reachable now, each after a while. */
void net_changed(struct world *w);
void net_tell_peers(struct world *w, struct node *n);

/* ---- tracing.c ---- */
void trace_legend(void); /* how to read what follows */
void trace_event(struct world *w, const struct node *n, const struct event *e);
void trace_effect(struct world *w, const struct node *n, const struct effect *e);

/* ---- check.c ---- */
bool check_stored(const struct node *n, const char *path, struct dot d);
void check_told(struct world *w, struct node *n, const struct item *items, uint32_t nitems);
/* Of the save that was published nobody has a version, since stores were lost or put back. */
bool check_save_gone(const struct world *w, const struct path_truth *p, uint32_t save);
bool check_is_draft(const struct node *n, const char *path, const struct attrs *a);
/* After an acknowledgement. */
void check_acked(struct world *w, struct node *n);
void check_vector(struct world *w, struct node *n, const struct vv *v);
void check_intent(struct world *w, struct node *n, const char *path, const struct intent *i);
/* All is quiet and equal: NULL, or what is not so yet. */
const char *check_settled(struct world *w);
void check_end(struct world *w);

/* ---- combined.c ---- */
/* Of changes that did not know of each other: both survive, or both are listed. */
void check_combined(struct world *w, const struct path_truth *p);

#endif
