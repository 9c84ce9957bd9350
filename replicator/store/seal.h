/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A seal on each page of the database: what the disk gives back is what was written there, or it is
 * an error (SQLITE_IOERR_DATA), never an answer.
 */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H

#include <sqlite3.h>

#define SEAL_VFS "sealed"
#define SEAL_BYTES 8 /* at the end of each page */

/* Makes SEAL_VFS known to SQLite; again is fine. 0, or an SQLite result. */
int seal_register(void);

/* A database that was opened by SEAL_VFS and is empty, or is to be written anew by VACUUM, gets pages with
 * room for seals. An SQLite result. */
int seal_request(sqlite3 *db);
/* Its pages are sealed (all of them, or none). */
int seal_is_on(sqlite3 *db);

/* Looks at `n` pages from the one numbered `*page` (1 is the first), as the disk has them; *page is
 * where to go on, 0 at the end. SQLITE_OK, SQLITE_IOERR_DATA, or another result; *page is the bad one then. */
int seal_check(sqlite3 *db, sqlite3_int64 *page, int n);

#endif
