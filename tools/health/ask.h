/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The DNS messages of zonefs-health: a question, and what became of it. (RFC 1035, 6891)
 */
#ifndef HEALTH_ASK_H
#define HEALTH_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "tools/health/rule.h"

#define ASK_MESSAGE_MAX 512 /* of a question */

/* A type's number by its name ("SOA", "TYPE6"); 0: there is none. */
uint16_t ask_type(const char *name);
/* Whether it is a domain name. */
bool ask_name_ok(const char *name);

/* A question for a zone's records of a type, not recursive: its length, or ERR_FORMAT. */
int ask_make(uint8_t message[ASK_MESSAGE_MAX], uint16_t id, const char *zone, uint16_t type);

enum ask_verdict {
	ASK_OTHER, /* no reply to this question: wait on */
	ASK_GOOD,
	ASK_WRONG, /* a reply that is no answer */
};
/* `words` gets what is wrong, for people, or "". A truncated answer over UDP is one. */
enum ask_verdict ask_judge(const uint8_t *message, size_t len, uint16_t id, const char *zone,
			   uint16_t type, enum conf_answer answer, char words[RULE_WORDS]);

#endif
