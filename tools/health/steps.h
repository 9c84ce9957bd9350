/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From what is to what is wanted, one step at a time. Pure.
 *
 *   withdraw: the route is withdrawn, seen to be gone, and only then the address is removed
 *   announce: the metric is set, the address put, an answer seen on it, and only then the route
 *
 * What a step changes is unknown from before it begins until it has succeeded: whoever starts anew in
 * between does it again.
 */
#ifndef HEALTH_STEPS_H
#define HEALTH_STEPS_H

#include <stdbool.h>
#include <stdint.h>

enum step {
	STEP_NONE,
	STEP_WITHDRAW,
	STEP_GONE, /* is the route gone? */
	STEP_TAKE_ADDRESS,
	STEP_DEMOTE,
	STEP_PROMOTE,
	STEP_PUT_ADDRESS,
	STEP_ANSWER, /* does the name server answer on the address? */
	STEP_ANNOUNCE,
	STEPS
};

enum part { PART_UNKNOWN, PART_OFF, PART_ON };

struct steps {
	enum part route;
	enum part address;
	enum part worse;  /* the metric */
	bool withdrawing; /* the route was told to go */
	bool answered;    /* on the address */
	enum step running;
	int looks;          /* for the route, since it was told to go */
	enum step failed;   /* the last one that did, STEP_NONE: the last one did not */
	int failures;       /* of it, in a row */
	int64_t again_msec; /* it is not tried again before */
};

/* All unknown. */
void steps_init(struct steps *s);
/* What to do next, STEP_NONE: nothing, or nothing before again_msec. Begins it: what it
 * changes is unknown from now on. */
enum step steps_begin(struct steps *s, bool announced, bool demoted, int64_t now);
void steps_end(struct steps *s, bool succeeded, int64_t now);
/* Announced and demoted as wanted. */
bool steps_done(const struct steps *s, bool announced, bool demoted);
const char *step_text(enum step step);

#endif
