/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tokens are written into one line again, for ldns: every escape and every byte that does not print
 * as \DDD, so that there is one way only to understand it.
 */
#include <errno.h>
#include <ldns/ldns.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/zone/rdata.h"

#define TYPE_OPT 41
#define TYPE_APL 42
#define TYPE_SVCB 64
#define TYPE_HTTPS 65
#define TYPE_ANY 255
#define TYPE_URI 256
#define TYPE_CAA 257
#define RDATA_MAX 65535       /* RFC 1035, 3.2.1 */
#define LDNS_ROOM 65500       /* what ldns has room for */
#define STRING_BYTES_MAX 255u /* RFC 1035, 3.3 */

struct rdata {
	ldns_rdf *origin;
	ldns_buffer *out;
	struct buf line;
	struct buf text;
	char word[24]; /* the last type's name, and its number */
	uint16_t type;
};

struct rdata *rdata_new(void)
{
	struct rdata *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	buf_init(&d->line, LDNS_ROOM + 64);
	buf_init(&d->text, MASTER_ENTRY_MAX);
	d->out = ldns_buffer_new(4096);
	if (!d->out) {
		rdata_free(d);
		return NULL;
	}
	return d;
}

void rdata_free(struct rdata *d)
{
	if (!d)
		return;
	ldns_rdf_deep_free(d->origin);
	if (d->out)
		ldns_buffer_free(d->out);
	buf_fini(&d->line);
	buf_fini(&d->text);
	free(d);
}

int rdata_origin(struct rdata *d, const struct dname *origin)
{
	char text[DNAME_TEXT_MAX];
	ldns_rdf *new = ldns_dname_new_frm_str(dname_text(text, origin->key, origin->len));

	if (!new)
		return -ENOMEM;
	ldns_rdf_deep_free(d->origin);
	d->origin = new;
	return 0;
}

/* Not a question's (RFC 6895, 3.1), nor one that only messages have. */
static bool is_data(unsigned long type)
{
	return type > 0 && type <= UINT16_MAX && type != TYPE_OPT &&
	       (type < 128 || type > TYPE_ANY);
}

