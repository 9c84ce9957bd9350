/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Tokens of the configuration. Stricter than libConfuse's own lexer, which silently drops bytes
 * that it doesn't know (an unquoted '*' among them), lets a string run over lines to the end of the
 * file, and puts environment variables into values.
 */
#include "base/conf_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mistake(struct mistakes *m, int line, const char *format, ...)
{
	char *sentence;
	va_list args;

	m->total++;
	if (m->n == MISTAKES_MAX)
		return;
	va_start(args, format);
	int len = vasprintf(&sentence, format, args);
	va_end(args);
	if (len < 0)
		return;
	/* What it quotes may hold anything; a mistake is one line. */
	for (char *p = sentence; *p; p++)
		if ((unsigned char)*p < ' ' || *p == '\177')
			*p = '?';
	size_t at = m->n++;
	/* Line 0, which is none, comes after all lines. */
	for (; at > 0 && (unsigned)m->list[at - 1].line - 1 > (unsigned)line - 1; at--)
		m->list[at] = m->list[at - 1];
	m->list[at].line = line;
	m->list[at].sentence = sentence;
}

bool mistakes_report(struct mistakes *m, const char *file, conf_report *report, void *arg)
{
	bool none = m->total == 0;

	for (size_t i = 0; i < m->n; i++) {
		report(arg, file, m->list[i].line, m->list[i].sentence);
		free(m->list[i].sentence);
	}
	if (m->total > m->n)
		report(arg, file, 0, "there are more mistakes than are shown");
	m->n = m->total = 0;
	return none;
}

/* The cutting's state. */
struct cutter {
	struct conf_text *t;
	size_t at;
	int line;
	size_t cap; /* of the tokens */
};

static int add_token(struct cutter *c, enum token_type type, size_t at, size_t len)
{
	struct conf_text *t = c->t;

	if (t->ntokens == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 64;
		struct token *tokens = realloc(t->tokens, cap * sizeof *tokens);
		if (!tokens)
			return -ENOMEM;
		t->tokens = tokens;
		c->cap = cap;
	}
	t->tokens[t->ntokens++] =
	    (struct token){.type = type, .line = c->line, .at = at, .len = len};
	return 0;
}

/* The text ends with a NUL: one byte ahead can always be looked at. */
static void blank_comment(struct cutter *c)
{
	char *text = c->t->text;
	int line = c->line;
	bool block = text[c->at] == '/' && text[c->at + 1] == '*';

	if (block) {
		text[c->at++] = ' ';
		text[c->at++] = ' ';
	}
	for (; c->at < c->t->len; c->at++) {
		if (text[c->at] == '\n') {
			if (!block)
				return;
			c->line++;
			continue;
		}
		bool end = block && text[c->at] == '*' && text[c->at + 1] == '/';
		text[c->at] = ' ';
		if (end) {
			text[++c->at] = ' ';
			c->at++;
			return;
		}
	}
	if (block) {
		mistake(c->t->mistakes, line, "the comment that starts here has no end");
		c->t->broken = true;
	}
}

static int cut_string(struct cutter *c)
{
	const char *text = c->t->text;
	char quote = text[c->at];
	size_t start = ++c->at;
	bool variable = false;

	for (; text[c->at] != quote; c->at++) {
		if (c->at == c->t->len || text[c->at] == '\n') {
			mistake(c->t->mistakes, c->line, "the string isn't closed on its line");
			return add_token(c, TOKEN_BAD, start - 1, c->at - start + 1);
		}
		if (text[c->at] == '$' && text[c->at + 1] == '{')
			variable = true;
		/* In single quotes, too, a backslash protects a quote. */
		if (text[c->at] == '\\' && text[c->at + 1] == quote)
			c->at++;
		else if (text[c->at] == '\\' && text[c->at + 1] == '\\')
			c->at++;
	}
	c->at++;
	if (!variable || quote == '\'')
		return add_token(c, TOKEN_STRING, start, c->at - 1 - start);
	mistake(c->t->mistakes, c->line,
		"${...} in double quotes would be replaced from the environment: "
		"write the string in single quotes");
	return add_token(c, TOKEN_BAD, start - 1, c->at - start + 1);
}

static bool comment_at(const char *p)
{
	return p[0] == '#' || (p[0] == '/' && (p[1] == '/' || p[1] == '*'));
}

static bool in_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("._:/-", c);
}

static int cut_word(struct cutter *c)
{
	const char *text = c->t->text;
	size_t start = c->at;
	size_t bad = SIZE_MAX;

	for (; text[c->at] && !strchr(" \t\r\n\"'{}=,", text[c->at]) && !comment_at(text + c->at);
	     c->at++)
		if (!in_word(text[c->at]) && bad == SIZE_MAX)
			bad = c->at;
	if (bad == SIZE_MAX)
		return add_token(c, TOKEN_WORD, start, c->at - start);

	unsigned char byte = (unsigned char)text[bad];
	if (byte > 0x20 && byte < 0x7f)
		mistake(c->t->mistakes, c->line,
			"'%c' is out of place: strings are written in quotes", byte);
	else
		mistake(c->t->mistakes, c->line, "a byte 0x%02x outside of quotes", byte);
	return add_token(c, TOKEN_BAD, start, c->at - start);
}

static int cut_next(struct cutter *c)
{
	const char *p = c->t->text + c->at;

	if (strchr(" \t\r\n", *p)) {
		if (*p == '\n')
			c->line++;
		c->at++;
		return 0;
	}
	if (comment_at(p)) {
		blank_comment(c);
		return 0;
	}
	if (*p == '"' || *p == '\'')
		return cut_string(c);
	if (strchr("{}=,", *p))
		return add_token(c, TOKEN_MARK, c->at++, 1);
	return cut_word(c);
}

int conf_text_init(struct conf_text *t, const char *text, size_t len, struct mistakes *m)
{
	struct cutter c = {.t = t, .line = 1};
	int r = 0;

	*t = (struct conf_text){.len = len, .mistakes = m};
	t->text = calloc(1, len + 1);
	t->sections = calloc(CONF_SECTIONS_MAX, sizeof *t->sections);
	if (!t->text || !t->sections)
		r = -ENOMEM;
	else
		memcpy(t->text, text, len);
	while (r >= 0 && c.at < len)
		r = cut_next(&c);
	if (r >= 0)
		r = add_token(&c, TOKEN_END, len, 0);
	if (r < 0)
		conf_text_fini(t);
	return r;
}

void conf_text_fini(struct conf_text *t)
{
	free(t->text);
	free(t->tokens);
	free(t->sections);
	*t = (struct conf_text){0};
}

void conf_text_blank(struct conf_text *t, size_t first, size_t last)
{
	const struct token *from = &t->tokens[first];
	const struct token *to = &t->tokens[last];
	size_t at = from->at - (from->type == TOKEN_STRING);
	size_t end = to->at + to->len + (to->type == TOKEN_STRING);

	for (; at < end; at++)
		if (t->text[at] != '\n')
			t->text[at] = ' ';
}

bool token_is_mark(const struct conf_text *t, size_t token, char mark)
{
	return token < t->ntokens && t->tokens[token].type == TOKEN_MARK &&
	       t->text[t->tokens[token].at] == mark;
}

bool token_equals(const struct conf_text *t, size_t token, const char *text)
{
	return strlen(text) == t->tokens[token].len &&
	       memcmp(t->text + t->tokens[token].at, text, t->tokens[token].len) == 0;
}
