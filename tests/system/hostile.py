# SPDX-License-Identifier: GPL-2.0-or-later
"""A replicator that was taken over, with its own rights only: what it tries with descriptors that it was
given, in races with programs on this host, and with thousands of damaged packets."""

import ctypes
import mmap
import multiprocessing
import os
import random
import select
import socket
import stat
import struct
import sys
import time

from port_talk import *

node, tree, worker = sys.argv[1:4]
USER = 64007
IN = "taken/"
SEED = 20260101
BIG = 70000
libc = ctypes.CDLL(None, use_errno=True)
os.mkdir(tree + "/taken")
os.chdir(tree + "/taken")


def as_replicator(what, *args):
    """In a process with the replicator's rights: the outcome, or errno's name."""
    here, there = multiprocessing.Pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
        try:
            there.send(what(*args))
        except OSError as e:
            there.send(os.strerror(e.errno))
        os._exit(0)
    there.close()
    result = here.recv()
    os.waitpid(pid, 0)
    return result


def attempt(what, *args):
    """True if it can be done."""
    return as_replicator(lambda: what(*args) and False or True) is True


def proc(fd):
    return "/proc/self/fd/%d" % fd


def content(path):
    with open(path, "rb") as f:
        return f.read()


def stage_big(p):
    status, r, fd = p.ask(STAGE, struct.pack("<Q", BIG) + data(b""))
    assert status == 0, status
    os.write(fd, b"q" * BIG)
    return r.handle(), fd


def install_big(p, name, handle, **named):
    return p.install(IN + name, FILE, p.see(IN + name).ident, handle, HAS_CONTENT, **named)[0]


def overwrite(path):
    with open(path, "r+b", buffering=0) as f:
        f.write(b"HOSTILE")


# ---- what STAGE has given

def staged_descriptors(p):
    handle, fd = stage_big(p)
    full = os.open(proc(fd), os.O_RDWR)
    mapped = mmap.mmap(full, BIG)
    os.close(full)
    os.close(fd)
    check("what is still mapped is not installed", install_big(p, "map", handle) == DENIED)
    mapped.close()
    check("but when it is not", install_big(p, "map", handle) == 0)

    handle, fd = stage_big(p)
    a, b = socket.socketpair()
    socket.send_fds(a, [b"x"], [fd])
    os.close(fd)
    check("nor what is on its way to somebody", install_big(p, "way", handle) == DENIED)
    a.close(), b.close()

    handle, fd = stage_big(p)
    path = os.open(proc(fd), os.O_PATH)
    os.close(fd)
    check("a path to it is no open file",
          install_big(p, "path", handle, mode=0o666, uid=USER, gid=USER) == 0)
    inode = os.stat("path").st_ino == os.fstat(path).st_ino
    check("but does not open what was installed", inode and not attempt(overwrite, proc(path)))
    check("nor change its mode", not attempt(os.chmod, proc(path), 0o6777))
    check("nor its times", not attempt(os.utime, proc(path), (1, 1)))
    check("nor its length", not attempt(os.truncate, proc(path), 0))
    check("nor give it another name", not attempt(os.link, proc(path), "/tmp/other"))
    check("what was installed is as it was", content("path") == b"q" * BIG and
          stat.S_IMODE(os.stat("path").st_mode) == 0o666)
    os.close(path)


# ---- what LOOK has given

def looked_descriptors(p):
    with open("f", "w") as f:
        f.write("mine")
    os.chmod("f", 0o666)
    os.chown("f", USER, USER)
    p.told()
    _, _, fd = p.look(IN + "f")
    for name, act in (("written", lambda: os.write(fd, b"x")),
                      ("opened for writing", lambda: overwrite(proc(fd))),
                      ("truncated", lambda: os.truncate(proc(fd), 0)),
                      ("given a mode", lambda: os.fchmod(fd, 0o4777)),
                      ("given an owner", lambda: os.fchown(fd, USER, USER)),
                      ("given times", lambda: os.utime(fd, (1, 1))),
                      ("given an attribute", lambda: os.setxattr(fd, "user.k", b"v")),
                      ("mapped for writing", lambda: mmap.mmap(fd, 4)),
                      ("left for its directory", lambda: os.listdir(proc(fd) + "/..")),
                      ("linked", lambda: os.link(proc(fd), "/tmp/other"))):
        check("what was looked at cannot be " + name, not attempt(act))
    os.close(fd)
    check("and is as it was", content("f") == b"mine" and os.stat("f").st_mode & 0o7777 == 0o666)


