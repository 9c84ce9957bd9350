/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What becomes of what is held: the commands "release", "approve", "discard", "edit" and "set-aside".
 * They end when it has been done.
 *
 * What is set aside is brought back when no hook runs: one that began before that was not told to leave
 * it alone, and would have it loaded. One that begins later is (byhand.c).
 */
#include "replicator/control/control_decide.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct counting {
	const struct decide_job *job;
	enum verdict_kind set; /* the gate's, on the release of the set */
	uint32_t n, gated, aside;
	uint32_t looked_at; /* will be, and are discarded then */
};

static bool is_decided(const struct counting *k, const struct core_path *p)
{
	const struct decide_job *j = k->job;

	if (j->type == EVENT_DISCARD)
		return true;
	if (j->type == EVENT_EDIT)
		return p->draft->aside;
	if (j->type == EVENT_SET_ASIDE) /* until what was released last is there */
		return !p->draft->aside || p->waiting;
	switch (core_held_by(p->draft)) {
	case HELD_BRAKE:
		return j->type == EVENT_APPROVE;
	case HELD_GATE:
		return j->type == EVENT_APPROVE ? p->verdict == VERDICT_DOUBT
						: j->force && j->npaths;
	default:
		return j->type == EVENT_RELEASE || k->set == VERDICT_DOUBT;
	}
}

static bool count(void *arg, const struct core_path *p)
{
	struct counting *k = arg;

	if (!is_decided(k, p))
		return true;
	k->n++;
	k->looked_at += p->put_back;
	k->aside += p->draft->aside;
	k->gated += core_held_by(p->draft) == HELD_GATE;
	return true;
}

/* Paths that are held, and that it is about. */
static struct counting meant(struct client *c)
{
	struct decide_job *j = c->job;
	struct decision d = decide_decision(j);
	struct core_set set = {0};

	core_set(c->node->core, &set);
	struct counting k = {.job = j, .set = set.verdict};
	node_held(c->node, &d, count, &k);
	j->gated |= k.gated > 0;
	return k;
}

static void decide(struct client *c)
{
	struct decide_job *j = c->job;
	struct decision d = decide_decision(j);
	struct core_set set;

	j->n = meant(c).n;
	j->saved_anew = core_saved_anew(c->node->core);
	j->ended = core_set(c->node->core, &set) && !j->npaths &&
		   (j->type == EVENT_RELEASE || j->type == EVENT_DISCARD);
	if (j->n == 0 && !j->ended) {
		decide_nothing(c);
		return;
	}
	if (j->asking && !asking_begin(c, j->asking))
		return;
	int err = node_decide(c->node, j->type, &d);
	if (err < 0) {
		control_end(c, 1, "the store cannot be written: %s", err_text(err));
		return;
	}
	j->decided = true;
	j->again_msec = c->node->now_msec + HELD_LOOK_MSEC;
	if (j->n == 0)
		decide_nothing(c);
}

static bool brings_back(struct client *c)
{
	const struct decide_job *j = c->job;

	return (j->type == EVENT_EDIT || decide_releases(j)) && meant(c).aside > 0;
}

/* The name of one; NULL: none. */
static const char *hook_under_way(const struct node *n)
{
	struct hook_status s;

	for (uint32_t i = 0; i < node_hooks(n); i++) {
		node_hook(n, i, &s);
		if (s.running)
			return s.name;
	}
	return NULL;
}

static void decide_unless_hook(struct client *c)
{
	struct decide_job *j = c->job;
	const char *hook = brings_back(c) ? hook_under_way(c->node) : NULL;

	if (hook && !j->hook_until_msec) {
		json_t *o = json_object();

		j->hook_until_msec = c->node->now_msec + HELD_LIMIT_MSEC;
		control_add_text(o, "type", "waits");
		control_add_text(o, "hook", hook);
		control_line(c, o);
	}
	if (!hook || (c->node->now_msec >= j->hook_until_msec && decide_releases(j)))
		decide(c); /* what is released is to be loaded */
	else if (c->node->now_msec >= j->hook_until_msec)
		control_end(c, 1,
			    "hook %s is still running, and could load what is brought back: nothing "
			    "is brought back; try again later",
			    hook);
}

/* What was being written, or saved since, is set aside when it can be. */
static void aside_again(struct client *c)
{
	struct decide_job *j = c->job;
	struct decision d = decide_decision(j);

	if (j->type != EVENT_SET_ASIDE || c->node->now_msec < j->again_msec)
		return;
	j->again_msec = c->node->now_msec + HELD_LOOK_MSEC;
	node_decide(c->node, j->type, &d);
}

/* Whether it goes is not known yet. */
static bool is_judged(const struct core *core)
{
	struct core_gate g;

	core_gate(core, &g);
	return g.judging > 0;
}

/* Nothing more comes of it by itself. */
static bool is_over(const struct client *c, const struct counting *left)
{
	const struct decide_job *j = c->job;
	const struct core *core = c->node->core;

	if (j->type == EVENT_DISCARD)
		return !left->looked_at && !core_putting_back(core);
	if (decide_releases(j) && core_releasing(core))
		return false;
	return left->n == 0 || (decide_releases(j) && !j->gated && !is_judged(core));
}

