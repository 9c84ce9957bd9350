/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A history in words: each event of a core, and what it decided.
 */
#include <stdio.h>

#include "base/err.h"
#include "tests/sim/world.h"

static const char *const event_names[] = {
    [EVENT_START] = "START",         [EVENT_TIME] = "TIME",
    [EVENT_HINT] = "HINT",           [EVENT_FREE] = "FREE",
    [EVENT_RESCAN] = "RESCAN",       [EVENT_LOOKED] = "LOOKED",
    [EVENT_SCANNED] = "SCANNED",     [EVENT_STAGED] = "STAGED",
    [EVENT_INSTALLED] = "INSTALLED", [EVENT_CONTENT] = "CONTENT",
    [EVENT_PEER] = "PEER",           [EVENT_OP] = "OP",
    [EVENT_HEARTBEAT] = "HEARTBEAT", [EVENT_ASK] = "ASK",
    [EVENT_PAGE] = "PAGE",           [EVENT_START_ALONE] = "START_ALONE",
    [EVENT_ORDER] = "ORDER",         [EVENT_APPROVE] = "APPROVE",
    [EVENT_DISCARD] = "DISCARD",     [EVENT_HOLD] = "HOLD",
    [EVENT_RELEASE] = "RELEASE",     [EVENT_VERDICT] = "VERDICT",
    [EVENT_REJUDGE] = "REJUDGE",     [EVENT_SET_ASIDE] = "SET ASIDE",
    [EVENT_EDIT] = "EDIT",
    [EVENT_NODES] = "NODES",         [EVENT_FORGET] = "FORGET",
};

static const char *const effect_names[] = {
    [EFFECT_STORE] = "STORE",   [EFFECT_ACK] = "ACK",       [EFFECT_LOOK] = "LOOK",
    [EFFECT_SCAN] = "SCAN",     [EFFECT_STAGE] = "STAGE",   [EFFECT_INSTALL] = "INSTALL",
    [EFFECT_REMOVE] = "REMOVE", [EFFECT_FETCH] = "FETCH",   [EFFECT_BROADCAST] = "BROADCAST",
    [EFFECT_ASK] = "ASK",       [EFFECT_ANSWER] = "ANSWER", [EFFECT_TOLD] = "TOLD",
    [EFFECT_JOINED] = "JOINED", [EFFECT_STARTED] = "STARTED", [EFFECT_WAKE] = "WAKE",     [EFFECT_NOTE] = "NOTE",
    [EFFECT_REFUSED] = "REFUSED", [EFFECT_JUDGE] = "JUDGE",
};

static const char *const store_names[] = {
    [STORE_VERSION] = "version", [STORE_SUPERSEDED] = "superseded", [STORE_SHOWN] = "shown",
    [STORE_INTENT] = "intent",   [STORE_VECTOR] = "vector",         [STORE_ORIGIN] = "origin",
    [STORE_META] = "meta",       [STORE_HISTORY] = "history",
    [STORE_DRAFT] = "draft",
};

void trace_legend(void)
{
	puts("  t=MS NODE EVENT PATH ...   what a node's core was given, at that virtual millisecond\n"
	     "      -> EFFECT PATH ...     what it decided thereupon, in order; carried out later\n"
	     "  t=MS NODE user: ...        what a program did on that node's disk: the true history\n"
	     "  t=MS NODE fs: ...          what the worker did, and its answer (negative: an errno or ERR_*)\n"
	     "  4a1f.3                     a dot: the third op of an origin (its last four digits)\n"
	     "  [ 4a1f.3 77c2.1 ]          a vector: all up to these; of a version, what its author had seen\n"
	     "  file 644 root mtime 12 #a1b2   kind, mode, owner, ms since the beginning, content\n"
	     "  {PATH DOT [VECTOR] ...}    a version in an op or a page\n"
	     "  HINT, LOOK, LOOKED         fs says that a path may have changed; look at it; what is there\n"
	     "  STAGE, INSTALL, REMOVE     what a peer made is prepared, put in place, taken away\n"
	     "  shown, intent, version     records of the store: what is on disk, what is about to be, what is known\n"
	     "  ASK, PAGE, OP, HEARTBEAT   messages between nodes\n");
}

static void print_dot(struct dot d)
{
	printf(" %04llx.%llu", (unsigned long long)(d.origin & 0xffff), (unsigned long long)d.seq);
}

static void print_vv(const struct vv *v)
{
	printf(" [");
	for (uint32_t i = 0; i < v->n; i++)
		print_dot(v->p[i]);
	printf(" ]");
}

static void print_attrs(const struct attrs *a)
{
	printf(" %s %o %s mtime %lld #%02x%02x", kind_text(a->kind), a->mode, a->owner,
	       (long long)(a->mtime_nsec / NSEC_PER_MSEC - WALL_START_MSEC), a->hash.b[0],
	       a->hash.b[1]);
}

static void print_version(const struct version *v)
{
	print_dot(v->dot);
	print_vv(&v->context);
	print_attrs(&v->attrs);
	if (v->import)
		printf(" import");
}

static void print_items(const struct item *items, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		printf(" {%s", items[i].path);
		print_version(items[i].version);
		printf("}");
	}
}

