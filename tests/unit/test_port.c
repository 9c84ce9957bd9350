/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The port: its messages travel unchanged, nothing malformed passes, and its socket keeps to one
 * packet and one descriptor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/path.h"
#include "base/port.h"

#define HANDLE                                                                                     \
	{                                                                                          \
		.len = 12, .type = 1, .bytes = "handle-bytes"                                      \
	}
#define IDENT                                                                                      \
	{                                                                                          \
		.handle = HANDLE, .a = 77, .b = -5, .c = INT64_MAX, .life = 3, .count = 4          \
	}

static const struct ident some_ident = IDENT;

static const struct hint some_hint = {
    .serial = 9,
    .what = HINT_CHANGED,
    .flags = HINT_TREE | HINT_NAMES,
    .path = "etc/named.conf",
    .from = "etc/named.conf~",
    .who = {.uid = 1, .login_uid = 2, .pid = 3, .command = "vi", .tty = "pts/1"},
};

static const struct look some_look = {
    .kind = KIND_LINK,
    .busy = true,
    .mode = 06755,
    .uid = 1,
    .gid = 2,
    .nlink = 3,
    .size = INT64_MAX,
    .mtime_nsec = -1,
    .ident = IDENT,
    .target = "../target",
    .xattrs = (const uint8_t *)"xattrs",
    .xattrs_len = 6,
};

static const struct install some_install = {
    .path = "var/named/a.zone",
    .kind = KIND_FILE,
    .flags = INSTALL_HAS_CONTENT,
    .mode = 0644,
    .uid = 1,
    .gid = 2,
    .mtime_nsec = INT64_C(1800000000000000001),
    .handle = HANDLE,
    .target = "",
    .expected = IDENT,
};

/* One reader of each kind, so that all can be fed with garbage. Returns what rd_end says. */
static int read_hint(struct rd *r)
{
	struct hint h;
	char path[PATH_LEN_MAX + 1], from[PATH_LEN_MAX + 1];

	rd_hint(r, &h, path, from);
	if (rd_end(r) == 0)
		assert_true(path_valid_or_root(path) && path_valid_or_root(from) && h.serial > 0);
	return rd_end(r);
}

static int read_look(struct rd *r)
{
	struct look l;
	char target[PORT_TARGET_MAX + 1];

	rd_look(r, &l, target);
	if (rd_end(r) == 0)
		assert_true(l.kind <= KIND_OTHER && l.mode <= 07777);
	return rd_end(r);
}

static int read_install(struct rd *r)
{
	struct install i;
	char path[PATH_LEN_MAX + 1], target[PORT_TARGET_MAX + 1];

	rd_install(r, &i, path, target);
	if (rd_end(r) == 0) {
		assert_true(path_valid(path) && i.mode <= 07777);
		assert_true(i.kind >= KIND_FILE && i.kind <= KIND_LINK);
	}
	return rd_end(r);
}

static int read_ident(struct rd *r)
{
	struct ident i;

	rd_ident(r, &i);
	return rd_end(r);
}

static int read_who(struct rd *r)
{
	struct who w;

	rd_who(r, &w);
	return rd_end(r);
}

static void write_hint(struct buf *b)
{
	buf_hint(b, &some_hint);
}

static void write_look(struct buf *b)
{
	buf_look(b, &some_look);
}

static void write_install(struct buf *b)
{
	buf_install(b, &some_install);
}

static void write_ident(struct buf *b)
{
	buf_ident(b, &some_ident);
}

static void write_who(struct buf *b)
{
	buf_who(b, &some_hint.who);
}

static const struct {
	void (*write)(struct buf *);
	int (*read)(struct rd *);
} codecs[] = {
    {write_hint, read_hint},   {write_look, read_look}, {write_install, read_install},
    {write_ident, read_ident}, {write_who, read_who},
};

