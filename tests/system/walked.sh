#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Where inodes cannot be opened by handle, their names lead to them: also while directories above are renamed, and
# to nothing else that has got the name.
WALKED=1
. "$(dirname "$0")/lib.sh"
world_enter "$@"
host_new ns1
host_new ns2
nodes_start ns1 ns2
settle ns1 ns2
DISK=$T/ns1$TREE

# ---- renamed above, again and again
cat >"$T/inside.py" <<'END'
import os, sys
os.chdir(sys.argv[1])
print("inside", flush=True)
failed = {}
def tries(what, *args):
    try:
        what(*args)
    except OSError as e:
        key = "%s: %s" % (what.__name__, e.strerror)
        failed[key] = failed.get(key, 0) + 1
def make(name):
    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
i = 0
while not os.path.exists(sys.argv[2]):
    name = "f%d" % i
    tries(make, name)
    tries(os.chmod, name, 0o640)
    tries(os.rename, name, name + ".new")
    tries(os.listdir, ".")
    tries(os.unlink, name + ".new")
    i += 1
for key, n in sorted(failed.items()):
    print("%d times: %s" % (n, key))
print("at work" if i else "idle")
END
cat >"$T/above.py" <<'END'
import os, sys
os.chdir(sys.argv[1])
names = ("a", "x"), ("x/b", "x/y"), ("x/y/c", "x/y/z")
for i in range(300):
    for old, new in names:
        os.rename(old, new)
    for old, new in reversed(names):
        os.rename(new, old)
END
sh_on ns1 'mkdir -p a/b/c'
settle ns1 ns2
on ns1 /usr/bin/python3 "$T/inside.py" $TREE/a/b/c "$T/stop" >"$T/said" 2>&1 &
job=$!
must wait_for 20 grep -q inside "$T/said"
check "directories are renamed 1,800 times" on ns1 /usr/bin/python3 "$T/above.py" $TREE
touch "$T/stop"
wait $job
is "a program inside hears nothing of it" "$(cat "$T/said")" "inside"$'\n'"at work"
check "then all of it is told" on ns1 zonefsctl wait --timeout 60
check "the other host has got it" wait_for 30 same_trees ns1 ns2
is "the directories are there" "$(sh_on ns2 'find a x' 2>/dev/null | xargs)" "a a/b a/b/c"
check "and the node is well" wait_for 30 node_well ns1

# ---- and beneath: what has the name then is something else
sh_on ns1 'mkdir d; echo one >d/f; chmod 644 d/f'
cat >"$T/holds.py" <<'END'
import os, sys
os.chdir(sys.argv[1])
f = os.open("f", os.O_RDONLY)
print("holds", flush=True)
sys.stdin.readline()
def tries(words, what, *args):
    try:
        what(*args)
        print(words)
    except OSError as e:
        print(words + ":", e.strerror)
tries("mode", os.fchmod, f, 0o600)
tries("make", os.open, "g", os.O_CREAT | os.O_WRONLY)
END
mkfifo "$T/go"
on ns1 /usr/bin/python3 "$T/holds.py" $TREE/d <"$T/go" >"$T/said" &
job=$!
exec {GO}>"$T/go"
must wait_for 20 grep -q holds "$T/said"
settle ns1 ns2
mv "$DISK/d" "$DISK/e"
mkdir "$DISK/d"
echo two >"$DISK/d/f"
chmod 644 "$DISK/d/f"
echo >&$GO
wait $job
is "who holds what has moved is told so" "$(cat "$T/said")" "holds
mode: Stale file handle
make: Stale file handle"
is "another file of that name has not got its mode" "$(stat -c %a "$DISK/d/f" "$DISK/e/f" | xargs)" "644 644"
is "nor another directory its file" "$(ls "$DISK/d" "$DISK/e" | xargs)" "$DISK/d: f $DISK/e: f"
finish
