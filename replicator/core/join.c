/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The first tree. An empty store makes no versions before every configured peer
 * has answered: a peer behind a firewall for a minute, or the one established
 * node being down, must not let a stale copy with younger mtimes win over
 * production. Then, path by path:
 *   - same content as the peers': theirs;
 *   - other content: theirs is visible, ours an import that ranks below
 * everything;
 *   - only here: published; but not what the peers have deleted and we hold as
 * it was. Where nobody had anything, all have imports, ranked by the files'
 * age.
 * A node that its peers have heard as an established one, or that they tell
 * what it once made itself, has lost its store: what it has otherwise than they may have been changed or deleted by them
 * since. It becomes as theirs; what was there is kept in the history, with a
 * dot of an origin that is in no vector. Where only peers know it that are
 * joining themselves, and may not have all yet, that goes for those paths
 * alone of which they know something.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/path.h"
#include "replicator/core/parts.h"

#define META_JOINED "joined"
#define META_KNOWN "known/"
#define META_FORGOT "forgot"
#define META_LATE "late/"

void join_load(struct core *c, const char *name, const uint8_t *p, size_t len)
{
	if (strcmp(name, META_JOINED) == 0) {
		c->joining = false;
		/* The names of those who were joining when we did, each with its NUL. */
		for (size_t at = 0; at < len; at += strnlen((const char *)p + at, len - at) + 1) {
			for (uint32_t i = 0; i < c->conf.npeers; i++) {
				if (strncmp(c->peers[i].name, (const char *)p + at, len - at) == 0)
					c->peers[i].heard_joining = true;
			}
		}
	}
	if (strcmp(name, META_FORGOT) == 0)
		c->forgot = true;
	if (strncmp(name, META_LATE, strlen(META_LATE)) == 0 && len == 1 &&
	    path_valid(name + strlen(META_LATE)))
		key_get(c, name + strlen(META_LATE))->late = p[0];
	if (strncmp(name, META_KNOWN, strlen(META_KNOWN)) == 0) {
		for (uint32_t i = 0; i < c->conf.npeers; i++) {
			if (strcmp(c->peers[i].name, name + strlen(META_KNOWN)) == 0)
				c->peers[i].known = true;
		}
	}
}

static void store_joined(struct core *c)
{
	struct buf b;

	buf_init(&b, 64 * 1024);
	for (uint32_t i = 0; i < c->conf.npeers; i++) {
		if (c->peers[i].heard_joining)
			buf_raw(&b, c->peers[i].name, strlen(c->peers[i].name) + 1);
	}
	store_meta(c, META_JOINED, b.data, b.len);
	buf_fini(&b);
}

/* A node has heard this one as established. `all`: it is established itself, so that it has all that
 * this one had told. */
static bool was_known(const struct core *c, bool all)
{
	for (uint32_t i = 0; i < c->conf.npeers; i++) {
		const struct peer *p = &c->peers[i];

		if (p->answered && p->known_before && !(all && p->answer_joining))
			return true;
	}
	return false;
}

static void join(struct core *c, bool equal)
{
	struct scan *s;

	c->joining = false;
	c->taking_in = true;
	c->take_in_equal = equal;
	c->returning = was_known(c, true);
	c->known = was_known(c, false) || c->forgot;
	effect_note(c, LOG_LEVEL_NOTICE, "joined: %s",
		    equal          ? "no peer had a tree yet, this node's is taken in"
		    : c->returning ? "the peers know this node, whose store is empty: their tree is "
				     "taken, what is here otherwise goes to the history"
				   : "the peers' tree is taken, what only this node has is published");
	s = scan_new(c, "");
	s->take_in = true;
	serials_add(c, &s->serials, SERIAL_START);
	serials_move(&s->serials, &c->join_rescan);
	serials_move_hinted(c, &s->serials);
}

static void join_if_all_answered(struct core *c)
{
	bool equal = true;

	for (uint32_t i = 0; i < c->conf.npeers; i++) {
		if (!c->peers[i].answered)
			return;
		equal &= c->peers[i].answer_joining;
	}
	join(c, equal);
}

void join_start(struct core *c)
{
	if (c->joining)
		join_if_all_answered(c);
	else
		scan_again(c, SERIAL_START);
}

/* It covers what this node once made. */
static bool has_own(const struct core *c, const struct vv *v)
{
	for (uint32_t i = 0; i < v->n; i++)
		if (merge_origin_own(c, v->p[i].origin))
			return true;
	return false;
}

/* Others had it, and this store did not. Whoever hears afterwards what it covers cannot tell. */
void join_learned(struct core *c, uint64_t origin)
{
	if (!c->joining || c->forgot || !merge_origin_own(c, origin))
		return;
	c->forgot = true;
	store_meta(c, META_FORGOT, NULL, 0);
}

void join_answered(struct core *c, uint32_t peer, const struct page *page)
{
	struct peer *p = &c->peers[peer];

	if (!c->joining)
		return;
	p->answered = true;
	p->known_before |= (page->known || (c->forgot && has_own(c, &page->vector))) && !p->limited;
	p->answer_joining = page->joining || (page->joined_with && !p->known_before);
	if (page->joining)
		p->heard_joining = true;
	join_if_all_answered(c);
}

void join_alone(struct core *c)
{
	if (c->joining)
		join(c, c->vector.n == 0);
}

bool core_peer_known(const struct core *c, uint32_t peer)
{
	return c->peers[peer].known;
}

void join_known(struct core *c, struct peer *p)
{
	CLEANUP_FREE char *name = path_join("known", p->name);

	p->known = true;
	store_meta(c, name ? name : META_KNOWN, NULL, 0);
}

