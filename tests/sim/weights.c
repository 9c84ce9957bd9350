/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What kind of history a seed makes: a flavour first, then rates around it. Few paths, so that
 * edits meet.
 */
#include "tests/sim/world.h"

static const uint32_t everyday[USER_ACTIONS] = {
    [USER_SAVE] = 20,  [USER_REWRITE] = 6,       [USER_VIM] = 8,         [USER_SED] = 6,
    [USER_DELETE] = 8, [USER_DELETE_CREATE] = 6, [USER_DELETE_TREE] = 3, [USER_RENAME] = 8,
    [USER_MKDIR] = 6,  [USER_LINK] = 3,          [USER_CHMOD] = 4,       [USER_CHOWN] = 2,
    [USER_TOUCH] = 3,  [USER_OLD] = 3,           [USER_KIND] = 3,        [USER_LOCAL] = 2,
    [USER_AWAY] = 3,   [USER_OFTEN] = 2,         [USER_EMPTY] = 1,
};

static void calm(struct weights *w, struct rng *r)
{
	w->flavour = "calm";
	w->loss = rng_below(r, 100);
	w->slow = rng_below(r, 300);
}

static void lossy(struct weights *w, struct rng *r)
{
	w->flavour = "lossy";
	w->loss = rng_range(r, 500, 4000);
	w->dup = rng_range(r, 0, 2000);
	w->slow = rng_range(r, 0, 4000);
	w->cut = rng_range(r, 0, 3000);
}

static void partitions(struct weights *w, struct rng *r)
{
	w->flavour = "partitions";
	w->partitions = rng_range(r, 4, 30);
	w->loss = rng_below(r, 500);
	w->cut = rng_range(r, 0, 3000);
}

static void crashes(struct weights *w, struct rng *r)
{
	w->flavour = "crashes";
	w->crash = rng_range(r, 20, 300);
	w->fs_crash = rng_range(r, 0, 6000);
	w->cut = rng_range(r, 0, 1000);
	w->partitions = rng_below(r, 5);
}

static void deletes(struct weights *w, struct rng *r)
{
	w->flavour = "deletes";
	w->user[USER_DELETE] = 40;
	w->user[USER_DELETE_TREE] = 15;
	w->user[USER_DELETE_CREATE] = 25;
	w->user[USER_RENAME] = 25;
	w->user[USER_AWAY] = 15;
	w->user[USER_KIND] = 10;
	w->partitions = rng_below(r, 10);
	w->loss = rng_below(r, 1000);
	w->crash = rng_chance(r, 5000) ? rng_below(r, 60) : 0;
}

static void meetings(struct weights *w, struct rng *r)
{
	w->flavour = "first starts";
	w->initial = rng_range(r, 2, 12);
	w->initial_same = rng_chance(r, 3000);
	w->late = rng_chance(r, 5000);
	w->dark_start = rng_chance(r, 4000);
	w->start_alone = w->late || rng_chance(r, 2500);
	w->loss = rng_below(r, 1000);
	w->cut = rng_range(r, 0, 2000);
	w->partitions = rng_below(r, 6);
	w->crash = rng_chance(r, 4000) ? rng_below(r, 100) : 0;
	w->actions = rng_range(r, 5, 60);
}

static void held_open(struct weights *w, struct rng *r)
{
	w->flavour = "held open";
	w->long_open = rng_range(r, 3000, 9000);
	w->user[USER_REWRITE] = 40;
	w->user[USER_SAVE] = 40;
	w->partitions = rng_below(r, 6);
	w->crash = rng_chance(r, 3000) ? rng_below(r, 60) : 0;
}

/* The same few contents are saved again and again, in the same few files, while nodes crash:
 * what looks like an install need not be one. */
static void same_bytes(struct weights *w, struct rng *r)
{
	w->flavour = "the same bytes";
	w->same_content = rng_range(r, 4000, 10000);
	w->names = 2;
	w->depth = rng_range(r, 1, 2);
	w->pause_msec = rng_range(r, 10, 200);
	w->crash = rng_range(r, 50, 400);
	w->fs_crash = rng_range(r, 0, 9000);
	w->stall = rng_below(r, 3000);
	w->quiet_restart = rng_chance(r, 7000);
	w->user[USER_RENAME] = 15;
}

