/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The lexer: one pass, no copies. A token ends at white space, at a parenthesis, at a quote, at a
 * comment and at the line's end; a backslash takes the meaning from any of these but the last.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "replicator/zone/master.h"

void master_init(struct master *m, const char *text, size_t len)
{
	*m = (struct master){.text = text, .p = text, .end = text + len, .at_line = 1};
}

void master_fini(struct master *m)
{
	free(m->tokens);
	m->tokens = NULL;
}

static int wrong(struct master *m, int code, uint32_t line, const char *why)
{
	m->why = why;
	m->why_line = line;
	return code;
}

static uint32_t line_of(const struct master *m, const char *at)
{
	uint32_t line = 1;

	for (const char *p = m->text; (p = memchr(p, '\n', (size_t)(at - p))); p++)
		line++;
	return line;
}

int master_check(struct master *m)
{
	size_t len = (size_t)(m->end - m->text);
	const char *nul = len ? memchr(m->text, 0, len) : NULL;

	if (len >= 2 &&
	    (memcmp(m->text, "\xff\xfe", 2) == 0 || memcmp(m->text, "\xfe\xff", 2) == 0))
		return wrong(m, ERR_FORMAT, 1, "this is UTF-16: save it as plain text");
	if (len >= 3 && memcmp(m->text, "\xef\xbb\xbf", 3) == 0)
		return wrong(m, ERR_FORMAT, 1,
			     "the file begins with a byte order mark: save it without one");
	if (nul)
		return wrong(m, ERR_FORMAT, line_of(m, nul),
			     "a NUL byte, which no zone's text has (is it UTF-16, or binary?)");
	return 0;
}

static int add(struct master *m, const char *start, const char *end, bool quoted, bool glued)
{
	if (m->n == MASTER_TOKENS_MAX || (m->bytes += (size_t)(end - start)) > MASTER_ENTRY_MAX)
		return wrong(m, ERR_LIMIT, m->line,
			     "a record longer than any can be (is a parenthesis not closed?)");
	if (m->n == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 32;
		struct master_token *more = reallocarray(m->tokens, cap, sizeof(*more));

		if (!more)
			return wrong(m, -ENOMEM, m->line, "no memory");
		m->tokens = more;
		m->cap = cap;
	}
	m->tokens[m->n++] = (struct master_token){.text = start,
						  .len = (size_t)(end - start),
						  .line = m->at_line,
						  .quoted = quoted,
						  .glued = glued};
	return 0;
}

/* At the opening quote. */
static int quoted(struct master *m, bool glued)
{
	const char *start = ++m->p;
	uint32_t line = m->at_line, lines = 0;

	for (; m->p < m->end && *m->p != '"'; m->p++) {
		if (*m->p == '\n')
			break;
		if (*m->p == '\\' && m->p + 1 < m->end) {
			m->p++;
			lines += *m->p == '\n';
		}
	}
	if (m->p == m->end || *m->p != '"')
		return wrong(m, ERR_FORMAT, line, "a quoted string that does not end on its line");
	int r = add(m, start, m->p++, true, glued);
	m->at_line += lines;
	return r;
}

static bool ends_token(char c)
{
	switch (c) {
	case ' ':
	case '\t':
	case '\n':
	case '\r':
	case '(':
	case ')':
	case ';':
	case '"':
		return true;
	default:
		return false;
	}
}

static int plain(struct master *m, bool glued)
{
	const char *start = m->p;

	while (m->p < m->end && !ends_token(*m->p)) {
		bool escape = *m->p++ == '\\';
		if (escape && m->p < m->end && *m->p != '\n' && *m->p != '\r')
			m->p++;
	}
	return add(m, start, m->p, false, glued);
}

static int parenthesis(struct master *m)
{
	if (*m->p++ == '(') {
		if (m->parens++ == 0)
			m->paren_line = m->at_line;
	} else if (m->parens-- == 0) {
		return wrong(m, ERR_FORMAT, m->at_line,
			     "a closing parenthesis without an opening one");
	}
	return 0;
}

