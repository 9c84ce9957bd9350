/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A layer between SQLite and its own file layer. A page goes to the database's file with
 *
 *   seal = XXH3-64 of the bytes before it, seeded with the page's number; u64, little-endian
 *
 * as its last eight bytes, which SQLite leaves alone (the header's byte 20 says how many they are), and is
 * compared with it whenever it is read. The number makes a page that was written to, or read from, the
 * wrong place a bad one, too.
 *
 * SQLite's log (-wal) has checksums of its own, which are looked at when it is opened; pages are sealed
 * when they move from there to their place. Nothing is mapped into memory.
 *
 * A page that the disk does not give at all is as good as one with a broken seal.
 */
#include "replicator/store/seal.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/log.h"

#define PAGE_MIN 512
#define PAGE_MAX 65536
#define HEADER 100 /* of page 1 */
#define HEADER_RESERVED 20

/* The file below lies right behind it. */
struct sealed {
	sqlite3_file file;
	bool on;
	uint8_t *page; /* PAGE_MAX */
};

static sqlite3_vfs vfs;

static sqlite3_file *below(sqlite3_file *file)
{
	return (sqlite3_file *)((struct sealed *)file + 1);
}

static sqlite3_vfs *base(void)
{
	return vfs.pAppData;
}

/* ---- pages ---- */

static bool is_page(int len, sqlite3_int64 at)
{
	return len >= PAGE_MIN && len <= PAGE_MAX && (len & (len - 1)) == 0 && at % len == 0;
}

static uint64_t seal_of(const uint8_t *page, int len, sqlite3_int64 at)
{
	return htole64(
	    XXH3_64bits_withSeed(page, (size_t)(len - SEAL_BYTES), (uint64_t)(at / len) + 1));
}

static bool is_whole(const uint8_t *page, int len, sqlite3_int64 at)
{
	uint64_t seal = seal_of(page, len, at);

	return memcmp(page + len - SEAL_BYTES, &seal, SEAL_BYTES) == 0;
}

/* Whether page 1, or its beginning, is of a sealed database. */
static void look_at_header(struct sealed *s, const uint8_t *header)
{
	if (memcmp(header, "SQLite format 3", 16) == 0)
		s->on = header[HEADER_RESERVED] == SEAL_BYTES;
}

/* SQLITE_OK, SQLITE_IOERR_SHORT_READ, SQLITE_IOERR_DATA, or another result. */
static int read_below(sqlite3_file *under, void *p, int len, sqlite3_int64 at)
{
	int rc = under->pMethods->xRead(under, p, len, at);
	int err = errno;

	if (rc != SQLITE_IOERR_READ && rc != SQLITE_IOERR_CORRUPTFS)
		return rc;
	log_limited(LOG_LEVEL_ERROR, "zonefs.db cannot be read from its disk (at %lld): %s",
		    (long long)at, err_text(-err));
	return err_unreadable(-err) ? SQLITE_IOERR_DATA : SQLITE_IOERR_READ;
}

static int do_read(sqlite3_file *file, void *p, int len, sqlite3_int64 at)
{
	struct sealed *s = (struct sealed *)file;
	int rc = read_below(below(file), p, len, at);

	if (rc == SQLITE_OK && s->on && is_page(len, at) && !is_whole(p, len, at))
		return SQLITE_IOERR_DATA;
	return rc;
}

static int do_write(sqlite3_file *file, const void *p, int len, sqlite3_int64 at)
{
	struct sealed *s = (struct sealed *)file;

	if (at == 0 && len >= HEADER)
		look_at_header(s, p);
	if (s->on && is_page(len, at)) {
		memcpy(s->page, p, (size_t)len);
		uint64_t seal = seal_of(s->page, len, at);
		memcpy(s->page + len - SEAL_BYTES, &seal, SEAL_BYTES);
		p = s->page;
	}
	return below(file)->pMethods->xWrite(below(file), p, len, at);
}

/* ---- the rest is the file's below ---- */

static int do_close(sqlite3_file *file)
{
	struct sealed *s = (struct sealed *)file;

	free(s->page);
	return below(file)->pMethods->xClose(below(file));
}

static int do_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return below(file)->pMethods->xTruncate(below(file), size);
}

static int do_sync(sqlite3_file *file, int flags)
{
	return below(file)->pMethods->xSync(below(file), flags);
}

static int do_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return below(file)->pMethods->xFileSize(below(file), size);
}

static int do_lock(sqlite3_file *file, int level)
{
	return below(file)->pMethods->xLock(below(file), level);
}

static int do_unlock(sqlite3_file *file, int level)
{
	return below(file)->pMethods->xUnlock(below(file), level);
}

static int do_is_reserved(sqlite3_file *file, int *out)
{
	return below(file)->pMethods->xCheckReservedLock(below(file), out);
}

static int do_control(sqlite3_file *file, int op, void *arg)
{
	return below(file)->pMethods->xFileControl(below(file), op, arg);
}

static int do_sector_size(sqlite3_file *file)
{
	return below(file)->pMethods->xSectorSize(below(file));
}

