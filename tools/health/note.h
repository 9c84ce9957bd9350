/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a zonefs-health says to all its peers every second or so: what it is, whether it asks to leave,
 * and whose requests it grants. The replicators carry it (replicator/notes.h).
 *
 *   note  = u8 NOTE_VERSION, life u64, serial u64, flags u8 (1 announces, 2 asks), state u8,
 *           reason u8, since u32 (seconds ago), words str, n u8, n * (life u64, serial u64)
 *
 * Nothing in it is a time of day: clocks differ. Whoever finds its own life among the lives at the
 * end has its request of that serial granted.
 */
#ifndef HEALTH_NOTE_H
#define HEALTH_NOTE_H

#include "base/buf.h"
#include "tools/health/grant.h"
#include "tools/health/rule.h"

#define NOTE_VERSION 1
#define NOTE_MAX (8 * 1024)

enum note_state { NOTE_CHANGING, NOTE_ANNOUNCED, NOTE_DEMOTED, NOTE_WITHDRAWN, NOTE_STATES };

struct note {
	uint64_t life, serial;
	bool announces, asks;
	enum note_state state;
	enum rule_reason reason;
	uint32_t since_sec;     /* so long it has been that */
	char words[RULE_WORDS]; /* printable ASCII */
	unsigned n;
	struct {
		uint64_t life, serial;
	} granted[GRANT_PEERS_MAX];
};

/* Into an empty buffer of NOTE_MAX. What cannot be printed in `words` becomes '?'. */
void note_encode(struct buf *b, const struct note *note);
/* 0, ERR_FORMAT, or ERR_PROTOCOL: of another version. *note is set on success only. */
int note_decode(struct note *note, const void *p, size_t len);
/* The part of it that concerns the one with this life. */
struct grant_note note_for(const struct note *note, uint64_t life);

/* "changing", "announced", "demoted", "withdrawn" */
const char *note_state_text(enum note_state state);

#endif
