/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The sections "probe" and "health": what zonefs-health asks, and what it does.
 */
#include "base/conf_text.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define ARGS_MAX 64
#define ZONE_LEN_MAX 255

static const char *const commands[CONF_HEALTH_COMMANDS] = {
    [CONF_HEALTH_ADD_ADDRESS] = "add-address", [CONF_HEALTH_REMOVE_ADDRESS] = "remove-address",
    [CONF_HEALTH_ANNOUNCE] = "announce",       [CONF_HEALTH_WITHDRAW] = "withdraw",
    [CONF_HEALTH_WITHDRAWN] = "withdrawn",     [CONF_HEALTH_DEMOTE] = "demote",
    [CONF_HEALTH_PROMOTE] = "promote",         [CONF_HEALTH_ALERT] = "alert",
};

const char *conf_health_command_text(enum conf_health_command command)
{
	return commands[command];
}

/* A list's elements, NULL at the end; *n of them. Reported, and cut, where there are more than
 * `max`. */
static char **take_list(struct conf_source *s, const char *name, size_t max, size_t *n)
{
	size_t have = cfg_size(s->cfg, name);

	if (have > max) {
		mistake(s->mistakes, conf_line_of(s, name), "%s has more than %zu elements", name,
			max);
		have = max;
	}
	char **list = calloc(have + 1, sizeof *list);
	s->failed |= !list;
	for (size_t i = 0; list && i < have; i++) {
		list[i] = strdup(cfg_getnstr(s->cfg, name, (unsigned)i));
		s->failed |= !list[i];
	}
	*n = list ? have : 0;
	return list;
}

static int line_in(const struct conf_source *s, const char *name, size_t nth)
{
	return conf_line(s->text, s->section, name, nth);
}

