/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The port on root's side: requests of a replicator that may be hostile, carried out on a real
 * directory, which an input begins with anew. Nothing outside of it may ever change.
 *
 * An input is packets, each after its length (u16). What only an answer can tell is filled in, as
 * the request's id wants it: 1 the handle of what was staged last, 2 the identity of what is there.
 */
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "fs/backing.h"
#include "fs/fs.h"
#include "fs/portjob.h"
#include "fs/tree.h"
#include "tests/fuzz/fuzz.h"

enum { FILL_HANDLE = 1, FILL_IDENT = 2 };

static struct fs fs;
static char dir[64];
static int dir_fd;
static int inval_peer;
static struct fhandle staged;
static struct stat outside_was;

/* ---- the directory ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level == 0 ? 0 : remove(path);
}

static int remove_tree_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = path + ftw->base;

	(void)st;
	(void)type;
	if (ftw->level == 0 || (ftw->level == 1 && strcmp(name, PATH_STAGING) == 0))
		return 0;
	return remove(path);
}

static void clean(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	rmdir(dir);
}

static void put_file(const char *path, const char *text)
{
	int fd = openat(dir_fd, path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);

	fuzz_check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static struct stat outside_now(void)
{
	struct stat st;

	fuzz_check(fstatat(dir_fd, "outside/file", &st, 0) == 0);
	return st;
}

static void fill_tree(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/tree", dir);
	nftw(path, remove_tree_one, 16, FTW_DEPTH | FTW_PHYS);
	put_file("tree/a", "one\n");
	fuzz_check(mkdirat(dir_fd, "tree/d", 0755) == 0);
	put_file("tree/d/b", "two\n");
	fuzz_check(symlinkat("../outside/file", dir_fd, "tree/l") == 0);
	fuzz_check(symlinkat("../outside", dir_fd, "tree/out") == 0);
	memset(&staged, 0, sizeof(staged));
}

/* ---- the worker's parts ---- */

static void report(void *arg, const char *file, int line, const char *sentence)
{
	(void)arg;
	fprintf(stderr, "%s:%d: %s\n", file, line, sentence);
}

static struct conf *make_conf(void)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "node = \"n\"\nmount = \"%s/tree\"\nstate = \"/var/lib/x\"\n"
		 "listen = \"tcp://127.0.0.1:7740\"\nkey-file = \"/etc/x\"\n"
		 "max-file-size = \"1M\"\n",
		 dir);
	return conf_parse("conf", text, strlen(text), report, NULL);
}

static void no_wake(void *arg)
{
	(void)arg;
}

static void *serve_inval(void *arg)
{
	inval_serve(inval_peer, *(int *)arg, fs.mount);
	return NULL;
}

