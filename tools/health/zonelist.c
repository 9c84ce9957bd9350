/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A list a probe, by its view.
 */
#include "tools/health/zonelist.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tools/health/ask.h"
#include "tools/health/talk.h"

struct list {
	char **p;
	size_t n, cap;
};

struct zonelist {
	const struct conf *conf;
	struct list lists[CONF_PROBES_MAX];
	bool whole;
	bool missing; /* some are left out */
};

struct zonelist *zonelist_new(const struct conf *conf)
{
	struct zonelist *m = calloc(1, sizeof *m);

	if (m)
		m->conf = conf;
	return m;
}

static void clear(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->p[i]);
	free(l->p);
	*l = (struct list){0};
}

void zonelist_free(struct zonelist *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < CONF_PROBES_MAX; i++)
		clear(&m->lists[i]);
	free(m);
}

bool zonelist_wanted(const struct zonelist *m)
{
	for (size_t i = 0; i < m->conf->nprobes; i++)
		if (m->conf->probes[i].all)
			return true;
	return false;
}

void zonelist_begin(struct zonelist *m)
{
	for (size_t i = 0; i < CONF_PROBES_MAX; i++)
		clear(&m->lists[i]);
	m->whole = m->missing = false;
}

static bool add(struct list *l, const char *name)
{
	if (l->n == ZONELIST_MAX)
		return false;
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		char **p = realloc(l->p, cap * sizeof *p);

		if (!p)
			return false;
		l->p = p;
		l->cap = cap;
	}
	l->p[l->n] = strdup(name);
	if (!l->p[l->n])
		return false;
	l->n++;
	return true;
}

void zonelist_line(struct zonelist *m, const json_t *line)
{
	const json_t *zones = json_object_get(line, "zones");
	const char *view = talk_text(line, "view");

	if (strcmp(talk_text(line, "type"), "names") != 0)
		return;
	for (size_t i = 0; i < m->conf->nprobes; i++) {
		const struct conf_probe *probe = &m->conf->probes[i];

		if (!probe->all || (probe->view && strcmp(probe->view, view) != 0))
			continue;
		for (size_t k = 0; k < json_array_size(zones); k++) {
			const char *name = json_string_value(json_array_get(zones, k));

			/* What is no name for a question (of another server's kind) is none to ask. */
			if (name && ask_name_ok(name) && !add(&m->lists[i], name))
				m->missing = true;
		}
	}
}

void zonelist_end(struct zonelist *m)
{
	m->whole = true;
}

bool zonelist_give(struct zonelist *m, struct probes *p)
{
	if (!m->whole)
		return false;
	m->whole = false;
	if (m->missing)
		log_warning("not all zones are asked for: there is room for %d", ZONELIST_MAX);
	for (size_t i = 0; i < m->conf->nprobes; i++) {
		const struct conf_probe *probe = &m->conf->probes[i];
		struct list *l = &m->lists[i];

		if (!probe->all)
			continue;
		if (l->n == 0)
			log_warning("the probe \"%s\" has no zones to ask for: the name server's "
				    "configuration has none%s%s",
				    probe->name, probe->view ? " in the view " : "",
				    probe->view ? probe->view : "");
		else
			log_info("the probe \"%s\" asks for %zu zones in turn", probe->name, l->n);
		probes_take_zones(p, i, l->p, l->n);
		*l = (struct list){0};
	}
	return true;
}
