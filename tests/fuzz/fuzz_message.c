/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Messages between nodes, which anyone with a listed key may send: what is taken is encoded again
 * into the very bytes that came (there is one way to say a thing).
 */
#include <string.h>

#include "replicator/wire/message.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message m;
	struct buf b;

	if (message_decode(&m, data, size) != 0)
		return 0;
	fuzz_check(message_name(m.type));
	buf_init(&b, WIRE_MESSAGE_MAX);
	message_encode(&b, &m);
	fuzz_check(b.err == 0);
	fuzz_check(b.len == size && memcmp(b.data, data, size) == 0);
	buf_fini(&b);
	message_fini(&m);
	return 0;
}
