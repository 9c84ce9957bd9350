/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Patterns are checked and cut into components when they are added; matching can't fail then. Both
 * levels, bytes in a component and components in a path, are matched by walking on and, at a
 * mismatch, coming back only to the last star: never exponential, whatever the pattern and the
 * path.
 *
 * A walk over components that takes each star as short as possible uses up the pattern at the
 * earliest possible component: where that is before the path's end, a parent directory matches, and
 * so does the path.
 */
#include "base/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct pattern {
	char *text;     /* the components, each with a NUL after it */
	size_t n;       /* of components */
	bool anchored;  /* else one component, for a name at any depth */
	bool directory; /* ends with a '/' */
};

struct patterns {
	struct pattern *list;
	size_t n;
	size_t cap;
};

/* What stands in a set at p: "c" or "c-d", with or without backslashes. Behind it, or NULL if the
 * pattern ends before. */
static const char *set_item(const char *p, unsigned char *low, unsigned char *high)
{
	if (*p == '\\')
		p++;
	if (!*p)
		return NULL;
	*low = *high = (unsigned char)*p++;
	if (p[0] != '-' || p[1] == ']')
		return p;
	p++;
	if (*p == '\\')
		p++;
	if (!*p)
		return NULL;
	*high = (unsigned char)*p++;
	return p;
}

/* One element of a component (not a '*') against one byte; *next is set behind it. */
static bool element_matches(const char *p, unsigned char c, const char **next)
{
	if (*p == '?') {
		*next = p + 1;
		return true;
	}
	if (*p != '[') {
		if (*p == '\\')
			p++;
		*next = p + 1;
		return (unsigned char)*p == c;
	}

	bool negated = p[1] == '!';
	const char *first = p + 1 + negated;
	bool in = false;

	for (p = first; *p != ']' || p == first;) {
		unsigned char low = 0, high = 0;

		p = set_item(p, &low, &high);
		in |= low <= c && c <= high;
	}
	*next = p + 1;
	return in != negated;
}

static bool name_matches(const char *p, const char *name, size_t len)
{
	const char *star = NULL; /* behind the last '*' */
	size_t star_at = 0;      /* what it has taken ends here */
	size_t i = 0;

	while (i < len || *p) {
		const char *next;

		if (*p == '*') {
			star = ++p;
			star_at = i;
			continue;
		}
		if (i < len && *p && element_matches(p, (unsigned char)name[i], &next)) {
			p = next;
			i++;
			continue;
		}
		if (!star || star_at == len)
			return false;
		p = star;
		i = ++star_at;
	}
	return true;
}

static size_t name_len(const char *path)
{
	return strcspn(path, "/");
}

/* Behind this component and its '/'. */
static const char *next_name(const char *path)
{
	path += name_len(path);
	return *path ? path + 1 : path;
}

static const char *next_component(const char *text)
{
	return text + strlen(text) + 1;
}

static bool floating_matches(const struct pattern *p, const char *path, bool dir)
{
	for (; *path; path = next_name(path)) {
		bool last = path[name_len(path)] == '\0';

		if (last && p->directory && !dir)
			return false;
		if (name_matches(p->text, path, name_len(path)))
			return true;
	}
	return false;
}

static bool anchored_matches(const struct pattern *p, const char *path, bool dir)
{
	const char *component = p->text;
	const char *end = p->text;
	const char *star = NULL; /* the component behind the last double star */
	const char *star_at = NULL;

	for (size_t i = 0; i < p->n; i++)
		end = next_component(end);
	while (component != end) {
		if (strcmp(component, "**") == 0) {
			star = component = next_component(component);
			star_at = path;
			continue;
		}
		if (*path && name_matches(component, path, name_len(path))) {
			component = next_component(component);
			path = next_name(path);
			continue;
		}
		if (!star || *star_at == '\0')
			return false;
		component = star;
		path = star_at = next_name(star_at);
	}
	return *path || !p->directory || dir;
}

static bool pattern_matches(const struct pattern *p, const char *path, bool dir)
{
	return p->anchored ? anchored_matches(p, path, dir) : floating_matches(p, path, dir);
}

