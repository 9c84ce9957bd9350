/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The scheduler in core/hooks.c says when; fs runs the program. What a hook was due for is not kept
 * item by item: one durable mark says that something was due, and after a crash each hook is first
 * run for "all", before or together with what has come since. The mark is put with the change itself,
 * in one commit; it is taken away when every change that was noted has been given to the scheduler,
 * which is after that commit, and covered by a run.
 */
#include "replicator/runs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "replicator/byhand.h"
#include "replicator/outcomes.h"
#include "replicator/portal.h"
#include "replicator/proofs.h"
#include "replicator/runs_text.h"

#define MARK "hooks-due"
#define PROVES "hook-proves\t" /* and its name: it has printed proofs */
#define BACKOFF_FIRST_MSEC 1000
#define BACKOFF_LAST_MSEC 60000

struct hook_state {
	struct runs *runs;
	uint32_t index;
	const struct hook_run *run;  /* under way, from the scheduler; NULL: none, or a recovery */
	const struct hook_run *held; /* must wait for the recovery that is under way */
	bool running;
	bool recovering; /* a run for everything is due */
	bool proves;     /* it prints proofs: it can be asked */
	bool ask_due;
	bool asking;     /* the run under way asks, and covers nothing */
	int64_t recover_msec;
	int64_t backoff_msec;
	char *since[HOOK_ITEMS_MAX]; /* what has changed since the run under way began */
	uint32_t nsince; /* HOOK_ITEMS_MAX: and more */
	struct hook_status status;
	char words[WIRE_WORDS_MAX + 1];
};

struct runs {
	struct node *node;
	struct hooks *hooks;
	struct hook_state *h;
	uint32_t n;
	bool marked;
	uint32_t noted; /* changes that concern a hook and are not durable yet */
};

static void proves_name(char *to, size_t size, const struct conf_hook *c)
{
	snprintf(to, size, PROVES "%s", c->name);
}

static bool does_prove(struct node *n, const struct conf_hook *c)
{
	char name[512];
	uint8_t one;

	proves_name(name, sizeof(name), c);
	return c->persistent || store_value_get(n->store, name, &one, 1) > 0;
}

struct runs *runs_new(struct node *n)
{
	struct runs *r = calloc(1, sizeof(*r));
	struct hook_spec specs[CONF_HOOKS_MAX];
	uint8_t mark;

	if (!r)
		return NULL;
	r->node = n;
	r->n = (uint32_t)n->conf->nhooks;
	r->h = calloc(r->n ? r->n : 1, sizeof(*r->h));
	if (!r->h) {
		free(r);
		return NULL;
	}
	r->marked = store_value_get(n->store, MARK, &mark, 1) > 0;
	for (uint32_t i = 0; i < r->n; i++) {
		const struct conf_hook *c = &n->conf->hooks[i];
		struct hook_state *h = &r->h[i];

		specs[i] = (struct hook_spec){c->name, c->match, (uint32_t)c->quiet_msec};
		h->runs = r;
		h->index = i;
		h->recovering = r->marked;
		h->proves = does_prove(n, c);
		h->status.name = c->name;
		h->status.words = h->words;
	}
	if (r->marked && r->n > 0)
		log_notice("hooks were due when this node ended: each runs once for everything");
	r->hooks = hooks_new(specs, r->n);
	return r;
}

static void forget_since(struct hook_state *h)
{
	for (uint32_t i = 0; i < h->nsince; i++)
		free(h->since[i]);
	h->nsince = 0;
}

void runs_free(struct runs *r)
{
	if (!r)
		return;
	hooks_free(r->hooks);
	for (uint32_t i = 0; i < r->n; i++)
		forget_since(&r->h[i]);
	free(r->h);
	free(r);
}

/* ---- changes ---- */

static bool concerns_a_hook(const struct runs *r, const char *path, bool dir, uint8_t changed)
{
	if (!(changed & ~CHANGED_MTIME))
		return false;
	for (uint32_t i = 0; i < r->n; i++)
		if (patterns_match(r->node->conf->hooks[i].match, path, dir))
			return true;
	return false;
}

static void mark(struct runs *r, bool due)
{
	uint8_t one = 1;
	int err = store_value_put(r->node->store, MARK, &one, due);

	if (err < 0)
		log_limited(LOG_LEVEL_WARNING, "whether hooks are due cannot be noted: %s",
			    err_text(err));
	if (err != ERR_LIMIT && err != -ENOMEM) /* else it was not taken: again at the next round */
		r->marked = due;
}

static void mark_as_is(struct runs *r)
{
	bool due = runs_pending(r);

	if (r->marked != due && r->n > 0)
		mark(r, due);
}

