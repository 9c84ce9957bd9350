/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What stays on its host (the contract is in base/pattern.h): what each name server writes for
 * itself, the directories of a running system, the droppings of editors, and what the configuration
 * adds.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/path.h"
#include "base/pattern.h"

struct locality {
	struct patterns *excluded;
	struct patterns *of_named; /* names, excluded where named itself created them */
	struct patterns *included;
	uint64_t hash;
	char *text; /* for each its list's letter, the pattern, a NUL */
	size_t len;
};

static const char *const built_in[] = {
    /* named's journals, keys in its care, databases of added zones, and its runtime files */
    "*.jnl",
    "*.jbk",
    "*.jnw",
    "*.mkeys",
    "managed-keys.bind*",
    "*.nzd",
    "*.nzf",
    "*.nta",
    "K*.state",
    "__catz__*",
    "session.key",
    "*.pid",
    "named.run*",
    /* keys and signed zones: each node signs for itself */
    "K*.+*+*.*",
    "*.signed",
    /* the running system's */
    "/dev/",
    "/proc/",
    "/run/",
    "/tmp/",
    "/var/run/",
    "/var/tmp/",
    "/var/log/",
    /* what named fetches or is sent */
    "/var/named/data/",
    "/var/named/slaves/",
    "/var/named/dynamic/",
    /* one host's own lines, and its own checkout */
    "/etc/named.host.conf",
    ".git/",
    /* editors' droppings */
    ".*.sw?",
    "*~",
    "4913",
    ".#*",
    "#*#",
};

/* named's names for a file before it is whole (isc_file_openunique). */
static const char *const built_in_of_named[] = {"tmp-??????????", "db-????????"};

/* FNV-1a, then mixed, so that entries can be summed: the lists' order has no meaning. */
static uint64_t hash_entry(char list, const char *pattern)
{
	uint64_t h = (UINT64_C(0xcbf29ce484222325) ^ (uint8_t)list) * UINT64_C(0x100000001b3);

	for (; *pattern; pattern++)
		h = (h ^ (uint8_t)*pattern) * UINT64_C(0x100000001b3);
	h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	return h ^ (h >> 31);
}

static int add(struct locality *l, struct patterns *to, char list, const char *pattern,
	       const char **why)
{
	size_t len = strlen(pattern) + 2;
	char *text = realloc(l->text, l->len + len);

	*why = "out of memory";
	if (!text)
		return -ENOMEM;
	l->text = text;
	int r = patterns_add(to, pattern, why);
	if (r < 0)
		return r;
	l->hash += hash_entry(list, pattern);
	text[l->len] = list;
	memcpy(text + l->len + 1, pattern, len - 1);
	l->len += len;
	return r;
}

int locality_exclude(struct locality *l, const char *pattern, const char **why)
{
	return add(l, l->excluded, '-', pattern, why);
}

int locality_include(struct locality *l, const char *pattern, const char **why)
{
	return add(l, l->included, '+', pattern, why);
}

static struct locality *locality_empty(void)
{
	struct locality *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->excluded = patterns_new();
	l->of_named = patterns_new();
	l->included = patterns_new();
	if (l->excluded && l->of_named && l->included)
		return l;
	locality_free(l);
	return NULL;
}

const char *locality_text(const struct locality *l, size_t *len)
{
	*len = l->len;
	return l->text;
}

struct locality *locality_from(const char *text, size_t len)
{
	struct locality *l = len && text[len - 1] == '\0' ? locality_empty() : NULL;
	const char *why;
	int r = 0;

	for (size_t at = 0; l && at < len; at += strlen(text + at) + 1) {
		struct patterns *to = text[at] == '-'   ? l->excluded
				      : text[at] == '+' ? l->included
				      : text[at] == 'n' ? l->of_named
							: NULL;

		r = to ? add(l, to, text[at], text + at + 1, &why) : -1;
		if (r < 0)
			break;
	}
	if (r >= 0)
		return l;
	locality_free(l);
	return NULL;
}

struct locality *locality_new(void)
{
	struct locality *l = locality_empty();
	const char *why;
	int r = 0;

	if (!l)
		return NULL;
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(built_in); i++)
		r = locality_exclude(l, built_in[i], &why);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(built_in_of_named); i++)
		r = add(l, l->of_named, 'n', built_in_of_named[i], &why);
	if (r >= 0)
		return l;
	locality_free(l);
	return NULL;
}

void locality_free(struct locality *l)
{
	if (!l)
		return;
	patterns_free(l->excluded);
	patterns_free(l->of_named);
	patterns_free(l->included);
	free(l->text);
	free(l);
}

static bool directory_local(const struct locality *l, const char *path)
{
	return patterns_match(l->excluded, path, true) &&
	       !patterns_match(l->included, path, true) && !patterns_lead(l->included, path);
}

/* A directory above it is local. */
static bool in_local(const struct locality *l, const char *path)
{
	char above[PATH_LEN_MAX + 1];

	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		size_t len = (size_t)(p - path);

		if (len > PATH_LEN_MAX)
			return true;
		memcpy(above, path, len);
		above[len] = '\0';
		if (directory_local(l, above))
			return true;
	}
	return false;
}

static bool of_named(const struct locality *l, const char *path, bool dir, const char *creator)
{
	return creator && strcmp(creator, "named") == 0 &&
	       patterns_match(l->of_named, path_name(path), dir);
}

bool locality_local(const struct locality *l, const char *path, bool dir, const char *creator)
{
	bool excluded = patterns_match(l->excluded, path, dir);

	if (!excluded && !of_named(l, path, dir, creator))
		return false;
	if (patterns_match(l->included, path, dir))
		return excluded && in_local(l, path);
	/* Whatever it is: before one has looked, nobody knows. */
	return !(excluded && patterns_lead(l->included, path));
}

bool locality_by_creator(const struct locality *l, const char *path, bool dir, const char *creator)
{
	return of_named(l, path, dir, creator) && locality_local(l, path, dir, creator) &&
	       !locality_local(l, path, dir, NULL);
}

uint64_t locality_hash(const struct locality *l)
{
	return l->hash;
}

/* Exactly six letters and digits, as mkstemp(3) makes them. */
static bool six_random(const char *s)
{
	for (int i = 0; i < 6; i++)
		if (!isalnum((unsigned char)s[i]))
			return false;
	return s[6] == '\0';
}

bool locality_temporary(const char *path)
{
	const char *name = path_name(path);
	size_t len = strlen(name);

	if (strncmp(name, "sed", 3) == 0 && six_random(name + 3)) /* sed -i */
		return true;
	if (strncmp(name, "XX", 2) == 0) /* scripts' mktemp */
		return true;
	if (len > 5 && strcmp(name + len - 5, ".lock") == 0) /* git */
		return true;
	const char *dot = strrchr(name, '.');
	if (!dot || dot == name)
		return false;
	if (name[0] == '.' && six_random(dot + 1)) /* rsync */
		return true;
	return dot[1] == 'o' && six_random(dot + 2);
}