/* One changes the right to read it, the other what is in it, and neither knows of the other. */
static void attributes(struct weights *w, struct rng *r)
{
	w->flavour = "attributes";
	w->user[USER_CHMOD] = 40;
	w->user[USER_CHOWN] = 20;
	w->user[USER_TOUCH] = 10;
	w->user[USER_REWRITE] = 20;
	w->user[USER_DELETE] = w->user[USER_DELETE_TREE] = w->user[USER_DELETE_CREATE] = 1;
	w->user[USER_RENAME] = w->user[USER_AWAY] = w->user[USER_KIND] = 1;
	w->names = 2;
	w->depth = rng_range(r, 1, 2);
	w->initial = 0;
	w->absence = rng_chance(r, 6000);
	if (w->absence) {
		w->actions = rng_range(r, 4, 40);
		w->depth = 1;
	}
	w->partitions = w->absence ? 0 : rng_range(r, 4, 30);
	w->loss = rng_below(r, 500);
	w->crash = rng_chance(r, 3000) ? rng_below(r, 100) : 0;
}

/* One node is away for most of the time; the others delete, days pass, and somebody forgets it. */
static void absence(struct weights *w, struct rng *r)
{
	w->flavour = "absence";
	w->absence = true;
	w->nodes = w->nodes < 3 && rng_chance(r, 5000) ? 3 : w->nodes;
	w->names = 2;
	w->depth = rng_range(r, 1, 2);
	w->user[USER_DELETE] = 40;
	w->user[USER_DELETE_TREE] = 20;
	w->user[USER_RENAME] = 15;
	w->initial = rng_range(r, 2, 8);
	w->initial_same = true;
	w->days = rng_range(r, 2, 5);
	w->forgets = rng_below(r, 4);
	w->loss = rng_below(r, 300);
	w->crash = rng_chance(r, 3000) ? rng_below(r, 60) : 0;
}

/* Stores are lost while others delete. */
static void losses(struct weights *w, struct rng *r)
{
	w->flavour = "lost stores";
	w->lost_stores = rng_range(r, 1, 5);
	w->names = 2;
	w->depth = rng_range(r, 1, 2);
	w->user[USER_DELETE] = 40;
	w->user[USER_DELETE_TREE] = 10;
	w->initial = rng_below(r, 6);
	w->initial_same = rng_chance(r, 5000);
	w->partitions = rng_below(r, 8);
	w->loss = rng_chance(r, 5000) ? rng_range(r, 3000, 9000) : rng_below(r, 500);
	w->io_error = rng_chance(r, 5000) ? rng_below(r, 600) : 0;
	w->pause_msec = rng_range(r, 20, 400);
	if (rng_chance(r, 6000)) { /* in the middle of a transfer */
		w->nodes = rng_range(r, 3, 4);
		w->page_versions = rng_range(r, 1, 2);
		w->cut = rng_range(r, 1000, 5000);
		w->slow = rng_range(r, 1000, 5000);
	}
}

/* Hosts put back from images, again and again. */
static void images(struct weights *w, struct rng *r)
{
	w->flavour = "images";
	w->images = rng_range(r, 3, 12);
	w->user[USER_DELETE] *= 3;
	if (rng_chance(r, 4000)) { /* of what was changed on two sides */
		w->names = 1;
		w->depth = 1;
		w->big = rng_range(r, 3000, 9000);
		w->user[USER_CHMOD] = 60;
		w->user[USER_SAVE] = 40;
		w->user[USER_DELETE] = 0;
	}
	w->partitions = rng_below(r, 6);
	w->loss = rng_below(r, 500);
	w->days = rng_below(r, 3);
}

/* Not all keep the same names, and who does not keep one is between those who do. */
static void exclusions(struct weights *w, struct rng *r)
{
	w->flavour = "exclusions";
	w->exclude = 5000;
	w->nodes = rng_range(r, 3, 5);
	w->topology = rng_chance(r, 5000) ? TOPOLOGY_CHAIN : TOPOLOGY_STAR;
	w->names = 2;
	w->depth = rng_range(r, 1, 2);
	w->loss = rng_below(r, 1000);
	w->cut = rng_below(r, 1000);
	w->partitions = rng_below(r, 8);
	w->crash = rng_chance(r, 3000) ? rng_below(r, 60) : 0;
}