static void messages_travel_unchanged(void **state)
{
	struct buf b;
	struct rd r;
	struct port_head head;
	struct hint h;
	struct look l;
	struct install i;
	char one[PATH_LEN_MAX + 1], two[PATH_LEN_MAX + 1];

	(void)state;
	buf_init(&b, PORT_PACKET_MAX);
	port_begin(&b, PORT_LOOK | PORT_ANSWER, 0xdeadbeef);
	buf_hint(&b, &some_hint);
	buf_look(&b, &some_look);
	buf_install(&b, &some_install);
	assert_int_equal(b.err, 0);
	assert_int_equal(port_parse(&r, b.data, b.len, &head), 0);
	assert_int_equal(head.type, PORT_LOOK | PORT_ANSWER);
	assert_int_equal(head.id, 0xdeadbeef);

	rd_hint(&r, &h, one, two);
	assert_int_equal(h.serial, 9);
	assert_int_equal(h.what, HINT_CHANGED);
	assert_int_equal(h.flags, HINT_TREE | HINT_NAMES);
	assert_ptr_equal(h.path, one);
	assert_string_equal(h.path, some_hint.path);
	assert_string_equal(h.from, some_hint.from);
	assert_string_equal(h.who.command, "vi");

	rd_look(&r, &l, one);
	assert_int_equal(l.kind, KIND_LINK);
	assert_true(l.busy);
	assert_false(l.writer);
	assert_int_equal(l.mode, 06755);
	assert_int_equal(l.nlink, 3);
	assert_int_equal(l.size, INT64_MAX);
	assert_int_equal(l.mtime_nsec, -1);
	assert_true(ident_same(&l.ident, &some_ident));
	assert_string_equal(l.target, "../target");
	assert_memory_equal(l.xattrs, "xattrs", 6);

	rd_install(&r, &i, one, two);
	assert_string_equal(i.path, some_install.path);
	assert_int_equal(i.kind, KIND_FILE);
	assert_int_equal(i.flags, INSTALL_HAS_CONTENT);
	assert_int_equal(i.mtime_nsec, some_install.mtime_nsec);
	assert_true(fhandle_same(&i.handle, &some_install.handle));
	assert_true(ident_same(&i.expected, &some_ident));
	assert_int_equal(i.xattrs_len, 0);
	assert_int_equal(rd_end(&r), 0);
	buf_fini(&b);
}

static void a_packets_head_is_checked(void **state)
{
	struct buf b;
	struct rd r;
	struct port_head head;

	(void)state;
	buf_init(&b, PORT_PACKET_MAX);
	for (int type = 0; type < 256; type++) {
		bool request = type >= PORT_HELLO && type <= PORT_CHECK_END;
		bool answer =
		    type >= (PORT_LIST | PORT_ANSWER) && type <= (PORT_CHECK_END | PORT_ANSWER);

		buf_reset(&b);
		port_begin(&b, (uint8_t)type, 1);
		assert_int_equal(port_parse(&r, b.data, b.len, &head),
				 request || answer ? 0 : ERR_FORMAT);
	}
	buf_reset(&b);
	port_begin(&b, PORT_INFO, 1);
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(port_parse(&r, b.data, len, &head), ERR_FORMAT);
	b.data[0] = PORT_VERSION + 1;
	assert_int_equal(port_parse(&r, b.data, b.len, &head), ERR_PROTOCOL);
	assert_int_equal(rd_end(&r), ERR_FORMAT);
	buf_fini(&b);
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(codecs); c++) {
		struct buf b;
		struct rd r;

		buf_init(&b, PORT_PACKET_MAX);
		codecs[c].write(&b);
		rd_init(&r, b.data, b.len);
		assert_int_equal(codecs[c].read(&r), 0);
		for (size_t len = 0; len < b.len; len++) {
			/* A copy of exactly this length, so that a sanitizer sees a step over it.
			 */
			CLEANUP_FREE uint8_t *copy = malloc(len + !len);

			assert_non_null(copy);
			memcpy(copy, b.data, len);
			rd_init(&r, copy, len);
			assert_int_equal(codecs[c].read(&r), ERR_FORMAT);
		}
		buf_u8(&b, 0);
		rd_init(&r, b.data, b.len);
		assert_int_equal(codecs[c].read(&r), ERR_FORMAT);
		buf_fini(&b);
	}
}

