#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Names, owners, modes, kinds, times: what a path is besides its content.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
# The two hosts number one group differently, and one user is known on ns1 only.
for h in ns1 ns2; do
	echo "dnsops:x:$((64100 + HOST_NUMBER[$h])):" >>"$T/$h/etc/group"
	echo "dnsadm:x:$((64200 + HOST_NUMBER[$h])):64100::/:/bin/sh" >>"$T/$h/etc/passwd"
done
echo "stranger:x:64300:64300::/:/bin/sh" >>"$T/ns1/etc/passwd"
nodes_start ns1 ns2
sh_on ns1 'mkdir -p etc'
settle ns1 ns2

here() { sh_on ns1 "$1" || note "failed: $1"; must on ns1 zonefsctl wait --timeout 30; }
there() { sh_on ns2 "$1" 2>&1; }

here 'echo x >etc/f; chown dnsadm:dnsops etc/f'
is "owner and group go by name" "$(there 'stat -c "%U %G" etc/f')" "dnsadm dnsops"
is "and are other numbers there" "$(there 'stat -c "%u %g" etc/f')" "64202 64102"
here 'chown stranger:64301 etc/f'
is "without such a name, by number" "$(there 'stat -c "%u %g" etc/f')" "64300 64301"
for m in 600 640 644 664 755 400 0 1755; do
	here "chmod $m etc/f"
	is "mode $m" "$(there 'stat -c %a etc/f')" "$m"
done
here 'chmod 4755 etc/f; mkdir etc/sg; chmod 2775 etc/sg'
is "set-id bits are not taken from a peer" "$(there 'stat -c %a etc/f etc/sg' | tr '\n' ' ')" "755 775 "
here 'chown bind:bind etc/f; chmod 755 etc/f; chmod g-s etc/sg'
here 'mkdir -m 700 etc/d; chown bind:bind etc/d'
is "a directory's mode and owner" "$(there 'stat -c "%a %U %G" etc/d')" "700 bind bind"
here 'chmod 750 etc/d'
is "changed" "$(there 'stat -c %a etc/d')" 750

here 'echo keep >etc/target; ln -s target etc/l; ln -s /nowhere/at/all etc/dangling; ln -s ../../../../etc/passwd etc/out'
is "symbolic links" "$(there 'readlink etc/l etc/dangling etc/out' | tr '\n' ' ')" \
	"target /nowhere/at/all ../../../../etc/passwd "
here 'rm etc/l; ln -s f etc/l'
is "another target" "$(there 'readlink etc/l')" f
is "the old target is untouched" "$(there 'cat etc/target')" keep
target() { stat -c '%u %g %a %y' "$T/ns2$TREE/etc/f"; }
before=$(target)
here 'chown -h dnsadm:dnsops etc/l; touch -h -d 2019-05-06 etc/l'
is "a link's own owner and time" "$(there 'stat -c "%U %G %y" etc/l')" "$(sh_on ns1 'stat -c "%U %G %y" etc/l')"
is "which are not its target's" "$(target)" "$before"
here 'rm etc/l; echo file >etc/l'
is "a link becomes a file" "$(there 'cat etc/l; stat -c %F etc/l' | tr '\n' ' ')" "file regular file "
is "and what it pointed to stays" "$(there 'cat etc/f')" x
here 'rm etc/l; mkdir etc/l; echo in >etc/l/in'
is "a file becomes a directory" "$(there 'cat etc/l/in')" in
here 'rm -r etc/l; echo file >etc/l'
is "and a file again" "$(there 'cat etc/l')" file

