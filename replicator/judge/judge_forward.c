/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Named values of the store, "twice/PATH": the content that is reported, since when, and the words.
 */
#include "replicator/judge/judge_forward.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "replicator/hashing.h"
#include "replicator/judge/judge_gated.h"
#include "replicator/judge/judge_internal.h"
#include "replicator/judge/judge_news.h"
#include "replicator/judge/judge_serials.h"
#include "replicator/runner.h"
#include "replicator/store/store.h"
#include "replicator/zone/serial.h"

#define TWICE "twice/"
#define NAME_MAX_LEN (sizeof(TWICE) + PATH_LEN_MAX)

struct twice {
	char *path;
	struct hash hash;
	int64_t since_msec;
	char words[FORWARD_WORDS];
};

struct forwards {
	struct node *node;
	struct twice list[FORWARD_TWICE_MAX];
	size_t n;
};

/* ---- one content ---- */

struct asked {
	struct node *node;
	struct hash hash;
	uint32_t serial;
	bool changed; /* its records do, whatever its own text */
	bool low, equal, raises;
	uint32_t highest; /* of those that it is not above */
	uint32_t next;
};

static void ask(void *arg, const struct zone_entry *e)
{
	struct asked *q = arg;
	struct known_serial known;

	if (!serials_known(q->node, e->zone->name, e->zone->view, &known))
		return;
	enum serial_order order = serial_compare(q->serial, known.serial);
	bool equal = order == SERIAL_EQUAL;
	if (order == SERIAL_GREATER ||
	    (equal && !q->changed && (hash_none(known.hash) || hash_same(known.hash, q->hash))))
		return;
	uint32_t next = serial_next(known.serial, q->serial);
	if (!q->low || serial_compare(next, q->next) == SERIAL_GREATER) {
		q->next = next;
		q->highest = known.serial;
		q->equal = equal;
	}
	q->low = true;
	q->raises |= conf_zone_options(q->node->conf, e->zone->name).serial == CONF_SERIAL_RAISE;
}

static int read_all(struct node *n, const struct attrs *a, char **text)
{
	uint64_t total = 0;
	size_t len = 0;

	*text = a->size <= JUDGE_TEXT_MAX ? malloc((size_t)a->size + 1) : NULL;
	while (*text && len < a->size) {
		long got = store_read(n->store, a->hash, len, *text + len, (size_t)a->size - len,
				      &total);
		if (got <= 0)
			return got < 0 ? (int)got : ERR_CORRUPT;
		len += (size_t)got;
	}
	return *text ? 0 : -ENOMEM;
}

/* False: it is not to be changed. */
static bool raise_serial(struct node *n, struct attrs *a, uint32_t serial, bool dry)
{
	CLEANUP_FREE char *text = NULL;
	struct serial_place place;
	const char *why;
	struct buf b;

	if (read_all(n, a, &text) < 0 || serial_signed(text, (size_t)a->size) != 0 ||
	    serial_find(text, (size_t)a->size, &place, &why) != 0)
		return false;
	if (dry)
		return true;
	buf_init(&b, (size_t)a->size + 16);
	serial_rewrite(&b, text, (size_t)a->size, &place, serial);
	struct hash hash = hash_of(b.data, b.len);
	int err = b.err ? b.err : judge_put(n->store, &b, hash);
	if (err == 0) {
		a->hash = hash;
		a->size = b.len;
	}
	buf_fini(&b);
	return err == 0;
}

static enum forward make(struct node *n, const char *path, struct attrs *a, bool changed, bool dry,
			 char words[FORWARD_WORDS])
{
	struct asked q = {.node = n, .hash = a->hash, .changed = changed};

	if (!n->conf->server || !serials_read(n, a, &q.serial))
		return FORWARD_FINE;
	serials_zones(n, path, ask, &q);
	if (!q.low)
		return FORWARD_FINE;
	if (q.raises && raise_serial(n, a, q.next, dry)) {
		snprintf(words, FORWARD_WORDS, "serial raised from %u to %u", q.serial, q.next);
		return FORWARD_RAISED;
	}
	if (q.equal)
		snprintf(words, FORWARD_WORDS,
			 "serial %u served with two contents: secondaries that have it won't "
			 "transfer what has changed",
			 q.serial);
	else
		snprintf(words, FORWARD_WORDS,
			 "the serial goes back from %u to %u: secondaries keep what they have",
			 q.highest, q.serial);
	return FORWARD_TWICE;
}

enum forward forward_make(struct node *n, const char *path, struct attrs *a, bool dry,
			  char words[FORWARD_WORDS])
{
	const struct version *now = core_visible(n->core, path);

	if (now && now->attrs.kind == KIND_FILE && hash_same(now->attrs.hash, a->hash) &&
	    core_versions(n->core, path) == 1 && !now->combined)
		return FORWARD_FINE; /* it is so already */
	return make(n, path, a, false, dry, words);
}

enum forward forward_beside(struct node *n, const char *path, struct attrs *a, bool dry,
			    char words[FORWARD_WORDS])
{
	return make(n, path, a, true, dry, words);
}