/* xorshift: the same garbage on every run. */
static uint32_t random_next(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

static void flipped_bits_never_get_past_the_checks(void **state)
{
	uint32_t seed = 20261121;

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(codecs); c++) {
		struct buf b;

		buf_init(&b, PORT_PACKET_MAX);
		codecs[c].write(&b);
		for (int round = 0; round < 20000; round++) {
			CLEANUP_FREE uint8_t *copy = malloc(b.len);
			struct rd r;

			assert_non_null(copy);
			memcpy(copy, b.data, b.len);
			for (uint32_t n = 1 + random_next(&seed) % 8; n > 0; n--)
				copy[random_next(&seed) % b.len] ^=
				    (uint8_t)(1 << random_next(&seed) % 8);
			rd_init(&r, copy, b.len);
			int end = codecs[c].read(&r);
			assert_true(end == 0 || end == ERR_FORMAT);
		}
		buf_fini(&b);
	}
}

static int install_end(const struct install *install)
{
	struct buf b;
	struct rd r;

	buf_init(&b, PORT_PACKET_MAX);
	buf_install(&b, install);
	rd_init(&r, b.data, b.len);
	int end = read_install(&r);
	buf_fini(&b);
	return end;
}

static void an_install_out_of_range_is_refused(void **state)
{
	static const char *const bad_paths[] = {"",          "/etc/x", "../x", "a/../b",
						".zonefs/x", "a//b",   "a/"};
	struct install i = some_install;

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(bad_paths); n++) {
		i.path = bad_paths[n];
		assert_int_equal(install_end(&i), ERR_FORMAT);
	}
	i = some_install;
	i.kind = KIND_ABSENT;
	assert_int_equal(install_end(&i), ERR_FORMAT);
	i.kind = KIND_OTHER;
	assert_int_equal(install_end(&i), ERR_FORMAT);
	i.kind = KIND_DIR; /* has no content */
	assert_int_equal(install_end(&i), ERR_FORMAT);
	i = some_install;
	i.flags = 4;
	assert_int_equal(install_end(&i), ERR_FORMAT);
	i = some_install;
	i.target = "target"; /* of a file */
	assert_int_equal(install_end(&i), ERR_FORMAT);
	i = some_install;
	i.handle.len = 0;
	assert_int_equal(install_end(&i), ERR_FORMAT);
	i = some_install;
	i.mode = S_IFBLK | 0644; /* only the permission bits are read */
	assert_int_equal(install_end(&i), 0);

	static uint8_t xattrs[PORT_XATTRS_MAX + 1];
	i = some_install;
	i.xattrs = xattrs;
	i.xattrs_len = PORT_XATTRS_MAX;
	assert_int_equal(install_end(&i), 0);
	i.xattrs_len++;
	assert_int_equal(install_end(&i), ERR_FORMAT);
}

static void a_link_may_be_as_long_as_a_path_and_no_longer(void **state)
{
	struct install i = some_install;
	char target[PORT_TARGET_MAX + 2];

	(void)state;
	memset(target, 'x', sizeof target);
	target[PORT_TARGET_MAX + 1] = '\0';
	i.kind = KIND_LINK;
	i.flags = 0;
	i.target = target;
	assert_int_equal(install_end(&i), ERR_FORMAT);
	target[PORT_TARGET_MAX] = '\0';
	assert_int_equal(install_end(&i), 0);
}

/* A pair of sockets in the state of the tests that need one. */
static int open_pair(void **state)
{
	static int pair[2];

	*state = pair;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair);
}

static int close_pair(void **state)
{
	int *pair = *state;

	close(pair[0]);
	if (pair[1] >= 0)
		close(pair[1]);
	return 0;
}

static void send_text(int sock, const char *text, int fd)
{
	struct buf b;

	buf_init(&b, 1000);
	buf_raw(&b, text, strlen(text));
	assert_int_equal(port_send(sock, &b, fd), 0);
	buf_fini(&b);
}