static bool is_address(const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* One of the words, of which there are two or three: its place; -1, and a report, for another. */
static int take_word(struct conf_source *s, const char *name, const char *const *words, int n)
{
	CLEANUP_FREE char *value = conf_take_str(s, name);

	for (int i = 0; value && i < n; i++)
		if (strcmp(value, words[i]) == 0)
			return i;
	if (value)
		mistake(s->mistakes, conf_line_of(s, name),
			"%s is \"%s\"%s%s%s or \"%s\", not \"%s\"", name, words[0],
			n == 3 ? ", \"" : "", n == 3 ? words[1] : "", n == 3 ? "\"" : "",
			words[n - 1], value);
	return -1;
}

static char *take_title(struct conf_source *s, int *line)
{
	char *name = strdup(cfg_title(s->cfg));

	*line = s->text->tokens[s->section->title].line;
	s->failed |= !name;
	if (name && !conf_name_ok(name))
		mistake(s->mistakes, *line,
			"a %s's name is 1 to 63 letters, digits, '.', '_' and '-', not \"%s\"",
			s->section->kind->name, name);
	return name;
}

/* ---- probes ---- */

static enum conf_answer take_answer(struct conf_source *s)
{
	CLEANUP_FREE char *value = conf_take_str(s, "answer");

	if (value && strcmp(value, "noerror") == 0)
		return CONF_ANSWER_NOERROR;
	if (value && strcmp(value, "any") == 0)
		return CONF_ANSWER_ANY;
	if (value && strcmp(value, "authoritative") != 0)
		mistake(s->mistakes, conf_line_of(s, "answer"),
			"answer is \"authoritative\", \"noerror\" or \"any\", not \"%s\"", value);
	return CONF_ANSWER_AUTHORITATIVE;
}

/* All zones, or those that are named. */
static void take_all(struct conf_source *s, struct conf_probe *p)
{
	for (size_t i = 0; i < p->nzones; i++)
		p->all |= p->zones[i] && strcmp(p->zones[i], "*") == 0;
	if (p->all && p->nzones > 1)
		mistake(s->mistakes, conf_line_of(s, "zones"),
			"zones has \"*\", which is all of them, and others beside it");
	if (!conf_given(s->section, "view"))
		return;
	p->view = conf_take_str(s, "view");
	if (!p->all)
		mistake(s->mistakes, conf_line_of(s, "view"),
			"view goes with zones = { \"*\" }: which view answers those that are named "
			"is the name server's to say");
}

void conf_take_probe(struct conf_source *s, struct conf *c)
{
	struct conf_probe *p = &c->probes[c->nprobes++];

	p->name = take_title(s, &p->line);
	p->address = conf_take_str(s, "address");
	if (p->address && !is_address(p->address))
		mistake(s->mistakes, conf_line_of(s, "address"),
			"address is a numeric IPv4 or IPv6 address, not \"%s\"", p->address);
	p->port = conf_take_int(s, "port", 1, 65535);
	p->zones = take_list(s, "zones", CONF_ZONES_MAX, &p->nzones);
	if (p->nzones == 0 && (conf_has(s->section, "zones") || !conf_given(s->section, "zones")))
		mistake(s->mistakes, conf_line_of(s, "zones"),
			"the probe \"%s\" has no zones to ask for", cfg_title(s->cfg));
	for (size_t i = 0; i < p->nzones; i++)
		if (p->zones[i] && (!p->zones[i][0] || strlen(p->zones[i]) > ZONE_LEN_MAX))
			mistake(s->mistakes, line_in(s, "zones", i),
				"a zone's name has 1 to %d characters", ZONE_LEN_MAX);
	take_all(s, p);
	p->type = conf_take_name(s, "type");
	p->udp = cfg_getbool(s->cfg, "udp");
	p->tcp = cfg_getbool(s->cfg, "tcp");
	if (!p->udp && !p->tcp)
		mistake(s->mistakes, conf_line_of(s, "tcp"),
			"the probe \"%s\" asks neither over UDP nor over TCP", cfg_title(s->cfg));
	p->answer = take_answer(s);
	p->sample = conf_take_int(s, "sample", 1, 16);
}

/* ---- health ---- */

static void take_command(struct conf_source *s, struct conf_health *h, size_t which,
			 const char *mount)
{
	const char *name = commands[which];
	size_t n;

	if (!conf_given(s->section, name))
		return;
	h->command[which] = take_list(s, name, ARGS_MAX, &n);
	if (n == 0) {
		if (conf_has(s->section, name))
			mistake(s->mistakes, conf_line_of(s, name), "%s has nothing to run", name);
		return;
	}
	char *program = h->command[which][0];
	const char *wrong = program ? conf_path_wrong(program) : NULL;
	if (wrong)
		mistake(s->mistakes, conf_line_of(s, name), "the program \"%s\" %s", program,
			wrong);
	else if (program && mount && conf_path_within(program, mount))
		mistake(s->mistakes, conf_line_of(s, name),
			"the program \"%s\" lies in the tree: nothing from there is run", program);
}

static void take_times(struct conf_source *s, struct conf_health *h)
{
	h->interval_sec = conf_take_int(s, "interval", 1, 86400);
	h->fast_interval_sec = conf_take_int(s, "fast-interval", 1, 86400);
	h->timeout_sec = conf_take_int(s, "timeout", 1, 60);
	h->fall = conf_take_int(s, "fall", 1, 100);
	h->rise = conf_take_int(s, "rise", 1, 100);
	h->start_timeout_sec = conf_take_int(s, "start-timeout", 0, 86400);
	h->lag_limit_sec = conf_take_int(s, "lag-limit", 0, 31536000);
	h->stale_limit_sec = conf_take_int(s, "stale-limit", 0, 31536000);
	h->behind_limit_sec = conf_take_int(s, "behind-limit", 0, 31536000);
	h->cut_off_limit_sec = conf_take_int(s, "cut-off-limit", 0, 31536000);
	h->lease_sec = conf_take_int(s, "lease", 5, CONF_LEASE_MAX);
	h->min_announcing = conf_take_int(s, "min-announcing", 1, CONF_PEERS_MAX);
	h->damping_sec = conf_take_int(s, "damping", 0, 3600);
	h->command_timeout_sec = conf_take_int(s, "command-timeout", 1, 600);
	if (h->fast_interval_sec > h->interval_sec)
		mistake(s->mistakes, conf_line_of(s, "fast-interval"),
			"fast-interval (%d) is longer than interval (%d)", h->fast_interval_sec,
			h->interval_sec);
}

static void take_service(struct conf_source *s, struct conf_health *h)
{
	h->service = take_list(s, "service", CONF_SERVICES_MAX, &h->nservice);
	h->service_port = conf_take_int(s, "service-port", 1, 65535);
	if (h->nservice == 0 &&
	    (conf_has(s->section, "service") || !conf_given(s->section, "service")))
		mistake(s->mistakes, conf_line_of(s, "service"),
			"service, the addresses that are announced, is missing");
	for (size_t i = 0; i < h->nservice; i++)
		if (h->service[i] && !is_address(h->service[i]))
			mistake(s->mistakes, line_in(s, "service", i),
				"service is a list of numeric addresses, \"%s\" is none",
				h->service[i]);
}

/* Of two commands that undo each other. */
static void check_pair(struct conf_source *s, const struct conf_health *h,
		       enum conf_health_command one, enum conf_health_command other)
{
	if (h->command[one] && !h->command[other])
		mistake(s->mistakes, conf_line_of(s, commands[one]), "%s without %s", commands[one],
			commands[other]);
	else if (h->command[other] && !h->command[one])
		mistake(s->mistakes, conf_line_of(s, commands[other]), "%s without %s",
			commands[other], commands[one]);
}

static void check_commands(struct conf_source *s, const struct conf_health *h)
{
	char **const *run = h->command;

	check_pair(s, h, CONF_HEALTH_ADD_ADDRESS, CONF_HEALTH_REMOVE_ADDRESS);
	check_pair(s, h, CONF_HEALTH_ANNOUNCE, CONF_HEALTH_WITHDRAW);
	check_pair(s, h, CONF_HEALTH_DEMOTE, CONF_HEALTH_PROMOTE);
	if (!run[CONF_HEALTH_REMOVE_ADDRESS] && !run[CONF_HEALTH_WITHDRAW])
		mistake(s->mistakes, h->line,
			"nothing says how to withdraw: announce and withdraw, or add-address and "
			"remove-address, or both");
	if (run[CONF_HEALTH_WITHDRAWN] && !run[CONF_HEALTH_WITHDRAW])
		mistake(s->mistakes, conf_line_of(s, "withdrawn"), "withdrawn without withdraw");
	if (h->on_data == CONF_ON_DATA_DEMOTE && conf_given(s->section, "on-data") &&
	    !run[CONF_HEALTH_DEMOTE])
		mistake(s->mistakes, conf_line_of(s, "on-data"),
			"on-data is \"demote\", and there is no demote");
}

void conf_take_health(struct conf_source *s, struct conf *c)
{
	static const char *const on_data[] = {
	    [CONF_ON_DATA_NOTHING] = "nothing",
	    [CONF_ON_DATA_DEMOTE] = "demote",
	    [CONF_ON_DATA_WITHDRAW] = "withdraw",
	};
	static const char *const on_stop[] = {"stay", "withdraw"};
	struct conf_health *h = calloc(1, sizeof *h);

	c->health = h;
	if (!h) {
		s->failed = true;
		return;
	}
	h->name = take_title(s, &h->line);
	h->state = conf_take_path(s, "state");
	h->disable = conf_take_path(s, "disable");
	take_service(s, h);
	take_times(s, h);
	int word = take_word(s, "on-data", on_data, 3);
	h->on_data = word < 0 ? CONF_ON_DATA_NOTHING : (enum conf_on_data)word;
	h->withdraw_on_stop = take_word(s, "on-stop", on_stop, 2) == 1;
	for (size_t i = 0; i < CONF_HEALTH_COMMANDS; i++)
		take_command(s, h, i, c->mount);
	check_commands(s, h);
}

bool conf_same_address(const char *a, const char *b)
{
	struct in6_addr x = {0}, y = {0};

	if (inet_pton(AF_INET, a, &x) == 1 && inet_pton(AF_INET, b, &y) == 1)
		return memcmp(&x, &y, sizeof(struct in_addr)) == 0;
	return inet_pton(AF_INET6, a, &x) == 1 && inet_pton(AF_INET6, b, &y) == 1 &&
	       memcmp(&x, &y, sizeof x) == 0;
}

void conf_check_health(struct conf_source *s, const struct conf *c)
{
	const struct conf_health *h = c->health;
	bool udp = false, tcp = false;

	if (!h)
		return;
	for (size_t i = 0; i < c->nprobes; i++) {
		const struct conf_probe *p = &c->probes[i];

		udp |= p->udp;
		tcp |= p->tcp;
		if (p->all && !c->server && !conf_zones_by_file(c))
			mistake(s->mistakes, p->line,
				"the probe \"%s\" asks for all zones, which are known only with a "
				"section server or zones by their files",
				p->name);
		for (size_t k = 0; p->address && k < h->nservice; k++)
			if (h->service[k] && conf_same_address(p->address, h->service[k]))
				mistake(s->mistakes, p->line,
					"the probe \"%s\" asks the service address %s, which is "
					"withdrawn when it fails, and would never be seen well",
					p->name, p->address);
	}
	if (c->nprobes == 0)
		mistake(s->mistakes, h->line, "the health \"%s\" has no probe", h->name);
	else if (!udp || !tcp)
		mistake(s->mistakes, h->line,
			"no probe asks over %s: a name server is dead when it answers over neither",
			udp ? "TCP" : "UDP");
	if (h->on_data == CONF_ON_DATA_WITHDRAW && (size_t)h->min_announcing > c->npeers)
		mistake(s->mistakes, h->line,
			"on-data is \"withdraw\", for which %d peer%s must agree, and %zu %s "
			"configured",
			h->min_announcing, h->min_announcing == 1 ? "" : "s", c->npeers,
			c->npeers == 1 ? "is" : "are");
	if (c->mount && h->state && conf_path_within(h->state, c->mount))
		mistake(s->mistakes, h->line, "the state of the health \"%s\" lies in the tree",
			h->name);
}

static void free_list(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

void conf_free_health(struct conf *c)
{
	for (size_t i = 0; i < c->nprobes; i++) {
		free(c->probes[i].name);
		free(c->probes[i].address);
		free_list(c->probes[i].zones);
		free(c->probes[i].type);
		free(c->probes[i].view);
	}
	free(c->probes);
	if (!c->health)
		return;
	free(c->health->name);
	free(c->health->state);
	free(c->health->disable);
	free_list(c->health->service);
	for (size_t i = 0; i < CONF_HEALTH_COMMANDS; i++)
		free_list(c->health->command[i]);
	free(c->health);
}
