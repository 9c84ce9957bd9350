/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside store/. What is written goes three steps:
 *
 *   records      each change as it was asked for, in order, with its bytes: the truth until the
 *                next commit
 *   transaction  the records carried out in SQLite. If that fails (disk full), it is rolled back
 *                as a whole and the store is `stalled`: records are only collected
 *   commit       carries out the records again if stalled, commits, and forgets them
 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <dirent.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "replicator/store/store.h"

#define RECORDS_MAX 262144
#define RECORDS_BYTES_MAX (256u * 1024 * 1024)
#define STASH_BYTES_MAX (64u * 1024 * 1024)
#define STASH_BUCKETS 1024 /* a power of two */
#define STORE_SUSPECT "suspect"
#define AFFIRMED_MAX 4096
#define WAL_PAGES_MAX 8192  /* a checkpoint is made at once beyond */
#define WAL_PAGES_IDLE 1024 /* a checkpoint is made by store_prune beyond */

/* ---- statements (database_sql.c) ---- */

enum statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_VERSION_ADD,
	SQL_DRAFT_FORGET,
	SQL_VERSION_SUPERSEDE,
	SQL_SHOWN_SET,
	SQL_SHOWN_FORGET,
	SQL_INTENT_SET,
	SQL_INTENT_FORGET,
	SQL_VECTOR_RAISE,
	SQL_ORIGIN_SET,
	SQL_META_SET,
	SQL_META_FORGET,
	SQL_VALUE_SET,
	SQL_VALUE_FORGET,
	SQL_VALUE_GET,
	SQL_VALUE_EACH,
	SQL_CONTENT_ADD,
	SQL_CONTENT_GET,
	SQL_CONTENT_HAS,
	SQL_OUTCOME_ADD,
	SQL_OUTCOME_TELL,
	SQL_OUTCOME_UNTOLD,
	SQL_OUTCOME_FIND,
	SQL_LOAD_META,
	SQL_LOAD_ORIGINS,
	SQL_LOAD_VECTOR,
	SQL_LOAD_VERSIONS,
	SQL_LOAD_DRAFTS,
	SQL_LOAD_SHOWN,
	SQL_LOAD_INTENTS,
	SQL_DOTS,
	SQL_PRUNE_PATHS,
	SQL_PRUNE_PATH,
	SQL_PRUNE_OLD,
	SQL_PRUNE_VERSION,
	SQL_PAST_ADD,
	SQL_PAST_KEEP,
	SQL_PAST_OF,
	SQL_PAST_RANGE,
	SQL_PAST_OLD,
	SQL_PAST_DROP,
	SQL_PAST_ROOM,
	SQL_PAST_OLDEST,
	SQL_GAP_ADD,
	SQL_GAP_DROP,
	SQL_GAP_FIND,
	SQL_GAP_COUNT,
	SQL_GAP_OLD,
	SQL_GAPS,
	SQL_HOLE_SEQS,
	SQL_HOLE_AFTER,
	SQL_HOLE_BEFORE,
	SQL_WHOSE_ORIGIN,
	SQL_PRUNE_OUTCOMES_OF,
	SQL_PRUNE_OUTCOMES,
	SQL_PRUNE_OUTCOME,
	SQL_PRUNE_CONTENTS,
	SQL_PRUNE_CONTENT,
	SQL_HASH_USED,
	SQL_CONTENT_DROP,
	SQL_WHOSE,
	SQL_CHECK_CONTENTS,
	SQL_CONTENT_LAST,
	SQL_ROOM_VERSIONS,
	SQL_ROOM_FIRST,
	SQL_ROOM_CURRENT,
	SQL_ROOM_OUTCOMES,
	SQL_ROOM_PAST,
	SQL_COUNT_VERSIONS,
	SQL_COUNT_PATHS,
	SQL_MAX,
};

/* ---- records (store_apply.c) ---- */

enum record_kind {
	RECORD_VERSION,
	RECORD_HISTORY,
	RECORD_DRAFT,
	RECORD_SUPERSEDED,
	RECORD_SHOWN,
	RECORD_INTENT,
	RECORD_VECTOR,
	RECORD_ORIGIN,
	RECORD_META,
	RECORD_VALUE,
	RECORD_CONTENT,
	RECORD_OUTCOME,
	RECORD_TOLD,
	RECORD_PAST,
	RECORD_GAP,
	RECORD_HEARD,
};

