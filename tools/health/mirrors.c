/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A conversation a second.
 */
#include "tools/health/mirrors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "tools/health/talk.h"

#define TICK_MSEC 1000

_Static_assert(CONF_PEERS_MAX <= GRANT_PEERS_MAX, "there is a place for each peer");
_Static_assert((GRANT_SENT_KEPT - 4) * TICK_MSEC >= CONF_LEASE_MAX * 1000,
	       "the requests of a lease are kept");

struct heard {
	struct note note;
	int64_t came; /* INT64_MIN: never */
	bool reachable;
	bool strange; /* its notes are none: said once */
};

struct mirrors {
	const struct conf *conf;
	struct grant *grant;
	struct talk talk;
	uint64_t life;
	uint64_t serial;
	struct note own;
	int64_t next, now;
	bool talks;
	size_t npeers;
	struct heard heard[GRANT_PEERS_MAX];
};

static uint64_t new_life(void)
{
	uint64_t life = 0;

	while (life == 0)
		if (getrandom(&life, sizeof life, 0) != sizeof life)
			life = 0;
	return life;
}

struct mirrors *mirrors_new(const struct conf *conf, int64_t now)
{
	struct mirrors *m = calloc(1, sizeof *m);
	struct grant_conf g = {.npeers = (unsigned)conf->npeers,
			       .min_announcing = (unsigned)conf->health->min_announcing,
			       .lease_msec = conf->health->lease_sec * (int64_t)1000,
			       .life = new_life()};

	if (!m)
		return NULL;
	m->conf = conf;
	m->life = g.life;
	m->npeers = conf->npeers;
	m->next = now;
	for (size_t i = 0; i < m->npeers; i++) {
		g.lower[i] = strcmp(conf->peers[i].name, conf->node) < 0;
		m->heard[i].came = INT64_MIN;
	}
	talk_init(&m->talk, conf);
	m->grant = grant_new(&g, now);
	if (m->grant)
		return m;
	mirrors_free(m);
	return NULL;
}

void mirrors_free(struct mirrors *m)
{
	if (!m)
		return;
	talk_fini(&m->talk);
	grant_free(m->grant);
	free(m);
}

/* ---- saying ---- */

void mirrors_say(struct mirrors *m, const struct note *own)
{
	m->own = *own;
	grant_set(m->grant, own->announces, own->asks);
}

static void add_grants(struct mirrors *m, int64_t now)
{
	m->own.n = 0;
	for (unsigned i = 0; i < m->npeers; i++) {
		struct grant_note g = grant_note_for(m->grant, i, now);

		m->own.serial = g.serial;
		if (g.granted_life == 0)
			continue;
		m->own.granted[m->own.n].life = g.granted_life;
		m->own.granted[m->own.n].serial = g.granted_serial;
		m->own.n++;
	}
}

static void talk_now(struct mirrors *m, int64_t now)
{
	CLEANUP_FREE char *request = NULL;
	CLEANUP_FREE char *text = NULL;
	struct buf b;

	grant_begin(m->grant, now);
	add_grants(m, now);
	m->own.life = m->life;
	buf_init(&b, NOTE_MAX);
	note_encode(&b, &m->own);
	text = b.err ? NULL : malloc(BASE64_LEN(b.len) + 1);
	if (text) {
		base64_encode(text, b.data, b.len);
		if (asprintf(&request, "{\"zonefs\":1,\"command\":\"notes\",\"say\":\"%s\"}",
			     text) < 0)
			request = NULL;
	}
	buf_fini(&b);
	m->next = now + TICK_MSEC;
	if (!request)
		return;
	talk_start(&m->talk, request, now);
	m->talks = true;
}

/* ---- hearing ---- */

static struct heard *find(struct mirrors *m, const char *name)
{
	for (size_t i = 0; i < m->npeers; i++)
		if (strcmp(m->conf->peers[i].name, name) == 0)
			return &m->heard[i];
	return NULL;
}

static void take_note(struct mirrors *m, struct heard *h, const char *name, const char *text,
		      int64_t age_msec)
{
	CLEANUP_FREE uint8_t *bytes = malloc(NOTE_MAX);
	long len = bytes ? base64_decode(bytes, NOTE_MAX, text) : -1;
	struct note note;

	if (len < 0 || age_msec < 0 || note_decode(&note, bytes, (size_t)len) < 0) {
		if (!h->strange)
			log_warning("what zonefs-health on peer %s says is not understood here: is "
				    "it of the same version?",
				    name);
		h->strange = true;
		return;
	}
	struct grant_note g = note_for(&note, m->life);

	h->strange = false;
	h->note = note;
	h->came = m->now - age_msec;
	grant_heard(m->grant, (unsigned)(h - m->heard), &g, h->came);
}

static void take_line(void *arg, const json_t *line)
{
	struct mirrors *m = arg;
	const char *name = talk_text(line, "peer"), *note = talk_text(line, "note");
	struct heard *h = strcmp(talk_text(line, "type"), "note") == 0 ? find(m, name) : NULL;

	if (!h)
		return;
	h->reachable = talk_bool(line, "reachable");
	if (note[0])
		take_note(m, h, name, note, talk_number(line, "age_ms"));
}

void mirrors_go_on(struct mirrors *m, int64_t now)
{
	m->now = now;
	if (m->talks && (talk_go_on(&m->talk, now) || !talk_busy(&m->talk))) {
		m->talks = false;
		if (!talk_lines(&m->talk, take_line, m))
			for (size_t i = 0; i < m->npeers; i++)
				m->heard[i].reachable = false;
	}
	if (!m->talks && now >= m->next && m->npeers > 0)
		talk_now(m, now);
}

struct pollfd mirrors_poll(const struct mirrors *m)
{
	return talk_poll(&m->talk);
}

int64_t mirrors_next(const struct mirrors *m)
{
	if (m->npeers == 0)
		return INT64_MAX;
	if (m->talks)
		return talk_busy(&m->talk) ? talk_next(&m->talk) : m->now;
	return m->next;
}

/* ---- what follows ---- */

int64_t mirrors_until(const struct mirrors *m, int64_t now)
{
	return grant_until(m->grant, now);
}

unsigned mirrors_announcing(const struct mirrors *m, int64_t now)
{
	return grant_announcing(m->grant, now);
}

bool mirrors_nth(const struct mirrors *m, unsigned nth, struct mirror *mirror, int64_t now)
{
	if (nth >= m->npeers)
		return false;
	const struct heard *h = &m->heard[nth];

	*mirror = (struct mirror){.node = m->conf->peers[nth].name, .reachable = h->reachable};
	if (h->came == INT64_MIN)
		return true;
	mirror->age_msec = now - h->came;
	mirror->heard = mirror->age_msec < m->conf->health->lease_sec * (int64_t)1000;
	mirror->grants = grant_from(m->grant, nth, now);
	mirror->note = h->note;
	return true;
}
