#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The replicator is stopped, by SIGSTOP, while very many files change: programs do not notice, memory of fs
# stays bounded, and all arrives; but nothing that is local only because named made it.
. "$(dirname "$0")/lib.sh"
world_enter "$@"
FILES=${FILES:-70000} # more than hints are kept for

host_new ns1
host_new ns2
nodes_start ns1 ns2
sh_on ns1 'mkdir -p etc'
settle ns1 ns2
mkdir "$T/ns1/tmp/bin"
cp /usr/bin/touch "$T/ns1/tmp/bin/named"

R=$(replicator_pid ns1)
W=$(worker_pid ns1)
most_mb() { awk '/VmHWM/ {print int($2 / 1024)}' "/proc/$W/status"; }
in_ns1() { timeout "$1" nsenter -t "${HOST_PID[ns1]}" -m -n -p bash -c "cd $TREE && $2"; }
kill -STOP "$R"
in_ns1 120 "mkdir etc/many && seq -f 'etc/many/z%g' $((FILES / 2)) | xargs touch"
# That these are named's own temporary files nothing says but its having made them.
check "while the replicator is stopped, named makes a file for itself" in_ns1 30 "/tmp/bin/named etc/tmp-abcdefghij"
in_ns1 120 "seq -f 'etc/many/z%g' $((FILES / 2 + 1)) $FILES | xargs touch && echo last >etc/many/z1"
is "while the replicator is stopped, $FILES files are made" "$(sh_on ns1 'ls etc/many | wc -l')" "$FILES"
check "which are more than are told one by one" grep -q "the replicator rescans" "$T/ns1/zonefs.log"
check "... then named makes another" in_ns1 30 "/tmp/bin/named etc/db-12345678"
check "it is stopped for longer than the other waits for it" wait_for 30 eval 'on ns2 zonefsctl peers | grep -Eq "^ns1 .* (silent|unreachable)"'
check "what is saved then is saved as ever" in_ns1 30 "echo z >etc/stopped; cat etc/stopped"
before=$(most_mb)
check "... a fifth as many more names come and go" in_ns1 120 "/usr/bin/python3 -c 'import os
for i in range($FILES // 5):
	name = \"etc/%0200d\" % i
	open(name, \"w\").close()
	os.unlink(name)'"
mb=$(most_mb)
check "memory of fs stays bounded ($mb MB)" test "$mb" -lt $((${SAN:+2000} + 300))
check "... and does not grow with what is not told ($before MB before)" test $((mb - before)) -lt $((${SAN:+200} + 4))
kill -CONT "$R"
check "all of it arrives" wait_for 240 eval '[ "$(ls "$T/ns2$TREE/etc/many" 2>/dev/null | wc -l)" = "$FILES" ]'
settle ns1
is "except for what named had made for itself" "$(cd "$T/ns2$TREE/etc" && ls -d tmp-* db-* 2>/dev/null | xargs)" ""
is "with its content" "$(cat "$T/ns2$TREE/etc/many/z1")" last
check "... and verify finds no difference" on ns1 zonefsctl verify
sh_on ns1 'rm -r etc/many'
check "and goes again" wait_for 120 fails test -e "$T/ns2$TREE/etc/many"
finish