void forward_users(struct node *n, const char *path, const struct attrs *a,
		   void (*each)(void *arg, const char *zone_path), void *arg)
{
	const struct version *now = core_visible(n->core, path);
	uint32_t serial;

	if (!n->conf->server || a->kind != KIND_FILE || serials_read(n, a, &serial) ||
	    (now && now->attrs.kind == KIND_FILE && hash_same(now->attrs.hash, a->hash)))
		return;
	gated_users(n->gated, path, each, arg);
}

/* ---- what is reported ---- */

static void value_name(char name[NAME_MAX_LEN], const char *path)
{
	snprintf(name, NAME_MAX_LEN, TWICE "%s", path);
}

static void drop(struct forwards *f, size_t i)
{
	free(f->list[i].path);
	memmove(f->list + i, f->list + i + 1, (--f->n - i) * sizeof(*f->list));
}

static void forget(struct forwards *f, size_t i)
{
	char name[NAME_MAX_LEN];

	value_name(name, f->list[i].path);
	store_value_put(f->node->store, name, "", 0);
	drop(f, i);
}

static bool is_reported(const struct forwards *f, const char *path, struct hash hash)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->list[i].path, path) == 0 && hash_same(f->list[i].hash, hash))
			return true;
	return false;
}

static void keep(struct forwards *f, const struct twice *t)
{
	char name[NAME_MAX_LEN];
	struct buf b;

	value_name(name, t->path);
	buf_init(&b, 1024);
	buf_raw(&b, t->hash.b, sizeof(t->hash.b));
	buf_i64(&b, t->since_msec);
	buf_str(&b, t->words);
	if (!b.err) /* else it lasts as long as this life */
		store_value_put(f->node->store, name, b.data, b.len);
	buf_fini(&b);
}

void forward_report(struct forwards *f, const char *path, struct hash hash, const char *words)
{
	struct twice one = {.path = strdup(path), .hash = hash, .since_msec = f->node->wall_msec};

	log_warning("/%s: %s", path, words);
	for (size_t i = f->n; i > 0; i--)
		if (strcmp(f->list[i - 1].path, path) == 0)
			drop(f, i - 1);
	if (f->n == FORWARD_TWICE_MAX)
		forget(f, 0);
	if (!one.path)
		return;
	snprintf(one.words, sizeof(one.words), "%s", words);
	keep(f, &one);
	f->list[f->n++] = one;
}

void forward_reported(struct forwards *f,
		      bool (*each)(void *arg, const char *path, const char *words,
				   int64_t since_msec),
		      void *arg)
{
	for (size_t i = 0; i < f->n;) {
		const struct twice *t = &f->list[i];
		const struct version *now = core_visible(f->node->core, t->path);

		if (!now || !hash_same(now->attrs.hash, t->hash)) {
			forget(f, i);
			continue;
		}
		if (!each(arg, t->path, t->words, t->since_msec))
			return;
		i++;
	}
}

static int load(void *arg, const char *name, const void *p, size_t len)
{
	struct forwards *f = arg;
	struct twice one = {.path = strdup(name + strlen(TWICE))};
	struct rd r;

	rd_init(&r, p, len);
	const uint8_t *hash = rd_raw(&r, sizeof(one.hash.b));
	if (hash)
		memcpy(one.hash.b, hash, sizeof(one.hash.b));
	one.since_msec = rd_i64(&r);
	rd_strbuf(&r, one.words, sizeof(one.words));
	if (one.path && rd_end(&r) == 0 && f->n < FORWARD_TWICE_MAX)
		f->list[f->n++] = one;
	else
		free(one.path);
	return 0;
}

struct forwards *forwards_open(struct node *n)
{
	struct forwards *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->node = n;
	if (store_value_each(n->store, TWICE, load, f) < 0)
		log_warning("which serials were served with two contents is not known any more");
	return f;
}

void forwards_close(struct forwards *f)
{
	while (f && f->n > 0)
		drop(f, f->n - 1);
	free(f);
}

/* ---- conflicts ---- */

static bool is_own_winner(const struct node *n, const char *path, const struct version *v)
{
	const char *author = v ? core_origin_node(n->core, v->dot.origin) : NULL;

	return author && v->attrs.kind == KIND_FILE && strcmp(author, n->conf->node) == 0 &&
	       (core_versions(n->core, path) > 1 || v->combined);
}

void forward_look(struct node *n, const char *path)
{
	const struct version *won = core_visible(n->core, path);
	char words[FORWARD_WORDS];

	if (!is_own_winner(n, path, won) || core_joining(n->core))
		return;
	struct version *v = version_get((struct version *)(uintptr_t)won);
	struct attrs a = v->attrs;
	enum forward what = forward_make(n, path, &a, false, words);
	if (what == FORWARD_RAISED) {
		struct renew r = {v->dot, a.hash, a.size};
		struct event e = {.type = EVENT_RENEW, .path = path, .renew = &r};

		node_event(n, &e);
		const struct version *now = core_visible(n->core, path);
		if (now && hash_same(now->attrs.hash, a.hash)) {
			log_notice("/%s has won a conflict: %s", path, words);
			news_say(n, path, v, words);
		}
	} else if (what == FORWARD_TWICE && !is_reported(n->forwards, path, v->attrs.hash)) {
		forward_report(n->forwards, path, v->attrs.hash, words);
		news_say(n, path, v, words);
	}
	version_put(v);
}
