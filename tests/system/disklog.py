#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Power cuts out of a log of what was written to disks (helpers/disks.c); for power.sh.

    disklog.py points LOG                    how many points there are to cut at
    disklog.py draw LOG SEED N               N of them, drawn, in order
    disklog.py cut LOG POINT SEED IMAGE...   writes to images (empty file systems) what the disks have
    disklog.py stores STORE...               nobody has heard of what its author has not
    disklog.py owe LOG POINT TREE...         trees have what was confirmed by then, and nothing that is not whole;
                                             UNTOLD=paths that a node holds back, since they are empty

A disk keeps what was written before its last flush. Of what came later it keeps, as the seed says, nothing,
any of the writes, any of them with one torn between two sectors, or all: those of two disks are
independent of each other.

Marks say what was done and known, in order:

    begin | end             points lie between
    saving PATH SUM         somebody begins to make PATH such (a SHA-256; "-": to remove it)
    kept PATH               what was begun last is to survive: fsynced, or confirmed by a wait
"""
import hashlib, os, random, sqlite3, struct, sys

WRITE, FLUSH, MARK = 1, 2, 3
HEAD = struct.Struct("=IIQQ")
SECTOR = 512
SMALL = 65536


def records(log):
    """(kind, disk, offset, data) of each."""
    with open(log, "rb") as f:
        while head := f.read(HEAD.size):
            kind, disk, offset, length = HEAD.unpack(head)
            yield kind, disk, offset, f.read(length)


def split(log):
    """All records, and the numbers of those after which the power may go."""
    all_of_it, points, on = [], [], False
    for r in records(log):
        all_of_it.append(r)
        if r[0] == MARK:
            on = {b"begin": True, b"end": False}.get(r[3].strip(), on)
        elif on:
            points.append(len(all_of_it))
    return all_of_it, points


def survivors(writes, draw):
    """What a disk keeps of what it was never told to keep."""
    how = draw.choice(["none", "none", "some", "torn", "all"])
    if how == "none" or not writes:
        return []
    if how == "all":
        return writes
    kept = [w for w in writes if draw.random() < 0.5]
    if how == "torn":
        offset, data = draw.choice(writes)
        kept = [w for w in kept if w[0] != offset]
        kept += [(offset + at, data[at:at + SECTOR]) for at in range(0, len(data), SECTOR) if draw.random() < 0.5]
    return kept


def cut(log, point, seed, images):
    all_of_it = split(log)[0][:point]
    for disk, image in enumerate(images, 1):
        safe, later = [], []
        for kind, which, offset, data in all_of_it:
            if which != disk:
                continue
            if kind == FLUSH:
                safe, later = safe + later, []
            elif kind == WRITE:
                later.append((offset, data))
        with open(image, "r+b") as f:
            for offset, data in safe + survivors(later, random.Random(f"{seed} {point} {disk}")):
                f.seek(offset)
                f.write(data)


def look_into(store):
    """A store as it is after the cut: (its own origins, what it knows of each)."""
    path = os.path.join(store, "zonefs.db")
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return set(), {}
    db = sqlite3.connect(path)
    words = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if words != "ok":
        sys.exit(f"{path}: {words}")
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'vector'").fetchone():
        return set(), {}
    for hash_, in db.execute("SELECT hash FROM version WHERE own = 1 AND hash IS NOT NULL").fetchall():
        name = hash_.hex()
        if db.execute("SELECT 1 FROM content WHERE hash = ?", (hash_,)).fetchone():
            continue
        object_ = os.path.join(store, "objects", name[:2], name)
        if not os.path.exists(object_):
            sys.exit(f"{path}: the content {name} of a version of its own is missing")
        with open(object_, "rb") as f:
            data = f.read()
        # What large contents are here is text, and of more than is kept in the database.
        if len(data) <= SMALL or b"\0" in data[1:]:
            sys.exit(f"{object_}, of a version of its own, is not whole")
    own = {o for o, in db.execute("SELECT DISTINCT origin FROM version WHERE own = 1")}
    return own, dict(db.execute("SELECT origin, seq FROM vector"))


def stores(folders):
    looked = [look_into(f) for f in folders]
    origins = [{o for o in known} for _, known in looked]
    for i, (own, known) in enumerate(looked):
        for j, (_, other) in enumerate(looked):
            for origin in own & origins[j] if i != j else ():
                if other[origin] > known.get(origin, 0):
                    sys.exit(f"{folders[j]} knows {other[origin]} of {origin:x}, whose author has {known.get(origin, 0)}")


def allowed(log, point):
    """Of each path, the states that it may be in after a cut there."""
    states, since = {}, {}
    for kind, _, _, data in split(log)[0][:point]:
        words = data.decode().split() if kind == MARK else []
        if words[:1] == ["saving"]:
            states.setdefault(words[1], ["-"]).append(words[2])
        elif words[:1] == ["kept"]:
            since[words[1]] = len(states[words[1]]) - 1
    return {path: s[since.get(path, 0):] for path, s in states.items()}


def owe(log, point, trees):
    untold = os.environ.get("UNTOLD", "").split()
    for path, may in allowed(log, point).items():
        if path in untold:
            if "-" not in may and hashlib.sha256(b"").hexdigest() not in may:
                sys.exit(f"{path} is held back for being empty, and it was confirmed otherwise")
            continue
        for tree in trees:
            file = os.path.join(tree, path)
            is_ = "-"
            if os.path.lexists(file):
                with open(file, "rb") as f:
                    data = f.read()
                is_ = hashlib.sha256(data).hexdigest()
            if is_ in may:
                continue
            if is_ == "-":
                sys.exit(f"{file} is not there")
            sys.exit(f"{file} is {data[:60]!r} ({len(data)} bytes): " +
                     ("it was removed" if may == ["-"] else f"not as somebody saved it"))


def main(what, *args):
    if what == "points":
        print(len(split(args[0])[1]))
    elif what == "draw":
        points = split(args[0])[1]
        print(*sorted(random.Random(args[1]).sample(points, min(int(args[2]), len(points)))))
    elif what == "cut":
        cut(args[0], int(args[1]), args[2], args[3:])
    elif what == "stores":
        stores(args)
    elif what == "owe":
        owe(args[0], int(args[1]), args[2:])


main(*sys.argv[1:])
