#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What runs out: room and inodes of a peer's tree, descriptors, memory, a peer's patience, a clock's
# sense. Programs on the other host don't notice, status names it, memory stays bounded, and it heals by
# itself. (A full state disk: faults.sh.)
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
host_new ns3
ALL="ns1 ns2 ns3"
for h in $ALL; do node_conf $h; done
# The tree of ns2 is on a small disk of its own, and its clock is what a file says.
must on ns2 mount -t tmpfs -o mode=755,size=12m,nr_inodes=400 small $TREE
echo 0 >"$T/ns2/etc/clock"
node_start ns1
node_start ns2 ZONEFS_CLOCK_FILE=/etc/clock
node_start ns3
for h in $ALL; do wait_for 30 node_well $h || bail "$h: $(on $h zonefsctl status)"; done
sh_on ns1 'mkdir -p etc tmp; echo base >etc/base'
settle $ALL
trees() { [ "$(tree_of ns1)" = "$(tree_of "$1")" ]; }
status_has() { on "$1" zonefsctl status | grep -Eq -- "$2"; }
well() { for h in ns1 ns2; do wait_for "$1" status_has_not_ns3 $h || return 1; done; }
# Nothing but ns3, which is frozen meanwhile, is the matter.
status_has_not_ns3() { ! on "$1" zonefsctl status | head -1 | sed 's/^NOT well: //' | tr ';' '\n' | grep -Ev 'ns3|^all well'; }

# limit WHAT=SOFT: of ns2's replicator, as its user, who needs no right for it.
ID=$(awk -F: '$1 == "zonefs" {print $3 ":" $4}' "$T/ns2/etc/passwd")
limit() { setpriv --reuid "${ID%:*}" --regid "${ID#*:}" --clear-groups prlimit --pid "$R" "--$1:"; }
# It may have ended, or do so right now: then there is another.
another() { local p; p=$(replicator_pid ns2) && [ "$p" != "$R" ]; }

# ---- a peer that is frozen for longer than every time limit: thawed at the end
FROZEN="$(replicator_pid ns3) $(worker_pid ns3)"
kill -STOP $FROZEN
frozen_at=$SECONDS
R1=$(replicator_pid ns1)
mb_of() { awk '/^VmRSS/ {print int($2 / 1024)}' "/proc/$1/status"; }
before=$(mb_of "$R1")
# Of many names, so that each save is told, and broadcast. What a peer does not read is held up to 128 MiB (link.h).
check "while a peer is frozen, saves go on" timeout 240 nsenter -t "${HOST_PID[ns1]}" -m -n -p bash -c \
	"cd $TREE/etc; head -c 60000 /dev/urandom >/tmp/block; for i in \$(seq 5000); do { cat /tmp/block; echo \$i; } >big.\$((i % 40)) || exit 1; done"
after=$(mb_of "$R1")
check "and memory stays bounded (300 MB were saved, $((after - before)) MB more are used)" \
	test $((after - before)) -lt $((${SAN:+400} + 192))

# ---- no room in a peer's tree, which has all that there is
must wait_for 120 trees ns2
sh_on ns2 'mkdir -p tmp; dd if=/dev/zero of=tmp/filler bs=64k 2>/dev/null'
ms=$(now_ms)
check "a peer's tree is full: saves here go on" sh_on ns1 'for i in $(seq 20); do head -c 30000 /dev/urandom >etc/full.$i || exit 1; done'
check "it says so" wait_for 30 status_has ns2 "etc/full.*[Nn]o space"
check "in the first line, here too" wait_for 30 eval 'on ns1 zonefsctl status | head -1 | grep -Eq "paths? waits? on ns2"'
is "what was there is served on" "$(sh_on ns2 'cat etc/base')" base
is "nothing is there by half" "$(sh_on ns2 'find etc -name "full.*" -size -30000c | wc -l')" 0
sh_on ns2 'rm tmp/filler'
check "room again: it heals by itself" wait_for 60 trees ns2

