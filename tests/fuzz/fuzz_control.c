/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a program may send to the control socket: any bytes, in pieces that the first byte cuts. What comes
 * back are lines of JSON, whatever was asked, and the next client is served.
 */
#include "tests/unit/control_help.h"

#include "tests/fuzz/fuzz.h"

#define ANSWER_MAX (4 << 20)

static void *scratch;

static void clean_up(void)
{
	tear_down(&scratch);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_check(set_up(&scratch) == 0);
	for (uint64_t i = 1; i <= 3; i++)
		fuzz_check(save(node.store, "etc/a", i, "some text", 1000) == 0);
	fuzz_check(store_commit(node.store) == 0);
	atexit(clean_up);
	return 0;
}

/* Whoever waits for the node gets its answer. */
static void answer(void)
{
	struct fs_info info = {.known = true};

	if (fake.info) {
		fs_info_done *done = fake.info;
		fake.info = NULL;
		done(fake.info_arg, &info);
	}
	if (fake.waiting) {
		fake.waiting = false;
		fake.wait.done(fake.wait.arg, true);
	}
	if (fake.verify.done) {
		struct verify_calls v = fake.verify;
		fake.verify.done = NULL;
		v.done(v.arg, true);
	}
}

/* Each line that came so far; the rest is kept. */
static size_t check_lines(char *text, size_t len)
{
	char *newline;

	while ((newline = memchr(text, '\n', len))) {
		json_t *o = json_loadb(text, (size_t)(newline - text), 0, NULL);
		size_t used = (size_t)(newline - text) + 1;

		fuzz_check(json_is_object(o));
		json_decref(o);
		memmove(text, text + used, len - used);
		len -= used;
	}
	return len;
}

/* Rounds until nothing more is said; false: the node has hung up. */
static bool talk(int fd, char *text, size_t *len)
{
	for (int quiet = 0; quiet < 4; quiet++) {
		ssize_t n = 0;

		round_once(0);
		answer();
		while (*len < ANSWER_MAX &&
		       (n = recv(fd, text + *len, ANSWER_MAX - *len, MSG_DONTWAIT)) > 0) {
			*len = check_lines(text, *len + (size_t)n);
			quiet = 0;
		}
		if (n == 0)
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[ANSWER_MAX];
	size_t len = 0, piece = size > 0 ? 1 + data[0] * 16u : 1;
	int fd = dial();

	round_once(0);
	for (size_t at = 1; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		if (send(fd, data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ||
		    !talk(fd, text, &len))
			break;
	}
	close(fd);
	for (int i = 0; i < 3; i++)
		round_once(0);
	answer();
	fake.waiting = false;
	fake.info = NULL;
	fake.verify.done = NULL;
	return 0;
}
