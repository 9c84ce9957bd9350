/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Only what bears on loading is looked at. What zones inherit from their view and from `options` is
 * settled at the end, since either may come after the zones.
 */
#include "base/named_conf.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/named_terms.h"
#include "base/named_text.h"
#include "base/named_view.h"

#define DIRECTORY_DEFAULT "/var/cache/bind"
#define CATALOGS_MAX 1024
#define POLICIES_MAX 1024
#define NO_VIEW ((size_t)-1)

struct raw_zone {
	struct named_zone zone;
	struct named_terms terms;
	size_t view; /* index in views, or NO_VIEW */
};

struct catalog {
	char *name;
	size_t view; /* that takes its members, or NO_VIEW */
};

struct parser {
	struct named_text text;
	struct raw_zone *zones;
	size_t nzones;
	size_t czones;
	struct named_terms *views;
	struct named_match *matches; /* of each view */
	char **view_names;
	size_t nviews;
	struct named_terms options;
	struct named_policies policies;
	struct catalog catalogs[CATALOGS_MAX];
	size_t ncatalogs;
	char *directory;
	struct named_conf *out;
	unsigned port; /* of `options { port }` */
	unsigned listen_port;
};

static void take(char **to, struct named_statement *s, size_t i)
{
	free(*to);
	*to = s->words[i];
	s->words[i] = NULL;
}

/* The next statement of a block, which has an end: a text that stops before it is wrong. */
static void next_inside(struct parser *p, struct named_statement *s)
{
	named_text_next(&p->text, s);
	if (s->end == 0 && !p->text.err)
		p->text.err = ERR_FORMAT;
}

static void skip_rest(struct parser *p, const struct named_statement *s)
{
	if (s->end != '{' || p->text.err)
		return;
	named_text_skip_block(&p->text);
	named_text_finish(&p->text);
}

static void finish_block(struct parser *p)
{
	if (!p->text.err)
		named_text_finish(&p->text);
}

static bool yes(const struct named_statement *s)
{
	return named_statement_is(s, 1, "yes") || named_statement_is(s, 1, "true") ||
	       named_statement_is(s, 1, "1");
}

/* ---- zones ---- */

static void parse_zone_body(struct parser *p, struct raw_zone *z)
{
	struct named_statement s;

	do {
		next_inside(p, &s);
		if (s.n > 1 && named_statement_is(&s, 0, "file")) {
			take(&z->zone.file, &s, 1);
		} else if (s.n > 1 && named_statement_is(&s, 0, "in-view")) {
			take(&z->zone.in_view, &s, 1);
			z->zone.type = NAMED_IN_VIEW;
		} else if (named_statement_is(&s, 0, "type")) {
			z->zone.type = s.n > 1 ? named_type(s.words[1]) : NAMED_OTHER;
		} else if (!named_terms_take(&p->text, &s, &z->terms)) {
			skip_rest(p, &s);
		}
		named_statement_fini(&s);
	} while (s.end != '}' && !p->text.err);
	z->zone.primary = z->zone.type == NAMED_PRIMARY;
}

static struct raw_zone *add_zone(struct parser *p)
{
	if (p->nzones == NAMED_ZONES_MAX) {
		p->text.err = ERR_LIMIT;
		return NULL;
	}
	if (p->nzones == p->czones) {
		size_t c = p->czones ? 2 * p->czones : 64;
		struct raw_zone *zones = reallocarray(p->zones, c, sizeof *zones);

		if (!zones) {
			p->text.err = -ENOMEM;
			return NULL;
		}
		p->zones = zones;
		p->czones = c;
	}
	p->zones[p->nzones] = (struct raw_zone){0};
	return &p->zones[p->nzones++];
}

static void parse_zone(struct parser *p, struct named_statement *s, size_t view,
		       const char *view_name)
{
	struct raw_zone *z = s->n < 2 ? NULL : add_zone(p);

	if (!z) {
		p->text.err = p->text.err ? p->text.err : ERR_FORMAT;
		return;
	}
	z->view = view;
	take(&z->zone.name, s, 1);
	z->zone.zclass = strdup(s->n > 2 ? s->words[2] : "IN");
	if (view_name)
		z->zone.view = strdup(view_name);
	if (!z->zone.zclass || (view_name && !z->zone.view))
		p->text.err = -ENOMEM;
	else
		parse_zone_body(p, z);
	finish_block(p);
}

/* ---- views and options ---- */

/* `catalog-zones { zone NAME ...; ... };` */
static void parse_catalogs(struct parser *p, size_t view)
{
	struct named_statement s;

	do {
		next_inside(p, &s);
		if (s.n > 1 && named_statement_is(&s, 0, "zone")) {
			if (p->ncatalogs == CATALOGS_MAX) {
				p->text.err = ERR_LIMIT;
			} else {
				p->catalogs[p->ncatalogs].view = view;
				take(&p->catalogs[p->ncatalogs++].name, &s, 1);
			}
		}
		skip_rest(p, &s);
		named_statement_fini(&s);
	} while (s.end != '}' && !p->text.err);
	finish_block(p);
}

