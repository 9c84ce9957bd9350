/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reasons are collected, trouble apart from what is only on its way; the sentence names those that
 * count most.
 */
#include "replicator/control/control_summary.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"

struct reasons {
	char words[SUMMARY_WORDS_MAX - 128]; /* leaves room for what stands around it */
	size_t len;
	unsigned n;
};

static void add(struct reasons *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct reasons *r, const char *format, ...)
{
	size_t room = sizeof(r->words) - r->len;
	va_list ap;

	if (r->n++ >= SUMMARY_REASONS_MAX)
		return;
	if (r->len > 0) {
		int n = snprintf(r->words + r->len, room, "; ");
		r->len += (size_t)n < room ? (size_t)n : room - 1;
		room = sizeof(r->words) - r->len;
	}
	va_start(ap, format);
	int n = vsnprintf(r->words + r->len, room, format, ap);
	va_end(ap);
	if (n > 0)
		r->len += (size_t)n < room ? (size_t)n : room - 1;
}

const char *control_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void about_peer(struct reasons *trouble, struct reasons *moving, const struct peer_status *p,
		       const struct summary_facts *f)
{
	char span[CLOCK_SPAN_TEXT];

	if (!p->reachable && p->heard_msec == 0) {
		add(trouble, "%s has not been reached yet%s%s", p->name,
		    p->last_error[0] ? ": " : "", p->last_error);
		return;
	}
	if (!p->reachable) {
		clock_span(span, f->wall_msec - p->heard_msec);
		add(trouble, "%s cannot be reached since %s", p->name, span);
		return;
	}
	if (p->paused)
		add(trouble, "replication is paused on %s", p->name);
	if (p->joining)
		add(moving, "%s is joining", p->name);
	if (p->hooks_failing > 0)
		add(trouble, "%" PRIu32 " hook%s on %s", p->hooks_failing,
		    p->hooks_failing == 1 ? " fails" : "s fail", p->name);
	if (!p->heard) {
		add(moving, "%s has not said yet what it has", p->name);
	} else if (p->pending > 0) {
		clock_span(span, p->lag_msec);
		add(p->lag_msec > SUMMARY_PATIENCE_MSEC ? trouble : moving,
		    "%" PRIu32 " path%s wait%s on %s since %s", p->pending, control_plural(p->pending),
		    p->pending == 1 ? "s" : "", p->name, span);
	} else if (!p->same_knowledge && p->behind > 0) {
		add(moving, "%s is behind by %" PRIu64 " change%s", p->name, p->behind,
		    control_plural(p->behind));
	} else if (!p->same_knowledge && p->receive_only) {
		add(trouble, "%s is receive-only, and has changes of its own, which are not taken",
		    p->name);
	} else if (!p->same_knowledge && p->transfer.asking && p->transfer.of > 0) {
		add(moving, "this node catches up from %s: %" PRIu64 " of %" PRIu64 " entries",
		    p->name, p->transfer.taken, p->transfer.of);
	} else if (!p->same_knowledge) {
		add(moving, "%s knows what has not arrived here", p->name);
	} else if (!p->identical && f->node->pending == 0 && !p->outside) {
		add(p->refusing || p->patterns_differ ? trouble : moving, "%s shows another tree%s",
		    p->name,
		    p->patterns_differ ? ": it excludes other paths than this node"
		    : p->refusing ? ", and does not take all that is made elsewhere: zonefsctl wait"
				  : "");
	}
	if (p->outside > 0)
		add(trouble, "%s has changed %" PRIu32 " path%s outside what is accepted from it",
		    p->name, p->outside, control_plural(p->outside));
}

/* Meant to be so for a while. */
static void add_set(struct reasons *moving, const struct node_status *n, int64_t wall_msec)
{
	uint32_t held = n->held - n->braked;
	char span[CLOCK_SPAN_TEXT];

	if (n->set_msec) {
		clock_span(span, wall_msec - n->set_msec);
		add(moving, "a change set is open since %s%s%s, %" PRIu32 " path%s held here: zonefsctl held",
		    span, n->set_user[0] ? " by " : "", n->set_user, held,
		    held == 1 ? " is" : "s are");
	} else if (held > 0) {
		add(moving, "%" PRIu32 " path%s held here: zonefsctl held", held,
		    held == 1 ? " is" : "s are");
	}
	if (n->judging > 0)
		add(moving, "%" PRIu32 " path%s being checked", n->judging,
		    n->judging == 1 ? " is" : "s are");
}

