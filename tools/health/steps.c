/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The order of steps, and when one that failed is tried again.
 */
#include "tools/health/steps.h"

#include <assert.h>
#include <string.h>

#define AGAIN_MSEC 500
#define AGAIN_MAX_MSEC 30000
#define LOOKS 8 /* for a route that was told to go, until it is told once more */

void steps_init(struct steps *s)
{
	*s = (struct steps){.route = PART_UNKNOWN};
}

static enum step towards_withdrawn(const struct steps *s)
{
	if (s->route != PART_OFF)
		return s->withdrawing ? STEP_GONE : STEP_WITHDRAW;
	return s->address == PART_OFF ? STEP_NONE : STEP_TAKE_ADDRESS;
}

static enum step towards_announced(const struct steps *s, bool demoted)
{
	if (s->worse != (demoted ? PART_ON : PART_OFF))
		return demoted ? STEP_DEMOTE : STEP_PROMOTE;
	if (s->address != PART_ON)
		return STEP_PUT_ADDRESS;
	if (s->route == PART_ON)
		return STEP_NONE;
	return s->answered ? STEP_ANNOUNCE : STEP_ANSWER;
}

static enum step wanted(const struct steps *s, bool announced, bool demoted)
{
	return announced ? towards_announced(s, demoted) : towards_withdrawn(s);
}

bool steps_done(const struct steps *s, bool announced, bool demoted)
{
	return s->running == STEP_NONE && wanted(s, announced, demoted) == STEP_NONE;
}

enum step steps_begin(struct steps *s, bool announced, bool demoted, int64_t now)
{
	assert(s->running == STEP_NONE);
	if (!announced)
		s->answered = false;
	else
		s->withdrawing = false;
	enum step step = wanted(s, announced, demoted);
	if (step != s->failed)
		s->failures = 0;
	else if (now < s->again_msec)
		return STEP_NONE;
	if (step == STEP_NONE)
		return STEP_NONE;
	s->running = step;
	switch (step) {
	case STEP_WITHDRAW:
	case STEP_ANNOUNCE:
		s->route = PART_UNKNOWN;
		break;
	case STEP_TAKE_ADDRESS:
	case STEP_PUT_ADDRESS:
		s->address = PART_UNKNOWN;
		break;
	case STEP_DEMOTE:
	case STEP_PROMOTE:
		s->worse = PART_UNKNOWN;
		break;
	default:
		break;
	}
	return step;
}

static void succeeded_step(struct steps *s, enum step step)
{
	switch (step) {
	case STEP_WITHDRAW:
		s->withdrawing = true;
		break;
	case STEP_GONE:
		s->route = PART_OFF;
		s->withdrawing = false;
		break;
	case STEP_TAKE_ADDRESS:
		s->address = PART_OFF;
		break;
	case STEP_PUT_ADDRESS:
		s->address = PART_ON;
		break;
	case STEP_DEMOTE:
		s->worse = PART_ON;
		break;
	case STEP_PROMOTE:
		s->worse = PART_OFF;
		break;
	case STEP_ANSWER:
		s->answered = true;
		break;
	case STEP_ANNOUNCE:
		s->route = PART_ON;
		break;
	default:
		break;
	}
}

static int64_t pause_after(const struct steps *s, enum step step)
{
	int64_t wait = AGAIN_MSEC;

	if (step == STEP_GONE)
		return wait;
	for (int i = 0; i < s->failures && wait < AGAIN_MAX_MSEC; i++)
		wait *= 2;
	return wait < AGAIN_MAX_MSEC ? wait : AGAIN_MAX_MSEC;
}

void steps_end(struct steps *s, bool succeeded, int64_t now)
{
	enum step step = s->running;

	assert(step != STEP_NONE);
	s->running = STEP_NONE;
	s->failed = succeeded ? STEP_NONE : step;
	if (step == STEP_WITHDRAW)
		s->looks = 0;
	if (succeeded) {
		succeeded_step(s, step);
		return;
	}
	s->again_msec = now + pause_after(s, step);
	s->failures++;
	/* A routing daemon that can't be told may be dead, and the route gone with it. */
	if (step == STEP_WITHDRAW)
		s->withdrawing = s->failures % 2 == 1;
	else if (step == STEP_GONE && ++s->looks % LOOKS == 0)
		s->withdrawing = false;
	else if (step == STEP_ANNOUNCE)
		s->answered = false;
}

const char *step_text(enum step step)
{
	static const char *const text[STEPS] = {
	    [STEP_NONE] = "none",
	    [STEP_WITHDRAW] = "withdraw",
	    [STEP_GONE] = "withdrawn",
	    [STEP_TAKE_ADDRESS] = "remove-address",
	    [STEP_DEMOTE] = "demote",
	    [STEP_PROMOTE] = "promote",
	    [STEP_PUT_ADDRESS] = "add-address",
	    [STEP_ANSWER] = "answer",
	    [STEP_ANNOUNCE] = "announce",
	};

	return text[step];
}
