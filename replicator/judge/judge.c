/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Judgements in the order of their requests, a few of them under way. Nothing of one is freed before all
 * that was asked for it has been answered.
 */
#include "replicator/judge/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "replicator/checks.h"
#include "replicator/everywhere.h"
#include "replicator/judge/judge_gated.h"
#include "replicator/judge/judge_internal.h"
#include "replicator/judge/judge_news.h"
#include "replicator/judge/judge_serials.h"
#include "replicator/judge/judge_watch.h"
#include "replicator/thinker.h"

struct judge {
	struct node *node;
	struct judgement *first;
	struct judgement **end;
	bool started; /* one that has not been looked at */
	struct watches *watches;
};

struct judge *judge_new(struct node *n)
{
	struct judge *j = calloc(1, sizeof(*j));

	if (j)
		j->watches = watches_new();
	if (!j || !j->watches) {
		free(j);
		return NULL;
	}
	j->node = n;
	j->end = &j->first;
	return j;
}

static void judgement_free(struct judgement *j)
{
	for (size_t i = 0; i < j->nzones; i++)
		judge_zone_free(j->zones[i]);
	free(j->zones);
	for (size_t i = 0; i < j->nof_conf; i++)
		judge_file_fini(&j->of_conf[i]);
	free(j->of_conf);
	for (uint32_t i = 0; i < j->nneeds; i++)
		free(j->needs[i]);
	for (uint32_t i = 0; i < j->nrewrites; i++)
		free((char *)(uintptr_t)j->rewrites[i].path);
	free(j->rewrites);
	judge_texts_free(j);
	watch_forget(j);
	if (j->has_conf)
		named_conf_fini(&j->conf);
	free(j->directory);
	free(j->author);
	trial_free(j->trial);
	free(j);
}

void judge_free(struct judge *j)
{
	struct judgement *one;

	while (j && (one = j->first)) {
		j->first = one->next;
		judgement_free(one);
	}
	if (j)
		watches_free(j->watches);
	free(j);
}

int judge_start(struct judge *j, struct trial *take, judge_done *done, void *arg)
{
	struct judgement *one = calloc(1, sizeof(*one));

	if (!one) {
		trial_free(take);
		return -ENOMEM;
	}
	one->judge = j;
	one->node = j->node;
	one->trial = take;
	one->done = done;
	one->arg = arg;
	one->kind = VERDICT_GOOD;
	*j->end = one;
	j->end = &one->next;
	j->started = true;
	return 0;
}

int judge_start_for(struct judge *j, struct trial *take, const char *author, judge_done *done,
		    void *arg)
{
	struct judgement **end = j->end;
	char *copy = strdup(author);

	if (!copy) {
		trial_free(take);
		return -ENOMEM;
	}
	int err = judge_start(j, take, done, arg);
	if (err < 0)
		free(copy);
	else
		(*end)->author = copy;
	return err;
}

/* ---- nobody waits for it ---- */

static void give_up(struct judgement *one)
{
	if (atomic_load(&one->given_up))
		return;
	atomic_store(&one->given_up, true);
	checks_end(one->node, one->conf_check);
	for (size_t i = 0; i < one->nzones; i++)
		checks_end(one->node, one->zones[i]->check);
}

void judge_give_up(struct judge *j, const void *arg)
{
	for (struct judgement *one = j->first; one; one = one->next)
		if (one->arg == arg)
			give_up(one);
}

/* Those that the core has asked for, and forgotten since: something of it was saved anew. */
static void give_up_forgotten(struct judge *j)
{
	for (struct judgement *one = j->first; one; one = one->next)
		if (one->trial->id && !core_hears(j->node->core, one->trial->id))
			give_up(one);
}

int judge_map(struct judge *j, portal_done *done, void *arg)
{
	struct trial *none = calloc(1, sizeof(*none));
	struct judgement **end = j->end;

	if (!none || judge_start(j, none, NULL, arg) < 0)
		return -ENOMEM;
	(*end)->map_done = done;
	return 0;
}

/* ---- for the core ---- */

static void tell_core(void *arg, const struct verdict *v)
{
	struct event e = {.type = EVENT_VERDICT, .verdict = v};

	node_event(arg, &e);
}

void judge_trial(struct judge *j, struct trial *take)
{
	if (judge_start(j, take, tell_core, j->node) < 0) {
		log_error("out of memory");
		abort();
	}
}

bool judge_gated(void *arg, const char *path)
{
	const struct node *n = arg;
	char above[PATH_LEN_MAX + 1];

	return n->gated && n->conf->server && n->conf->server->gate &&
	       (gated_is(n->gated, path) || gated_below(n->gated, path, above));
}

/* ---- one of them ---- */

static bool zones_work(struct judgement *j)
{
	size_t going = 0, over = 0;

	for (size_t i = 0; i < j->nzones && going < JUDGE_ZONES_AT_ONCE; i++) {
		if (j->zones[i]->state == ZONE_OVER || judge_zone_work(j->zones[i]))
			over++;
		else
			going++;
	}
	return over == j->nzones && j->asked == 0;
}

