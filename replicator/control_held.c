/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The commands "hold" (a change set begins), "held" (what is held: by a set, by the safety brake),
 * and what becomes of it: "release", "approve", "discard", which end when it has been done. With the
 * "serial" of a barrier through the mount, all are carried out when what was saved before has been
 * dealt with.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "replicator/control_history.h"

#define HELD_MAX 1000 /* told one by one */
#define LIMIT_MSEC 15000
#define LOOK_MSEC 100

static const char *plural(uint32_t n)
{
	return n == 1 ? "" : "s";
}

/* ---- what is held ---- */

struct held_list {
	struct client *client;
	uint32_t said, braked, n;
};

static bool say_held(void *arg, const struct core_path *p)
{
	struct held_list *list = arg;
	bool braked = !p->draft->group;

	list->n++;
	list->braked += braked;
	if (list->said == HELD_MAX || !control_has_room(list->client))
		return true;
	json_t *o = json_object();
	control_add_text(o, "type", "held");
	control_add_path(o, "path", p->path);
	control_add_text(o, "by", braked ? "safety brake" : "set");
	control_add_version(o, p->draft);
	list->said += control_line(list->client, o);
	return true;
}

static void say_set(struct client *c, const struct core_set *s)
{
	json_t *o = json_object(), *patterns = json_array();

	control_add_text(o, "type", "set");
	control_add_number(o, "since", s->since_msec);
	control_add_text(o, "user", s->user);
	control_add_text(o, "tty", s->who->tty);
	control_add_text(o, "why", s->why);
	for (uint32_t i = 0; i < s->n; i++)
		json_array_append_new(patterns, control_text(s->patterns[i]));
	json_object_set_new(o, "patterns", patterns);
	control_line(c, o);
}

static void held_start(struct client *c, const json_t *request)
{
	struct held_list list = {.client = c};
	struct decision all = {0};
	struct core_set set;
	bool open = core_set(c->node->core, &set);

	(void)request;
	if (open)
		say_set(c, &set);
	node_held(c->node, &all, say_held, &list);
	const char *more = list.said < list.n ? " (not all are listed)" : "";
	if (list.n == 0)
		control_end(c, 0, "%s",
			    open ? "a change set is open, and nothing has been saved under it yet"
				 : "nothing is held");
	else if (list.braked == list.n)
		control_end(c, 1,
			    "%u path%s %s removed or emptied here, but not on the peers%s: "
			    "zonefsctl approve tells them, zonefsctl discard puts it back",
			    list.n, plural(list.n), list.n == 1 ? "is" : "are", more);
	else
		control_end(
		    c, 1,
		    "%u path%s %s held here, and no peer has heard of it%s: zonefsctl release "
		    "tells them, zonefsctl discard puts it back%s",
		    list.n, plural(list.n), list.n == 1 ? "is" : "are", more,
		    list.braked ? "; zonefsctl approve is for what the safety brake holds" : "");
}

/* ---- requests ---- */

/* request[name] as texts, which stay the request's; false: it is no list of texts, or too long. */
static bool read_texts(const json_t *request, const char *name, const char **to, uint32_t *n)
{
	const json_t *list = json_object_get(request, name), *item;
	size_t i;

	*n = 0;
	if (!list)
		return true;
	if (!json_is_array(list) || json_array_size(list) > HOLD_PATTERNS_MAX)
		return false;
	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);

		if (!text || strlen(text) != json_string_length(item))
			return false;
		to[(*n)++] = text;
	}
	return true;
}

static bool read_why(struct client *c, const json_t *request, const char **why)
{
	*why = "";
	if (control_get_text(request, "why", why) && strlen(*why) <= HOLD_WHY_MAX)
		return true;
	control_end(c, 1, "\"why\" is not a text of at most %d bytes", HOLD_WHY_MAX);
	return false;
}

/* ---- hold ---- */

static bool check_patterns(struct client *c, const char *const *patterns, uint32_t n)
{
	struct patterns *list = patterns_new();
	const char *why = "out of memory";
	uint32_t good = 0;

	while (list && good < n && patterns_add(list, patterns[good], &why) == 0)
		good++;
	if (!list || good < n)
		control_end(c, 1, "pattern \"%s\": %s", good < n ? patterns[good] : "", why);
	patterns_free(list);
	return list && good == n;
}