static void decide_round(struct client *c)
{
	struct decide_job *j = c->job;

	int64_t for_msec = c->node->now_msec - j->begun_msec;

	/* A name server that waits to be started is not kept by somebody who goes on writing. */
	if ((j->before.over || (j->type == EVENT_SET_ASIDE && for_msec > j->limit_msec / 2)) &&
	    !j->decided) {
		decide_unless_hook(c);
	} else if (j->decided) {
		bool late = for_msec >= j->limit_msec && !j->asking;
		struct counting left = meant(c);

		if (j->asking)
			asking_round(c, j->asking);
		if (late || is_over(c, &left))
			decide_end(c, left.n);
		else
			aside_again(c);
	}
}

static int64_t decide_wake(const struct client *c)
{
	const struct decide_job *j = c->job;

	return j->type == EVENT_SET_ASIDE ? c->node->now_msec + HELD_LOOK_MSEC
					  : held_before_wake(c, &j->before);
}

static bool add_paths(struct decide_job *j, const char *const *texts, uint32_t n)
{
	j->path = calloc(n + 1, sizeof(*j->path));
	for (uint32_t i = 0; j->path && i < n; i++) {
		char path[PATH_LEN_MAX + 1];

		if (control_path(texts[i], path) < 0)
			return false;
		if (!path[0]) { /* the tree's root: all of it */
			while (j->npaths)
				free(j->path[--j->npaths]);
			return true;
		}
		j->path[j->npaths] = strdup(path);
		if (!j->path[j->npaths++])
			return false;
	}
	return j->path;
}

static bool read_decision(struct client *c, const json_t *request)
{
	const char *texts[HOLD_PATTERNS_MAX + 1], *one = NULL, *why, *user;
	struct decide_job *j = c->job;
	struct who who;
	uint32_t n;

	if (!held_why(c, request, &why))
		return false;
	bool good =
	    held_texts(request, "paths", texts, &n) && control_get_text(request, "path", &one);
	if (good && one)
		texts[n++] = one;
	if (!good || !add_paths(j, texts, n)) {
		control_end(c, 1,
			    "\"path\" is not a path of the tree, or \"paths\" not a list of them");
		return false;
	}
	json_int_t limit = json_integer_value(json_object_get(request, "limit_ms"));
	if (limit > 0 && limit < j->limit_msec)
		j->limit_msec = limit;
	const json_t *force = json_object_get(request, "force");
	j->force = json_is_true(force);
	if ((force && !json_is_boolean(force)) || (j->force && j->type != EVENT_RELEASE)) {
		control_end(c, 1, "\"force\" is true or false, and for \"release\"");
		return false;
	}
	if (j->force && !j->npaths) {
		control_end(c, 1, "release --force is for paths: say which");
		return false;
	}
	if (!asking_read(c, request, &j->asking))
		return false;
	if (j->asking && (j->force || j->npaths || j->type != EVENT_RELEASE)) {
		control_end(c, 1, "release --everywhere is for all of a change set");
		return false;
	}
	order_who(c, request, &who, &user);
	j->why = strdup(why);
	j->user = strdup(user);
	if (!j->why || !j->user)
		control_end(c, 1, "out of memory");
	return j->why && j->user;
}

static void decide_start(struct client *c, const json_t *request, enum event_type type)
{
	struct decide_job *j = calloc(1, sizeof(*j));

	c->job = j;
	if (!j) {
		control_end(c, 1, "out of memory");
		return;
	}
	j->type = type;
	j->begun_msec = c->node->now_msec;
	j->limit_msec = type == EVENT_SET_ASIDE ? HELD_LIMIT_MSEC : 2 * HELD_LIMIT_MSEC;
	if (read_decision(c, request) && held_before(c, request, &j->before) && j->before.over)
		decide_unless_hook(c);
}

static void decide_finish(struct client *c)
{
	struct decide_job *j = c->job;

	if (!j)
		return;
	if (j->before.wait)
		node_wait_cancel(c->node, j->before.wait);
	asking_free(c, j->asking);
	while (j->npaths)
		free(j->path[--j->npaths]);
	free(j->path);
	free(j->why);
	free(j->user);
	free(j);
}

static void release_start(struct client *c, const json_t *request)
{
	decide_start(c, request, EVENT_RELEASE);
}

static void approve_start(struct client *c, const json_t *request)
{
	decide_start(c, request, EVENT_APPROVE);
}

static void discard_start(struct client *c, const json_t *request)
{
	decide_start(c, request, EVENT_DISCARD);
}

static void edit_start(struct client *c, const json_t *request)
{
	decide_start(c, request, EVENT_EDIT);
}

static void set_aside_start(struct client *c, const json_t *request)
{
	decide_start(c, request, EVENT_SET_ASIDE);
}

const struct control_command control_release = {.name = "release",
						.start = release_start,
						.round = decide_round,
						.finish = decide_finish,
						.wake = decide_wake};
const struct control_command control_approve = {.name = "approve",
						.start = approve_start,
						.round = decide_round,
						.finish = decide_finish,
						.wake = decide_wake};
const struct control_command control_discard = {.name = "discard",
						.start = discard_start,
						.round = decide_round,
						.finish = decide_finish,
						.wake = decide_wake};
const struct control_command control_edit = {.name = "edit",
					     .start = edit_start,
					     .round = decide_round,
					     .finish = decide_finish,
					     .wake = decide_wake};
const struct control_command control_set_aside = {.name = "set-aside",
						  .start = set_aside_start,
						  .round = decide_round,
						  .finish = decide_finish,
						  .wake = decide_wake};
