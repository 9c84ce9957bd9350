/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Version vectors: origin -> highest sequence number. An origin is a random number from 1 to 2^63-1, a
 * sequence number counts an origin's ops from 1. (Parker et al., "Detection of Mutual Inconsistency in
 * Distributed Systems", 1983; dots after Preguiça et al., "Dotted Version Vectors", 2010.)
 */
#ifndef CORE_VV_H
#define CORE_VV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define VV_MAX 65536 /* origins in one vector */

struct dot {
	uint64_t origin; /* 0: no dot */
	uint64_t seq;
};

struct vv {
	struct dot *p; /* sorted by origin, no seq is 0 */
	uint32_t n;
	uint32_t cap;
};

enum vv_order { VV_EQUAL, VV_LOWER, VV_GREATER, VV_CONCURRENT };

/* All-zero is the empty vector. Out of memory ends the process (as everywhere in the core). */
void vv_fini(struct vv *v);
void vv_clear(struct vv *v);
void vv_copy(struct vv *to, const struct vv *from); /* `to` keeps nothing of what it was */
uint64_t vv_get(const struct vv *v, uint64_t origin);
bool vv_covers(const struct vv *v, struct dot d);
void vv_raise(struct vv *v, struct dot d); /* to at least d.seq */
void vv_lower(struct vv *v, struct dot d); /* to less than d.seq */
void vv_join(struct vv *to, const struct vv *from);
enum vv_order vv_compare(const struct vv *a, const struct vv *b);
bool vv_reaches(const struct vv *a, const struct vv *b); /* a covers all that b does */
uint64_t vv_sum(const struct vv *v);    /* of the sequence numbers: how many ops it knows */
uint64_t vv_digest(const struct vv *v); /* equal for equal vectors */

int dot_compare(struct dot a, struct dot b); /* by origin, then seq */
static inline bool dot_same(struct dot a, struct dot b)
{
	return a.origin == b.origin && a.seq == b.seq;
}

void buf_dot(struct buf *b, struct dot d);
struct dot rd_dot(struct rd *r); /* origin and seq within their ranges, or the reader fails */
void buf_vv(struct buf *b, const struct vv *v);
/* Into an empty vector, which the caller finishes in any case. Unsorted or doubled origins, zeros and
 * more than VV_MAX fail the reader. */
void rd_vv(struct rd *r, struct vv *v);

#endif