static void hold(struct client *c, const json_t *request)
{
	const char *patterns[HOLD_PATTERNS_MAX];
	struct hold h = {.patterns = patterns};
	struct core_set set;
	struct who who;

	if (!read_why(c, request, &h.why))
		return;
	if (!read_texts(request, "patterns", patterns, &h.n)) {
		control_end(c, 1, "\"patterns\" is not a list of at most %d patterns",
			    HOLD_PATTERNS_MAX);
		return;
	}
	if (!check_patterns(c, patterns, h.n))
		return;
	order_who(c, request, &who, &h.user);
	h.who = &who;
	if (core_joining(c->node->core)) {
		control_end(c, 1, "this node is joining: wait until it has its peers' tree");
		return;
	}
	if (core_set(c->node->core, &set)) {
		control_end(c, 1,
			    "a change set is open already%s%s: zonefsctl held shows it, zonefsctl "
			    "release and zonefsctl discard end it",
			    set.user[0] ? ", begun by " : "", set.user);
		return;
	}
	int err = node_hold(c->node, &h);
	if (err < 0)
		control_end(c, 1, "the store cannot be written: %s", err_text(err));
	else
		control_end(c, 0,
			    "what is saved on this node from now on%s is held here until zonefsctl "
			    "release, or discard",
			    h.n ? " under these patterns" : "");
}

/* ---- what was saved before ---- */

/* Until fs has given all hints up to a barrier, and they have been dealt with. */
struct before {
	uint64_t wait; /* 0: over */
	bool over;
};

static void waited(void *arg, bool reached)
{
	struct before *b = arg;

	(void)reached; /* what could not be is dealt with later, as ever */
	b->wait = 0;
	b->over = true;
}

static void wait_report(void *arg, const struct wait_report *r)
{
	(void)arg;
	(void)r;
}

/* request["serial"], where there is one. False: the command has been ended in words. */
static bool wait_before(struct client *c, const json_t *request, struct before *b)
{
	struct wait_calls calls = {.report = wait_report, .done = waited, .arg = b};
	struct wait_spec spec = {.path = "", .only_here = true, .limit_msec = LIMIT_MSEC};

	if (!control_get_serial(request, "serial", &spec.serial)) {
		control_end(c, 1, "\"serial\" is not a number in a string");
		return false;
	}
	b->over = !spec.serial || node_wait(c->node, &spec, &calls, &b->wait) < 0;
	return true;
}

struct hold_job {
	struct before before;
	json_t *request;
};

/* What is saved before and while a set is released goes with that one. */
static void hold_round(struct client *c)
{
	struct hold_job *j = c->job;

	if (j->before.over && !core_releasing(c->node->core))
		hold(c, j->request);
}

static void hold_start(struct client *c, const json_t *request)
{
	struct hold_job *j = calloc(1, sizeof(*j));

	c->job = j;
	if (j)
		j->request = json_deep_copy(request);
	if (!j || !j->request)
		control_end(c, 1, "out of memory");
	else if (wait_before(c, request, &j->before))
		hold_round(c);
}

static int64_t before_wake(const struct client *c, const struct before *b)
{
	return b->over ? c->node->now_msec + LOOK_MSEC : INT64_MAX;
}

static int64_t hold_wake(const struct client *c)
{
	return before_wake(c, &((const struct hold_job *)c->job)->before);
}

static void hold_finish(struct client *c)
{
	struct hold_job *j = c->job;

	if (j->before.wait)
		node_wait_cancel(c->node, j->before.wait);
	json_decref(j->request);
	free(j);
}

/* ---- release, approve, discard ---- */

struct decide_job {
	enum event_type type;
	char **path;
	uint32_t npaths;
	char *why;
	char *user;
	struct before before;
	bool decided;
	uint32_t n; /* paths that it is about */
	bool ended; /* a set, by it */
	int64_t until_msec;
};

static struct decision decision_of(const struct decide_job *j)
{
	return (struct decision){
	    .paths = (const char *const *)j->path, .n = j->npaths, .why = j->why, .user = j->user};
}