uint16_t rdata_type(struct rdata *d, const struct master_token *type)
{
	if (type->len == 0 || type->len >= sizeof(d->word))
		return 0;
	if (d->type && strlen(d->word) == type->len &&
	    strncasecmp(d->word, type->text, type->len) == 0)
		return d->type;
	memcpy(d->word, type->text, type->len);
	d->word[type->len] = '\0';
	unsigned long n;
	char *end = d->word + type->len;
	if (strncasecmp(d->word, "TYPE", 4) == 0 && d->word[4] >= '0' && d->word[4] <= '9')
		n = strtoul(d->word + 4, &end, 10); /* RFC 3597, 5 */
	else
		n = ldns_get_rr_type_by_name(d->word);
	d->type = *end == '\0' && is_data(n) ? (uint16_t)n : 0;
	return d->type;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One byte of a token, *used bytes of its text; -1: a bad escape. */
static int unescape(const char *p, const char *end, size_t *used)
{
	*used = 1;
	if (*p != '\\')
		return (uint8_t)*p;
	if (p + 1 == end)
		return -1;
	*used = 2;
	if (!digit(p[1]))
		return (uint8_t)p[1];
	if (end - p < 4 || !digit(p[2]) || !digit(p[3]))
		return -1;
	int v = (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0');
	*used = 4;
	return v > 255 ? -1 : v;
}

static void put_decimal(struct buf *b, int c)
{
	char ddd[8];

	buf_raw(b, ddd, (size_t)snprintf(ddd, sizeof(ddd), "\\%03d", c));
}

static const char *const bad_escape =
    "a backslash that is not followed by a character or by three digits";

/* ---- strings: TXT and SPF, of any length ---- */

static int put_string(struct buf *b, const struct master_token *t, size_t *wire, const char **why)
{
	const char *p = t->text, *end = p + t->len;
	size_t n = 0, used;

	buf_u8(b, '"');
	for (; p < end; p += used, n++) {
		int c = unescape(p, end, &used);
		if (c < 0) {
			*why = bad_escape;
			return ERR_FORMAT;
		}
		if (c == '"' || c == '\\')
			buf_u8(b, '\\');
		if (c >= ' ' && c < 127)
			buf_u8(b, (uint8_t)c);
		else
			put_decimal(b, c);
	}
	buf_u8(b, '"');
	if (n > STRING_BYTES_MAX) {
		*why = "a string of more than 255 bytes: cut it in two";
		return ERR_FORMAT;
	}
	*wire += n + 1;
	return 0;
}

static int strings(struct rdata *d, const struct master_token *t, size_t n, const char **text,
		   const char **why)
{
	size_t wire = 0;

	buf_reset(&d->text);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_u8(&d->text, ' ');
		int r = put_string(&d->text, &t[i], &wire, why);
		if (r < 0)
			return r;
	}
	buf_u8(&d->text, 0);
	if (wire > RDATA_MAX || d->text.err == ERR_LIMIT) {
		*why = "a record of more than 65535 bytes";
		return ERR_FORMAT;
	}
	*why = "no memory";
	*text = (const char *)d->text.data;
	return d->text.err;
}

/* ---- all others: by ldns ---- */

static bool generic(const struct master_token *t)
{
	return !t->quoted && t->len == 2 && memcmp(t->text, "\\#", 2) == 0; /* RFC 3597, 5 */
}

/* ldns cuts a number that is too large to the bits it has. */
static bool in_range(const struct master_token *t, uint32_t max)
{
	uint64_t v = 0;

	for (size_t i = 0; i < t->len; i++) {
		if (!digit(t->text[i]))
			return false;
		v = v * 10 + (uint64_t)(t->text[i] - '0');
		if (v > max)
			return false;
	}
	return t->len > 0;
}

static bool numbers_fit(const ldns_rr_descriptor *desc, const struct master_token *t, size_t n)
{
	size_t fields = ldns_rr_descriptor_minimum(desc);

	for (size_t i = 0; i < n && i < fields; i++) {
		ldns_rdf_type type = ldns_rr_descriptor_field_type(desc, i);
		if ((type == LDNS_RDF_TYPE_INT8 && !in_range(&t[i], UINT8_MAX)) ||
		    (type == LDNS_RDF_TYPE_INT16 && !in_range(&t[i], UINT16_MAX)) ||
		    (type == LDNS_RDF_TYPE_INT32 && !in_range(&t[i], UINT32_MAX)))
			return false;
	}
	return true;
}

/* `raw`: escapes as they are. */
static int put_token(struct buf *b, const struct master_token *t, bool raw, bool quote)
{
	const char *p = t->text, *end = p + t->len;
	size_t used;

	if (quote)
		buf_u8(b, '"');
	for (; p < end; p += used) {
		int c = unescape(p, end, &used);
		if (c < 0)
			return ERR_FORMAT;
		if (raw)
			buf_raw(b, p, used);
		else if (used > 1 || c <= ' ' || c >= 127)
			put_decimal(b, c);
		else
			buf_u8(b, (uint8_t)c);
	}
	if (quote)
		buf_u8(b, '"');
	return 0;
}

static bool has_params(uint16_t type)
{
	return type == TYPE_SVCB || type == TYPE_HTTPS;
}

/* ". 0 CLASS1 MX 10 mail" into d->line. */
static int compose(struct rdata *d, uint16_t type, uint16_t rclass, const struct master_token *t,
		   size_t n)
{
	bool params = has_params(type); /* key="value": one token for ldns */
	bool hex = n > 0 && generic(&t[0]);
	char head[64];

	buf_reset(&d->line);
	buf_raw(&d->line, head,
		(size_t)snprintf(head, sizeof(head), ". 0 CLASS%u TYPE%u", rclass, type));
	for (size_t i = 0; i < n; i++) {
		bool string = i == 2 && (type == TYPE_CAA || type == TYPE_URI) && !hex;

		if (!(params && t[i].glued))
			buf_u8(&d->line, ' ');
		int r =
		    put_token(&d->line, &t[i], params || (hex && i == 0), t[i].quoted || string);
		if (r < 0)
			return r;
	}
	buf_u8(&d->line, 0);
	return 0;
}

/* One blank between fields, none at the end. */
static int print(struct rdata *d, const ldns_rr *rr)
{
	buf_reset(&d->text);
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		ldns_buffer_clear(d->out);
		if (ldns_rdf2buffer_str(d->out, ldns_rr_rdf(rr, i)) != LDNS_STATUS_OK)
			return -ENOMEM;
		const char *p = (const char *)ldns_buffer_begin(d->out);
		size_t len = ldns_buffer_position(d->out);
		for (; len > 0 && p[len - 1] == ' '; len--)
			;
		for (; len > 0 && *p == ' '; len--)
			p++;
		if (len > 0 && d->text.len > 0)
			buf_u8(&d->text, ' ');
		buf_raw(&d->text, p, len);
	}
	buf_u8(&d->text, 0);
	return d->text.err;
}

