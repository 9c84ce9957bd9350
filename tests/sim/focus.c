/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Focussed histories: what takes several rare things at the right times, and chance would bring
 * together once in some ten thousand histories, is arranged; the rest is drawn as ever.
 *
 *   a broken transfer   one node has worked alone; while another one, and only that, takes page by
 *                       page what it made, its store is lost
 *   a short life        a node loses its store just after it has joined, before its peers have heard
 *                       from itself that it had; meanwhile they delete what it had told
 *   two sides           the content is from here and the mode from there, and then store and tree
 *                       here are put back from an image that was taken before
 *   two fields          cut off from each other, one changes the mode and the other one the content
 *   three sides         there the mode is changed, here an administrator wants an older version and
 *                       somebody saves before that is in place
 *   what was forgotten  one node has forgotten a delete, makes the file anew and deletes it; another
 *                       one, which had not forgotten yet, is what the third one, put back from an
 *                       image in which the first file is still there, hears of that
 *   a hasty save        somebody writes into a file that has just been installed, and the power goes
 *
 * In all histories: when the power is back somebody may empty files before they have been looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

#define POLL_MSEC 20
#define PATIENCE_MSEC 60000 /* then what was to be waited for does not come */
#define TRANSFER_MSEC 600
#define FILE_NAME "a"

/* What follows is a chain of steps, each waiting for what it needs. */
static bool all_joined(const struct world *w)
{
	for (uint32_t i = 0; i < w->nnodes; i++)
		if (!w->nodes[i].up || !w->nodes[i].joined || !w->nodes[i].fs_up)
			return false;
	return true;
}

static void over(struct world *w)
{
	w->sessions--;
}

static void step(struct world *w, uint8_t node, uint32_t delay,
		 void (*next)(struct world *, uint8_t, void *))
{
	world_at(w, delay, node, 0, next, NULL, NULL);
}

/* ---- a broken transfer ---- */

/* It has some of it, and not all. */
static bool in_the_middle(const struct node *n)
{
	for (uint32_t i = 0; i < n->store.npaths; i++)
		for (uint32_t k = 0; k < n->store.paths[i].n; k++)
			if (!vv_covers(&n->store.vector, n->store.paths[i].entry[k]->dot))
				return true;
	return false;
}

/* When it comes back all reach each other, and it has nothing yet. */
static void breaks(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	images_lose(w, &w->nodes[node]);
	net_heal(w);
	over(w);
}

static void takes(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	if (in_the_middle(&w->nodes[(node + 1) % w->nnodes]) || w->now > w->focus_until)
		step(w, node, rng_below(&w->rng, 4), breaks);
	else
		step(w, node, 1, takes);
}

static void reaches_one(struct world *w, uint8_t node, void *arg)
{
	uint8_t one = (uint8_t)((node + 1) % w->nnodes);

	(void)arg;
	if (w->actions_left > 0) {
		step(w, node, POLL_MSEC, reaches_one);
		return;
	}
	w->cut[node][one] = w->cut[one][node] = false;
	tell(w, "net: %s reaches %s", w->nodes[node].name, w->nodes[one].name);
	net_changed(w);
	w->focus_until = w->now + TRANSFER_MSEC;
	step(w, node, 1, takes);
}

static void works_alone(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	if (!all_joined(w) && w->now < PATIENCE_MSEC) {
		step(w, node, POLL_MSEC, works_alone);
		return;
	}
	net_isolate(w, node);
	step(w, node, POLL_MSEC, reaches_one);
}

/* ---- a short life ---- */

static void comes_again(struct world *w, uint8_t node, void *arg)
{
	(void)node;
	(void)arg;
	net_heal(w);
	over(w);
}

/* The other one changes all files, and deletes them some time later: they are not what this one
 * still has. */
static void changes_all(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[(node + 1) % w->nnodes];
	uint32_t npaths = w->npaths;

	for (uint32_t k = 0; k < npaths; k++) {
		const char *path = w->paths[k]->path;
		struct inode *i = disk_find(&n->disk, path);

		if (!i || i->kind != KIND_FILE || i->writers || truth_full(w, path))
			continue;
		if (arg) {
			user_unlink(w, n, path);
			continue;
		}
		i->content = user_content(w);
		user_changed(w, n, i, node_wall_nsec(w, n));
	}
	if (!arg)
		world_at(w, rng_range(&w->rng, 200, 600), node, 0, changes_all, NULL, w);
}