/* Path and data lie in the records' arena. */
struct record {
	enum record_kind kind;
	bool own;    /* VERSION, HISTORY: made here.  OUTCOME: nobody has to be told */
	bool forget; /* SHOWN, INTENT, META, VALUE */
	size_t path, path_len;
	size_t data, data_len;
	struct dot dot;
	struct hash hash; /* VERSION, HISTORY: a file's; CONTENT; OUTCOME: what it is about */
	int64_t number;   /* wall clock (ms) of VERSION, HISTORY, OUTCOME, PAST, GAP; id of TOLD */
	int64_t made;     /* VERSION, HISTORY, PAST: when (ms) */
	uint64_t first;   /* GAP, HEARD: of the ops up to dot.seq */
};

struct stashed {
	struct stashed *next;
	struct hash hash;
	bool named; /* by a record: the next commit keeps it */
	size_t len;
	uint8_t p[];
};

enum prune_phase {
	PRUNE_REST,
	PRUNE_PATHS,
	PRUNE_OLD,
	PRUNE_OUTCOMES,
	PRUNE_PAST,
	PRUNE_COUNT,
	PRUNE_COUNT_PAST,
	PRUNE_COUNT_OUTCOMES,
	PRUNE_ROOM,
	PRUNE_CONTENTS,
	PRUNE_OBJECTS,
	PRUNE_PACK
};

/* Bytes, as of the last time that all was counted (store_room.c). */
struct room {
	bool known;
	uint64_t current, history, log;
};

struct store {
	char *dir; /* for words */
	bool readonly;
	int dir_fd, objects_fd, incoming_fd, lock_fd; /* -1: none */
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_MAX];
	int wal_pages; /* as of the last commit */

	bool damaged; /* the database is */
	bool open_transaction;
	int stalled; /* the error that rolled the transaction back; 0: none */
	struct record *records;
	uint32_t nrecords, records_cap;
	struct buf arena;

	struct stashed *stash[STASH_BUCKETS];
	size_t stash_bytes;

	/* Hashes that somebody was lately told to be here: whatever refers to them may be on its
	 * way, so they are not pruned. A ring. */
	struct hash affirmed[AFFIRMED_MAX];
	uint32_t naffirmed, affirmed_next;

	struct incoming *incoming; /* open ones */
	uint32_t incoming_serial;
	int64_t objects_bytes; /* -1: not counted yet */
	struct room room, counting;
	struct pack *pack;           /* being packed; NULL: none */
	char packed_last[HASH_TEXT]; /* of this directory, looked at last */

	struct {
		enum prune_phase phase;
		bool due; /* something was written since the last round */
		char *cursor;
		int64_t id;
		bool directories[256]; /* of objects, that there are */
		int directory;         /* the next one */
		/* Contents up to sweep_to may be unreferenced; those up to settled will be an hour
		 * later. */
		int64_t sweep_to, settled;
		int64_t settled_msec; /* monotonic */
	} prune;
};

/* ---- database.c ---- */

/* An SQLite result as an error of ours; `doing` goes to the log. 0 for OK, ROW and DONE. */
int database_error(struct store *s, int rc, const char *doing);
/* The statement, ready to be bound; NULL and *err. */
sqlite3_stmt *database_statement(struct store *s, enum statement which, int *err);
/* Steps once and resets: for statements without rows. 0 or an error. */
int database_run(struct store *s, sqlite3_stmt *st);
/* A statement without parameters. */
int database_do(struct store *s, enum statement which);
/* Its first column as a number; 0 if there is no row. */
int database_number(struct store *s, enum statement which, int64_t *out);
void bind_bytes(sqlite3_stmt *st, int at, const void *p, size_t len); /* borrowed; never NULL */
void bind_hash(sqlite3_stmt *st, int at, const struct hash *h); /* borrowed; NULL if it is none */
void bind_path(sqlite3_stmt *st, int at, const char *path);     /* borrowed */
/* A path column as a string of the statement's, valid until its next step; "" and *err if it is
 * none. */
const char *column_path(sqlite3_stmt *st, int at, int *err);
bool column_hash(sqlite3_stmt *st, int at, struct hash *h);

void database_close(struct store *s);
int database_begin(struct store *s); /* nothing if one is open */
void database_rollback(struct store *s);
void database_checkpoint(struct store *s, bool truncate);
/* From now on its log is moved where a commit leaves WAL_PAGES_MAX pages or more in it. */
void database_bound_log(struct store *s);

