/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "zones": the map, in the order of the configuration, a page at a time. With "names", for
 * programs that ask the name server itself, no more than the names of those that it should serve.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "replicator/control/control_internal.h"
#include "replicator/control/control_zones.h"

#define NAMES_MAX 200 /* on a line */

struct listing {
	uint64_t generation;
	bool names;
	size_t next;
	uint64_t replicated;
};

static const char *place_text(enum zone_place place)
{
	switch (place) {
	case ZONE_REPLICATED:
		return "replicated";
	case ZONE_NO_FILE:
		return "no file";
	case ZONE_OUTSIDE:
		return "outside";
	case ZONE_SECONDARY:
		return "secondary";
	case ZONE_DYNAMIC:
		return "dynamic";
	case ZONE_EXCLUDED:
		return "excluded";
	}
	return "unknown";
}

static const char *state_text(enum zones_state state)
{
	switch (state) {
	case ZONES_NONE:
		return "none";
	case ZONES_ASKING:
		return "asking";
	case ZONES_GOOD:
		return "good";
	case ZONES_BROKEN:
		return "broken";
	case ZONES_UNCHECKED:
		return "unchecked";
	}
	return "unknown";
}

json_t *control_zones_line(const struct node *n)
{
	struct zones_status s;
	json_t *o = json_object();

	zones_status(n->zones, &s);
	control_add_text(o, "type", "map");
	control_add_text(o, "state", state_text(s.state));
	if (s.state != ZONES_NONE) {
		control_add_text(o, "server", n->conf->server ? n->conf->server->name : "patterns");
		control_add_text(o, "version", s.version);
		control_add_bool(o, "asking", s.asking);
		control_add_number(o, "zones", s.n);
		control_add_number(o, "generation", (int64_t)s.generation);
		control_add_number(o, "since", s.since_msec);
		control_add_number(o, "as_of", s.map_msec);
		control_add_text(o, "words", s.words);
	}
	return o;
}

static void say_zone(struct client *c, const struct zone_entry *e)
{
	const struct named_zone *z = e->zone;
	json_t *o = json_object();

	control_add_text(o, "type", "zone");
	control_add_text(o, "zone", z->name);
	control_add_text(o, "class", z->zclass);
	if (z->view)
		control_add_text(o, "view", z->view);
	control_add_text(o, "kind", named_type_text(z->type));
	if (z->in_view)
		control_add_text(o, "in_view", z->in_view);
	if (z->file)
		control_add_text(o, "file", z->file);
	if (e->path)
		control_add_path(o, "path", e->path);
	control_add_text(o, "place", place_text(e->place));
	control_add_bool(o, "dynamic", z->dynamic);
	control_add_bool(o, "inline_signing", z->inline_signed);
	control_add_bool(o, "dnssec_policy", z->policy);
	control_add_bool(o, "catalog", z->catalog);
	control_add_text(o, "format", z->checks.format == NAMED_TEXT ? "text" : "raw");
	control_line(c, o);
}

static bool is_served(const struct named_zone *z)
{
	return strcasecmp(z->zclass, "IN") == 0 &&
	       (z->type == NAMED_PRIMARY || z->type == NAMED_SECONDARY || z->type == NAMED_IN_VIEW);
}

/* Names of one view, as far as they follow each other. */
static void say_names(struct client *c, struct listing *l)
{
	json_t *o = json_object(), *names = json_array();
	const char *view = NULL;
	struct zone_entry e;

	for (; zones_entry(c->node->zones, l->next, &e) && json_array_size(names) < NAMES_MAX;
	     l->next++) {
		const char *of = e.zone->view ? e.zone->view : "";

		if (!is_served(e.zone))
			continue;
		if (view && strcmp(view, of) != 0)
			break;
		view = of;
		json_array_append_new(names, control_text(e.zone->name));
	}
	control_add_text(o, "type", "names");
	if (view && view[0])
		control_add_text(o, "view", view);
	json_object_set_new(o, "zones", names);
	control_line(c, o);
}

static void end(struct client *c, const struct zones_status *s, uint64_t replicated)
{
	const struct listing *l = c->job;

	if (l->names && s->state != ZONES_ASKING) {
		control_end(c, 0, "all zones that are known here");
		return;
	}
	if (s->state == ZONES_BROKEN)
		control_end(c, 1,
			    "the configuration is broken, these are the zones from before: %s",
			    s->words);
	else if (s->state == ZONES_UNCHECKED)
		control_end(
		    c, 1,
		    "the configuration could not be checked, these are the zones from before: %s",
		    s->words);
	else if (s->state == ZONES_ASKING)
		control_end(c, 1, "the configuration is being read: try again");
	else
		control_end(c, 0, "%u zone%s, the files of %llu replicate", s->n,
			    s->n == 1 ? "" : "s", (unsigned long long)replicated);
}

static void zones_round(struct client *c)
{
	struct listing *l = c->job;
	struct zones_status s;
	struct zone_entry e;

	zones_status(c->node->zones, &s);
	if (s.generation != l->generation) {
		control_end(c, 1, "the configuration has changed meanwhile: try again");
		return;
	}
	while (l->names && control_has_room(c) && zones_entry(c->node->zones, l->next, &e))
		say_names(c, l);
	while (!l->names && control_has_room(c) && zones_entry(c->node->zones, l->next, &e)) {
		say_zone(c, &e);
		l->next++;
		l->replicated += e.place == ZONE_REPLICATED;
	}
	if (!zones_entry(c->node->zones, l->next, &e))
		end(c, &s, l->replicated);
}

static void zones_start(struct client *c, const json_t *request)
{
	struct zones_status s;

	zones_status(c->node->zones, &s);
	if (s.state == ZONES_NONE) {
		control_end(c, 1, "zonefs.conf names no server, and no zones by their files: see zonefs.conf(5)");
		return;
	}
	struct listing *l = calloc(1, sizeof(*l));
	if (!l) {
		control_end(c, 1, "%s", err_text(-ENOMEM));
		return;
	}
	l->generation = s.generation;
	l->names = json_is_true(json_object_get(request, "names"));
	c->job = l;
	control_line(c, control_zones_line(c->node));
}

static void zones_finish(struct client *c)
{
	free(c->job);
	c->job = NULL;
}

const struct control_command control_zones = {
    .name = "zones", .start = zones_start, .round = zones_round, .finish = zones_finish};
