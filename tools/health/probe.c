/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which zones are asked in a round, and what a round says of a check.
 */
#include "tools/health/probe.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define NAME_LEN 80

/* A probe's zones: those of the configuration, or all that are known. */
struct zones {
	char *const *names; /* in order where they are all */
	size_t n;
	char **owned; /* the same, where they are all; NULL: none are known yet */
};

struct check {
	const struct conf_probe *probe;
	const struct zones *zones;
	bool tcp;
	uint16_t type;
	char name[NAME_LEN];
	size_t next;      /* of the zones, whose turn it is */
	size_t stuck[16]; /* those that failed in the last round */
	size_t nstuck;
	enum rule_outcome outcome;
	char words[RULE_WORDS];
};

struct probes {
	const struct conf *conf;
	struct zones zones[CONF_PROBES_MAX];
	struct check checks[RULE_CHECKS_MAX];
	unsigned nchecks;
	struct query *queries;
	unsigned *check_of; /* the check that a query belongs to; of none: of the service */
	size_t *zone_of;
	unsigned nqueries;
	bool busy;
	bool service; /* it is the service addresses that are asked */
	int64_t until;
};

#define NO_CHECK RULE_CHECKS_MAX
#define NO_ZONE SIZE_MAX
_Static_assert(RULE_CHECKS_MAX == 2 * CONF_PROBES_MAX, "a check for each probe and transport");

static void add_check(struct probes *p, const struct conf_probe *probe, bool tcp)
{
	struct check *c = &p->checks[p->nchecks++];

	c->probe = probe;
	c->zones = &p->zones[probe - p->conf->probes];
	c->tcp = tcp;
	c->type = ask_type(probe->type);
	snprintf(c->name, sizeof c->name, "%s/%s", probe->name, tcp ? "TCP" : "UDP");
}

struct probes *probes_new(const struct conf *conf)
{
	struct probes *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->conf = conf;
	p->queries = calloc(PROBE_QUERIES_MAX, sizeof *p->queries);
	p->check_of = calloc(PROBE_QUERIES_MAX, sizeof *p->check_of);
	p->zone_of = calloc(PROBE_QUERIES_MAX, sizeof *p->zone_of);
	if (!p->queries || !p->check_of || !p->zone_of) {
		probes_free(p);
		return NULL;
	}
	for (size_t i = 0; i < conf->nprobes; i++) {
		if (!conf->probes[i].all)
			p->zones[i] = (struct zones){.names = conf->probes[i].zones,
						     .n = conf->probes[i].nzones};
		if (conf->probes[i].udp)
			add_check(p, &conf->probes[i], false);
		if (conf->probes[i].tcp)
			add_check(p, &conf->probes[i], true);
	}
	return p;
}

static void free_owned(struct zones *z)
{
	for (size_t i = 0; z->owned && i < z->n; i++)
		free(z->owned[i]);
	free(z->owned);
}

void probes_free(struct probes *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->nqueries; i++)
		query_stop(&p->queries[i]);
	for (size_t i = 0; i < CONF_PROBES_MAX; i++)
		free_owned(&p->zones[i]);
	free(p->queries);
	free(p->check_of);
	free(p->zone_of);
	free(p);
}

unsigned probes_checks(const struct probes *p)
{
	return p->nchecks;
}

bool probes_tcp(const struct probes *p, unsigned check)
{
	return p->checks[check].tcp;
}

const char *probes_name(const struct probes *p, unsigned check)
{
	return p->checks[check].name;
}

/* ---- a round ---- */

static void ask(struct probes *p, unsigned check, size_t zone, const struct query_target *t)
{
	uint16_t id = 0;

	if (p->nqueries == PROBE_QUERIES_MAX)
		return;
	/* From early on there is randomness; without it a number will do, on a socket of its own. */
	if (getrandom(&id, sizeof id, GRND_NONBLOCK) != sizeof id)
		id = (uint16_t)(p->nqueries + 1);
	p->check_of[p->nqueries] = check;
	p->zone_of[p->nqueries] = zone;
	query_start(&p->queries[p->nqueries++], t, id);
}

/* NO_ZONE: whether it answers at all, by a question to which any reply will do. */
static void ask_zone(struct probes *p, unsigned i, size_t zone)
{
	const struct check *c = &p->checks[i];
	struct query_target t = {
	    .address = c->probe->address,
	    .port = c->probe->port,
	    .tcp = c->tcp,
	    .zone = zone == NO_ZONE ? "." : c->zones->names[zone],
	    .type = c->type,
	    .answer = zone == NO_ZONE ? CONF_ANSWER_ANY : c->probe->answer,
	};

	ask(p, i, zone, &t);
}

static bool is_stuck(const struct check *c, size_t zone)
{
	for (size_t i = 0; i < c->nstuck; i++)
		if (c->stuck[i] == zone)
			return true;
	return false;
}

/* Those that failed, but one less than there is room for, and whose turn it is. */
static void ask_zones(struct probes *p, unsigned i)
{
	struct check *c = &p->checks[i];
	size_t room = (size_t)c->probe->sample;

	for (size_t k = 0; k < c->nstuck && (room > 1 || k == 0); k++, room--)
		ask_zone(p, i, c->stuck[k]);
	if (c->zones->n == 0)
		ask_zone(p, i, NO_ZONE);
	for (size_t k = 0; k < c->zones->n && room > 0; k++) {
		size_t zone = c->next;

		c->next = (c->next + 1) % c->zones->n;
		if (is_stuck(c, zone))
			continue;
		ask_zone(p, i, zone);
		room--;
	}
}

