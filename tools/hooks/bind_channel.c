/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A message is a length, a version, and a table of names with values, all numbers in network order:
 *
 *   message = u32 length of what follows, u32 1, "_auth" table, "_ctrl" table, "_data" table
 *   table   = u8 length, name, u8 type, u32 length, value ...        types: 1 bytes, 2 table, 3 list
 *   _auth   = "hsha": u8 algorithm, the HMAC of all that follows _auth, in base 64, in 88 bytes
 *   _ctrl   = "_ser", "_tim", "_exp" (decimal numbers), "_nonce"; an answer has "_rpl"
 *   _data   = "type": the command;  an answer: "result" (decimal), "err", "text"
 *
 * The first answer of a connection brings its nonce, which each further message must have; so the first
 * command is "null". Answers are believed only with the right HMAC.
 */
#include "tools/hooks/bind_channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"

#define MESSAGE_MAX (1024 * 1024)
#define VERSION 1
#define EXPIRES_SEC 60

enum { TYPE_BYTES = 1, TYPE_TABLE = 2, TYPE_LIST = 3 };

/* ---- where named is ---- */

void channel_init(struct channel *c, char *const *argv, size_t n)
{
	const char *file = NULL;

	*c = (struct channel){.address = "127.0.0.1", .port = 953, .fd = -1};
	if (n % 2 == 0)
		return;
	for (size_t i = 1; i + 1 < n; i += 2) {
		if (strcmp(argv[i], "-s") == 0 && strlen(argv[i + 1]) < sizeof c->address)
			snprintf(c->address, sizeof c->address, "%s", argv[i + 1]);
		else if (strcmp(argv[i], "-p") == 0)
			c->port = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "-k") == 0)
			file = argv[i + 1];
		else
			return;
	}
	c->usable = file && c->port > 0 && c->port <= UINT16_MAX && channel_key_read(&c->key, file);
	if (getrandom(&c->serial, sizeof c->serial, 0) != sizeof c->serial)
		c->serial = (uint32_t)getpid();
}

/* ---- messages ---- */

static void put_u32(uint8_t *to, uint32_t v)
{
	v = htonl(v);
	memcpy(to, &v, 4);
}

static uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return ntohl(v);
}

static void add_name(struct buf *b, const char *name, uint8_t type, size_t len)
{
	uint8_t number[4];

	put_u32(number, (uint32_t)len);
	buf_u8(b, (uint8_t)strlen(name));
	buf_raw(b, name, strlen(name));
	buf_u8(b, type);
	buf_raw(b, number, 4);
}

static void add_text(struct buf *b, const char *name, const char *text)
{
	add_name(b, name, TYPE_BYTES, strlen(text));
	buf_raw(b, text, strlen(text));
}

static void add_number(struct buf *b, const char *name, uint32_t n)
{
	char text[16];

	snprintf(text, sizeof text, "%u", n);
	add_text(b, name, text);
}

static void add_table(struct buf *b, const char *name, const struct buf *table)
{
	add_name(b, name, TYPE_TABLE, table->len);
	buf_raw(b, table->data, table->len);
}

static void build(struct channel *c, const char *command, struct buf *b)
{
	uint32_t now = (uint32_t)time(NULL);
	struct buf ctrl, data, both;
	char text[CHANNEL_MAC_TEXT + 1];
	uint8_t number[4];

	buf_init(&ctrl, MESSAGE_MAX);
	buf_init(&data, MESSAGE_MAX);
	buf_init(&both, MESSAGE_MAX);
	add_number(&ctrl, "_ser", ++c->serial);
	add_number(&ctrl, "_tim", now);
	add_number(&ctrl, "_exp", now + EXPIRES_SEC);
	if (c->nonce[0])
		add_text(&ctrl, "_nonce", c->nonce);
	add_text(&data, "type", command);
	add_table(&both, "_ctrl", &ctrl);
	add_table(&both, "_data", &data);
	channel_key_mac(&c->key, both.data, both.len, text);
	put_u32(number, (uint32_t)both.len + 4 + 11 + 10 + 1 + CHANNEL_MAC_TEXT);
	buf_raw(b, number, 4);
	put_u32(number, VERSION);
	buf_raw(b, number, 4);
	add_name(b, "_auth", TYPE_TABLE, 10 + 1 + CHANNEL_MAC_TEXT);
	add_name(b, "hsha", TYPE_BYTES, 1 + CHANNEL_MAC_TEXT);
	buf_u8(b, c->key.algorithm);
	buf_raw(b, text, CHANNEL_MAC_TEXT);
	buf_raw(b, both.data, both.len);
	if (ctrl.err || data.err || both.err)
		b->err = ERR_LIMIT;
	buf_fini(&ctrl);
	buf_fini(&data);
	buf_fini(&both);
}

struct value {
	const uint8_t *p;
	size_t len;
	uint8_t type;
};

/* The value of that name in a table; *after: what follows it. */
static bool find(const uint8_t *p, size_t len, const char *name, struct value *v, const uint8_t **after)
{
	const uint8_t *end = p + len;

	while (end - p >= 1 && end - p >= 1 + p[0] + 5) {
		size_t n = p[0], size = get_u32(p + 1 + n + 1);
		const uint8_t *value = p + 1 + n + 5;

		if (size > (size_t)(end - value))
			return false;
		if (n == strlen(name) && memcmp(p + 1, name, n) == 0) {
			*v = (struct value){value, size, p[1 + n]};
			if (after)
				*after = value + size;
			return true;
		}
		p = value + size;
	}
	return false;
}

static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint8_t other = 0;

	for (size_t i = 0; i < n; i++)
		other |= a[i] ^ b[i];
	return other == 0;
}

