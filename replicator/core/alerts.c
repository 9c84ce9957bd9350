/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A short list, gone through each time. The rate is a bucket: one more may be told every
 * ALERT_REST_MSEC, ALERT_BURST at most are saved up.
 */
#include "replicator/core/alerts.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/path.h"

#define NAME_MAX_BYTES 255

struct alerts {
	struct alert a[ALERTS_MAX];
	uint32_t n;
	uint32_t left_out;
	int64_t now;
	bool telling; /* the one at `at` */
	bool begins;
	bool will_try;
	uint32_t at;
	uint32_t bucket;
	int64_t filled_msec;
};

const char *alert_name(enum alert_what what)
{
	static const char *const names[] = {
	    [ALERT_CONFLICT] = "conflict", [ALERT_HOOK] = "hook-failed",
	    [ALERT_HELD] = "held",         [ALERT_LAG] = "lag",
	    [ALERT_PEER] = "cut-off",      [ALERT_ISOLATED] = "isolated",
	    [ALERT_STORE] = "store",       [ALERT_DAMAGED] = "damaged",
	    [ALERT_SERVED] = "held-served",
	    [ALERT_SERIAL] = "serial",
	};

	return what < ARRAY_SIZE(names) && names[what] ? names[what] : "";
}

struct alerts *alerts_new(void)
{
	struct alerts *a = calloc(1, sizeof(*a));

	if (a)
		a->bucket = ALERT_BURST;
	return a;
}

static void drop(struct alert *x)
{
	free(x->path);
	free(x->peer);
	free(x->hook);
	free(x->words);
}

void alerts_free(struct alerts *a)
{
	if (!a)
		return;
	for (uint32_t i = 0; i < a->n; i++)
		drop(&a->a[i]);
	free(a);
}

/* ---- looking ---- */

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static struct alert *find(struct alerts *a, const struct alert *like)
{
	for (uint32_t i = 0; i < a->n; i++) {
		struct alert *x = &a->a[i];

		if (x->what == like->what && strcmp(x->path, or_empty(like->path)) == 0 &&
		    strcmp(x->peer, or_empty(like->peer)) == 0 &&
		    strcmp(x->hook, or_empty(like->hook)) == 0)
			return x;
	}
	return NULL;
}

/* NULL: no room or no memory. */
static struct alert *add(struct alerts *a, const struct alert *like)
{
	struct alert *x = &a->a[a->n];

	if (a->n == ALERTS_MAX)
		return NULL;
	*x = (struct alert){.what = like->what, .since_msec = like->since_msec};
	x->path = strdup(or_empty(like->path));
	x->peer = strdup(or_empty(like->peer));
	x->hook = strdup(or_empty(like->hook));
	x->words = strdup(or_empty(like->words));
	if (!x->path || !x->peer || !x->hook || !x->words) {
		drop(x);
		return NULL;
	}
	a->n++;
	return x;
}

void alerts_look(struct alerts *a, int64_t now_msec)
{
	a->now = now_msec;
	a->left_out = 0;
	for (uint32_t i = 0; i < a->n; i++)
		a->a[i].holds = false;
	if (a->filled_msec == 0)
		a->filled_msec = now_msec;
	for (; now_msec - a->filled_msec >= ALERT_REST_MSEC; a->filled_msec += ALERT_REST_MSEC)
		if (a->bucket < ALERT_BURST)
			a->bucket++;
}

void alerts_note(struct alerts *a, const struct alert *like, uint32_t patience_msec)
{
	struct alert *x = find(a, like);
	char *words;

	if (!x) {
		x = add(a, like);
		if (!x) {
			a->left_out++;
			return;
		}
		x->began_msec = a->now;
	}
	x->holds = true;
	x->seen_msec = a->now;
	x->patience_msec = patience_msec;
	if (strcmp(x->words, or_empty(like->words)) != 0 &&
	    (words = strndup(or_empty(like->words), ALERT_WORDS_MAX))) {
		free(x->words);
		x->words = words;
	}
}

