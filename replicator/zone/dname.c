/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Text to labels, and these backwards into a key; a key forwards from its end into text.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "replicator/zone/dname.h"

#define LABELS_MAX 128

/* A name's labels, in the order of its text, decoded. */
struct labels {
	uint8_t bytes[DNAME_WIRE_MAX];
	uint8_t at[LABELS_MAX + 1]; /* where label i begins; the last one: where the next would */
	unsigned n;
	unsigned wire; /* length in wire format, without the root's byte */
	bool absolute;
};

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One byte of a label, *used bytes of text; -1: a bad escape. */
static int unescape(const char *p, const char *end, size_t *used)
{
	*used = 1;
	if (*p != '\\')
		return (uint8_t)*p;
	if (end - p < 2)
		return -1;
	if (!digit(p[1])) {
		*used = 2;
		return (uint8_t)p[1];
	}
	if (end - p < 4 || !digit(p[2]) || !digit(p[3]))
		return -1;
	int v = (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0');
	*used = 4;
	return v > 255 ? -1 : v;
}

static uint8_t lower(int c)
{
	return (uint8_t)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
}

/* Ends the label that began at at[n]; `end`: where the next begins. */
static const char *end_label(struct labels *l, size_t end)
{
	size_t len = end - l->at[l->n];

	if (len == 0)
		return "an empty label: two dots, or a dot in front";
	if (len > DNAME_LABEL_MAX)
		return "a label of more than 63 bytes";
	l->wire += (unsigned)len + 1;
	l->at[++l->n] = (uint8_t)end;
	return NULL;
}

static const char *cut(struct labels *l, const char *text, size_t len)
{
	const char *end = text + len, *why = NULL;
	size_t n = 0, used;

	l->n = 0;
	l->wire = 0;
	l->at[0] = 0;
	l->absolute = false;
	for (const char *p = text; p < end && !why; p += used) {
		if (*p == '.') {
			used = 1;
			why = end_label(l, n);
			l->absolute = p + 1 == end;
			continue;
		}
		int c = unescape(p, end, &used);
		if (c < 0)
			return "a backslash that is not followed by a character or by three digits";
		if (n == DNAME_WIRE_MAX - 1 || l->n == LABELS_MAX - 1)
			return "a name of more than 255 bytes";
		l->bytes[n++] = lower(c);
	}
	if (!why && !l->absolute)
		why = end_label(l, n);
	return why;
}

/* Length in wire format, without the root's byte. */
static unsigned wire_len(const uint8_t *key, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++, n++)
		i += key[i] == 1;
	return n;
}

static size_t put_label(uint8_t *key, const uint8_t *bytes, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (bytes[i] <= 1) {
			key[n++] = 1;
			key[n++] = (uint8_t)(bytes[i] + 1);
		} else {
			key[n++] = bytes[i];
		}
	}
	key[n++] = 0;
	return n;
}

int dname_from_text(struct dname *dst, const char *text, size_t len, const struct dname *origin,
		    const char **why)
{
	struct labels l = {.absolute = true};
	bool here = len == 1 && text[0] == '@';

	*why = NULL;
	if (len == 0)
		*why = "an empty name";
	else if (!here && !(len == 1 && text[0] == '.'))
		*why = cut(&l, text, len);
	bool relative = here || !l.absolute;
	if (!*why && relative && !origin)
		*why = "a name without its last dot, and no origin is known";
	if (!*why &&
	    l.wire + (relative ? wire_len(origin->key, origin->len) : 0) + 1 > DNAME_WIRE_MAX)
		*why = "a name of more than 255 bytes";
	if (*why)
		return ERR_FORMAT;
	size_t n = 0;
	if (relative) {
		if (dst != origin)
			memcpy(dst->key, origin->key, origin->len);
		n = origin->len;
	}
	for (unsigned i = l.n; i > 0; i--)
		n +=
		    put_label(dst->key + n, l.bytes + l.at[i - 1], (size_t)(l.at[i] - l.at[i - 1]));
	dst->len = (uint16_t)n;
	return 0;
}

static char *put_byte(char *to, int c)
{
	if (strchr("\"().;\\@$", c) && c != 0) {
		*to++ = '\\';
		*to++ = (char)c;
	} else if (c > ' ' && c < 127) {
		*to++ = (char)c;
	} else {
		to += sprintf(to, "\\%03d", c);
	}
	return to;
}

/* The labels of key[from..len), the last one first, a dot after each. Returns the end. */
static char *put_labels(char *to, const uint8_t *key, size_t from, size_t len)
{
	while (len > from) {
		size_t start = dname_parent(key, len);

		for (size_t i = start; i + 1 < len; i++) {
			if (key[i] == 1) {
				to = put_byte(to, key[i + 1] - 1);
				i++;
			} else {
				to = put_byte(to, key[i]);
			}
		}
		*to++ = '.';
		len = start;
	}
	return to;
}

char *dname_text(char dst[DNAME_TEXT_MAX], const uint8_t *key, size_t len)
{
	char *end = put_labels(dst, key, 0, len);

	if (end == dst)
		*end++ = '.';
	*end = '\0';
	return dst;
}

char *dname_text_in(char dst[DNAME_TEXT_MAX], const uint8_t *key, size_t len,
		    const struct dname *zone)
{
	if (zone->len == 0 || !dname_within(key, len, zone->key, zone->len))
		return dname_text(dst, key, len);
	if (len == zone->len)
		return strcpy(dst, "@");
	put_labels(dst, key, zone->len, len)[-1] = '\0'; /* without its last dot */
	return dst;
}

int dname_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int r = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return r ? r : (a_len > b_len) - (a_len < b_len);
}

bool dname_within(const uint8_t *key, size_t len, const uint8_t *top, size_t top_len)
{
	return len >= top_len && memcmp(key, top, top_len) == 0;
}

size_t dname_parent(const uint8_t *key, size_t len)
{
	if (len == 0)
		return 0;
	for (len--; len > 0 && key[len - 1] != 0; len--)
		;
	return len;
}

unsigned dname_labels(const uint8_t *key, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += key[i] == 0;
	return n;
}

int dname_join(struct dname *dst, const struct dname *below, const struct dname *top)
{
	struct dname joined;

	if (wire_len(below->key, below->len) + wire_len(top->key, top->len) + 1 > DNAME_WIRE_MAX)
		return ERR_LIMIT;
	memcpy(joined.key, top->key, top->len);
	memcpy(joined.key + top->len, below->key, below->len);
	joined.len = (uint16_t)(top->len + below->len);
	*dst = joined;
	return 0;
}
