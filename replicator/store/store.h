/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The store: entries, the log, vectors, intents, outcomes in SQLite (WAL, synchronous=FULL);
 * contents up to STORE_SMALL_MAX in it, larger ones beside it as objects named by their hash. One
 * thread.
 *
 *   STATE/zonefs.db        schema number in PRAGMA user_version; a later one is refused in words. Each page
 *                          is sealed (seal.h), so that a record that the disk has altered is an error
 *   STATE/objects/ab/ab... format byte, then the content, plain or compressed
 *   STATE/incoming/        objects being written; what may be resumed is kept for a day
 *   STATE/lock             held by whoever has the store open for writing
 *   STATE/suspect          the database was found damaged while in use
 *   STATE/damaged-DATE-... a database that was put aside; old-DATE-...: as it was older than the tree
 *
 * Writing goes into an open transaction that begins by itself; store_commit makes it durable. After
 * a failed commit everything since the last one is still waiting: call it again (disk full),
 * nothing is lost and nothing is applied twice.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/path.h"
#include "replicator/core/core.h"

#define STORE_SMALL_MAX (64 * 1024)
#define STORE_SCHEMA 2

struct store;

/* XXH3-128 of some bytes: how contents and links' targets are named. */
struct hash content_hash(const void *p, size_t len);

/* Opens, or makes it; checks it. `readonly` for looking at a stopped node's. 0 and *out, or an
 * error that has been logged: ERR_CORRUPT, it is damaged (store_put_aside). */
int store_open(struct store **out, const char *state_dir, bool readonly);
void store_close(struct store *s);

/* Gives everything to a new core (versions, shown, intents, vector, origins, meta). */
int store_load(struct store *s, struct core *c);

/* Its database has been found damaged while it was in use: what it answers is not to be relied on,
 * nothing is to be written any more. To be closed; the next store_open checks it thoroughly. */
bool store_damaged(const struct store *s);
/* The database from beginning to end, which takes a second for some hundred megabytes. 0, or
 * ERR_CORRUPT, logged. */
int store_check_database(struct store *s);
/* Of a store that is not open: its database gets another name, so that a new one is made. The
 * contents in objects/ stay. 0 or an error; what was done has been logged. */
enum store_aside { STORE_ASIDE_DAMAGED, STORE_ASIDE_OLD /* older than the tree */ };
int store_put_aside(const char *state_dir, enum store_aside why);

/* Carries out an EFFECT_STORE. A version whose content was given with store_stash gets it into the
 * same transaction. 0, or an error after which the store waits (see store_commit): what was asked
 * for is kept, do not apply it again. Only ERR_LIMIT (over 262,144 changes or 256 MiB since the
 * last commit) and -ENOMEM mean that it was not. The same holds for all that writes below, but for
 * objects. */
int store_apply(struct store *s, const struct effect *e, int64_t wall_msec);

/* Named values of the loop's own, in the same transactions (the core's STORE_META has names of its
 * own). put: len 0 forgets it. get: its length (at most max copied), 0 where there is none, or an
 * error. */
int store_value_put(struct store *s, const char *name, const void *p, size_t len);
long store_value_get(struct store *s, const char *name, void *p, size_t max);
/* Calls back with those whose names begin with `prefix`, in their order, until it returns other than 0;
 * what is in no committed transaction yet may be left out. 0, or an error. */
int store_value_each(struct store *s, const char *prefix,
		     int (*each)(void *arg, const char *name, const void *p, size_t len), void *arg);

/* Makes all since the last commit durable. 0, -ENOSPC and the like: call again later. */
int store_commit(struct store *s);
bool store_dirty(const struct store *s); /* something waits for a commit */

/* ---- contents ---- */

/* Small content, checked against its hash by the caller, that a following STORE_VERSION may refer
 * to. Copied; forgotten at the commit if nothing did. At most 64 MiB are kept: ERR_LIMIT. */
int store_stash(struct store *s, struct hash hash, const void *p, size_t len);
/* It is in the store, or will be with the next commit: not what is stashed and nothing refers to. */
bool store_has(struct store *s, struct hash hash);
/* Writes content straight into the store (contents fetched from a peer, small ones). */
int store_put(struct store *s, struct hash hash, const void *p, size_t len);

/* A large content, written piece by piece into a file. `resume`: goes on where an earlier, cut off
 * one of that hash ended, when incoming_take_in has gone through that. -EBUSY where one of that hash
 * is open. Cancel or finish all before store_close. */
