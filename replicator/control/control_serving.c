/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "serving": zone by zone and view by view, what each node's name server serves, as it was
 * last proved, and whether that is what is on disk here. All is well with a zone where every node that is
 * known serves that with one and the same serial.
 */
#include "replicator/control/control_serving.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "replicator/byhand.h"
#include "replicator/judge/judge_serials.h"

#define ASKED_MAX 256 /* zones in a request */
#define HELD_MAX 10000

struct serving_job {
	struct serving_rows rows;
	size_t next;
	char **held; /* paths of which a change is, here; sorted */
	size_t nheld;
	uint64_t well, ill;
	char first_ill[256]; /* zones, for the summary */
	int64_t until_msec;  /* for the answer of hooks that are being asked */
};

/* ---- lines ---- */

static const char *state_text(enum serving s, bool held)
{
	if (held && s != SERVING_HELD)
		return "held";
	switch (s) {
	case SERVING_UNKNOWN:
		return "not proved";
	case SERVING:
		return "served";
	case SERVING_OTHER:
		return "not yet";
	case SERVING_FAILED:
		return "failed";
	case SERVING_WAITS:
		return "waits";
	case SERVING_HELD:
		return "held and served";
	}
	return "unknown";
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_held(const struct serving_job *j, const char *path)
{
	return j->nheld > 0 &&
	       bsearch(&path, j->held, j->nheld, sizeof(*j->held), compare_paths);
}

static bool add_held(void *arg, const struct core_path *p)
{
	struct serving_job *j = arg;

	if (core_judging(p))
		return true;
	j->held[j->nheld] = strdup(p->path);
	j->nheld += j->held[j->nheld] != NULL;
	return j->nheld < HELD_MAX;
}

static void find_held(struct node *n, struct serving_job *j)
{
	const struct decision all = {0};

	j->held = core_held(n->core) > 0 ? calloc(HELD_MAX, sizeof(*j->held)) : NULL;
	if (!j->held)
		return;
	node_held(n, &all, add_held, j);
	qsort(j->held, j->nheld, sizeof(*j->held), compare_paths);
}

/* One node's part of a zone's line. */
static json_t *standing(const struct proof *proof, enum serving s, bool held)
{
	json_t *o = json_object();
	char id[CONTROL_ID_TEXT], number[16];

	control_add_text(o, "state", state_text(s, held));
	if (!proof)
		return o;
	if (proof->has_serial) {
		snprintf(number, sizeof(number), "%" PRIu32, proof->serial);
		control_add_text(o, "serial", number);
	}
	if (proof->has_loaded)
		control_add_number(o, "loaded", proof->loaded_sec * 1000);
	control_add_number(o, "asked", proof->asked_msec);
	if (proof->dot.origin) {
		control_id_text(id, proof->dot);
		control_add_text(o, "version", id);
	}
	if (proof->words[0])
		control_add_text(o, "words", proof->words);
	return o;
}

struct sum {
	bool well, differs, any;
	uint32_t serial;
};

static void count(struct sum *sum, const struct proof *proof, enum serving s, bool held)
{
	sum->well &= s == SERVING && !held;
	if (!proof || !proof->has_serial)
		return;
	sum->differs |= sum->any && sum->serial != proof->serial;
	sum->any = true;
	sum->serial = proof->serial;
}

struct refusing {
	const char *node;
	char words[512]; /* "": it does not */
};

/* The last that is told of a node counts. */
static int look_if_refused(void *arg, const struct outcome *o)
{
	struct refusing *r = arg;

	if (strcmp(o->node, r->node) == 0)
		snprintf(r->words, sizeof(r->words), "%s", o->status == ERR_DENIED ? o->words : "");
	return 0;
}

/* What the peer has said of why it does not take what is here. */
static void say_refusal(struct node *n, const char *peer, const char *path,
			const struct version *here, json_t *o)
{
	struct refusing r = {.node = peer};

	if (!here || !version_live(here) ||
	    store_outcomes(n->store, here->dot, path, look_if_refused, &r) < 0 || !r.words[0])
		return;
	control_add_text(o, "state", "refused");
	control_add_text(o, "words", r.words);
}

static json_t *nodes_of(struct client *c, const struct serving_row *row, struct sum *sum)
{
	struct node *n = c->node;
	const struct serving_job *j = c->job;
	const struct version *here = row->key.path[0] ? core_visible(n->core, row->key.path) : NULL;
	const struct proof *proof = proofs_find(n->proofs, PROOFS_SELF, &row->key);
	enum serving s = proofs_standing(proof, here);
	bool held = is_held(j, row->key.path);
	json_t *list = json_array(), *o = standing(proof, s, held);
	struct peer_status p;

	control_add_text(o, "node", n->conf->node);
	control_add_bool(o, "self", true);
	json_array_append_new(list, o);
	count(sum, proof, s, held);
	for (uint32_t i = 0; i < node_peers(n); i++) {
		node_peer(n, i, &p);
		proof = proofs_find(n->proofs, i, &row->key);
		s = proofs_standing(proof, here);
		o = standing(proof, s, false);
		if (s == SERVING_OTHER || s == SERVING_UNKNOWN)
			say_refusal(n, p.name, row->key.path, here, o);
		control_add_text(o, "node", p.name);
		control_add_bool(o, "reachable", p.reachable);
		json_array_append_new(list, o);
		count(sum, proof, s, false);
		sum->well &= p.reachable;
	}
	return list;
}

static void say_row(struct client *c, const struct serving_row *row)
{
	struct serving_job *j = c->job;
	struct sum sum = {.well = true};
	json_t *o = json_object(), *nodes = nodes_of(c, row, &sum);
	const struct version *here =
	    row->key.path[0] ? core_visible(c->node->core, row->key.path) : NULL;
	char id[CONTROL_ID_TEXT], hash[HASH_TEXT], number[16];
	uint32_t serial;

	control_add_text(o, "type", "serving");
	control_add_text(o, "zone", row->key.zone);
	control_add_text(o, "class", row->key.zclass);
	if (row->key.view[0])
		control_add_text(o, "view", row->key.view);
	if (row->key.path[0])
		control_add_path(o, "path", row->key.path);
	if (here && version_live(here)) {
		control_id_text(id, here->dot);
		control_add_text(o, "version", id);
		hash_text(hash, here->attrs.hash);
		control_add_text(o, "hash", hash);
		if (serials_read(c->node, &here->attrs, &serial)) {
			snprintf(number, sizeof(number), "%" PRIu32, serial);
			control_add_text(o, "serial", number);
		}
	}
	control_add_bool(o, "well", sum.well && !sum.differs);
	control_add_bool(o, "differs", sum.differs);
	json_object_set_new(o, "nodes", nodes);
	control_line(c, o);
	if (sum.well && !sum.differs) {
		j->well++;
		return;
	}
	size_t used = strlen(j->first_ill);
	if (j->ill++ < 3)
		snprintf(j->first_ill + used, sizeof(j->first_ill) - used, "%s%.60s%s%.20s",
			 used ? ", " : "", row->key.zone, row->key.view[0] ? " in " : "",
			 row->key.view);
}

/* ---- the command ---- */

/* Nodes that are no peers of this one: they tell what they serve to their own. How many. */
static uint32_t say_behind(struct client *c)
{
	struct core_node *known = calloc(NODES_KNOWN_MAX, sizeof(*known));
	uint32_t n = known ? node_known(c->node, known) : 0, behind = 0;

	for (uint32_t i = 0; i < n; i++) {
		json_t *o;

		if (known[i].peer != UINT32_MAX || known[i].forgotten)
			continue;
		behind++;
		o = json_object();
		control_add_text(o, "type", "behind");
		control_add_text(o, "node", known[i].name);
		control_add_number(o, "heard", known[i].heard_msec);
		control_line(c, o);
	}
	free(known);
	return behind;
}

static void end(struct client *c)
{
	struct serving_job *j = c->job;
	uint32_t nodes = 1 + node_peers(c->node), behind = say_behind(c);
	uint64_t n = j->well + j->ill;
	char more[64] = "";

	if (behind > 0)
		snprintf(more, sizeof(more), "; %" PRIu32 " more %s not asked", behind,
			 behind == 1 ? "is" : "are");

	if (n == 0)
		control_end(c, 1, "no zone is known here: see HOOKS and \"server\" in zonefs.conf(5)");
	else if (j->ill == 0)
		control_end(c, 0,
			    "%" PRIu64 " zone%s, each served alike by %s%" PRIu32 " node%s%s", n,
			    n == 1 ? "" : "s", nodes > 1 && !behind ? "all " : "", nodes,
			    nodes == 1 ? "" : "s", more);
	else
		control_end(c, 1,
			    "%" PRIu64 " of %" PRIu64 " zone%s %s NOT served alike by all %" PRIu32
			    " node%s: %s%s%s",
			    j->ill, n, n == 1 ? "" : "s", j->ill == 1 ? "is" : "are", nodes, nodes == 1 ? "" : "s",
			    j->first_ill, j->ill > 3 ? ", ..." : "", more);
}

bool serving_asking(const struct client *c, int64_t until_msec)
{
	return byhand_asking(c->node->byhand) && c->node->now_msec < until_msec;
}

int64_t serving_ask(struct client *c)
{
	byhand_ask(c->node->byhand);
	return c->node->now_msec + BYHAND_WAIT_MSEC;
}

static int64_t serving_wake(const struct client *c)
{
	const struct serving_job *j = c->job;

	return serving_asking(c, j->until_msec) ? j->until_msec : INT64_MAX;
}

static void serving_round(struct client *c)
{
	struct serving_job *j = c->job;

	if (serving_asking(c, j->until_msec))
		return;
	while (control_has_room(c) && j->next < j->rows.n)
		say_row(c, &j->rows.list[j->next++]);
	if (j->next == j->rows.n)
		end(c);
}

/* Adds what belongs to one zone that was asked for. */
static bool take_rows(struct serving_job *j, struct serving_rows *more)
{
	struct serving_row *list =
	    realloc(j->rows.list, (j->rows.n + more->n + 1) * sizeof(*list));

	if (!list) {
		serving_fini(more);
		return false;
	}
	if (more->n > 0)
		memcpy(list + j->rows.n, more->list, more->n * sizeof(*list));
	j->rows.list = list;
	j->rows.n += more->n;
	free(more->list);
	return true;
}

/* False: the command has ended. */
static bool collect(struct client *c, const json_t *zones)
{
	struct serving_job *j = c->job;
	size_t asked = json_array_size(zones);

	if (asked == 0 && serving_collect(c->node, NULL, NULL, &j->rows) < 0) {
		control_end(c, 1, "%s", err_text(-ENOMEM));
		return false;
	}
	for (size_t i = 0; i < asked; i++) {
		const char *zone = json_string_value(json_array_get(zones, i));
		struct serving_rows more;

		if (!zone || asked > ASKED_MAX) {
			control_end(c, 1, "\"zones\" are not up to %d names", ASKED_MAX);
			return false;
		}
		if (serving_collect(c->node, zone, NULL, &more) < 0 || !take_rows(j, &more)) {
			control_end(c, 1, "%s", err_text(-ENOMEM));
			return false;
		}
		if (more.n == 0) {
			control_end(c, 1, "%s: no such zone is known here", zone);
			return false;
		}
	}
	return true;
}

static void serving_start(struct client *c, const json_t *request)
{
	const json_t *zones = json_object_get(request, "zones");
	struct serving_job *j;

	if (zones && !json_is_array(zones)) {
		control_end(c, 1, "\"zones\" is not a list");
		return;
	}
	c->job = j = calloc(1, sizeof(*j));
	if (!j) {
		control_end(c, 1, "%s", err_text(-ENOMEM));
		return;
	}
	find_held(c->node, j);
	j->until_msec = serving_ask(c);
	collect(c, zones);
}

static void serving_finish(struct client *c)
{
	struct serving_job *j = c->job;

	c->job = NULL;
	if (!j)
		return;
	for (size_t i = 0; i < j->nheld; i++)
		free(j->held[i]);
	free(j->held);
	serving_fini(&j->rows);
	free(j);
}

const struct control_command control_serving = {
    .name = "serving", .start = serving_start, .round = serving_round, .finish = serving_finish, .wake = serving_wake};
