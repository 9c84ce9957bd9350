/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The proof: the serial that named serves is the one in the file. All zones are asked for in turn,
 * those that are not there yet again, until the time is up: one that never comes doesn't hold up
 * the others.
 *
 * A file may change while this goes on, and named have loaded it before or after: that is why its serial
 * is looked at before named is told, and later. A file that came after that has a run of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "tools/hooks/bind.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/path.h"
#include "tools/hooks/bind_serial.h"
#include "tools/hooks/bind_tool.h"

#define PAUSE_FIRST_MSEC 2 /* between two rounds */
#define PAUSE_MAX_MSEC 100
#define ANSWER_MSEC 1000
#define ASKED_MAX 1000 /* zones that are asked for without having been named */
#define HELD_ASKED_MAX 200

/* A zone's file, when named had not been told yet. */
struct file_before {
	bool known;
	int error; /* 0: there is a serial */
	uint32_t serial;
};

struct question {
	const struct named_zone *zone;
	uint32_t first; /* serial of the file before named was told; it may change meanwhile */
	bool open;
	char words[256]; /* why it is not answered */
};

/* A path of the tree, or "" where the file lies elsewhere. */
static void tree_path(const struct options *o, const char *file, char *escaped, size_t size)
{
	CLEANUP_FREE char *host = NULL;
	size_t n = strlen(o->mount);

	escaped[0] = '\0';
	if (!file || asprintf(&host, "%s%s", strcmp(o->root, "/") == 0 ? "" : o->root, file) < 0)
		return;
	if (strncmp(host, o->mount, n) == 0 && host[n] == '/')
		path_escape(escaped, size, host + n + 1);
}

void prove_print(const struct hook *h, const struct named_zone *z, const char *state,
		 const struct loaded *l, const char *words)
{
	char path[PATH_ESCAPED_MAX];
	char serial[16] = "";
	char loaded[24] = "";
	char line[256];

	tree_path(&h->options, z->file, path, sizeof path);
	if (l && l->has_serial)
		snprintf(serial, sizeof serial, "%u", l->serial);
	if (l && l->has_time)
		snprintf(loaded, sizeof loaded, "%lld", (long long)l->time_sec);
	snprintf(line, sizeof line, "%s", words);
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	printf("proof\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", z->name, z->zclass,
	       z->view ? z->view : "", state, serial, loaded, path, line);
}

/* Where a key leads into the zone's view: whoever asks with it is answered with what is loaded. */
static int answers_alike(const struct hook *h, const struct named_zone *z, uint32_t loaded,
			 char *words, size_t size)
{
	const struct options *o = &h->options;
	const struct named_key *key = z->view ? named_conf_key(&h->zones, z->view) : NULL;
	char why[128] = "";
	uint32_t serial;
	int r;

	if (!key || z->signs_itself || strcasecmp(z->zclass, "IN") != 0)
		return 0;
	r = serial_of_server(o->address ? o->address : h->zones.address,
			     o->port ? o->port : h->zones.port, z->name, key, ANSWER_MSEC, &serial,
			     why, sizeof why);
	if (r < 0)
		snprintf(words, size, "named has loaded %u, but asked with the view's key %s: %s",
			 loaded, key->name, why[0] ? why : err_text(r));
	else if (serial != loaded)
		snprintf(words, size, "named has loaded %u, but answers %u to the view's key %s",
			 loaded, serial, key->name);
	return r < 0 ? r : serial == loaded ? 0 : ERR_UNKNOWN;
}

/* What named has loaded. An SOA record would prove one view only, and of a zone that named signs it
 * has another serial: there named itself is asked. */
static int served_serial(struct hook *h, const struct named_zone *z, struct loaded *l, char *words,
			 size_t size)
{
	const struct options *o = &h->options;
	const char *status[4] = {"zonestatus", z->name, z->zclass, z->view};
	struct buf output;
	uint32_t loaded_serial;
	int r;

	*l = (struct loaded){.has_serial = true};
	if (!z->view && !z->signs_itself) {
		r = serial_of_server(o->address ? o->address : h->zones.address,
				     o->port ? o->port : h->zones.port, z->name, NULL, ANSWER_MSEC,
				     &l->serial, words, size);
		if (r < 0 || !h->channel.usable)
			return r;
		/* It answers: and since when. */
		buf_init(&output, TOOL_OUTPUT_MAX);
		l->has_time = rndc(h, &output, status) == 0 &&
			      serial_of_status(&output, &loaded_serial) == 0 &&
			      loaded_serial == l->serial &&
			      loaded_of_status(&output, &l->time_sec) == 0;
		buf_fini(&output);
		return 0;
	}
	buf_init(&output, TOOL_OUTPUT_MAX);
	r = rndc(h, &output, status);
	if (r == 0 && serial_of_status(&output, &l->serial) < 0)
		r = ERR_UNKNOWN;
	l->has_time = r == 0 && loaded_of_status(&output, &l->time_sec) == 0;
	if (r != 0)
		snprintf(words, size, "%s",
			 r > 0 ? rndc_says(&output, r) : "named has not loaded it");
	buf_fini(&output);
	return r == 0 ? answers_alike(h, z, l->serial, words, size) : ERR_UNKNOWN;
}