static bool authentic(const struct channel *c, const uint8_t *p, size_t len)
{
	const uint8_t *signed_part;
	struct value auth, hsha;
	char text[CHANNEL_MAC_TEXT + 1];

	if (!find(p, len, "_auth", &auth, &signed_part) || auth.type != TYPE_TABLE ||
	    !find(auth.p, auth.len, "hsha", &hsha, NULL) || hsha.len != 1 + CHANNEL_MAC_TEXT ||
	    hsha.p[0] != c->key.algorithm || p[0] != 5 || memcmp(p + 1, "_auth", 5) != 0)
		return false;
	channel_key_mac(&c->key, signed_part, (size_t)(p + len - signed_part), text);
	return same_bytes(hsha.p + 1, (uint8_t *)text, CHANNEL_MAC_TEXT);
}

/* Takes an answer's nonce, and its words. 0, 1, ERR_FORMAT, ERR_DENIED. */
static int understand(struct channel *c, const char *command, const uint8_t *p, size_t len,
		      struct buf *output)
{
	struct value ctrl, data, nonce, result, words;
	bool refused;

	if (len < 4 || get_u32(p) != VERSION)
		return ERR_FORMAT;
	p += 4;
	len -= 4;
	if (!authentic(c, p, len))
		return ERR_DENIED;
	if (!find(p, len, "_ctrl", &ctrl, NULL) || !find(p, len, "_data", &data, NULL) ||
	    !find(ctrl.p, ctrl.len, "_nonce", &nonce, NULL) || nonce.len >= sizeof c->nonce)
		return ERR_FORMAT;
	memcpy(c->nonce, nonce.p, nonce.len);
	c->nonce[nonce.len] = '\0';
	refused = find(data.p, data.len, "result", &result, NULL) &&
		  (result.len != 1 || result.p[0] != '0');
	if (refused && find(data.p, data.len, "err", &words, NULL)) {
		char start[64];

		snprintf(start, sizeof start, "'%.*s' failed: ", (int)strcspn(command, " "), command);
		buf_raw(output, start, strlen(start));
		buf_raw(output, words.p, words.len);
		buf_raw(output, "\n", 1);
	}
	if (find(data.p, data.len, "text", &words, NULL)) {
		buf_raw(output, words.p, words.len);
		buf_raw(output, "\n", 1);
	}
	return refused;
}

/* ---- the connection ---- */

void channel_close(struct channel *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->nonce[0] = '\0';
}

static bool ready(int fd, short events, int64_t deadline)
{
	struct pollfd p = {fd, events, 0};
	int64_t left;

	while ((left = deadline - clock_monotonic_msec()) > 0) {
		int n = poll(&p, 1, (int)left);

		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
	return false;
}

static int connect_to(struct channel *c, int64_t deadline)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)c->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)c->port)};
	bool is_v6 = inet_pton(AF_INET6, c->address, &v6.sin6_addr) == 1;
	int one = 1, err = 0;
	socklen_t len = sizeof err;

	if (!is_v6 && inet_pton(AF_INET, c->address, &v4.sin_addr) != 1)
		return ERR_FORMAT;
	c->fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return -errno;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(c->fd, is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4,
		    is_v6 ? sizeof v6 : sizeof v4) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	if (!ready(c->fd, POLLOUT, deadline))
		return ERR_TIMEOUT;
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 || err)
		return -(err ? err : EIO);
	return 0;
}

/* All of it, out or in. */
static int transfer(int fd, bool out, uint8_t *p, size_t len, int64_t deadline)
{
	while (len > 0) {
		ssize_t n = out ? send(fd, p, len, MSG_NOSIGNAL) : recv(fd, p, len, 0);

		if (n == 0 && !out)
			return -ECONNRESET;
		if (n < 0 && errno == EAGAIN) {
			if (!ready(fd, out ? POLLOUT : POLLIN, deadline))
				return ERR_TIMEOUT;
		} else if (n < 0 && errno != EINTR) {
			return -errno;
		} else if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int exchange(struct channel *c, const char *command, int64_t deadline, struct buf *output)
{
	uint8_t *answer CLEANUP_FREE = NULL;
	uint8_t head[4];
	struct buf b;
	int err;

	buf_init(&b, MESSAGE_MAX);
	build(c, command, &b);
	err = b.err ? b.err : transfer(c->fd, true, b.data, b.len, deadline);
	buf_fini(&b);
	if (err == 0)
		err = transfer(c->fd, false, head, sizeof head, deadline);
	if (err < 0)
		return err;
	size_t len = get_u32(head);
	if (len < 4 || len > MESSAGE_MAX)
		return ERR_FORMAT;
	answer = malloc(len);
	if (!answer)
		return -ENOMEM;
	err = transfer(c->fd, false, answer, len, deadline);
	return err < 0 ? err : understand(c, command, answer, len, output);
}

/* Over the connection that is there, or a new one. */
static int command_once(struct channel *c, const char *command, int64_t deadline,
			struct buf *output)
{
	struct buf none;
	int r = 0;

	if (c->fd < 0) {
		r = connect_to(c, deadline);
		buf_init(&none, MESSAGE_MAX);
		if (r == 0)
			r = exchange(c, "null", deadline, &none);
		buf_fini(&none);
	}
	if (r >= 0)
		r = exchange(c, command, deadline, output);
	if (r < 0)
		channel_close(c);
	return r;
}

int channel_command(struct channel *c, const char *command, int timeout_msec, struct buf *output)
{
	int64_t deadline = clock_monotonic_msec() + timeout_msec;
	bool kept = c->fd >= 0;
	int r = command_once(c, command, deadline, output);

	/* A kept connection may be of a named that has ended since. */
	if (r < 0 && kept && r != ERR_TIMEOUT)
		r = command_once(c, command, deadline, output);
	return r;
}