/* Administrators and users at the same few files, with each other's changes not yet in place. */
static void orders(struct weights *w, struct rng *r)
{
	w->flavour = "orders";
	w->nodes = rng_range(r, 2, 3);
	w->orders = rng_range(r, 2000, 5000);
	w->names = rng_range(r, 1, 2);
	w->depth = 1;
	w->pause_msec = rng_range(r, 5, 100);
	w->stall = rng_below(r, 5000);
	w->io_error = rng_below(r, 1500);
	w->partitions = rng_range(r, 4, 30);
	for (uint32_t i = 0; i < USER_ACTIONS; i++)
		w->user[i] = 0;
	w->user[USER_SAVE] = 20;
	w->user[USER_CHMOD] = 30;
	w->user[USER_CHOWN] = 20;
	w->user[USER_DELETE] = rng_below(r, 3);
}

/* One kind of action and nothing else. */
static void one_kind(struct weights *w, struct rng *r)
{
	static const enum user_action kinds[] = {USER_DELETE_TREE,   USER_RENAME, USER_AWAY,
						 USER_DELETE_CREATE, USER_KIND,   USER_OFTEN,
						 USER_OLD,           USER_VIM};

	w->flavour = "one kind of edit";
	for (uint32_t i = 0; i < USER_ACTIONS; i++)
		w->user[i] = 0;
	w->user[kinds[rng_below(r, sizeof kinds / sizeof *kinds)]] = 100;
	w->user[USER_SAVE] = rng_below(r, 40);
	w->user[USER_MKDIR] = rng_below(r, 20);
	w->initial = rng_range(r, 2, 12);
	w->initial_same = rng_chance(r, 7000);
	w->clock_rename = rng_chance(r, 5000) ? rng_below(r, 3000) : 0;
	w->partitions = rng_chance(r, 5000) ? rng_below(r, 40) : 0;
	w->loss = rng_below(r, 2000);
	w->crash = rng_chance(r, 5000) ? rng_below(r, 150) : 0;
	w->fs_crash = rng_below(r, 5000);
}

static void power_cuts(struct weights *w, struct rng *r)
{
	w->flavour = "power cuts";
	w->crash = rng_range(r, 20, 200);
	w->fs_crash = rng_range(r, 3000, 10000);
	w->power = rng_range(r, 3000, 10000);
	w->names = 2;
	w->depth = rng_range(r, 1, 2);
	w->pause_msec = rng_range(r, 10, 300);
	w->partitions = rng_below(r, 6);
	w->stall = rng_below(r, 6000);
	w->io_error = rng_below(r, 1500);
	w->user[USER_REWRITE] = 30;
}

/* What the safety brake holds: many removals, and administrators who decide about them. */
static void braked(struct weights *w, struct rng *r)
{
	w->flavour = "safety brake";
	w->brake_share = rng_range(r, 1, 40);
	w->decisions = rng_range(r, 5, 40);
	w->user[USER_EMPTY] = 30;
	w->user[USER_DELETE] = 20;
	w->user[USER_DELETE_TREE] = 10;
	w->initial = rng_range(r, 2, 10);
	w->initial_same = true;
	w->skewed = rng_chance(r, 4000);
	w->partitions = rng_below(r, 4);
	w->crash = rng_chance(r, 4000) ? rng_below(r, 100) : 0;
}