static int do_characteristics(sqlite3_file *file)
{
	int c = below(file)->pMethods->xDeviceCharacteristics(below(file));

#ifdef SQLITE_IOCAP_SUBPAGE_READ
	c &= ~SQLITE_IOCAP_SUBPAGE_READ; /* a part of a page has no seal */
#endif
	return c;
}

static int do_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
	return below(file)->pMethods->xShmMap(below(file), page, size, extend, out);
}

static int do_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return below(file)->pMethods->xShmLock(below(file), offset, n, flags);
}

static void do_shm_barrier(sqlite3_file *file)
{
	below(file)->pMethods->xShmBarrier(below(file));
}

static int do_shm_unmap(sqlite3_file *file, int remove)
{
	return below(file)->pMethods->xShmUnmap(below(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* the third one's functions are for mapping */
    .xClose = do_close,
    .xRead = do_read,
    .xWrite = do_write,
    .xTruncate = do_truncate,
    .xSync = do_sync,
    .xFileSize = do_size,
    .xLock = do_lock,
    .xUnlock = do_unlock,
    .xCheckReservedLock = do_is_reserved,
    .xFileControl = do_control,
    .xSectorSize = do_sector_size,
    .xDeviceCharacteristics = do_characteristics,
    .xShmMap = do_shm_map,
    .xShmLock = do_shm_lock,
    .xShmBarrier = do_shm_barrier,
    .xShmUnmap = do_shm_unmap,
};

/* ---- opening ---- */

/* Whatever is not the database itself (its log, temporary files) is not of interest. */
static int do_open(sqlite3_vfs *v, const char *name, sqlite3_file *file, int flags, int *out)
{
	struct sealed *s = (struct sealed *)file;
	uint8_t header[HEADER];

	(void)v;
	if (!(flags & SQLITE_OPEN_MAIN_DB))
		return base()->xOpen(base(), name, file, flags, out);
	memset(s, 0, sizeof(*s));
	s->page = malloc(PAGE_MAX);
	if (!s->page)
		return SQLITE_NOMEM;
	int rc = base()->xOpen(base(), name, below(file), flags, out);
	if (rc != SQLITE_OK) {
		free(s->page);
		return rc;
	}
	rc = read_below(below(file), header, HEADER, 0);
	if (rc == SQLITE_OK) {
		look_at_header(s, header);
	} else if (rc != SQLITE_IOERR_SHORT_READ) { /* not known whether it is sealed */
		below(file)->pMethods->xClose(below(file));
		free(s->page);
		return rc;
	}
	s->file.pMethods = &methods;
	return SQLITE_OK;
}

int seal_register(void)
{
	sqlite3_vfs *found = sqlite3_vfs_find(NULL);

	if (sqlite3_vfs_find(SEAL_VFS))
		return SQLITE_OK;
	if (!found)
		return SQLITE_ERROR;
	vfs = *found; /* whose other functions do not mind whose they are */
	vfs.pNext = NULL;
	vfs.zName = SEAL_VFS;
	vfs.szOsFile = (int)sizeof(struct sealed) + found->szOsFile;
	vfs.pAppData = found;
	vfs.xOpen = do_open;
	return sqlite3_vfs_register(&vfs, 0);
}

static struct sealed *sealed_of(sqlite3 *db)
{
	sqlite3_file *file = NULL;

	sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	return file && file->pMethods == &methods ? (struct sealed *)file : NULL;
}

int seal_request(sqlite3 *db)
{
	int bytes = SEAL_BYTES;

	return sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
}

int seal_is_on(sqlite3 *db)
{
	struct sealed *s = sealed_of(db);

	return s && s->on;
}

/* ---- all of it ---- */

/* One that was never in use since the file grew over it. */
static bool is_blank(const uint8_t *page, int len)
{
	return page[0] == 0 && memcmp(page, page + 1, (size_t)len - 1) == 0;
}

/* As the header says. */
static int page_size(sqlite3_file *under, int *len)
{
	uint8_t header[HEADER];
	int rc = read_below(under, header, HEADER, 0);
	int size = header[16] << 8 | header[17];

	if (rc == SQLITE_OK)
		*len = size == 1 ? PAGE_MAX : size;
	return rc == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : rc;
}

int seal_check(sqlite3 *db, sqlite3_int64 *page, int n)
{
	struct sealed *s = sealed_of(db);
	sqlite3_int64 size;
	int len = 0, rc = s && s->on ? page_size(below(&s->file), &len) : SQLITE_OK;

	if (rc == SQLITE_OK && len)
		rc = do_size(&s->file, &size);
	if (len == 0 || rc != SQLITE_OK) {
		*page = 0;
		return rc;
	}
	if (!is_page(len, 0))
		return SQLITE_IOERR_DATA;
	for (int i = 0; i < n; i++, ++*page) {
		sqlite3_int64 at = (*page - 1) * len;

		if (at + len > size) {
			*page = 0;
			return SQLITE_OK;
		}
		rc = read_below(below(&s->file), s->page, len, at);
		if (rc != SQLITE_OK)
			return rc;
		if (!is_whole(s->page, len, at) && !is_blank(s->page, len))
			return SQLITE_IOERR_DATA;
	}
	return SQLITE_OK;
}