struct counting {
	enum event_type type;
	uint32_t n;
};

static bool count(void *arg, const struct core_path *p)
{
	struct counting *k = arg;

	k->n += k->type == EVENT_DISCARD || (k->type == EVENT_APPROVE) == !p->draft->group;
	return true;
}

/* Paths that are held, and that it is about. */
static uint32_t meant(struct client *c)
{
	const struct decide_job *j = c->job;
	struct decision d = decision_of(j);
	struct counting k = {.type = j->type};

	node_held(c->node, &d, count, &k);
	return k.n;
}

static void nothing(struct client *c)
{
	const struct decide_job *j = c->job;

	if (j->ended)
		control_end(c, 0, "the change set has ended: nothing was saved under it");
	else if (j->npaths)
		control_end(c, 1, "nothing is held there: zonefsctl held lists what is");
	else if (j->type == EVENT_RELEASE && core_held(c->node->core))
		control_end(c, 1,
			    "nothing of a change set is held: zonefsctl approve is for what the "
			    "safety brake holds");
	else
		control_end(c, 1, "nothing is held: there is nothing to do");
}

static void decide(struct client *c)
{
	struct decide_job *j = c->job;
	struct decision d = decision_of(j);
	struct core_set set;

	j->n = meant(c);
	j->ended = core_set(c->node->core, &set) && !j->npaths && j->type != EVENT_APPROVE;
	if (j->n == 0 && !j->ended) {
		nothing(c);
		return;
	}
	int err = node_decide(c->node, j->type, &d);
	if (err < 0) {
		control_end(c, 1, "the store cannot be written: %s", err_text(err));
		return;
	}
	j->decided = true;
	j->until_msec = c->node->now_msec + LIMIT_MSEC;
	if (j->n == 0)
		nothing(c);
}

static void end_decided(struct client *c, uint32_t left)
{
	const struct decide_job *j = c->job;
	uint32_t done = j->n > left ? j->n - left : 0;

	if (left && j->type == EVENT_DISCARD)
		control_end(c, 1,
			    "%u path%s put back as the peers have it, %u still being written and "
			    "left as it is: zonefsctl held",
			    done, plural(done), left);
	else if (left)
		control_end(c, 1,
			    "nothing is released: a path is still being written (the log says "
			    "which): zonefsctl held");
	else
		control_end(c, 0, "%u path%s: %s", j->n, plural(j->n),
			    j->type == EVENT_APPROVE   ? "the removal goes to the peers"
			    : j->type == EVENT_RELEASE ? "released, as one change"
						       : "put back as the peers have it");
}

static void decide_round(struct client *c)
{
	struct decide_job *j = c->job;

	if (j->before.over && !j->decided) {
		decide(c);
	} else if (j->decided) {
		bool late = c->node->now_msec >= j->until_msec;
		uint32_t left = meant(c);

		if (left == 0 || late ||
		    (j->type != EVENT_DISCARD && !core_releasing(c->node->core)))
			end_decided(c, left);
	}
}

static int64_t decide_wake(const struct client *c)
{
	const struct decide_job *j = c->job;

	return before_wake(c, &j->before);
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

	if (!read_why(c, request, &why))
		return false;
	bool good =
	    read_texts(request, "paths", texts, &n) && control_get_text(request, "path", &one);
	if (good && one)
		texts[n++] = one;
	if (!good || !add_paths(j, texts, n)) {
		control_end(c, 1,
			    "\"path\" is not a path of the tree, or \"paths\" not a list of them");
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
	if (read_decision(c, request) && wait_before(c, request, &j->before) && j->before.over)
		decide(c);
}

static void decide_finish(struct client *c)
{
	struct decide_job *j = c->job;

	if (!j)
		return;
	if (j->before.wait)
		node_wait_cancel(c->node, j->before.wait);
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

const struct control_command control_held = {.name = "held", .start = held_start};
const struct control_command control_hold = {.name = "hold",
					     .start = hold_start,
					     .round = hold_round,
					     .finish = hold_finish,
					     .wake = hold_wake};
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