static void packets_and_descriptors_arrive_together(void **state)
{
	int *pair = *state;
	uint8_t *p = malloc(PORT_PACKET_MAX);
	int fd = 0;

	assert_int_equal(port_receive(pair[1], p, &fd), -EAGAIN);
	assert_int_equal(fd, -1);
	send_text(pair[0], "one", -1);
	send_text(pair[0], "two", pair[0]);
	assert_int_equal(port_receive(pair[1], p, &fd), 3);
	assert_int_equal(fd, -1);
	assert_int_equal(port_receive(pair[1], p, &fd), 3);
	assert_memory_equal(p, "two", 3);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	struct stat sent, got;
	assert_int_equal(fstat(pair[0], &sent), 0);
	assert_int_equal(fstat(fd, &got), 0);
	assert_int_equal(sent.st_ino, got.st_ino);
	close(fd);
	free(p);
}

static int count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void more_than_one_descriptor_is_refused_and_none_is_left_open(void **state)
{
	int *pair = *state;
	uint8_t *p = malloc(PORT_PACKET_MAX);
	union {
		char bytes[CMSG_SPACE(3 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = "x", .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes};
	int before = count_descriptors();
	int fd;

	for (unsigned n = 2; n <= 3; n++) {
		msg.msg_controllen = CMSG_LEN(n * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		for (unsigned i = 0; i < n; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &pair[0], sizeof(int));
		assert_int_equal(sendmsg(pair[0], &msg, 0), 1);
		assert_int_equal(port_receive(pair[1], p, &fd), ERR_LIMIT);
		assert_int_equal(fd, -1);
		assert_int_equal(count_descriptors(), before);
	}
	free(p);
}

static void the_longest_packet_passes_and_a_longer_one_does_not(void **state)
{
	int *pair = *state;
	uint8_t *p = malloc(PORT_PACKET_MAX + 1);
	struct buf b;
	int fd;

	memset(p, 'x', PORT_PACKET_MAX + 1);
	buf_init(&b, PORT_PACKET_MAX);
	buf_raw(&b, p, PORT_PACKET_MAX);
	assert_int_equal(port_send(pair[0], &b, -1), 0);
	assert_int_equal(port_receive(pair[1], p, &fd), PORT_PACKET_MAX);
	buf_u8(&b, 0);
	assert_int_equal(port_send(pair[0], &b, -1), ERR_LIMIT);
	buf_fini(&b);
	assert_int_equal(send(pair[0], p, PORT_PACKET_MAX + 1, 0), PORT_PACKET_MAX + 1);
	assert_int_equal(port_receive(pair[1], p, &fd), ERR_LIMIT);
	free(p);
}

static void a_full_port_says_so_and_a_closed_one_too(void **state)
{
	int *pair = *state;
	uint8_t *p = malloc(PORT_PACKET_MAX);
	struct buf b;
	int r = 0;
	int n = 0;
	int fd;

	buf_init(&b, 1000);
	port_begin(&b, PORT_INFO, 1);
	for (; r == 0 && n < 100000; n++)
		r = port_send(pair[0], &b, -1);
	assert_int_equal(r, -EAGAIN);
	close(pair[1]);
	pair[1] = -1;
	assert_int_equal(port_send(pair[0], &b, -1), ERR_CLOSED);
	r = (int)port_receive(pair[0], p, &fd);
	assert_int_equal(r, ERR_CLOSED);
	buf_fini(&b);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(messages_travel_unchanged),
	    cmocka_unit_test(a_packets_head_is_checked),
	    cmocka_unit_test(every_truncation_is_refused),
	    cmocka_unit_test(flipped_bits_never_get_past_the_checks),
	    cmocka_unit_test(an_install_out_of_range_is_refused),
	    cmocka_unit_test(a_link_may_be_as_long_as_a_path_and_no_longer),
	    cmocka_unit_test_setup_teardown(packets_and_descriptors_arrive_together, open_pair,
					    close_pair),
	    cmocka_unit_test_setup_teardown(
		more_than_one_descriptor_is_refused_and_none_is_left_open, open_pair, close_pair),
	    cmocka_unit_test_setup_teardown(the_longest_packet_passes_and_a_longer_one_does_not,
					    open_pair, close_pair),
	    cmocka_unit_test_setup_teardown(a_full_port_says_so_and_a_closed_one_too, open_pair,
					    close_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
