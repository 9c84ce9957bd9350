/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Asking the name server's own checkers of this host (fs runs them) about its configuration or one zone,
 * with staged contents in place of what is on the disk, or as it is.
 */
#ifndef REPLICATOR_CHECKS_H
#define REPLICATOR_CHECKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/port_check.h"
#include "replicator/zones.h"

enum check_verdict {
	CHECK_GOOD,
	CHECK_BAD,       /* in the checker's words */
	CHECK_COULD_NOT, /* be checked, for the reason in words: nothing is known of the content */
};

struct check_result {
	enum check_verdict verdict;
	const char *words; /* borrowed; at most PORT_OUTPUT_MAX; of a good one warnings; "" */
	uint32_t run_msec;
};

typedef void checks_done(void *arg, const struct check_result *r);

/* `done` once, in a later round; it must stay callable until then. 0, or -EAGAIN: too many requests are
 * under way; -ENOMEM; ERR_LIMIT: more items than fit. */
int checks_start(struct node *n, const struct check *c, checks_done *done, void *arg);

/* The check with this number (portal_begun) is not waited for: its program is killed, so that the answer
 * comes at once. 0: nothing. */
void checks_end(struct node *n, uint32_t check);

/* What is to be asked about a zone that has a path; what else is in *c stays (items, author). */
void checks_of_zone(struct check *c, const struct zones *z, const struct zone_entry *e);

/* The map that the configuration's checker printed into fd, with a 0 after its *len bytes, to be freed.
 * NULL: no file, one of over CHECK_OUTPUT_MAX bytes, or out of memory. */
char *checks_map(int fd, size_t *len);

#endif