/* ---- all zones ---- */

/* The first that is not before the name; n: there is none. */
static size_t place_of(char *const *names, size_t n, const char *name)
{
	size_t low = 0;

	while (n > low) {
		size_t middle = low + (n - low) / 2;

		if (strcasecmp(names[middle], name) < 0)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

/* Whose turn it is goes on from the same name, and who failed is asked again, if it is still there. */
static void renumber(struct check *c, char *const *names, size_t n)
{
	const struct zones *old = c->zones;
	size_t kept = 0;

	for (size_t i = 0; i < c->nstuck; i++) {
		const char *name = old->names[c->stuck[i]];
		size_t at = place_of(names, n, name);

		if (at < n && strcasecmp(names[at], name) == 0)
			c->stuck[kept++] = at;
	}
	c->nstuck = kept;
	size_t next = old->n > 0 ? place_of(names, n, old->names[c->next]) : 0;
	c->next = next < n ? next : 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcasecmp(*(char *const *)a, *(char *const *)b);
}

void probes_take_zones(struct probes *p, size_t probe, char **names, size_t n)
{
	struct zones *z = &p->zones[probe];
	size_t kept = 0;

	assert(!p->busy && p->conf->probes[probe].all);
	if (n > 0)
		qsort(names, n, sizeof *names, compare_names);
	for (size_t i = 0; i < n; i++) {
		if (kept > 0 && strcasecmp(names[kept - 1], names[i]) == 0)
			free(names[i]);
		else
			names[kept++] = names[i];
	}
	for (unsigned i = 0; i < p->nchecks; i++)
		if (p->checks[i].zones == z)
			renumber(&p->checks[i], names, kept);
	free_owned(z);
	*z = (struct zones){.names = names, .n = kept, .owned = names};
}

/* ---- rounds ---- */

static void begin(struct probes *p, bool service, int64_t now)
{
	p->service = service;
	p->nqueries = 0;
	p->busy = true;
	p->until = now + p->conf->health->timeout_sec * 1000;
}

void probes_start(struct probes *p, int64_t now)
{
	begin(p, false, now);
	for (unsigned i = 0; i < p->nchecks; i++)
		ask_zones(p, i);
}

void probes_start_service(struct probes *p, int64_t now)
{
	const struct conf_health *h = p->conf->health;
	const struct check *c = &p->checks[0];
	size_t nzones = c->zones->n;

	begin(p, true, now);
	for (size_t i = 0; i < h->nservice; i++) {
		struct query_target t = {
		    .address = h->service[i],
		    .port = h->service_port,
		    .zone = nzones > 0 ? c->zones->names[0] : ".",
		    .type = c->type,
		    .answer = CONF_ANSWER_ANY,
		};

		ask(p, NO_CHECK, 0, &t);
	}
}

bool probes_busy(const struct probes *p)
{
	return p->busy;
}

unsigned probes_poll(struct probes *p, struct pollfd *fds)
{
	unsigned n = 0;

	for (unsigned i = 0; p->busy && i < p->nqueries; i++)
		if (!query_done(&p->queries[i]))
			fds[n++] = query_poll(&p->queries[i]);
	return n;
}

int64_t probes_next(const struct probes *p)
{
	return p->busy ? p->until : INT64_MAX;
}

static bool all_done(const struct probes *p)
{
	for (unsigned i = 0; i < p->nqueries; i++)
		if (!query_done(&p->queries[i]))
			return false;
	return true;
}

static void judge_check(struct probes *p, unsigned check)
{
	struct check *c = &p->checks[check];
	unsigned silent = 0, bad = 0, n = 0;

	c->nstuck = 0;
	c->words[0] = '\0';
	for (unsigned i = 0; i < p->nqueries; i++) {
		const struct query *q = &p->queries[i];

		if (p->check_of[i] != check)
			continue;
		n++;
		if (q->outcome == RULE_GOOD)
			continue;
		bad++;
		silent += q->outcome == RULE_SILENT;
		if (p->zone_of[i] != NO_ZONE && c->nstuck < sizeof c->stuck / sizeof c->stuck[0])
			c->stuck[c->nstuck++] = p->zone_of[i];
		if (bad == 1)
			memcpy(c->words, q->words, sizeof c->words);
	}
	c->outcome = bad == 0 ? RULE_GOOD : silent == n ? RULE_SILENT : RULE_WRONG;
}

bool probes_go_on(struct probes *p, int64_t now)
{
	if (!p->busy)
		return false;
	for (unsigned i = 0; i < p->nqueries; i++)
		query_ready(&p->queries[i]);
	if (!all_done(p) && now < p->until)
		return false;
	for (unsigned i = 0; i < p->nqueries; i++)
		query_stop(&p->queries[i]);
	p->busy = false;
	for (unsigned i = 0; i < p->nchecks && !p->service; i++)
		judge_check(p, i);
	return true;
}

bool probes_were_service(const struct probes *p)
{
	return p->service;
}

const char *probes_service_silent(const struct probes *p)
{
	for (unsigned i = 0; p->service && i < p->nqueries; i++)
		if (p->queries[i].outcome != RULE_GOOD)
			return p->queries[i].words;
	return NULL;
}

enum rule_outcome probes_outcome(const struct probes *p, unsigned check, const char **words)
{
	*words = p->checks[check].words;
	return p->checks[check].outcome;
}

const char *probes_bad_zone(const struct probes *p)
{
	for (unsigned i = 0; i < p->nchecks; i++)
		if (p->checks[i].nstuck > 0)
			return p->checks[i].zones->names[p->checks[i].stuck[0]];
	return "";
}
