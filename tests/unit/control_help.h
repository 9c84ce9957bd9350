/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For tests of the control socket: a real socket and a real store, a node and a core that say what
 * the test told them to say, and a client that reads line by line.
 */
#ifndef TESTS_CONTROL_HELP_H
#define TESTS_CONTROL_HELP_H

#include "tests/unit/store_help.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"
#include "replicator/byhand.h"
#include "replicator/proofs.h"
#include "replicator/checks.h"
#include "replicator/control/control.h"
#include "replicator/everywhere.h"
#include "replicator/judge/judge_forward.h"
#include "replicator/judge/judge_serials.h"

/* ---- a node that has only what is said here ---- */

static struct {
	bool waiting;
	struct wait_calls wait;
	struct wait_spec spec;
	char path[256];
	uint64_t cancelled;
	struct verify_calls verify;
	struct check_calls check;
	fs_info_done *info;
	void *info_arg;
	int alone;
	/* Of the core: one path's entry, the visible version, what is below it. */
	const char *path_known;
	struct version *entry[4];
	uint32_t nentry;
	bool conflict, joining, local;
	/* The last order: 0 items if there was none. */
	uint32_t ordered;
	struct attrs order;
	char order_path[256], order_user[64];
	struct who order_who;
	int order_error;
	struct vv vector; /* grows with each order that makes a version */
	char paused_by[NODE_BY_MAX];
	char forgotten[64];
	bool recalls;
	bool far_knows;
	/* What is held. */
	const struct version *draft;
	bool put_back;       /* it will be, when it has been looked at */
	bool stays;          /* whatever is decided */
	bool hook_runs;
	uint32_t saved_anew; /* paths, ever; */
	uint32_t saves_anew; /* and with the next decision */
	enum event_type decided;
	uint32_t decided_paths, patterns;
	bool open, releasing;
	char why[64];
	/* Notes: what was said, what ns2 said. */
	uint8_t said[64];
	size_t said_len;
	const char *noted;
} fake;

static struct conf_peer peers[] = {{.name = (char *)"ns2", .address = (char *)"tcp://[::1]:1"},
				   {.name = (char *)"ns3", .address = (char *)"tcp://[::1]:3"}};

void node_status(struct node *n, struct node_status *s)
{
	*s = (struct node_status){.node = n->conf->node, .tree = 1};
}
uint32_t node_peers(const struct node *n)
{
	return (uint32_t)n->conf->npeers;
}
void node_peer(struct node *n, uint32_t peer, struct peer_status *s)
{
	bool up = peer == 0;

	*s = (struct peer_status){.name = n->conf->peers[peer].name,
				  .address = n->conf->peers[peer].address,
				  .key = n->conf->peers[peer].key,
				  .connected = up,
				  .reachable = up,
				  .heard = up,
				  .identical = up,
				  .same_knowledge = up,
				  .last_error = up ? "" : "a\xff"};
}
uint32_t node_hooks(const struct node *n)
{
	(void)n;
	return fake.hook_runs;
}
void node_hook(const struct node *n, uint32_t hook, struct hook_status *s)
{
	(void)n;
	(void)hook;
	*s = (struct hook_status){.name = "bind", .running = true};
}
void node_troubles(struct node *n, bool (*each)(void *arg, const struct trouble *t), void *arg)
{
	struct trouble t = {.kind = TROUBLE_WAITING, .path = "p", .words = "", .peer = 1};

	(void)n;
	for (int i = 0; i < 300; i++)
		each(arg, &t);
}
void node_note_say(struct node *n, const uint8_t *p, size_t len)
{
	(void)n;
	fake.said_len = len < sizeof fake.said ? len : sizeof fake.said;
	memcpy(fake.said, p, fake.said_len);
}
void node_note(const struct node *n, uint32_t peer, struct note_status *s)
{
	*s = (struct note_status){.peer = n->conf->peers[peer].name, .reachable = peer == 0};
	if (peer == 0 && fake.noted) {
		s->p = (const uint8_t *)fake.noted;
		s->len = strlen(fake.noted);
		s->age_msec = 1234;
	}
}
void zones_status(const struct zones *z, struct zones_status *s)
{
	(void)z;
	*s = (struct zones_status){.state = ZONES_NONE, .words = "", .version = ""};
}

bool zones_entry(const struct zones *z, size_t i, struct zone_entry *e)
{
	(void)z;
	(void)i;
	(void)e;
	return false;
}