# ---- no inodes there
sh_on ns2 'for i in $(seq 500); do : >tmp/inode.$i || break; done' 2>/dev/null
check "a peer's tree has no inodes: saves here go on" sh_on ns1 'for i in $(seq 20); do echo $i >etc/inode.$i || exit 1; done'
check "it says so, too" wait_for 30 status_has ns2 "etc/inode.*[Nn]o space"
sh_on ns2 'rm tmp/inode.*'
check "and heals" wait_for 60 trees ns2

# ---- no descriptors for the replicator
R=$(replicator_pid ns2)
most=$(awk '/^Max open files/ {print $4}' /proc/$R/limits)
must limit nofile=$(($(ls /proc/$R/fd | wc -l) + 1))
check "a replicator without descriptors: edits on both sides go on" sh_on ns2 'for i in $(seq 20); do echo $i >etc/fd.$i || exit 1; done'
sh_on ns1 'for i in $(seq 5); do head -c 200000 /dev/urandom >etc/fdlarge.$i; done'
link_down ns2
wait_for 20 status_has ns1 "ns2.*(silent|unreachable)"
link_up ns2
sh_on ns2 'echo again >etc/fd.again'
limit "nofile=$most" || must wait_for 20 another
check "with descriptors again it heals" wait_for 60 trees ns2

# ---- no memory for the replicator
R=$(replicator_pid ns2)
kb=$(awk '/^VmSize/ {print $2}' "/proc/$R/status")
must limit as=$(((kb + 4096) * 1024))
sh_on ns1 'mkdir etc/mem; for i in $(seq 100); do echo $i >etc/mem/$i; done; head -c 3000000 /dev/urandom >etc/mem/large'
check "a replicator without memory: edits there go on" sh_on ns2 'for i in $(seq 100); do echo $i >etc/m2.$i || exit 1; done; rm etc/m2.*'
limit as=unlimited || must wait_for 20 another
check "the next one, or memory again: it heals" wait_for 60 trees ns2

# ---- a clock that is a day off, and jumps
lost=$(grep -c 'not reachable any more' "$T/ns1/zonefs.log")
for offset in 86400 -86400 0; do
	echo $offset >"$T/ns2/etc/clock"
	case $offset in
	86400) check "a clock jumps ahead by a day: it is named" wait_for 20 status_has ns1 "CLOCK +24 h ahead" ;;
	-86400) check "and back by two: it is named" wait_for 20 status_has ns1 "CLOCK +24 h behind" ;;
	0) check "and is right again" wait_for 20 eval '! on ns1 zonefsctl status | grep -q CLOCK' ;;
	esac
	sh_on ns2 "echo 'ns2 $offset' >etc/clock; echo 2 >etc/c2.$offset"
	must on ns2 zonefsctl wait --timeout 20 etc/clock
	must on ns2 zonefsctl wait --timeout 20 "etc/c2.$offset"
	is "what it saves ($offset) is here" "$(sh_on ns1 'cat etc/clock')" "ns2 $offset"
	sh_on ns1 "echo 'ns1 $offset' >etc/clock; rm etc/c2.$offset"
	must on ns1 zonefsctl wait --timeout 20 etc/clock
	must on ns1 zonefsctl wait --timeout 20 "etc/c2.$offset"
	is "and what is saved here after it is newer there" "$(sh_on ns2 "cat etc/clock; ls etc/c2.$offset 2>/dev/null")" "ns1 $offset"
done
is "nobody was thought lost for it" "$(grep -c 'not reachable any more' "$T/ns1/zonefs.log")" "$lost"
unlike "and there is no conflict" "$(on ns1 zonefsctl conflicts)" "etc/clock"

# ---- thawed
thawed() { [ $((SECONDS - frozen_at)) -ge 40 ]; }
must wait_for 60 thawed
check "status names the frozen one all the time" status_has ns1 "NOT well: .*ns3 cannot be reached"
kill -CONT $FROZEN
check "thawed after $((SECONDS - frozen_at)) s, it gets everything" wait_for 60 trees ns3
for h in $ALL; do check "$h is well" wait_for 60 node_well $h; done
trees_same "in the end" $ALL
finish
