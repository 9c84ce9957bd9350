/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Lines of a word and a value:
 *
 *   zonefs-health 1
 *   boot BOOT-ID
 *   route | address | worse    unknown, off, on
 *   drained                    0, 1
 */
#include "tools/health/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

#define BOOT_LEN 64
#define TEXT_MAX 512
#define FILE_NAME "state"
#define FILE_NEW "state.new"

static const char *const part_text[] = {
    [PART_UNKNOWN] = "unknown",
    [PART_OFF] = "off",
    [PART_ON] = "on",
};

/* The running kernel's boot, "" if it says none: then nothing is ever of this one. */
static void this_boot(char boot[BOOT_LEN])
{
	CLEANUP_FCLOSE FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || !fgets(boot, BOOT_LEN, f))
		boot[0] = '\0';
	boot[strcspn(boot, "\n")] = '\0';
}

static void take_part(enum part *part, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(part_text); i++)
		if (strcmp(value, part_text[i]) == 0)
			*part = (enum part)i;
}

static void take(struct state *s, const char *name, const char *value, const char *boot)
{
	if (strcmp(name, "boot") == 0)
		s->known = boot[0] && strcmp(value, boot) == 0;
	else if (strcmp(name, "route") == 0)
		take_part(&s->route, value);
	else if (strcmp(name, "address") == 0)
		take_part(&s->address, value);
	else if (strcmp(name, "worse") == 0)
		take_part(&s->worse, value);
	else if (strcmp(name, "drained") == 0)
		s->drained = strcmp(value, "1") == 0;
	else if (strcmp(name, "for-data") == 0)
		s->for_data = strcmp(value, "1") == 0;
}

int state_read(int dir, struct state *s)
{
	char line[TEXT_MAX], boot[BOOT_LEN], name[32], value[BOOT_LEN];
	int fd = openat(dir, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP_FCLOSE FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;

	*s = (struct state){0};
	if (!f)
		return errno == ENOENT ? 0 : -errno;
	this_boot(boot);
	if (!fgets(line, sizeof line, f) || strcmp(line, "zonefs-health 1\n") != 0)
		return 0;
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "%31s %63s", name, value) == 2)
			take(s, name, value, boot);
	if (!s->known)
		*s = (struct state){.drained = s->drained};
	return 0;
}

static int write_all(int fd, const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = write(fd, text + at, len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int state_write(int dir, const struct state *s)
{
	char text[TEXT_MAX], boot[BOOT_LEN];

	this_boot(boot);
	int len =
	    snprintf(text, sizeof text,
		     "zonefs-health 1\nboot %s\nroute %s\naddress %s\nworse %s\ndrained %d\n"
		     "for-data %d\n",
		     boot, part_text[s->route], part_text[s->address], part_text[s->worse],
		     s->drained, s->for_data);
	CLEANUP_CLOSE int fd =
	    openat(dir, FILE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = fd < 0 ? -errno : write_all(fd, text, (size_t)len);
	if (err < 0)
		return err;
	if (renameat(dir, FILE_NEW, dir, FILE_NAME) < 0 || fsync(dir) < 0)
		return -errno;
	return 0;
}
