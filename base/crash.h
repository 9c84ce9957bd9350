/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A seam for tests: named points between two steps at which the process may be told to die, as if
 * by a power cut or the kernel's hand. Compiled to nothing unless built with CRASH=1.
 *
 * With CRASH=1 the environment's ZONEFS_CRASH names a file. While it exists and holds a label, the
 * process that comes to the point of that label removes the file and dies by SIGKILL: once, so that
 * whoever is started in its place lives. Safe from any thread and under any lock.
 *
 * While a file FILE.LABEL exists, the first thread that comes to that point stops there;
 * FILE.LABEL.here says that it has come.
 */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

#ifdef CRASH
void crash_point(const char *label);
#else
#define crash_point(label) ((void)0)
#endif

#endif
