/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The port on the replicator's side: what fs says, well or badly. For each input a look, a scan, a
 * stage, an install and INFO are asked for, in this order, whose ids are 0x10000 to 0x10004 (a slot
 * that is used again: 0x20000 and so on); the input is packets, each after its length (u16).
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <fcntl.h>
#include <ftw.h>

#include "base/err.h"
#include "base/path.h"
#include "replicator/hollow.h"
#include "replicator/judge/judge.h"
#include "replicator/judge/judge_gated.h"
#include "replicator/judge/judge_serials.h"
#include "replicator/names.h"
#include "replicator/placer.h"
#include "replicator/portal.h"
#include "replicator/taker.h"
#include "replicator/thinker.h"
#include "replicator/zones.h"
#include "tests/fuzz/fuzz.h"

#define ROUNDS 64
#define FDS 64
#define ASKED_MAX 65536

static struct node node;
static struct port_head asked[ASKED_MAX]; /* by the replicator, in this input */
static size_t nasked;
static char dir[64];

/* ---- the loop: what it would be told is looked at ---- */

void node_event(struct node *n, struct event *e)
{
	fuzz_check(n == &node);
	fuzz_check(e->type == EVENT_RESCAN || e->type == EVENT_REJUDGE ||
		   (e->path && path_valid_or_root(e->path)));
	if (e->type == EVENT_HINT)
		fuzz_check(e->hint.serial > 0 && path_valid_or_root(e->hint.from));
	fuzz_check(e->type != EVENT_STAGED || e->staged.status <= 0);
	fuzz_check(e->type != EVENT_INSTALLED || e->installed.status <= 0);
	if (e->type == EVENT_LOOKED && e->looked.o.status == 0) {
		const struct observation *o = &e->looked.o;

		fuzz_check(o->attrs.mode <= 07777);
		fuzz_check(o->attrs.size <= VERSION_SIZE_MAX || o->too_big || o->busy);
		fuzz_check(o->unchanged || (o->attrs.kind == KIND_LINK) == (o->target != NULL));
	}
}

void node_defer(struct node *n, const struct event *e)
{
	struct event copy = *e;

	node_event(n, &copy);
}

static int nobody(bool group, uint32_t id, char *name, size_t size)
{
	(void)group;
	(void)id;
	(void)name;
	(void)size;
	return -ENOENT;
}

static int no_id(bool group, const char *name, uint32_t *id)
{
	(void)group;
	(void)name;
	(void)id;
	return -ENOENT;
}

/* ---- set-up ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void clean(void)
{
	store_close(node.store);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct names_source source = {nobody, no_id};
	static struct conf_server server = {.root = (char *)"/"};
	static struct conf conf = {.node = (char *)"n",
				   .mount = (char *)"/m",
				   .max_file_size = 1024 * 1024,
				   .server = &server};
	const char *tmp = getenv("TMPDIR");

	(void)argc;
	(void)argv;
	snprintf(dir, sizeof(dir), "%.40s/zonefs-fuzz-XXXXXX", tmp ? tmp : "/tmp");
	fuzz_check(mkdtemp(dir));
	conf.locality = locality_new();
	struct core_conf c = {.node = "n", .locality = conf.locality, .max_file_size = 1 << 20};
	node = (struct node){.conf = &conf, .core = core_new(&c), .names = names_new(&source)};
	fuzz_check(store_open(&node.store, dir, false) == 0 && node.core && node.names);
	atexit(clean);
	return 0;
}

static struct task *a_task(enum effect_type type, const char *path)
{
	struct task *t = calloc(1, sizeof(*t));

	t->type = type;
	t->path = strdup(path);
	return t;
}

static void give_task(struct task *t)
{
	placer_take(node.placer, t);
	free(t->path);
	if (t->type == EFFECT_INSTALL)
		free(t->install.target);
	free(t);
}

static void no_info(void *arg, const struct fs_info *info)
{
	(void)arg;
	fuzz_check(info->nbeneath <= 64);
}

static void ask_everything(void)
{
	struct task *stage = a_task(EFFECT_STAGE, "s");
	struct task *install = a_task(EFFECT_INSTALL, "i");

	install->install.kind = INTENT_LINK;
	install->install.attrs.kind = KIND_LINK;
	install->install.target = strdup("x");
	taker_look(node.taker, "a");
	taker_scan(node.taker, "");
	give_task(stage);
	give_task(install);
	node_fs_info(&node, no_info, &node);
	zones_tick(node.zones);
}

/* ---- an input ---- */

