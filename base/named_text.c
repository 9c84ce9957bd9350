/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Words are bare or in double quotes, where a backslash stands before a double quote only. There
 * are no comments: the canonical form has none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/named_text.h"

void named_statement_fini(struct named_statement *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->words[i]);
	s->n = 0;
}

bool named_statement_is(const struct named_statement *s, size_t i, const char *word)
{
	return i < s->n && strcasecmp(s->words[i], word) == 0;
}

static void add_word(struct named_text *t, struct named_statement *s, const char *from, size_t len,
		     bool quoted)
{
	char *w;
	size_t k = 0;

	if (s->n == NAMED_WORDS_MAX) /* more are of no interest */
		return;
	w = malloc(len + 1);
	if (!w) {
		t->err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < len; i++) {
		if (quoted && from[i] == '\\' && i + 1 < len && from[i + 1] == '"')
			i++;
		w[k++] = from[i];
	}
	w[k] = '\0';
	s->words[s->n++] = w;
}

/* The next word, or one of ";{}"; 0 at the end. */
static char next_token(struct named_text *t, struct named_statement *s)
{
	const char *from;

	while (t->p < t->end && strchr(" \t\r\n", *t->p))
		t->p++;
	if (t->p == t->end)
		return 0;
	if (strchr(";{}", *t->p))
		return *t->p++;
	if (*t->p == '"') {
		from = ++t->p;
		while (t->p < t->end && *t->p != '"')
			t->p += *t->p == '\\' && t->end - t->p > 1 && t->p[1] == '"' ? 2 : 1;
		if (t->p >= t->end) {
			t->err = ERR_FORMAT;
			return 0;
		}
		add_word(t, s, from, (size_t)(t->p++ - from), true);
		return 'w';
	}
	from = t->p;
	while (t->p < t->end && !strchr(" \t\r\n;{}\"", *t->p))
		t->p++;
	add_word(t, s, from, (size_t)(t->p - from), false);
	return 'w';
}

void named_text_next(struct named_text *t, struct named_statement *s)
{
	s->n = 0;
	do
		s->end = next_token(t, s);
	while (s->end == 'w' && !t->err);
	if (t->err)
		s->end = 0;
}

void named_text_skip_block(struct named_text *t)
{
	unsigned depth = 1;

	while (depth > 0 && !t->err) {
		struct named_statement s;

		named_text_next(t, &s);
		named_statement_fini(&s);
		if (s.end == 0)
			t->err = t->err ? t->err : ERR_FORMAT;
		else if (s.end == '{')
			depth++;
		else if (s.end == '}')
			depth--;
	}
}

void named_text_finish(struct named_text *t)
{
	struct named_statement s;

	do {
		named_text_next(t, &s);
		named_statement_fini(&s);
		if (s.end == '{')
			named_text_skip_block(t);
	} while (s.end == '{' && !t->err);
	if (s.end != ';' && !t->err)
		t->err = ERR_FORMAT;
}

void named_text_list(struct named_text *t, char *first, size_t size, unsigned *count)
{
	struct named_statement s;

	*count = 0;
	first[0] = '\0';
	do {
		named_text_next(t, &s);
		if (s.end == '{')
			named_text_skip_block(t);
		if (s.end == ';' && s.n > 0) {
			if (*count == 0)
				snprintf(first, size, "%s", s.words[0]);
			++*count;
		}
		named_statement_fini(&s);
	} while (s.end != '}' && s.end != 0 && !t->err);
	named_text_finish(t);
}
