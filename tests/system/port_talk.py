# SPDX-License-Identifier: GPL-2.0-or-later
"""Speaks the port as a replicator would, well or badly: base/port.h in Python, over the port that
helpers/portlend lends."""

import collections
import os
import socket
import struct
import sys
import time

HELLO, HINTS, ACK, LIST, LOOK, STAGE, INSTALL, REMOVE, HOOK, WAIT, INFO = range(1, 12)
ANSWER = 0x80
BUSY, CHANGED, MOUNTED, FORMAT, PROTOCOL, LIMIT = -1001, -1002, -1003, -1004, -1005, -1006
DENIED, UNKNOWN, CLOSED, TIMEOUT = -1009, -1010, -1011, -1012
ABSENT_KIND, FILE, DIR, LINK, OTHER = range(5)
CHANGED_HINT, FREE_HINT, RESCAN_HINT = 1, 2, 3
TREE_FLAG, CREATED_FLAG, NAMES_FLAG = 1, 2, 4
INPLACE, HAS_CONTENT = 1, 2
INLINE_MAX = 65536
NO_HANDLE = bytes(5)
ABSENT = NO_HANDLE + bytes(40)
BARRIER = "user.zonefs.barrier"
LIMIT_SEC = 30

Look = collections.namedtuple(
    "Look", "kind busy writer mode uid gid nlink size mtime ident target xattrs")
Hint = collections.namedtuple("Hint", "serial what flags path from_ who")


def string(s):
    b = os.fsencode(s)
    return struct.pack("<H", len(b)) + b


def data(b):
    return struct.pack("<I", len(b)) + b


class Reader:
    def __init__(self, b):
        self.b, self.at = b, 0

    def n(self, form):
        v = struct.unpack_from("<" + form, self.b, self.at)[0]
        self.at += struct.calcsize("<" + form)
        return v

    def raw(self, n):
        v = self.b[self.at:self.at + n]
        assert len(v) == n
        self.at += n
        return v

    def string(self):
        return os.fsdecode(self.raw(self.n("H")))

    def data(self):
        return self.raw(self.n("I"))

    def handle(self):
        at = self.at
        n = self.n("B")
        self.raw(4 + n)
        return self.b[at:self.at]

    def ident(self):
        at = self.at
        self.handle()
        self.raw(40)
        return self.b[at:self.at]

    def who(self):
        uid, login, pid = self.n("I"), self.n("I"), self.n("I")
        return dict(uid=uid, login=login, pid=pid, command=self.string(), tty=self.string())

    def look(self):
        return Look(self.n("B"), self.n("B"), self.n("B"), self.n("I"), self.n("I"), self.n("I"),
                    self.n("I"), self.n("Q"), self.n("q"), self.ident(), self.string(), self.data())

    def hint(self):
        return Hint(self.n("Q"), self.n("B"), self.n("B"), self.string(), self.string(), self.who())


def borrow(node):
    end = time.monotonic() + LIMIT_SEC
    while True:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            s.connect("\0zonefs-port/" + node)
            _, fds, _, _ = socket.recv_fds(s, 1, 1)
            if fds:
                return s, socket.socket(fileno=fds[0])
        except OSError:
            pass
        s.close()  # none is there, or one that is about to end
        assert time.monotonic() < end, "no port"
        time.sleep(0.02)