static void print_page(const struct page *p)
{
	printf(" id %llx cursor '%s'%s%s%s%s%s", (unsigned long long)p->id & 0xffff,
	       p->cursor ? p->cursor : "", p->swept ? " swept" : "", p->last ? " last" : "",
	       p->joining ? " joining" : "", p->joined_with ? " joined-with" : "",
	       p->known ? " known" : "");
	if (p->last)
		print_vv(&p->vector);
	print_items(p->items, p->n);
}

static void print_ask(const struct ask *a)
{
	printf(" id %llx cursor '%s'%s%s", (unsigned long long)a->id & 0xffff,
	       a->cursor ? a->cursor : "", a->swept ? " swept" : "", a->joining ? " joining" : "");
	print_vv(&a->vector);
}

static const char *peer_name(const struct world *w, const struct node *n, uint32_t peer)
{
	return w->nodes[n->peer_node[peer]].name;
}

void trace_event(struct world *w, const struct node *n, const struct event *e)
{
	printf("t=%lld %s %s %s", (long long)w->now, n->name, event_names[e->type],
	       e->path ? e->path : "");
	switch (e->type) {
	case EVENT_HINT:
	case EVENT_FREE:
	case EVENT_RESCAN:
		printf(" serial %llu flags %x from '%s'", (unsigned long long)e->hint.serial,
		       e->hint.flags, e->hint.from);
		break;
	case EVENT_LOOKED:
		printf("%s%s%s", e->looked.scan ? " (scan)" : "", e->looked.o.busy ? " busy" : "",
		       e->looked.o.unchanged ? " unchanged" : "");
		if (e->looked.o.status)
			printf(" error %s", err_text(e->looked.o.status));
		else
			print_attrs(&e->looked.o.attrs);
		break;
	case EVENT_STAGED:
		printf(" %d", e->staged.status);
		break;
	case EVENT_INSTALLED:
		printf(" %s", e->installed.status ? err_text(e->installed.status) : "done");
		break;
	case EVENT_PEER:
		printf("%s %sreachable", peer_name(w, n, e->peer), e->reachable ? "" : "un");
		break;
	case EVENT_OP:
		printf("from %s", peer_name(w, n, e->peer));
		print_dot(e->op->dot);
		print_items(e->op->items, e->op->n);
		break;
	case EVENT_ASK:
		printf("from %s", peer_name(w, n, e->peer));
		print_ask(e->ask);
		break;
	case EVENT_PAGE:
		printf("from %s", peer_name(w, n, e->peer));
		print_page(e->page);
		break;
	case EVENT_HEARTBEAT:
		printf("from %s%s", peer_name(w, n, e->peer),
		       e->heartbeat->joining ? " joining" : "");
		break;
	default:
		break;
	}
	putchar('\n');
}

static void print_store(const struct effect *e)
{
	printf(" %s", store_names[e->store.what]);
	if (e->store.what == STORE_VERSION || e->store.what == STORE_HISTORY ||
	    e->store.what == STORE_DRAFT)
		print_version(e->store.version);
	else if (e->store.what == STORE_SHOWN && e->store.shown) {
		print_dot(e->store.shown->dot);
		print_vv(&e->store.shown->context);
		print_attrs(&e->store.shown->attrs);
		printf("%s%s", e->store.shown->raised ? " raised" : "",
		       e->store.shown->leftover ? " leftover" : "");
	} else if (e->store.what == STORE_INTENT && e->store.intent) {
		printf(" kind %d", e->store.intent->kind);
		print_dot(e->store.intent->dot);
		print_vv(&e->store.intent->context);
	} else if (e->store.what == STORE_SUPERSEDED || e->store.what == STORE_VECTOR) {
		print_dot(e->store.dot);
	}
}

void trace_effect(struct world *w, const struct node *n, const struct effect *e)
{
	printf("    -> %s %s", effect_names[e->type], e->path ? e->path : "");
	switch (e->type) {
	case EFFECT_STORE:
		print_store(e);
		break;
	case EFFECT_ACK:
		printf("%llu", (unsigned long long)e->serial);
		break;
	case EFFECT_INSTALL:
	case EFFECT_REMOVE:
		if (e->install.intent) {
			printf(" kind %d", e->install.intent->kind);
			print_attrs(&e->install.intent->attrs);
		}
		break;
	case EFFECT_BROADCAST:
		print_dot(e->op->dot);
		print_items(e->op->items, e->op->n);
		break;
	case EFFECT_ASK:
		printf("to %s", peer_name(w, n, e->peer));
		print_ask(e->ask);
		break;
	case EFFECT_ANSWER:
		printf("to %s", peer_name(w, n, e->peer));
		print_page(e->page);
		break;
	case EFFECT_JUDGE:
		printf("trial %llu", (unsigned long long)e->trial->id);
		print_items(e->trial->items, e->trial->n);
		break;
	case EFFECT_WAKE:
		printf("at %lld", (long long)(e->at_msec - 1000));
		break;
	case EFFECT_NOTE:
		printf("%s", e->note.text);
		break;
	default:
		break;
	}
	putchar('\n');
}
