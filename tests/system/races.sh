#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Local programs and installs of versions on the same paths, thousands of times.
. "$(dirname "$0")/lib.sh"
world_enter "$@"
# LONG=1: five times as many.
ROUNDS=${ROUNDS:-$([ -n "${LONG:-}" ] && echo 15000 || echo 3000)}
INSTALLS=${INSTALLS:-$((ROUNDS / 20))}

host_new ns1
host_new ns2
nodes_start ns1 ns2
sh_on ns1 'mkdir -p etc/race etc/busy; echo start >etc/race/f'
settle ns1 ns2

# ns2 keeps replacing what ns1 keeps writing.
remote() { sh_on ns2 "while [ ! -e $T/stop ]; do i=\$((i + 1)); $1; done" >/dev/null 2>&1 & REMOTE=$!; }
remote_stop() { touch $T/stop; wait $REMOTE; rm -f $T/stop; }

remote 'echo "remote $i" >etc/race/f'
OUT=$(on ns1 race "$TREE/etc/race/f" "$ROUNDS" "$INSTALLS" 2>"$T/rounds")
STATUS=$?
remote_stop
is "$ROUNDS opens against installs: no write into a replaced file or lost, no error" "$OUT" "orphans 0 lost 0 errors 0"
is "at least $INSTALLS installs between them ($(cat "$T/rounds"))" $STATUS 0
settle ns1 ns2

