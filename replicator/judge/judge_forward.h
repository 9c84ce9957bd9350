/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Serials of what no save is: a version of the history that is restored, one that is taken out of a
 * conflict, and the winner of one. Where it would serve a serial that is not above all that were
 * released, or that another content was served with, it gets one that is (serial = raise), or that is
 * reported (keep, and signed text).
 *
 * The winner of a conflict is told anew by its author (EVENT_RENEW), once its contents are known. What is
 * reported stays so until the path has another content.
 */
#ifndef REPLICATOR_JUDGE_FORWARD_H
#define REPLICATOR_JUDGE_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "replicator/core/core.h"
#include "replicator/node_internal.h"

#define FORWARD_WORDS 256
#define FORWARD_TWICE_MAX 256 /* reported at once; the oldest are given up */
#define FORWARD_BESIDE_MAX 64 /* zones that include a path and are mended with it */

enum forward {
	FORWARD_FINE,   /* there is nothing to be done, or said */
	FORWARD_RAISED, /* what is to be there instead is in *a, and in the store */
	FORWARD_TWICE,  /* it is to be reported */
};

struct forwards;

struct forwards *forwards_open(struct node *n);
void forwards_close(struct forwards *f);

/* What comes of it that this content is to be at `path`. `dry`: *a stays, nothing is stored. Words except
 * of FINE. A content that cannot be read is FINE. */
enum forward forward_make(struct node *n, const char *path, struct attrs *a, bool dry,
			  char words[FORWARD_WORDS]);

/* The files of zones that include `path`, which is to have other content and holds no serial itself: each
 * with its attributes of now, for forward_beside. */
void forward_users(struct node *n, const char *path, const struct attrs *a,
		   void (*each)(void *arg, const char *zone_path), void *arg);
/* As forward_make, of a zone's file of now whose records change by what it includes. */
enum forward forward_beside(struct node *n, const char *path, struct attrs *a, bool dry,
			    char words[FORWARD_WORDS]);

/* It is reported from now on, while this content is visible at the path: status, the alert, the log. */
void forward_report(struct forwards *f, const char *path, struct hash hash, const char *words);
/* What is reported, until the callback returns false. */
void forward_reported(struct forwards *f,
		      bool (*each)(void *arg, const char *path, const char *words,
				   int64_t since_msec),
		      void *arg);

/* The path's entry, or what is known of its serials, is another one: where a version of this node has
 * won, it is told anew or reported. */
void forward_look(struct node *n, const char *path);

#endif
