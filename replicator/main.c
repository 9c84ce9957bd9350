/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefs-replicator: started by the keeper, as a user without rights, with all that it needs as
 * open descriptors: 3 the port to the file system, 4 the configuration's text, 5 the keys. Or, with
 * -s, by zonefsctl on a host where the node is stopped: 3 the socket on which it asks, 4 as above. Or,
 * with -j, by zonefsctl where it has never run: 3 where to say what the peers have, 4 and 5 as above.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>

#include "base/conf.h"
#include "base/log.h"
#include "replicator/node.h"
#include "replicator/peek.h"
#include "replicator/stopped.h"

#define PORT_FD 3
#define CONF_FD 4
#define KEYS_FD 5
#define KEYS_TEXT_MAX 4096

static void report(void *arg, const char *file, int line, const char *sentence)
{
	(void)arg;
	if (line > 0)
		log_error("%s:%d: %s", file, line, sentence);
	else
		log_error("%s: %s", file, sentence);
}

/* Reads all of fd into text[max + 1], from its beginning; closes it. Its length, or -errno. */
static ssize_t read_all(int fd, char *text, size_t max)
{
	size_t len = 0;

	while (len < max) {
		ssize_t got = pread(fd, text + len, max - len, (off_t)len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	text[len] = '\0';
	close(fd);
	return (ssize_t)len;
}

static struct conf *read_conf(const char *file)
{
	static char text[CONF_SIZE_MAX + 1];
	ssize_t len = read_all(CONF_FD, text, CONF_SIZE_MAX);

	if (len < 0) {
		log_error("the configuration cannot be read: %s", strerror((int)-len));
		return NULL;
	}
	return conf_parse(file, text, (size_t)len, report, NULL);
}

static int read_keys(const struct conf *conf, struct conf_keys *keys)
{
	char text[KEYS_TEXT_MAX + 1];
	ssize_t len = read_all(KEYS_FD, text, KEYS_TEXT_MAX);
	int err;

	if (len < 0) {
		log_error("the keys cannot be read: %s", strerror((int)-len));
		return (int)len;
	}
	err = conf_parse_keys(conf->key_file, text, keys, report, NULL);
	explicit_bzero(text, sizeof(text));
	return err;
}

static enum log_level level_of(const struct conf *conf)
{
	static const char *const names[] = {"error", "warning", "notice", "info", "debug"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (conf->log_level && strcmp(conf->log_level, names[i]) == 0)
			return (enum log_level)i;
	return LOG_LEVEL_NOTICE;
}

/* Another process of the same user must not read the keys out of this one. */
static void seal(void)
{
	const struct rlimit none = {0, 0};

	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	umask(077);
}

int main(int argc, char **argv)
{
	const char *file = CONF_DEFAULT_FILE;
	bool front = false, clean = false, stopped = false, peek = false;
	int option;

	seal();
	while ((option = getopt(argc, argv, "c:efjs")) != -1) {
		if (option == 'c') {
			file = optarg;
		} else if (option == 'f') {
			front = true;
		} else if (option == 'e') {
			clean = true; /* the last end was */
		} else if (option == 's') {
			front = stopped = true;
		} else if (option == 'j') {
			front = peek = true;
		} else {
			fprintf(stderr, "zonefs-replicator is started by zonefs(8)\n");
			return 2;
		}
	}
	if (fcntl(PORT_FD, F_GETFD) < 0 || fcntl(CONF_FD, F_GETFD) < 0 ||
	    (!stopped && fcntl(KEYS_FD, F_GETFD) < 0)) {
		fprintf(stderr, "zonefs-replicator is started by zonefs(8)\n");
		return 2;
	}
	fcntl(PORT_FD, F_SETFD, FD_CLOEXEC);
	log_open("zonefs-replicator", front, LOG_LEVEL_NOTICE);
	struct conf *conf = read_conf(file);
	struct conf_keys keys;
	if (!conf)
		return 1;
	/* Why a peer cannot be reached is said by its line. */
	log_open("zonefs-replicator", front, peek ? LOG_LEVEL_ERROR : level_of(conf));
	int status = 1;
	if (stopped)
		status = stopped_serve(conf, PORT_FD);
	else if (read_keys(conf, &keys) < 0)
		status = 1;
	else if (peek)
		status = peek_run(conf, &keys, PORT_FD);
	else
		status = node_run(conf, &keys, PORT_FD, clean);
	explicit_bzero(&keys, sizeof(keys));
	conf_free(conf);
	return status;
}
