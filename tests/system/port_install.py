# SPDX-License-Identifier: GPL-2.0-or-later
"""Compare and install: what is seen through the mount, what is refused, what is kept."""

import os
import subprocess
import sys

from port_talk import *

node, tree = sys.argv[1:3]
os.mkdir(tree + "/install")
os.chdir(tree + "/install")
p = Port(node, tree)
IN = "install/"


def sh(command):
    subprocess.run(["bash", "-c", command], check=True, stdout=subprocess.DEVNULL)


def put(path, content):
    with open(path, "w") as f:
        f.write(content)


def read(path):
    with open(path) as f:
        return f.read()


def acl(path):
    return subprocess.run(["getfacl", "-nc", path], check=True, capture_output=True).stdout.decode()


def installed(path, content, **named):
    status, look = p.put(IN + path, content, p.see(IN + path).ident, **named)
    check(path + " is installed", status == 0, status)
    return look


put("f", "local")
p.told()
os.stat("f")
before = p.see(IN + "f").ident
status, look = p.put(IN + "f", b"remote", before, mode=0o4755, mtime=10**18)
check("a file is replaced", status == 0 and read("f") == "remote", status)
st = os.stat("f")
check("with mode and mtime, without set-id bits", st.st_mode & 0o7777 == 0o755 and
      st.st_mtime_ns == 10**18, st)
check("the answer is what LOOK says", p.see(IN + "f") == look)
check("an outdated identity is refused", p.put(IN + "f", b"x", before)[0] == CHANGED)
check("and changes nothing", read("f") == "remote")
check("an install is not hinted", p.told() == [])

with open("f", "r+"):
    check("a file with a writer is busy", p.put(IN + "f", b"x", look.ident)[0] == BUSY)
check("and told to be free, though nothing was written",
      p.until(lambda h: h.what == FREE_HINT and h.path == IN + "f") is not None)

check("a name known as absent", not os.path.exists("new"))
status, look = p.put(IN + "new", b"x" * 100000, ABSENT)
check("a large file appears", status == 0 and os.stat("new").st_size == 100000, status)
check("only where nothing is", p.put(IN + "new", b"x", ABSENT)[0] == CHANGED)
check("it is removed", p.remove(IN + "new", look.ident) == 0 and not os.path.exists("new"))
status, look = p.install(IN + "d", DIR, ABSENT, mode=0o750)
check("a directory appears", status == 0 and os.stat("d").st_mode & 0o777 == 0o750, status)
status, _ = p.install(IN + "d/l", LINK, ABSENT, target="/etc/shadow")
check("a symbolic link appears", status == 0 and os.readlink("d/l") == "/etc/shadow", status)
check("a directory that is not empty stays", p.remove(IN + "d", look.ident) < 0)
put("d/file", "x")
sh("rm d/l d/file")
p.told()
status, look = p.put(IN + "d", b"a file now", p.see(IN + "d").ident)
check("an empty directory becomes a file", status == 0 and read("d") == "a file now", status)

# ---- what was replaced

put("one", "old")
os.link("one", "two")
p.told()
os.stat("one")
installed("one", b"new")
sh("echo appended >>one; echo other >>two")
check("a write goes to what is there now", read("one") == "newappended\n")
check("and not into another link of what was", read("two") == "oldother\n")
check("which has one link less", os.stat("two").st_nlink == 1)
put("r", "old")
p.told()
with open("r") as f:
    installed("r", b"new")
    os.fchmod(f.fileno(), 0o600)
    st = os.fstat(f.fileno())
    check("a reader keeps what it has opened",
          f.read() == "old" and st.st_nlink == 0 and st.st_mode & 0o777 == 0o600, st)
sh("setfattr -n user.k -v v r; setfacl -m u:1:rw r; mkdir acl; setfacl -d -m u:5:rwx acl")
p.told()
installed("r", b"newer", mode=0o664)
check("xattrs and ACL of what was replaced are kept",
      "user.k" in os.listxattr("r") and os.getxattr("r", "user.k") == b"v" and "user:1:rw-" in acl("r"), acl("r"))
p.put(IN + "acl/f", b"1", ABSENT, mode=0o660)
check("a new file has its directory's default ACL",
      "user:5:rwx" in acl("acl/f") and "mask::rw-" in acl("acl/f"), acl("acl/f"))
p.install(IN + "acl/d", DIR, ABSENT, mode=0o750)
check("and so has a new directory", "default:user:5:rwx" in acl("acl/d"), acl("acl/d"))
inode = os.stat("r").st_ino
look = p.see(IN + "r")
status, _ = p.install(IN + "r", FILE, look.ident, flags=INPLACE, mode=0o600, mtime=2 * 10**18)
st = os.stat("r")
check("attributes are changed in place", status == 0 and st.st_ino == inode and
      st.st_mode & 0o777 == 0o600 and st.st_mtime_ns == 2 * 10**18, status, st)

# ---- mounts inside

put("mf", "x")
os.mkdir("mp")
sh("mount -t tmpfs none mp; touch mp/inside; mount --bind /etc/hostname mf")
p.told()
check("a mount point is not removed", p.remove(IN + "mp", p.see(IN + "mp").ident) == MOUNTED)
check("nor replaced", p.put(IN + "mf", b"y", p.see(IN + "mf").ident)[0] == MOUNTED)
check("and still mounted upon", os.path.exists("mp/inside"))
sh("umount mp; umount mf")
for name in ("mp", "mf"):
    check(name + " is told to be free after umount",
          p.until(lambda h: h.what == FREE_HINT and h.path == IN + name) is not None)
check("and then it goes", p.remove(IN + "mp", p.see(IN + "mp").ident) == 0)
p.close()
