/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "lint": the configuration and the zones of this node's tree, as they are now, through the
 * name server's own checkers: the configuration first, then zones, a few at a time, in the order of the
 * map. With a path: what is in that file. When the map becomes another one meanwhile it begins again, and
 * says so. Last, as a warning, what no checker minds and the gate holds in doubt all the same: the guard's
 * reasons, a serial's, ...
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/checks.h"
#include "replicator/control/control_internal.h"

#define AT_ONCE 2
#define AGAIN_MAX 20 /* so often it begins again */

struct lint {
	struct client *client; /* NULL: it has gone; freed when the last answer has come */
	uint64_t generation;
	char path[PATH_LEN_MAX + 1]; /* "": all */
	bool conf_asked;
	size_t next; /* in the map */
	uint32_t under_way;
	uint32_t again;
	uint64_t checked, bad, could_not;
	uint32_t in_doubt;
};

/* One answer to come. */
struct asked {
	struct lint *lint;
	char *zone; /* NULL: the configuration */
	char *view; /* NULL */
	char *path; /* NULL */
};

static void free_asked(struct asked *a)
{
	free(a->zone);
	free(a->view);
	free(a->path);
	free(a);
}

static const char *verdict_text(enum check_verdict verdict)
{
	return verdict == CHECK_GOOD ? "good" : verdict == CHECK_BAD ? "bad" : "could not";
}

static void say(struct asked *a, const struct check_result *r)
{
	json_t *o = json_object();

	control_add_text(o, "type", "checked");
	control_add_text(o, "verdict", verdict_text(r->verdict));
	if (a->zone)
		control_add_text(o, "zone", a->zone);
	if (a->view)
		control_add_text(o, "view", a->view);
	if (a->path)
		control_add_path(o, "path", a->path);
	control_add_text(o, "words", r->words);
	control_add_number(o, "run_ms", r->run_msec);
	control_line(a->lint->client, o);
}

static void answered(void *arg, const struct check_result *r)
{
	struct asked *a = arg;
	struct lint *l = a->lint;

	l->under_way--;
	l->checked++;
	l->bad += r->verdict == CHECK_BAD;
	l->could_not += r->verdict == CHECK_COULD_NOT;
	if (l->client)
		say(a, r);
	else if (l->under_way == 0)
		free(l);
	free_asked(a);
}

/* False: not now. */
static bool ask(struct lint *l, const struct check *c, const struct zone_entry *e)
{
	struct asked *a = calloc(1, sizeof(*a));

	if (!a)
		return false;
	a->lint = l;
	if (e) {
		a->zone = strdup(e->zone->name);
		a->view = e->zone->view ? strdup(e->zone->view) : NULL;
		a->path = strdup(e->path);
	}
	if (checks_start(l->client->node, c, answered, a) < 0) {
		free_asked(a);
		return false;
	}
	l->under_way++;
	return true;
}

/* Zones whose files are people's, not named's own. */
static bool is_wanted(const struct lint *l, const struct zone_entry *e)
{
	return e->path && e->zone->type == NAMED_PRIMARY && !e->zone->dynamic &&
	       (!l->path[0] || strcmp(l->path, e->path) == 0);
}

static bool ask_next(struct lint *l)
{
	const struct zones *z = l->client->node->zones;
	struct check *c CLEANUP_FREE = calloc(1, sizeof(*c));
	struct zone_entry e;

	if (!c)
		return false;
	if (!l->conf_asked) {
		c->kind = CHECK_CONF;
		l->conf_asked = ask(l, c, NULL);
		return l->conf_asked;
	}
	while (zones_entry(z, l->next, &e) && !is_wanted(l, &e))
		l->next++;
	if (!zones_entry(z, l->next, &e))
		return false;
	checks_of_zone(c, z, &e);
	if (!ask(l, c, &e))
		return false;
	l->next++;
	return true;
}