static void about_node(struct reasons *trouble, struct reasons *moving,
		       const struct summary_facts *f)
{
	const struct node_status *n = f->node;
	char span[CLOCK_SPAN_TEXT];

	if (n->paused_msec) {
		clock_span(span, f->wall_msec - n->paused_msec);
		add(trouble, "replication is paused on this node since %s by %s: zonefsctl resume",
		    span, n->paused_by);
	}
	if (n->blocked < 0) {
		clock_span(span, f->wall_msec - n->blocked_since_msec);
		add(trouble, "the store cannot be written since %s: %s", span,
		    err_text(n->blocked));
	}
	if (n->damaged > 0)
		add(trouble,
		    "%" PRIu32
		    " content%s of the store %s damaged or missing: got again from the peers",
		    n->damaged, control_plural(n->damaged), n->damaged == 1 ? "is" : "are");
	if (n->braked > 0)
		add(trouble, "the safety brake holds %" PRIu32 " removal%s: zonefsctl held",
		    n->braked, control_plural(n->braked));
	add_set(moving, n, f->wall_msec);
	if (n->zones == ZONES_BROKEN)
		add(trouble, "the name server's configuration is broken: %.*s",
		    (int)strcspn(n->zones_words, "\n"), n->zones_words);
	if (n->zones == ZONES_UNCHECKED)
		add(trouble, "the name server's configuration could not be checked: %.*s",
		    (int)strcspn(n->zones_words, "\n"), n->zones_words);
	for (uint32_t i = 0; n->joining && i < f->npeers; i++)
		if (n->waits_for >> i & 1)
			add(trouble, "this node is joining and waits for %s", f->peer_names[i]);
	if (n->joining && n->waits_for == 0)
		add(moving, "this node is joining");
	if (n->pending > 0) {
		clock_span(span, n->lag_msec);
		add(n->lag_msec > SUMMARY_PATIENCE_MSEC ? trouble : moving,
		    "%" PRIu32 " path%s wait%s here since %s", n->pending, control_plural(n->pending),
		    n->pending == 1 ? "s" : "", span);
	}
	for (uint32_t i = 0; i < f->nhooks; i++)
		if (f->hooks[i].failing)
			add(trouble, "hook %s fails on %s", f->hooks[i].name, n->node);
}

static void about_fs(struct reasons *trouble, struct reasons *moving, const struct summary_facts *f)
{
	const struct fs_info *fs = f->fs;

	if (!fs->known || fs->stale)
		add(trouble, "the file system's worker does not answer");
	if (fs->nbeneath > 0)
		add(trouble, "%" PRIu32 " process%s beneath the mount, unseen: restart %s",
		    fs->nbeneath, fs->nbeneath == 1 ? " lives" : "es live",
		    fs->nbeneath == 1 ? "it" : "them");
	if (fs->rescan || f->node->looking)
		add(moving, "the whole tree is being looked at");
}

/* A node that only others have as a peer: that it has gone, nobody says here. */
static void about_known(struct reasons *trouble, const struct core_node *k, int64_t wall_msec)
{
	char span[CLOCK_SPAN_TEXT];

	if (k->peer != UINT32_MAX || k->forgotten || wall_msec - k->heard_msec < SUMMARY_GONE_MSEC)
		return;
	clock_span(span, wall_msec - k->heard_msec);
	add(trouble, "%s was not heard by anybody for %s: is it gone for good? zonefsctl forget",
	    k->name, span);
}

static void say_well(struct summary *s, const struct summary_facts *f)
{
	uint32_t conflicts = f->node->conflicts, mended = f->node->mended;
	uint32_t hollow = f->node->hollow;
	int len;

	if (f->npeers == 0)
		len = snprintf(s->words, sizeof(s->words), "all well: no peers are configured");
	else
		len = snprintf(s->words, sizeof(s->words), "all well: %" PRIu32 " peer%s identical",
			       f->npeers, control_plural(f->npeers));
	if (conflicts > 0)
		len +=
		    snprintf(s->words + len, sizeof(s->words) - (size_t)len,
			     "; %" PRIu32 " path%s with a conflict", conflicts, control_plural(conflicts));
	if (mended > 0)
		len += snprintf(s->words + len, sizeof(s->words) - (size_t)len,
				"; %" PRIu32 " path%s put back after an unclean stop", mended,
				control_plural(mended));
	if (hollow > 0)
		snprintf(s->words + len, sizeof(s->words) - (size_t)len,
			 "; %" PRIu32 " new file%s empty after an unclean stop, not told", hollow,
			 control_plural(hollow));
}

void summary_make(struct summary *s, const struct summary_facts *f)
{
	struct reasons trouble = {.words = ""};
	struct reasons moving = {.words = ""};

	about_node(&trouble, &moving, f);
	about_fs(&trouble, &moving, f);
	for (uint32_t i = 0; i < f->npeers; i++)
		about_peer(&trouble, &moving, &f->peers[i], f);
	for (uint32_t i = 0; i < f->nknown; i++)
		about_known(&trouble, &f->known[i], f->wall_msec);
	s->state = trouble.n > 0  ? SUMMARY_TROUBLE
		   : moving.n > 0 ? SUMMARY_UNSETTLED
				  : SUMMARY_WELL;
	if (s->state == SUMMARY_WELL) {
		say_well(s, f);
		return;
	}
	const struct reasons *r = trouble.n > 0 ? &trouble : &moving;
	char more[32] = "";
	if (r->n > SUMMARY_REASONS_MAX)
		snprintf(more, sizeof(more), "; and %u more", r->n - SUMMARY_REASONS_MAX);
	snprintf(s->words, sizeof(s->words), "%s: %s%s",
		 s->state == SUMMARY_TROUBLE ? "NOT well" : "not settled yet", r->words, more);
}

const char *summary_state_text(enum summary_state state)
{
	switch (state) {
	case SUMMARY_WELL:
		return "well";
	case SUMMARY_UNSETTLED:
		return "unsettled";
	case SUMMARY_TROUBLE:
		break;
	}
	return "trouble";
}
