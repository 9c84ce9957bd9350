/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The release that this is, as --version shows it.
 */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define ZONEFS_VERSION "0.1.0"

#endif
