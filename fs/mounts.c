/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * /proc/self/mountinfo, read again when its poll says that it has changed. Each open file of it has
 * a mark of its own for what it has told, so the one that others poll is another than the one that
 * is asked here.
 */
#include "fs/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"

#define MOUNTINFO "/proc/self/mountinfo"

struct mounts {
	const char *mount;
	int watch;            /* for others */
	pthread_mutex_t lock; /* of what follows */
	int ask;
	bool known;
	char **inside; /* paths of the tree */
	size_t n;
};

struct mounts *mounts_new(const char *mount)
{
	struct mounts *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->mount = mount;
	m->watch = open(MOUNTINFO, O_RDONLY | O_CLOEXEC);
	m->ask = open(MOUNTINFO, O_RDONLY | O_CLOEXEC);
	if (m->watch < 0 || m->ask < 0) {
		log_error(MOUNTINFO ": %s", err_text(-errno));
		if (m->watch >= 0)
			close(m->watch);
		free(m);
		return NULL;
	}
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

static void forget(struct mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->inside[i]);
	free(m->inside);
	m->inside = NULL;
	m->n = 0;
	m->known = false;
}

void mounts_free(struct mounts *m)
{
	if (!m)
		return;
	forget(m);
	close(m->watch);
	close(m->ask);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

int mounts_fd(const struct mounts *m)
{
	return m->watch;
}

/* \ooo, in place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* The mount point is the fifth field. */
static bool add_line(struct mounts *m, char *line)
{
	char *save;
	char *field = strtok_r(line, " ", &save);

	for (int i = 0; i < 4 && field; i++)
		field = strtok_r(NULL, " ", &save);
	if (!field)
		return true;
	unescape(field);
	if (!path_below(field, m->mount))
		return true;
	char **inside = reallocarray(m->inside, m->n + 1, sizeof(char *));
	if (!inside)
		return false;
	m->inside = inside;
	m->inside[m->n] = strdup(field + strlen(m->mount) + 1);
	if (!m->inside[m->n])
		return false;
	m->n++;
	return true;
}

static bool read_again(struct mounts *m)
{
	char *line CLEANUP_FREE = NULL;
	size_t size = 0;
	bool ok = true;

	forget(m);
	FILE *f CLEANUP_FCLOSE = fopen(MOUNTINFO, "re");
	if (!f)
		return false;
	while (ok && getline(&line, &size, f) > 0)
		ok = add_line(m, line);
	m->known = ok;
	return ok;
}

bool mounts_at(struct mounts *m, const char *path)
{
	struct pollfd p = {.fd = m->ask, .events = POLLPRI};
	bool found = false;

	pthread_mutex_lock(&m->lock);
	if (poll(&p, 1, 0) > 0)
		m->known = false;
	if (!m->known && !read_again(m))
		found = true; /* rather wait than unmount */
	for (size_t i = 0; i < m->n && !found; i++)
		found = strcmp(m->inside[i], path) == 0 || path_below(m->inside[i], path);
	pthread_mutex_unlock(&m->lock);
	return found;
}