class Port:
    """One replicator's life. Hints are collected in `hints`, and acknowledged unless `ack` is off."""

    def __init__(self, node, tree):
        self.tree = tree
        self.lender, self.sock = borrow(node)
        self.sock.settimeout(LIMIT_SEC)
        self.id, self.hints, self.ack, self.answers = 0, [], True, {}
        kind, _, r, _ = self.receive()
        assert kind == HELLO
        self.life, self.tick = r.n("Q"), r.n("I")

    def close(self):
        self.sock.close()
        self.lender.close()

    def receive(self):
        packet, fds, _, _ = socket.recv_fds(self.sock, 131072, 1)
        if not packet:
            raise EOFError
        return packet[1], struct.unpack_from("<I", packet, 2)[0], Reader(packet[6:]), \
            fds[0] if fds else -1

    def send(self, kind, body):
        self.id += 1
        self.sock.send(struct.pack("<BBI", 1, kind, self.id) + body)
        return self.id

    def acknowledge(self, serials):
        self.send(ACK, struct.pack("<H%dQ" % len(serials), len(serials), *serials))

    def one(self):
        kind, number, r, fd = self.receive()
        if kind == HINTS:
            new = [r.hint() for _ in range(r.n("H"))]
            self.hints += new
            if self.ack:
                self.acknowledge([h.serial for h in new])
        else:
            self.answers[number] = (r.n("i"), r, fd)

    def answer(self, number):
        while number not in self.answers:
            self.one()
        return self.answers.pop(number)

    def ask(self, kind, body):
        return self.answer(self.send(kind, body))

    # ---- requests

    def look(self, path):
        """Status, look, descriptor (the caller's) or -1."""
        status, r, fd = self.ask(LOOK, string(path))
        return status, r.look() if status == 0 else None, fd

    def see(self, path):
        status, look, fd = self.look(path)
        if fd >= 0:
            os.close(fd)
        assert status == 0, (path, status)
        return look

    def content(self, path):
        """Look and content, None where it may not be taken."""
        status, look, fd = self.look(path)
        assert status == 0, (path, status)
        if fd < 0:
            return look, None
        with os.fdopen(fd, "rb") as f:
            content = f.read()
        again = self.see(path)
        return look, content if again.ident == look.ident and not again.busy else None

    def list(self, path):
        names, cursor = {}, 0
        while True:
            status, r, _ = self.ask(LIST, string(path) + struct.pack("<Q", cursor))
            if status < 0:
                return status
            cursor = r.n("Q")
            for _ in range(r.n("H")):
                kind = r.n("B")
                names[r.string()] = kind
            if cursor == 0:
                return names

    def stage(self, content):
        small = len(content) <= INLINE_MAX
        status, r, fd = self.ask(
            STAGE, struct.pack("<Q", len(content)) + data(content if small else b""))
        if status < 0:
            return status
        if not small:
            with os.fdopen(fd, "wb") as f:
                f.write(content)
        return r.handle()

    @staticmethod
    def install_body(path, kind, ident, handle=NO_HANDLE, flags=0, mode=0o644, uid=0, gid=0,
                     mtime=None, target=""):
        mtime = time.time_ns() if mtime is None else mtime
        return string(path) + struct.pack("<BBIIIq", kind, flags, mode, uid, gid, mtime) + \
            handle + string(target) + ident + data(b"")

    def install(self, *args, **named):
        status, r, _ = self.ask(INSTALL, self.install_body(*args, **named))
        return status, r.look() if status == 0 else None

    def put(self, path, content, ident, **named):
        return self.install(path, FILE, ident, self.stage(content), HAS_CONTENT, **named)

    def remove(self, path, ident):
        return self.ask(REMOVE, string(path) + ident)[0]

    def wait(self, path="", serial=0, msec=LIMIT_SEC * 1000):
        status, r, _ = self.ask(WAIT, string(path) + struct.pack("<QI", serial, msec))
        return status, [(r.n("i"), r.string()) for _ in range(r.n("H"))]

    # ---- hints

    def told(self):
        """All hints of what was done through the mount before, and since the last call."""
        status, _ = self.wait("", int(os.getxattr(self.tree, BARRIER)))
        assert status == 0, status
        hints, self.hints = self.hints, []
        return hints

    def until(self, wanted):
        """Waits for a hint of which `wanted` is true: it, or None at the time limit."""
        end = time.monotonic() + LIMIT_SEC
        while time.monotonic() < end:
            for h in self.hints:
                if wanted(h):
                    return h
            try:
                self.one()
            except TimeoutError:
                break
        return None


def check(sentence, good, *what):
    """One test: a line for port.sh."""
    print(("ok " if good else "not ok ") + sentence + ("" if good else ": " + repr(what)))
    sys.stdout.flush()
