/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The canonical text of a configuration of BIND as statements: words, then ';' or a block in braces
 * (and perhaps more words and blocks before its ';'). The error is sticky, and ends the text.
 */
#ifndef HOOKS_BIND_TEXT_H
#define HOOKS_BIND_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define WORDS_MAX 16

struct text {
	const char *p;
	const char *end;
	int err; /* 0, ERR_FORMAT, -ENOMEM, or the caller's */
};

struct statement {
	char *words[WORDS_MAX]; /* more are dropped; one that is taken becomes NULL, and is not
				   asked for */
	size_t n;
	char end; /* ';' '{' '}' or 0 at the end of the text */
};

/* Words up to the next ";", "{" or "}". The caller finishes the statement. */
void text_next(struct text *t, struct statement *s);
void statement_fini(struct statement *s);
/* Word i is there, and is this one (letters in any case). */
bool statement_is(const struct statement *s, size_t i, const char *word);
/* To the end of the block that has been opened. */
void text_skip_block(struct text *t);
/* After a block: the rest of its statement. */
void text_finish(struct text *t);
/* After the '{' of an address match list, through to its statement's end: its first element, and
 * how many there are. */
void text_list(struct text *t, char *first, size_t size, unsigned *count);

#endif