/* What a view and `options` have in common. */
static void parse_terms(struct parser *p, struct named_statement *s, size_t view)
{
	struct named_terms *terms = view == NO_VIEW ? &p->options : &p->views[view];

	if (s->end == '{' && named_statement_is(s, 0, "catalog-zones"))
		parse_catalogs(p, view);
	else if (!named_terms_take(&p->text, s, terms))
		skip_rest(p, s);
}

/* Room for one more. */
static bool more_views(struct parser *p)
{
	size_t n = p->nviews + 1;
	struct named_terms *views = reallocarray(p->views, n, sizeof *views);
	struct named_match *matches = reallocarray(p->matches, n, sizeof *matches);
	char **names = reallocarray(p->view_names, n, sizeof *names);

	p->views = views ? views : p->views;
	p->matches = matches ? matches : p->matches;
	p->view_names = names ? names : p->view_names;
	return views && matches && names;
}

static void parse_view(struct parser *p, struct named_statement *head)
{
	CLEANUP_FREE char *name = NULL;
	size_t index = p->nviews;
	struct named_statement s;

	if (head->n < 2 || !more_views(p)) {
		p->text.err = head->n < 2 ? ERR_FORMAT : -ENOMEM;
		return;
	}
	p->views[index] = (struct named_terms){0};
	p->matches[index] = (struct named_match){0};
	take(&name, head, 1);
	p->view_names[index] = strdup(name);
	p->nviews++;
	do {
		next_inside(p, &s);
		if (named_statement_is(&s, 0, "zone") && s.end == '{')
			parse_zone(p, &s, index, name);
		else if (named_statement_is(&s, 0, "key") && s.end == '{')
			named_key_take(&p->text, &s, p->out);
		else if (named_statement_is(&s, 0, "match-clients") && s.end == '{')
			named_match_take(&p->text, &p->matches[index]);
		else if (named_statement_is(&s, 0, "match-destinations") ||
			 named_statement_is(&s, 0, "match-recursive-only"))
			p->matches[index].more = true, skip_rest(p, &s);
		else
			parse_terms(p, &s, index);
		named_statement_fini(&s);
	} while (s.end != '}' && !p->text.err);
	finish_block(p);
}

/* `listen-on port N { address; ... };`: the first address that can be asked. */
static void parse_listen(struct parser *p, const struct named_statement *s, bool v6)
{
	char first[64];
	unsigned char address[16];
	unsigned count;
	unsigned port = 0;

	for (size_t i = 1; i + 1 < s->n; i++)
		if (named_statement_is(s, i, "port"))
			port = (unsigned)strtoul(s->words[i + 1], NULL, 10);
	named_text_list(&p->text, first, sizeof first, &count);
	if (strcasecmp(first, "any") == 0)
		snprintf(first, sizeof first, "%s", v6 ? "::1" : "127.0.0.1");
	if (p->out->address[0] || inet_pton(v6 ? AF_INET6 : AF_INET, first, address) != 1)
		return;
	snprintf(p->out->address, sizeof p->out->address, "%s", first);
	p->listen_port = port;
}

static void parse_options(struct parser *p)
{
	struct named_statement s;

	do {
		next_inside(p, &s);
		if (s.n > 1 && named_statement_is(&s, 0, "directory"))
			take(&p->directory, &s, 1);
		else if (s.n > 1 && named_statement_is(&s, 0, "port"))
			p->port = (unsigned)strtoul(s.words[1], NULL, 10);
		else if (s.end == '{' && named_statement_is(&s, 0, "listen-on"))
			parse_listen(p, &s, false);
		else if (s.end == '{' && named_statement_is(&s, 0, "listen-on-v6"))
			parse_listen(p, &s, true);
		else
			parse_terms(p, &s, NO_VIEW);
		named_statement_fini(&s);
	} while (s.end != '}' && !p->text.err);
	finish_block(p);
}

static void parse_policy(struct parser *p, struct named_statement *head)
{
	struct named_policies *all = &p->policies;
	struct named_policy *list = reallocarray(all->list, all->n + 1, sizeof *list);
	struct named_statement s;

	all->list = list ? list : all->list;
	if (!list || head->n < 2 || all->n == POLICIES_MAX) {
		p->text.err = !list ? -ENOMEM : head->n < 2 ? ERR_FORMAT : ERR_LIMIT;
		return;
	}
	list[all->n] = (struct named_policy){.inline_signing = true};
	take(&list[all->n++].name, head, 1);
	do {
		next_inside(p, &s);
		if (named_statement_is(&s, 0, "inline-signing"))
			all->list[all->n - 1].inline_signing = yes(&s);
		else
			skip_rest(p, &s);
		named_statement_fini(&s);
	} while (s.end != '}' && !p->text.err);
	finish_block(p);
}

