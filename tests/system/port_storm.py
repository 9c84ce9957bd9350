# SPDX-License-Identifier: GPL-2.0-or-later
"""Local programs and installs at the same names, thousands of times: no save is lost in a file that was
replaced, no program sees an error that a plain directory would not give, nothing is stale at the end."""

import errno
import multiprocessing
import os
import random
import sys
import time

from port_talk import *

node, tree = sys.argv[1:3]
SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 6
LONGER = 20  # at most, on a machine that is too busy to do enough of it in that time
NAMES = 8
SAVES, REPLACED, INSTALLED = 350, 20, 100
os.mkdir(tree + "/storm")
os.chdir(tree + "/storm")
p = Port(node, tree)
IN = "storm/"


def save(seed, results):
    """Appends lines that tell who wrote them; a line counts once close() has returned."""
    r, count, errors = random.Random(seed), 0, []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end + (LONGER if count < SAVES else 0):
        name = "z%d" % r.randrange(NAMES)
        try:
            what = r.random()
            if what < 0.7:
                flags = r.choice((os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_CREAT))
                fd = os.open(name, flags | os.O_APPEND, 0o644)
                os.write(fd, b"L%d-%d\n" % (seed, count))
                os.close(fd)
                count += 1
            elif what < 0.8:
                os.chmod(name, r.choice((0o644, 0o600)))
            elif what < 0.9:
                os.stat(name)
            else:
                with open(name) as f:
                    f.read()
        except OSError as e:
            errors.append((name, str(e)))
    results.put((seed, count, errors))


def race_saves():
    """Replaces what it has seen, and only that, as fast as it can."""
    for i in range(NAMES):
        assert p.put(IN + "z%d" % i, b"", ABSENT)[0] == 0
    results, seen, replaced, turn = multiprocessing.Queue(), set(), 0, 0
    writers = [multiprocessing.Process(target=save, args=(s, results)) for s in range(3)]
    for w in writers:
        w.start()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end + (LONGER if replaced < REPLACED else 0):
        turn += 1
        path = IN + "z%d" % (turn % NAMES)
        look, content = p.content(path)
        if content is not None and not look.busy:
            seen.update(content.split())
            replaced += p.put(path, b"R%d\n" % turn, look.ident)[0] == 0
        p.hints.clear()
    done = [results.get(timeout=LIMIT_SEC) for _ in writers]
    for i in range(NAMES):
        with open("z%d" % i, "rb") as f:
            seen.update(f.read().split())
    lost = [(s, n) for s, count, _ in done for n in range(count) if b"L%d-%d" % (s, n) not in seen]
    errors = [e for _, _, es in done for e in es]
    check("installs and saves both come through", replaced >= REPLACED and all(d[1] >= SAVES for d in done),
          replaced, done)
    check("no save lands in a file that was replaced", not lost, len(lost), lost[:5])
    check("no program sees an error", not errors, errors[:5])


def churn(seed, results):
    r, stale, worst = random.Random(seed), 0, 0.0
    end = time.monotonic() + SECONDS

    def some():
        return os.path.join(r.choice(("", "d1", "d2", "d1/s")), "n%d" % r.randrange(12))

    def write():
        with open(some(), "w") as f:
            f.write("x" * r.randrange(5000))

    def read():
        with open(some()) as f:
            f.read()

    def swing():
        os.rename("d1", "d1x")
        os.rename("d1x", "d1")

    acts = (write, read, swing, lambda: os.chmod(some(), 0o755), lambda: os.rename(some(), some()),
            lambda: os.link(some(), some()), lambda: os.mkdir(some()), lambda: os.rmdir(some()),
            lambda: os.unlink(some()), lambda: os.symlink("n1", some()),
            lambda: os.truncate(some(), r.randrange(100)),
            lambda: [e.stat(follow_symlinks=False)
                     for e in os.scandir(os.path.dirname(some()) or ".")])
    while time.monotonic() < end:
        start = time.monotonic()
        try:
            r.choice(acts)()
        except OSError as e:
            stale += e.errno in (errno.ESTALE, errno.EIO, errno.ENOSYS, errno.EBADF)
        worst = max(worst, time.monotonic() - start)
    results.put((stale, worst))


def fire(r, under_way):
    path = IN + os.path.join(r.choice(("", "d1", "d2", "d1/s")), "n%d" % r.randrange(12))
    status, look, fd = p.look(path)
    if fd >= 0:
        os.close(fd)
    if status < 0:
        return
    what = r.randrange(6)
    if what < 3:
        body = p.install_body(path, FILE, look.ident, p.stage(b"R" * r.randrange(3000)), HAS_CONTENT)
        under_way.add(p.send(INSTALL, body))
    elif what == 3:
        under_way.add(p.send(INSTALL, p.install_body(path, DIR, look.ident, mode=0o755)))
    elif what == 4:
        under_way.add(p.send(INSTALL, p.install_body(path, LINK, look.ident, target="n2")))
    else:
        under_way.add(p.send(REMOVE, string(path) + look.ident))


def take(under_way, most):
    good = 0
    while len(under_way) > most:
        p.one()
        for number in [n for n in p.answers if n in under_way]:
            under_way.discard(number)
            good += p.answers.pop(number)[0] == 0
    return good


def snapshot(top):
    found = {}
    for where, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(where, name)
            st = os.lstat(path)
            found[path] = (st.st_mode, st.st_ino, st.st_nlink, st.st_size, st.st_mtime_ns)
    return found


def seen_by_port(top):
    found = {}
    for name, kind in p.list(top).items():
        look = p.see(top + "/" + name)
        found[top + "/" + name] = (look.kind, look.mode, look.nlink if kind != DIR else 0,
                                   look.size, look.mtime if kind == FILE else 0)
        if kind == DIR:
            found.update(seen_by_port(top + "/" + name))
    return found


def seen_by_mount():
    kinds = {0o100000: FILE, 0o040000: DIR, 0o120000: LINK}
    found = {}
    for path, (mode, _, nlink, size, mtime) in snapshot(".").items():
        kind = kinds[mode & 0o170000]
        found["storm" + path[1:]] = (kind, mode & 0o7777, nlink if kind != DIR else 0,
                                     size if kind != DIR else 0, mtime if kind == FILE else 0)
    return found


def race_names():
    for d in ("d1", "d2", "d1/s"):
        os.mkdir(d)
    results, r, under_way, good = multiprocessing.Queue(), random.Random(1), set(), 0
    loops = [multiprocessing.Process(target=churn, args=(s, results)) for s in range(3)]
    for l in loops:
        l.start()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end + (LONGER if good < INSTALLED else 0):
        fire(r, under_way)
        good += take(under_way, 8)
        p.hints.clear()
    good += take(under_way, 0)
    done = [results.get(timeout=LIMIT_SEC) for _ in loops]
    check("names come and go on both sides", good >= INSTALLED, good)
    # The kernel walks a path again once: replaced twice within one call, it shows.
    check("no program sees a stale file but once in a great while", sum(d[0] for d in done) <= 5, done)
    check("no program hangs", max(d[1] for d in done) < 10, done)
    p.told()
    port, mount = seen_by_port("storm"), seen_by_mount()
    check("nothing is stale at the end", port == mount,
          [(k, port.get(k), mount.get(k)) for k in set(port) | set(mount)
           if port.get(k) != mount.get(k)][:5])


race_saves()
race_names()
p.close()
