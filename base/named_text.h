/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The canonical text of a configuration of BIND as statements: words, then ';' or a block in braces
 * (and perhaps more words and blocks before its ';'). The error is sticky, and ends the text.
 */
#ifndef BASE_NAMED_TEXT_H
#define BASE_NAMED_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define NAMED_WORDS_MAX 16

struct named_text {
	const char *p;
	const char *end;
	int err; /* 0, ERR_FORMAT, -ENOMEM, or the caller's */
};

struct named_statement {
	char
	    *words[NAMED_WORDS_MAX]; /* more are dropped; one that is taken becomes NULL, and is not
				   asked for */
	size_t n;
	char end; /* ';' '{' '}' or 0 at the end of the text */
};

/* Words up to the next ";", "{" or "}". The caller finishes the statement. */
void named_text_next(struct named_text *t, struct named_statement *s);
void named_statement_fini(struct named_statement *s);
/* Word i is there, and is this one (letters in any case). */
bool named_statement_is(const struct named_statement *s, size_t i, const char *word);
/* To the end of the block that has been opened. */
void named_text_skip_block(struct named_text *t);
/* After a block: the rest of its statement. */
void named_text_finish(struct named_text *t);
/* After the '{' of an address match list, through to its statement's end: its first element, and
 * how many there are. */
void named_text_list(struct named_text *t, char *first, size_t size, unsigned *count);

#endif
