/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parts of the judge share: judge.c (requests and their order), judge_text.c (contents, and how
 * they get to the checkers), judge_conf.c (the configuration), judge_find.c (which zones), judge_zone.c
 * (one of them), judge_verdict.c (what comes of it all), judge_watch.c (when it is made again),
 * judge_gated.c (what is asked about at all).
 *
 * A judgement goes through these states, each begun when all that was asked for in the one before has
 * been answered:
 *
 *   LOAD   the contents of its items, from the store
 *   CONF   the configuration, if items are part of it: the checker, and the map that it makes
 *   ZONES  each zone that may be another one now: its files, the checker, the examination, a few at a time
 *   OVER
 */
#ifndef REPLICATOR_JUDGE_INTERNAL_H
#define REPLICATOR_JUDGE_INTERNAL_H

#include <stdatomic.h>

#include "base/port_check.h"
#include "replicator/judge/judge.h"
#include "replicator/node_internal.h"
#include "replicator/portal.h"
#include "replicator/zone/examine.h"

#define JUDGE_WORDS_MAX VERDICT_WORDS_MAX
#define JUDGE_FILES_MAX 1000               /* that one zone includes, all in all */
#define JUDGE_TEXT_MAX (512 * 1024 * 1024) /* bytes of a content; larger ones are refused */
#define JUDGE_LARGE (4 * 1024 * 1024)      /* bytes; one such zone at a time is examined */
#define JUDGE_PIECE (1024 * 1024)          /* read and staged at once, between other work */
#define JUDGE_ZONES_AT_ONCE 2              /* of one judgement */

struct judgement;

/* A content of the store, in memory, and staged at fs where a checker is to see it. */
struct judge_text {
	struct hash hash;
	uint64_t size;
	char *data;
	size_t len; /* read */
	bool read;  /* all of it, or status says why not */
	int status;
	bool wanted; /* staged */
	bool asked;
	bool staged; /* or stage_status says why not */
	int stage_status;
	int fd; /* to be written into; -1 */
	uint64_t written;
	struct fhandle handle;
	struct judgement *judgement;
};

/* What is at a path, as far as this judgement is concerned. */
struct judge_file {
	char *path;
	bool gone;                        /* or no file */
	struct judge_text *text;          /* NULL: gone */
	struct examine_include *included; /* once it has been looked through */
	size_t nincluded;
};

struct judge_files {
	struct judge_file *list; /* list[0]: the zone's own; then what that includes */
	size_t n, scanned;
};

enum judge_state { JUDGE_LOAD, JUDGE_CONF, JUDGE_ZONES, JUDGE_OVER };

struct judge_zone;

struct judgement {
	struct judgement *next;
	struct judge *judge;
	struct node *node;
	struct trial *trial;
	judge_done *done;
	void *arg;
	portal_done *map_done; /* the map as it is released is wanted, and nothing else */
	enum judge_state state;
	bool begun;     /* this state has */
	bool moved;     /* something was done that others of it may wait for */
	uint32_t asked; /* answers to come, of whatever kind */
	char *author;   /* a peer's name; NULL: whose the trial's versions are */
	/* Nobody waits for it: it asks for nothing more, its checkers are ended, and it is over when all that
	 * was asked for has been answered. Threads read it. */
	atomic_bool given_up;
	uint32_t conf_check; /* the port's id of its check under way; 0: none */

	struct judge_text **texts;
	size_t ntexts;

	struct judge_file *of_conf; /* what the checker of the configuration is to see */
	size_t nof_conf;
	bool conf_sent;
	struct named_conf conf; /* the map that the items make */
	bool has_conf;
	char *directory; /* named's, by that or by the map here */
	struct judge_zone **zones;
	size_t nzones;
	size_t left_out; /* zones beyond JUDGE_ZONES_MAX */

	enum verdict_kind kind;
	char words[JUDGE_WORDS_MAX + 1];
	bool warned;
	char **looked; /* see judge_watch.h */
	size_t nlooked;
	char **told; /* since it began */
	size_t ntold;
	char *needs[VERDICT_NEEDS_MAX];
	uint32_t nneeds;
	struct rewrite *rewrites;
	uint32_t nrewrites;
};

/* One zone in one view. */
struct judge_zone {
	struct judgement *judgement;
	char *name, *zclass, *view, *path;
	struct named_checks checks;
	bool text; /* a master file */
	bool signs_itself; /* its text is what named signs */
	bool passed;       /* the zone's checker has */
	bool verified;     /* dnssec-verify has been asked */
	enum { ZONE_WAITS, ZONE_FILES, ZONE_STAGING, ZONE_ASKED, ZONE_OVER } state;
	struct judge_files is, was;
	uint32_t asked;
	uint32_t check; /* the port's id of its check under way; 0: none */
	struct examine examine;
	bool examined;
};

/* ---- judge_text.c ---- */

/* The one of this content; a new one is read as this judgement's work goes on. NULL: out of memory. */
struct judge_text *judge_text(struct judgement *j, struct hash hash, uint64_t size);
/* fs is to have it. */
void judge_text_stage(struct judge_text *t);
/* A piece of what is to be done. True: there is more to do at once. */
bool judge_texts_work(struct judgement *j);
/* All that was asked for is there. */
bool judge_texts_ready(const struct judgement *j);
void judge_texts_free(struct judgement *j);

/* The file that counts at the path: of the items, what was released where another is held, else what
 * is shown. False: out of memory. */
bool judge_file_now(struct judgement *j, const char *path, struct judge_file *to);
/* As it was released last. */
bool judge_file_then(struct judgement *j, const char *path, struct judge_file *to);
void judge_file_fini(struct judge_file *f);
const struct version *judge_item(const struct judgement *j, const char *path); /* NULL: it is none */
bool judge_is_item(const struct judgement *j, const char *path);
/* The disk may have something else there than counts. */
bool judge_differs(const struct judgement *j, const char *path);
/* Items of a check, which are to be given to check_fini: what differs from the disk, of these. 0, or
 * an error: ERR_LIMIT. */
int judge_check_item(struct check *c, const struct judge_file *f);

/* ---- judge_conf.c ---- */

/* Some item is part of the configuration. */
bool judge_conf_wanted(const struct judgement *j);
/* True: it is over. */
bool judge_conf_work(struct judgement *j);

/* ---- judge_find.c ---- */

/* Those zones that may be other ones now, into j->zones. */
void judge_find_zones(struct judgement *j);

/* ---- judge_zone.c ---- */

/* False: out of memory. */
bool judge_zone_add(struct judgement *j, const struct named_zone *z, const char *path);
void judge_zone_free(struct judge_zone *z);
/* Goes on as far as it can. True: it is over. */
bool judge_zone_work(struct judge_zone *z);
/* Its files, by judge_watch.h. */
void judge_zone_watch(const struct judge_zone *z);
bool judge_zone_has(const struct judge_zone *z, const char *path);

/* ---- judge_verdict.c ---- */

/* The worst counts; the words of all are told, as far as there is room. */
void judge_say(struct judgement *j, enum verdict_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void judge_need(struct judgement *j, const char *path);
/* What is doubtful counts: somebody has made it here, and is to let it go. */
bool judge_has_doubts(const struct judgement *j);
/* What the examination of a zone has found. */
void judge_examined(struct judge_zone *z);
/* A content that was made here, into the store. 0 or an error. */
int judge_put(struct store *s, const struct buf *b, struct hash hash);
/* Serials that are to be raised. */
void judge_raise(struct judgement *j);

#endif