# The same on a path whose walk asks for some thousands of names: who is sent back to walk it again
# finds no other version there, however long that takes. (The kernel counts the links of all walks.)
sh_on ns1 'd=etc; up=; i=0
	while [ $i -lt 150 ]; do d=$d/d; up=../$up; i=$((i + 1)); done
	mkdir -p $d; ln -s $up${d#etc/} $d/round; echo start >$d/f'
settle ns1 ns2
DEEP=etc$(printf '/d%.0s' $(seq 150))
WALK=$DEEP$(printf '/round%.0s' $(seq 12))
cat >"$T/walk.py" <<'END'
import os, sys, time
STANDSTILL = 120  # without an install; they may be as slow as they are
path, installs, errors, last, rounds = sys.argv[1], int(sys.argv[2]), [], 0, 0
end = time.monotonic() + STANDSTILL
while installs > 0 and time.monotonic() < end and len(errors) < 5:
    rounds += 1
    try:
        fd = os.open(path, os.O_RDONLY)
        ino = os.fstat(fd).st_ino
        os.close(fd)
        if last not in (0, ino):
            installs -= 1
            end = time.monotonic() + STANDSTILL
        last = ino
    except OSError as e:
        errors.append(e.strerror)
print("installs left %d errors %s" % (installs, errors))
END
remote "echo \"remote \$i\" >$DEEP/f"
OUT=$(on ns1 python3 "$T/walk.py" "$TREE/$WALK/f" "$INSTALLS")
remote_stop
is "$INSTALLS installs beneath opens by a long walk: no error either" "$OUT" "installs left 0 errors []"
settle ns1 ns2
sh_on ns1 'echo last >etc/race/f'
settle ns1 ns2
is "the last save is everywhere" "$(sh_on ns2 'cat etc/race/f')" last

# Every ordinary call in a directory into which versions are being installed.
cat >"$T/busy.py" <<'END'
import os, sys
os.chdir(sys.argv[1])
end, errors = int(sys.argv[2]), []
for i in range(end):
    n = "local%d" % (i % 10)
    try:
        with open(n, "w") as f:
            f.write("local %d" % i)
        os.chmod(n, 0o640 if i % 2 else 0o644)
        os.truncate(n, 3)
        os.link(n, n + ".link")
        os.rename(n + ".link", n + ".renamed")
        os.mkdir(n + ".d")
        open(n + ".d/x", "w").close()
        os.rename(n + ".d", n + ".e")
        names = os.listdir(".")
        assert n in names and n + ".renamed" in names, names
        os.unlink(n + ".e/x")
        os.rmdir(n + ".e")
        os.unlink(n + ".renamed")
        for r in range(10):
            try:
                with open("remote%d" % r) as f:
                    text = f.read()
                assert text.startswith("remote ") and text.endswith(" end\n"), text
            except FileNotFoundError:
                pass
        os.stat(".")
    except Exception as e:
        errors.append("%d: %s" % (i, e))
print(len(errors), *errors[:5], sep="\n")
END
remote 'echo "remote $i end" >etc/busy/.r; mv etc/busy/.r etc/busy/remote$((i % 10)); [ $((i % 7)) != 0 ] || rm -f etc/busy/remote$((i % 10)); chmod 64$((i % 5)) etc/busy/remote$((i % 9))'
OUT=$(timeout 300 nsenter -t "${HOST_PID[ns1]}" -m -n -p /usr/bin/python3 "$T/busy.py" "$TREE/etc/busy" 400 2>&1)
is "no hang and no error" "$? $OUT" "0 0"
remote_stop
settle ns1 ns2
trees_same_but_raised "and nothing is stale" ns1 ns2
for h in ns1 ns2; do
	is "$h: the mount shows what lies beneath" \
		"$(sh_on $h 'cd etc/busy; ls -a; cat * 2>/dev/null')" "$(cd "$T/$h$TREE/etc/busy"; ls -a; cat * 2>/dev/null)"
done

# What the kernel has remembered of a name, here that it is absent, its mode, its content, is forgotten.
seen() { sh_on ns1 'stat -c %a etc/busy/seen 2>/dev/null || echo absent; cat etc/busy/seen 2>/dev/null'; }
STALE=
for i in 1 2 3 4 5; do
	for step in "echo one >etc/busy/seen; chmod 644 etc/busy/seen:644 one" "chmod 600 etc/busy/seen:600 one" \
		"echo two >etc/busy/seen:600 two" "rm etc/busy/seen:absent"; do
		seen >/dev/null
		sh_on ns2 "${step%:*}; zonefsctl wait" >/dev/null
		got=$(seen | xargs)
		[ "$got" = "${step##*:}" ] || STALE="$STALE$step: $got; "
	done
done
is "what a peer has changed is seen at once where it was looked at before" "$STALE" ""

# A local process holds a file open for writing while the peer saves it: what the peer has saved waits,
# and the local writer loses no byte.
held=$T/ns1$TREE/etc/race/f
sh_on ns1 'exec 3<>etc/race/f; printf "kept by" >&3; touch /tmp/open; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo " ns1, all of it" >&3; exec 3>&-' &
job=$!
wait_for 60 test -e "$T/ns1/tmp/open"
sh_on ns2 'echo "by ns2 ......................" >etc/race/f; echo after >etc/race/after'
check "another path's version of the same moment comes" wait_for 60 file_is "$T/ns1$TREE/etc/race/after" after
like "that of the held path is known, and waits" "$(on ns1 zonefsctl log --path etc/race/f --origin ns2 -n 1)" " 30 bytes"
check "its file has the local bytes" grep -qx "kept by" "$held"
touch "$T/ns1/tmp/go"
wait $job
settle ns1 ns2
wait_for 60 same_but_raised ns1 ns2
trees_same_but_raised "after two wrote the same file" ns1 ns2
is "the later save is shown, with each of its bytes" "$(sh_on ns2 'cat etc/race/f')" "kept by ns1, all of it"
for h in ns1 ns2; do
	check "$h: what lost is in the history" on $h "$LIB_DIR/kept.py" /var/lib/zonefs/zonefs.db \
		etc/race/f "by ns2 ......................"
done

# The same once the local process has paused, so that what it has written was told, and the peer's save follows on it.
held=$T/ns1$TREE/etc/race/h
sh_on ns1 'echo "......................" >etc/race/h; zonefsctl wait'
rm -f "$T/ns1/tmp/go"
sh_on ns1 'exec 3<>etc/race/h; printf "kept by" >&3; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo " ns1, all of it" >&3; exec 3>&-' &
job=$!
check "what a process has written before it paused is told" wait_for 60 grep -q "^kept by" "$T/ns2$TREE/etc/race/h"
sh_on ns2 'echo "after it" >etc/race/h; echo more >etc/race/more'
check "another path's version of that moment comes, too" wait_for 60 file_is "$T/ns1$TREE/etc/race/more" more
like "that of the held path is known, and waits for the process" "$(on ns1 zonefsctl log --path etc/race/h -n 1)" " ns2 "
check "whose file is in its place" grep -q "^kept by" "$held"
touch "$T/ns1/tmp/go"
wait $job
settle ns1 ns2
wait_for 60 same_but_raised ns1 ns2
is "what it has written in the end is shown" "$(sh_on ns2 'cat etc/race/h')" "kept by ns1, all of it"
check "and what the peer has saved is in the history" on ns1 "$LIB_DIR/kept.py" /var/lib/zonefs/zonefs.db etc/race/h "after it"
finish