static void dies_young(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	net_isolate(w, node);
	images_lose(w, &w->nodes[node]);
	step(w, node, rng_range(&w->rng, 100, 300), changes_all);
	step(w, node, rng_range(&w->rng, 1500, 4000), comes_again);
}

static void is_born(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	if (!w->nodes[node].joined && w->now < PATIENCE_MSEC) {
		step(w, node, POLL_MSEC / 4, is_born);
		return;
	}
	step(w, node, rng_range(&w->rng, 5, 200), dies_young);
}

/* ---- two sides ---- */

static void back_again(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	images_put_back(w, node);
	net_heal(w);
	over(w);
}

static void other_side(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[(node + 1) % w->nnodes];
	struct inode *i = disk_find(&n->disk, FILE_NAME);

	(void)arg;
	for (uint32_t k = 0; k < w->nnodes; k++)
		w->cut[k][node] = k != node;
	tell(w, "net: nothing reaches %s", w->nodes[node].name);
	net_changed(w);
	if (i && i->kind == KIND_FILE) {
		i->mode ^= 0040;
		user_changed(w, n, i, 0);
		user_closed(w, n, i);
	}
	step(w, node, rng_range(&w->rng, 200, 600), back_again);
}

static void this_side(struct world *w, uint8_t node, void *arg)
{
	struct inode *i = disk_find(&w->nodes[(node + 1) % w->nnodes].disk, FILE_NAME);

	(void)arg;
	if (!i && w->now < PATIENCE_MSEC) {
		step(w, node, POLL_MSEC, this_side);
		return;
	}
	images_remember(w, node);
	if (i && i->kind == KIND_FILE)
		i->writers++; /* somebody has it open there, and it waits to be installed */
	session_start(w, &w->nodes[node], FILE_NAME, USER_SAVE);
	step(w, node, rng_range(&w->rng, 800, 2000), other_side);
}

static void first_side(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	if (!all_joined(w) && w->now < PATIENCE_MSEC) {
		step(w, node, POLL_MSEC, first_side);
		return;
	}
	session_start(w, &w->nodes[node], FILE_NAME, USER_SAVE);
	step(w, node, POLL_MSEC, this_side);
}

/* ---- two fields ---- */

static void change_mode(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	struct inode *i = disk_find(&n->disk, FILE_NAME);

	(void)arg;
	if (!i || i->kind != KIND_FILE)
		return;
	i->mode ^= 0040;
	user_changed(w, n, i, 0);
}

static void are_changed(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	for (uint32_t k = 0; k < w->nnodes; k++)
		if (!disk_find(&w->nodes[k].disk, FILE_NAME) && w->now < PATIENCE_MSEC) {
			step(w, node, POLL_MSEC, are_changed);
			return;
		}
	net_isolate(w, node);
	change_mode(w, node, NULL);
	session_start(w, &w->nodes[(node + 1) % w->nnodes], FILE_NAME, USER_SAVE);
	step(w, node, rng_range(&w->rng, 500, 1500), comes_again);
}

static void are_made(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	if (!all_joined(w) && w->now < PATIENCE_MSEC) {
		step(w, node, POLL_MSEC, are_made);
		return;
	}
	user_create(w, &w->nodes[rng_below(&w->rng, w->nnodes)], FILE_NAME, KIND_FILE,
		    user_content(w), true);
	step(w, node, 500, are_changed);
}

/* ---- three sides ---- */

static void are_three(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	struct inode *i = disk_find(&n->disk, FILE_NAME);

	(void)arg;
	net_isolate(w, node);
	if (i && i->kind == KIND_FILE && i->writers == 0) {
		admin_order(w, n, FILE_NAME);
		i->content = user_content(w);
		user_changed(w, n, i, node_wall_nsec(w, n));
	}
	step(w, (uint8_t)((node + 1) % w->nnodes), rng_range(&w->rng, 100, 600), change_mode);
	step(w, node, rng_range(&w->rng, 800, 1500), comes_again);
}

static void is_saved_again(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	session_start(w, &w->nodes[node], FILE_NAME, USER_SAVE);
	step(w, node, 1000, are_three);
}

static void is_made(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	if (!all_joined(w) && w->now < PATIENCE_MSEC) {
		step(w, node, POLL_MSEC, is_made);
		return;
	}
	user_create(w, &w->nodes[node], FILE_NAME, KIND_FILE, user_content(w), true);
	step(w, node, 500, is_saved_again);
}

