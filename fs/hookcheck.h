/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a hook's program may be run at all: it, and every directory and symbolic link on the way
 * to it, must belong to root and be writable by nobody else, and the way must not lead into the
 * tree.
 */
#ifndef FS_HOOKCHECK_H
#define FS_HOOKCHECK_H

#include <stddef.h>

/* 0, or an error with its sentence in why[size]. Safe from several threads; never enters `mount`.
 */
int hookcheck_program(const char *program, const char *mount, char *why, size_t size);

#endif
