/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The node's own keys: a small file that only its owner may read.
 *
 *   # comment
 *   public = 'Z85'
 *   secret = 'Z85'
 *
 * '#' is a Z85 character: a comment is a line of its own.
 */
#include "base/conf_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

#define KEY_FILE_MAX 4096

/* What must hold before a byte of it is believed. */
static void check_file(const char *file, int fd, struct mistakes *m)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		mistake(m, 0, "can't be looked at: %s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		mistake(m, 0, "is not a regular file");
	else if (st.st_size > KEY_FILE_MAX)
		mistake(m, 0, "is too long for a key file");
	else if (st.st_uid != geteuid())
		mistake(m, 0,
			"the secret key belongs to user %u, not to %u who runs this: chown %u %s",
			st.st_uid, geteuid(), geteuid(), file);
	else if (st.st_mode & 077)
		mistake(m, 0, "the secret key may be read by others (mode %04o): chmod 600 %s",
			st.st_mode & 07777, file);
}

/* After `name`, an equal sign and the quote: the key, of which *rest is left. NULL: not such a
 * line. */
static const char *key_of(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(line, name, len) != 0)
		return NULL;
	line += len;
	line += strspn(line, " \t");
	if (*line++ != '=')
		return NULL;
	line += strspn(line, " \t");
	return *line == '\'' ? line + 1 : NULL;
}

static bool take_key(const char *line, const char *name, char *to, int number, struct mistakes *m)
{
	const char *key = key_of(line, name);

	if (!key)
		return false;
	const char *end = strrchr(key, '\'');
	if (to[0]) {
		mistake(m, number, "a second %s key", name);
	} else if (!end || end[1 + strspn(end + 1, " \t\r")] || end - key != CONF_KEY_LEN) {
		mistake(m, number, "the %s key is not 40 characters in single quotes", name);
	} else {
		memcpy(to, key, CONF_KEY_LEN);
		to[CONF_KEY_LEN] = '\0';
		if (!conf_z85_ok(to))
			mistake(m, number, "the %s key holds characters that are not Z85", name);
	}
	return true;
}

static void parse_keys(char *text, struct conf_keys *keys, struct mistakes *m)
{
	char *rest = text;
	int number = 0;

	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		number++;
		line += strspn(line, " \t\r");
		if (*line == '\0' || *line == '#')
			continue;
		if (!take_key(line, "public", keys->public_key, number, m) &&
		    !take_key(line, "secret", keys->secret_key, number, m))
			mistake(m, number, "neither public = '...' nor secret = '...'");
	}
	if (m->total > 0)
		return;
	if (!keys->public_key[0])
		mistake(m, 0, "the line public = '...' is missing");
	if (!keys->secret_key[0])
		mistake(m, 0, "the line secret = '...' is missing");
}

static void read_keys(const char *file, struct conf_keys *keys, struct mistakes *m)
{
	char text[KEY_FILE_MAX + 1];
	CLEANUP_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		if (errno == ENOENT)
			mistake(m, 0, "there is no such key file: zonefsctl keygen %s makes it",
				file);
		else
			mistake(m, 0, "can't be opened: %s", strerror(errno));
		return;
	}
	check_file(file, fd, m);
	if (m->total)
		return;
	ssize_t len = read(fd, text, KEY_FILE_MAX);
	if (len < 0) {
		mistake(m, 0, "can't be read: %s", strerror(errno));
		return;
	}
	text[len] = '\0';
	parse_keys(text, keys, m);
	explicit_bzero(text, sizeof text);
}

int conf_parse_keys(const char *file, char *text, struct conf_keys *keys, conf_report *report,
		    void *arg)
{
	struct mistakes m = {0};
	struct conf_keys found = {0};

	parse_keys(text, &found, &m);
	bool ok = mistakes_report(&m, file, report, arg);
	if (ok)
		*keys = found;
	explicit_bzero(&found, sizeof found);
	return ok ? 0 : ERR_CONFIG;
}

int conf_read_keys(const char *file, struct conf_keys *keys, conf_report *report, void *arg)
{
	struct mistakes m = {0};
	struct conf_keys found = {0};

	read_keys(file, &found, &m);
	bool ok = mistakes_report(&m, file, report, arg);
	if (ok)
		*keys = found;
	explicit_bzero(&found, sizeof found);
	return ok ? 0 : ERR_CONFIG;
}