static void next_state(struct judgement *j, enum judge_state state)
{
	j->state = state;
	j->begun = false;
	j->moved = true;
}

/* The zones are looked for in the map, which is about to be another one. (That is asked for by a judgement,
 * too.) */
static bool waits_for_map(const struct judgement *j)
{
	return j->state == JUDGE_LOAD && !j->map_done && gated_settling(j->node->gated);
}

/* What was still on its way when the replicator ended is nobody's want any more: the core asks for it then. */
static bool contents_are_here(struct judgement *j)
{
	for (uint32_t i = 0; i < j->trial->n; i++) {
		const struct attrs *a = &j->trial->items[i].version->attrs;

		if (a->kind == KIND_FILE && !store_has(j->node->store, a->hash)) {
			judge_say(j, VERDICT_UNKNOWN, "%s: its content is not here",
				  j->trial->items[i].path);
			judge_need(j, j->trial->items[i].path);
		}
	}
	return j->nneeds == 0;
}

/* True: it is over. */
static bool go_on(struct judgement *j)
{
	if (atomic_load(&j->given_up))
		return j->asked == 0;
	if (j->state == JUDGE_LOAD && !contents_are_here(j))
		next_state(j, JUDGE_OVER);
	else if (j->state == JUDGE_LOAD)
		next_state(j, j->map_done || judge_conf_wanted(j) ? JUDGE_CONF : JUDGE_ZONES);
	if (j->state == JUDGE_CONF && judge_conf_work(j))
		next_state(j, j->kind == VERDICT_GOOD && !j->map_done ? JUDGE_ZONES : JUDGE_OVER);
	if (j->state == JUDGE_ZONES && !j->begun) {
		j->begun = true;
		judge_find_zones(j);
	}
	if (j->state == JUDGE_ZONES && zones_work(j)) {
		if (j->kind == VERDICT_GOOD || j->kind == VERDICT_DOUBT)
			judge_raise(j);
		next_state(j, JUDGE_OVER);
	}
	return j->state == JUDGE_OVER && j->asked == 0;
}

static void ask_again(const struct judgement *j)
{
	const char *paths[] = {j->trial->items[0].path};
	struct event e = {.type = EVENT_REJUDGE, .rejudge = {.paths = paths, .n = 1}};

	node_event(j->node, &e);
}

static void end(struct judgement *j)
{
	struct verdict v = {
	    .id = j->trial->id,
	    .kind = j->kind,
	    .words = j->words[0] ? j->words : NULL,
	    .needs = (const char *const *)j->needs,
	    .nneeds = j->nneeds,
	    .rewrites = j->rewrites,
	    .nrewrites = j->nrewrites,
	};

	if (j->map_done || atomic_load(&j->given_up))
		return;
	if (j->trial->id && j->trial->n > 0 && watch_late(j)) {
		ask_again(j);
		return;
	}
	if (v.kind != VERDICT_UNKNOWN)
		j->node->zones_checked += j->nzones;
	if (v.kind == VERDICT_GOOD && j->warned)
		log_warning("%s", j->words);
	if (j->trial->id)
		watch_end(j->judge->watches, j, v.kind == VERDICT_BAD || v.kind == VERDICT_DOUBT);
	news_verdict(j->node, j->trial, &v, j->warned);
	if (v.kind == VERDICT_GOOD && j->trial->everywhere) {
		everywhere_ask(j->node->everywhere, j->trial);
		j->trial = NULL;
	} else {
		j->done(j->arg, &v);
	}
}

/* ---- all of them ---- */

void judge_told(struct judge *j, const char *path)
{
	for (struct judgement *one = j->first; one; one = one->next)
		watch_told_during(one, path);
	watch_told(j->watches, path);
}

static bool work_off(struct judge *j)
{
	struct judgement **at = &j->first, *one;
	bool more = false;
	int going = 0;

	while ((one = *at) && going < JUDGE_AT_ONCE) {
		if (!atomic_load(&one->given_up) && waits_for_map(one)) {
			at = &one->next;
			continue;
		}
		one->moved = false;
		if (!atomic_load(&one->given_up))
			more |= judge_texts_work(one);
		if (!go_on(one)) {
			more |= one->moved;
			going++;
			at = &one->next;
			continue;
		}
		*at = one->next;
		if (!*at)
			j->end = at;
		end(one);
		judgement_free(one);
		more = true;
	}
	return more;
}

bool judge_work(struct judge *j)
{
	struct node *n = j->node;
	bool more = thinker_receive(n->thinker) > 0;

	j->started = false;
	give_up_forgotten(j);
	watches_work(j->watches, n);
	serials_work(n->serials);
	more |= gated_work(n->gated);
	more |= work_off(j);
	return more;
}

int judge_fd(const struct judge *j)
{
	return thinker_fd(j->node->thinker);
}

/* What could not be asked for, since too much was under way, is tried again. */
int64_t judge_wake(const struct judge *j)
{
	if (!j->first)
		return watches_due(j->watches) ? j->node->now_msec : INT64_MAX;
	return j->node->now_msec + (j->started ? 0 : JUDGE_RETRY_MSEC);
}
