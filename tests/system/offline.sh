#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node that does not run: what happened there is read from its store, by the same commands, and
# nothing of the store changes by it.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
for h in ns1 ns2; do node_conf $h; done
ctl() { local h=$1; shift; sh_on "$h" "zonefsctl $*" 2>&1; }
like "there is no store yet" "$(ctl ns1 log)" '/var/lib/zonefs/zonefs.db: .*: was zonefs ever started here'
check_not "and that is a failure" ctl ns1 log
for h in ns1 ns2; do node_start $h; done
for h in ns1 ns2; do wait_for 20 node_well $h || bail "$h: $(on $h zonefsctl status)"; done
sh_on ns1 'echo one >list; zonefsctl wait >/dev/null; echo two >list; zonefsctl wait'
sh_on ns2 'chmod 600 list; zonefsctl wait'
told() { [ "$(ctl ns1 log | grep -c 'installed after')" -eq 3 ]; }
wait_for 20 told || bail "not all is told: $(ctl ns1 log)"
for c in "log" "log --json" "history list"; do ctl ns1 $c; done >"$T/running"
V=$(ctl ns1 history list | sed -n '1s/ .*//p')
node_stop ns1

# SQLite leaves two files beside the database when it has only read.
store() { on ns1 find /var/lib/zonefs ! -name 'zonefs.db-*' -type f -printf '%P %s %T@\n' | sort; }
# "clean" is the keeper's.
strangers() { on ns1 find /var/lib/zonefs ! -user zonefs ! -path /var/lib/zonefs/clean; }
BEFORE=$(store)
for c in "log" "log --json" "history list"; do sh_on ns1 "zonefsctl $c" 2>/dev/null; done >"$T/stopped"
check "log and history say what they said when it ran" cmp "$T/running" "$T/stopped"
like "but not without a word" "$(ctl ns1 log)" '^zonefsctl: the node "ns1" is stopped: this is from its store'
check "it is a success" ctl ns1 log -n 1
is "show has the content" "$(sh_on ns1 "zonefsctl show list@$V" 2>/dev/null)" one
like "diff has both" "$(ctl ns1 diff list@$V)" '^\+two'
is "said once, though it was asked twice" "$(ctl ns1 diff list@$V | grep -c 'is stopped')" 1
check "no conflicts" ctl ns1 conflicts
like "nothing can be followed" "$(sh_on ns1 'timeout 10 zonefsctl log -f' 2>&1)" 'there is nothing to follow'
like "what needs the node says so" "$(ctl ns1 status)" 'nobody answers .* is zonefs running'
check_not "nothing can be changed" ctl ns1 restore list@$V
is "the store is as it was" "$(store)" "$BEFORE"
is "its files are their owner's" "$(strangers)" ""

# Killed in the middle of its work: what is in SQLite's log belongs to it, too.
node_start ns1
wait_for 20 node_well ns1 || bail "ns1: $(on ns1 zonefsctl status)"
sh_on ns1 'echo three >list; zonefsctl wait'
K=$(keeper_pid ns1)
kill -KILL "$K" "$(replicator_pid ns1)"
wait_for 20 gone "$K" || bail "the keeper does not die"
must wait_for 20 fails replicator_pid ns1
wait "${JOB[ns1.zonefs]}" 2>/dev/null
on ns1 umount -l $TREE 2>/dev/null
like "the last save is in the log of the killed node" "$(sh_on ns1 'zonefsctl log -n 1' 2>/dev/null)" \
	' list: content, 6 bytes'
is "and no file of it is somebody else's" "$(strangers)" ""
node_start ns1
check "and it starts again" wait_for 30 node_well ns1
finish
