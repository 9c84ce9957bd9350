/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Somebody at a node's door: sends one message with a given first few bytes to its requests'
 * socket, and prints what comes back.
 *
 *   stranger ADDRESS SERVER-PUBLIC OWN-PUBLIC OWN-SECRET HEX SECONDS
 *   stranger ADDRESS plain HEX SECONDS          without CURVE
 *
 * Exit status 0: an answer came (printed, what is not text as '.'); 1: none within SECONDS.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, zmq_strerror(zmq_errno()));
	return 2;
}

static size_t from_hex(const char *hex, unsigned char *to, size_t max)
{
	size_t n = 0;
	unsigned byte;

	while (n < max && sscanf(hex + 2 * n, "%2x", &byte) == 1)
		to[n++] = (unsigned char)byte;
	return n;
}

static int ask(void *socket, const char *hex, long seconds)
{
	unsigned char bytes[256];
	char answer[4096];
	zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
	size_t n = from_hex(hex, bytes, sizeof bytes);
	int got;

	if (zmq_send(socket, bytes, n, 0) < 0)
		return fail("send");
	if (zmq_poll(&item, 1, seconds * 1000) <= 0)
		return 1;
	got = zmq_recv(socket, answer, sizeof answer, 0);
	for (int i = 0; i < got && i < (int)sizeof answer; i++)
		putchar(isprint((unsigned char)answer[i]) ? answer[i] : '.');
	putchar('\n');
	return 0;
}

int main(int argc, char **argv)
{
	int plain = argc == 5 && strcmp(argv[2], "plain") == 0;
	int linger = 0;
	void *context;
	void *socket;
	int status;

	if (argc != 7 && !plain) {
		fputs("usage: stranger ADDRESS SERVER PUBLIC SECRET HEX SECONDS\n", stderr);
		return 2;
	}
	context = zmq_ctx_new();
	socket = zmq_socket(context, ZMQ_DEALER);
	zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
	if (!plain && (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, argv[2], 41) < 0 ||
		       zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, argv[3], 41) < 0 ||
		       zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, argv[4], 41) < 0))
		return fail("keys");
	if (zmq_connect(socket, argv[1]) < 0)
		return fail(argv[1]);
	status = ask(socket, argv[argc - 2], strtol(argv[argc - 1], NULL, 10));
	zmq_close(socket);
	zmq_ctx_term(context);
	return status;
}
