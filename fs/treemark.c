/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The mark is text, for who looks at it: the store in hexadecimal, a blank, the count.
 */
#include "fs/treemark.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "base/err.h"
#include "base/log.h"
#include "fs/fs.h"

#define TREEMARK_MAX 64

void treemark_read(const struct fs *fs, struct tree_mark *m)
{
	char text[TREEMARK_MAX];
	int end = 0;

	*m = (struct tree_mark){0};
	ssize_t len = fgetxattr(fs->root, TREEMARK_NAME, text, sizeof(text) - 1);
	if (len < 0)
		return;
	text[len] = '\0';
	if (sscanf(text, "%16" SCNx64 " %20" SCNu64 "%n", &m->store, &m->count, &end) != 2 ||
	    end != len) {
		log_warning("%s: what stands in %s is not zonefs's; it is not heeded", fs->mount,
			    TREEMARK_NAME);
		*m = (struct tree_mark){0};
	}
}

int treemark_write(const struct fs *fs, const struct tree_mark *m)
{
	char text[TREEMARK_MAX];
	int len = snprintf(text, sizeof(text), "%016" PRIx64 " %" PRIu64, m->store, m->count);

	return fsetxattr(fs->root, TREEMARK_NAME, text, (size_t)len, 0) < 0 ? -errno : 0;
}
