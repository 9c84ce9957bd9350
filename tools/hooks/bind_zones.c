/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Only what bears on loading is looked at. What zones inherit from their view and from
 * `options` is settled at the end, since either may come after the zones.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "tools/hooks/bind_text.h"
#include "tools/hooks/bind_zones.h"

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
	struct text text;
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

static enum said said_bool(const struct statement *s)
{
	return statement_is(s, 1, "yes") || statement_is(s, 1, "true") || statement_is(s, 1, "1")
		   ? YES
		   : NO;
}

/* Statements that mean the same in zones, views and options. True: it was one, and is used up. */
static bool parse_terms(struct parser *p, const struct statement *s, struct terms *t)
{
	char first[64];
	unsigned count;

	if (statement_is(s, 0, "allow-update") && s->end == '{') {
		text_list(&p->text, first, sizeof first, &count);
		t->dynamic = count == 1 && strcasecmp(first, "none") == 0 ? NO : YES;
		return true;
	}
	if (statement_is(s, 0, "update-policy")) {
		t->dynamic = YES;
		if (s->end == '{') {
			text_skip_block(&p->text);
			text_finish(&p->text);
		}
		return true;
	}
	if (s->end != ';')
		return false;
	if (statement_is(s, 0, "inline-signing"))
		t->inline_signing = said_bool(s);
	else if (statement_is(s, 0, "dnssec-policy"))
		t->policy = statement_is(s, 1, "none") ? NO : YES;
	else if (statement_is(s, 0, "masterfile-format"))
		t->text = statement_is(s, 1, "text") ? YES : NO;
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

/* The next statement of a block, which has an end: a text that stops before it is wrong. */
static void next_inside(struct parser *p, struct statement *s)
{
	text_next(&p->text, s);
	if (s->end == 0 && !p->text.err)
		p->text.err = ERR_FORMAT;
}

static void parse_zone_body(struct parser *p, struct raw_zone *z)
{
	struct statement s;

	do {
		next_inside(p, &s);
		if (s.n > 1 && statement_is(&s, 0, "file"))
			take(&z->zone.file, &s, 1);
		else if (statement_is(&s, 0, "type"))
			z->zone.primary =
			    statement_is(&s, 1, "primary") || statement_is(&s, 1, "master");
		else if (!parse_terms(p, &s, &z->terms) && s.end == '{') {
			text_skip_block(&p->text);
			text_finish(&p->text);
		}
		statement_fini(&s);
	} while (s.end != '}' && !p->text.err);
}

static void parse_zone(struct parser *p, struct statement *s, size_t view, const char *view_name)
{
	struct raw_zone *z;

	if (s->n < 2 || p->nzones == ZONES_MAX) {
		p->text.err = s->n < 2 ? ERR_FORMAT : ERR_LIMIT;
		return;
	}
	if (p->nzones == p->czones) {
		size_t c = p->czones ? 2 * p->czones : 64;

		z = reallocarray(p->zones, c, sizeof *z);
		if (!z) {
			p->text.err = -ENOMEM;
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
		p->text.err = -ENOMEM;
	parse_zone_body(p, z);
	if (!p->text.err)
		text_finish(&p->text);
}

static void parse_view(struct parser *p, struct statement *head)
{
	CLEANUP_FREE char *name = NULL;
	size_t index = p->nviews;
	struct terms *views = reallocarray(p->views, index + 1, sizeof *views);
	struct statement s;

	if (!views || head->n < 2) {
		p->text.err = views ? ERR_FORMAT : -ENOMEM;
		p->views = views ? views : p->views;
		return;
	}
	p->views = views;
	p->nviews++;
	views[index] = (struct terms){0};
	take(&name, head, 1);
	do {
		next_inside(p, &s);
		if (statement_is(&s, 0, "zone") && s.end == '{')
			parse_zone(p, &s, index, name);
		else if (!parse_terms(p, &s, &p->views[index]) && s.end == '{') {
			text_skip_block(&p->text);
			text_finish(&p->text);
		}
		statement_fini(&s);
	} while (s.end != '}' && !p->text.err);
	if (!p->text.err)
		text_finish(&p->text);
}

/* `listen-on port N { address; ... };`: the first address that can be asked. */
static void parse_listen(struct parser *p, const struct statement *s, bool v6)
{
	char first[64];
	unsigned char address[16];
	unsigned count;
	unsigned port = 0;

	for (size_t i = 1; i + 1 < s->n; i++)
		if (statement_is(s, i, "port"))
			port = (unsigned)strtoul(s->words[i + 1], NULL, 10);
	text_list(&p->text, first, sizeof first, &count);
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
		next_inside(p, &s);
		if (s.n > 1 && statement_is(&s, 0, "directory"))
			take(&p->directory, &s, 1);
		else if (s.n > 1 && statement_is(&s, 0, "port"))
			p->port = (unsigned)strtoul(s.words[1], NULL, 10);
		else if (s.end == '{' && statement_is(&s, 0, "listen-on"))
			parse_listen(p, &s, false);
		else if (s.end == '{' && statement_is(&s, 0, "listen-on-v6"))
			parse_listen(p, &s, true);
		else if (!parse_terms(p, &s, &p->options) && s.end == '{') {
			text_skip_block(&p->text);
			text_finish(&p->text);
		}
		statement_fini(&s);
	} while (s.end != '}' && !p->text.err);
	if (!p->text.err)
		text_finish(&p->text);
}

static void parse_all(struct parser *p)
{
	struct statement s;

	do {
		text_next(&p->text, &s);
		if (s.end == '{' && statement_is(&s, 0, "options"))
			parse_options(p);
		else if (s.end == '{' && statement_is(&s, 0, "view"))
			parse_view(p, &s);
		else if (s.end == '{' && statement_is(&s, 0, "zone"))
			parse_zone(p, &s, (size_t)-1, NULL);
		else if (s.end == '{') {
			text_skip_block(&p->text);
			text_finish(&p->text);
		} else if (s.end == '}' || (s.end == 0 && s.n > 0))
			p->text.err = ERR_FORMAT;
		statement_fini(&s);
	} while (s.end != 0 && !p->text.err);
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
		p->text.err = -ENOMEM;
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
				p->text.err = -ENOMEM;
		}
	}
}

int zones_parse(struct zones *zones, const char *text, size_t len)
{
	struct parser p = {.text = {.p = text, .end = text + len}, .out = zones, .port = 53};

	*zones = (struct zones){0};
	parse_all(&p);
	if (!p.text.err)
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
	return p.text.err;
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
