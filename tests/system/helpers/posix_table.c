/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs a table of POSIX cases in two directories, as root and as an ordinary user, and says where
 * the answers differ:
 *
 *   posix_table CASES PLAIN MOUNT [WORD]      WORD: only cases whose name has it, traces shown
 *
 * A line of CASES is "[group]", "# comment", or "name: call; call; ...". A call is one of the words
 * in `calls`, perhaps after "B" (it is made by a second process, which lives as long as the case)
 * and after who makes it: "root", "you" (uid 5678 in its own group only), or "me", the default:
 * root itself, or, the second time, uid 1234 with group 1234 and the supplementary group 4242. In
 * words, {N} stands for N letters, {N/} for a path of that many, \xHH for a byte, '' for nothing.
 *
 * Every case starts in an empty directory of me's own, with umask 022, in a fresh process, and its
 * results are a text. The output is a line "GROUP ROLE CASES DIFFERENCES" for each group and role,
 * and before it, after "# ", what differed.
 */
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "posix_base.h"
#include "posix_files.h"
#include "posix_more.h"
#include "posix_names.h"

#define CASE_LIMIT_MSEC 20000
#define ME 1234
#define MINE_TOO 4242
#define YOU 5678

/* Run set-id, as another user, a leak checker can't look at its own process. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

struct call {
	const char *name;
	int min; /* words that it needs */
	void (*make)(char **words);
};

static const struct call calls[] = {
    {"mkdir", 2, c_mkdir},
    {"rmdir", 1, c_rmdir},
    {"unlink", 1, c_unlink},
    {"rename", 2, c_rename},
    {"link", 2, c_link},
    {"linkfd", 2, c_linkfd},
    {"linkproc", 2, c_linkproc},
    {"symlink", 2, c_symlink},
    {"readlink", 1, c_readlink},
    {"mknod", 3, c_mknod},
    {"chmod", 2, c_chmod},
    {"chown", 3, c_chown},
    {"lchown", 3, c_lchown},
    {"truncate", 2, c_truncate},
    {"utimens", 3, c_utimens},
    {"times", 1, c_times},
    {"stat", 1, c_stat},
    {"lstat", 1, c_lstat},
    {"same", 2, c_same},
    {"blocks", 1, c_blocks},
    {"mark", 2, c_mark},
    {"since", 2, c_since},
    {"access", 2, c_access},
    {"eaccess", 2, c_eaccess},
    {"statfs", 1, c_statfs},
    {"chdir", 1, c_chdir},
    {"getcwd", 0, c_getcwd},
    {"umask", 1, c_umask},
    {"bind", 2, c_bind},
    {"connect", 2, c_connect},
    {"ls", 1, c_ls},
    {"opendir", 2, c_opendir},
    {"next", 2, c_next},
    {"rest", 1, c_rest},
    {"count", 1, c_count},
    {"rewind", 1, c_rewind},
    {"seekdir", 1, c_seekdir},
    {"many", 2, c_many},
    {"few", 2, c_few},
    {"churn", 1, c_churn},
    {"open", 3, c_open},
    {"openat", 4, c_openat},
    {"reopen", 3, c_reopen},
    {"dup", 2, c_dup},
    {"close", 1, c_close},
    {"read", 2, c_read},
    {"write", 2, c_write},
    {"fill", 2, c_fill},
    {"put", 2, c_put},
    {"cat", 1, c_cat},
    {"seek", 3, c_seek},
    {"fsync", 1, c_fsync},
    {"fdatasync", 1, c_fdatasync},
    {"flags", 1, c_flags},
    {"setflags", 2, c_setflags},
    {"fallocate", 4, c_fallocate},
    {"copy", 5, c_copy},
    {"limit", 1, c_limit},
    {"setlk", 4, c_setlk},
    {"getlk", 4, c_getlk},
    {"setofd", 4, c_setofd},
    {"getofd", 4, c_getofd},
    {"flock", 2, c_flock},
    {"lease", 2, c_lease},
    {"mmap", 5, c_mmap},
    {"peek", 3, c_peek},
    {"poke", 3, c_poke},
    {"msync", 1, c_msync},
    {"munmap", 1, c_munmap},
    {"self", 2, c_self},
    {"run", 1, c_run},
    {"setx", 3, c_setx},
    {"getx", 2, c_getx},
    {"listx", 1, c_listx},
    {"rmx", 2, c_rmx},
    {"acl", 3, c_acl},
    {"getacl", 2, c_getacl},
    {"noacl", 2, c_noacl},
};