/* The plan concerns it; `unnamed` counts those that it does not name. */
static bool concerns(const struct hook *h, const struct named_zone *z, size_t *unnamed)
{
	/* Of a configuration that waits named may not have all: what was not named is asked for then. */
	bool every = (h->reload_all || h->reconfig) && !h->conf_held;

	if (!is_static(z) || z->held || h->all_held)
		return false;
	return z->changed || (every && (*unnamed)++ < ASKED_MAX);
}

void prove_before(struct hook *h)
{
	size_t unnamed = 0;

	h->before = calloc(h->zones.n + 1, sizeof *h->before);
	for (size_t i = 0; h->before && i < h->zones.n; i++) {
		const struct named_zone *z = &h->zones.list[i];
		struct file_before *b = &h->before[i];

		b->known = concerns(h, z, &unnamed) && z->text;
		if (b->known)
			b->error = file_serial(h, z, &b->serial);
	}
}

/* Of the file as named was told to load it; one that could not be read then may be better now. */
static int first_serial(const struct hook *h, const struct named_zone *z, uint32_t *serial)
{
	const struct file_before *b = h->before ? &h->before[z - h->zones.list] : NULL;

	if (!b || !b->known || (b->error < 0 && z->changed))
		return file_serial(h, z, serial);
	*serial = b->serial;
	return b->error;
}

/* Whether there is something to ask for; if not, says why. */
static bool begin(struct hook *h, struct question *q)
{
	const struct named_zone *z = q->zone;
	int r = z->text ? first_serial(h, z, &q->first) : 0;

	if (r == -ENOENT && !z->changed) {
		printf("zone %s waits for its file %s\n", z->name, z->file);
		prove_print(h, z, "waits", NULL, "");
	} else if (r < 0) {
		snprintf(q->words, sizeof q->words, "%s: %s", z->file,
			 r == ERR_FORMAT ? "no SOA record in it" : err_text(r));
		zone_failed(h, z, q->words);
	}
	return r == 0;
}

/* Asks once. True: named serves what the file holds, now or at the start. */
static bool ask(struct hook *h, struct question *q)
{
	const struct named_zone *z = q->zone;
	uint32_t now = q->first;
	struct loaded l;

	if (served_serial(h, z, &l, q->words, sizeof q->words) < 0)
		return false;
	uint32_t served = l.serial;
	if (z->text && served != q->first && file_serial(h, z, &now) < 0)
		now = q->first;
	if (!z->text || served == q->first || served == now) {
		printf("served %s %u\n", z->name, served);
		prove_print(h, z, "served", &l, "");
		return true;
	}
	snprintf(q->words, sizeof q->words, "named serves %u, the file has %u: see named's log",
		 served, now);
	return false;
}

/* Rounds, with growing pauses. */
static void ask_all(struct hook *h, struct question *questions, size_t n)
{
	int64_t deadline = clock_monotonic_msec() + BOUND_MSEC;
	long pause_msec = PAUSE_FIRST_MSEC;
	size_t open = 0;

	for (size_t i = 0; i < n; i++)
		open += questions[i].open;
	for (;;) {
		struct timespec pause = {.tv_nsec = pause_msec * 1000000};

		for (size_t i = 0; i < n && clock_monotonic_msec() < deadline; i++)
			if (questions[i].open && ask(h, &questions[i])) {
				questions[i].open = false;
				open--;
			}
		if (open == 0 || clock_monotonic_msec() + pause_msec > deadline)
			break;
		nanosleep(&pause, NULL);
		pause_msec = 2 * pause_msec < PAUSE_MAX_MSEC ? 2 * pause_msec : PAUSE_MAX_MSEC;
	}
	for (size_t i = 0; i < n; i++)
		if (questions[i].open)
			zone_failed(h, questions[i].zone, questions[i].words);
}

/* What named has of zones whose files it should not load now: whoever knows when that began can tell whether
 * it has loaded them all the same. */
static void prove_held(struct hook *h)
{
	size_t asked = 0;

	for (size_t i = 0; i < h->zones.n && asked < HELD_ASKED_MAX; i++) {
		const struct named_zone *z = &h->zones.list[i];
		const char *status[4] = {"zonestatus", z->name, z->zclass, z->view};
		struct loaded l = {.has_serial = true};
		struct buf output;
		int r;

		if (!is_static(z) || !z->held)
			continue;
		asked++;
		buf_init(&output, TOOL_OUTPUT_MAX);
		r = rndc(h, &output, status);
		if (r == 0 && serial_of_status(&output, &l.serial) == 0) {
			l.has_time = loaded_of_status(&output, &l.time_sec) == 0;
			prove_print(h, z, "held", &l, "");
		}
		buf_fini(&output);
		if (r != 0 && h->channel.fd < 0)
			return; /* nobody answers, or only to processes */
	}
}

void prove_all(struct hook *h)
{
	CLEANUP_FREE struct question *questions = calloc(h->zones.n + 1, sizeof *questions);
	size_t n = 0;
	size_t unnamed = 0;

	if (!questions) {
		h->failures++;
		return;
	}
	for (size_t i = 0; i < h->zones.n; i++) {
		const struct named_zone *z = &h->zones.list[i];

		if (!concerns(h, z, &unnamed))
			continue;
		questions[n].zone = z;
		snprintf(questions[n].words, sizeof questions[n].words,
			 "named was not asked in time");
		questions[n].open = begin(h, &questions[n]);
		n++;
	}
	ask_all(h, questions, n);
	if (unnamed > ASKED_MAX)
		printf("%zu more zones were not asked for\n", unnamed - ASKED_MAX);
	prove_held(h);
}
