/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The serial in a zone's file. Where its SOA record is not there, what the file includes is looked
 * through, in order: many keep the records at the top of all their zones in one file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/named_include.h"
#include "tools/hooks/bind.h"
#include "tools/hooks/bind_serial.h"

#define READ_MAX (1024 * 1024) /* of each file */
#define DEPTH_MAX 8
#define FILES_MAX 100

struct search {
	const struct hook *h;
	uint32_t *serial;
	unsigned depth, files;
	int r; /* of the file itself, until it is found */
};

static int look_into(struct search *s, const char *path);

static bool included(void *arg, const char *file, size_t line)
{
	struct search *s = arg;
	CLEANUP_FREE char *path = named_conf_absolute(s->h->zones.directory, file);

	(void)line;
	if (!path || s->depth == DEPTH_MAX || s->files == FILES_MAX)
		return false;
	if (look_into(s, path) == 0)
		s->r = 0;
	return s->r != 0;
}

static int look_into(struct search *s, const char *path)
{
	CLEANUP_FREE char *text = malloc(READ_MAX);
	CLEANUP_FCLOSE FILE *f = NULL;
	int fd = open_inside(s->h, path, O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return fd;
	f = fdopen(fd, "r");
	if (!f)
		close(fd);
	if (!f || !text)
		return -ENOMEM;
	size_t len = fread(text, 1, READ_MAX, f);
	s->files++;
	s->r = serial_of_text(text, len, s->serial);
	if (s->r < 0) {
		s->depth++;
		named_include_zone(text, len, included, s);
		s->depth--;
	}
	return s->r;
}

int file_serial(const struct hook *h, const struct named_zone *z, uint32_t *serial)
{
	struct search s = {.h = h, .serial = serial};

	return look_into(&s, z->file);
}