static bool as_user; /* the role: me is not root */
static int second = -1;

static void mistake(const char *what, const char *text)
{
	fprintf(stderr, "posix_table: %s: %s\n", what, text);
	exit(3);
}

/* ---- words ---- */

/* {N} and {N/} at *p; the place after it. */
static const char *expand(const char *p, char *out, size_t *len)
{
	char *end;
	long n = strtol(p + 1, &end, 10);
	bool path = *end == '/';

	end += path;
	if (*end != '}' || n < 0 || *len + (size_t)n >= WORD_MAX)
		mistake("not a length", p);
	for (long i = 0; i < n; i++)
		out[(*len)++] = path ? "./"[i % 2] : 'n';
	return end + 1;
}

static void word(const char *from, char *out)
{
	size_t len = 0;

	if (strcmp(from, "''") == 0)
		from = "";
	while (*from && len < WORD_MAX - 1) {
		unsigned byte;
		if (*from == '{') {
			from = expand(from, out, &len);
		} else if (sscanf(from, "\\x%2x", &byte) == 1) {
			out[len++] = (char)byte;
			from += 4;
		} else {
			out[len++] = *from++;
		}
	}
	out[len] = '\0';
}

/* ---- calls ---- */

static void become(const char *who)
{
	gid_t group = MINE_TOO;
	uid_t id = strcmp(who, "you") == 0 ? YOU : strcmp(who, "root") == 0 || !as_user ? 0 : ME;

	if (setresuid(0, 0, 0) < 0 || setresgid(id, id, id) < 0 ||
	    setgroups(id == ME, &group) < 0 || setresuid(id, id, 0) < 0)
		mistake("cannot become", who);
}

static void make_call(char **words)
{
	static char expanded[WORDS_MAX][WORD_MAX];
	char *w[WORDS_MAX + 1] = {0};
	int n = 0;

	for (; words[n] && n < WORDS_MAX; n++) {
		word(words[n], expanded[n]);
		w[n] = expanded[n];
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, w[0]) == 0) {
			if (n <= calls[i].min)
				mistake("too few words", w[0]);
			calls[i].make(w);
			return;
		}
	mistake("no such call", w[0]);
}

/* Who, then what. */
static void call_as(char **words)
{
	bool named = strcmp(words[0], "me") == 0 || strcmp(words[0], "you") == 0 ||
		     strcmp(words[0], "root") == 0;

	if (named && !words[1])
		mistake("does nothing", words[0]);
	become(named ? words[0] : "me");
	make_call(words + named);
}

static void split(char *text, char **words)
{
	int n = 0;
	char *w;

	while ((w = strsep(&text, " \t")) && n < WORDS_MAX)
		if (*w)
			words[n++] = w;
	words[n] = NULL;
}

/* The second process: a call comes as a packet, its result goes back as one. */
static void serve_calls(int sock)
{
	char text[WORD_MAX];
	char *words[WORDS_MAX + 1];
	ssize_t n;

	while ((n = read(sock, text, sizeof(text) - 1)) > 0) {
		text[n] = '\0';
		trace_len = 0;
		split(text, words);
		call_as(words);
		rec("\n");
		if (write(sock, trace, trace_len) < 0)
			break;
	}
	_exit(0);
}

static void call_second(const char *text)
{
	int pair[2];

	if (second < 0) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			mistake("socketpair", text);
		become("root");
		if (fork() == 0) {
			close(pair[0]);
			memset(slots, 0, sizeof(slots));
			serve_calls(pair[1]);
		}
		close(pair[1]);
		second = pair[0];
	}
	if (write(second, text, strlen(text)) < 0)
		mistake("second process", text);
	ssize_t n = read(second, trace + trace_len, TRACE_MAX - trace_len - 1);
	trace_len += n > 0 ? (size_t)n : 0;
}

static void run_calls(char *text)
{
	char *one;

	while ((one = strsep(&text, ";"))) {
		char *words[WORDS_MAX + 1];
		while (*one == ' ')
			one++;
		if (!*one)
			continue;
		rec("%.200s ->", one);
		if (strncmp(one, "B ", 2) == 0) {
			call_second(one + 2);
			continue;
		}
		split(one, words);
		call_as(words);
		rec("\n");
	}
}