/* Values of parameters (RFC 9460, 2.2) of which ldns's words can be read in one way only. */
static bool plain_params(const ldns_rr *rr)
{
	const ldns_rdf *params = ldns_rr_rd_count(rr) > 2 ? ldns_rr_rdf(rr, 2) : NULL;
	const uint8_t *p = params ? ldns_rdf_data(params) : NULL;
	const uint8_t *end = params ? p + ldns_rdf_size(params) : NULL;

	while (params && end - p >= 4) {
		unsigned key = ldns_read_uint16(p), len = ldns_read_uint16(p + 2), id = 0;
		bool text = key == LDNS_SVCPARAM_KEY_ALPN || key > LDNS_SVCPARAM_KEY_IPV6HINT;

		p += 4;
		for (; len > 0 && p < end; len--, p++) {
			if (key == LDNS_SVCPARAM_KEY_ALPN && id == 0) {
				id = *p;
				continue;
			}
			if (text && (*p <= ' ' || *p >= 127 || strchr("\";()\\", *p) ||
				     (key == LDNS_SVCPARAM_KEY_ALPN && *p == ',')))
				return false;
			id -= key == LDNS_SVCPARAM_KEY_ALPN;
		}
	}
	return true;
}

/* RFC 3597, 5 */
static int print_generic(struct rdata *d, const ldns_rr *rr)
{
	size_t size = 0;
	char number[16];

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
		size += ldns_rdf_size(ldns_rr_rdf(rr, i));
	buf_reset(&d->text);
	buf_raw(&d->text, number, (size_t)snprintf(number, sizeof(number), "\\# %zu ", size));
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const uint8_t *p = ldns_rdf_data(ldns_rr_rdf(rr, i));

		for (size_t at = 0; at < ldns_rdf_size(ldns_rr_rdf(rr, i)); at++)
			buf_raw(&d->text, number,
				(size_t)snprintf(number, sizeof(number), "%02x", p[at]));
	}
	buf_u8(&d->text, 0);
	return d->text.err;
}

static int by_ldns(struct rdata *d, uint16_t type, const char **why)
{
	const ldns_rr_descriptor *desc = ldns_rr_descript(type);
	ldns_rr *rr = NULL;
	ldns_status status;

	status = ldns_rr_new_frm_str(&rr, (const char *)d->line.data, 0, d->origin, NULL);
	if (status == LDNS_STATUS_MEM_ERR) {
		*why = "no memory";
		return -ENOMEM;
	}
	if (status != LDNS_STATUS_OK) {
		bool unknown = ldns_rr_descriptor_field_type(desc, 0) == LDNS_RDF_TYPE_UNKNOWN;

		*why = unknown ? "a type whose data zonefs cannot read"
			       : ldns_get_errorstr_by_id(status);
		return unknown ? ERR_UNKNOWN : ERR_FORMAT;
	}
	ldns_rr2canonical(rr); /* names in lower case, where that is the same name: RFC 4034, 6.2 */
	int r = has_params(type) && !plain_params(rr) ? print_generic(d, rr) : print(d, rr);
	ldns_rr_free(rr);
	*why = r == ERR_LIMIT ? "a record longer than zonefs can read" : "no memory";
	return r;
}

int rdata_read(struct rdata *d, uint16_t type, uint16_t rclass, const struct master_token *tokens,
	       size_t n, const char **text, const char **why)
{
	if (n == 0 && type != TYPE_APL) {
		*why = "there is nothing behind the type";
		return ERR_FORMAT;
	}
	bool hex = n > 0 && generic(&tokens[0]);
	if ((type == TYPE_TXT || type == TYPE_SPF) && !hex)
		return strings(d, tokens, n, text, why);
	if (!hex && !numbers_fit(ldns_rr_descript(type), tokens, n)) {
		*why = "a number is missing, or too large";
		return ERR_FORMAT;
	}
	int r = compose(d, type, rclass, tokens, n);
	if (r < 0) {
		*why = bad_escape;
		return r;
	}
	if (d->line.err) {
		*why =
		    d->line.err == ERR_LIMIT ? "a record longer than zonefs can read" : "no memory";
		return d->line.err;
	}
	r = by_ldns(d, type, why);
	*text = (const char *)d->text.data;
	return r;
}
