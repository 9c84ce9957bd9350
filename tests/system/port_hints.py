# SPDX-License-Identifier: GPL-2.0-or-later
"""What is hinted, and when; the mtime floor."""

import mmap
import os
import subprocess
import sys
import time

from port_talk import *

node, tree = sys.argv[1:3]
os.chdir(tree)
p = Port(node, tree)


def sh(command):
    subprocess.run(["bash", "-c", command], check=True, stdout=subprocess.DEVNULL)


def hints(command):
    """What is told of a command, or how it has failed."""
    p.told()
    status = subprocess.run(["bash", "-c", command], stdout=subprocess.DEVNULL).returncode
    if status:
        return "status %d" % status
    return sorted((h.path, h.from_, h.flags) for h in p.told() if h.what == CHANGED_HINT)


def put(path, content):
    with open(path, "w") as f:
        f.write(content)


MADE = CREATED_FLAG | NAMES_FLAG
for sentence, command, wanted in (
        ("a new file is told once, at its close", "echo x > f", [("f", "", MADE)]),
        ("a rewritten file is told once", "echo y > f", [("f", "", 0)]),
        ("an appended file is told once", "echo y >> f", [("f", "", 0)]),
        ("an open for writing that writes nothing is not told", "exec 3<>f; exec 3>&-", []),
        ("reading is not told", "cat f; ls; stat f", []),
        ("a directory is told", "mkdir d", [("d", "", MADE)]),
        ("a rename tells both names", "mv f d/g",
         [("d/g", "f", NAMES_FLAG), ("f", "", NAMES_FLAG)]),
        ("a directory's rename is told as a tree's", "mv d e",
         [("d", "", NAMES_FLAG | TREE_FLAG), ("e", "d", NAMES_FLAG | TREE_FLAG)]),
        ("a second link is told", "ln e/g h", [("h", "", MADE)]),
        ("a write through one link is told for both", "echo z >> h", [("e/g", "", 0), ("h", "", 0)]),
        ("a chmod is told", "chmod 600 h", [("e/g", "", 0), ("h", "", 0)]),
        ("a removed link is told", "rm h", [("h", "", NAMES_FLAG)]),
        ("truncate(path) is told at once", "truncate -s 1 e/g", [("e/g", "", 0)]),
        ("a symbolic link is told", "ln -s nowhere s", [("s", "", MADE)]),
        ("an xattr is told", "setfattr -n user.a -v b e/g", [("e/g", "", 0)]),
        ("install(1) is told once, with its last mode", "install -m 640 /etc/passwd i",
         [("i", "", MADE)]),
        ("a copy within the mount is told", "cp i j", [("j", "", MADE)]),
        ("a file written and removed before its close is told by name only",
         "exec 3>k; echo x >&3; rm k; exec 3>&-", [("k", "", NAMES_FLAG)]),
        ("a rename of a file being written is told at its close, with where it was",
         "exec 3>>i; echo x >&3; mv i l; exec 3>&-",
         [("i", "", NAMES_FLAG), ("l", "i", NAMES_FLAG)]),
        ("the staging directory cannot be made", "! mkdir .zonefs 2>/dev/null && ! touch .zonefs 2>/dev/null", []),
        ("the staging directory is not listed", "! ls -A | grep -Fx .zonefs", [])):
    got = hints(command)
    check(sentence, got == wanted, got)

who = (sh("exec 3>who; echo x >&3; exec 3>&-"), p.told())[1][-1].who
check("a hint says who it was", who["command"] == "bash" and who["uid"] == 0, who)

# ---- files held open

with open("j", "r+b", buffering=0) as f:
    f.write(b"in place")
    look = p.see("j")
    check("a file modified in place is busy at first", look.busy and look.writer, look)
    check("and told when it has been quiet", p.until(lambda h: h.path == "j") is not None)
    look = p.see("j")
    check("and then not busy, though it has a writer", look.writer and not look.busy, look)
check("its close has nothing more to tell", [h.path for h in p.told()] == ["j"])

fd = os.open("private", os.O_CREAT | os.O_WRONLY, 0o600)
os.write(fd, b"x")
os.close(fd)
serial = int(os.getxattr(tree, BARRIER))
check("a delayed hint is waited for by the serial given before it", p.wait("", serial)[0] == 0 and
      [h.path for h in p.hints] == ["private"], p.hints)
