/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a peer with a listed key may send into a living core: a sequence of messages, each
 *
 *   u8 (1: of the second peer, 2: a second passes before, 4: somebody saves a file here, 8: contents that
 *   are said to come along do not), u16 length (little-endian), that many bytes: a message
 *
 * decoded as the loop does it and given as its event. A disk that takes everything answers. Whatever
 * comes, installs stay in the tree, are nothing that is local, and have no bits that give rights; and
 * each LOOK, SCAN, STAGE, INSTALL and REMOVE is of a path.
 */
#include <string.h>

#include "base/path.h"
#include "replicator/core/core.h"
#include "replicator/wire/message.h"
#include "tests/fuzz/fuzz.h"

#define FILES_MAX 64    /* that the disk remembers; further ones are forgotten */
#define TASKS_MAX 65536 /* answers owed at once */
#define STEPS_MAX 20000
#define MAX_FILE_SIZE (UINT64_C(1) << 30)
#define WALL_MSEC INT64_C(1700000000000)

struct file {
	char *path;
	struct ident ident;
	struct attrs attrs;
};

struct task {
	enum effect_type type;
	char *path;
	struct attrs attrs;
	struct hash hash;
};

static struct {
	struct core *core;
	int64_t now;
	uint32_t steps;
	uint64_t idents;
	uint64_t hints;
	uint64_t asked[2];
	struct file files[FILES_MAX];
	uint32_t nfiles;
	struct task *tasks;
	uint32_t first, ntasks;
} w;

static struct locality *locality;

/* ---- the disk ---- */

static struct file *file_find(const char *path)
{
	for (uint32_t i = 0; i < w.nfiles; i++)
		if (strcmp(w.files[i].path, path) == 0)
			return &w.files[i];
	return NULL;
}

static void file_drop(struct file *f)
{
	free(f->path);
	*f = w.files[--w.nfiles];
}

static struct file *file_put(const char *path, const struct attrs *a)
{
	struct file *f = file_find(path);

	if (!f && w.nfiles == FILES_MAX)
		file_drop(&w.files[0]);
	if (!f) {
		f = &w.files[w.nfiles++];
		f->path = strdup(path);
	}
	f->attrs = *a;
	memset(&f->ident, 0, sizeof(f->ident));
	f->ident.handle.len = sizeof(w.idents);
	w.idents++;
	memcpy(f->ident.handle.bytes, &w.idents, sizeof(w.idents));
	return f;
}

/* ---- effects ---- */

static void check_install(const struct effect *e)
{
	const struct attrs *a = &e->install.intent->attrs;

	fuzz_check(path_valid(e->path));
	if (e->type == EFFECT_REMOVE)
		return;
	fuzz_check(a->kind == KIND_FILE || a->kind == KIND_DIR || a->kind == KIND_LINK);
	fuzz_check(!core_local(w.core, e->path, a->kind == KIND_DIR));
	fuzz_check((a->mode & 06000) == 0);
	fuzz_check(a->kind != KIND_FILE || a->size <= MAX_FILE_SIZE);
}

static void owe(const struct effect *e)
{
	struct task *t = &w.tasks[w.ntasks];

	fuzz_check(w.ntasks < TASKS_MAX);
	*t = (struct task){.type = e->type};
	if (e->path)
		t->path = strdup(e->path);
	if (e->type == EFFECT_INSTALL || e->type == EFFECT_REMOVE) {
		check_install(e);
		t->attrs = e->install.intent->attrs;
	} else if (e->type == EFFECT_FETCH) {
		t->hash = e->content.hash;
	} else {
		fuzz_check(path_valid_or_root(e->path));
	}
	w.ntasks++;
}

static void step(struct event *e)
{
	const struct effect *effects;
	size_t n;

	e->now_msec = w.now;
	e->wall_msec = WALL_MSEC + w.now;
	w.steps++;
	effects = core_step(w.core, e, &n);
	for (size_t i = 0; i < n; i++) {
		switch (effects[i].type) {
		case EFFECT_LOOK:
		case EFFECT_SCAN:
		case EFFECT_STAGE:
		case EFFECT_INSTALL:
		case EFFECT_REMOVE:
		case EFFECT_FETCH:
			owe(&effects[i]);
			break;
		case EFFECT_ASK:
			w.asked[effects[i].peer] = effects[i].ask->id;
			break;
		default:
			break;
		}
	}
}

static void look(struct event *e, const char *path)
{
	const struct file *f = file_find(path);

	e->type = EVENT_LOOKED;
	if (!f)
		return;
	e->looked.o.ident = f->ident;
	e->looked.o.attrs = f->attrs;
	e->looked.o.target = f->attrs.kind == KIND_LINK ? "x" : NULL;
}

