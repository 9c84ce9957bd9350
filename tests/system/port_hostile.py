# SPDX-License-Identifier: GPL-2.0-or-later
"""A replicator that was taken over: what it cannot do."""

import os
import select
import struct
import subprocess
import sys

from port_talk import *

node, tree = sys.argv[1:3]
os.mkdir(tree + "/hostile")
os.chdir(tree + "/hostile")
p = Port(node, tree)
IN = "hostile/"


def opens(path, flags):
    try:
        os.close(os.open(path, flags))
        return True
    except OSError:
        return False


def content(path):
    with open(path) as f:
        return f.read()


# ---- out of the tree

for path in ("../x", "/etc", "a//b", "a/../b", ".", "..", ".zonefs", ".zonefs/0000000000000001",
             "x" * 256, "y/" * 2500):
    for name, kind, body in (("LOOK", LOOK, string(path)),
                             ("LIST", LIST, string(path) + bytes(8)),
                             ("INSTALL", INSTALL, p.install_body(path, DIR, ABSENT)),
                             ("REMOVE", REMOVE, string(path) + ABSENT)):
        status = p.ask(kind, body)[0]
        check("%s of %s is malformed" % (name, path[:20]), status == FORMAT, status)
os.makedirs("aside/in")
with open("aside/in/f", "w") as f:
    f.write("aside")
for link, target, below, name in (("link", "/etc", "link", "passwd"), ("over", "/", "over/etc", "passwd"),
                                  ("near", "aside", "near/in", "f")):
    os.symlink(target, link)
    real = os.path.realpath(below)
    before = content(os.path.join(real, name))
    p.told()
    status, look, fd = p.look(IN + below + "/" + name)
    check("nothing is seen through a symbolic link (%s)" % target,
          fd < 0 and (status < 0 or look.kind == ABSENT_KIND), status, look)
    check("nor listed (%s)" % target, isinstance(p.list(IN + below), int))
    check("nor installed (%s)" % target, p.install(IN + below + "/new", DIR, ABSENT)[0] < 0 and
          not os.path.exists(real + "/new"))
    ident = p.see(IN + "aside/in/f").ident
    check("nor removed (%s)" % target, p.remove(IN + below + "/" + name, ident) < 0 and
          content(os.path.join(real, name)) == before)
check("the staging directory is not listed", ".zonefs" not in p.list(""))

# ---- what it is given

with open("f", "w") as f:
    f.write("mine")
os.chmod("f", 0o666)
p.told()
status, look, fd = p.look(IN + "f")
check("a descriptor is for reading", not opens("/proc/self/fd/%d" % fd, os.O_WRONLY) and
      not opens("/proc/self/fd/%d" % fd, os.O_RDWR))
os.close(fd)
check("no descriptor of a directory is given", p.look("")[2] == -1 and p.look("hostile")[2] == -1)
os.mkfifo("fifo")
os.mknod("dev", 0o600 | 0o020000, os.makedev(1, 3))
for name in ("fifo", "dev"):
    p.told()
    status, look, fd = p.look(IN + name)
    check(name + " is of no kind that travels", look.kind == OTHER and fd == -1)
    check(name + " is not removed", p.remove(IN + name, look.ident) == DENIED)
    check(name + " is not replaced", p.put(IN + name, b"", look.ident)[0] == DENIED)
check("no device is installed", p.install(IN + "x", OTHER, ABSENT)[0] == FORMAT)

# ---- what it gives

status, r, fd = p.ask(STAGE, struct.pack("<Q", 70000) + data(b""))
handle = r.handle()
os.write(fd, b"q" * 70000)
check("what it can still write to is not installed",
      p.install(IN + "big", FILE, ABSENT, handle, HAS_CONTENT)[0] == DENIED)
os.close(fd)
check("but when that is closed",
      p.install(IN + "big", FILE, ABSENT, handle, HAS_CONTENT)[0] == 0)
status, r, fd = p.ask(STAGE, struct.pack("<Q", 70000) + data(b""))
os.write(fd, b"q")
os.close(fd)
check("what is not whole is not installed",
      p.install(IN + "part", FILE, ABSENT, r.handle(), HAS_CONTENT)[0] == FORMAT)
check("what was never staged is not installed",
      p.install(IN + "odd", FILE, ABSENT, p.see(IN + "f").ident[:-40], HAS_CONTENT)[0] == UNKNOWN)
check("nothing over the limit is staged",
      p.ask(STAGE, struct.pack("<Q", 1 << 62) + data(b""))[0] == LIMIT)
staged = []
for _ in range(15):
    numbers = [p.send(STAGE, struct.pack("<Q", 1) + data(b"x")) for _ in range(100)]
    answers = [p.answer(n) for n in numbers]
    assert all(status == 0 for status, _, _ in answers)
    staged += [r.handle() for _, r, _ in answers]
check("too many staged contents push the oldest out",
      p.install(IN + "oldest", FILE, ABSENT, staged[0], HAS_CONTENT)[0] == UNKNOWN)
check("and leave the newest",
      p.install(IN + "newest", FILE, ABSENT, staged[-1], HAS_CONTENT)[0] == 0)

# ---- hooks

status, r, _ = p.ask(HOOK, string("echo") + string("reload") + data(b"123456789"))
check("a configured hook runs", status == 0, status)
check("none that is not configured", p.ask(HOOK, string("/bin/sh") + string("reload") +
                                           data(b""))[0] == UNKNOWN)
for verb in ("-c", "stop", "reload-all", ""):
    status = p.ask(HOOK, string("echo") + string(verb) + data(b""))[0]
    check("nor with another verb (%s)" % verb, status == DENIED, status)

# ---- nonsense

for packet in (b"\1", b"\1\5\0\0\0\0", b"\1\5\1\0\0\0\5\0abc", b"\2" * 100, b"\1\x85\0\0\0\0",
               b"\1\7\1\0\0\0" + b"\xff" * 500, b"\1\3\0\0\0\0\xff\xff", b"\1\1\0\0\0\0",
               b"\1\2\0\0\0\0\1\0", os.urandom(1000), b"\1\6\0\0\0\0" + b"\xff" * 100000):
    p.sock.send(packet)
check("nonsense is survived", p.see("").kind == DIR)
p.acknowledge([0, 1 << 63, 2**64 - 1])
check("acknowledging what was never told is survived", p.see("").kind == DIR)
p.sock.setblocking(False)
sent = 0
while sent < 20000 and select.select([], [p.sock], [], 1)[1]:
    try:
        p.send(LIST, string("") + bytes(8))
        sent += 1
    except BlockingIOError:
        break
check("one that asks and does not read is stopped", sent < 2000, sent)
saved = subprocess.run(["bash", "-c", "echo x > meanwhile && rm meanwhile"], timeout=LIMIT_SEC)
check("and keeps nobody waiting", saved.returncode == 0)
p.close()
p = Port(node, tree)
check("the next one is told what it was not", "hostile/meanwhile" in [h.path for h in p.told()])
shut_out = False
try:
    for _ in range(100000):
        p.sock.send(b"\xff\xff")
except OSError as e:
    shut_out = not isinstance(e, TimeoutError)
check("one that sends nothing but nonsense is shut out", shut_out)
p.close()
p = Port(node, tree)
check("and the next one is served", p.see("").kind == DIR)
p.close()
