/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What answers on named's control channel, which is whoever listens on its port. The input:
 *
 *   u8 0, then all that comes over the connection: without the key, nothing of it is believed
 *   u8 1, then what stands behind "_auth" in an answer, which is signed here as one who has the key
 *         would, in the way of RFC 2104
 */
#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base64.h"
#include "tests/fuzz/fuzz.h"
#include "tools/hooks/bind_channel.h"

#define INPUT_MAX 65536
#define HMAC_SHA256 163
#define MAC_TEXT 88
#define BLOCK 64

static const char secret[] = "the key that the test has as well";

static void digest(const uint8_t *a, const uint8_t *b, size_t blen,
		   uint8_t out[LDNS_SHA256_DIGEST_LENGTH])
{
	ldns_sha256_CTX s;

	ldns_sha256_init(&s);
	ldns_sha256_update(&s, a, BLOCK);
	ldns_sha256_update(&s, b, blen);
	ldns_sha256_final(out, &s);
}

static void put_u32(struct buf *b, uint32_t v)
{
	v = htonl(v);
	buf_raw(b, &v, 4);
}

static void put_name(struct buf *b, const char *name, uint8_t type, uint32_t len)
{
	buf_u8(b, (uint8_t)strlen(name));
	buf_raw(b, name, strlen(name));
	buf_u8(b, type);
	put_u32(b, len);
}

static void put_signed(struct buf *b, const uint8_t *p, size_t len)
{
	uint8_t in[BLOCK], out[BLOCK], d[LDNS_SHA256_DIGEST_LENGTH];
	char text[MAC_TEXT + 1] = {0};

	memset(in, 0x36, BLOCK);
	memset(out, 0x5c, BLOCK);
	for (size_t i = 0; i < sizeof secret - 1; i++) {
		in[i] ^= (uint8_t)secret[i];
		out[i] ^= (uint8_t)secret[i];
	}
	digest(in, p, len, d);
	digest(out, d, sizeof d, d);
	base64_encode(text, d, sizeof d);
	put_u32(b, (uint32_t)(4 + 11 + 10 + 1 + MAC_TEXT + len));
	put_u32(b, 1);
	put_name(b, "_auth", 2, 10 + 1 + MAC_TEXT);
	put_name(b, "hsha", 1, 1 + MAC_TEXT);
	buf_u8(b, HMAC_SHA256);
	buf_raw(b, text, MAC_TEXT);
	buf_raw(b, p, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct channel c = {.usable = true,
			    .address = "nowhere",
			    .port = 1,
			    .key = {.algorithm = HMAC_SHA256, .secret_len = sizeof secret - 1}};
	struct buf answer, output;
	int pair[2], r;

	if (size == 0 || size > INPUT_MAX)
		return 0;
	fuzz_check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	buf_init(&answer, 2 * INPUT_MAX);
	buf_init(&output, 2 * INPUT_MAX);
	if (data[0] & 1)
		put_signed(&answer, data + 1, size - 1);
	else
		buf_raw(&answer, data + 1, size - 1);
	fuzz_check(answer.err == 0);
	fuzz_check(write(pair[1], answer.data, answer.len) == (ssize_t)answer.len);
	shutdown(pair[1], SHUT_WR);
	memcpy(c.key.secret, secret, sizeof secret - 1);
	c.fd = pair[0];
	r = channel_command(&c, "status", 1000, &output);
	fuzz_check(r <= 1);
	fuzz_check(r < 0 || (data[0] & 1));
	fuzz_check(r >= 0 || (output.len == 0 && c.fd < 0));
	fuzz_check(memchr(c.nonce, '\0', sizeof c.nonce));
	channel_close(&c);
	close(pair[1]);
	buf_fini(&answer);
	buf_fini(&output);
	return 0;
}
