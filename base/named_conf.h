/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a configuration of BIND says of its zones: read from the canonical form that `named-checkconf
 * -px` prints (includes expanded, views nested, every statement ended by ';'). Pure.
 *
 * What a zone does not say itself it has from its view, from `options`, or as named's default is; so
 * all that is here is effective.
 */
#ifndef BASE_NAMED_CONF_H
#define BASE_NAMED_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMED_ZONES_MAX 1000000

enum named_type {
	NAMED_OTHER, /* hint, forward, static-stub, delegation-only: no zone's data of its own */
	NAMED_PRIMARY,
	NAMED_SECONDARY,
	NAMED_MIRROR,
	NAMED_STUB,
	NAMED_HINT,
	NAMED_REDIRECT,
	NAMED_IN_VIEW, /* another view's zone: `in_view` */
	NAMED_TYPES,
};

/* What is done about a doubtful record. */
enum named_mode { NAMED_IGNORE, NAMED_WARN, NAMED_FAIL };

enum named_format { NAMED_TEXT, NAMED_RAW };

/* How named checks the zone when it loads it. */
struct named_checks {
	enum named_format format;
	enum named_mode names;         /* check-names, for the zone's type */
	enum named_mode mx;            /* check-mx */
	enum named_mode mx_cname;      /* check-mx-cname */
	enum named_mode srv_cname;     /* check-srv-cname */
	enum named_mode dup_records;   /* check-dup-records */
	enum named_mode spf;           /* check-spf */
	bool wildcard;                 /* check-wildcard */
	bool integrity;                /* check-integrity */
	bool sibling;                  /* check-sibling */
	uint32_t max_ttl;              /* max-zone-ttl in seconds; 0: unlimited */
	uint32_t max_records;          /* 0: unlimited */
	uint32_t max_records_per_type; /* likewise */
	uint32_t max_types_per_name;   /* likewise */
};

struct named_zone {
	char *name;
	char *zclass;  /* "IN" where none is written */
	char *view;    /* NULL: outside of all views */
	char *file;    /* absolute within named's root, normalised; NULL: it has none */
	char *in_view; /* NULL, but for NAMED_IN_VIEW */
	enum named_type type;
	bool primary;       /* type NAMED_PRIMARY */
	bool dynamic;       /* takes DNS UPDATE: its file is named's own */
	bool policy;        /* dnssec-policy other than none */
	bool inline_signed; /* inline-signing, as this named takes it */
	bool signs_itself;  /* answered serial and the file's differ */
	bool text;          /* masterfile-format text */
	bool catalog;       /* its view takes member zones from it */
	struct named_checks checks;
	bool changed, held, linked; /* for the caller */
};

struct named_key {
	char *name;
	char *algorithm; /* NULL: none is written; likewise: */
	char *secret;    /* in base 64; question marks where the text has been made by -x */
};

/* A view that is known to be reached from this host by a key. */
struct named_reach {
	char *view;
	char *key;
};

struct named_conf {
	struct named_zone *list;
	size_t n;
	struct named_key *keys;
	size_t nkeys;
	struct named_reach *reach;
	size_t nreach;
	unsigned version; /* it was parsed for */
	bool views;
	char *directory;  /* absolute within named's root */
	char address[64]; /* where named listens: the first address written, else 127.0.0.1 */
	unsigned port;
};

/* named's version as a number, of what `named-checkconf -v` prints: 9.18.49 is 91849 (the last two
 * parts end at 99); 0: it is none. */
unsigned named_version(const char *text);

/* Where in text[len] the canonical form begins: before it may stand lines with what the checker has
 * to say of a configuration that it takes all the same. len: nowhere. */
size_t named_conf_begin(const char *text, size_t len);

/* The key with which an answer comes from that view; NULL: none is known. */
const struct named_key *named_conf_key(const struct named_conf *conf, const char *view);

/* Parses text[len], from where it begins. `version`: named's, which some defaults depend on; 0: those of 9.18. 0,
 * ERR_FORMAT, ERR_LIMIT, -ENOMEM; *conf is the caller's to named_conf_fini() in any case. */
int named_conf_parse(struct named_conf *conf, const char *text, size_t len, unsigned version);
void named_conf_fini(struct named_conf *conf);

void named_zone_fini(struct named_zone *z);

/* Of a configuration's word; NAMED_OTHER where it is none of those above. */
enum named_type named_type(const char *word);
/* "primary", "secondary", ... */
const char *named_type_text(enum named_type type);

/* An absolute path without ".", ".." and doubled '/': a new string, NULL if out of memory. `path`
 * is below `directory` unless it is absolute. */
char *named_conf_absolute(const char *directory, const char *path);

#endif
