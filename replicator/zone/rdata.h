/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A record's data: from the tokens of a zone's text into the one presentation form that all ways to
 * write it have in common. ldns reads and prints it; what ldns lets pass or is too small for is done
 * here: the range of numbers, and strings.
 */
#ifndef ZONE_RDATA_H
#define ZONE_RDATA_H

#include <stddef.h>
#include <stdint.h>

#include "replicator/zone/dname.h"
#include "replicator/zone/master.h"

/* Numbers of IANA's that more than one module names. */
enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_DNAME = 39,
	TYPE_RRSIG = 46,
	TYPE_NSEC = 47,
	TYPE_NSEC3 = 50,
	TYPE_SPF = 99,
};

struct rdata;

struct rdata *rdata_new(void); /* NULL: no memory */
void rdata_free(struct rdata *d);
/* What relative names are relative to, from now on. 0 or -ENOMEM. */
int rdata_origin(struct rdata *d, const struct dname *origin);
/* A type's number, 0: it is none that a zone can hold. ERR_UNKNOWN is for rdata_read to say. */
uint16_t rdata_type(struct rdata *d, const struct master_token *type);
/* Into *text, which is valid until the next call. 0; ERR_FORMAT, ERR_LIMIT, ERR_UNKNOWN, -ENOMEM and
 * why (static words). */
int rdata_read(struct rdata *d, uint16_t type, uint16_t rclass, const struct master_token *tokens,
	       size_t n, const char **text, const char **why);

#endif