/* What is arranged, and little else (focus.c). */
static void focussed(struct weights *w, struct rng *r)
{
	static const char *const words[] = {"a hasty save", "a broken transfer",  "a short life",
					    "two sides",    "what was forgotten", "two fields",
					    "three sides"};

	w->focus = rng_below(r, FOCUSES + 2);
	if (w->focus >= FOCUSES)
		w->focus = FOCUS_NONE;
	w->flavour = words[w->focus];
	w->nodes = w->focus == FOCUS_TRANSFER || w->focus == FOCUS_FORGOTTEN ? 3 : 2;
	w->actions = rng_range(r, 10, 30);
	w->pause_msec = rng_range(r, 20, 200);
	w->depth = 1;
	w->names = 4;
	w->orders = w->rescan = w->clock_steps = 0;
	w->skewed = false;
	for (uint32_t i = 0; i < USER_ACTIONS; i++)
		w->user[i] = 0;
	w->user[USER_SAVE] = 20;
	switch (w->focus) {
	case FOCUS_TRANSFER:
		w->page_versions = 1;
		w->initial = rng_below(r, 3);
		w->initial_same = true;
		break;
	case FOCUS_SHORT_LIFE:
		w->actions = rng_range(r, 1, 6);
		w->initial = rng_range(r, 2, 8);
		break;
	case FOCUS_FORGOTTEN:
		w->actions = 1;
		w->initial = w->big = w->stall = w->io_error = 0;
		break;
	case FOCUS_TWO_FIELDS:
	case FOCUS_THREE_SIDES:
		w->actions = 1;
		w->initial = 0;
		w->names = 26;
		break;
	case FOCUS_TWO_SIDES:
		w->big = 10000;
		w->actions = 1;
		w->initial = 0;
		break;
	default:
		w->hasty = rng_range(r, 500, 5000);
		w->crash = rng_below(r, 60);
		w->initial_same = true;
		w->power = w->fs_crash = 10000;
		w->stall = rng_below(r, 4000);
		break;
	}
}

/* Change sets by hand: several files are edited, somebody releases or discards them, nodes crash. */
static void change_sets(struct weights *w, struct rng *r)
{
	w->flavour = "change sets";
	w->sets = rng_range(r, 2, 12);
	w->decisions = rng_range(r, 5, 40);
	w->names = rng_range(r, 2, 3);
	w->depth = rng_range(r, 1, 3);
	w->initial = rng_below(r, 8);
	w->initial_same = true;
	w->loss = rng_below(r, 500);
	w->partitions = rng_below(r, 8);
	w->user[USER_CHMOD] = 8;
	w->user[USER_KIND] = 6;
	w->crash = rng_chance(r, 6000) ? rng_below(r, 150) : 0;
	w->fs_crash = rng_below(r, 6000);
	w->power = rng_chance(r, 3000) ? rng_below(r, 10000) : 0;
	w->brake_share = rng_chance(r, 2000) ? rng_range(r, 1, 40) : 0;
	w->images = rng_chance(r, 1500) ? rng_below(r, 6) : 0;
	w->orders = rng_chance(r, 3000) ? rng_below(r, 1500) : 0;
	w->long_open = rng_chance(r, 3000) ? rng_below(r, 5000) : 0;
}

static void everything(struct weights *w, struct rng *r)
{
	w->flavour = "everything";
	w->loss = rng_below(r, 2500);
	w->dup = rng_below(r, 1500);
	w->slow = rng_below(r, 2000);
	w->cut = rng_below(r, 2000);
	w->crash = rng_below(r, 100);
	w->fs_crash = rng_below(r, 5000);
	w->power = rng_chance(r, 3000) ? rng_below(r, 10000) : 0;
	w->partitions = rng_below(r, 15);
	w->initial = rng_below(r, 8);
	w->initial_same = rng_chance(r, 3000);
	w->late = rng_chance(r, 2000);
	w->start_alone = w->late || rng_chance(r, 1000);
	w->long_open = rng_below(r, 2000);
	w->sets = rng_chance(r, 2000) ? rng_below(r, 8) : 0;
	w->decisions = w->sets ? rng_below(r, 20) : 0;
	w->exclude = rng_chance(r, 1500) ? rng_below(r, 6000) : 0;
	w->clock_rename = rng_chance(r, 3000) ? rng_below(r, 2000) : 0;
}

/* A little of everything else. */
static void season(struct weights *w, struct rng *r)
{
	if (rng_chance(r, 3000) && w->initial == 0)
		w->initial = rng_range(r, 1, 6);
	if (rng_chance(r, 3000) && w->nodes > 2 && !w->topology)
		w->topology = rng_chance(r, 5000) ? TOPOLOGY_CHAIN : TOPOLOGY_STAR;
	if (rng_chance(r, 4000) && !w->days)
		w->days = rng_range(r, 1, 6);
	if (w->days && rng_chance(r, 5000) && !w->absence)
		w->forgets = rng_range(r, 1, 6);
	if (rng_chance(r, 3000) && !w->brake_share) {
		w->brake_share = rng_range(r, 1, 60);
		w->decisions = rng_below(r, 20);
	}
	if (rng_chance(r, 2000) && !w->lost_stores)
		w->lost_stores = rng_range(r, 1, 4);
	if (rng_chance(r, 2000) && !w->images)
		w->images = rng_range(r, 1, 6);
}