/* ---- what was forgotten ---- */

static uint8_t next_to(const struct world *w, uint8_t node, uint8_t distance)
{
	return (uint8_t)((node + distance) % w->nnodes);
}

static void hears_of_it(struct world *w, uint8_t node, void *arg)
{
	uint8_t maker = next_to(w, node, 2);

	(void)arg;
	images_put_back(w, node);
	w->cut[node][maker] = w->cut[maker][node] = true;
	net_changed(w);
	step(w, node, 1500, comes_again);
}

static void deletes_it_again(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	user_unlink(w, &w->nodes[next_to(w, node, 2)], FILE_NAME);
	step(w, node, 500, hears_of_it);
}

static void makes_it_again(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	net_heal(w);
	user_create(w, &w->nodes[next_to(w, node, 2)], FILE_NAME, KIND_FILE, user_content(w), true);
	step(w, node, rng_range(&w->rng, 30, 300), deletes_it_again);
}

static void forgets_it(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	w->days_msec += 2 * INT64_C(86400000) + 3600000;
	tell(w, "two days pass");
	step(w, node, rng_range(&w->rng, 2100, 4000), makes_it_again);
}

static void is_not_heard(struct world *w, uint8_t node, void *arg)
{
	uint8_t deaf = next_to(w, node, 1);

	(void)arg;
	for (uint32_t k = 0; k < w->nnodes; k++)
		w->cut[k][deaf] = k != deaf;
	tell(w, "net: nothing reaches %s", w->nodes[deaf].name);
	net_changed(w);
	step(w, node, 4500, forgets_it);
}

static void deletes_it(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	for (uint32_t k = 0; k < w->nnodes; k++)
		if (!disk_find(&w->nodes[k].disk, FILE_NAME) && w->now < PATIENCE_MSEC) {
			step(w, node, POLL_MSEC, deletes_it);
			return;
		}
	images_remember(w, node);
	user_unlink(w, &w->nodes[next_to(w, node, 2)], FILE_NAME);
	step(w, node, 1000, is_not_heard);
}

static void makes_it(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	if (!all_joined(w) && w->now < PATIENCE_MSEC) {
		step(w, node, POLL_MSEC, makes_it);
		return;
	}
	user_create(w, &w->nodes[next_to(w, node, 1)], FILE_NAME, KIND_FILE, user_content(w), true);
	step(w, node, 200, deletes_it);
}

/* ---- a hasty save ---- */

void focus_installed(struct world *w, struct node *n, struct inode *i)
{
	char path[SIM_PATH_MAX];

	if (!w->faults || !rng_chance(&w->rng, w->weights.hasty) || i->kind != KIND_FILE ||
	    !disk_path(i, path) || truth_full(w, path))
		return;
	i->content = user_content(w);
	user_changed(w, n, i, node_wall_nsec(w, n));
	step(w, n->index, rng_below(&w->rng, 5), host_killed);
}

/* After a power cut somebody empties files, and means it: to the core they look damaged. */
static void empties(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	uint32_t npaths = w->npaths;

	(void)arg;
	for (uint32_t k = 0; k < npaths && w->faults && n->fs_up && !power_off(n); k++) {
		const char *path = w->paths[k]->path;
		struct inode *i = disk_find(&n->disk, path);

		if (!i || i->kind != KIND_FILE || i->writers || !i->content || truth_full(w, path))
			continue;
		i->content = 0;
		user_changed(w, n, i, node_wall_nsec(w, n));
	}
}

void focus_started(struct world *w, struct node *n)
{
	if (w->faults && n->power_cut && rng_chance(&w->rng, w->weights.hasty ? 7000 : 5000))
		step(w, n->index, rng_below(&w->rng, 8), empties);
}

void focus_start(struct world *w)
{
	static void (*const first[])(struct world *, uint8_t, void *) = {
	    [FOCUS_TRANSFER] = works_alone, [FOCUS_SHORT_LIFE] = is_born,
	    [FOCUS_TWO_SIDES] = first_side, [FOCUS_FORGOTTEN] = makes_it,
	    [FOCUS_TWO_FIELDS] = are_made,  [FOCUS_THREE_SIDES] = is_made,
	};

	if (!first[w->weights.focus])
		return;
	w->sessions++; /* the history is not over before */
	step(w, (uint8_t)rng_below(&w->rng, w->nnodes), POLL_MSEC, first[w->weights.focus]);
}
