/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A statement is words, then ';' or a block in braces (and perhaps more words and blocks before its
 * ';'). Only what bears on loading is looked at. What zones inherit from their view and from
 * `options` is settled at the end, since either may come after the zones.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "tools/hooks/bind_zones.h"

#define WORDS_MAX 16
#define DEPTH_MAX 64
#define DIRECTORY_DEFAULT "/var/cache/bind"

/* Yes, no, or not said here. */
enum said { UNSAID, NO, YES };

/* What a zone, a view or `options` says of loading. */
struct terms {
	enum said dynamic;
	enum said inline_signing;
	enum said policy; /* dnssec-policy other than none */
	enum said text;
};

struct raw_zone {
	struct zone zone;
	struct terms terms;
	size_t view; /* index in views; (size_t)-1: none */
};

struct parser {
	const char *p;
	const char *end;
	int err;
	struct raw_zone *zones;
	size_t nzones;
	size_t czones;
	struct terms *views;
	size_t nviews;
	struct terms options;
	char *directory;
	struct zones *out;
	unsigned port; /* of `options { port }` */
	unsigned listen_port;
};

struct statement {
	char *words[WORDS_MAX];
	size_t n;
	char end; /* ';' '{' '}' or 0 at the end of the text */
};

static void statement_fini(struct statement *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->words[i]);
	s->n = 0;
}

static bool word_is(const struct statement *s, size_t i, const char *word)
{
	return i < s->n && strcasecmp(s->words[i], word) == 0;
}

