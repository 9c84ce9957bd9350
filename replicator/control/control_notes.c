/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command "notes": says one to the peers, and tells the newest of each.
 */
#include <stdlib.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/control/control_internal.h"

/* False: the command has been ended in words. */
static bool say(struct client *c, const char *text)
{
	CLEANUP_FREE uint8_t *bytes = malloc(NODE_NOTE_MAX);
	long len = bytes ? base64_decode(bytes, NODE_NOTE_MAX, text) : ERR_FORMAT;

	if (len < 0) {
		control_end(c, 1, "\"say\" is at most %d bytes in base 64", NODE_NOTE_MAX);
		return false;
	}
	node_note_say(c->node, bytes, (size_t)len);
	return true;
}

static json_t *line(const struct note_status *s)
{
	CLEANUP_FREE char *text = s->p ? malloc(BASE64_LEN(s->len) + 1) : NULL;
	json_t *o = json_object();

	control_add_text(o, "type", "note");
	control_add_text(o, "peer", s->peer);
	control_add_bool(o, "reachable", s->reachable);
	if (!text)
		return o;
	base64_encode(text, s->p, s->len);
	control_add_text(o, "note", text);
	control_add_number(o, "age_ms", s->age_msec);
	return o;
}

static void notes_start(struct client *c, const json_t *request)
{
	uint32_t npeers = node_peers(c->node), heard = 0;
	const char *text = NULL;
	struct note_status s;

	if (!control_get_text(request, "say", &text)) {
		control_end(c, 1, "\"say\" is a text");
		return;
	}
	if (text && !say(c, text))
		return;
	for (uint32_t i = 0; i < npeers; i++) {
		node_note(c->node, i, &s);
		heard += s.p != NULL;
		control_line(c, line(&s));
	}
	control_end(c, 0, "%u of %u peers have said something", heard, npeers);
}

const struct control_command control_notes = {.name = "notes", .start = notes_start};
