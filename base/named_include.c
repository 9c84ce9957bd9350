/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two small scanners.
 */
#include "base/named_include.h"

#include <ctype.h>
#include <string.h>

struct scan {
	const char *p;
	const char *end;
};

static bool at(const struct scan *s, const char *what)
{
	size_t n = strlen(what);

	return (size_t)(s->end - s->p) >= n && memcmp(s->p, what, n) == 0;
}

static void skip_to(struct scan *s, const char *what)
{
	while (s->p < s->end && !at(s, what))
		s->p++;
	s->p += s->p < s->end ? strlen(what) : 0;
}

/* Blanks and comments. */
static void skip_blank(struct scan *s)
{
	while (s->p < s->end) {
		if (isspace((unsigned char)*s->p))
			s->p++;
		else if (*s->p == '#' || at(s, "//"))
			skip_to(s, "\n");
		else if (at(s, "/*"))
			skip_to(s, "*/");
		else
			return;
	}
}

/* A word, quoted or not, or one character that ends words; what of it fits into word[size] (else ""). False
 * at the end. */
static bool next_word(struct scan *s, char *word, size_t size, bool *quoted)
{
	size_t n = 0;

	skip_blank(s);
	if (s->p >= s->end)
		return false;
	*quoted = *s->p == '"';
	if (*quoted) {
		for (s->p++; s->p < s->end && *s->p != '"'; s->p++) {
			if (*s->p == '\\' && s->p + 1 < s->end && s->p[1] == '"')
				s->p++;
			if (n < size)
				word[n++] = *s->p;
		}
		s->p += s->p < s->end;
	} else if (strchr("{};", *s->p)) {
		word[n++] = *s->p++;
	} else {
		for (; s->p < s->end && !isspace((unsigned char)*s->p) && !strchr("{};\"", *s->p);
		     s->p++) {
			if (n < size)
				word[n++] = *s->p;
		}
	}
	word[n < size ? n : 0] = '\0';
	return true;
}

void named_include_conf(const char *text, size_t len, named_include_found *found, void *arg)
{
	struct scan s = {text, text + len};
	char word[NAMED_INCLUDE_MAX + 1], file[NAMED_INCLUDE_MAX + 1];
	bool quoted, starts = true;

	while (next_word(&s, word, sizeof(word), &quoted)) {
		bool include = starts && !quoted && strcasecmp(word, "include") == 0;
		bool directory = starts && !quoted && strcasecmp(word, "directory") == 0;

		starts = !quoted && strlen(word) == 1 && strchr("{};", word[0]);
		if (!include && !directory)
			continue;
		if (!next_word(&s, file, sizeof(file), &quoted))
			return;
		if (file[0] && (quoted || !strchr("{};", file[0])) && !memchr(file, '\0', 1) &&
		    !found(arg, file, directory))
			return;
	}
}

/* The file of a line that has "$INCLUDE" first. */
static bool include_of(const char *line, size_t len, char *file)
{
	static const char directive[] = "$INCLUDE";
	size_t i = 0, n = 0;
	bool quoted;

	while (i < len && (line[i] == ' ' || line[i] == '\t'))
		i++;
	if (len - i <= strlen(directive) ||
	    strncasecmp(line + i, directive, strlen(directive)) != 0)
		return false;
	i += strlen(directive);
	if (line[i] != ' ' && line[i] != '\t' && line[i] != '"')
		return false;
	while (i < len && (line[i] == ' ' || line[i] == '\t'))
		i++;
	quoted = i < len && line[i] == '"';
	i += quoted;
	while (i < len && n < NAMED_INCLUDE_MAX) {
		if (quoted ? line[i] == '"' : strchr(" \t\r;()", line[i]) != NULL)
			break;
		if (line[i] == '\\' && i + 1 < len)
			i++;
		file[n++] = line[i++];
	}
	file[n] = '\0';
	return n > 0 && n < NAMED_INCLUDE_MAX && strlen(file) == n;
}

void named_include_zone(const char *text, size_t len, named_include_zone_found *found, void *arg)
{
	char file[NAMED_INCLUDE_MAX + 1];
	const char *p = text, *end = text + len;

	for (size_t line = 1; p < end; line++) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t n = eol ? (size_t)(eol - p) : (size_t)(end - p);

		if (include_of(p, n, file) && !found(arg, file, line))
			return;
		p += n + 1;
	}
}

bool named_include_secret(const char *text, size_t len)
{
	static const char format[] = "Private-key-format:", secret[] = "secret";
	const char *p = text, *end = text + len;

	if (memmem(text, len, format, strlen(format)))
		return true;
	while ((p = memmem(p, (size_t)(end - p), secret, strlen(secret)))) {
		const char *q = p + strlen(secret);

		while (q < end && isspace((unsigned char)*q))
			q++;
		bool word = p == text || !isalnum((unsigned char)p[-1]);
		if (word && q < end && q > p + strlen(secret) && *q == '"')
			return true;
		p += strlen(secret);
	}
	return false;
}