/* ---- a case ---- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	if (remove(path) < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return 0;
}

static void in_directory(const char *dir, const char *text, int out)
{
	char copy[65536];

	alarm(CASE_LIMIT_MSEC / 1000);
	umask(022);
	if (chdir(dir) < 0)
		mistake("chdir", dir);
	snprintf(copy, sizeof(copy), "%s", text);
	run_calls(copy);
	become("root");
	if (write(out, trace, trace_len) < 0)
		_exit(1);
	_exit(0);
}

/* What comes out of a process until it ends, or the time is up. */
static void collect(int from, pid_t pid, char *result)
{
	struct pollfd p = {.fd = from, .events = POLLIN};
	size_t len = 0;
	int status = 0;
	ssize_t n = 1;

	while (n > 0 && len < TRACE_MAX - 1) {
		if (poll(&p, 1, CASE_LIMIT_MSEC + 2000) <= 0)
			break;
		n = read(from, result + len, TRACE_MAX - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	result[len] = '\0';
	if (n > 0) {
		kill(pid, SIGKILL);
		snprintf(result, TRACE_MAX, "it hangs\n");
		return;
	}
	if (waitpid(pid, &status, 0) == pid && status != 0)
		snprintf(result + len, TRACE_MAX - len, "ended with status %x\n", status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 3)
		exit(3);
}

static void run_in(const char *where, int number_of, const char *text, char *result)
{
	uid_t id = as_user ? ME : 0;
	char dir[4096];
	int out[2];

	snprintf(dir, sizeof(dir), "%s/case-%d", where, number_of);
	if (mkdir(dir, 0755) < 0 || chown(dir, id, id) < 0 || pipe2(out, O_CLOEXEC) < 0)
		mistake(dir, strerror(errno));
	pid_t pid = fork();
	if (pid == 0) {
		close(out[0]);
		in_directory(dir, text, out[1]);
	}
	close(out[1]);
	collect(out[0], pid, result);
	close(out[0]);
	nftw(dir, remove_one, 64, FTW_DEPTH | FTW_PHYS);
}

static void show_difference(const char *name, const char *plain, const char *mount)
{
	printf("# %s (%s):\n", name, as_user ? "user" : "root");
	while (*plain || *mount) {
		int p = (int)strcspn(plain, "\n");
		int m = (int)strcspn(mount, "\n");
		if (p != m || strncmp(plain, mount, (size_t)p) != 0)
			printf("#   plain: %.*s\n#   mount: %.*s\n", p, plain, m, mount);
		plain += p + (plain[p] == '\n');
		mount += m + (mount[m] == '\n');
	}
}

/* ---- the table ---- */

struct section {
	char name[64];
	unsigned cases;
	unsigned differences;
};

static void section_ends(struct section *s)
{
	if (s->cases > 0)
		printf("%s %s %u %u\n", s->name, as_user ? "user" : "root", s->cases,
		       s->differences);
	s->cases = s->differences = 0;
}

static void run_table(FILE *table, const char *plain, const char *mount, const char *only)
{
	static char line[65536];
	static char results[2][TRACE_MAX];
	struct section section = {0};
	int n = 0;

	rewind(table);
	while (fgets(line, sizeof(line), table)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '[') {
			section_ends(&section);
			snprintf(section.name, sizeof(section.name), "%.*s",
				 (int)strcspn(line + 1, "]"), line + 1);
		}
		char *text = strstr(line, ": ");
		if (line[0] == '#' || line[0] == '[' || !line[0])
			continue;
		if (!text)
			mistake("not a case", line);
		*text = '\0';
		if (only && !strstr(line, only))
			continue;
		run_in(plain, ++n, text + 2, results[0]);
		run_in(mount, n, text + 2, results[1]);
		section.cases++;
		if (only)
			printf("# %s: in the plain directory:\n%s", line, results[0]);
		if (strcmp(results[0], results[1]) == 0)
			continue;
		section.differences++;
		show_difference(line, results[0], results[1]);
	}
	section_ends(&section);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--rights") == 0)
		return (int)(geteuid() != getuid()) + 2 * (int)(getegid() != getgid());
	FILE *table = argc == 4 || argc == 5 ? fopen(argv[1], "re") : NULL;
	if (!table) {
		fputs("usage: posix_table CASES PLAIN MOUNT [WORD]\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IONBF, 0);
	signal(SIGPIPE, SIG_IGN);
	for (int role = 0; role < 2; role++) {
		as_user = role;
		run_table(table, argv[2], argv[3], argv[4]);
	}
	fclose(table);
	return 0;
}