bool zones_is_conf(const struct zones *z, const char *path)
{
	(void)z;
	(void)path;
	return false;
}

int checks_start(struct node *n, const struct check *c, checks_done *done, void *arg)
{
	(void)n;
	(void)c;
	(void)done;
	(void)arg;
	return -EAGAIN;
}

void checks_of_zone(struct check *c, const struct zones *z, const struct zone_entry *e)
{
	(void)c;
	(void)z;
	(void)e;
}

int node_fs_info(struct node *n, fs_info_done *done, void *arg)
{
	(void)n;
	fake.info = done;
	fake.info_arg = arg;
	return 0;
}
void node_fs_info_cancel(struct node *n, void *arg)
{
	(void)n;
	if (fake.info_arg == arg)
		fake.info = NULL;
}
int node_wait(struct node *n, const struct wait_spec *spec, const struct wait_calls *calls,
	      uint64_t *id)
{
	(void)n;
	fake.waiting = true;
	fake.wait = *calls;
	fake.spec = *spec;
	snprintf(fake.path, sizeof(fake.path), "%s", spec->path);
	*id = 77;
	return 0;
}
void node_wait_cancel(struct node *n, uint64_t id)
{
	(void)n;
	fake.cancelled = id;
}
int node_check(struct node *n, const struct check_calls *calls)
{
	(void)n;
	fake.check = *calls;
	return 0;
}

void node_check_cancel(struct node *n, void *arg)
{
	(void)n;
	(void)arg;
}

int node_verify(struct node *n, const struct verify_calls *calls, uint64_t *id)
{
	(void)n;
	fake.verify = *calls;
	*id = 78;
	return 0;
}
void node_verify_cancel(struct node *n, uint64_t id)
{
	(void)n;
	fake.cancelled = id;
}
uint32_t node_held(struct node *n, const struct decision *d,
		   bool (*each)(void *arg, const struct core_path *p), void *arg)
{
	struct core_path p = {.path = "etc/\001x", .draft = fake.draft, .put_back = fake.put_back};

	(void)n;
	if (!fake.draft || (d->n && strcmp(d->paths[0], "etc") != 0))
		return 0;
	each(arg, &p);
	return 1;
}
int node_decide(struct node *n, enum event_type type, const struct decision *d)
{
	(void)n;
	fake.decided = type;
	fake.decided_paths = d->n;
	snprintf(fake.why, sizeof(fake.why), "%s", d->why);
	if (!fake.releasing && !fake.stays)
		fake.draft = NULL;
	fake.saved_anew += fake.saves_anew;
	return 0;
}
int node_hold(struct node *n, const struct hold *h)
{
	(void)n;
	fake.patterns = h->n;
	snprintf(fake.why, sizeof(fake.why), "%s", h->why);
	fake.open = true;
	return 0;
}
bool core_set(const struct core *c, struct core_set *to)
{
	static const struct who who = {.tty = "pts/3"};
	static const char *const patterns[] = {"zones/"};

	(void)c;
	if (fake.open)
		*to = (struct core_set){.id = 7,
					.since_msec = 1000,
					.who = &who,
					.user = "ada",
					.why = fake.why,
					.patterns = patterns,
					.n = fake.patterns};
	return fake.open;
}
void core_gate(const struct core *c, struct core_gate *to)
{
	(void)c;
	*to = (struct core_gate){0};
}
bool core_putting_back(const struct core *c)
{
	(void)c;
	return false;
}

uint32_t core_saved_anew(const struct core *c)
{
	(void)c;
	return fake.saved_anew;
}