static void parse_all(struct parser *p)
{
	struct named_statement s;

	do {
		named_text_next(&p->text, &s);
		if (s.end == '{' && named_statement_is(&s, 0, "options"))
			parse_options(p);
		else if (s.end == '{' && named_statement_is(&s, 0, "view"))
			parse_view(p, &s);
		else if (s.end == '{' && named_statement_is(&s, 0, "zone"))
			parse_zone(p, &s, NO_VIEW, NULL);
		else if (s.end == '{' && named_statement_is(&s, 0, "dnssec-policy"))
			parse_policy(p, &s);
		else if (s.end == '{' && named_statement_is(&s, 0, "key"))
			named_key_take(&p->text, &s, p->out);
		else if (s.end == '{')
			skip_rest(p, &s);
		else if (s.end == '}' || (s.end == 0 && s.n > 0))
			p->text.err = ERR_FORMAT;
		named_statement_fini(&s);
	} while (s.end != 0 && !p->text.err);
}

/* ---- the end ---- */

static bool is_catalog(const struct parser *p, const struct raw_zone *r)
{
	for (size_t i = 0; i < p->ncatalogs; i++)
		if ((p->catalogs[i].view == r->view || p->catalogs[i].view == NO_VIEW) &&
		    strcasecmp(p->catalogs[i].name, r->zone.name) == 0)
			return true;
	return false;
}

static void settle_reach(struct parser *p)
{
	struct named_conf *out = p->out;

	out->reach = calloc(p->nviews + 1, sizeof *out->reach);
	if (!out->reach) {
		p->text.err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < p->nviews; i++) {
		const char *key = named_match_key(p->matches, i);
		struct named_reach *r = &out->reach[out->nreach];

		if (!key || !p->view_names[i])
			continue;
		*r = (struct named_reach){.view = strdup(p->view_names[i]), .key = strdup(key)};
		out->nreach++;
		if (!r->view || !r->key)
			p->text.err = -ENOMEM;
	}
}

/* Moves the zones to the caller, each with what it inherits. */
static void settle(struct parser *p)
{
	static const struct named_terms nothing;
	struct named_conf *out = p->out;

	out->directory = named_conf_absolute("/", p->directory ? p->directory : DIRECTORY_DEFAULT);
	out->list = calloc(p->nzones ? p->nzones : 1, sizeof *out->list);
	if (!out->list || !out->directory) {
		p->text.err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < p->nzones; i++) {
		struct raw_zone *r = &p->zones[i];
		const struct named_terms *view = r->view == NO_VIEW ? &nothing : &p->views[r->view];
		struct named_zone *z = &out->list[out->n++];
		CLEANUP_FREE char *file = r->zone.file;

		r->zone.catalog = is_catalog(p, r);
		*z = r->zone;
		r->zone = (struct named_zone){0};
		z->file = NULL;
		named_terms_settle(z, &r->terms, view, &p->options, &p->policies, out->version);
		if (file) {
			z->file = named_conf_absolute(out->directory, file);
			if (!z->file)
				p->text.err = -ENOMEM;
		}
	}
}

static void parser_free(struct parser *p)
{
	for (size_t i = 0; i < p->nzones; i++) {
		named_zone_fini(&p->zones[i].zone);
		named_terms_fini(&p->zones[i].terms);
	}
	for (size_t i = 0; i < p->nviews; i++) {
		named_terms_fini(&p->views[i]);
		named_match_fini(&p->matches[i]);
		free(p->view_names[i]);
	}
	free(p->matches);
	free(p->view_names);
	for (size_t i = 0; i < p->policies.n; i++)
		free(p->policies.list[i].name);
	for (size_t i = 0; i < p->ncatalogs; i++)
		free(p->catalogs[i].name);
	named_terms_fini(&p->options);
	free(p->policies.list);
	free(p->zones);
	free(p->views);
	free(p->directory);
	free(p);
}

int named_conf_parse(struct named_conf *conf, const char *text, size_t len, unsigned version)
{
	struct parser *p = calloc(1, sizeof *p);

	*conf = (struct named_conf){.version = version};
	if (!p)
		return -ENOMEM;
	p->text = (struct named_text){.p = text + named_conf_begin(text, len), .end = text + len};
	p->out = conf;
	p->port = 53;
	parse_all(p);
	if (!p->text.err)
		settle(p);
	if (!p->text.err)
		settle_reach(p);
	conf->views = p->nviews > 0;
	conf->port = p->listen_port ? p->listen_port : p->port;
	if (!conf->address[0])
		snprintf(conf->address, sizeof conf->address, "127.0.0.1");
	int err = p->text.err;
	parser_free(p);
	return err;
}