static bool say_doubt(void *arg, const struct core_path *p)
{
	struct lint *l = arg;
	json_t *o;

	if (core_held_by(p->draft) != HELD_GATE || p->draft->aside || p->verdict != VERDICT_DOUBT)
		return true;
	o = json_object();
	control_add_text(o, "type", "held");
	control_add_path(o, "path", p->path);
	control_add_text(o, "words", p->words ? p->words : "");
	control_line(l->client, o);
	l->in_doubt++;
	return control_has_room(l->client);
}

static void say_doubts(struct lint *l)
{
	const char *path = l->path;
	struct decision d = {.paths = &path, .n = path[0] ? 1 : 0};

	node_held(l->client->node, &d, say_doubt, l);
}

static void end(struct client *c, struct lint *l)
{
	if (l->checked > 0)
		say_doubts(l);
	if (l->checked == 0)
		control_end(c, 1,
			    "nothing to check: the file is neither a static primary zone's nor "
			    "part of the configuration (zonefsctl zones)");
	else if (l->bad + l->could_not == 0 && l->in_doubt)
		control_end(c, 0,
			    "%" PRIu64 " checked: all is well, but %u %s held by the gate: "
			    "zonefsctl approve, if that is meant",
			    l->checked, l->in_doubt, l->in_doubt == 1 ? "is" : "are");
	else if (l->bad + l->could_not == 0)
		control_end(c, 0, "%" PRIu64 " checked: all is well", l->checked);
	else
		control_end(
		    c, 1, "%" PRIu64 " checked: %" PRIu64 " bad, %" PRIu64 " could not be checked",
		    l->checked, l->bad, l->could_not);
}

static void begin(struct lint *l, const struct zones_status *s)
{
	l->generation = s->generation;
	l->conf_asked = l->path[0] && !zones_is_conf(l->client->node->zones, l->path);
	l->next = 0;
	l->checked = l->bad = l->could_not = 0;
}

/* What was asked by the earlier map is waited for first. */
static void begin_again(struct client *c, struct lint *l, const struct zones_status *s)
{
	if (l->under_way > 0)
		return;
	if (l->again++ == AGAIN_MAX) {
		control_end(c, 1, "the configuration has changed %d times meanwhile: try again",
			    AGAIN_MAX);
		return;
	}
	if (l->checked > 0) {
		json_t *o = json_object();

		control_add_text(o, "type", "again");
		control_line(c, o);
	}
	begin(l, s);
}

static void lint_round(struct client *c)
{
	struct lint *l = c->job;
	struct zones_status s;
	struct zone_entry e;

	zones_status(c->node->zones, &s);
	if (s.generation == 0 && s.state == ZONES_ASKING)
		return; /* it is being read for the first time */
	if (s.generation != l->generation)
		begin_again(c, l, &s);
	if (s.generation != l->generation)
		return;
	while (l->under_way < AT_ONCE && control_has_room(c) && ask_next(l))
		;
	if (l->under_way == 0 && l->conf_asked && !zones_entry(c->node->zones, l->next, &e))
		end(c, l);
}

static void lint_start(struct client *c, const json_t *request)
{
	struct zones_status s;
	const char *text = "";
	struct lint *l = calloc(1, sizeof(*l));

	zones_status(c->node->zones, &s);
	if (!l) {
		control_end(c, 1, "%s", err_text(-ENOMEM));
	} else if (!control_get_text(request, "path", &text) || control_path(text, l->path) < 0) {
		control_end(c, 1, "\"path\" is not a path of the tree");
	} else if (!c->node->conf->server) {
		control_end(c, 1, "zonefs.conf names no server: see zonefs.conf(5)");
	} else {
		l->client = c;
		begin(l, &s);
		c->job = l;
		return;
	}
	free(l);
}

static void lint_finish(struct client *c)
{
	struct lint *l = c->job;

	c->job = NULL;
	if (l)
		l->client = NULL;
	if (l && l->under_way == 0)
		free(l);
}

const struct control_command control_lint = {
    .name = "lint", .start = lint_start, .round = lint_round, .finish = lint_finish};
