/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Is all well? One sentence for an administrator, out of what the node knows. Pure.
 *
 * "Well" is only what is so on every host now. What is on its way for less than
 * SUMMARY_PATIENCE_MSEC is "unsettled": neither well, nor a reason to get up at night.
 */
#ifndef REPLICATOR_CONTROL_SUMMARY_H
#define REPLICATOR_CONTROL_SUMMARY_H

#include "replicator/node_internal.h"

#define SUMMARY_PATIENCE_MSEC 10000
#define SUMMARY_GONE_MSEC 86400000
#define SUMMARY_CLOCK_MSEC 1000 /* a clock that is further off is worth a word */
#define SUMMARY_WORDS_MAX 2048
#define SUMMARY_REASONS_MAX 8 /* more are only counted */

enum summary_state { SUMMARY_WELL, SUMMARY_UNSETTLED, SUMMARY_TROUBLE };

struct summary {
	enum summary_state state;
	char words[SUMMARY_WORDS_MAX];
};

struct summary_facts {
	const struct node_status *node;
	const char *const *peer_names; /* all of them, by index: for node->waits_for */
	const struct peer_status *peers;
	uint32_t npeers;
	const struct hook_status *hooks;
	uint32_t nhooks;
	const struct core_node *known;
	uint32_t nknown;
	const struct fs_info *fs;
	int64_t wall_msec;
};

void summary_make(struct summary *s, const struct summary_facts *f);
const char *summary_state_text(enum summary_state state);

/* "s", but of one thing. */
const char *control_plural(uint64_t n);

#endif
