/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * named's control channel, spoken directly over a connection that is kept: a command is answered in half a
 * millisecond, where a process of rndc's costs twenty. What cannot be spoken here (a key that is not found
 * or has another algorithm, an rndc.conf of its own, options that are not known) is left to rndc.
 */
#ifndef HOOKS_BIND_CHANNEL_H
#define HOOKS_BIND_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "tools/hooks/bind_channel_key.h"

#define CHANNEL_NONCE_MAX 32

struct channel {
	bool usable; /* there is a key */
	char address[64];
	unsigned port;
	struct channel_key key;
	int fd; /* -1: not connected */
	char nonce[CHANNEL_NONCE_MAX];
	uint32_t serial;
};

/* From the arguments that rndc would be given (argv[0] is its name, `n` in all). Connects to nothing. */
void channel_init(struct channel *c, char *const *argv, size_t n);
void channel_close(struct channel *c);
/* Gives named a command and appends what it says to `output`. 0: it was carried out; 1: named refuses it,
 * and says why; an error: nobody answered, or not with our key, within timeout_msec: it may have been
 * carried out. Connects where that is needed, anew if named has been restarted. */
int channel_command(struct channel *c, const char *command, int timeout_msec, struct buf *output);

#endif
