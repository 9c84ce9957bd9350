/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Versions: said, named, fetched.
 */
#include "tools/zonefsctl/lines.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/place.h"
#include "tools/zonefsctl/text.h"
#include "tools/zonefsctl/zonefsctl.h"

#define SILENCE_SEC 30
#define PIECE_MAX (256 * 1024)

/* ---- saying ---- */

/* "root", "alice as root", "alice as uid 105": whoever logged in, and as whom if that is another.
 */
static void say_somebody(const json_t *who)
{
	long long uid = line_number(who, "uid");
	const json_t *login = json_object_get(who, "login_uid");
	const char *user = line_text(who, "user");
	const char *command = line_text(who, "command");
	const char *tty = line_text(who, "tty");

	if (user[0])
		printf("%s", user);
	else
		printf("uid %lld", login ? (long long)json_integer_value(login) : uid);
	if (login && json_integer_value(login) != uid)
		printf(uid == 0 ? " as root" : " as uid %lld", uid);
	if (command[0] || tty[0])
		printf(" (%s%s%s)", command, command[0] && tty[0] ? ", " : "", tty);
}

void lines_say_who(const json_t *line)
{
	const json_t *who = json_object_get(line, "who");

	/* Nobody is known to have made what was found at a start or taken in. */
	if (!line_text(who, "command")[0] && !json_object_get(who, "pid"))
		printf("-");
	else
		say_somebody(who);
}

void lines_say_what(const json_t *line)
{
	const json_t *what = json_object_get(line, "what");
	const char *kind = line_text(line, "kind");
	bool renamed = json_object_get(line, "renamed_from") || json_object_get(line, "renamed_to");
	char text[TEXT_MAX];

	if (json_object_get(line, "renamed_from"))
		printf("renamed from %s", line_text(line, "renamed_from"));
	else if (json_object_get(line, "renamed_to"))
		printf("renamed to %s", line_text(line, "renamed_to"));
	else if (json_array_size(what) == 0)
		printf("saved, unchanged");
	for (size_t i = 0; !renamed && i < json_array_size(what); i++) {
		const char *word = json_string_value(json_array_get(what, i));

		printf("%s%s", i ? ", " : "", word);
		if (strcmp(word, "mode") == 0)
			printf(" %s", line_text(line, "mode"));
		else if (strcmp(word, "owner") == 0)
			printf(" %s:%s", line_text(line, "owner"), line_text(line, "group"));
	}
	if (json_object_get(line, "target"))
		printf(" -> %s", line_text(line, "target"));
	else if (strcmp(kind, "file") != 0 && strcmp(kind, "absent") != 0)
		printf(" (%s)", kind);
	if (json_object_get(line, "size")) {
		text_size(text, line_number(line, "size"));
		printf(", %s", text);
	}
}

/* ---- naming ---- */

bool lines_cut(const char *argument, char **path, char **version)
{
	const char *at = strrchr(argument, '@');

	*path = at ? strndup(argument, (size_t)(at - argument)) : strdup(argument);
	*version = at ? strdup(at + 1) : NULL;
	return at && at[1];
}

int lines_add_path(json_t *request, const char *argument)
{
	const struct conf *c = client_conf();
	char path[PATH_LEN_MAX + 1], escaped[PATH_ESCAPED_MAX];
	int err = c ? place_resolve(c->mount, argument, path) : -1;

	if (!c)
		return CTL_FAILED;
	if (err == ERR_DENIED)
		return ctl_fail("%s: not in the tree, which is mounted at %s", argument, c->mount);
	if (err < 0)
		return ctl_fail("%s: %s", argument, err_text(err));
	json_object_set_new(request, "path",
			    json_string(path_escape(escaped, sizeof(escaped), path)));
	return CTL_OK;
}

void lines_add_who(json_t *request)
{
	CLEANUP_FCLOSE FILE *f = fopen("/proc/self/loginuid", "re");
	const char *tty = ttyname(STDIN_FILENO);
	unsigned login = (unsigned)-1;

	if (f && fscanf(f, "%u", &login) == 1 && login != (unsigned)-1)
		json_object_set_new(request, "login_uid", json_integer(login));
	const struct passwd *p = getpwuid(login != (unsigned)-1 ? login : getuid());
	if (p)
		json_object_set_new(request, "user", json_string(p->pw_name));
	if (tty && strncmp(tty, "/dev/", 5) == 0)
		json_object_set_new(request, "tty", json_string(tty + 5));
}

/* ---- fetching ---- */

struct fetch {
	FILE *to;
	json_t *line;
	bool failed;
};

static void take(void *arg, const json_t *line)
{
	struct fetch *f = arg;

	if (line_is(line, "version")) {
		json_decref(f->line);
		f->line = json_incref((json_t *)(uintptr_t)line);
		return;
	}
	if (!line_is(line, "content"))
		return;
	CLEANUP_FREE uint8_t *piece = malloc(PIECE_MAX);
	long n = piece ? base64_decode(piece, PIECE_MAX, line_text(line, "data")) : -1;
	if (n < 0 || fwrite(piece, 1, (size_t)n, f->to) != (size_t)n)
		f->failed = true;
}

int lines_content(const char *argument, const char *version, FILE *to, json_t **line)
{
	CLEANUP_FREE char *words = NULL;
	struct fetch f = {.to = to};
	struct client_call call = {.command = "content",
				   .request = json_object(),
				   .silence_sec = SILENCE_SEC,
				   .each = take,
				   .arg = &f,
				   .words = &words};
	int status = lines_add_path(call.request, argument);

	if (status != CTL_OK) {
		json_decref(call.request);
		return status;
	}
	json_object_set_new(call.request, "version", json_string(version));
	status = client_call(&call);
	if (status != CTL_OK && words)
		ctl_fail("%s", words);
	else if (status == CTL_OK && (f.failed || !f.line))
		status = ctl_fail("%s@%s: its content cannot be passed on", argument, version);
	if (status == CTL_OK && line)
		*line = json_incref(f.line);
	json_decref(f.line);
	return status;
}