p.told()

put("m", "x" * 4096)
p.told()
with open("m", "r+b") as f:
    m = mmap.mmap(f.fileno(), 4096)
m[0:3] = b"abc"
status, openers = p.wait("m", 0, 100)
check("a mapping is a writer, and wait names its process",
      status == TIMEOUT and [o[0] for o in openers] == [os.getpid()], status, openers)
m.close()
check("its end is told", p.until(lambda h: h.path == "m") is not None)
with open("m", "r+b") as f:
    child = subprocess.Popen(["sleep", "100"], pass_fds=[f.fileno()])
status, openers = p.wait("m", 0, 100)
check("wait names who has inherited a descriptor",
      status == TIMEOUT and openers == [(child.pid, "sleep")], status, openers)
child.kill()
child.wait()
check("and returns when that one is gone", p.wait("m")[0] == 0)

# ---- acknowledgement

p.told()
p.ack = False
put("acked", "x")
number = p.send(WAIT, string("acked") + struct.pack("<QI", 0, LIMIT_SEC * 1000))
p.until(lambda h: h.path == "acked")
p.ask(LOOK, string(""))
check("wait for a path waits for its acknowledgement", number not in p.answers)
p.acknowledge([h.serial for h in p.hints])
check("and returns with it", p.answer(number)[0] == 0)
put("unacked", "x")
p.until(lambda h: h.path == "unacked")
p.close()
put("while-away", "x")
p = Port(node, tree)
p.until(lambda h: h.path == "while-away")
check("what was not acknowledged is told to the next replicator",
      {h.path for h in p.hints} == {"unacked", "while-away"}, p.hints)
p.told()

# ---- what a look has seen is told by then

put("large", "x" * 16384)
put("small", "x")
p.told()
known = p.see("small").ident
p.ack = False
asked = [p.send(LOOK, string("large") + b"\1") for _ in range(200)]  # more than the socket holds
put("small", "saved")
os.getxattr(tree, BARRIER)  # the close is dealt with
saved = p.send(LOOK, string("small") + b"\1")
for number in asked:
    p.answer(number)
while saved not in p.answers:
    p.one()
told_before = {h.path for h in p.hints}
status, r, fd = p.answers.pop(saved)
check("a save is told before the answer of a look that has seen it, also when the socket was full",
      status == 0 and r.look().ident != known and "small" in told_before, told_before)
p.ack = True
p.acknowledge([h.serial for h in p.hints])
p.told()

# ---- the mtime floor


def mtime(path):
    return os.stat(path).st_mtime_ns


def whole(nsec, more):
    return (nsec // 10**9 + more) * 10**9


put("z", "1")
ahead = time.time_ns() + 20 * 10**9
os.utime("z", ns=(ahead, ahead))
check("an mtime above the floor is taken as it is", mtime("z") == ahead)
with open("z", "r+") as f:
    f.write("2")
    f.flush()
    first = mtime("z")
    f.write("3")
    f.flush()
    check("a save shows the next whole second from its first write on",
          first == whole(ahead, 1) == mtime("z"), first - ahead)
check("and after its close", mtime("z") == first)
p.told()
check("the disk has it before the hint", p.see("z").mtime == first)
sh("cp z t; touch -d @1000 t; mv t z")
second = mtime("z")
check("a rename over a name raises a preserved mtime", second == whole(first, 1), second - first)
os.unlink("z")
put("z", "5")
third = mtime("z")
check("a name that comes back at once is raised", third == whole(second, 1), third - second)
sh("mv z z~; echo 6 > z")
check("also after its file was moved away", mtime("z") == whole(third, 1))
check("which keeps its own", mtime("z~") == third)
sh("touch -d @2000 z")
check("utimes does not go back", mtime("z") > third)
same = mtime("z")
os.utime("z", ns=(same, same))
check("the same mtime again is no change", mtime("z") == same)
far = whole(time.time_ns(), 3600)
os.utime("z", ns=(far, far))
put("z", "8")
check("far ahead of the clock it goes on by milliseconds", mtime("z") == far + 10**6)
p.close()
