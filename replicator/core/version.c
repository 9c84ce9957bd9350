/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Versions: their references, their order, and their bytes, which are the same
 * on the wire and in the store:
 *
 *   version = u8 VERSION_FORMAT, dot, context vector, stamp u64, flags u8 (1: import, 2: combined,
 *             4: setters follow, 8: refused, 16: a draft, 32: forced,
 *             64: set aside), changed u8, attrs, replaced hash, target str, xattrs bytes,
 *             group u64, who, user str, setters
 *   setters = u8 (a bit for each field that another version set), a dot for each of these
 *   attrs   = kind u8, mode u32, uid u32, gid u32, owner str, group str, mtime i64, size u64, hash
 *   hash    = 16 bytes
 */
#include "replicator/core/version.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define FLAG_IMPORT 1
#define FLAG_COMBINED 2
#define FLAG_SETTERS 4
#define FLAG_REFUSED 8
#define FLAG_DRAFT 16
#define FLAG_FORCED 32
#define FLAG_ASIDE 64
#define FLAGS_ALL                                                                                  \
	(FLAG_IMPORT | FLAG_COMBINED | FLAG_SETTERS | FLAG_REFUSED | FLAG_DRAFT | FLAG_FORCED |    \
	 FLAG_ASIDE)
#define CHANGED_ALL                                                                                \
	(CHANGED_KIND | CHANGED_CONTENT | CHANGED_MODE | CHANGED_OWNER | CHANGED_MTIME |           \
	 CHANGED_XATTRS)
#define TARGET_MAX 4095

bool hash_none(struct hash h)
{
	static const struct hash none;

	return hash_same(h, none);
}

void hash_text(char dst[HASH_TEXT], struct hash h)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(h.b); i++) {
		dst[2 * i] = digits[h.b[i] >> 4];
		dst[2 * i + 1] = digits[h.b[i] & 15];
	}
	dst[2 * sizeof(h.b)] = '\0';
}

void buf_hash(struct buf *b, struct hash h)
{
	buf_raw(b, h.b, sizeof(h.b));
}

struct hash rd_hash(struct rd *r)
{
	struct hash h = {0};
	const uint8_t *p = rd_raw(r, sizeof(h.b));

	if (p)
		memcpy(h.b, p, sizeof(h.b));
	return h;
}

struct version *version_new(void)
{
	struct version *v = calloc(1, sizeof(*v));

	if (v)
		v->user = strdup("");
	if (!v || !v->user) {
		log_error("out of memory");
		abort();
	}
	v->refs = 1;
	return v;
}

struct version *version_get(struct version *v)
{
	v->refs++;
	return v;
}

void version_put(struct version *v)
{
	if (!v || --v->refs > 0)
		return;
	vv_fini(&v->context);
	free(v->target);
	free(v->xattrs);
	free(v->user);
	free(v);
}

static void *duplicate(const void *p, size_t len)
{
	void *copy = p ? malloc(len ? len : 1) : NULL;

	if (p && !copy) {
		log_error("out of memory");
		abort();
	}
	if (p)
		memcpy(copy, p, len);
	return copy;
}

struct version *version_copy(const struct version *v)
{
	struct version *copy = version_new();

	free(copy->user);
	*copy = *v;
	copy->refs = 1;
	copy->context = (struct vv){0};
	vv_copy(&copy->context, &v->context);
	copy->target = duplicate(v->target, v->target ? strlen(v->target) + 1 : 0);
	copy->xattrs = duplicate(v->xattrs, v->xattrs_len);
	copy->user = duplicate(v->user, strlen(v->user) + 1);
	return copy;
}

/* Same name; or, where one has none, same number. */
static bool same_owner(const char *name_a, uint32_t id_a, const char *name_b, uint32_t id_b)
{
	if (name_a[0] && name_b[0])
		return strcmp(name_a, name_b) == 0;
	return id_a == id_b;
}