/* Not of the history's own chance, which is what it was. */
static uint32_t asides(const struct weights *w, struct rng r)
{
	rng_next(&r);
	if ((!w->sets && !w->brake_share) || rng_chance(&r, 6000))
		return 0;
	return rng_range(&r, 2, 30);
}

static uint32_t join_error(struct rng r)
{
	rng_next(&r);
	rng_next(&r);
	return rng_chance(&r, 4000) ? rng_below(&r, 3000) : 0;
}

/* Much is held, set aside and brought back, and seldom in peace. */
static void hold_much(struct weights *w, struct rng r)
{
	for (int i = 0; i < 3; i++)
		rng_next(&r);
	w->asides_meet = true;
	w->asides = rng_range(&r, 10, 60);
	if (!w->sets)
		w->sets = rng_range(&r, 2, 12);
	if (!w->decisions)
		w->decisions = rng_range(&r, 5, 40);
	if (!w->crash)
		w->crash = rng_chance(&r, 5000) ? rng_below(&r, 100) : 0;
}

void weights_draw(struct weights *w, struct rng *r)
{
	static void (*const flavours[])(struct weights *, struct rng *) = {
	    calm,       lossy,      partitions, crashes,  deletes, meetings,   held_open,
	    same_bytes, attributes, absence,    losses,   images,  exclusions, orders,
	    one_kind,   power_cuts, braked,     focussed, change_sets, everything};
	static const uint32_t chances[] = {1, 3, 4, 4, 3, 3, 2, 3, 3, 3, 3, 2, 2, 3, 2, 4, 2, 8, 4, 5};

	*w = (struct weights){0};
	w->nodes = rng_range(r, 2, 5);
	if (rng_chance(r, 6000))
		w->nodes = rng_range(r, 2, 3);
	else if (rng_chance(r, 1000))
		w->nodes = rng_range(r, 6, NODES_MAX);
	w->actions = rng_range(r, 20, 120);
	w->names = rng_range(r, 2, 4);
	w->depth = rng_range(r, 1, 3);
	w->pause_msec = rng_chance(r, 5000) ? 150 : rng_range(r, 20, 1500);
	w->stall = rng_chance(r, 5000) ? rng_below(r, 2000) : 0;
	w->io_error = rng_chance(r, 3000) ? rng_below(r, 300) : 0;
	w->hook_fails = rng_chance(r, 5000) ? rng_below(r, 8000) : 0;
	w->big = rng_chance(r, 4000) ? rng_below(r, 6000) : 0;
	w->rescan = rng_chance(r, 3000) ? rng_below(r, 300) : 0;
	w->orders = rng_chance(r, 5000) ? 200 + rng_below(r, 5000) : 0;
	w->local_names = rng_chance(r, 3000) ? 10 : 1;
	w->same_content = rng_chance(r, 4000) ? rng_below(r, 5000) : 100;
	w->skewed = rng_chance(r, 3000);
	w->clock_steps = w->skewed ? rng_below(r, 6) : 0;
	w->page_versions = rng_chance(r, 6000) ? rng_range(r, 2, 6) : 0;
	w->quiet_restart = rng_chance(r, 5000);
	for (uint32_t i = 0; i < USER_ACTIONS; i++)
		w->user[i] = rng_chance(r, 1500) ? 0 : everyday[i] * rng_range(r, 1, 3);
	w->user[USER_SAVE] += 5;
	flavours[rng_pick(r, chances, sizeof chances / sizeof *chances)](w, r);
	if (!w->focus)
		season(w, r);
	w->limited = sim_options.limited;
	if (w->limited) /* what only that one has left, or knows to be dead, is not taken from it */
		w->lost_stores = w->images = w->forgets = w->focus = 0;
	w->lists = sim_options.lists;
	w->asides = asides(w, *r);
	w->join_error = join_error(*r);
	if (sim_options.held)
		hold_much(w, *r);
	if (w->lists) /* what is taken back counts as a newcomer's */
		w->exclude = w->power = w->hasty = w->focus = 0;
}
