/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All that the store ever says to SQLite about its rows, in one table; what the tables are is in
 * database_schema.c. A statement is prepared at its first use, then kept (database.c).
 */
#include "replicator/store/internal.h"

static const char *const texts[SQL_MAX] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_VERSION_ADD] = "INSERT INTO version(path, origin, seq, current, wall, own, hash, data, made)"
			" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [SQL_DRAFT_FORGET] = "DELETE FROM version INDEXED BY version_entry"
			 " WHERE path = ?1 AND origin = ?2 AND seq = ?3"
			 " AND current <> 0 AND current = 2", /* the index is known by its term */
    [SQL_VERSION_SUPERSEDE] = "UPDATE version INDEXED BY version_entry SET current = 0"
			      " WHERE path = ?1 AND origin = ?2 AND seq = ?3 AND current <> 0",
    [SQL_SHOWN_SET] = "REPLACE INTO shown(path, data) VALUES(?1, ?2)",
    [SQL_SHOWN_FORGET] = "DELETE FROM shown WHERE path = ?1",
    [SQL_INTENT_SET] = "REPLACE INTO intent(path, data) VALUES(?1, ?2)",
    [SQL_INTENT_FORGET] = "DELETE FROM intent WHERE path = ?1",
    [SQL_VECTOR_RAISE] = "INSERT INTO vector(origin, seq) VALUES(?1, ?2)"
			 " ON CONFLICT(origin) DO UPDATE SET seq = max(seq, excluded.seq)",
    [SQL_ORIGIN_SET] = "REPLACE INTO origin(origin, node) VALUES(?1, ?2)",
    [SQL_META_SET] = "REPLACE INTO meta(name, value) VALUES(?1, ?2)",
    [SQL_META_FORGET] = "DELETE FROM meta WHERE name = ?1",
    [SQL_VALUE_SET] = "REPLACE INTO value(name, value) VALUES(?1, ?2)",
    [SQL_VALUE_FORGET] = "DELETE FROM value WHERE name = ?1",
    [SQL_VALUE_GET] = "SELECT value FROM value WHERE name = ?1",
    [SQL_VALUE_EACH] = "SELECT name, value FROM value WHERE name >= ?1 ORDER BY name",
    [SQL_CONTENT_ADD] = "INSERT OR IGNORE INTO content(hash, data) VALUES(?1, ?2)",
    [SQL_CONTENT_GET] = "SELECT data FROM content WHERE hash = ?1",
    [SQL_CONTENT_HAS] = "SELECT 1 FROM content WHERE hash = ?1",
    [SQL_OUTCOME_ADD] = "INSERT OR REPLACE INTO outcome(origin, seq, path, wall, told, data, about)"
			" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_OUTCOME_TELL] = "UPDATE outcome SET told = 1 WHERE id = ?1",
    [SQL_OUTCOME_UNTOLD] = "SELECT id, data FROM outcome WHERE told = 0 AND origin IN"
			   " (SELECT origin FROM origin WHERE node = ?1) ORDER BY id LIMIT ?2",
    [SQL_OUTCOME_FIND] = "SELECT data FROM outcome WHERE origin = ?1 AND seq = ?2 AND path = ?3"
			 " ORDER BY id",
    [SQL_LOAD_META] = "SELECT name, value FROM meta",
    [SQL_LOAD_ORIGINS] = "SELECT origin, node FROM origin",
    [SQL_LOAD_VECTOR] = "SELECT origin, seq FROM vector",
    [SQL_LOAD_VERSIONS] = "SELECT path, data FROM version WHERE current = 1 ORDER BY id",
    [SQL_LOAD_DRAFTS] = "SELECT path, data FROM version WHERE current = 2 ORDER BY id",
    [SQL_LOAD_SHOWN] = "SELECT path, data FROM shown",
    [SQL_LOAD_INTENTS] = "SELECT path, data FROM intent",
    [SQL_DOTS] = "SELECT id, origin, seq FROM version WHERE path = ?1 ORDER BY id",
    [SQL_PRUNE_PATHS] = "SELECT path, count(*) FROM version WHERE path > ?1 GROUP BY path LIMIT ?2",
    [SQL_PRUNE_PATH] = "SELECT id, origin, seq, path FROM version WHERE path = ?1 AND current = 0"
		       " ORDER BY id LIMIT ?2",
    [SQL_PRUNE_OLD] = "SELECT id, origin, seq, path, wall, current FROM version WHERE id > ?1"
		      " ORDER BY id LIMIT ?2",
    [SQL_PRUNE_VERSION] = "DELETE FROM version WHERE id = ?1 AND current = 0",
    [SQL_PAST_ADD] = "INSERT OR IGNORE INTO past(path, origin, seq, wall, made, own, fetched, data)"
		     " SELECT ?1, ?2, ?3, ?4, ?5, 0, 1, ?6 WHERE NOT EXISTS (SELECT 1 FROM version"
		     " WHERE origin = ?2 AND seq = ?3 AND path = ?1)",
    [SQL_PAST_KEEP] = "INSERT OR IGNORE INTO past(path, origin, seq, wall, made, own, fetched, data)"
		      " SELECT path, origin, seq, wall, made, own, 0, data FROM version"
		      " WHERE id = ?1 AND current = 0",
    [SQL_PAST_OF] = "SELECT path, data FROM version WHERE origin = ?1 AND seq BETWEEN ?2 AND ?3"
		    " UNION ALL SELECT path, data FROM past WHERE origin = ?1 AND seq BETWEEN ?2 AND ?3",
    [SQL_PAST_RANGE] = "SELECT seq, path, data FROM version WHERE origin = ?1 AND seq BETWEEN ?2 AND ?3"
		       " UNION ALL SELECT seq, path, data FROM past"
		       " WHERE origin = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY 1, 2",
    [SQL_PAST_OLD] = "SELECT id, wall, made, fetched FROM past WHERE id > ?1 ORDER BY id LIMIT ?2",
    [SQL_PAST_DROP] = "DELETE FROM past WHERE id = ?1",
    [SQL_PAST_ROOM] = "SELECT id, path, data FROM past WHERE id > ?1 ORDER BY id LIMIT ?2",
    [SQL_PAST_OLDEST] = "SELECT id, path, data FROM past ORDER BY made, origin, seq LIMIT ?1",
    [SQL_GAP_ADD] = "REPLACE INTO gap(origin, first, last, wall) VALUES(?1, ?2, ?3, ?4)",
    [SQL_GAP_DROP] = "DELETE FROM gap WHERE origin = ?1 AND first = ?2",
    [SQL_GAP_FIND] = "SELECT first, last, wall FROM gap WHERE origin = ?1 AND first <= ?3 AND last >= ?2"
		     " LIMIT 1",
    [SQL_GAP_COUNT] = "SELECT count(*) FROM gap",
    [SQL_GAP_OLD] = "DELETE FROM gap WHERE wall < ?1",
    [SQL_GAPS] = "SELECT origin, first, last, wall FROM gap ORDER BY wall DESC, origin, first",
    [SQL_HOLE_SEQS] = "SELECT seq, min(made) FROM (SELECT seq, made FROM version"
		      " WHERE origin = ?1 AND seq BETWEEN ?2 AND ?3 UNION ALL SELECT seq, made FROM past"
		      " WHERE origin = ?1 AND seq BETWEEN ?2 AND ?3) GROUP BY seq ORDER BY seq",
    [SQL_HOLE_AFTER] = "SELECT made FROM (SELECT * FROM (SELECT made, seq FROM version"
		       " WHERE origin = ?1 AND seq > ?2 ORDER BY seq LIMIT 1) UNION ALL"
		       " SELECT * FROM (SELECT made, seq FROM past"
		       " WHERE origin = ?1 AND seq > ?2 ORDER BY seq LIMIT 1)) ORDER BY seq LIMIT 1",
    [SQL_HOLE_BEFORE] = "SELECT max(made) FROM (SELECT * FROM (SELECT made FROM version"
			" WHERE made <= ?2 AND origin IN (SELECT origin FROM origin WHERE node = ?1)"
			" AND NOT (origin = ?3 AND seq > ?4) ORDER BY made DESC LIMIT 1) UNION ALL"
			" SELECT * FROM (SELECT made FROM past"
			" WHERE made <= ?2 AND origin IN (SELECT origin FROM origin WHERE node = ?1)"
			" AND NOT (origin = ?3 AND seq > ?4) ORDER BY made DESC LIMIT 1))",
    [SQL_WHOSE_ORIGIN] = "SELECT node FROM origin WHERE origin = ?1",
    [SQL_PRUNE_OUTCOMES_OF] = "DELETE FROM outcome WHERE origin = ?1 AND seq = ?2 AND path = ?3",
    [SQL_PRUNE_OUTCOMES] = "SELECT id, wall FROM outcome WHERE id > ?1 ORDER BY id LIMIT ?2",
    [SQL_PRUNE_OUTCOME] = "DELETE FROM outcome WHERE id = ?1",
    [SQL_PRUNE_CONTENTS] = "SELECT id, hash FROM content WHERE id > ?1 AND id <= ?2"
			   " ORDER BY id LIMIT ?3",
    [SQL_PRUNE_CONTENT] = "DELETE FROM content WHERE id = ?1",
    [SQL_HASH_USED] = "SELECT 1 FROM version WHERE hash = ?1 LIMIT 1",
    [SQL_CONTENT_DROP] = "DELETE FROM content WHERE hash = ?1",
    [SQL_WHOSE] = "SELECT path, data FROM version WHERE hash = ?1 ORDER BY current DESC LIMIT 1",
    [SQL_CHECK_CONTENTS] = "SELECT id, hash, data FROM content WHERE id > ?1 ORDER BY id LIMIT ?2",
    [SQL_CONTENT_LAST] = "SELECT max(id) FROM content",
    [SQL_ROOM_VERSIONS] = "SELECT id, current, path, data, hash FROM version WHERE id > ?1"
			  " ORDER BY id LIMIT ?2",
    [SQL_ROOM_FIRST] = "SELECT id FROM version WHERE hash = ?1 ORDER BY id LIMIT 1",
    [SQL_ROOM_CURRENT] = "SELECT 1 FROM version WHERE hash = ?1 AND current <> 0 LIMIT 1",
    [SQL_ROOM_OUTCOMES] = "SELECT id, path, data FROM outcome WHERE id > ?1 ORDER BY id LIMIT ?2",
    [SQL_ROOM_PAST] = "SELECT id, path, data, hash, origin, seq FROM version"
		      " WHERE id > ?1 AND current = 0 ORDER BY id LIMIT ?2",
    [SQL_COUNT_VERSIONS] = "SELECT count(*) FROM version",
    [SQL_COUNT_PATHS] = "SELECT count(DISTINCT path) FROM version",
};

const char *database_sql(enum statement which)
{
	return texts[which];
}
