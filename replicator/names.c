/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two direct-mapped tables, one for each direction: an entry that another one needs the place of is
 * simply asked for again. "There is none" is remembered too.
 */
#include "replicator/names.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 256
#define ANSWER_MAX (64 * 1024)

struct slot {
	int64_t until_msec; /* 0: empty */
	bool group;
	bool found;
	uint32_t id;
	char name[OWNER_MAX];
};

struct names {
	struct names_source source;
	struct slot by_id[SLOTS];
	struct slot by_name[SLOTS];
};

/* The account or group of that name, or where it is NULL of that number; `name` (`size` bytes) and
 * *id may be NULL. */
static int system_find(bool group, const char *by_name, uint32_t by_id, char *name, size_t size,
		       uint32_t *id)
{
	struct passwd pw, *pwp = NULL;
	struct group gr, *grp = NULL;
	size_t len = 1024;
	char *space = NULL;
	int err = ERANGE;

	while (err == ERANGE && len <= ANSWER_MAX) {
		free(space);
		space = malloc(len);
		if (!space)
			return -ENOMEM;
		if (by_name)
			err = group ? getgrnam_r(by_name, &gr, space, len, &grp)
				    : getpwnam_r(by_name, &pw, space, len, &pwp);
		else
			err = group ? getgrgid_r(by_id, &gr, space, len, &grp)
				    : getpwuid_r(by_id, &pw, space, len, &pwp);
		len *= 4;
	}
	const char *found = grp ? gr.gr_name : pwp ? pw.pw_name : NULL;
	int answer = -ENOENT;
	if (err == 0 && found && (!name || strlen(found) < size)) {
		if (name)
			strcpy(name, found);
		if (id)
			*id = grp ? gr.gr_gid : pw.pw_uid;
		answer = 0;
	}
	free(space);
	return answer;
}

static int system_name(bool group, uint32_t id, char *name, size_t size)
{
	return system_find(group, NULL, id, name, size, NULL);
}

static int system_id(bool group, const char *name, uint32_t *id)
{
	return system_find(group, name, 0, NULL, 0, id);
}

struct names *names_new(const struct names_source *source)
{
	struct names *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->source.name = source ? source->name : system_name;
	n->source.id = source ? source->id : system_id;
	return n;
}

void names_free(struct names *n)
{
	free(n);
}

void names_of(struct names *n, bool group, uint32_t id, char dst[OWNER_MAX], int64_t now_msec)
{
	struct slot *s = &n->by_id[(id * 2 + group) % SLOTS];

	if (s->until_msec <= now_msec || s->group != group || s->id != id) {
		s->group = group;
		s->id = id;
		s->found = n->source.name(group, id, s->name, sizeof(s->name)) == 0;
		if (!s->found)
			s->name[0] = '\0';
		s->until_msec = now_msec + NAMES_KEEP_MSEC;
	}
	memcpy(dst, s->name, OWNER_MAX);
}

static uint32_t hash_name(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h;
}

uint32_t names_id(struct names *n, bool group, const char *name, uint32_t fallback,
		  int64_t now_msec)
{
	if (name[0] == '\0' || strlen(name) >= OWNER_MAX)
		return fallback;
	struct slot *s = &n->by_name[(hash_name(name) * 2 + group) % SLOTS];

	if (s->until_msec <= now_msec || s->group != group || strcmp(s->name, name) != 0) {
		s->group = group;
		strcpy(s->name, name);
		s->found = n->source.id(group, name, &s->id) == 0;
		s->until_msec = now_msec + NAMES_KEEP_MSEC;
	}
	return s->found ? s->id : fallback;
}
