/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "held": what is held, by a set or by the safety brake; and what is common to those that
 * decide about it. With the "serial" of a barrier through the mount they are carried out when what was
 * saved before has been dealt with.
 */
#include "replicator/control/control_held.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/control/control_serving.h"
#include "replicator/control/control_summary.h"

#define HELD_MAX 1000 /* told one by one */

struct held_list {
	struct client *client;
	uint32_t said, braked, gated, aside, n;
	uint32_t by_hand; /* zones that were loaded by hand; 0: none is looked for */
};

struct held_job {
	int64_t until_msec; /* for the answer of hooks that are being asked */
};

/* What the name server has of it, where that was loaded by hand. */
struct by_hand {
	const char *path;
	json_t *to;
};

static void say_by_hand(void *arg, const struct proof *proof)
{
	struct by_hand *h = arg;
	json_t *o;

	if (strcmp(proof->path, h->path) != 0)
		return;
	o = json_object();
	control_add_text(o, "zone", proof->zone);
	if (proof->view[0])
		control_add_text(o, "view", proof->view);
	if (proof->has_serial)
		control_add_number(o, "serial", proof->serial);
	if (proof->has_loaded)
		control_add_number(o, "loaded", proof->loaded_sec * 1000);
	json_array_append_new(h->to, o);
}

static void add_by_hand(struct held_list *list, const char *path, json_t *o)
{
	struct by_hand h = {path, json_array()};

	proofs_by_hand(list->client->node->proofs, say_by_hand, &h);
	if (json_array_size(h.to) > 0)
		json_object_set(o, "served", h.to);
	json_decref(h.to);
}

static bool say_held(void *arg, const struct core_path *p)
{
	struct held_list *list = arg;
	static const char *const by[] = {
	    [HELD_SET] = "set", [HELD_BRAKE] = "safety brake", [HELD_GATE] = "gate"};
	static const char *const verdicts[] = {
	    [VERDICT_BAD] = "bad", [VERDICT_DOUBT] = "doubt", [VERDICT_UNKNOWN] = "could not"};
	enum held_by held = core_held_by(p->draft);
	bool refused = (size_t)p->verdict < ARRAY_SIZE(verdicts) && verdicts[p->verdict];

	list->n++;
	list->braked += held == HELD_BRAKE;
	list->gated += held == HELD_GATE;
	list->aside += p->draft->aside;
	if (list->said == HELD_MAX || !control_has_room(list->client))
		return true;
	json_t *o = json_object();
	control_add_text(o, "type", "held");
	control_add_path(o, "path", p->path);
	control_add_text(o, "by", by[held]);
	if (p->draft->aside)
		control_add_bool(o, "aside", true);
	if (held == HELD_GATE)
		control_add_text(o, "verdict", refused ? verdicts[p->verdict] : "judged");
	if (p->words)
		control_add_text(o, "words", p->words);
	control_add_version(o, p->draft);
	if (list->by_hand)
		add_by_hand(list, p->path, o);
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

static void say_all(struct client *c)
{
	struct held_list list = {.client = c,
				 .by_hand = proofs_by_hand(c->node->proofs, NULL, NULL)};
	struct decision all = {0};
	struct core_set set;
	bool open = core_set(c->node->core, &set);
	char aside[128] = "";

	if (open)
		say_set(c, &set);
	node_held(c->node, &all, say_held, &list);
	const char *more = list.said < list.n ? " (not all are listed)" : "";
	if (list.aside)
		snprintf(aside, sizeof aside,
			 "; %u set aside while what was released last is there: zonefsctl held "
			 "--edit brings it back",
			 list.aside);
	if (list.n == 0)
		control_end(c, 0, "%s",
			    open ? "a change set is open, and nothing has been saved under it yet"
				 : "nothing is held");
	else if (list.gated == list.n)
		control_end(c, 1,
			    "%u path%s %s held by the gate, and no peer has heard of it%s: save it "
			    "anew; zonefsctl approve lets go what is in doubt, zonefsctl release "
			    "--force PATH what is wrong, zonefsctl discard puts it back",
			    list.n, control_plural(list.n), list.n == 1 ? "is" : "are", more);
	else if (list.braked == list.n)
		control_end(c, 1,
			    "%u path%s %s removed or emptied here, but not on the peers%s: "
			    "zonefsctl approve tells them, zonefsctl discard puts it back%s",
			    list.n, control_plural(list.n), list.n == 1 ? "is" : "are", more,
			    aside);
	else
		control_end(
		    c, 1,
		    "%u path%s %s held here, and no peer has heard of it%s: zonefsctl release "
		    "tells them, zonefsctl discard puts it back%s%s",
		    list.n, control_plural(list.n), list.n == 1 ? "is" : "are", more,
		    list.braked ? "; zonefsctl approve is for what the safety brake holds" : "",
		    aside);
}

static void held_round(struct client *c)
{
	const struct held_job *j = c->job;

	if (!serving_asking(c, j->until_msec))
		say_all(c);
}

static int64_t held_wake(const struct client *c)
{
	const struct held_job *j = c->job;

	return serving_asking(c, j->until_msec) ? j->until_msec : INT64_MAX;
}

static void held_start(struct client *c, const json_t *request)
{
	struct held_job *j = calloc(1, sizeof(*j));

	(void)request;
	c->job = j;
	if (j)
		j->until_msec = serving_ask(c);
	else
		control_end(c, 1, "%s", err_text(-ENOMEM));
}

static void held_finish(struct client *c)
{
	free(c->job);
	c->job = NULL;
}

const struct control_command control_held = {.name = "held",
					     .start = held_start,
					     .round = held_round,
					     .finish = held_finish,
					     .wake = held_wake};

/* ---- requests ---- */

bool held_texts(const json_t *request, const char *name, const char **to, uint32_t *n)
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

bool held_why(struct client *c, const json_t *request, const char **why)
{
	*why = "";
	if (control_get_text(request, "why", why) && strlen(*why) <= HOLD_WHY_MAX)
		return true;
	control_end(c, 1, "\"why\" is not a text of at most %d bytes", HOLD_WHY_MAX);
	return false;
}

/* ---- what was saved before ---- */

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

bool held_before(struct client *c, const json_t *request, struct before *b)
{
	struct wait_calls calls = {.report = wait_report, .done = waited, .arg = b};
	struct wait_spec spec = {.path = "", .only_here = true, .limit_msec = HELD_LIMIT_MSEC};

	if (!control_get_serial(request, "serial", &spec.serial)) {
		control_end(c, 1, "\"serial\" is not a number in a string");
		return false;
	}
	b->over = !spec.serial || node_wait(c->node, &spec, &calls, &b->wait) < 0;
	return true;
}

int64_t held_before_wake(const struct client *c, const struct before *b)
{
	return b->over ? c->node->now_msec + HELD_LOOK_MSEC : INT64_MAX;
}
