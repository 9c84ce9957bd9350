#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Is a content in this node's history: listed in the log, and its bytes in the store?

    kept.py DATABASE PATH TEXT

TEXT is the whole content, less the newline at its end; a size tells it from the path's other contents,
so each must be of a size of its own. Ends with 0 if it is there; else says what the log has.
"""
import json
import sqlite3
import subprocess
import sys

database, path, text = sys.argv[1:4]
log = subprocess.run(["zonefsctl", "log", "--json", "-n", "1000", "--path", path],
                     stdout=subprocess.PIPE, check=True).stdout
versions = [v for v in map(json.loads, log.splitlines()) if v.get("type") == "version"]
found = [v["hash"] for v in versions if v.get("size") == len(text) + 1]
if not found:
    sys.exit("the log has no version of %d bytes: %r" % (len(text) + 1, [v.get("size") for v in versions]))
store = sqlite3.connect("file:%s?mode=ro" % database, uri=True)
rows = store.execute("SELECT count(*) FROM content WHERE hash = ?", (bytes.fromhex(found[0]),)).fetchone()
if rows[0] != 1:
    sys.exit("the log has it, but its content is not in the store")
