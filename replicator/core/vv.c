/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Version vectors as sorted arrays: found by bisection, joined and compared by
 * walking two of them side by side. Most hold a handful of origins, so an array
 * beats every cleverer shape.
 *
 *   dot     = origin u64, seq u64
 *   vector  = n u32, n * dot, in the order of origins
 */
#include "replicator/core/vv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define DOT_BYTES 16

static void reserve(struct vv *v, uint32_t n)
{
	if (n <= v->cap)
		return;
	uint32_t cap = v->cap ? v->cap : 4;

	while (cap < n)
		cap *= 2;
	struct dot *p = realloc(v->p, cap * sizeof(*p));
	if (!p) {
		log_error("out of memory");
		abort();
	}
	v->p = p;
	v->cap = cap;
}

/* Where `origin` is, or belongs. */
static uint32_t position(const struct vv *v, uint64_t origin)
{
	uint32_t low = 0, high = v->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (v->p[middle].origin < origin)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void vv_fini(struct vv *v)
{
	free(v->p);
	*v = (struct vv){0};
}

void vv_clear(struct vv *v)
{
	v->n = 0;
}

void vv_copy(struct vv *to, const struct vv *from)
{
	if (to == from)
		return;
	reserve(to, from->n);
	if (from->n)
		memcpy(to->p, from->p, from->n * sizeof(*to->p));
	to->n = from->n;
}

uint64_t vv_get(const struct vv *v, uint64_t origin)
{
	uint32_t at = position(v, origin);

	return at < v->n && v->p[at].origin == origin ? v->p[at].seq : 0;
}

bool vv_covers(const struct vv *v, struct dot d)
{
	return vv_get(v, d.origin) >= d.seq;
}

void vv_raise(struct vv *v, struct dot d)
{
	uint32_t at = position(v, d.origin);

	assert(d.origin && d.seq);
	if (at < v->n && v->p[at].origin == d.origin) {
		if (v->p[at].seq < d.seq)
			v->p[at].seq = d.seq;
		return;
	}
	reserve(v, v->n + 1);
	memmove(v->p + at + 1, v->p + at, (v->n - at) * sizeof(*v->p));
	v->p[at] = d;
	v->n++;
}

void vv_lower(struct vv *v, struct dot d)
{
	uint32_t at = position(v, d.origin);

	assert(d.origin && d.seq);
	if (at == v->n || v->p[at].origin != d.origin || v->p[at].seq < d.seq)
		return;
	v->p[at].seq = d.seq - 1;
	if (d.seq > 1)
		return;
	v->n--;
	memmove(v->p + at, v->p + at + 1, (v->n - at) * sizeof(*v->p));
}

void vv_join(struct vv *to, const struct vv *from)
{
	struct vv sum = {0};
	uint32_t i = 0, j = 0;

	if (vv_reaches(to, from))
		return;
	reserve(&sum, to->n + from->n);
	while (i < to->n || j < from->n) {
		struct dot *d = &sum.p[sum.n++];

		if (j == from->n || (i < to->n && to->p[i].origin < from->p[j].origin)) {
			*d = to->p[i++];
		} else if (i == to->n || from->p[j].origin < to->p[i].origin) {
			*d = from->p[j++];
		} else {
			*d = to->p[i].seq > from->p[j].seq ? to->p[i] : from->p[j];
			i++;
			j++;
		}
	}
	vv_fini(to);
	*to = sum;
}

enum vv_order vv_compare(const struct vv *a, const struct vv *b)
{
	bool more = false, less = false; /* a has what b lacks; and the other way round */
	uint32_t i = 0, j = 0;

	while (i < a->n || j < b->n) {
		if (j == b->n || (i < a->n && a->p[i].origin < b->p[j].origin)) {
			more = true;
			i++;
		} else if (i == a->n || b->p[j].origin < a->p[i].origin) {
			less = true;
			j++;
		} else {
			more |= a->p[i].seq > b->p[j].seq;
			less |= a->p[i].seq < b->p[j].seq;
			i++;
			j++;
		}
	}
	if (more)
		return less ? VV_CONCURRENT : VV_GREATER;
	return less ? VV_LOWER : VV_EQUAL;
}

bool vv_reaches(const struct vv *a, const struct vv *b)
{
	enum vv_order order = vv_compare(a, b);

	return order == VV_EQUAL || order == VV_GREATER;
}

uint64_t vv_sum(const struct vv *v)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < v->n; i++)
		sum += v->p[i].seq;
	return sum;
}

/* The finalizer of SplitMix64 (Steele, Lea, Flood, "Fast splittable
 * pseudorandom number generators", 2014): every bit of x reaches every bit of
 * the result. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

uint64_t vv_digest(const struct vv *v)
{
	uint64_t digest = 0;

	for (uint32_t i = 0; i < v->n; i++)
		digest += mix(mix(v->p[i].origin) + v->p[i].seq);
	return digest;
}

int dot_compare(struct dot a, struct dot b)
{
	if (a.origin != b.origin)
		return a.origin < b.origin ? -1 : 1;
	if (a.seq != b.seq)
		return a.seq < b.seq ? -1 : 1;
	return 0;
}

void buf_dot(struct buf *b, struct dot d)
{
	buf_u64(b, d.origin);
	buf_u64(b, d.seq);
}

struct dot rd_dot(struct rd *r)
{
	struct dot d = {.origin = rd_u64(r), .seq = 0};

	d.seq = rd_u64(r);
	if (d.origin < 1 || d.origin > INT64_MAX || d.seq < 1 || d.seq > INT64_MAX) {
		rd_fail(r);
		d = (struct dot){0};
	}
	return d;
}

void buf_vv(struct buf *b, const struct vv *v)
{
	buf_u32(b, v->n);
	for (uint32_t i = 0; i < v->n; i++)
		buf_dot(b, v->p[i]);
}

void rd_vv(struct rd *r, struct vv *v)
{
	uint32_t n = rd_u32(r);

	assert(v->n == 0);
	if (n > VV_MAX || n > rd_left(r) / DOT_BYTES)
		rd_fail(r);
	if (r->err)
		return;
	reserve(v, n);
	for (uint32_t i = 0; i < n; i++) {
		struct dot d = rd_dot(r);

		if (i > 0 && d.origin <= v->p[i - 1].origin)
			rd_fail(r);
		if (r->err)
			break;
		v->p[v->n++] = d;
	}
	if (r->err)
		vv_clear(v);
}
