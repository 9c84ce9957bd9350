/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The key of named's control channel: read from the file that rndc has it from, and what it signs.
 */
#ifndef HOOKS_BIND_CHANNEL_KEY_H
#define HOOKS_BIND_CHANNEL_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_SECRET_MAX 256
#define CHANNEL_MAC_TEXT 88

struct channel_key {
	uint8_t algorithm; /* its number in messages */
	uint8_t secret[CHANNEL_SECRET_MAX];
	size_t secret_len;
};

/* From a file that has one statement "key" and nothing else, as rndc-confgen(8) writes it; *k is all
 * zero before. False: it cannot be read, or is no such file, or the algorithm is not known here. */
bool channel_key_read(struct channel_key *k, const char *file);
/* The HMAC (RFC 2104) of those bytes, as it stands in a message: base 64, zeros after it. */
void channel_key_mac(const struct channel_key *k, const uint8_t *p, size_t len,
		     char text[CHANNEL_MAC_TEXT + 1]);

#endif