struct incoming;
int incoming_open(struct store *s, struct hash hash, bool resume, struct incoming **out);
/* What an earlier one has written: takes in a megabyte of it. 1: there may be more; 0: that was all,
 * now it can be written to; or -errno. */
int incoming_take_in(struct incoming *in);
uint64_t incoming_size(const struct incoming *in);
/* An error leaves it as it was before. */
int incoming_write(struct incoming *in, const void *p, size_t len);
/* Fsyncs (a few megabytes at the most are not on the disk by then), proves the hash (ERR_CORRUPT: thrown away), puts it in place; frees. After another error
 * what was written is kept for `resume`. */
int incoming_finish(struct incoming *in);
/* Frees; what was written is kept for `resume` where keep. */
void incoming_cancel(struct incoming *in, bool keep);
/* For content that is hashed while it is written (a local file): the hash is told at the end. */
int incoming_open_new(struct store *s, struct incoming **out);
int incoming_finish_new(struct incoming *in, struct hash *hash, uint64_t *size);

/* Small content, or a piece of a large one: at most max bytes from offset into p. Bytes read, 0 at
 * the end, -ENOENT, ERR_CORRUPT. *total is the content's size. */
long store_read(struct store *s, struct hash hash, uint64_t offset, void *p, size_t max,
		uint64_t *total);

/* ---- damage ---- */

/* A damaged content goes: it is missing from now on (-ENOENT). */
int store_drop(struct store *s, struct hash hash);
/* A path and the size of a version that has this content, a current one first. 0, -ENOENT, an error. */
int store_whose(struct store *s, struct hash hash, char path[PATH_LEN_MAX + 1], uint64_t *size);
/* Of a large content, by its object alone: -ENOENT, ERR_CORRUPT. */
long store_size(struct store *s, struct hash hash);

/* A large content is what its hash says, all of it (up to STORE_PROVED_MAX; a larger one is taken
 * for whole): 0, ERR_CORRUPT, -ENOENT, or an error. */
#define STORE_PROVED_MAX (64 * 1024 * 1024)
int store_prove(struct store *s, struct hash hash);

/* Goes through all contents and compares each with its hash, piece by piece. */
struct store_check;
typedef void store_checked(void *arg, struct hash hash, bool whole);
struct store_check *store_check_new(struct store *s); /* NULL: out of memory */
void store_check_free(struct store_check *k);
/* A piece of it, of a megabyte or so: 1 there is more, 0 all has been read, or an error. `each` may
 * call store_drop. */
int store_check_go_on(struct store_check *k, store_checked *each, void *arg);

/* ---- the log, for people ---- */

/* One version that this node made or learned, with its place in time. */
struct log_record {
	int64_t id;        /* order of this node's knowledge */
	int64_t wall_msec; /* when this node made or learned it */
	const char *path;
	const struct version *version;
	const char *node; /* origin's */
	bool own;
	bool history; /* no longer current */
	bool held;    /* a draft, and nothing has taken its place yet */
};
struct log_filter {
	const char *path;   /* exactly, or everything below it; NULL: all */
	bool exact;         /* path: nothing of what is below it */
	int64_t since_msec; /* 0: all */
	int64_t after_id;   /* 0: all */
	uint64_t origin;    /* 0: all */
	const char *node;   /* NULL: all */
	uint32_t last;      /* at most that many, the newest; 0: 1000; never over 100,000 */
	bool first; /* the oldest that many instead: for going on, page by page, by after_id */
};
/* Oldest first. The record is valid during the call. 0, or an error, or what the callback returned
 * if not 0. */
int store_log(struct store *s, const struct log_filter *f,
	      int (*each)(void *arg, const struct log_record *r), void *arg);

/* The names of all versions of a path that are kept, in the order in which this node learned them;
 * `id` is the record's. However many they are: nothing else of them is read. As store_log. */
int store_dots(struct store *s, const char *path,
	       int (*each)(void *arg, int64_t id, struct dot dot), void *arg);

/* Paths of which versions are kept, in byte order, from the first one after `after`: at most `max`.
 * How many, or an error, or what the callback returned if not 0. */
int store_paths(struct store *s, const char *after, int max,
		int (*each)(void *arg, const char *path), void *arg);

/* ---- the log in the order of time: also what the history does not have (any more) ---- */

/* When it was made, wall clock; what was taken in has no time of its own but when it was learned. */
int64_t store_made(const struct version *v, int64_t wall_msec);