static void add_since(struct runs *r, const char *path)
{
	for (uint32_t i = 0; i < r->n; i++) {
		struct hook_state *h = &r->h[i];
		char *copy = h->running && h->nsince < HOOK_ITEMS_MAX ? strdup(path) : NULL;

		if (copy)
			h->since[h->nsince++] = copy;
	}
}

static bool changed_since(const void *arg, const char *path)
{
	const struct hook_state *h = arg;

	for (uint32_t i = 0; i < h->nsince; i++)
		if (strcmp(h->since[i], path) == 0)
			return true;
	return h->nsince == HOOK_ITEMS_MAX;
}

void runs_note(struct runs *r, const struct effect *e)
{
	bool concerns = concerns_a_hook(r, e->path, e->told.kind == KIND_DIR, e->told.changed);

	/* Without anything but a later mtime no run follows, and what is proved now holds. */
	if (e->told.changed & ~CHANGED_MTIME)
		add_since(r, e->path);
	if (e->told.kind == KIND_ABSENT)
		proofs_removed(r->node->proofs, e->path);
	else if (!concerns && e->told.version)
		proofs_touched(r->node->proofs, e->path, e->told.version);
	if (!concerns)
		return;
	r->noted++;
	if (!r->marked)
		mark(r, true);
}

void runs_changed(struct runs *r, const struct task *t)
{
	const struct version *v = t->told.version;
	struct dot none = {0};

	r->noted -= concerns_a_hook(r, t->path, t->told.kind == KIND_DIR, t->told.changed);
	hooks_changed(r->hooks, t->path, t->told.kind == KIND_DIR, t->told.kind == KIND_ABSENT,
		      t->told.changed, v ? v->dot : none, t->told.more, r->node->now_msec);
}

/* ---- ends ---- */

static void add_outcomes(struct runs *r, const struct hook_state *h, const struct run_result *result)
{
	struct node *n = r->node;
	char *served = runs_served(result->output);

	for (uint32_t i = 0; h->run && served && i < h->run->n; i++) {
		const struct hook_item *item = &h->run->items[i];
		const struct version *v = core_visible(n->core, item->path);
		struct outcome o = {
		    .dot = item->dot,
		    .path = item->path,
		    .node = n->conf->node,
		    .wall_msec = n->wall_msec,
		    .after_msec = -1,
		    .hook = n->conf->hooks[h->index].name,
		    .status = result->status,
		    .words = (char *)h->words,
		    .served = served,
		};

		if (item->dot.origin == 0)
			continue;
		if (v && dot_same(v->dot, item->dot))
			o.after_msec = outcomes_after(n, v);
		outcomes_add(n, &o);
	}
	free(served);
}

static void log_result(const struct hook_state *h, const struct run_result *result)
{
	char line[200];

	path_escape(line, sizeof(line), h->words);
	if (result->status == 0)
		log_info("hook %s ran for %u ms", h->status.name, result->run_msec);
	else
		log_warning("hook %s failed (%d) after %u ms: %s", h->status.name, result->status,
			    result->run_msec, line);
}

static void ended(struct hook_state *h, const struct run_result *result)
{
	struct runs *r = h->runs;
	struct node *n = r->node;
	bool ok = result->status == 0;

	runs_pick_lines(h->words, sizeof(h->words), result->output, "served ", false);
	log_result(h, result);
	for (uint32_t i = 0; h->run && i < h->run->n; i++)
		log_stage("hook", h->run->items[i].path);
	add_outcomes(r, h, result);
	h->running = false;
	h->status.runs++;
	h->status.last_msec = n->wall_msec;
	h->status.run_msec = result->run_msec;
	h->status.status = result->status;
	if (h->recovering) {
		h->recovering = !ok;
		h->backoff_msec = h->backoff_msec ? h->backoff_msec * 2 : BACKOFF_FIRST_MSEC;
		if (h->backoff_msec > BACKOFF_LAST_MSEC)
			h->backoff_msec = BACKOFF_LAST_MSEC;
		h->recover_msec = n->now_msec + h->backoff_msec;
	}
	if (h->run)
		hooks_done(r->hooks, h->index, ok, n->now_msec);
	h->run = NULL;
	n->changes++;
	mark_as_is(r);
}

/* A hook that was asked has said what it knows. */
static void asked(struct hook_state *h, const struct run_result *result)
{
	h->running = h->asking = false;
	if (result->status != 0)
		log_debug("hook %s cannot say what is served of what is held: %.200s",
			  h->status.name, result->output);
}

static void note_that_it_proves(struct hook_state *h, const struct run_result *result)
{
	struct node *n = h->runs->node;
	uint8_t one = 1;
	char name[512];

	if (h->proves || (strncmp(result->output, "proof\t", 6) != 0 &&
			  !strstr(result->output, "\nproof\t")))
		return;
	h->proves = true;
	proves_name(name, sizeof(name), &n->conf->hooks[h->index]);
	store_value_put(n->store, name, &one, 1);
}

