/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * memfd_create(2), written and then sealed.
 */
#include "fs/memfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static int fill(int fd, const void *content, size_t len)
{
	const char *p = content;

	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		len -= (size_t)n;
	}
	if (lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -errno;
	return 0;
}

int memfile_new(const char *name, const void *content, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	int rc = fill(fd, content, len);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}
