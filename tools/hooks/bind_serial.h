/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The serial of a zone: in its text, as a name server answers it, and as rndc says it.
 */
#ifndef HOOKS_BIND_SERIAL_H
#define HOOKS_BIND_SERIAL_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/named_conf.h"

/* The serial of the first SOA record in a zone's text (RFC 1035, 5.1); what comes after it is not looked
 * at. 0, ERR_FORMAT where there is none. */
int serial_of_text(const char *text, size_t len, uint32_t *serial);

/* Asks the name server at address and port for a zone's SOA, over UDP, for at most timeout_msec; signed by
 * `key` unless that is NULL, and believed then only when it is signed likewise. 0; else an error, with words
 * (why it is no answer) where those are known. */
int serial_of_server(const char *address, unsigned port, const char *zone,
		     const struct named_key *key, int timeout_msec, uint32_t *serial, char *words,
		     size_t size);

/* Of `rndc zonestatus`'s output: the line "serial: N". 0, ERR_FORMAT. */
int serial_of_status(const struct buf *status, uint32_t *serial);
/* Likewise "last loaded: DATE" (as in "Sat, 21 Nov 2026 16:20:05 GMT"), in seconds since 1970. */
int loaded_of_status(const struct buf *status, int64_t *loaded_sec);

#endif