static void hook_done(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	struct run_result *result = malloc(sizeof(*result));

	(void)fd;
	if (!result) {
		log_error("out of memory");
		abort();
	}
	runs_result(result, status, r);
	crash_point("hook-ended");
	proofs_hook(n->proofs, result->output, changed_since, arg);
	note_that_it_proves(arg, result);
	runs_drop_lines(result->output, "proof\t");
	if (((struct hook_state *)arg)->asking)
		asked(arg, result);
	else
		ended(arg, result);
	crash_point("hook-noted");
	free(result);
}

/* ---- starts ---- */

static void start(struct hook_state *h, const struct hook_run *run)
{
	struct node *n = h->runs->node;
	struct buf *b = portal_begin(n->portal, PORT_HOOK);
	struct buf input;

	buf_init(&input, 2 * PORT_INPUT_MAX);
	byhand_lines(n->byhand, n->conf->hooks[h->index].match, &input, PORT_INPUT_MAX / 2);
	if (!h->asking)
		runs_input(&input, h->recovering ? NULL : run, PORT_INPUT_MAX - input.len);
	buf_str(b, h->status.name);
	buf_str(b, "reload");
	buf_bytes(b, input.data, input.len);
	buf_fini(&input);
	h->run = run;
	h->running = true;
	forget_since(h);
	crash_point("hook-due");
	if (portal_send(n->portal, hook_done, h) < 0) {
		struct run_result failed = {.status = -1};
		snprintf(failed.output, sizeof(failed.output), "too many requests to fs");
		if (h->asking)
			asked(h, &failed);
		else
			ended(h, &failed);
	}
}

void runs_tick(struct runs *r)
{
	const struct hook_run *run;

	mark_as_is(r);
	while ((run = hooks_next(r->hooks, r->node->now_msec))) {
		struct hook_state *h = &r->h[run->hook];
		if (h->running)
			h->held = run;
		else
			start(h, run);
	}
	for (uint32_t i = 0; i < r->n; i++) {
		struct hook_state *h = &r->h[i];

		if (h->running)
			continue;
		if (h->held) {
			run = h->held;
			h->held = NULL;
			start(h, run);
		} else if (h->recovering && h->recover_msec <= r->node->now_msec) {
			start(h, NULL);
		} else if (h->ask_due) {
			h->ask_due = false;
			h->asking = true;
			start(h, NULL);
		}
	}
}

bool runs_ask(struct runs *r)
{
	bool any = false;

	for (uint32_t i = 0; i < r->n; i++) {
		struct hook_state *h = &r->h[i];

		h->ask_due |= h->proves;
		any |= h->ask_due;
	}
	return any;
}

bool runs_asking(const struct runs *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (r->h[i].ask_due || r->h[i].asking)
			return true;
	return false;
}

int64_t runs_wake(const struct runs *r)
{
	int64_t wake = hooks_wake(r->hooks);

	for (uint32_t i = 0; i < r->n; i++)
		if (r->h[i].recovering && !r->h[i].running && r->h[i].recover_msec < wake)
			wake = r->h[i].recover_msec;
	return wake;
}

/* ---- questions ---- */

bool runs_pending(const struct runs *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (r->h[i].recovering || (r->h[i].running && !r->h[i].asking))
			return true;
	return r->noted > 0 || hooks_pending(r->hooks);
}

static bool fails(const struct hook_state *h)
{
	return h->status.runs > 0 && h->status.status != 0;
}

uint32_t runs_failing(const struct runs *r)
{
	uint32_t failing = 0;

	for (uint32_t i = 0; i < r->n; i++)
		failing += fails(&r->h[i]);
	return failing;
}

void runs_words(const struct runs *r, char *dst, size_t size)
{
	for (uint32_t i = 0; i < r->n; i++) {
		if (fails(&r->h[i])) {
			snprintf(dst, size, "hook %s fails: %s", r->h[i].status.name,
				 r->h[i].words);
			return;
		}
		if (r->h[i].running && !r->h[i].asking) {
			snprintf(dst, size, "hook %s is running", r->h[i].status.name);
			return;
		}
	}
	snprintf(dst, size, "a hook is yet to run");
}

uint32_t node_hooks(const struct node *n)
{
	return n->runs->n;
}

void node_hook(const struct node *n, uint32_t hook, struct hook_status *s)
{
	*s = n->runs->h[hook].status;
	s->running = n->runs->h[hook].running && !n->runs->h[hook].asking;
	s->failing = fails(&n->runs->h[hook]);
}
