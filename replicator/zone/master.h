/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A zone's text (a "master file": RFC 1035, 5.1) cut into entries of tokens, as BIND's lexer does it:
 * comments, parentheses that join lines, quoted strings, escapes, LF and CRLF. And what a record's
 * first tokens are: owner, TTL (with units, as BIND has them), class, type. Tokens lie in the text,
 * which stays the caller's and must outlive them. Pure.
 */
#ifndef ZONE_MASTER_H
#define ZONE_MASTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MASTER_ENTRY_MAX (512 * 1024) /* bytes of an entry's tokens: 64 KiB with each as \DDD */
#define MASTER_TOKENS_MAX 66000       /* in an entry: 64 KiB of empty strings */
#define MASTER_TTL_MAX 0x7fffffffu    /* RFC 2181, 8: above is 0 */

struct master_token {
	const char *text; /* as it stands there, escapes too; without its quotes */
	size_t len;
	uint32_t line;
	bool quoted;
	bool glued; /* nothing is between it and the one before */
};

struct master {
	/* The entry that master_next found. */
	struct master_token *tokens;
	size_t n;
	uint32_t line; /* where it begins */
	bool named;    /* its first token begins in the first column: an owner or a directive */
	/* What is wrong, when it said so: static words. */
	const char *why;
	uint32_t why_line;
	/* Its own. */
	const char *text, *p, *end;
	uint32_t at_line;
	unsigned parens;
	uint32_t paren_line; /* of the outermost open one */
	size_t cap, bytes;
};

void master_init(struct master *m, const char *text, size_t len);
void master_fini(struct master *m);
/* The next entry: 1, 0 at the end; ERR_FORMAT (unbalanced parentheses or quotes), ERR_LIMIT,
 * -ENOMEM, and m->why: there is no going on after that. */
int master_next(struct master *m);
/* Is it text at all? NUL bytes, UTF-16 and byte order marks are ERR_FORMAT with m->why. */
int master_check(struct master *m);

/* The token is this word, whatever the case, and not in quotes. */
bool master_is(const struct master_token *t, const char *word);
/* "$TTL", "$ORIGIN", ... */
bool master_directive(const struct master *m);
/* "3600", "1h30m", "2W": true and *ttl, in seconds; above MASTER_TTL_MAX it is UINT32_MAX. */
bool master_ttl(const struct master_token *t, uint32_t *ttl);

struct master_record {
	const struct master_token *owner; /* NULL: the one before */
	const struct master_token *class; /* NULL: none */
	const struct master_token *type;
	const struct master_token *rdata; /* `n` of them */
	size_t n;
	uint32_t ttl;
	bool has_ttl;
};
/* What the entry's tokens are, where it is no directive: false if there is no type. */
bool master_split(const struct master *m, struct master_record *r);

#endif
