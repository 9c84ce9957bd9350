/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl keygen: the node's own key pair, in a file that only its owner may read. It never
 * replaces a file: whose secret key is lost, that node must be listed anew by all its peers.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/conf.h"

int cmd_keygen(int argc, char **argv);

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int usage(void)
{
	fputs("usage: zonefsctl keygen FILE      make a key pair in FILE, which must not exist\n"
	      "       zonefsctl keygen -p FILE   print the public key of the one in FILE\n",
	      stderr);
	return EXIT_USAGE;
}

static int complain(const char *file, const char *what)
{
	fprintf(stderr, "zonefsctl: %s: %s: %s\n", file, what, strerror(errno));
	return EXIT_FAILED;
}

static int write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The new name in its directory must outlast a power cut, too. */
static int sync_directory(const char *file)
{
	CLEANUP_FREE char *copy = strdup(file);
	CLEANUP_CLOSE int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	return fd < 0 ? -1 : fsync(fd);
}

static int write_keys(const char *file, const struct conf_keys *keys)
{
	char text[256];
	CLEANUP_CLOSE int fd =
	    open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST) {
		fprintf(stderr,
			"zonefsctl: %s: is there already, and stays: zonefsctl keygen -p %s shows "
			"its public key\n",
			file, file);
		return EXIT_FAILED;
	}
	if (fd < 0)
		return complain(file, "cannot make the key file");
	int len = snprintf(text, sizeof text, "public = '%s'\nsecret = '%s'\n", keys->public_key,
			   keys->secret_key);
	/* fchmod: a umask may have taken the owner's bits away */
	bool done = fchmod(fd, 0600) == 0 && write_all(fd, text, (size_t)len) == 0 &&
		    fsync(fd) == 0 && sync_directory(file) == 0;
	explicit_bzero(text, sizeof text);
	if (done)
		return EXIT_OK;
	complain(file, "cannot write the key file");
	unlink(file);
	return EXIT_FAILED;
}

static int print_public(const struct conf_keys *keys)
{
	printf("key = '%s'\n", keys->public_key);
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

static int generate(const char *file)
{
	struct conf_keys keys;

	if (zmq_curve_keypair(keys.public_key, keys.secret_key) < 0)
		return complain(file, "libzmq cannot make keys");
	int rc = write_keys(file, &keys);
	explicit_bzero(keys.secret_key, sizeof keys.secret_key);
	return rc == EXIT_OK ? print_public(&keys) : rc;
}

/* Derived from the secret key: that is what the peers will see, whatever the file calls public. */
static int print_existing(const char *file)
{
	struct conf_keys keys;
	char public_key[CONF_KEY_LEN + 1];

	if (conf_read_keys(file, &keys, conf_report_stderr, NULL) < 0)
		return EXIT_FAILED;
	int rc = zmq_curve_public(public_key, keys.secret_key);
	explicit_bzero(keys.secret_key, sizeof keys.secret_key);
	if (rc < 0)
		return complain(file, "not a secret key");
	if (strcmp(public_key, keys.public_key) != 0) {
		fprintf(stderr, "zonefsctl: %s: the public key is not that of the secret key\n",
			file);
		return EXIT_FAILED;
	}
	return print_public(&keys);
}

int cmd_keygen(int argc, char **argv)
{
	bool print = false;
	int c;

	optind = 1;
	while ((c = getopt(argc, argv, "+p")) != -1) {
		if (c != 'p')
			return usage();
		print = true;
	}
	if (argc - optind != 1)
		return usage();
	return print ? print_existing(argv[optind]) : generate(argv[optind]);
}
