/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parts of the command "log" share: control_log.c (the command), control_log_drafts.c (saves that
 * the gate looks at).
 */
#ifndef REPLICATOR_CONTROL_LOG_H
#define REPLICATOR_CONTROL_LOG_H

#include "replicator/node_internal.h"
#include "replicator/store/store.h"

enum log_draft {
	LOG_AS_IT_IS,
	LOG_JUDGED, /* the gate has not decided yet */
	LOG_TOLD,   /* it has become a version, which the log has, too */
};

/* Of any version that the log has. *to: what the gate says of it, as long as it is held; a new string,
 * the caller's, or NULL. `to` may be NULL. */
enum log_draft log_draft(struct node *n, const struct past_record *r, char **to);

#endif
