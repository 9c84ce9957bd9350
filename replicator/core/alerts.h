/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What an administrator is told, and when: pure. A condition that holds (a conflict, a peer that is
 * away) is told once when it has lasted for its patience, and once when it has been over for
 * ALERT_QUIET_MSEC: what comes and goes at once is one condition. Level-triggered: what began and
 * ended while others were told is not told at all. At most ALERT_BURST are told in a row, further ones
 * one every ALERT_REST_MSEC; what could not be told is tried again, ALERT_TRIES times in all.
 */
#ifndef CORE_ALERTS_H
#define CORE_ALERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define ALERTS_MAX 128 /* conditions at once; more are not told */
#define ALERT_BURST 20
#define ALERT_REST_MSEC 30000
#define ALERT_QUIET_MSEC 10000
#define ALERT_AGAIN_MSEC 60000
#define ALERT_TRIES 5
#define ALERT_WORDS_MAX 1024
#define ALERTS_BYTES_MAX (1024 * 1024)

enum alert_what {
	ALERT_CONFLICT = 1,
	ALERT_HOOK = 2,
	ALERT_HELD = 3,
	ALERT_LAG = 4,
	ALERT_PEER = 5,     /* cut off from it */
	ALERT_ISOLATED = 6, /* from all */
	ALERT_STORE = 7,
	ALERT_DAMAGED = 8, /* the store is, and is being repaired */
	ALERT_SERVED = 9,  /* what is held here was loaded by hand */
	ALERT_SERIAL = 10,
};
/* "conflict", "hook-failed", "held", "lag", "cut-off", "isolated", "store", "damaged",
 * "held-served", "serial". */
const char *alert_name(enum alert_what what);

struct alert {
	enum alert_what what;
	char *path; /* "": none */
	char *peer;
	char *hook;
	char *words;        /* a sentence */
	int64_t since_msec; /* wall clock */
	/* alerts.c's own, monotonic: */
	int64_t began_msec;
	int64_t seen_msec; /* when it held last */
	int64_t again_msec;
	uint32_t tries;
	uint32_t patience_msec;
	bool holds;
	bool told; /* that it began */
};

struct alerts;
struct alerts *alerts_new(void);
void alerts_free(struct alerts *a);

/* A look at all conditions: begin, an alerts_note for each one that holds, end. */
void alerts_look(struct alerts *a, int64_t now_msec);
/* `like`: what, path, peer, hook (which make it the same condition as before), words and since;
 * copied. Told after `patience_msec`. */
void alerts_note(struct alerts *a, const struct alert *like, uint32_t patience_msec);
/* It was told, and nothing is known of it now: it counts as if it held. */
void alerts_keep(struct alerts *a, const struct alert *like);
void alerts_looked(struct alerts *a);

/* What is to be told now (*begins, or it is over), until alerts_done for it; NULL: nothing. */
const struct alert *alerts_next(struct alerts *a, bool *begins);
/* It was told, or could not be. True: what is to be kept has changed. */
bool alerts_done(struct alerts *a, bool ok, int64_t now_msec);
/* False: told, or given up. For the log, right after alerts_done. */
bool alerts_will_try(const struct alerts *a);
uint32_t
alerts_left_out(const struct alerts *a); /* that ALERTS_MAX had no room for, at the last look */

/* What was told to have begun, in bytes, and back (into an empty one). 0 or ERR_FORMAT. */
void alerts_put(const struct alerts *a, struct buf *b);
int alerts_get(struct alerts *a, struct rd *r, int64_t now_msec);

#endif
