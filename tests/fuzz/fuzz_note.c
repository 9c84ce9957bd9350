/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the peers' zonefs-health say, which comes from anyone with a listed key: what is taken is
 * encoded again into the very bytes that came, and a grant is found only by its own life.
 */
#include <string.h>

#include "base/err.h"
#include "tests/fuzz/fuzz.h"
#include "tools/health/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct note note;
	struct buf b;
	int err = note_decode(&note, data, size);

	fuzz_check(err == 0 || err == ERR_FORMAT || err == ERR_PROTOCOL);
	if (err < 0)
		return 0;
	fuzz_check(note.life != 0 && note.n <= GRANT_PEERS_MAX);
	fuzz_check(note_state_text(note.state) && rule_reason_text(note.reason));
	buf_init(&b, NOTE_MAX);
	note_encode(&b, &note);
	fuzz_check(b.err == 0);
	fuzz_check(b.len == size && memcmp(b.data, data, size) == 0);
	buf_fini(&b);
	for (unsigned i = 0; i < note.n; i++) {
		struct grant_note g = note_for(&note, note.granted[i].life);

		fuzz_check(g.life == note.life && g.granted_life == note.granted[i].life);
	}
	fuzz_check(note_for(&note, 0).granted_life == 0);
	return 0;
}