here 'mkdir -p etc/a/b/c; echo deep >etc/a/b/c/f'
is "deep directories" "$(there 'cat etc/a/b/c/f')" deep
here 'rm etc/a/b/c/f'
is "an emptied directory stays" "$(there 'stat -c %F etc/a/b/c')" directory
here 'mkdir -p etc/e/m/p'
here 'mkdir etc/e/m/p/ty'
is "empty directories, and nothing but" "$(there 'find etc/e -printf "%y %m "')" "d 755 d 755 d 755 d 755 "
here 'rm -r etc/e/m/p'
is "are removed" "$(there 'ls -A etc/e/m; ls -d etc/e/m')" etc/e/m
here 'touch -d "2019-05-06 07:08:09.123456789" etc/t'
is "mtimes, to the nanosecond" "$(there 'stat -c %y etc/t')" "$(sh_on ns1 'stat -c %y etc/t')"
# forward SENTENCE COMMAND: what the names in etc/ti show is of other content then, and later, on both hosts.
times() { sh_on $1 'stat -c %.9Y etc/ti/* | tr "\n" " "'; }
# later BEFORE AFTER: each of them, to the nanosecond.
later() {
	awk -v a="$1" -v b="$2" 'BEGIN {
		n = split(a, x)
		if (!n || split(b, y) != n) exit 1
		for (i = 1; i <= n; i++) {
			split(x[i], p, "."); split(y[i], q, ".")
			if (q[1] + 0 < p[1] + 0 || q[1] + 0 == p[1] + 0 && q[2] + 0 <= p[2] + 0) exit 1
		}
	}'
}
forward() {
	local one two
	one=$(times ns1) two=$(times ns2)
	here "$2"
	check "$1" later "$one" "$(times ns1)"
	check "$1, there too" later "$two" "$(times ns2)"
}
here 'mkdir etc/ti; echo 1 >etc/ti/f; echo 1 >etc/ti/g'
forward "of rewritten files never backwards" 'echo 2 >etc/ti/f; echo 2 >>etc/ti/g'
forward "of replaced ones" 'echo old >/tmp/old; touch -d 2001-01-01 /tmp/old; cp -p /tmp/old etc/ti/f; cp -p /tmp/old old; mv old etc/ti/g'
forward "of those whose time was set back with their content" 'for f in f g; do echo 34 >etc/ti/$f; touch -d 2001-01-01 etc/ti/$f; done'
forward "of those removed, which is told, and made again" 'rm etc/ti/*; zonefsctl wait; cp -p /etc/hostname etc/ti/f; cp -p /etc/hostname etc/ti/g; touch -d 2001-01-01 etc/ti/*'
here 'touch -d tomorrow etc/ti/*'
forward "of those with a time in the future" 'echo 5 >etc/ti/f; sed -i s/n/N/ etc/ti/g'
# Each host shows a save of its own, that of ns1 the later; that of ns2 has the later time.
here 'rm etc/ti/g'
link_down ns2
sh_on ns2 'echo there >/tmp/there; touch -d "next week" /tmp/there; cp -p /tmp/there etc/ti/f'
must wait_for 30 taken_in ns2 etc/ti/f there
before=$(times ns2)
sh_on ns1 'echo the later one >etc/ti/f'
link_up ns2
must wait_for 30 eval '[ "$(there "cat etc/ti/f")" = "the later one" ]'
check "of what was saved on both hosts" later "$before" "$(times ns2)"
settle ns1 ns2
is "which is said where it is so" "$(raised_on ns1) $(raised_on ns2)" " etc/ti/f"
check_not "and another time" same_trees ns1 ns2
check "all else is the same" same_but_raised ns1 ns2
here 'rm -r etc/ti'
here 'ln etc/target etc/hard'
is "a hard link arrives as a file" "$(there 'cat etc/hard')" keep

# Every byte that a name may have.
cat >"$T/bytes.py" <<'END'
import os, sys
os.chdir(sys.argv[1].encode())
if sys.argv[2] == "make":
    for b in range(1, 256):
        if b != 0x2f:
            with open(b"n" + bytes([b]) + b"e", "wb") as f:
                f.write(b"%d" % b)
    with open(b"x" * 255, "w") as f:
        f.write("long")
    os.mkdir(b"\xff" * 255)
    with open(b"\xff" * 255 + b"/" + b"y" * 255, "w") as f:
        f.write("longer")
for name in sorted(os.listdir(b".")):
    path = name
    if os.path.isdir(name):
        path = name + b"/" + os.listdir(name)[0]
    print(path.hex(), open(path, "rb").read().hex())
END
here "mkdir etc/odd && /usr/bin/python3 $T/bytes.py etc/odd make >$T/odd1"
check "names of any byte, and of 255 bytes" wait_for 20 on ns2 bash -c \
	"cd $TREE && /usr/bin/python3 $T/bytes.py etc/odd list | cmp - $T/odd1"
is "all of them" "$(wc -l <"$T/odd1")" 256
here 'rm -r etc/odd'
check_not "and gone again" sh_on ns2 'ls -d etc/odd'

# A directory of 1,000 files is renamed.
sh_on ns1 'mkdir etc/many; for i in $(seq 1000); do { echo "zone $i"; head -c 5000 /dev/urandom; } >etc/many/z$i; done'
settle ns1 ns2
sent() { ip -s -j link show ns2 | sed -n 's/.*"tx":{"bytes":\([0-9]*\).*/\1/p'; }
sh_on ns1 'head -c 20000000 /dev/urandom >etc/many/big'
settle ns1 ns2
before=$(sent)
here 'mv etc/many etc/moved'
after=$(sent)
is "a directory of 1,000 files is renamed" "$(there 'ls etc/moved | wc -l; head -n 1 etc/moved/z500')" "1001
zone 500"
check_not "the old name is gone" sh_on ns2 'ls -d etc/many'
check "no content is sent again" test $((after - before)) -lt 2000000
trees_same "after all that" ns1 ns2

# Local renames of a directory while versions are installed in it: paths are never mixed up. (A rename that is
# told may win over a save with a later time.)
sh_on ns1 'mkdir etc/p; for i in $(seq 20); do mkdir etc/p/d$i; done'
settle ns1 ns2
sh_on ns2 'for i in $(seq 400); do n=$((i % 20 + 1)); echo "from ns2 $n" >etc/p/d$n/f 2>/dev/null; done' 2>/dev/null &
job=$!
sh_on ns1 'for i in $(seq 200); do n=$((i % 20 + 1)); mv etc/p/d$n etc/p/x$n; mv etc/p/x$n etc/p/d$n; done'
wait $job
settle ns1 ns2
trees_same_but_raised "after renames against installs" ns1 ns2
is "what was written to dN is in no other" "$(sh_on ns1 'for f in etc/p/*/f; do n=${f#etc/p/?}; echo "$(cat $f)" |
	grep -qx "from ns2 ${n%/f}" || echo "$f: $(cat $f)"; done')" ""
check "beneath the mount is what the mount shows" diff -r --no-dereference "$T/ns1$TREE/etc/p" "$T/ns2$TREE/etc/p"
finish