void alerts_keep(struct alerts *a, const struct alert *like)
{
	struct alert *x = find(a, like);

	if (!x || !x->told)
		return;
	x->holds = true;
	x->seen_msec = a->now;
}

/* Over, and nobody was told that it had begun. */
void alerts_looked(struct alerts *a)
{
	uint32_t kept = 0;

	if (a->telling)
		return; /* its place must stay */
	for (uint32_t i = 0; i < a->n; i++) {
		if (a->a[i].holds || a->a[i].told)
			a->a[kept++] = a->a[i];
		else
			drop(&a->a[i]);
	}
	a->n = kept;
}

/* ---- telling ---- */

static bool is_due(const struct alerts *a, const struct alert *x, bool *begins)
{
	*begins = !x->told;
	if (a->now < x->again_msec)
		return false;
	if (x->told)
		return !x->holds && a->now - x->seen_msec >= ALERT_QUIET_MSEC;
	return x->holds && a->now - x->began_msec >= x->patience_msec;
}

const struct alert *alerts_next(struct alerts *a, bool *begins)
{
	if (a->telling || a->bucket == 0)
		return NULL;
	for (uint32_t i = 0; i < a->n; i++) {
		if (!is_due(a, &a->a[i], begins))
			continue;
		a->telling = true;
		a->begins = *begins;
		a->at = i;
		a->bucket--;
		return &a->a[i];
	}
	return NULL;
}

bool alerts_done(struct alerts *a, bool ok, int64_t now_msec)
{
	struct alert *x = &a->a[a->at];

	a->telling = false;
	a->will_try = !ok && ++x->tries < ALERT_TRIES;
	if (a->will_try) {
		x->again_msec = now_msec + ALERT_AGAIN_MSEC;
		return false;
	}
	x->tries = 0;
	x->again_msec = 0;
	x->told = a->begins;
	return true;
}

bool alerts_will_try(const struct alerts *a)
{
	return a->will_try;
}

uint32_t alerts_left_out(const struct alerts *a)
{
	return a->left_out;
}

/* ---- bytes: n u16, n * (what u8, since i64, path, peer, hook, words) ---- */

void alerts_put(const struct alerts *a, struct buf *b)
{
	uint16_t n = 0;

	for (uint32_t i = 0; i < a->n; i++)
		n = (uint16_t)(n + a->a[i].told);
	buf_u16(b, n);
	for (uint32_t i = 0; i < a->n; i++) {
		const struct alert *x = &a->a[i];

		if (!x->told)
			continue;
		buf_u8(b, (uint8_t)x->what);
		buf_i64(b, x->since_msec);
		buf_str(b, x->path);
		buf_str(b, x->peer);
		buf_str(b, x->hook);
		buf_str(b, x->words);
	}
}

static void get_one(struct alerts *a, struct rd *r, int64_t now_msec)
{
	struct alert like = {.what = (enum alert_what)rd_u8(r)};

	like.since_msec = rd_i64(r);
	like.path = rd_str(r, PATH_LEN_MAX);
	like.peer = rd_str(r, NAME_MAX_BYTES);
	like.hook = rd_str(r, NAME_MAX_BYTES);
	like.words = rd_str(r, ALERT_WORDS_MAX);
	if (!r->err && alert_name(like.what)[0] == '\0')
		rd_fail(r);
	struct alert *x = r->err ? NULL : add(a, &like);
	if (x) {
		x->told = true;
		x->began_msec = x->seen_msec = now_msec;
	}
	drop(&like);
}

int alerts_get(struct alerts *a, struct rd *r, int64_t now_msec)
{
	uint16_t n = rd_u16(r);

	for (uint16_t i = 0; i < n && !r->err; i++)
		get_one(a, r, now_msec);
	return rd_end(r);
}