struct past_record {
	int64_t made_msec;
	int64_t wall_msec; /* when this node made, learned or fetched it */
	const char *path;
	const struct version *version;
	const char *node; /* origin's */
	int64_t id;       /* as log_record's; 0: the log alone has it */
	bool own;
	bool history; /* no longer current */
	bool fetched; /* from the log of a peer: it was never here */
};
/* A place in that order: by time, dot, path. All zero: before the first. */
struct past_place {
	int64_t made_msec;
	struct dot dot;
	char path[PATH_LEN_MAX + 1];
};
struct past_filter {
	const char *path;   /* it, and everything below; NULL: all */
	const char *node;   /* NULL: all */
	int64_t since_msec; /* wall_msec; 0: all */
	int64_t until_id;   /* no version learned later */
};
/* Those after `from`, at most `max`, in their order. 0, or an error, or what the callback returned if
 * not 0. */
int store_past(struct store *s, const struct past_filter *f, const struct past_place *from,
	       uint32_t max, int (*each)(void *arg, const struct past_record *r), void *arg);
/* A place of which exactly `last` follow (all, if they are fewer). How many, or an error. */
long store_past_start(struct store *s, const struct past_filter *f, uint32_t last,
		      struct past_place *from);
/* All that is known of an op. As store_past; only path and version are filled in. */
int store_past_op(struct store *s, struct dot dot,
		  int (*each)(void *arg, const struct past_record *r), void *arg);
/* Likewise of an origin's ops from `first` to `last`, in their order. */
int store_past_range(struct store *s, uint64_t origin, uint64_t first, uint64_t last,
		     int (*each)(void *arg, const struct past_record *r), void *arg);

/* Of which ops this node has never been told, though its vector covers them: noted with the vector
 * (STORE_VECTOR, `untold`). At most STORE_GAPS_MAX, the newest first. */
#define STORE_GAPS_MAX 4096
struct gap {
	uint64_t origin;
	uint64_t first, last;
	int64_t wall_msec; /* noted then */
};
int store_gaps(struct store *s, int (*each)(void *arg, const struct gap *g), void *arg);
/* A version that a peer's log has. Nothing where it is known already. */
int store_past_add(struct store *s, const char *path, const struct version *v, int64_t wall_msec);
/* The log knows those now: no gap any more. */
int store_heard(struct store *s, uint64_t origin, uint64_t first, uint64_t last);

/* What the log lacks of an origin: `n` ops between two that it has. */
struct hole {
	const char *node;
	uint64_t origin;
	uint64_t first, last;
	uint64_t n;
	int64_t since_msec; /* the last thing known of that node before */
	int64_t until_msec; /* the first one known after; else when it was noted */
};
/* Those that ended after `after_msec`, in no order; nothing of what lies before all that is known of
 * a node: there its log begins. */
int store_holes(struct store *s, int64_t after_msec, int (*each)(void *arg, const struct hole *h),
		void *arg);

/* `told`: nobody else has to hear of it. */
int store_outcome(struct store *s, const struct outcome *o, bool told);
/* Outcomes of versions by origins of `node` that it has not heard, oldest first, at most `max`. */
int store_untold(struct store *s, const char *node, uint32_t max,
		 int (*each)(void *arg, int64_t id, const struct outcome *o), void *arg);
int store_told(struct store *s, int64_t id);
int store_outcomes(struct store *s, struct dot dot, const char *path,
		   int (*each)(void *arg, const struct outcome *o), void *arg);

/* What is kept of the past. */
struct store_keep {
	uint32_t versions; /* of a path, current ones included */
	uint32_t days;
	uint64_t bytes; /* history and log, as they were saved: the oldest go first. 0: no bound */
};

/* Old versions beyond what `keep` says, their contents and outcomes are cut. Does a bounded piece of
 * work, which is durable when it returns, and nothing while something waits for a commit; true if there
 * is more of the round. Better in quiet moments, since it moves SQLite's log to its place, too; but a
 * store for which it is not called grows. Never fails loudly. */
bool store_prune(struct store *s, const struct store_keep *keep);

struct store_usage {
	uint64_t database_bytes;
	uint64_t objects_bytes;
	uint64_t free_bytes; /* of the file system */
	uint64_t versions;
	uint64_t paths;
	/* As of the last round of store_prune, and as they were saved: contents that are current,
	 * that only the history refers to, and the records of the log. */
	bool counted;
	uint64_t current_bytes;
	uint64_t history_bytes;
	uint64_t log_bytes;
};
int store_usage(struct store *s, struct store_usage *u);

#endif
