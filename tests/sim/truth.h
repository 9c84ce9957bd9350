/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What users really did, and had been shown: the simulator's own account, which the cores know nothing of.
 *
 *   truth.c          the sets, the paths, what is saved and looked at
 *   truth_version.c  what the versions that a core makes may claim
 *   truth_shown.c    what an install replaces, and what is shown from then on
 *   truth_draft.c    what is held
 *   truth_crash.c    what a crash or a lost store takes back
 */
#ifndef SIM_TRUTH_H
#define SIM_TRUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "replicator/core/core.h"
#include "tests/sim/storage.h"

#define NODES_MAX 7
#define SAVES_MAX 256 /* of one path: beyond, users leave it alone */
#define PATHS_TRUTH_MAX 400
#define SIM_ORDER "order" /* the command by which an order's versions are known */

struct world;
struct node;

/* A set of the saves of one path. */
struct saves {
	uint64_t bits[SAVES_MAX / 64];
};

struct save {
	uint8_t node;
	enum kind kind;
	uint64_t content;
	struct saves past;   /* itself too */
	struct saves strong; /* of these, what was not only listed but visible */
	bool looked;         /* a core was given an observation of it */
	bool published;      /* a version was made of it */
	bool initial;        /* there before the node's first start */
	bool decided;        /* an administrator decides what the safety brake holds of it */
	bool excused;        /* the history has it, by the rule for newcomers */
	bool held;           /* it was a draft: in the store of its node, or its history */
	struct attrs attrs;  /* as its version tells them */
	uint8_t changed;     /* CHANGED_*: against what was told or installed there before */
};

/* What a version stands for, in truth. */
struct truth {
	struct dot dot;
	struct saves saves;
	struct saves strong;
	int32_t primary; /* the save that made it; -1: none */
	uint8_t author;
	struct version *version;
	bool newcomer;  /* an import of a node that no established peer had heard of */
	bool forgotten; /* its author's store was lost since: others may have it */
	int64_t learned_at[NODES_MAX]; /* when each node merged it; -1: not yet */
};

struct path_truth {
	char *path;
	struct save save[SAVES_MAX];
	uint32_t nsaves;
	struct truth *versions;
	uint32_t nversions;
	uint8_t local_known[NODES_MAX]; /* 1 as a file, 2 as a directory */
	uint8_t local_found[NODES_MAX];
};

/* A path on one node's disk. */
struct spot {
	struct saves shown; /* what its users have been shown there */
	struct saves strong;
	struct attrs base; /* what was last installed or published here */
	struct attrs told; /* likewise, as this disk has it */
	int32_t last;  /* the latest save that the disk shows; -1: none, an install came after it */
	int64_t floor; /* fs's mtime floor of the name */
	int64_t floor_until;  /* the name is gone: forgotten then */
	int64_t estale_until; /* BUSY until then */
	bool in_doubt;        /* a crash left an intent for attributes, or for a directory */
	struct fhandle to_remove; /* a crash left the intent to remove this directory */
	bool due_install;     /* an install has changed it since the last run of the hook began, */
	bool due_own;         /* or a version was made of it; */
	bool running;         /* or not since, and that run has not ended */
	bool found;           /* what is shown there was found, and hooks have not heard of it */
	bool cut;             /* a power cut has made it what it is, and the core can tell so */
	bool refused;         /* BUSY was answered: FREE is owed */
	int64_t file_mtime;   /* served last by a file here, without absence since; 0: none */
	uint64_t file_content;

	uint32_t goes; /* the release that may tell what is held there; 0: none may */
	int64_t goes_at;
	bool discarded; /* what is held there is about to be shown, and then put back */
	bool forced;    /* this goes by force, be it that it is set aside until later: */
	struct attrs forced_attrs;
	bool approved; /* this goes in doubt, be it that it is set aside until later: */
	struct attrs approved_attrs;
	bool held;      /* by what the core has decided, be it not in the store yet, it holds: */
	struct dot draft;
	struct attrs draft_attrs;
	uint64_t draft_group;
	bool draft_aside;
	int32_t aside_last; /* the save that was set aside last */
	struct saves aside_strong;

	bool drafted; /* ... was made of what was seen then: it may be told later */
	struct saves draft_shown;
	struct saves draft_strong;
	int32_t draft_last;

	bool looked; /* what follows is what the core was given last */
	struct saves looked_shown;
	struct saves looked_strong;
	int32_t looked_last;
	bool looked_cut;
	uint32_t looked_saves; /* so many had been saved at the path, anywhere, when it was read */
	int64_t looked_at; /* when it was read */
	struct attrs looked_attrs;
	struct ident looked_ident;
	struct saves older_shown; /* what it was given before: a rename may still be told of it */
	struct saves older_strong;
	int32_t older_last;
	struct attrs older_attrs;
};