uint8_t attrs_compare(const struct attrs *a, const struct attrs *b)
{
	uint8_t changed = 0;

	if (a->kind == KIND_ABSENT && b->kind == KIND_ABSENT)
		return 0;
	if (a->kind == KIND_ABSENT || b->kind == KIND_ABSENT)
		return CHANGED_KIND | CHANGED_CONTENT | CHANGED_MODE | CHANGED_OWNER |
		       CHANGED_MTIME;
	if (a->kind != b->kind)
		changed |= CHANGED_KIND | CHANGED_CONTENT;
	else if (!hash_same(a->hash, b->hash) || (a->kind == KIND_FILE && a->size != b->size))
		changed |= CHANGED_CONTENT;
	if (a->mode != b->mode && (a->kind != KIND_LINK || b->kind != KIND_LINK))
		changed |= CHANGED_MODE;
	if (!same_owner(a->owner, a->uid, b->owner, b->uid) ||
	    !same_owner(a->group, a->gid, b->group, b->gid))
		changed |= CHANGED_OWNER;
	if (a->mtime_nsec != b->mtime_nsec && a->kind != KIND_DIR && b->kind != KIND_DIR)
		changed |= CHANGED_MTIME;
	return changed;
}

uint8_t field_changed(enum field f)
{
	static const uint8_t bits[FIELDS] = {CHANGED_CONTENT, CHANGED_MODE, CHANGED_OWNER};

	return bits[f];
}

void version_set_by(struct version *v, const struct version *before, uint8_t changed)
{
	for (int f = 0; f < FIELDS; f++) {
		bool known = before && before->setter[f].origin;
		bool set = changed & (CHANGED_KIND | field_changed((enum field)f));

		v->setter[f] = known && !set ? before->setter[f] : v->dot;
	}
}

int version_rank(const struct version *a, const struct version *b)
{
	if (version_live(a) != version_live(b))
		return version_live(a) ? -1 : 1;
	if (a->import != b->import)
		return a->import ? 1 : -1;
	if (a->stamp != b->stamp)
		return a->stamp > b->stamp ? -1 : 1;
	return dot_compare(b->dot, a->dot);
}

void buf_attrs(struct buf *b, const struct attrs *a)
{
	buf_u8(b, (uint8_t)a->kind);
	buf_u32(b, a->mode);
	buf_u32(b, a->uid);
	buf_u32(b, a->gid);
	buf_str(b, a->owner);
	buf_str(b, a->group);
	buf_i64(b, a->mtime_nsec);
	buf_u64(b, a->size);
	buf_hash(b, a->hash);
}

static void buf_setters(struct buf *b, const struct version *v)
{
	uint8_t others = 0;

	for (int f = 0; f < FIELDS; f++)
		if (!dot_same(v->setter[f], v->dot))
			others |= (uint8_t)(1 << f);
	buf_u8(b, others);
	for (int f = 0; f < FIELDS; f++)
		if (others >> f & 1)
			buf_dot(b, v->setter[f]);
}

void buf_version(struct buf *b, const struct version *v)
{
	bool setters = v->setter[0].origin;

	buf_u8(b, VERSION_FORMAT);
	buf_dot(b, v->dot);
	buf_vv(b, &v->context);
	buf_u64(b, v->stamp);
	buf_u8(b, (uint8_t)((v->import ? FLAG_IMPORT : 0) | (v->combined ? FLAG_COMBINED : 0) |
			    (setters ? FLAG_SETTERS : 0) | (v->refused ? FLAG_REFUSED : 0) |
			    (v->draft ? FLAG_DRAFT : 0) | (v->forced ? FLAG_FORCED : 0) |
			    (v->aside ? FLAG_ASIDE : 0)));
	buf_u8(b, v->changed);
	buf_attrs(b, &v->attrs);
	buf_hash(b, v->replaced);
	buf_str(b, v->target);
	buf_bytes(b, v->xattrs, v->xattrs_len);
	buf_u64(b, v->group);
	buf_who(b, &v->who);
	buf_str(b, v->user);
	if (setters)
		buf_setters(b, v);
}

