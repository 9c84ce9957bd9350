/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/named_view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

static void take_element(struct named_match *m, struct named_statement *s)
{
	const char *word = s->words[0];
	bool not = word[0] == '!';
	size_t at = not && !word[1]; /* "! key" as well as "!key" */
	const char *first = at < s->n ? s->words[at] + (not && !at) : "";
	bool key = s->n == at + 2 && strcasecmp(first, "key") == 0;

	if (m->n == NAMED_MATCH_MAX) {
		m->more = true;
		return;
	}
	m->list[m->n].what = key ? (not ? ELEMENT_NOT_KEY : ELEMENT_KEY)
				 : (not ? ELEMENT_NOT_OTHER : ELEMENT_OTHER);
	if (key) {
		m->list[m->n].key = s->words[at + 1];
		s->words[at + 1] = NULL;
	}
	m->n++;
}

void named_match_take(struct named_text *t, struct named_match *m)
{
	struct named_statement s;

	m->said = true;
	do {
		named_text_next(t, &s);
		if (s.end == 0 && !t->err)
			t->err = ERR_FORMAT;
		if (s.n > 0)
			take_element(m, &s);
		else if (s.end == '{') /* a list within the list */
			m->more = true;
		if (s.end == '{' && !t->err) {
			named_text_skip_block(t);
			named_text_finish(t);
		}
		named_statement_fini(&s);
	} while (s.end != '}' && !t->err);
	if (!t->err)
		named_text_finish(t);
}

void named_match_fini(struct named_match *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->list[i].key);
	*m = (struct named_match){0};
}

enum match { MATCH_NO, MATCH_YES, MATCH_PERHAPS };

static enum match matches(const struct named_match *m, const char *key)
{
	enum match address = MATCH_NO; /* what an element before may have said, by the address */

	for (size_t i = 0; i < m->n; i++) {
		bool this_key = m->list[i].key && strcasecmp(m->list[i].key, key) == 0;

		if (m->list[i].what == ELEMENT_KEY && this_key)
			return address == MATCH_NO && !m->more ? MATCH_YES : MATCH_PERHAPS;
		if (m->list[i].what == ELEMENT_NOT_KEY && this_key)
			return address;
		if (m->list[i].what == ELEMENT_OTHER)
			return MATCH_PERHAPS;
		if (m->list[i].what == ELEMENT_NOT_OTHER)
			address = MATCH_PERHAPS; /* refused here, and so perhaps not by what follows */
	}
	return !m->said || m->more ? MATCH_PERHAPS : MATCH_NO;
}

const char *named_match_key(const struct named_match *views, size_t i)
{
	for (size_t e = 0; e < views[i].n; e++) {
		const char *key = views[i].list[e].key;
		bool free_way = key && matches(&views[i], key) == MATCH_YES;

		for (size_t before = 0; before < i && free_way; before++)
			free_way = matches(&views[before], key) == MATCH_NO;
		if (free_way)
			return key;
	}
	return NULL;
}

void named_key_take(struct named_text *t, struct named_statement *head, struct named_conf *conf)
{
	struct named_key *list = reallocarray(conf->keys, conf->nkeys + 1, sizeof *list);
	struct named_statement s;

	conf->keys = list ? list : conf->keys;
	if (!list || head->n < 2 || conf->nkeys == NAMED_KEYS_MAX) {
		t->err = !list ? -ENOMEM : head->n < 2 ? ERR_FORMAT : ERR_LIMIT;
		return;
	}
	struct named_key *key = &list[conf->nkeys++];
	*key = (struct named_key){.name = head->words[1]};
	head->words[1] = NULL;
	do {
		char **to = NULL;

		named_text_next(t, &s);
		if (named_statement_is(&s, 0, "algorithm"))
			to = &key->algorithm;
		else if (named_statement_is(&s, 0, "secret"))
			to = &key->secret;
		if (to && s.n > 1) {
			free(*to);
			*to = s.words[1];
			s.words[1] = NULL;
		}
		if (s.end == 0 || s.end == '{')
			t->err = t->err ? t->err : ERR_FORMAT;
		named_statement_fini(&s);
	} while (s.end != '}' && !t->err);
	if (!t->err)
		named_text_finish(t);
}
