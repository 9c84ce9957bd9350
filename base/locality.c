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

/* Paths in their order, each once. */
struct files {
	char **list;
	size_t n;
	size_t room;
};

struct locality {
	struct patterns *excluded;
	struct patterns *of_named; /* names, excluded where named itself created them */
	struct patterns *included;
	struct patterns *said; /* what was excluded after the built-in list */
	struct files own;      /* local whatever the patterns say */
	struct files people;   /* not excluded by the built-in list */
	bool built;            /* the built-in list is complete */
	uint64_t hash;
	char *text; /* for each its list's letter, the pattern, a NUL */
	size_t len;
	size_t room;
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

/* named's names for a file before it is whole (isc_file_openunique), and for its core dumps, which it allows
 * whatever the limit was that it was started with: all its memory, with its keys. */
static const char *const built_in_of_named[] = {"tmp-??????????", "db-????????", "core", "core.*"};

/* FNV-1a, then mixed, so that entries can be summed: the lists' order has no meaning. */
static uint64_t hash_entry(char list, const char *pattern)
{
	uint64_t h = (UINT64_C(0xcbf29ce484222325) ^ (uint8_t)list) * UINT64_C(0x100000001b3);

	for (; *pattern; pattern++)
		h = (h ^ (uint8_t)*pattern) * UINT64_C(0x100000001b3);
	h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	return h ^ (h >> 31);
}

static int append_text(struct locality *l, char list, const char *entry)
{
	size_t len = strlen(entry) + 2;

	if (l->len + len > l->room) {
		size_t room = 2 * (l->len + len);
		char *text = realloc(l->text, room);

		if (!text)
			return -ENOMEM;
		l->text = text;
		l->room = room;
	}
	l->text[l->len] = list;
	memcpy(l->text + l->len + 1, entry, len - 1);
	l->len += len;
	return 0;
}

static int add(struct locality *l, struct patterns *to, char list, const char *pattern,
	       const char **why)
{
	*why = "out of memory";
	int r = patterns_add(to, pattern, why);
	if (r < 0)
		return r;
	r = append_text(l, list, pattern);
	if (r == 0)
		l->hash += hash_entry(list, pattern);
	return r;
}

int locality_exclude(struct locality *l, const char *pattern, const char **why)
{
	int r = add(l, l->excluded, '-', pattern, why);

	return r < 0 || !l->built ? r : patterns_add(l->said, pattern, why);
}

/* ---- single files ---- */

/* Where `path` is, or would be. */
static size_t files_place(const struct files *f, const char *path)
{
	size_t low = 0, high = f->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(f->list[middle], path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool files_have(const struct files *f, const char *path)
{
	size_t at = files_place(f, path);

	return at < f->n && strcmp(f->list[at], path) == 0;
}

/* One of them lies below the directory. */
static bool files_lead(const struct files *f, const char *dir)
{
	char first[PATH_LEN_MAX + 2];
	size_t len = strlen(dir);

	if (f->n == 0 || len > PATH_LEN_MAX)
		return false;
	memcpy(first, dir, len);
	memcpy(first + len, "/", 2);
	size_t at = files_place(f, first);
	return at < f->n && strncmp(f->list[at], first, len + 1) == 0;
}

/* In order it takes no time: there may be very many. */
static int files_add(struct files *f, const char *path)
{
	size_t at = f->n > 0 && strcmp(f->list[f->n - 1], path) < 0 ? f->n : files_place(f, path);

	if (at < f->n && strcmp(f->list[at], path) == 0)
		return 1;
	if (f->n == f->room) {
		size_t room = f->room ? 2 * f->room : 16;
		char **list = reallocarray(f->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		f->list = list;
		f->room = room;
	}
	char *copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	memmove(f->list + at + 1, f->list + at, (f->n - at) * sizeof(*f->list));
	f->list[at] = copy;
	f->n++;
	return 0;
}

static void files_fini(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->list[i]);
	free(f->list);
}

static bool files_same(const struct files *a, const struct files *b)
{
	for (size_t i = 0; i < a->n && a->n == b->n; i++)
		if (strcmp(a->list[i], b->list[i]) != 0)
			return false;
	return a->n == b->n;
}

int locality_file(struct locality *l, const char *path, bool own)
{
	int r = files_add(own ? &l->own : &l->people, path);

	return r == 0 ? append_text(l, own ? 'o' : 'p', path) : r < 0 ? r : 0;
}

bool locality_files_same(const struct locality *a, const struct locality *b)
{
	return files_same(&a->own, &b->own) && files_same(&a->people, &b->people);
}

/* ---- lists ---- */

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
	l->said = patterns_new();
	if (l->excluded && l->of_named && l->included && l->said)
		return l;
	locality_free(l);
	return NULL;
}

const char *locality_text(const struct locality *l, size_t *len)
{
	*len = l->len;
	return l->text;
}

static bool is_built_in(const char *pattern)
{
	for (size_t i = 0; i < ARRAY_SIZE(built_in); i++)
		if (strcmp(built_in[i], pattern) == 0)
			return true;
	return false;
}

struct locality *locality_from(const char *text, size_t len)
{
	struct locality *l = len && text[len - 1] == '\0' ? locality_empty() : NULL;
	const char *why;
	int r = 0;

	for (size_t at = 0; l && at < len; at += strlen(text + at) + 1) {
		if (text[at] == 'o' || text[at] == 'p') {
			r = locality_file(l, text + at + 1, text[at] == 'o');
			if (r < 0)
				break;
			continue;
		}
		struct patterns *to = text[at] == '-'   ? l->excluded
				      : text[at] == '+' ? l->included
				      : text[at] == 'n' ? l->of_named
							: NULL;

		r = to ? add(l, to, text[at], text + at + 1, &why) : -1;
		if (r >= 0 && text[at] == '-' && !is_built_in(text + at + 1))
			r = patterns_add(l->said, text + at + 1, &why);
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
	l->built = true;
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
	patterns_free(l->said);
	files_fini(&l->own);
	files_fini(&l->people);
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

bool locality_own(const struct locality *l, const char *path)
{
	return files_have(&l->own, path);
}

struct locality *locality_bare(const struct locality *l)
{
	CLEANUP_FREE char *text = malloc(l->len);
	size_t len = 0;

	for (size_t at = 0; text && at < l->len; at += strlen(l->text + at) + 1) {
		size_t n = strlen(l->text + at) + 1;

		if (l->text[at] == 'o' || l->text[at] == 'p')
			continue;
		memcpy(text + len, l->text + at, n);
		len += n;
	}
	return text ? locality_from(text, len) : NULL;
}

bool locality_said(const struct locality *l, const char *path)
{
	return patterns_match(l->said, path, false);
}

bool locality_local(const struct locality *l, const char *path, bool dir, const char *creator)
{
	bool excluded = patterns_match(l->excluded, path, dir);

	if (!dir && files_have(&l->own, path))
		return !patterns_match(l->included, path, false);
	if ((excluded || creator) && !patterns_match(l->said, path, dir) &&
	    ((!dir && files_have(&l->people, path)) || files_lead(&l->people, path)))
		return false;
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