bool core_releasing(const struct core *c)
{
	(void)c;
	return fake.releasing;
}
const struct version *core_draft(const struct core *c, const char *path)
{
	(void)c;
	(void)path;
	return NULL;
}
int everywhere_begin(struct everywhere *e, bool only_reachable)
{
	(void)e;
	(void)only_reachable;
	return 0;
}
void everywhere_end(struct everywhere *e)
{
	(void)e;
}
enum everywhere_end everywhere_over(const struct everywhere *e)
{
	(void)e;
	return EVERYWHERE_OPEN;
}
bool serials_read(struct node *n, const struct attrs *a, uint32_t *serial)
{
	(void)n;
	(void)a;
	(void)serial;
	return false;
}
uint32_t everywhere_nodes(const struct everywhere *e)
{
	(void)e;
	return 0;
}
void everywhere_node(const struct everywhere *e, uint32_t i, struct everywhere_node *to)
{
	(void)e;
	(void)i;
	(void)to;
}
uint32_t everywhere_questions(const struct everywhere *e)
{
	(void)e;
	return 0;
}
const struct proof *proofs_find(const struct proofs *p, uint32_t peer, const struct proof *key)
{
	(void)p;
	(void)peer;
	(void)key;
	return NULL;
}
void proofs_each(const struct proofs *p, uint32_t peer,
		 void (*each)(void *arg, const struct proof *proof), void *arg)
{
	(void)p;
	(void)peer;
	(void)each;
	(void)arg;
}
uint32_t proofs_by_hand(const struct proofs *p, void (*each)(void *arg, const struct proof *proof),
			void *arg)
{
	(void)p;
	(void)each;
	(void)arg;
	return 0;
}
void byhand_ask(struct byhand *b)
{
	(void)b;
}
bool byhand_asking(const struct byhand *b)
{
	(void)b;
	return false;
}
uint64_t proofs_news(const struct proofs *p)
{
	(void)p;
	return 0;
}
enum serving proofs_standing(const struct proof *proof, const struct version *here)
{
	(void)proof;
	(void)here;
	return SERVING_UNKNOWN;
}
uint32_t core_held(const struct core *c)
{
	(void)c;
	return fake.draft ? 1 : 0;
}
uint32_t node_known(const struct node *n, struct core_node *to)
{
	to[0] = (struct core_node){.name = "ns2", .peer = 0, .heard_msec = n->wall_msec};
	to[1] = (struct core_node){.name = "ns3", .peer = 1, .kept = 2};
	to[2] = (struct core_node){"ns4", UINT32_MAX, n->wall_msec - 10000, false, 0};
	to[3] = (struct core_node){"ns5", UINT32_MAX, n->wall_msec - 200000, false, 1};
	to[4] = (struct core_node){"ns6", UINT32_MAX, 0, true, 0};
	return 5;
}
bool node_knows(const struct node *n, const char *name, const struct vv *v)
{
	(void)n;
	(void)v;
	return strcmp(name, "ns4") == 0 && fake.far_knows;
}
void node_forget(struct node *n, const char *name)
{
	(void)n;
	snprintf(fake.forgotten, sizeof(fake.forgotten), "%s", name);
}
int node_start_alone(struct node *n)
{
	(void)n;
	return fake.alone;
}

int node_pause(struct node *n, const char *by)
{
	if (fake.paused_by[0])
		return -EALREADY;
	snprintf(fake.paused_by, sizeof(fake.paused_by), "%s", by);
	memcpy(n->paused_by, fake.paused_by, sizeof(n->paused_by));
	return fake.alone;
}
bool node_recalls(const struct node *n)
{
	(void)n;
	return fake.recalls;
}

int node_resume(struct node *n)
{
	(void)n;
	if (!fake.paused_by[0])
		return -EALREADY;
	fake.paused_by[0] = '\0';
	return fake.alone;
}

int node_order(struct node *n, const struct order *o)
{
	(void)n;
	fake.ordered += o->n;
	fake.order = o->items[0].attrs ? *o->items[0].attrs : (struct attrs){0};
	snprintf(fake.order_path, sizeof(fake.order_path), "%s", o->items[0].path);
	snprintf(fake.order_user, sizeof(fake.order_user), "%s", o->user);
	fake.order_who = *o->who;
	return fake.order_error;
}

enum forward forward_make(struct node *n, const char *path, struct attrs *a, bool dry,
			  char words[FORWARD_WORDS])
{
	(void)n;
	(void)path;
	(void)a;
	(void)dry;
	words[0] = '\0';
	return FORWARD_FINE;
}
enum forward forward_beside(struct node *n, const char *path, struct attrs *a, bool dry,
			    char words[FORWARD_WORDS])
{
	return forward_make(n, path, a, dry, words);
}
void forward_users(struct node *n, const char *path, const struct attrs *a,
		   void (*each)(void *arg, const char *zone_path), void *arg)
{
	(void)n;
	(void)path;
	(void)a;
	(void)each;
	(void)arg;
}
bool core_settled(const struct core *c, const char *path)
{
	(void)c;
	(void)path;
	return false;
}
void forward_report(struct forwards *f, const char *path, struct hash hash, const char *words)
{
	(void)f;
	(void)path;
	(void)hash;
	(void)words;
}

