/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What zonefs-health has done to this host, kept in a file so that a restart finds it: STATE/state,
 * replaced as a whole and synced. It holds for one boot: after that, no address or route that was
 * put by hand is there any more, and nothing is known.
 */
#ifndef HEALTH_STATE_H
#define HEALTH_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/health/steps.h"

struct state {
	bool known; /* of this boot; else all but `drained` is unset */
	bool drained;
	bool for_data; /* withdrawn because of its data */
	enum part route, address, worse;
};

/* dir is a descriptor of the state directory. 0, or -errno for a file that is there and cannot be
 * read; one that is damaged says nothing. */
int state_read(int dir, struct state *s);
int state_write(int dir, const struct state *s);

#endif