static void add_word(struct parser *p, struct statement *s, const char *from, size_t len,
		     bool quoted)
{
	char *w;
	size_t k = 0;

	if (s->n == WORDS_MAX) /* more are of no interest */
		return;
	w = malloc(len + 1);
	if (!w) {
		p->err = -ENOMEM;
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
static char next_token(struct parser *p, struct statement *s)
{
	const char *from;

	while (p->p < p->end && strchr(" \t\r\n", *p->p))
		p->p++;
	if (p->p == p->end)
		return 0;
	if (strchr(";{}", *p->p))
		return *p->p++;
	if (*p->p == '"') {
		from = ++p->p;
		while (p->p < p->end && *p->p != '"')
			p->p += *p->p == '\\' && p->end - p->p > 1 && p->p[1] == '"' ? 2 : 1;
		if (p->p >= p->end) {
			p->err = ERR_FORMAT;
			return 0;
		}
		add_word(p, s, from, (size_t)(p->p++ - from), true);
		return 'w';
	}
	from = p->p;
	while (p->p < p->end && !strchr(" \t\r\n;{}\"", *p->p))
		p->p++;
	add_word(p, s, from, (size_t)(p->p - from), false);
	return 'w';
}

/* Words up to the next ";", "{" or "}". */
static void next_statement(struct parser *p, struct statement *s)
{
	s->n = 0;
	do
		s->end = next_token(p, s);
	while (s->end == 'w' && !p->err);
	if (p->err)
		s->end = 0;
}

/* To the end of the block that has been opened. */
static void skip_block(struct parser *p)
{
	unsigned depth = 1;

	while (depth > 0 && !p->err) {
		struct statement s;

		next_statement(p, &s);
		statement_fini(&s);
		if (s.end == 0)
			p->err = p->err ? p->err : ERR_FORMAT;
		else if (s.end == '{')
			depth++;
		else if (s.end == '}')
			depth--;
	}
}

/* After a block: the rest of its statement. */
static void finish_statement(struct parser *p)
{
	struct statement s;

	do {
		next_statement(p, &s);
		statement_fini(&s);
		if (s.end == '{')
			skip_block(p);
	} while (s.end == '{' && !p->err);
	if (s.end != ';' && !p->err)
		p->err = ERR_FORMAT;
}

/* An address match list: what its first element is, and whether there are more. */
static void parse_list(struct parser *p, char *first, size_t size, unsigned *count)
{
	struct statement s;

	*count = 0;
	first[0] = '\0';
	do {
		next_statement(p, &s);
		if (s.end == '{')
			skip_block(p);
		if (s.end == ';' && s.n > 0) {
			if (*count == 0)
				snprintf(first, size, "%s", s.words[0]);
			++*count;
		}
		statement_fini(&s);
	} while (s.end != '}' && s.end != 0 && !p->err);
	finish_statement(p);
}

static enum said said_bool(const struct statement *s)
{
	return word_is(s, 1, "yes") || word_is(s, 1, "true") || word_is(s, 1, "1") ? YES : NO;
}

/* Statements that mean the same in zones, views and options. True: it was one, and is used up. */
static bool parse_terms(struct parser *p, const struct statement *s, struct terms *t)
{
	char first[64];
	unsigned count;

	if (word_is(s, 0, "allow-update") && s->end == '{') {
		parse_list(p, first, sizeof first, &count);
		t->dynamic = count == 1 && strcasecmp(first, "none") == 0 ? NO : YES;
		return true;
	}
	if (word_is(s, 0, "update-policy")) {
		t->dynamic = YES;
		if (s->end == '{') {
			skip_block(p);
			finish_statement(p);
		}
		return true;
	}
	if (s->end != ';')
		return false;
	if (word_is(s, 0, "inline-signing"))
		t->inline_signing = said_bool(s);
	else if (word_is(s, 0, "dnssec-policy"))
		t->policy = word_is(s, 1, "none") ? NO : YES;
	else if (word_is(s, 0, "masterfile-format"))
		t->text = word_is(s, 1, "text") ? YES : NO;
	else
		return false;
	return true;
}

static void take(char **to, struct statement *s, size_t i)
{
	free(*to);
	*to = s->words[i];
	s->words[i] = NULL;
}

static void parse_zone_body(struct parser *p, struct raw_zone *z)
{
	struct statement s;

	do {
		next_statement(p, &s);
		if (s.end == 0 && !p->err)
			p->err = ERR_FORMAT;
		if (s.n > 1 && word_is(&s, 0, "file"))
			take(&z->zone.file, &s, 1);
		else if (word_is(&s, 0, "type"))
			z->zone.primary = word_is(&s, 1, "primary") || word_is(&s, 1, "master");
		else if (!parse_terms(p, &s, &z->terms) && s.end == '{') {
			skip_block(p);
			finish_statement(p);
		}
		statement_fini(&s);
	} while (s.end != '}' && !p->err);
}

static void parse_zone(struct parser *p, struct statement *s, size_t view, const char *view_name)
{
	struct raw_zone *z;

	if (s->n < 2 || p->nzones == ZONES_MAX) {
		p->err = s->n < 2 ? ERR_FORMAT : ERR_LIMIT;
		return;
	}
	if (p->nzones == p->czones) {
		size_t c = p->czones ? 2 * p->czones : 64;

		z = reallocarray(p->zones, c, sizeof *z);
		if (!z) {
			p->err = -ENOMEM;
			return;
		}
		p->zones = z;
		p->czones = c;
	}
	z = &p->zones[p->nzones++];
	*z = (struct raw_zone){.view = view};
	take(&z->zone.name, s, 1);
	z->zone.zclass = strdup(s->n > 2 && s->words[2] ? s->words[2] : "IN");
	if (view_name)
		z->zone.view = strdup(view_name);
	if (!z->zone.zclass || (view_name && !z->zone.view))
		p->err = -ENOMEM;
	parse_zone_body(p, z);
	if (!p->err)
		finish_statement(p);
}

static void parse_view(struct parser *p, struct statement *head)
{
	CLEANUP_FREE char *name = NULL;
	size_t index = p->nviews;
	struct terms *views = reallocarray(p->views, index + 1, sizeof *views);
	struct statement s;

	if (!views || head->n < 2) {
		p->err = views ? ERR_FORMAT : -ENOMEM;
		p->views = views ? views : p->views;
		return;
	}
	p->views = views;
	p->nviews++;
	views[index] = (struct terms){0};
	take(&name, head, 1);
	do {
		next_statement(p, &s);
		if (s.end == 0 && !p->err)
			p->err = ERR_FORMAT;
		if (word_is(&s, 0, "zone") && s.end == '{')
			parse_zone(p, &s, index, name);
		else if (!parse_terms(p, &s, &p->views[index]) && s.end == '{') {
			skip_block(p);
			finish_statement(p);
		}
		statement_fini(&s);
	} while (s.end != '}' && !p->err);
	if (!p->err)
		finish_statement(p);
}

/* `listen-on port N { address; ... };`: the first address that can be asked. */
static void parse_listen(struct parser *p, const struct statement *s, bool v6)
{
	char first[64];
	unsigned char address[16];
	unsigned count;
	unsigned port = 0;

	for (size_t i = 1; i + 1 < s->n; i++)
		if (word_is(s, i, "port"))
			port = (unsigned)strtoul(s->words[i + 1], NULL, 10);
	parse_list(p, first, sizeof first, &count);
	if (strcasecmp(first, "any") == 0)
		snprintf(first, sizeof first, "%s", v6 ? "::1" : "127.0.0.1");
	if (p->out->address[0] || inet_pton(v6 ? AF_INET6 : AF_INET, first, address) != 1)
		return;
	snprintf(p->out->address, sizeof p->out->address, "%s", first);
	p->listen_port = port;
}

static void parse_options(struct parser *p)
{
	struct statement s;

	do {
		next_statement(p, &s);
		if (s.end == 0 && !p->err)
			p->err = ERR_FORMAT;
		if (s.n > 1 && word_is(&s, 0, "directory"))
			take(&p->directory, &s, 1);
		else if (s.n > 1 && word_is(&s, 0, "port"))
			p->port = (unsigned)strtoul(s.words[1], NULL, 10);
		else if (s.end == '{' && word_is(&s, 0, "listen-on"))
			parse_listen(p, &s, false);
		else if (s.end == '{' && word_is(&s, 0, "listen-on-v6"))
			parse_listen(p, &s, true);
		else if (!parse_terms(p, &s, &p->options) && s.end == '{') {
			skip_block(p);
			finish_statement(p);
		}
		statement_fini(&s);
	} while (s.end != '}' && !p->err);
	if (!p->err)
		finish_statement(p);
}

static void parse_all(struct parser *p)
{
	struct statement s;

	do {
		next_statement(p, &s);
		if (s.end == '{' && word_is(&s, 0, "options"))
			parse_options(p);
		else if (s.end == '{' && word_is(&s, 0, "view"))
			parse_view(p, &s);
		else if (s.end == '{' && word_is(&s, 0, "zone"))
			parse_zone(p, &s, (size_t)-1, NULL);
		else if (s.end == '{') {
			skip_block(p);
			finish_statement(p);
		} else if (s.end == '}' || (s.end == 0 && s.n > 0))
			p->err = ERR_FORMAT;
		statement_fini(&s);
	} while (s.end != 0 && !p->err);
}

static bool inherited(enum said zone, enum said view, enum said options, bool otherwise)
{
	enum said s = zone != UNSAID ? zone : view != UNSAID ? view : options;

	return s == UNSAID ? otherwise : s == YES;
}

/* Moves the zones to the caller, each with what it inherits. */
static void settle(struct parser *p)
{
	static const struct terms nothing;
	struct zones *out = p->out;

	out->list = calloc(p->nzones ? p->nzones : 1, sizeof *out->list);
	if (!out->list) {
		p->err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < p->nzones; i++) {
		struct raw_zone *r = &p->zones[i];
		const struct terms *view = r->view == (size_t)-1 ? &nothing : &p->views[r->view];
		const struct terms *top = &p->options;
		const struct terms *own = &r->terms;
		struct zone *z = &out->list[out->n++];
		CLEANUP_FREE char *file = r->zone.file;

		*z = r->zone;
		r->zone = (struct zone){0};
		z->file = NULL;
		z->dynamic = inherited(own->dynamic, view->dynamic, top->dynamic, false);
		z->text = inherited(own->text, view->text, top->text, true);
		z->signs_itself = inherited(own->inline_signing, view->inline_signing,
					    top->inline_signing, false) ||
				  inherited(own->policy, view->policy, top->policy, false);
		if (file) {
			z->file =
			    zones_absolute(p->directory ? p->directory : DIRECTORY_DEFAULT, file);
			if (!z->file)
				p->err = -ENOMEM;
		}
	}
}

int zones_parse(struct zones *zones, const char *text, size_t len)
{
	struct parser p = {.p = text, .end = text + len, .out = zones, .port = 53};

	*zones = (struct zones){0};
	parse_all(&p);
	if (!p.err)
		settle(&p);
	for (size_t i = 0; i < p.nzones; i++) {
		free(p.zones[i].zone.name);
		free(p.zones[i].zone.zclass);
		free(p.zones[i].zone.view);
		free(p.zones[i].zone.file);
	}
	free(p.zones);
	free(p.views);
	free(p.directory);
	zones->views = p.nviews > 0;
	zones->port = p.listen_port ? p.listen_port : p.port;
	if (!zones->address[0])
		snprintf(zones->address, sizeof zones->address, "127.0.0.1");
	return p.err;
}

void zones_fini(struct zones *zones)
{
	for (size_t i = 0; i < zones->n; i++) {
		free(zones->list[i].name);
		free(zones->list[i].zclass);
		free(zones->list[i].view);
		free(zones->list[i].file);
	}
	free(zones->list);
	*zones = (struct zones){0};
}

char *zones_absolute(const char *directory, const char *path)
{
	char *out = malloc(strlen(directory) + strlen(path) + 3);
	const char *parts[2] = {path[0] == '/' ? "" : directory, path};
	size_t len = 0;

	if (!out)
		return NULL;
	for (size_t i = 0; i < 2; i++) {
		const char *s = parts[i];

		while (*s) {
			size_t n = strcspn(s, "/");

			if (n == 2 && s[0] == '.' && s[1] == '.') {
				while (len > 0 && out[--len] != '/')
					;
			} else if (n > 0 && !(n == 1 && s[0] == '.')) {
				out[len++] = '/';
				memcpy(out + len, s, n);
				len += n;
			}
			s += n + (s[n] == '/');
		}
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}