/* A regular file comes along with a packet whose length is odd. */
static void send_packet(int sock, const uint8_t *p, size_t len)
{
	struct buf b = {.data = (uint8_t *)(uintptr_t)p, .len = len};
	int fd = -1;

	if (len == 0)
		return;
	if (len & 1) {
		fd = memfd_create("content", MFD_CLOEXEC);
		fuzz_check(write(fd, "abc", 3) == 3);
	}
	port_send(sock, &b, fd);
	if (fd >= 0)
		close(fd);
}

static void note_requests(int sock)
{
	static uint8_t packet[PORT_PACKET_MAX];
	struct rd r;
	long len;
	int fd;

	while ((len = port_receive(sock, packet, &fd)) > 0) {
		fuzz_check(fd < 0);
		fuzz_check(port_parse(&r, packet, (size_t)len, &asked[nasked]) == 0);
		if (nasked < ASKED_MAX - 1)
			nasked++;
	}
}

static void rounds(int sock)
{
	for (int i = 0; i < ROUNDS && !node.stopping; i++) {
		int given = portal_receive(node.portal, 512);
		bool more = taker_work(node.taker);

		more = placer_work(node.placer) || more;
		more = judge_work(node.judge) || more;
		portal_flush(node.portal);
		note_requests(sock);
		if (given == 0 && !more)
			break;
	}
}

/* An error for every request that has no answer yet: what it holds is freed then. */
static void answer_all(int sock)
{
	struct buf b;

	buf_init(&b, PORT_PACKET_MAX);
	for (size_t i = 0; i < nasked; i++) {
		buf_reset(&b);
		port_begin(&b, asked[i].type | PORT_ANSWER, asked[i].id);
		buf_u32(&b, (uint32_t)-EIO);
		port_send(sock, &b, -1);
		node.stopping = false;
		rounds(sock);
	}
	buf_fini(&b);
}

static void feed(int sock, struct rd *r)
{
	while (rd_left(r) > 0 && !r->err && !node.stopping) {
		size_t len = rd_u16(r), left = rd_left(r);

		len = len < left ? len : left;
		send_packet(sock, rd_raw(r, len), len);
		rounds(sock);
	}
}

/* Of the first FDS numbers. */
static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < FDS; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2], before = open_fds();
	struct rd r;

	fuzz_check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) ==
		   0);
	fuzz_check(portal_open(&node, pair[0], &node.portal) == 0);
	node.hollow = hollow_new(&node);
	node.taker = taker_new(&node);
	node.placer = placer_new(&node);
	node.zones = zones_new(&node);
	node.thinker = thinker_new();
	node.gated = gated_new(&node);
	node.serials = serials_open(&node);
	node.judge = judge_new(&node);
	fuzz_check(node.thinker && node.gated && node.serials && node.judge);
	node.stopping = false;
	nasked = 0;
	ask_everything();
	rounds(pair[1]);
	rd_init(&r, data, size);
	feed(pair[1], &r);
	answer_all(pair[1]);
	thinker_free(node.thinker);
	judge_free(node.judge);
	serials_close(node.serials);
	gated_free(node.gated);
	taker_free(node.taker);
	hollow_free(node.hollow);
	zones_free(node.zones);
	placer_free(node.placer);
	portal_close(node.portal);
	close(pair[1]);
	fuzz_check(open_fds() == before); /* nothing that came along is left open */
	return 0;
}
