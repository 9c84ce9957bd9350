/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What became of a version on each node: with its line in the log, and where the log is followed, as lines
 * of their own for what becomes known of the versions told last.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "replicator/control/control_log.h"

/* "ZONE SERIAL" lines. */
static json_t *served_list(const char *served)
{
	json_t *list = json_array();

	while (*served) {
		size_t len = strcspn(served, "\n");
		char *line CLEANUP_FREE = strndup(served, len);

		if (line && len > 0)
			json_array_append_new(list, control_text(line));
		served += len + (served[len] == '\n');
	}
	return list;
}

static void add_outcome(json_t *o, const struct outcome *outcome)
{
	control_add_text(o, "node", outcome->node ? outcome->node : "");
	control_add_number(o, "time", outcome->wall_msec);
	if (outcome->after_msec >= 0)
		control_add_number(o, "after_ms", outcome->after_msec);
	if (outcome->hook)
		control_add_text(o, "hook", outcome->hook);
	control_add_number(o, "status", outcome->status);
	control_add_text(o, "words", outcome->words ? outcome->words : "");
	if (outcome->served && outcome->served[0])
		json_object_set_new(o, "served", served_list(outcome->served));
}

struct collecting {
	json_t *list;
	uint32_t n;
};

static int collect(void *arg, const struct outcome *outcome)
{
	struct collecting *c = arg;
	json_t *o = json_object();

	add_outcome(o, outcome);
	json_array_append_new(c->list, o);
	c->n++;
	return 0;
}

json_t *log_outcomes(struct node *n, const struct past_record *r, uint32_t *count)
{
	struct collecting all = {.list = json_array()};

	store_outcomes(n->store, r->version->dot, r->path, collect, &all);
	*count = all.n;
	return all.list;
}

void log_watch(struct log_watch *all, const struct past_record *r, uint32_t outcomes)
{
	struct watched *w = &all->list[all->n % LOG_WATCHED_MAX];

	free(w->path);
	w->path = strdup(r->path);
	w->dot = r->version->dot;
	w->outcomes = outcomes;
	all->n++;
}

/* An outcome that is told after its version. */
struct telling {
	struct client *client;
	struct watched *watched;
	uint32_t at;
};

static int tell_outcome(void *arg, const struct outcome *outcome)
{
	struct telling *t = arg;
	char dot[CONTROL_DOT_TEXT];

	if (t->at++ < t->watched->outcomes)
		return 0;
	json_t *o = json_object();
	control_add_text(o, "type", "outcome");
	control_dot_text(dot, t->watched->dot);
	control_add_text(o, "version", dot);
	control_add_path(o, "path", t->watched->path);
	add_outcome(o, outcome);
	if (!control_line(t->client, o))
		return 1;
	t->watched->outcomes++;
	return 0;
}

void log_watched_tell(struct log_watch *all, struct client *c)
{
	uint32_t n = all->n < LOG_WATCHED_MAX ? all->n : LOG_WATCHED_MAX;
	uint32_t start = all->n - n;

	for (uint32_t i = 0; i < n; i++) {
		struct watched *w = &all->list[(start + i) % LOG_WATCHED_MAX];
		struct telling t = {.client = c, .watched = w};

		if (w->path)
			store_outcomes(c->node->store, w->dot, w->path, tell_outcome, &t);
	}
}

void log_watch_fini(struct log_watch *all)
{
	for (uint32_t i = 0; i < LOG_WATCHED_MAX; i++)
		free(all->list[i].path);
}
