/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bytes and back.
 */
#include "tools/health/note.h"

#include <string.h>

#include "base/err.h"

enum { ANNOUNCES = 1, ASKS = 2 };
#define FLAGS 3

static bool is_plain(char c)
{
	return c >= ' ' && c <= '~';
}

void note_encode(struct buf *b, const struct note *note)
{
	char words[RULE_WORDS];
	size_t i = 0;

	for (; i < sizeof words - 1 && note->words[i]; i++)
		words[i] = is_plain(note->words[i]) ? note->words[i] : '?';
	words[i] = '\0';
	buf_u8(b, NOTE_VERSION);
	buf_u64(b, note->life);
	buf_u64(b, note->serial);
	buf_u8(b, (uint8_t)((note->announces ? ANNOUNCES : 0) | (note->asks ? ASKS : 0)));
	buf_u8(b, (uint8_t)note->state);
	buf_u8(b, (uint8_t)note->reason);
	buf_u32(b, note->since_sec);
	buf_str(b, words);
	buf_u8(b, (uint8_t)note->n);
	for (unsigned k = 0; k < note->n; k++) {
		buf_u64(b, note->granted[k].life);
		buf_u64(b, note->granted[k].serial);
	}
}

static void take_body(struct rd *r, struct note *note)
{
	note->life = rd_u64(r);
	note->serial = rd_u64(r);
	uint8_t flags = rd_u8(r), state = rd_u8(r), reason = rd_u8(r);
	note->since_sec = rd_u32(r);
	rd_strbuf(r, note->words, sizeof note->words);
	uint8_t n = rd_u8(r);
	if (note->life == 0 || (flags & ~FLAGS) || state >= NOTE_STATES ||
	    reason > REASON_DRAINED || n > GRANT_PEERS_MAX)
		rd_fail(r);
	for (const char *c = note->words; *c; c++)
		if (!is_plain(*c))
			rd_fail(r);
	note->announces = flags & ANNOUNCES;
	note->asks = flags & ASKS;
	note->state = (enum note_state)state;
	note->reason = (enum rule_reason)reason;
	for (; note->n < n && !r->err; note->n++) {
		note->granted[note->n].life = rd_u64(r);
		note->granted[note->n].serial = rd_u64(r);
	}
}

int note_decode(struct note *note, const void *p, size_t len)
{
	struct note read = {0};
	struct rd r;

	if (len > NOTE_MAX)
		return ERR_FORMAT;
	rd_init(&r, p, len);
	uint8_t version = rd_u8(&r);
	if (!r.err && version != NOTE_VERSION)
		return ERR_PROTOCOL;
	take_body(&r, &read);
	int err = rd_end(&r);
	if (err == 0)
		*note = read;
	return err;
}

struct grant_note note_for(const struct note *note, uint64_t life)
{
	struct grant_note g = {
	    .life = note->life,
	    .serial = note->serial,
	    .announces = note->announces,
	    .asks = note->asks,
	};

	for (unsigned i = 0; i < note->n; i++) {
		if (note->granted[i].life != life)
			continue;
		g.granted_life = life;
		g.granted_serial = note->granted[i].serial;
	}
	return g;
}

const char *note_state_text(enum note_state state)
{
	static const char *const text[] = {
	    [NOTE_CHANGING] = "changing",
	    [NOTE_ANNOUNCED] = "announced",
	    [NOTE_DEMOTED] = "demoted",
	    [NOTE_WITHDRAWN] = "withdrawn",
	};

	return text[state];
}
