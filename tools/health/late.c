/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two tables of ages.
 */
#include "tools/health/late.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_LEN 320 /* of "ZONE in VIEW"; what is longer is cut off */
#define NAME_LEN 64

struct late_zone {
	char key[KEY_LEN];
	char words[RULE_WORDS];
	int64_t since;
	bool said; /* since late_zones_end */
};

struct late_peer {
	char name[NAME_LEN];
	bool reachable, said;
	bool ahead;
	uint64_t upto; /* what it had when that began */
	int64_t since;
};

struct late {
	struct late_zone zones[LATE_ZONES];
	unsigned nzones;
	struct late_peer peers[CONF_PEERS_MAX];
};

struct late *late_new(void)
{
	return calloc(1, sizeof(struct late));
}

void late_free(struct late *l)
{
	free(l);
}

/* ---- zones ---- */

void late_zone(struct late *l, const char *zone, const char *view, const char *words, int64_t now)
{
	struct late_zone *z = NULL;
	char key[KEY_LEN];

	snprintf(key, sizeof key, "%s%s%s", zone, view[0] ? " in " : "", view);
	for (unsigned i = 0; i < l->nzones && !z; i++)
		if (strcmp(l->zones[i].key, key) == 0)
			z = &l->zones[i];
	if (!z && l->nzones == LATE_ZONES)
		return;
	if (!z) {
		z = &l->zones[l->nzones++];
		*z = (struct late_zone){.since = now};
		memcpy(z->key, key, sizeof key);
	}
	if (!z->said)
		snprintf(z->words, sizeof z->words, "%s", words);
	z->said = true;
}

void late_zones_end(struct late *l)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < l->nzones; i++) {
		if (!l->zones[i].said)
			continue;
		if (kept != i)
			l->zones[kept] = l->zones[i];
		l->zones[kept++].said = false;
	}
	l->nzones = kept;
}

bool late_zones(const struct late *l, int64_t limit_msec, int64_t now, char words[RULE_WORDS])
{
	const struct late_zone *oldest = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < l->nzones; i++) {
		const struct late_zone *z = &l->zones[i];

		if (now - z->since < limit_msec)
			continue;
		if (!oldest || z->since < oldest->since)
			oldest = z;
		n++;
	}
	if (!oldest)
		return false;
	int len = snprintf(words, RULE_WORDS, "%.100s: %.120s", oldest->key, oldest->words);
	if (n > 1)
		snprintf(words + len, RULE_WORDS - (size_t)len, "; %u more", n - 1);
	return true;
}

/* ---- peers ---- */

void late_peer(struct late *l, unsigned peer, const char *name, uint64_t here, uint64_t there,
	       int64_t now)
{
	assert(peer < CONF_PEERS_MAX);
	struct late_peer *p = &l->peers[peer];

	snprintf(p->name, sizeof p->name, "%s", name);
	p->said = true;
	if (p->ahead && (here >= p->upto || there <= here))
		p->ahead = false;
	if (p->ahead || there <= here)
		return;
	p->ahead = true;
	p->upto = there;
	p->since = now;
}

void late_peers_end(struct late *l)
{
	for (unsigned i = 0; i < CONF_PEERS_MAX; i++) {
		struct late_peer *p = &l->peers[i];

		p->reachable = p->said;
		p->ahead &= p->said;
		p->said = false;
	}
}

bool late_behind(const struct late *l, int64_t limit_msec, int64_t now, char words[RULE_WORDS])
{
	const struct late_peer *first = NULL;
	unsigned reachable = 0, ahead = 0;

	for (unsigned i = 0; i < CONF_PEERS_MAX; i++) {
		const struct late_peer *p = &l->peers[i];

		reachable += p->reachable;
		if (!p->reachable || !p->ahead || now - p->since < limit_msec)
			continue;
		ahead++;
		if (!first)
			first = p;
	}
	if (!first || 2 * ahead <= reachable)
		return false;
	snprintf(words, RULE_WORDS,
		 "%u of %u peer%s that can be reached, %s first, %s versions that are not here",
		 ahead, reachable, reachable == 1 ? "" : "s", first->name,
		 ahead == 1 ? "has" : "have");
	return true;
}
