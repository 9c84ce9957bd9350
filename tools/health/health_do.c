/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Steps and alerts: the commands that zonefs-health runs.
 */
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "tools/health/internal.h"
#include "tools/health/record.h"

#define ENVIRONMENT 12
#define VALUE_MAX 512
#define ALERT_TRIES 8
#define ALERT_AGAIN_MSEC 1000

struct environment {
	char text[ENVIRONMENT][VALUE_MAX];
	char *list[ENVIRONMENT + 1];
	unsigned n;
};

static void add(struct environment *e, const char *name, const char *value)
{
	snprintf(e->text[e->n], VALUE_MAX, "%s=%s", name, value);
	e->list[e->n] = e->text[e->n];
	e->list[++e->n] = NULL;
}

static const char *wanted_text(const struct health *h)
{
	if (!health_wants_announced(h))
		return "withdrawn";
	return h->want.demoted ? "demoted" : "announced";
}

static int64_t since_wall(const struct health *h)
{
	return clock_wall_msec() - (h->now - h->want.since_msec);
}

static void fill(struct environment *e, const struct health *h, const char *what)
{
	char since[RECORD_TIME], addresses[VALUE_MAX] = "";

	for (size_t i = 0, len = 0; i < h->h->nservice; i++)
		len += (size_t)snprintf(addresses + len, sizeof addresses - len, "%s%s",
					i ? " " : "", h->h->service[i]);
	record_time(since, since_wall(h));
	e->n = 0;
	add(e, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	add(e, "LC_ALL", "C.UTF-8");
	add(e, "ZONEFS_NODE", h->conf->node);
	add(e, "ZONEFS_HEALTH", h->h->name);
	add(e, "ZONEFS_HEALTH_STEP", what);
	add(e, "ZONEFS_HEALTH_STATE", wanted_text(h));
	add(e, "ZONEFS_HEALTH_REASON", rule_reason_text(h->want.reason));
	add(e, "ZONEFS_HEALTH_SINCE", since);
	add(e, "ZONEFS_HEALTH_ZONE", probes_bad_zone(h->probes));
	add(e, "ZONEFS_HEALTH_WORDS", h->want.words);
	add(e, "ZONEFS_HEALTH_SERVICE", addresses);
}

/* ---- steps ---- */

static enum conf_health_command command_of(enum step step)
{
	switch (step) {
	case STEP_WITHDRAW:
		return CONF_HEALTH_WITHDRAW;
	case STEP_GONE:
		return CONF_HEALTH_WITHDRAWN;
	case STEP_TAKE_ADDRESS:
		return CONF_HEALTH_REMOVE_ADDRESS;
	case STEP_DEMOTE:
		return CONF_HEALTH_DEMOTE;
	case STEP_PROMOTE:
		return CONF_HEALTH_PROMOTE;
	case STEP_PUT_ADDRESS:
		return CONF_HEALTH_ADD_ADDRESS;
	default:
		return CONF_HEALTH_ANNOUNCE;
	}
}

static void ended(struct health *h, bool succeeded, const char *words)
{
	enum step step = h->steps.running;
	/* A route takes some looks until it is gone, a name server some to see the address. */
	bool patient = (step == STEP_GONE || step == STEP_ANSWER) && h->steps.failures % 8 != 7;
	enum log_level bad = patient ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR;

	record(succeeded ? LOG_LEVEL_NOTICE : bad, "step", "%s: %s", step_text(step), words);
	steps_end(&h->steps, succeeded, h->now);
	health_save(h);
}

/* How many of the service addresses are on this host's interfaces. */
static size_t addresses_here(const struct health *h)
{
	struct ifaddrs *all;
	bool seen[CONF_SERVICES_MAX] = {false};
	size_t n = 0;

	if (getifaddrs(&all) < 0)
		return 0;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		char text[NI_MAXHOST];
		socklen_t len = i->ifa_addr && i->ifa_addr->sa_family == AF_INET6
				    ? sizeof(struct sockaddr_in6)
				    : sizeof(struct sockaddr_in);

		if (!i->ifa_addr ||
		    getnameinfo(i->ifa_addr, len, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		for (size_t k = 0; k < h->h->nservice; k++)
			seen[k] |= conf_same_address(text, h->h->service[k]);
	}
	freeifaddrs(all);
	for (size_t k = 0; k < h->h->nservice; k++)
		n += seen[k];
	return n;
}

/* For the two that put and take the address it counts what is there, not what they say. */
static bool address_is(const struct health *h, enum step step)
{
	size_t n = addresses_here(h);

	return step == STEP_PUT_ADDRESS ? n == h->h->nservice : n == 0;
}

static bool is_about_address(enum step step)
{
	return step == STEP_PUT_ADDRESS || step == STEP_TAKE_ADDRESS;
}

static void begin(struct health *h, enum step step)
{
	struct environment e;
	char **argv = h->h->command[command_of(step)];
	char limit[VALUE_MAX];

	/* An address that others put here, once they may, is nowhere yet, or another host's. */
	if (step == STEP_ANSWER && !h->h->command[CONF_HEALTH_ADD_ADDRESS] &&
	    addresses_here(h) == 0) {
		steps_end(&h->steps, true, h->now);
		return;
	}
	if (step == STEP_ANSWER) {
		h->answer_due = true; /* when the round under way is over */
		return;
	}
	if (!argv || (is_about_address(step) && address_is(h, step))) {
		steps_end(&h->steps, true, h->now);
		health_save(h);
		return;
	}
	fill(&e, h, step_text(step));
	int err = run_start(&h->run, argv, e.list, "", h->h->command_timeout_sec, h->now);
	if (err == 0)
		return;
	snprintf(limit, sizeof limit, "%s cannot be run: %s", argv[0], err_text(err));
	ended(h, false, limit);
}

void health_steps(struct health *h)
{
	/* Each step may be one that has no command, and be over at once. */
	for (int i = 0; i < STEPS && h->steps.running == STEP_NONE; i++) {
		if (h->want.hands_off)
			return;
		enum step step =
		    steps_begin(&h->steps, health_wants_announced(h), h->want.demoted, h->now);
		if (step == STEP_NONE)
			return;
		/* Before anything is done: a crash in between leaves "unknown". */
		if (health_save(h) < 0) {
			steps_end(&h->steps, false, h->now);
			return;
		}
		begin(h, step);
	}
}

void health_service_answered(struct health *h)
{
	const char *silent = probes_service_silent(h->probes);

	if (h->steps.running == STEP_ANSWER)
		ended(h, !silent, silent ? silent : "the name server answers");
}

/* ---- alerts ---- */

static const char *way_back(const struct health *h)
{
	if (h->want.reason == REASON_DRAINED)
		return "zonefsctl undrain";
	return "It comes back by itself when the name server answers again. By hand:";
}

static size_t put_command(char *text, size_t size, size_t len, char *const *argv)
{
	if (!argv || len + 8 >= size)
		return len;
	len += (size_t)snprintf(text + len, size - len, "  ");
	for (size_t i = 0; argv[i] && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, " %s", argv[i]);
	if (len < size)
		len += (size_t)snprintf(text + len, size - len, "\n");
	return len < size ? len : size - 1;
}

void health_alert(struct health *h, const char *subject)
{
	struct alert *a = &h->alert;
	char time[RECORD_TIME];
	const struct record *r;
	size_t len;

	if (!h->h->command[CONF_HEALTH_ALERT])
		return;
	len = (size_t)snprintf(a->text, sizeof a->text, "Subject: %s: %s\n\n%s\n\n", h->conf->node,
			       subject, h->want.words);
	for (unsigned i = 0; (r = record_kept(i)) != NULL && len < sizeof a->text; i++) {
		if (strcmp(r->kind, "failure") != 0 && strcmp(r->kind, "decision") != 0)
			continue;
		record_time(time, r->wall_msec);
		len += (size_t)snprintf(a->text + len, sizeof a->text - len, "%s %s\n", time,
					r->words);
	}
	if (len >= sizeof a->text)
		len = sizeof a->text - 1;
	if (!h->want.announced) {
		len += (size_t)snprintf(a->text + len, sizeof a->text - len, "\n%s\n", way_back(h));
		if (len >= sizeof a->text)
			len = sizeof a->text - 1;
		len = put_command(a->text, sizeof a->text, len,
				  h->h->command[CONF_HEALTH_ADD_ADDRESS]);
		put_command(a->text, sizeof a->text, len, h->h->command[CONF_HEALTH_ANNOUNCE]);
	}
	a->waits = true;
	a->failures = 0;
	a->again = h->now;
}

static void alert_failed(struct health *h, const char *words)
{
	struct alert *a = &h->alert;

	a->failures++;
	if (a->waits) /* another one has come meanwhile, it goes instead */
		return;
	bool again = a->failures < ALERT_TRIES;
	record(LOG_LEVEL_ERROR, "alert", "alert: %s%s", words,
	       again ? "; it is tried again" : "; given up");
	a->waits = again;
	a->again = h->now + ((int64_t)ALERT_AGAIN_MSEC << a->failures);
}

static void alert_start(struct health *h)
{
	struct alert *a = &h->alert;
	struct environment e;

	if (!a->waits || run_busy(&a->run) || h->now < a->again)
		return;
	fill(&e, h, "alert");
	a->waits = false;
	int err = run_start(&a->run, h->h->command[CONF_HEALTH_ALERT], e.list, a->text,
			    h->h->command_timeout_sec, h->now);
	if (err < 0)
		alert_failed(h, err_text(err));
}

void health_do_go_on(struct health *h)
{
	char words[VALUE_MAX];

	if (run_go_on(&h->run, h->now)) {
		enum step step = h->steps.running;

		run_words(&h->run, words, sizeof words);
		ended(h, is_about_address(step) ? address_is(h, step) : run_succeeded(&h->run),
		      words);
	}
	if (run_go_on(&h->alert.run, h->now)) {
		run_words(&h->alert.run, words, sizeof words);
		if (run_succeeded(&h->alert.run))
			record(LOG_LEVEL_INFO, "alert", "alert: %s", words);
		else
			alert_failed(h, words);
	}
	alert_start(h);
}
