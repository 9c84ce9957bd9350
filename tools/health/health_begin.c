/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The beginning: the state directory, what an earlier run left in it, and the parts of the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "tools/health/internal.h"
#include "tools/health/record.h"

static struct rule_conf rule_conf_of(const struct health *h)
{
	const struct conf_health *c = h->h;
	bool demotes = c->on_data == CONF_ON_DATA_DEMOTE && c->command[CONF_HEALTH_DEMOTE];
	struct rule_conf r = {
	    .nchecks = probes_checks(h->probes),
	    .fall = c->fall,
	    .rise = c->rise,
	    .interval_msec = c->interval_sec * (int64_t)1000,
	    .fast_msec = c->fast_interval_sec * (int64_t)1000,
	    .start_timeout_msec = c->start_timeout_sec * (int64_t)1000,
	    .on_data = c->on_data == CONF_ON_DATA_WITHDRAW ? ON_DATA_WITHDRAW
		       : demotes                           ? ON_DATA_DEMOTE
							   : ON_DATA_NOTHING,
	    .damp_window_msec = 3600000,
	    .damp_first_msec = c->damping_sec * (int64_t)1000,
	    .damp_max_msec = 15 * c->damping_sec * (int64_t)1000,
	};
	int64_t limit = c->lag_limit_sec * (int64_t)1000;

	for (unsigned i = 0; i < r.nchecks; i++)
		r.tcp[i] = probes_tcp(h->probes, i);
	/* These are ages: what is too old is so at once. */
	r.limit_msec[FINDING_LAG] = r.limit_msec[FINDING_ZONE] = r.limit_msec[FINDING_BEHIND] = 0;
	r.limit_msec[FINDING_CUT_OFF] = c->cut_off_limit_sec * (int64_t)1000;
	/* Without the replicator this node is cut off, only that nobody says so. */
	r.limit_msec[FINDING_REPLICATOR] = c->cut_off_limit_sec * (int64_t)1000;
	r.limit_msec[FINDING_STORE] = r.limit_msec[FINDING_HOOK] = limit;
	return r;
}

/* Takes over what an earlier run left. */
static int find_state(struct health *h)
{
	struct state s;
	struct rule_conf conf = rule_conf_of(h);
	int err = state_read(h->dir, &s);

	if (err < 0) {
		log_error("%s/state cannot be read: %s", h->h->state, err_text(err));
		return err;
	}
	struct rule_was was = {
	    .known = s.known || s.drained,
	    .announced = s.known && s.route == PART_ON && s.address == PART_ON,
	    .demoted = s.known && s.worse == PART_ON,
	    .drained = s.drained,
	    .for_data = s.known && s.for_data,
	};
	steps_init(&h->steps);
	h->steps.route = s.route;
	h->steps.address = s.address;
	h->steps.worse = s.worse;
	h->drained = s.drained;
	h->for_data = s.for_data;
	h->rule = rule_new(&conf, &was, h->now);
	if (!h->rule)
		return -ENOMEM;
	h->want = *rule_decide(h->rule, h->now);
	record(LOG_LEVEL_NOTICE, "start", "%s: %s (%s)", h->h->name,
	       !s.known        ? "nothing is known of an earlier run"
	       : was.announced ? "found announced"
			       : "found withdrawn",
	       h->want.words);
	return 0;
}

static int open_state(struct health *h)
{
	struct stat st;

	if (mkdir(h->h->state, 0700) < 0 && errno != EEXIST)
		return -errno;
	h->dir = open(h->h->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (h->dir < 0 || fstat(h->dir, &st) < 0)
		return -errno;
	/* Commands are run on what it says. */
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return -EPERM;
	return 0;
}

/* Every query has a socket of its own. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= 2 * FDS_MAX)
		return;
	limit.rlim_cur = limit.rlim_max < 2 * FDS_MAX ? limit.rlim_max : 2 * FDS_MAX;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int health_begin(struct health *h)
{
	int err = open_state(h);

	raise_limit();
	if (err < 0) {
		log_error("%s: %s (it has to be a directory that only its owner writes to)",
			  h->h->state, err_text(err));
		return err;
	}
	err = orders_open(h);
	if (err < 0) {
		log_error("%s/control: %s", h->h->state,
			  err == -EADDRINUSE ? "another zonefs-health is running" : err_text(err));
		return err;
	}
	h->probes = probes_new(h->conf);
	h->replica = replica_new(h->conf);
	h->mirrors = mirrors_new(h->conf, h->now);
	h->fds = calloc(FDS_MAX, sizeof *h->fds);
	if (!h->probes || !h->replica || !h->mirrors || !h->fds)
		return -ENOMEM;
	return find_state(h);
}