static void make_fs(void)
{
	static int null;
	struct fhandle root;
	pthread_t thread;
	int pair[2], rc;

	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	fs.conf = make_conf();
	fuzz_check(fs.conf);
	fs.mount = strdup(fs.conf->mount);
	fs.life = 1;
	TAILQ_INIT(&fs.saves);
	fs.saves_due = INT64_MAX;
	slots_init(&fs.open_handles);
	pthread_mutex_init(&fs.handles_lock, NULL);
	locks_init(&fs.locks);
	fs.plain = openat(dir_fd, "tree", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fuzz_check(backing_init(&fs, fs.plain, &root) == 0);
	fuzz_check(nodes_init(&fs.nodes, &root) == 0);
	fs.staging = staging_new(&fs, &rc);
	fs.dirsync = dirsync_new();
	fs.capture = capture_new(1024, no_wake, NULL);
	fs.floor = floor_new(100);
	fs.mounts = mounts_new(fs.mount);
	fs.busy = busy_new(fs.capture);
	fuzz_check(fs.staging && fs.dirsync && fs.floor && fs.mounts && fs.busy);
	fuzz_check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	fs.inval = inval_new(pair[0]);
	inval_peer = pair[1];
	fuzz_check(fs.inval && pthread_create(&thread, NULL, serve_inval, &null) == 0);
	pthread_detach(thread);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *tmp = getenv("TMPDIR");

	(void)argc;
	(void)argv;
	snprintf(dir, sizeof(dir), "%.40s/zonefs-fuzz-XXXXXX", tmp ? tmp : "/tmp");
	fuzz_check(mkdtemp(dir));
	atexit(clean);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fuzz_check(mkdirat(dir_fd, "tree", 0755) == 0 && mkdirat(dir_fd, "outside", 0755) == 0);
	put_file("outside/file", "nobody's business\n");
	outside_was = outside_now();
	make_fs();
	return 0;
}

/* ---- requests ---- */

static void fill_ident(const char *path, struct ident *ident)
{
	struct found f;
	int fd = -1;

	if (tree_look(&fs, path, &f, &fd) == 0)
		*ident = f.look.ident;
	if (fd >= 0)
		close(fd);
}

static void fill_install(struct buf *b, struct rd *r, const struct port_head *head)
{
	static char path[PATH_LEN_MAX + 1], target[PORT_TARGET_MAX + 1];
	struct install in;

	rd_install(r, &in, path, target);
	if (rd_end(r) < 0)
		return;
	if ((head->id & FILL_HANDLE) && (in.flags & INSTALL_HAS_CONTENT) && staged.len > 0)
		in.handle = staged;
	if (head->id & FILL_IDENT)
		fill_ident(path, &in.expected);
	port_begin(b, head->type, head->id);
	buf_install(b, &in);
}

static void fill_remove(struct buf *b, struct rd *r, const struct port_head *head)
{
	static char path[PATH_LEN_MAX + 1];
	struct ident ident;

	rd_strbuf(r, path, sizeof(path));
	rd_ident(r, &ident);
	if (rd_end(r) < 0 || !path_valid(path) || !(head->id & FILL_IDENT))
		return;
	fill_ident(path, &ident);
	port_begin(b, head->type, head->id);
	buf_str(b, path);
	buf_ident(b, &ident);
}

static void check_answer(struct portjob *job)
{
	struct port_head head;
	struct rd r;

	if (job->answer.err)
		return; /* told as that error */
	fuzz_check(port_parse(&r, job->answer.data, job->answer.len, &head) == 0);
	fuzz_check(head.type == (job->type | PORT_ANSWER) && head.id == job->id);
	int status = (int)rd_u32(&r);
	fuzz_check(status <= 0);
	if (job->type == PORT_STAGE && status == 0)
		rd_fhandle(&r, &staged);
}

static void carry_out(const struct port_head *head, const uint8_t *p, size_t len)
{
	struct portjob *job = portjob_new(1, head->type, head->id, p, len);

	fuzz_check(job);
	portreq_place(job);
	portreq_carry_out(&fs, job);
	check_answer(job);
	if (job->sync_fd >= 0)
		staging_sync(fs.staging, job->sync_name, job->sync_fd);
	portjob_free(job);
}

static void one_packet(const uint8_t *p, size_t len)
{
	struct port_head head;
	struct buf b;
	struct rd r;

	if (port_parse(&r, p, len, &head) < 0 || head.type < PORT_LIST || head.type > PORT_MARK)
		return;
	buf_init(&b, PORT_PACKET_MAX);
	if (head.type == PORT_INSTALL)
		fill_install(&b, &r, &head);
	else if (head.type == PORT_REMOVE)
		fill_remove(&b, &r, &head);
	carry_out(&head, b.len ? b.data : p, b.len ? b.len : len);
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r;

	fill_tree();
	rd_init(&r, data, size);
	while (rd_left(&r) > 0 && !r.err) {
		size_t len = rd_u16(&r);
		const uint8_t *p = rd_raw(&r, len < rd_left(&r) ? len : rd_left(&r));
		if (p)
			one_packet(p, len < (size_t)(r.p - p) ? len : (size_t)(r.p - p));
	}
	staging_forget(fs.staging);
	struct stat now = outside_now();
	fuzz_check(now.st_ino == outside_was.st_ino && now.st_size == outside_was.st_size);
	fuzz_check(now.st_nlink == 1 && now.st_mode == outside_was.st_mode);
	fuzz_check(now.st_ctim.tv_sec == outside_was.st_ctim.tv_sec &&
		   now.st_ctim.tv_nsec == outside_was.st_ctim.tv_nsec);
	return 0;
}
