/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A run that ended by itself is a verdict; all else is none.
 */
#include "replicator/checks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/portal.h"

struct asked {
	checks_done *done;
	void *arg;
};

static void could_not(struct check_result *result, char *words, const char *why)
{
	result->verdict = CHECK_COULD_NOT;
	snprintf(words, PORT_OUTPUT_MAX + 1, "%s", why);
}

static void answered(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	struct asked *a = arg;
	CLEANUP_FREE char *words = calloc(1, PORT_OUTPUT_MAX + 1);
	struct check_result result = {.verdict = CHECK_COULD_NOT, .words = words ? words : ""};
	size_t len;

	(void)n;
	(void)fd;
	int32_t exit_status = (int32_t)rd_u32(r), signal = (int32_t)rd_u32(r);
	bool timed_out = rd_u8(r) != 0;
	result.run_msec = rd_u32(r);
	const uint8_t *output = rd_bytes(r, &len, PORT_OUTPUT_MAX);
	if (words && r->err == 0)
		memcpy(words, output, len);
	if (words && (r->err || status < 0) && !words[0])
		could_not(&result, words, err_text(status < 0 ? status : ERR_FORMAT));
	else if (words && status == 0 && timed_out)
		could_not(&result, words, "the checker has not ended within its time limit");
	else if (words && status == 0 && (signal != 0 || exit_status < 0))
		could_not(&result, words, "the checker was ended by a signal");
	else if (words && status == 0 && r->err == 0)
		result.verdict = exit_status == 0 ? CHECK_GOOD : CHECK_BAD;
	a->done(a->arg, &result);
	free(a);
}

int checks_start(struct node *n, const struct check *c, checks_done *done, void *arg)
{
	struct asked *a = malloc(sizeof(*a));

	if (!a)
		return -ENOMEM;
	*a = (struct asked){done, arg};
	buf_check(portal_begin(n->portal, PORT_CHECK), c);
	int err = portal_send(n->portal, answered, a);
	if (err < 0)
		free(a);
	return err;
}

static void check_ended(struct node *n, void *arg, int status, struct rd *r, int *fd)
{
	(void)n;
	(void)arg;
	(void)status;
	(void)r;
	(void)fd;
}

/* Where that cannot be sent, it comes to its end by itself. */
void checks_end(struct node *n, uint32_t check)
{
	if (check == 0)
		return;
	buf_u32(portal_begin(n->portal, PORT_CHECK_END), check);
	portal_send(n->portal, check_ended, NULL);
}

void checks_of_zone(struct check *c, const struct zones *z, const struct zone_entry *e)
{
	c->kind = CHECK_ZONE;
	snprintf(c->zone, sizeof(c->zone), "%s", e->zone->name);
	snprintf(c->zclass, sizeof(c->zclass), "%s", e->zone->zclass);
	snprintf(c->path, sizeof(c->path), "%s", e->path);
	snprintf(c->directory, sizeof(c->directory), "%s", zones_directory(z));
	c->checks = e->zone->checks;
}

char *checks_map(int fd, size_t *len)
{
	struct stat st;

	*len = 0;
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < 0 || st.st_size > CHECK_OUTPUT_MAX)
		return NULL;
	char *text = malloc((size_t)st.st_size + 1);
	while (text && *len < (size_t)st.st_size) {
		ssize_t n = pread(fd, text + *len, (size_t)st.st_size - *len, (off_t)*len);
		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	if (text)
		text[*len] = '\0';
	return text;
}
