/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A batch is fed and answered at the same time, since a program may print before it has read all. Of the
 * output as much is kept as of any hook's; whatever the length, "done" is found at the start of a line.
 */
#include "fs/hookkeep.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

#define VERB "batches"
#define LINE_MAX_LEN 16 /* of a line's beginning: as much as "done STATUS" has */

struct helper {
	pthread_mutex_t lock; /* of all that follows, through a batch */
	struct hook_kept kept; /* pid 0: it does not run */
	bool proven; /* it has been done with a batch */
	bool refuses; /* it does not know batches */
};

struct hookkeep {
	const struct conf *conf;
	struct helper *helpers; /* one for each of conf->hooks */
};

struct batch {
	const char *input;
	size_t left; /* of the input; then the empty line */
	bool ended;  /* the empty line is written, too */
	char line[LINE_MAX_LEN + 1];
	size_t line_len;   /* of the line, however long */
	size_t line_start; /* in the output */
	int status;        /* -1: not done */
	struct hook_result *result;
};

struct hookkeep *hookkeep_new(const struct conf *conf)
{
	struct hookkeep *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->conf = conf;
	k->helpers = calloc(conf->nhooks + 1, sizeof(*k->helpers));
	if (!k->helpers) {
		free(k);
		return NULL;
	}
	for (size_t i = 0; i < conf->nhooks; i++)
		pthread_mutex_init(&k->helpers[i].lock, NULL);
	return k;
}

void hookkeep_free(struct hookkeep *k)
{
	struct hook_result *result = k ? calloc(1, sizeof(*result)) : NULL;

	for (size_t i = 0; k && i < k->conf->nhooks; i++) {
		if (k->helpers[i].kept.pid && result)
			hook_end(&k->helpers[i].kept, result);
		pthread_mutex_destroy(&k->helpers[i].lock);
	}
	free(result);
	if (k)
		free(k->helpers);
	free(k);
}

/* ---- one batch ---- */

/* "done STATUS" */
static bool is_done(struct batch *b)
{
	char *end;

	if (b->line_len > LINE_MAX_LEN || strncmp(b->line, "done ", 5) != 0 ||
	    !isdigit((unsigned char)b->line[5]))
		return false;
	long status = strtol(b->line + 5, &end, 10);
	if (*end || status > 255)
		return false;
	b->status = (int)status;
	b->result->output_len = b->line_start;
	return true;
}

/* True: the batch is done. */
static bool take(struct batch *b, const char *p, size_t n)
{
	struct hook_result *r = b->result;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n') {
			b->line[b->line_len < LINE_MAX_LEN ? b->line_len : LINE_MAX_LEN] = '\0';
			if (is_done(b))
				return true;
			b->line_len = 0;
		} else {
			if (b->line_len == 0)
				b->line_start = r->output_len;
			if (b->line_len < LINE_MAX_LEN)
				b->line[b->line_len] = p[i];
			b->line_len++;
		}
		if (r->output_len < sizeof(r->output))
			r->output[r->output_len++] = p[i];
	}
	return false;
}

/* False: nobody reads any more. */
static bool feed(struct batch *b, int fd)
{
	while (!b->ended) {
		ssize_t n = b->left > 0 ? write(fd, b->input, b->left) : write(fd, "\n", 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		if (b->left == 0) {
			b->ended = true;
		} else {
			b->input += n;
			b->left -= (size_t)n;
		}
	}
	return true;
}

enum end { END_DONE, END_LATE, END_GONE };

static enum end exchange(struct helper *h, struct batch *b, int64_t deadline)
{
	char bytes[16384];

	for (;;) {
		struct pollfd p[2] = {{h->kept.output, POLLIN, 0},
				      {b->ended ? -1 : h->kept.input, POLLOUT, 0}};
		int64_t left = deadline - clock_monotonic_msec();

		if (left <= 0)
			return END_LATE;
		if (poll(p, 2, (int)(left < 60000 ? left : 60000)) <= 0)
			continue;
		if (p[1].revents && !feed(b, h->kept.input))
			p[1].revents = 0, b->ended = true; /* its end is seen below */
		if (!p[0].revents)
			continue;
		ssize_t n = read(h->kept.output, bytes, sizeof(bytes));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return END_GONE;
		if (take(b, bytes, (size_t)n))
			return END_DONE;
	}
}

/* What it has printed when nobody asked is of no batch. False: it has ended. */
static bool is_there(struct helper *h)
{
	char bytes[4096];
	struct pollfd p = {h->kept.pidfd, POLLIN, 0};
	ssize_t n;

	if (h->kept.pid == 0)
		return false;
	do
		n = read(h->kept.output, bytes, sizeof(bytes));
	while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 && errno == EAGAIN && poll(&p, 1, 0) == 0;
}

static int start(struct hookkeep *k, struct helper *h, const struct conf_hook *hook,
		 struct hook_result *result)
{
	if (is_there(h))
		return 0;
	if (h->kept.pid) {
		hook_end(&h->kept, result);
		log_warning("hook %s has ended between two batches: it is started anew", hook->name);
	}
	return hook_start(k->conf, hook, VERB, &h->kept, result);
}

static int run_batch(struct hookkeep *k, struct helper *h, const struct conf_hook *hook,
		     const char *input, size_t len, struct hook_result *result)
{
	struct batch b = {.input = input, .left = len, .status = -1, .result = result};
	int64_t started = clock_monotonic_msec();
	int rc = start(k, h, hook, result);

	if (rc < 0)
		return rc;
	*result = (struct hook_result){.exit_status = -1};
	enum end end = exchange(h, &b, started + (int64_t)hook->timeout_sec * 1000);
	if (end == END_DONE) {
		h->proven = true;
		result->exit_status = b.status;
	} else {
		hook_end(&h->kept, result);
		result->timed_out = end == END_LATE;
		h->refuses = end == END_GONE && !h->proven && result->exit_status > 0;
		if (result->exit_status == 0)
			result->exit_status = -1; /* it was not done */
	}
	result->run_msec = (uint32_t)(clock_monotonic_msec() - started);
	return 0;
}

int hookkeep_run(struct hookkeep *k, const struct conf_hook *hook, const void *input,
		 size_t input_len, struct hook_result *result)
{
	struct helper *h = &k->helpers[hook - k->conf->hooks];
	int rc = 0;

	if (input_len > PORT_INPUT_MAX)
		return ERR_LIMIT;
	pthread_mutex_lock(&h->lock);
	if (!h->refuses) {
		memset(result, 0, sizeof(*result));
		rc = run_batch(k, h, hook, input, input_len, result);
		if (h->refuses)
			log_warning("hook %s does not go on running (see `persistent`): it is run "
				    "for each batch",
				    hook->name);
	}
	if (h->refuses)
		rc = hook_run(k->conf, hook, "reload", input, input_len, result);
	pthread_mutex_unlock(&h->lock);
	return rc;
}
