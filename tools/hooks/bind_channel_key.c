/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reading the key, and the HMAC, which is made of ldns's digests.
 */
#include "tools/hooks/bind_channel_key.h"

#include <fcntl.h>
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/named_text.h"

#define KEY_FILE_MAX (64 * 1024)
#define DIGEST_MAX 64
#define BLOCK_MAX 128

enum { HMAC_SHA1 = 161, HMAC_SHA256 = 163, HMAC_SHA384 = 164, HMAC_SHA512 = 165 };

/* ---- HMAC (RFC 2104) ---- */

union digest_state {
	ldns_sha1_ctx sha1;
	ldns_sha256_CTX sha256;
	ldns_sha384_CTX sha384;
	ldns_sha512_CTX sha512;
};

static size_t block_len(uint8_t algorithm)
{
	return algorithm == HMAC_SHA1 || algorithm == HMAC_SHA256 ? 64 : 128;
}

/* Of the two pieces one after the other; its length. */
static size_t digest(uint8_t algorithm, const uint8_t *a, size_t alen, const uint8_t *b,
		     size_t blen, uint8_t out[DIGEST_MAX])
{
	union digest_state s;

	switch (algorithm) {
	case HMAC_SHA1:
		ldns_sha1_init(&s.sha1);
		ldns_sha1_update(&s.sha1, a, (unsigned)alen);
		ldns_sha1_update(&s.sha1, b, (unsigned)blen);
		ldns_sha1_final(out, &s.sha1);
		return LDNS_SHA1_DIGEST_LENGTH;
	case HMAC_SHA256:
		ldns_sha256_init(&s.sha256);
		ldns_sha256_update(&s.sha256, a, alen);
		ldns_sha256_update(&s.sha256, b, blen);
		ldns_sha256_final(out, &s.sha256);
		return LDNS_SHA256_DIGEST_LENGTH;
	case HMAC_SHA384:
		ldns_sha384_init(&s.sha384);
		ldns_sha384_update(&s.sha384, a, alen);
		ldns_sha384_update(&s.sha384, b, blen);
		ldns_sha384_final(out, &s.sha384);
		return LDNS_SHA384_DIGEST_LENGTH;
	default:
		ldns_sha512_init(&s.sha512);
		ldns_sha512_update(&s.sha512, a, alen);
		ldns_sha512_update(&s.sha512, b, blen);
		ldns_sha512_final(out, &s.sha512);
		return LDNS_SHA512_DIGEST_LENGTH;
	}
}

void channel_key_mac(const struct channel_key *k, const uint8_t *p, size_t len,
		     char text[CHANNEL_MAC_TEXT + 1])
{
	uint8_t secret[BLOCK_MAX] = {0}, pad[BLOCK_MAX], inner[DIGEST_MAX], outer[DIGEST_MAX];
	size_t block = block_len(k->algorithm), n;
	static const uint8_t none[1];

	if (k->secret_len > block)
		digest(k->algorithm, k->secret, k->secret_len, none, 0, secret);
	else
		memcpy(secret, k->secret, k->secret_len);
	for (size_t i = 0; i < block; i++)
		pad[i] = secret[i] ^ 0x36;
	n = digest(k->algorithm, pad, block, p, len, inner);
	for (size_t i = 0; i < block; i++)
		pad[i] = secret[i] ^ 0x5c;
	digest(k->algorithm, pad, block, inner, n, outer);
	memset(text, 0, CHANNEL_MAC_TEXT + 1);
	base64_encode(text, outer, n);
}

/* ---- the key ---- */

static bool take_algorithm(struct channel_key *k, const char *word)
{
	static const struct {
		const char *name;
		uint8_t number;
	} list[] = {
	    {"hmac-sha1", HMAC_SHA1},
	    {"hmac-sha256", HMAC_SHA256},
	    {"hmac-sha384", HMAC_SHA384},
	    {"hmac-sha512", HMAC_SHA512},
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (strcasecmp(word, list[i].name) == 0)
			k->algorithm = list[i].number;
	return k->algorithm != 0;
}

static bool take_secret(struct channel_key *k, const char *word)
{
	long n = base64_decode(k->secret, sizeof k->secret, word);

	k->secret_len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* The file has one key and nothing else. */
static bool parse_key(struct channel_key *k, const char *text, size_t len)
{
	struct named_text t = {.p = text, .end = text + len};
	struct named_statement s;
	unsigned keys = 0;
	bool good = true;

	for (named_text_next(&t, &s); !t.err && s.end; named_text_next(&t, &s)) {
		if (s.end == '{')
			good &= named_statement_is(&s, 0, "key") && ++keys == 1;
		else if (named_statement_is(&s, 0, "algorithm") && s.n == 2)
			good &= take_algorithm(k, s.words[1]);
		else if (named_statement_is(&s, 0, "secret") && s.n == 2)
			good &= take_secret(k, s.words[1]);
		else
			good &= s.end == '}' || s.n == 0;
		named_statement_fini(&s);
	}
	named_statement_fini(&s);
	return good && !t.err && keys == 1 && k->algorithm && k->secret_len;
}

bool channel_key_read(struct channel_key *k, const char *file)
{
	char *text CLEANUP_FREE = malloc(KEY_FILE_MAX);
	int fd CLEANUP_CLOSE = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd >= 0 && text ? read(fd, text, KEY_FILE_MAX) : -1;

	return n > 0 && n < KEY_FILE_MAX && parse_key(k, text, (size_t)n);
}