/* What was read at a path, until the core is given it. */
struct sighting {
	struct saves shown;
	struct saves strong;
	int32_t last;
	bool cut;
	int64_t at;
	uint32_t saves; /* of the path, so far */
};

/* ---- truth.c ---- */
bool saves_has(const struct saves *s, uint32_t i);
void saves_add(struct saves *s, uint32_t i);
void saves_join(struct saves *to, const struct saves *from);
bool saves_within(const struct saves *a, const struct saves *b); /* all of a is in b */

bool truth_same(const struct attrs *a, const struct attrs *b); /* of the same kind and content */

uint32_t truth_path(struct world *w, const char *path); /* index; makes it */
struct path_truth *truth_at(struct world *w, const char *path);
struct spot *truth_spot(struct world *w, struct node *n, const char *path);
/* By the node's patterns, it stays there. */
bool truth_local(struct world *w, struct node *n, const char *path, bool dir);
/* Some node excluded it in some of its lives, in which nobody has followed it there. */
bool truth_unfollowed(struct world *w, const char *path);
/* A user saved at path (or deleted): the disk shows it now. */
void truth_save(struct world *w, struct node *n, const char *path, enum kind kind,
		uint64_t content);
bool truth_full(struct world *w, const char *path);
/* What was read there; and now that is given to the core. */
void truth_sighting(struct world *w, struct node *n, const char *path, struct sighting *s);
void truth_looked(struct world *w, struct node *n, const char *path, const struct sighting *s,
		  const struct attrs *a, const struct ident *i);
/* What was looked at last is in the history, as what a newcomer had. */
void truth_history(struct world *w, struct node *n, const char *path);
struct truth *truth_find(struct world *w, const char *path, struct dot d);
void truth_learned(struct world *w, struct node *n, const char *path, struct dot d);
/* All that the versions of path that `context` covers stand for. */
void truth_of_context(struct world *w, const char *path, const struct vv *context,
		      struct saves *out);
/* All nodes knew of it, and it was forgotten. */
bool truth_gone(const struct world *w, struct dot d);
/* Deletes that all nodes knew may be forgotten a day later, with what they had seen. */
void truth_collected(struct world *w, const struct path_truth *p, struct saves *to);
/* A node has heard of another one: as established, or of something that it made. */
bool truth_known(struct world *w, const struct node *by, const struct node *n);
void truth_fini(struct world *w);

/* ---- truth_version.c ---- */
/* The core made this version of what it was shown last. */
void truth_version(struct world *w, struct node *n, const char *path, struct version *v);
/* A draft had been made of what was seen once, which is told now. */
void truth_look_at_draft(struct spot *spot);

/* ---- truth_shown.c ---- */
/* A file or a link that was there, and that no version was installed for. */
bool truth_found(const struct shown *s);
/* The context of `s` is claimed to be shown at path since what was read last there. */
void truth_shown(struct world *w, struct node *n, const char *path, const struct shown *s);
/* An INSTALL or REMOVE with this intent has replaced what was at path. */
void truth_installed(struct world *w, struct node *n, const char *path, const struct intent *i,
		     const struct attrs *before);
/* What was saved there last has been mended, and is told as that. */
void truth_rewritten(struct world *w, struct node *n, const char *path, const struct attrs *before);
/* After a crash with such an intent, a directory that a user made as it was about to be made here
 * cannot be told from ours, nor a link that was moved away and back (with the version's target, and
 * its time to the nanosecond), nor can attributes, set by a user to what they were, or were about
 * to be. */
bool truth_taken_for_ours(struct world *w, struct node *n, const char *path,
			  const struct attrs *before, const struct attrs *base);

/* ---- truth_draft.c ---- */
/* What is held there by that dot was set aside. */
bool truth_aside(const struct node *n, const char *path, struct dot dot);
void truth_loaded(struct world *w, struct node *n); /* what is held is what the store has */
/* What was seen there last is held. */
void truth_draft(struct world *w, struct node *n, const char *path, const struct version *v);
void truth_superseded(struct world *w, struct node *n, const char *path, struct dot d);
/* The history of its node has it, though it never was told. */
bool truth_kept(const struct node *n, const struct path_truth *p, const struct save *s);

/* ---- truth_crash.c ---- */
/* Somebody moves the directory as a whole. */
void truth_tree_moved(struct world *w, struct node *n, const char *dir);
/* Whether what was intended was done before it was changed again will never be known. */
void truth_doubt(const struct node *n, struct spot *spot, const char *path);
/* The node crashed: versions that it had not stored were never made. */
void truth_crashed(struct world *w, struct node *n);
/* Its store is lost, or an old one: what nobody else has is gone with it. */
void truth_forgotten(struct world *w, struct node *n);

#endif