static void answer(const struct task *t)
{
	struct event e = {.path = t->path};
	struct file *f;

	switch (t->type) {
	case EFFECT_LOOK:
		look(&e, t->path);
		break;
	case EFFECT_SCAN:
		e.type = EVENT_SCANNED;
		break;
	case EFFECT_STAGE:
		e.type = EVENT_STAGED;
		e.staged.handle.len = 1;
		break;
	case EFFECT_INSTALL:
		e.type = EVENT_INSTALLED;
		f = file_put(t->path, &t->attrs);
		e.installed.ident = f->ident;
		e.installed.mtime_nsec = t->attrs.mtime_nsec;
		break;
	case EFFECT_REMOVE:
		e.type = EVENT_INSTALLED;
		f = file_find(t->path);
		if (f)
			file_drop(f);
		break;
	default:
		e.type = EVENT_CONTENT;
		e.content = t->hash;
		break;
	}
	step(&e);
}

static void answer_all(void)
{
	for (; w.first < w.ntasks; w.first++) {
		struct task t = w.tasks[w.first];

		if (w.steps < STEPS_MAX)
			answer(&t);
		free(t.path);
	}
	w.first = w.ntasks = 0;
}

/* ---- what happens ---- */

static void save_here(void)
{
	struct who who = {.pid = 1, .command = "vi"};
	struct event e = {.type = EVENT_HINT, .path = "etc/here"};
	struct attrs a = {.kind = KIND_FILE, .mode = 0644, .size = 1 + w.hints,
			  .mtime_nsec = (WALL_MSEC + w.now) * 1000000};

	memcpy(&a.hash, &a.size, sizeof(a.size));
	strcpy(a.owner, "root");
	strcpy(a.group, "root");
	file_put("etc/here", &a);
	e.hint.serial = ++w.hints;
	e.hint.from = "";
	e.hint.flags = 0;
	e.hint.who = &who;
	e.hint.user = "admin";
	step(&e);
}

static void say(uint32_t peer, struct message *m, bool content)
{
	static bool have[OP_VERSIONS_MAX];
	struct event e = {.peer = peer, .have = have};

	memset(have, content, sizeof(have));
	switch (m->type) {
	case WIRE_OP:
		e.type = EVENT_OP;
		e.op = &m->op.op;
		break;
	case WIRE_HEARTBEAT:
		e.type = EVENT_HEARTBEAT;
		e.heartbeat = &m->heartbeat.heartbeat;
		break;
	case WIRE_ASK:
		e.type = EVENT_ASK;
		e.ask = &m->ask;
		break;
	case WIRE_PAGE:
		e.type = EVENT_PAGE;
		m->page.id = w.asked[peer]; /* it answers what it was asked */
		e.page = &m->page;
		break;
	case WIRE_NODES:
		e.type = EVENT_NODES;
		e.nodes = &m->nodes;
		break;
	default:
		return;
	}
	step(&e);
}

static void begin(void)
{
	static const char *const peers[] = {"ns2", "ns3"};
	struct core_conf conf = {.node = "ns1", .locality = locality, .delete_delay_msec = 100,
				 .max_file_size = MAX_FILE_SIZE, .npeers = 2, .peers = peers};
	struct event start = {.type = EVENT_START, .random = 77};
	struct event alone = {.type = EVENT_START_ALONE};

	w.core = core_new(&conf);
	w.now = 1000;
	step(&start);
	step(&alone);
	answer_all();
	for (uint32_t i = 0; i < 2; i++) {
		struct event e = {.type = EVENT_PEER, .peer = i};

		e.reachable = true;
		step(&e);
	}
}

static void end(void)
{
	struct heartbeat h;

	core_heartbeat(w.core, &h, WALL_MSEC + w.now, w.now);
	fuzz_check(h.nrecent <= HEARTBEAT_RECENT_MAX);
	core_free(w.core);
	while (w.nfiles)
		file_drop(&w.files[0]);
	struct task *tasks = w.tasks;
	memset(&w, 0, sizeof(w));
	w.tasks = tasks;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message m;

	if (!locality)
		locality = locality_new();
	if (!w.tasks)
		w.tasks = calloc(TASKS_MAX, sizeof(*w.tasks));
	begin();
	while (size >= 3 && w.steps < STEPS_MAX) {
		size_t len = data[1] | (size_t)data[2] << 8;
		uint8_t how = data[0];

		data += 3;
		size -= 3;
		len = len < size ? len : size;
		if (how & 2) {
			struct event e = {.type = EVENT_TIME};
			w.now += 1000;
			step(&e);
		}
		if (how & 4)
			save_here();
		if (message_decode(&m, data, len) == 0) {
			say(how & 1, &m, !(how & 8));
			message_fini(&m);
		}
		answer_all();
		data += len;
		size -= len;
	}
	end();
	return 0;
}
