/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the gate has said of a save is told to whoever made it: once, by the next zonefsctl of that user
 * whose errors go to a terminal.
 */
#ifndef REPLICATOR_JUDGE_NEWS_H
#define REPLICATOR_JUDGE_NEWS_H

#include "replicator/core/core.h"
#include "replicator/node_internal.h"

#define NEWS_MAX 256 /* waiting; the oldest are given up */

struct news;

struct news *news_new(void);
void news_free(struct news *n);

/* Of an own trial: that it is held, or (`warned`) what is to be heeded though it is not. What is said of
 * the same paths already is replaced; a good verdict takes it back. */
void news_verdict(struct node *n, const struct trial *t, const struct verdict *v, bool warned);

/* What is to be heeded about a version that he made, beside what was said of its path already. */
void news_say(struct node *n, const char *path, const struct version *v, const char *words);

/* What waits for this user, by login (as audit has it; (uint32_t)-1: none, then `uid`), until the callback
 * returns false; it is told then. */
void news_take(struct news *n, uint32_t login_uid, uint32_t uid,
	       bool (*each)(void *arg, const char *path, const char *words, bool held), void *arg);

#endif