/* ---- and of the core only what the store's records say ---- */

const struct version *core_visible(const struct core *c, const char *path)
{
	(void)c;
	return fake.nentry && strcmp(path, fake.path_known) == 0 ? fake.entry[0] : NULL;
}
void core_each(const struct core *c, const char *after,
	       bool (*each)(void *arg, const struct core_path *p), void *arg)
{
	struct core_path p = {.path = fake.path_known,
			      .entry = fake.entry,
			      .n = fake.nentry,
			      .conflict = fake.conflict};

	(void)c;
	if (fake.path_known && strcmp(fake.path_known, after) > 0)
		each(arg, &p);
}
bool core_is_dir(const struct core *c, const char *path)
{
	(void)c;
	(void)path;
	return false;
}
bool core_joining(const struct core *c)
{
	(void)c;
	return fake.joining;
}
bool core_local(const struct core *c, const char *path, bool dir)
{
	(void)c;
	(void)path;
	(void)dir;
	return fake.local;
}
const struct vv *core_vector(const struct core *c)
{
	(void)c;
	if (fake.ordered)
		vv_raise(&fake.vector, (struct dot){1, 1000});
	return &fake.vector;
}
const char *core_origin_node(const struct core *c, uint64_t origin)
{
	(void)c;
	(void)origin;
	return "ns1";
}

/* ---- the loop, as far as the socket needs it ---- */

static struct conf conf = {.node = (char *)"ns1", .mount = (char *)"/m"};
static struct node node = {.conf = &conf};
static struct control *control;

static int set_up(void **state)
{
	memset(&fake, 0, sizeof(fake));
	if (scratch_make(state) < 0)
		return -1;
	conf.state = *state;
	conf.peers = peers;
	conf.npeers = 2;
	conf.max_file_size = 100000;
	node = (struct node){.conf = &conf, .now_msec = 1000, .wall_msec = 2000};
	node.store = store_at(*state);
	return control_open(&node, &control);
}

static int tear_down(void **state)
{
	control_close(control);
	store_close(node.store);
	for (uint32_t i = 0; i < fake.nentry; i++)
		version_put(fake.entry[i]);
	vv_fini(&fake.vector);
	return scratch_remove(state);
}

static void round_once(int timeout)
{
	struct pollfd fds[CONTROL_FDS_MAX];
	int n = control_fds(control, fds, CONTROL_FDS_MAX);

	poll(fds, (nfds_t)n, control_wake(control) <= node.now_msec ? 0 : timeout);
	control_round(control, fds, n);
	node.now_msec += 1;
}

static int dial(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/control", conf.state);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static inline void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static char line[1 << 20];
static size_t line_len;

/* The next line that the node says, in at most so many rounds; NULL: none came (or it hung up). */
static json_t *hear(int fd)
{
	for (int i = 0; i < 2000; i++) {
		ssize_t n = recv(fd, line + line_len, 1, 0);

		if (n == 1 && line[line_len++] == '\n') {
			json_t *o = json_loadb(line, line_len, 0, NULL);
			line_len = 0;
			assert_non_null(o);
			return o;
		}
		if (n == 1)
			i = 0;
		else if (n == 0)
			return NULL;
		else
			round_once(1);
	}
	return NULL;
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static inline void hears_end(int fd, int status, const char *words)
{
	json_t *o = hear(fd);

	assert_non_null(o);
	assert_true(json_is_true(json_object_get(o, "end")));
	if (!strstr(text_of(o, "words"), words))
		fail_msg("\"%s\" is not in \"%s\"", words, text_of(o, "words"));
	assert_int_equal(json_integer_value(json_object_get(o, "exit")), status);
	json_decref(o);
}

static inline void hears_type(int fd, const char *type, const char *name, const char *value)
{
	json_t *o = hear(fd);

	assert_non_null(o);
	assert_string_equal(text_of(o, "type"), type);
	if (name)
		assert_string_equal(text_of(o, name), value);
	json_decref(o);
}

static inline void saved(const char *path, uint64_t seq, const char *content)
{
	assert_int_equal(save(node.store, path, seq, content, 1000 + (int64_t)seq), 0);
	assert_int_equal(store_commit(node.store), 0);
	node.changes++;
}

#endif
