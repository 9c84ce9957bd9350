/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Telling named, over its control channel, or else by way of rndc, who also has the words for why nobody
 * answers. What they say is whether the command was taken, and nothing about whether anything was loaded.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/hooks/bind.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "tools/hooks/bind_tool.h"

#define AGAIN_MSEC 100 /* after "already running" */
#define PROCESSES_MAX 50 /* of rndc for as many zones; for more, one that reloads all */

/* ERR_*: not this way. */
static int by_channel(struct hook *h, struct buf *output, const char *const words[4])
{
	CLEANUP_FREE char *command = NULL;

	if (!h->channel.usable)
		return ERR_UNKNOWN;
	if (asprintf(&command, "%s%s%s%s%s%s%s", words[0], words[1] ? " " : "",
		     words[1] ? words[1] : "", words[1] && words[2] ? " " : "",
		     words[1] && words[2] ? words[2] : "",
		     words[1] && words[2] && words[3] ? " " : "",
		     words[1] && words[2] && words[3] ? words[3] : "") < 0)
		return -ENOMEM;
	return channel_command(&h->channel, command, BOUND_MSEC, output);
}

static int once(struct hook *h, struct buf *output, const char *const words[4])
{
	struct tool_run run = {.argv = (const char *const *)h->rndc, .timeout_msec = BOUND_MSEC};
	int r;

	buf_reset(output);
	r = by_channel(h, output, words);
	if (r >= 0)
		return r;
	buf_reset(output);
	return tool_run(&run, output);
}

/* Runs rndc with a command of up to four words (NULL: none). Waits while named says "already
 * running". */
int rndc(struct hook *h, struct buf *output, const char *const words[4])
{
	int64_t deadline = clock_monotonic_msec() + BOUND_MSEC;
	struct timespec again = {.tv_nsec = AGAIN_MSEC * 1000000};
	int r;

	for (size_t i = 0; i < 5; i++)
		h->rndc[h->nrndc + i] = i < 4 ? (char *)words[i] : NULL;
	for (;;) {
		r = once(h, output, words);
		buf_u8(output, 0); /* a string from here on */
		if (r <= 0 || output->err || !strstr((char *)output->data, "already running") ||
		    clock_monotonic_msec() > deadline)
			break;
		nanosleep(&again, NULL);
	}
	return output->err ? output->err : r;
}

const char *rndc_says(const struct buf *output, int r)
{
	char *text = (char *)output->data;

	if (r < 0)
		return err_text(r);
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, "rndc: ", 6) == 0)
		text += 6;
	return text;
}

/* -k with the key in named's root, unless the options say otherwise. */
int rndc_prepare(struct hook *h)
{
	static const char *const keys[] = {"/etc/rndc.key", "/etc/bind/rndc.key"};
	CLEANUP_FREE char *words = strdup(h->options.rndc ? h->options.rndc : "");
	char *state = NULL;

	if (!words)
		return -ENOMEM;
	while (h->nrndc > 0)
		free(h->rndc[--h->nrndc]);
	h->rndc[h->nrndc++] = strdup("rndc");
	for (char *w = strtok_r(words, " ", &state); w; w = strtok_r(NULL, " ", &state)) {
		if (h->nrndc == RNDC_WORDS_MAX)
			return ERR_LIMIT;
		h->rndc[h->nrndc++] = strdup(w);
	}
	for (size_t i = 0; !h->options.rndc && i < ARRAY_SIZE(keys); i++) {
		CLEANUP_FREE char *key = named_conf_absolute(h->options.root, keys[i] + 1);

		if (!key || access(key, R_OK) < 0)
			continue;
		h->rndc[h->nrndc++] = strdup("-k");
		h->rndc[h->nrndc++] = strdup(key);
		break;
	}
	channel_init(&h->channel, h->rndc, h->nrndc);
	return 0;
}

static bool rndc_all(struct hook *h, const char *command)
{
	struct buf output;
	const char *words[4] = {command};
	int r;

	buf_init(&output, TOOL_OUTPUT_MAX);
	r = rndc(h, &output, words);
	if (r != 0)
		printf("rndc %s: %s\n", command, rndc_says(&output, r));
	buf_fini(&output);
	return r == 0;
}

/* Has one zone loaded; named may not know it yet, where a reconfig failed earlier. False: nobody answers. */
static bool reload_zone(struct hook *h, struct named_zone *z)
{
	const char *words[4] = {"reload", z->name, z->zclass, z->view};
	struct buf output;
	int r;

	buf_init(&output, TOOL_OUTPUT_MAX);
	r = rndc(h, &output, words);
	if (r > 0 && !h->reconfig && !h->conf_held && conf_settled(h) && output.data &&
	    strstr((char *)output.data, "no matching zone")) {
		h->reconfig = true;
		if (rndc_all(h, "reconfig"))
			r = rndc(h, &output, words);
	}
	if (r != 0) {
		zone_failed(h, z, rndc_says(&output, r));
		z->changed = false; /* nothing to ask for */
	}
	buf_fini(&output);
	return r >= 0;
}

/* Its file is there. */
static bool has_file(const struct hook *h, const struct named_zone *z)
{
	struct stat st;

	return stat_inside(h, z->file, &st);
}

/* One command for all is quick, and would load what is held as well. */
static bool one_for_all(const struct hook *h, size_t n)
{
	for (size_t i = 0; i < h->zones.n; i++)
		if (h->zones.list[i].held)
			return false;
	return !h->all_held && !h->conf_held && !h->channel.usable && n > PROCESSES_MAX;
}

/* Loaded by itself: what has changed, or all that is there. */
static bool reload_one(struct hook *h, struct named_zone *z)
{
	if (z->changed && z->dynamic)
		printf("zone %s takes updates: its file is named's own\n", z->name);
	if (!is_static(z) || (!z->changed && !h->reload_all))
		return true;
	if (z->held || h->all_held) {
		if (z->changed)
			printf("zone %s is not loaded: what its file has now is held\n", z->name);
		z->changed = false;
		return true;
	}
	return (!z->changed && !has_file(h, z)) || reload_zone(h, z);
}

/* It would take what is held on this node or half written, or fail at it. */
static void reconfig_waits(struct hook *h)
{
	printf("the configuration is not loaded, and waits: %s\n",
	       h->conf_held ? "what is on disk of it is held here (zonefsctl held)"
			    : "it is empty, or is being written");
	h->failures++;
}

bool rndc_load(struct hook *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->zones.n; i++)
		n += (h->zones.list[i].changed || h->reload_all) && is_static(&h->zones.list[i]);
	if (one_for_all(h, n)) {
		h->reload_all = true;
		return rndc_all(h, "reload");
	}
	if (h->reconfig && (h->conf_held || !conf_settled(h)))
		reconfig_waits(h);
	else if (h->reconfig && !rndc_all(h, "reconfig"))
		return false;
	for (size_t i = 0; i < h->zones.n; i++)
		if (!reload_one(h, &h->zones.list[i]))
			return false;
	return true;
}
