/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which token is what: a walk over the configuration's tokens by the option tables.
 *
 *   file    = { setting | section }
 *   setting = NAME "=" value              value = word | string | "{" [ value { "," value } [","] ]
 * "}" section = KIND title "{" { setting } "}"
 *
 * A mistake is reported, and the walk goes on at the next line that can be a setting's.
 */
#include "base/conf_text.h"

#include <string.h>

/* The walk's state: where it is, and in which section. */
struct walk {
	struct conf_text *t;
	size_t at;
	struct section *section;
};

int conf_option(const cfg_opt_t *options, const char *name, size_t len)
{
	for (int i = 0; options[i].name; i++)
		if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0)
			return i;
	return -1;
}

static const struct token *here(const struct walk *w)
{
	return &w->t->tokens[w->at];
}

static bool is_mark(const struct walk *w, char mark)
{
	return token_is_mark(w->t, w->at, mark);
}

static bool is_value(const struct token *token)
{
	return token->type == TOKEN_WORD || token->type == TOKEN_STRING || token->type == TOKEN_BAD;
}

static int length(const struct token *token)
{
	return token->len < 60 ? (int)token->len : 60;
}

static const char *text_of(const struct walk *w, const struct token *token)
{
	return w->t->text + token->at;
}

/* The place in the section's table of the option named by the token here. */
static int option_here(const struct walk *w, const cfg_opt_t *options)
{
	if (here(w)->type != TOKEN_WORD)
		return -1;
	return conf_option(options, text_of(w, here(w)), here(w)->len);
}

/* Can a setting or section start at this token, seen from a place where nothing is understood? */
static bool starts_line(const struct walk *w)
{
	const struct token *token = here(w);

	if (token->type == TOKEN_END)
		return true;
	return token->type == TOKEN_WORD && w->at > 0 && token[-1].line != token->line &&
	       (token_is_mark(w->t, w->at + 1, '=') || token_is_mark(w->t, w->at + 2, '{'));
}

/* Leaves out what belongs to a statement that isn't understood: up to the next that may be. */
static void skip_statement(struct walk *w, size_t first)
{
	int depth = 0;

	while (!starts_line(w) || (depth > 0 && here(w)->type != TOKEN_END)) {
		if (is_mark(w, '{')) {
			depth++;
		} else if (is_mark(w, '}')) {
			if (depth == 0)
				break;
			depth--;
		}
		w->at++;
	}
	if (w->at > first)
		conf_text_blank(w->t, first, w->at - 1);
}

/* Leaves a list at a mistake: stands behind its '}', or where the next statement starts. */
static bool leave_list(struct walk *w)
{
	while (!is_mark(w, '}') && !starts_line(w))
		w->at++;
	w->at += is_mark(w, '}');
	return false;
}

/* A list in braces; false (reported) if it isn't one. Stands behind it then. */
static bool walk_list(struct walk *w, const char *name, bool *bad)
{
	int line = here(w)->line;

	if (!is_mark(w, '{')) {
		mistake(w->t->mistakes, line, "%s is a list: { \"...\", \"...\" }", name);
		return false;
	}
	w->at++;
	while (!is_mark(w, '}')) {
		if (!is_value(here(w)) || starts_line(w)) {
			mistake(w->t->mistakes, line, "the list of %s isn't closed by a '}'", name);
			return leave_list(w);
		}
		*bad |= here(w)->type == TOKEN_BAD;
		w->at++;
		if (is_mark(w, ',')) {
			w->at++;
		} else if (starts_line(w)) {
			mistake(w->t->mistakes, line, "the list of %s isn't closed by a '}'", name);
			return false;
		} else if (!is_mark(w, '}')) {
			if (here(w)->type != TOKEN_BAD && !*bad)
				mistake(w->t->mistakes, here(w)->line,
					"a ',' or the closing '}' is missing in the list of %s",
					name);
			return leave_list(w);
		}
	}
	w->at++;
	return true;
}

