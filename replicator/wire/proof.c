/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A line has nine fields with tabs between them; the last has the rest of the line. Unknown states are
 * no proof.
 */
#include "replicator/wire/proof.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/path.h"
#include "replicator/wire/codec.h"

#define WORD "proof\t"
#define FIELDS 8 /* after the word */

enum { PROOF_HAS_SERIAL = 1, PROOF_HAS_LOADED = 2, PROOF_HAS_DOT = 4 };
#define PROOF_HAS_ALL 7

void proof_fini(struct proof *p)
{
	free(p->zone);
	free(p->zclass);
	free(p->view);
	free(p->path);
	free(p->words);
	*p = (struct proof){0};
}

int proof_compare(const struct proof *a, const struct proof *b)
{
	int order = strcasecmp(a->zone, b->zone);

	if (order == 0)
		order = strcasecmp(a->zclass, b->zclass);
	return order ? order : strcmp(a->view, b->view);
}

/* ---- a hook's line ---- */

struct part {
	const char *p;
	size_t len;
};

static bool split(const char *line, size_t len, struct part f[FIELDS])
{
	const char *p = line + sizeof(WORD) - 1, *end = line + len;

	if (len < sizeof(WORD) - 1 || memcmp(line, WORD, sizeof(WORD) - 1) != 0)
		return false;
	for (int i = 0; i < FIELDS; i++) {
		const char *tab = memchr(p, '\t', (size_t)(end - p));

		if (!tab && i < FIELDS - 1)
			return false;
		if (i == FIELDS - 1)
			tab = end;
		f[i] = (struct part){p, (size_t)(tab - p)};
		p = tab + 1;
	}
	return true;
}

/* Printable, but for what is no ASCII; an empty one only where that is allowed. */
static char *take_name(struct part f, bool empty)
{
	if (f.len > PROOF_NAME_MAX || (f.len == 0 && !empty))
		return NULL;
	for (size_t i = 0; i < f.len; i++)
		if (iscntrl((unsigned char)f.p[i]))
			return NULL;
	return strndup(f.p, f.len);
}

static char *take_words(struct part f)
{
	char *words = strndup(f.p, f.len < PROOF_WORDS_MAX ? f.len : PROOF_WORDS_MAX);

	for (char *p = words; p && *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = ' ';
	return words;
}

/* A number, or nothing. False: neither. */
static bool take_number(struct part f, uint64_t max, uint64_t *n, bool *has)
{
	uint64_t v = 0;

	for (size_t i = 0; i < f.len; i++) {
		if (!isdigit((unsigned char)f.p[i]))
			return false;
		v = v * 10 + (uint64_t)(f.p[i] - '0');
		if (v > max)
			return false;
	}
	*n = v;
	*has = f.len > 0;
	return true;
}

static bool take_state(struct part f, enum proof_state *state)
{
	static const struct {
		const char *word;
		enum proof_state state;
	} list[] = {
	    {"served", PROOF_SERVED},
	    {"failed", PROOF_FAILED},
	    {"waits", PROOF_WAITS},
	    {"gone", PROOF_GONE},
	    {"held", PROOF_HELD},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (strlen(list[i].word) == f.len && memcmp(list[i].word, f.p, f.len) == 0) {
			*state = list[i].state;
			return true;
		}
	return false;
}

/* As path_escape shows it, or nothing. */
static char *take_path(struct part f)
{
	char path[PATH_LEN_MAX + 1];
	char *text = strndup(f.p, f.len);
	bool good = text && path_unescape(path, sizeof(path), text) == 0 && path_valid_or_root(path);

	free(text);
	return good ? strdup(path) : NULL;
}

int proof_parse(struct proof *p, const char *line, size_t len)
{
	struct part f[FIELDS];
	uint64_t serial, loaded;

	*p = (struct proof){0};
	if (!split(line, len, f) || !take_state(f[3], &p->state) ||
	    !take_number(f[4], UINT32_MAX, &serial, &p->has_serial) ||
	    !take_number(f[5], INT32_MAX * UINT64_C(100), &loaded, &p->has_loaded))
		return ERR_FORMAT;
	p->serial = (uint32_t)serial;
	p->loaded_sec = (int64_t)loaded;
	p->zone = take_name(f[0], false);
	p->zclass = take_name(f[1], false);
	p->view = take_name(f[2], true);
	p->path = take_path(f[6]);
	p->words = take_words(f[7]);
	if (p->zone && p->zclass && p->view && p->path && p->words)
		return 0;
	proof_fini(p);
	return ERR_FORMAT;
}

/* ---- bytes ---- */

void buf_proof(struct buf *b, const struct proof *p)
{
	bool dot = p->dot.origin != 0;

	buf_str(b, p->zone);
	buf_str(b, p->zclass);
	buf_str(b, p->view);
	buf_str(b, p->path);
	buf_u8(b, (uint8_t)p->state);
	buf_u8(b, (uint8_t)((p->has_serial ? PROOF_HAS_SERIAL : 0) |
			    (p->has_loaded ? PROOF_HAS_LOADED : 0) | (dot ? PROOF_HAS_DOT : 0)));
	buf_u32(b, p->serial);
	buf_i64(b, p->loaded_sec);
	buf_i64(b, p->asked_msec);
	if (dot)
		buf_dot(b, p->dot);
	buf_hash(b, p->hash);
	buf_words(b, p->words, PROOF_WORDS_MAX);
}

void rd_proof(struct rd *r, struct proof *p)
{
	p->zone = rd_str(r, PROOF_NAME_MAX);
	p->zclass = rd_str(r, PROOF_NAME_MAX);
	p->view = rd_str(r, PROOF_NAME_MAX);
	p->path = rd_path_or_root(r);
	uint8_t state = rd_u8(r), flags = rd_u8(r);
	if (state > PROOF_HELD || flags & ~PROOF_HAS_ALL || (p->zone && !p->zone[0]))
		rd_fail(r);
	p->state = (enum proof_state)state;
	p->has_serial = flags & PROOF_HAS_SERIAL;
	p->has_loaded = flags & PROOF_HAS_LOADED;
	p->serial = rd_u32(r);
	p->loaded_sec = rd_i64(r);
	p->asked_msec = rd_i64(r);
	if (flags & PROOF_HAS_DOT)
		p->dot = rd_dot(r);
	p->hash = rd_hash(r);
	p->words = rd_str(r, PROOF_WORDS_MAX);
}