/* ---- database_sql.c, database_schema.c ---- */

const char *database_sql(enum statement which);
/* Opens s->db, a new one if there is none (and the store is not readonly). ERR_CORRUPT: not a store;
 * ERR_PROTOCOL: of another version's format; both said. */
int database_open(struct store *s);

/* ---- store_format.c: the bytes of `shown` and `intent` ---- */

void buf_shown(struct buf *b, const struct shown *s);
void rd_shown(struct rd *r, struct shown *s); /* vv_fini(&s->context) in any case */
void buf_intent(struct buf *b, const struct intent *i);
void rd_intent(struct rd *r, struct intent *i); /* likewise */

/* ---- store_apply.c ---- */

/* Keeps a record and carries it out. 0; ERR_LIMIT, -ENOMEM: not kept; another error: kept, stalled.
 */
int record_add(struct store *s, struct record *r, const char *path, const struct buf *data);
/* The transaction fails: rolled back, the records wait for the next commit. Gives err. */
int store_stall(struct store *s, int err);

/* ---- store_prune.c ---- */

#define PRUNE_PIECE 1024 /* rows that a phase looks at, or cuts, in one transaction at most */

/* A version of the past goes, and what is known of its outcomes; a current one stays. */
int prune_version(struct store *s, int64_t id, struct dot dot, const char *path);

/* ---- store_room.c: pieces of a round, after prune.id. 1: there is more; 0; an error ---- */

int room_count(struct store *s);
int room_count_past(struct store *s);
int room_count_outcomes(struct store *s);
/* Drops the oldest of the past while it takes more than that; 0: no bound. */
int room_make(struct store *s, uint64_t keep_bytes);

/* ---- store_past.c ---- */

int do_past(struct store *s, const struct record *r, const void *path, const void *data);
/* A version of the history goes; what the log says of it stays. */
int past_keep(struct store *s, int64_t id);
/* A piece of a round, after prune.id: what is older goes. 1: there is more; 0; an error. */
int past_prune(struct store *s, int64_t before_msec);

/* ---- store_gaps.c ---- */

int do_gap(struct store *s, const struct record *r);
int do_heard(struct store *s, const struct record *r);

/* ---- store_contents.c ---- */

struct stashed *stash_find(struct store *s, struct hash hash);
void stash_name(struct store *s, struct hash hash); /* a record does, if it is there */
void stash_clear(struct store *s);
void content_affirm(struct store *s, struct hash hash);
/* A version refers to it, or somebody was lately told that it is here. */
bool content_needed(struct store *s, struct hash hash);

/* ---- objects.c ---- */

#define OBJECT_FORMAT_PLAIN 0
#define OBJECT_FORMAT_PACKED 1     /* object_pack.c */
#define OBJECT_FORMAT_UNPACKABLE 2 /* plain, since compressing it does not pay */
#define OBJECT_YOUNG_SEC (60 * 60) /* a version may yet refer to it */
#define OBJECT_NAME (3 + HASH_TEXT) /* "ab/abcd…" */
void object_name(char dst[OBJECT_NAME], struct hash hash);
bool object_has(const struct store *s, struct hash hash);
/* All of it, at that place. 0 or an error. */
int object_write(int fd, const void *p, size_t len, uint64_t at);
long object_read(struct store *s, struct hash hash, uint64_t offset, void *p, size_t max,
		 uint64_t *total);
bool object_hash(const char *name, struct hash *h); /* that a file in objects/ab is named by */
void objects_directories(const struct store *s, bool there[256]); /* which of them there are */
DIR *objects_stream(const struct store *s, int directory); /* of 256; NULL: there is none */
/* Sweeps one of the 256 directories: what no version refers to is removed. */
void objects_sweep(struct store *s, int directory);
uint64_t objects_size(struct store *s);
/* Old leftovers in incoming/. */
void incoming_clean(struct store *s);

/* ---- object_pack.c ---- */

/* Of a packed object: as object_read. */
long pack_read(int fd, uint64_t offset, void *p, size_t max, uint64_t *total);
/* Packs a block of what may be packed in one of the 256 directories: 1: there is more, 0, or an
 * error. */
int objects_pack(struct store *s, int directory);
void pack_end(struct store *s); /* what is half done is thrown away */

#endif