/* Decimal without zeros before it: libConfuse would read 050 as 40. */
static bool number_ok(const struct walk *w, const struct token *token)
{
	const char *p = text_of(w, token);
	size_t i = token->len > 1 && p[0] == '-';

	if (token->len - i > 12 || token->len == i || (p[i] == '0' && token->len - i > 1))
		return false;
	for (; i < token->len; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

static bool walk_scalar(struct walk *w, const cfg_opt_t *option, bool *bad)
{
	const struct token *token = here(w);

	if (!is_value(token) || starts_line(w)) {
		mistake(w->t->mistakes, w->t->tokens[w->at - 1].line, "%s has no value",
			option->name);
		return false;
	}
	w->at++;
	if (token->type == TOKEN_BAD) {
		*bad = true;
		return !is_mark(w, '{'); /* of an unquoted ${...} */
	}
	if (option->type == CFGT_INT && !number_ok(w, token)) {
		mistake(w->t->mistakes, token->line,
			"%s is a decimal number without zeros before it, not '%.*s'", option->name,
			length(token), text_of(w, token));
		*bad = true;
	}
	if (option->type == CFGT_BOOL && !token_equals(w->t, w->at - 1, "true") &&
	    !token_equals(w->t, w->at - 1, "false")) {
		mistake(w->t->mistakes, token->line, "%s is true or false, not '%.*s'",
			option->name, length(token), text_of(w, token));
		*bad = true;
	}
	return true;
}

static void walk_setting(struct walk *w, int place)
{
	const cfg_opt_t *option = &w->section->options[place];
	size_t first = w->at++;
	bool again = w->section->given[place];
	bool bad = again;

	if (again)
		mistake(w->t->mistakes, w->t->tokens[first].line, "%s is given a second time",
			option->name);
	w->section->given[place] = true;
	if (!is_mark(w, '=')) {
		mistake(w->t->mistakes, w->t->tokens[first].line, "a '=' is missing after %s",
			option->name);
		skip_statement(w, first);
		return;
	}
	size_t value = ++w->at;
	bool understood = option->flags & CFGF_LIST ? walk_list(w, option->name, &bad)
						    : walk_scalar(w, option, &bad);
	if (!understood)
		skip_statement(w, first);
	else if (bad)
		conf_text_blank(w->t, first, w->at - 1);
	else
		w->section->value[place] = value;
}

/* The other section of this kind and title, or NULL. */
static const struct section *same_title(const struct walk *w, const cfg_opt_t *kind, size_t title)
{
	const struct token *token = &w->t->tokens[title];

	for (size_t i = 1; i < w->t->nsections; i++) {
		const struct section *s = &w->t->sections[i];
		const struct token *other = &w->t->tokens[s->title];

		if (s->kind == kind && other->len == token->len &&
		    memcmp(text_of(w, other), text_of(w, token), token->len) == 0)
			return s;
	}
	return NULL;
}

static size_t count_of(const struct walk *w, const cfg_opt_t *kind)
{
	size_t n = 0;

	for (size_t i = 1; i < w->t->nsections; i++)
		n += w->t->sections[i].kind == kind;
	return n;
}

static void walk_body(struct walk *w);

/* A section too many: walked, so that its mistakes are seen, and left out. */
static void walk_surplus(struct walk *w, const cfg_opt_t *kind, size_t first)
{
	struct section surplus = {.options = kind->subopts, .kind = kind, .title = first + 1};
	struct section *outer = w->section;

	w->section = &surplus;
	walk_body(w);
	w->section = outer;
	conf_text_blank(w->t, first, w->at - 1);
}

static size_t limit_of(const cfg_opt_t *kind)
{
	if (strcmp(kind->name, "peer") == 0)
		return CONF_PEERS_MAX;
	if (strcmp(kind->name, "server") == 0)
		return CONF_SERVERS_MAX;
	if (strcmp(kind->name, "probe") == 0)
		return CONF_PROBES_MAX;
	if (strcmp(kind->name, "health") == 0)
		return CONF_HEALTH_MAX;
	if (strcmp(kind->name, "zone") == 0)
		return CONF_ZONE_SECTIONS_MAX;
	return strcmp(kind->name, "alert") == 0 ? CONF_ALERTS_MAX : CONF_HOOKS_MAX;
}

static void walk_section(struct walk *w, const cfg_opt_t *kind)
{
	size_t limit = limit_of(kind);
	size_t first = w->at++;
	size_t title = w->at;
	int line = w->t->tokens[first].line;

	if (!is_value(here(w)) || !token_is_mark(w->t, w->at + 1, '{')) {
		mistake(w->t->mistakes, line, "a section is written %s \"NAME\" { ... }",
			kind->name);
		skip_statement(w, first);
		return;
	}
	w->at += 2;
	const struct section *other = same_title(w, kind, title);
	if (other) {
		mistake(w->t->mistakes, line, "a second %s \"%.*s\" (the first is on line %d)",
			kind->name, length(&w->t->tokens[title]), text_of(w, &w->t->tokens[title]),
			w->t->tokens[other->title].line);
		walk_surplus(w, kind, first);
		return;
	}
	if (count_of(w, kind) == limit) {
		mistake(w->t->mistakes, line, "more than %zu section%s of the kind %s", limit,
			limit == 1 ? "" : "s", kind->name);
		walk_surplus(w, kind, first);
		return;
	}
	struct section *outer = w->section;
	w->section = &w->t->sections[w->t->nsections++];
	*w->section = (struct section){.options = kind->subopts, .kind = kind, .title = title};
	walk_body(w);
	w->section = outer;
}

static void walk_unknown(struct walk *w)
{
	const struct token *token = here(w);
	const struct section *s = w->section;
	size_t first = w->at++;

	if (token->type == TOKEN_WORD && s->kind)
		mistake(w->t->mistakes, token->line, "'%.*s' is no option of a%s %s", length(token),
			text_of(w, token), s->kind->name[0] == 'a' ? "n" : "", s->kind->name);
	else if (token->type == TOKEN_WORD)
		mistake(w->t->mistakes, token->line, "'%.*s' is no option", length(token),
			text_of(w, token));
	else if (token->type != TOKEN_BAD)
		mistake(w->t->mistakes, token->line, "'%.*s' is out of place", length(token),
			text_of(w, token));
	skip_statement(w, first);
}

static void unclosed(struct walk *w, const char *before)
{
	const struct token *title = &w->t->tokens[w->section->title];

	mistake(w->t->mistakes, title->line,
		"the section %s \"%.*s\" isn't closed by a '}' before %s", w->section->kind->name,
		length(title), text_of(w, title), before);
	w->t->broken = true;
}

/* What follows a section's '{', up to and with its '}'. */
static void walk_body(struct walk *w)
{
	while (!is_mark(w, '}')) {
		int place = option_here(w, w->section->options);

		if (here(w)->type == TOKEN_END) {
			unclosed(w, "the end");
			return;
		}
		if (place < 0 && option_here(w, w->t->sections[0].options) >= 0 &&
		    token_is_mark(w->t, w->at + 2, '{')) {
			unclosed(w, "the next section");
			return;
		}
		if (place >= 0)
			walk_setting(w, place);
		else
			walk_unknown(w);
	}
	w->at++;
}

void conf_index(struct conf_text *t, const cfg_opt_t *top)
{
	struct walk w = {.t = t, .section = &t->sections[0]};

	*w.section = (struct section){.options = top};
	t->nsections = 1;
	while (here(&w)->type != TOKEN_END) {
		int place = option_here(&w, top);

		if (place >= 0 && top[place].type == CFGT_SEC)
			walk_section(&w, &top[place]);
		else if (place >= 0)
			walk_setting(&w, place);
		else
			walk_unknown(&w);
	}
}

int conf_line(const struct conf_text *t, const struct section *s, const char *name, size_t nth)
{
	int place = conf_option(s->options, name, strlen(name));
	size_t value = s->value[place];

	if (value == 0)
		return s->kind ? t->tokens[s->title].line : 0;
	if (s->options[place].flags & CFGF_LIST)
		value += 1 + 2 * nth; /* a '{' before, commas between */
	return t->tokens[value].line;
}

bool conf_has(const struct section *s, const char *name)
{
	return s->value[conf_option(s->options, name, strlen(name))] != 0;
}

bool conf_given(const struct section *s, const char *name)
{
	return s->given[conf_option(s->options, name, strlen(name))];
}