void rd_attrs(struct rd *r, struct attrs *a)
{
	uint8_t kind = rd_u8(r);

	if (kind > KIND_OTHER)
		rd_fail(r);
	else
		a->kind = (enum kind)kind;
	a->mode = rd_u32(r);
	a->uid = rd_u32(r);
	a->gid = rd_u32(r);
	rd_strbuf(r, a->owner, sizeof(a->owner));
	rd_strbuf(r, a->group, sizeof(a->group));
	a->mtime_nsec = rd_i64(r);
	a->size = rd_u64(r);
	a->hash = rd_hash(r);
}

static void rd_setters(struct rd *r, struct version *v)
{
	uint8_t others = rd_u8(r);

	if (others >> FIELDS)
		rd_fail(r);
	for (int f = 0; f < FIELDS; f++) {
		bool other = others >> f & 1;

		v->setter[f] = other ? rd_dot(r) : v->dot;
		if (other && dot_same(v->setter[f], v->dot))
			rd_fail(r); /* one meaning, one encoding */
		if (!vv_covers(&v->context, v->setter[f]))
			rd_fail(r); /* it cannot have what it has not seen */
	}
}

static void rd_xattrs(struct rd *r, struct version *v)
{
	size_t len;
	const uint8_t *p = rd_bytes(r, &len, XATTRS_MAX);

	if (!p || len == 0)
		return;
	v->xattrs = malloc(len);
	if (!v->xattrs) {
		rd_fail(r);
		return;
	}
	memcpy(v->xattrs, p, len);
	v->xattrs_len = (uint32_t)len;
}

/* What every node may rely on, whoever made the version. */
static bool sound(const struct version *v)
{
	const struct attrs *a = &v->attrs;
	bool hashed = a->kind == KIND_FILE || a->kind == KIND_LINK;

	if (vv_get(&v->context, v->dot.origin) != v->dot.seq)
		return false;
	if (v->aside && !v->draft)
		return false;
	if (v->stamp > VERSION_STAMP_MAX || (v->changed & ~CHANGED_ALL))
		return false;
	if (a->kind == KIND_OTHER || a->mode > 07777 || a->size > VERSION_SIZE_MAX)
		return false;
	if (a->mtime_nsec > VERSION_MTIME_MAX || a->mtime_nsec < -VERSION_MTIME_MAX)
		return false;
	if (hash_none(a->hash) == hashed)
		return false;
	return (a->kind == KIND_LINK) == (v->target != NULL);
}

struct version *rd_version(struct rd *r)
{
	struct version *v = version_new();

	if (rd_u8(r) != VERSION_FORMAT)
		rd_fail(r);
	v->dot = rd_dot(r);
	rd_vv(r, &v->context);
	v->stamp = rd_u64(r);
	uint8_t flags = rd_u8(r);
	if (flags & ~FLAGS_ALL)
		rd_fail(r);
	v->import = flags & FLAG_IMPORT;
	v->combined = flags & FLAG_COMBINED;
	v->refused = flags & FLAG_REFUSED;
	v->draft = flags & FLAG_DRAFT;
	v->forced = flags & FLAG_FORCED;
	v->aside = flags & FLAG_ASIDE;
	v->changed = rd_u8(r);
	rd_attrs(r, &v->attrs);
	v->replaced = rd_hash(r);
	v->target = rd_str(r, TARGET_MAX);
	if (v->target && !v->target[0]) {
		free(v->target);
		v->target = NULL;
	}
	rd_xattrs(r, v);
	v->group = rd_u64(r);
	rd_who(r, &v->who);
	char *user = rd_str(r, VERSION_USER_MAX);
	if (user) {
		free(v->user);
		v->user = user;
	}
	if (flags & FLAG_SETTERS)
		rd_setters(r, v);
	if (!r->err && sound(v))
		return v;
	rd_fail(r);
	version_put(v);
	return NULL;
}