def attributes(p):
    for mode in (0o4755, 0o2755, 0o6777):
        ident = p.see(IN + "f").ident
        p.install(IN + "f", FILE, ident, flags=INPLACE, mode=mode)
        check("no set-id bits in place (%o)" % mode, os.stat("f").st_mode & 0o6000 == 0)
    status, _ = p.install(IN + "sd", DIR, ABSENT, mode=0o6777)
    check("nor on a directory", status == 0 and os.stat("sd").st_mode & 0o6000 == 0, status)
    other = p.see(IN + "map").ident
    check("another file's identity is another", p.put(IN + "f", b"x", other)[0] == CHANGED and
          p.remove(IN + "f", other) == CHANGED)
    ident = p.see(IN + "f").ident
    removed = [i for i in range(len(ident) - 16) # what follows counts in one life of the worker only
               if p.remove(IN + "f", ident[:i] + bytes([ident[i] ^ 1]) + ident[i + 1:]) == 0]
    check("a forged identity is another", not removed and os.path.exists("f"), removed)


# ---- races

def swap(stop, done, a, b):
    """Exchanges two names as fast as it can."""
    while not stop.is_set():
        done.value += libc.renameat2(-100, a.encode(), -100, b.encode(), 2) == 0


def while_swapped(a, b, act, times):
    stop, done = multiprocessing.Event(), multiprocessing.Value("L", 0)
    other = multiprocessing.Process(target=swap, args=(stop, done, a, b))
    other.start()
    end = time.monotonic() + 60
    while done.value == 0 and time.monotonic() < end:
        time.sleep(0.001)
    for i in range(times):
        act(i)
    stop.set()
    other.join()
    check("%s and %s were exchanged meanwhile" % (a, b), done.value > 0)