/* Behind the set whose '[' is at p; NULL if it isn't one. */
static const char *check_set(const char *p, const char **why)
{
	const char *first = p + 1 + (p[1] == '!');

	for (p = first; p && *p && (*p != ']' || p == first);) {
		unsigned char low, high;

		p = set_item(p, &low, &high);
		if (p && low > high) {
			*why = "a range's ends are the wrong way round";
			return NULL;
		}
	}
	if (!p || !*p) {
		*why = "a '[' has no ']' in the same component (write \\[ for the byte itself)";
		return NULL;
	}
	return p + 1;
}

static int check_component(const char *p, const char **why)
{
	if (!*p) {
		*why = "an empty component";
		return ERR_FORMAT;
	}
	if (strcmp(p, ".") == 0 || strcmp(p, "..") == 0) {
		*why = "'.' and '..' are no components of paths in the tree";
		return ERR_FORMAT;
	}
	while (*p) {
		if (*p == '[') {
			p = check_set(p, why);
			if (!p)
				return ERR_FORMAT;
			continue;
		}
		if (*p == '\\' && !*++p) {
			*why = "a '\\' with nothing after it in its component";
			return ERR_FORMAT;
		}
		p++;
	}
	return 0;
}

/* Cuts p->text, a copy of the pattern, into its components. */
static int cut(struct pattern *p, const char **why)
{
	char *text = p->text;
	size_t len = strlen(text);

	if (len && text[len - 1] == '/') {
		p->directory = true;
		text[--len] = '\0';
	}
	if (text[0] == '/') {
		p->anchored = true;
		memmove(text, text + 1, len--);
	}
	if (len == 0) {
		*why = "the pattern is empty";
		return ERR_FORMAT;
	}
	for (char *at = text;; at++) {
		at += name_len(at);
		bool last = *at == '\0';
		*at = '\0';
		p->n++;
		if (last)
			break;
		p->anchored = true;
	}
	const char *component = text;
	for (size_t i = 0; i < p->n; i++, component = next_component(component)) {
		int r = check_component(component, why);
		if (r < 0)
			return r;
	}
	return 0;
}

struct patterns *patterns_new(void)
{
	return calloc(1, sizeof(struct patterns));
}

void patterns_free(struct patterns *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		free(p->list[i].text);
	free(p->list);
	free(p);
}

int patterns_add(struct patterns *p, const char *pattern, const char **why)
{
	struct pattern new = {0};

	*why = "out of memory";
	if (strlen(pattern) > PATTERN_LEN_MAX) {
		*why = "the pattern is longer than 1024 bytes";
		return ERR_LIMIT;
	}
	if (p->n == PATTERNS_MAX) {
		*why = "more than 1024 patterns";
		return ERR_LIMIT;
	}
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 16;
		struct pattern *list = realloc(p->list, cap * sizeof *list);
		if (!list)
			return -ENOMEM;
		p->list = list;
		p->cap = cap;
	}
	new.text = strdup(pattern);
	if (!new.text)
		return -ENOMEM;
	int r = cut(&new, why);
	if (r < 0) {
		free(new.text);
		return r;
	}
	p->list[p->n++] = new;
	return 0;
}

size_t patterns_count(const struct patterns *p)
{
	return p->n;
}

bool patterns_match(const struct patterns *p, const char *path, bool dir)
{
	for (size_t i = 0; i < p->n; i++)
		if (pattern_matches(&p->list[i], path, dir))
			return true;
	return false;
}

/* The components before a double star name this directory and more. */
static bool pattern_leads(const struct pattern *p, const char *path)
{
	const char *component = p->text;

	for (size_t i = 0; p->anchored && i < p->n; i++, component = next_component(component)) {
		if (!*path)
			return true;
		if (strcmp(component, "**") == 0 || !name_matches(component, path, name_len(path)))
			return false;
		path = next_name(path);
	}
	return false;
}

bool patterns_lead(const struct patterns *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++)
		if (pattern_leads(&p->list[i], path))
			return true;
	return false;
}