/* Who was joining together with us is remembered until it is heard as
 * established. */
void join_heard(struct core *c, uint32_t peer, bool joining)
{
	struct peer *p = &c->peers[peer];

	if (joining) {
		if (c->joining)
			p->heard_joining = true;
		return;
	}
	if (!p->known)
		join_known(c, p);
	if (p->heard_joining && !c->joining && !c->taking_in) {
		p->heard_joining = false;
		store_joined(c);
	}
}

/* It is there as the entry says: shown, but not told. */
static void adopt(struct core *c, struct key *k, const struct observation *o, struct visible v)
{
	struct shown *s = key_shown(k);

	s->ident = o->ident;
	s->attrs = o->attrs;
	entry_context(k, &s->context);
	if (v.version && !attrs_compare(&v.version->attrs, &o->attrs))
		s->dot = v.version->dot;
	shown_floor(s);
	key_shown_changed(c, k);
}

/* What the peers deleted is what we hold; of directories, which have no hash, each is as the other, and
 * stays for what is in it. */
static bool deleted_as_it_is(const struct key *k, const struct observation *o)
{
	for (uint32_t i = 0; i < k->n; i++) {
		if (!version_live(k->entry[i]) &&
		    hash_same(k->entry[i]->replaced, o->attrs.hash))
			return true;
	}
	return false;
}

/* What is there is shown, but stands for nothing: what the peers have, be it nothing, is put in its
 * place. */
static void put_aside(struct core *c, struct key *k, const struct observation *o)
{
	struct shown *s = key_shown(k);

	if (o->attrs.kind != KIND_DIR)
		author_aside(c, k, o);
	s->ident = o->ident;
	s->attrs = o->attrs;
	shown_floor(s);
	key_shown_changed(c, k);
}

/* It could not be read before a power cut, and may be what that has made of it. */
static bool is_damage(const struct core *c, const struct key *k, const struct observation *o)
{
	return o->damage != DAMAGE_NONE && core_suspects(c, k->path);
}

void join_take(struct core *c, struct key *k, const struct observation *o)
{
	struct visible v = key_visible(c, k);
	bool same = v.version && v.kind == o->attrs.kind &&
		    (v.kind == KIND_DIR || hash_same(v.version->attrs.hash, o->attrs.hash));

	if (o->too_big || o->hollow || o->attrs.kind == KIND_OTHER || o->attrs.kind == KIND_ABSENT)
		return;
	if (v.kind == KIND_ABSENT ? deleted_as_it_is(k, o) : same)
		adopt(c, k, o, v);
	else if (c->returning || (k->n && (c->known || is_damage(c, k, o))))
		put_aside(c, k, o);
	else
		author_import(c, k, o);
}

static void store_late(struct core *c, struct key *k)
{
	CLEANUP_FREE char *name = path_join("late", k->path);
	uint8_t value = k->late;

	if (!name) /* longer than any name in the store: as long as this life lasts */
		return;
	if (value)
		store_meta(c, name, &value, 1);
	else
		store_meta_forget(c, name);
}

void join_late(struct core *c, struct key *k)
{
	enum late late = c->returning       ? LATE_RETURNING
			 : c->known         ? LATE_KNOWN
			 : c->take_in_equal ? LATE_EQUAL
					    : LATE_NEW;

	if (k->late || k->shown || k->edited)
		return;
	k->late = (uint8_t)late;
	store_late(c, k);
}

void join_late_over(struct core *c, struct key *k)
{
	if (!k->late)
		return;
	k->late = LATE_NOT;
	key_scratch(c, k);
	store_late(c, k);
}

void join_late_hinted(struct core *c, struct key *k)
{
	bool late = k->late;

	join_late_over(c, k);
	if (late && k->looking)
		k->late = LATE_OVER;
}

bool join_late_ended(struct key *k)
{
	if (k->late != LATE_OVER)
		return false;
	k->late = LATE_NOT;
	return true;
}

bool join_take_late(struct core *c, struct key *k, const struct observation *o)
{
	bool returning = c->returning, equal = c->take_in_equal, known = c->known;

	/* What is shown is known: whoever changes it knew it. */
	if (k->late && k->shown)
		join_late_over(c, k);
	if (!k->late || o->status < 0 || o->busy)
		return false;
	c->returning = k->late == LATE_RETURNING;
	c->take_in_equal = k->late == LATE_EQUAL;
	c->known = k->late == LATE_KNOWN;
	join_late_over(c, k);
	join_take(c, k, o);
	c->returning = returning;
	c->take_in_equal = equal;
	c->known = known;
	return k->shown;
}

/* The first tree has been gone through: from here on this is an ordinary node.
 */
void join_taken(struct core *c, const struct scan *s)
{
	c->taking_in = false;
	store_joined(c);
	if (c->forgot)
		store_meta_forget(c, META_FORGOT);
	c->forgot = false;
	if (c->aside)
		effect_note(c, LOG_LEVEL_WARNING,
			    "%llu path%s here as on no peer: now as there, and what was here is in the "
			    "history (zonefsctl log --origin %s; zonefsctl restore)",
			    (unsigned long long)c->aside, c->aside == 1 ? " was" : "s were", c->conf.node);
	effect_add(c, EFFECT_JOINED, NULL);
	for (struct key *k = key_first(c, ""); k; k = key_next(k)) {
		if (k->edited) {
			k->edited = false;
			key_scratch(c, k);
			observe_look_for(c, k, &s->serials);
		}
		place_consider(c, k);
	}
}