def races(p):
    with open("swap", "w") as f:
        f.write("file")
    os.mknod("dev", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    os.mkdir("dir")
    wrong = []

    def look_for_regular(i):
        _, look, fd = p.look(IN + "swap")
        if fd >= 0:
            if not stat.S_ISREG(os.fstat(fd).st_mode) or look.kind != FILE:
                wrong.append((i, look))
            os.close(fd)
        p.hints.clear()

    while_swapped("swap", "dev", look_for_regular, 2000)
    while_swapped("swap", "dir", look_for_regular, 2000)
    check("no descriptor of a device or directory comes out of a race", not wrong, wrong[:3])

    os.makedirs("in/deep")
    good = [0]

    def install_below(i):
        good[0] += p.install(IN + "in/deep/x%d" % i, DIR, ABSENT)[0] == 0
        p.hints.clear()

    for outside in ("/tmp/outside", "aside"): # a rename would not go to another file system anyhow
        os.makedirs(outside + "/deep")
        os.symlink(outside, "link")
        good[0] = 0
        while_swapped("in", "link", install_below, 1500)
        check("nothing is installed through a link that comes in a race (%s)" % outside,
              os.listdir(outside + "/deep") == [] and good[0] > 0, os.listdir(outside + "/deep")[:3], good)
        os.unlink("in" if os.path.islink("in") else "link")
        if not os.path.isdir("in"):
            os.rename("link", "in")


# ---- floods

def most_resident():
    """The most that it has ever had, in KiB."""
    with open("/proc/%s/status" % worker) as f:
        return next(int(l.split()[1]) for l in f if l.startswith("VmHWM"))


def descriptors():
    return len(os.listdir("/proc/%s/fd" % worker))


def some_packet(r, p):
    path = r.choice((IN + "z%d" % r.randrange(9), "taken", "", "../x", "a" * 300, IN + "z1/y"))
    ident = r.choice((ABSENT, p.see("taken").ident, r.randbytes(45)))
    kind = r.choice((LIST, LOOK, STAGE, INSTALL, REMOVE, WAIT, INFO, ACK, HOOK, r.randrange(256)))
    body = {
        LIST: string(path) + struct.pack("<Q", r.choice((0, 5, 1 << 63))),
        LOOK: string(path),
        STAGE: struct.pack("<Q", 3) + data(b"abc"),
        INSTALL: p.install_body(path, r.randrange(6), ident, flags=r.randrange(4), mode=r.getrandbits(32),
                                target=r.choice(("", "/etc/passwd"))),
        REMOVE: string(path) + ident,
        WAIT: string(path) + struct.pack("<QI", r.getrandbits(64), r.randrange(20)),
        HOOK: string("nothing") + string("reload") + data(b""),
        ACK: struct.pack("<HQ", 1, r.getrandbits(64)),
    }.get(kind, b"")
    return bytearray(struct.pack("<BBI", 1, kind, r.getrandbits(31) | 1 << 31) + body)


def damage(r, packet):
    for _ in range(r.choice((0, 1, 1, 2, 8))):
        what = r.randrange(4)
        at = r.randrange(len(packet)) if packet else 0
        if what == 0 and packet:
            packet[at] = r.randrange(256)
        elif what == 1:
            del packet[at:]
        elif what == 2:
            packet[at:at] = r.randbytes(r.randrange(20))
        elif packet:
            packet[at] ^= 1 << r.randrange(8)
    return bytes(packet) or b"\0"


def drain(p):
    p.sock.setblocking(False)
    try:
        while True:
            p.one()
            for _, _, fd in p.answers.values():
                if fd >= 0:
                    os.close(fd)
            p.answers.clear()
    except (BlockingIOError, EOFError, ConnectionError):
        pass
    p.sock.settimeout(LIMIT_SEC)


def fuzz(p):
    r, lives = random.Random(SEED), 1
    for i in range(8000):
        try:
            if i % 20 == 0:
                drain(p)
                base = some_packet(r, p)
            packet = damage(r, bytearray(base) if i % 3 else some_packet(r, p))
            with open("/dev/null") as extra:
                socket.send_fds(p.sock, [packet], [extra.fileno()] * (i % 4))
        except (OSError, EOFError):
            p.close()  # shut out after so much nonsense
            p = Port(node, tree)
            lives += 1
    drain(p)
    check("8000 damaged packets from seed %d are survived" % SEED, p.see("").kind == DIR, lives)
    return p


def flood(p, kind, body):
    """Thousands of requests, as long as there is somebody who takes them."""
    for _ in range(3000):
        if not select.select([], [p.sock], [], 1)[1]:
            break
        try:
            p.send(kind, body)
        except BlockingIOError:
            break


def never_reading():
    for i in range(400): # a page of them is a large answer
        with open("%0200d" % i, "w"):
            pass
    p = Port(node, tree)
    p.sock.setblocking(False)
    flood(p, LIST, string(IN[:-1]) + bytes(8))
    p.close()
    p = Port(node, tree)
    p.sock.setblocking(False)
    flood(p, STAGE, struct.pack("<Q", 60000) + data(b"x" * 60000))
    flood(p, WAIT, string("") + struct.pack("<QI", 1 << 62, 3600000))
    for i in range(3000):
        with open("quick%d" % i, "w"):
            pass
        os.unlink("quick%d" % i)
    p.close()


def floods(p):
    before, open_before = most_resident(), descriptors()
    p = fuzz(p)
    p.close()
    never_reading()
    p = Port(node, tree)
    grown = most_resident() - before
    most = 2048 if os.environ.get("SAN") else 40
    check("the worker does not grow by it", grown < most * 1024, "%d KiB" % grown)
    end = time.monotonic() + LIMIT_SEC
    while descriptors() > open_before + 16 and time.monotonic() < end:
        time.sleep(0.05)
    check("nor does it keep descriptors", descriptors() <= open_before + 16,
          open_before, descriptors())
    return p


p = Port(node, tree)
staged_descriptors(p)
looked_descriptors(p)
attributes(p)
races(p)
p = floods(p)
check("the tree's root is as it was", sorted(os.listdir(tree)) == ["taken"], os.listdir(tree))
p.close()
