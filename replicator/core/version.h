/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A version: what one save made of one path. Never changes once made; shared by reference count
 * within one thread.
 */
#ifndef CORE_VERSION_H
#define CORE_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/item.h"
#include "replicator/core/vv.h"

#define OWNER_MAX 64 /* a longer user or group name goes by number only */
#define XATTRS_MAX (16 * 1024)
/* Beyond these no version is taken, and whoever makes one must stay within. */
#define VERSION_STAMP_MAX (UINT64_C(1) << 63) /* the year 6429 */
#define VERSION_SIZE_MAX (UINT64_C(1) << 62)
#define VERSION_MTIME_MAX INT64_C(9200000000000000000) /* ns before or after 1970: 2261 */
#define VERSION_USER_MAX 255

struct hash {
	uint8_t b[16]; /* XXH3-128, canonical (big-endian) form */
};

static inline bool hash_same(struct hash a, struct hash b)
{
	return __builtin_memcmp(a.b, b.b, sizeof(a.b)) == 0;
}
bool hash_none(struct hash h); /* all zero */
/* 32 hexadecimal digits and a NUL. */
#define HASH_TEXT 33
void hash_text(char dst[HASH_TEXT], struct hash h);
void buf_hash(struct buf *b, struct hash h);
struct hash rd_hash(struct rd *r);

/* What people see of an item, whoever it belongs to. */
struct attrs {
	enum kind kind;
	uint32_t mode; /* 07777 */
	uint32_t uid;  /* used where the name is "" or unknown on this host */
	uint32_t gid;
	char owner[OWNER_MAX];
	char group[OWNER_MAX];
	int64_t mtime_nsec; /* of directories: not compared, not installed */
	uint64_t size;
	struct hash hash; /* files: of the content; links: of the target; else zero */
};

/* Mode bits that are the same on all nodes: set-id bits from peers may be dropped. */
#define SHARED_MODE_BITS 01777

enum {
	CHANGED_KIND = 1,
	CHANGED_CONTENT = 2, /* or a link's target */
	CHANGED_MODE = 4,
	CHANGED_OWNER = 8,
	CHANGED_MTIME = 16,
	CHANGED_XATTRS = 32,
};

/* What can be changed while the rest stays as it is. */
enum field { FIELD_CONTENT, FIELD_MODE, FIELD_OWNER, FIELDS };
uint8_t field_changed(enum field f); /* its CHANGED_* */

struct version {
	uint32_t refs;
	struct dot dot;
	struct vv context; /* what its author had been shown of this key, its own dot included */
	uint64_t stamp;    /* hybrid: milliseconds since 1970 << 16, or one more than what it saw */
	bool import;     /* made when a tree was taken in, not by a save: ranks below all others */
	bool refused;    /* not taken by who tells it, since it lies outside what is accepted from its
			  * author (refused.c) */
	bool draft;      /* of a node's own history: it was held, and nobody was told of it */
	bool aside;      /* a draft that is held, and not on its node's disk now (aside.c) */
	bool combined;   /* made of two that had changed different fields (combine.c) */
	bool forced;     /* its content was let go though the gate held it, by an administrator */
	uint8_t changed; /* CHANGED_*, against what it replaced */
	struct dot setter[FIELDS]; /* the versions that its fields come from; origin 0: not known */
	struct attrs attrs;
	struct hash replaced; /* content that it replaced; zero: none */
	char *target;         /* a link's; else NULL */
	uint8_t *xattrs;      /* room for later; NULL */
	uint32_t xattrs_len;
	uint64_t group; /* ops of one larger change share it; 0: none */
	struct who who;
	char *user; /* login name of `who`, "" if not known */
};

struct version *version_new(void); /* one reference, all zero, user "" */
struct version *version_get(struct version *v);
void version_put(struct version *v); /* NULL is fine */
struct version *version_copy(const struct version *v); /* one reference, nothing shared */

/* `setter`, once `dot` is there: of what it did not change (`changed`: CHANGED_*, against that) as
 * `before` has it. NULL: not known, then it counts as changed, so that no more than a conflict comes of
 * it. */
void version_set_by(struct version *v, const struct version *before, uint8_t changed);

/* Which CHANGED_* bits differ. uid and gid count only where a name is missing on either side. */
uint8_t attrs_compare(const struct attrs *a, const struct attrs *b);

/* Their bytes, as part of a version and of what the store keeps; any kind. */
void buf_attrs(struct buf *b, const struct attrs *a);
void rd_attrs(struct rd *r, struct attrs *a); /* into all-zero attributes */

/* Highest first: not an import, then stamp, origin, seq. Live before deleted. */
int version_rank(const struct version *a, const struct version *b);
static inline bool version_live(const struct version *v)
{
	return v->attrs.kind != KIND_ABSENT;
}

/* The bytes of a version, the same on the wire and in the store. Carries its own format number. */
#define VERSION_FORMAT 1
void buf_version(struct buf *b, const struct version *v);
/* NULL where the bytes are no version (the reader has failed then). Everything is bounded and
 * checked. */
struct version *rd_version(struct rd *r);

#endif