/* One step; *ended: the entry's line has ended, *space: after something that parts tokens. */
static int step(struct master *m, bool *ended, bool *space)
{
	bool glued = !*space;

	*space = true;
	switch (*m->p) {
	case ';':
		m->p = memchr(m->p, '\n', (size_t)(m->end - m->p));
		if (!m->p)
			m->p = m->end;
		return 0;
	case '\n':
		*ended = m->parens == 0;
		m->p++;
		m->at_line++;
		return 0;
	case '\r': /* CRLF ends a line once; a CR alone ends one, too, as in BIND */
		m->p++;
		*ended = m->parens == 0 && (m->p == m->end || *m->p != '\n');
		return 0;
	case ' ':
	case '\t':
		m->p++;
		return 0;
	case '(':
	case ')':
		return parenthesis(m);
	case '"':
		*space = false;
		return quoted(m, glued && m->n > 0);
	default:
		*space = false;
		return plain(m, glued && m->n > 0);
	}
}

int master_next(struct master *m)
{
	bool space = true, ended;
	int r = 0;

	do { /* a line without tokens is no entry */
		m->n = 0;
		m->bytes = 0;
		m->line = m->at_line;
		m->named = m->p < m->end && *m->p != ' ' && *m->p != '\t';
		for (ended = false, space = true; r == 0 && m->p < m->end && !ended;)
			r = step(m, &ended, &space);
	} while (r == 0 && m->n == 0 && m->p < m->end);
	if (r == 0 && m->parens > 0)
		r = wrong(m, ERR_FORMAT, m->paren_line, "a parenthesis that is never closed");
	if (m->n > 0)
		m->line = m->tokens[0].line;
	return r ? r : m->n > 0;
}

bool master_is(const struct master_token *t, const char *word)
{
	return !t->quoted && strlen(word) == t->len && strncasecmp(t->text, word, t->len) == 0;
}

bool master_directive(const struct master *m)
{
	return m->named && m->n > 0 && !m->tokens[0].quoted && m->tokens[0].len > 1 &&
	       m->tokens[0].text[0] == '$';
}

static uint32_t unit_of(char c)
{
	switch (c) {
	case 's':
	case 'S':
		return 1;
	case 'm':
	case 'M':
		return 60;
	case 'h':
	case 'H':
		return 3600;
	case 'd':
	case 'D':
		return 86400;
	case 'w':
	case 'W':
		return 604800;
	default:
		return 0;
	}
}

bool master_ttl(const struct master_token *t, uint32_t *ttl)
{
	const char *p = t->text, *end = t->text + t->len;
	uint64_t sum = 0;
	bool units = false;

	if (t->quoted || p == end)
		return false;
	while (p < end) {
		uint64_t n = 0;
		const char *digits = p;

		for (; p < end && *p >= '0' && *p <= '9'; p++)
			if (n < UINT32_MAX)
				n = n * 10 + (uint64_t)(*p - '0');
		if (p == digits || (p == end && units))
			return false;
		if (p < end) {
			uint32_t unit = unit_of(*p++);
			if (unit == 0)
				return false;
			n *= unit;
			units = true;
		}
		sum = sum + n > MASTER_TTL_MAX ? UINT32_MAX : sum + n;
	}
	*ttl = (uint32_t)sum;
	return true;
}

static bool is_class(const struct master_token *t)
{
	if (master_is(t, "IN") || master_is(t, "CH") || master_is(t, "HS") || master_is(t, "CHAOS"))
		return true;
	if (t->quoted || t->len < 6 || t->len > 10 || strncasecmp(t->text, "CLASS", 5) != 0)
		return false;
	for (size_t i = 5; i < t->len; i++)
		if (t->text[i] < '0' || t->text[i] > '9')
			return false;
	return true;
}

bool master_split(const struct master *m, struct master_record *r)
{
	size_t i = 0;

	*r = (struct master_record){0};
	if (m->named && m->n > 0)
		r->owner = &m->tokens[i++];
	for (; i < m->n; i++) { /* TTL and class, each once, in any order */
		if (!r->has_ttl && master_ttl(&m->tokens[i], &r->ttl))
			r->has_ttl = true;
		else if (!r->class && is_class(&m->tokens[i]))
			r->class = &m->tokens[i];
		else
			break;
	}
	if (i == m->n || m->tokens[i].quoted)
		return false;
	r->type = &m->tokens[i];
	r->rdata = r->type + 1;
	r->n = m->n - i - 1;
	return true;
}
