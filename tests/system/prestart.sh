#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is held on a host lies in its tree, and a name server that starts there would load it: with
# zonefs-prestart before that it serves what was released last, and what is held is there afterwards.
. "$(dirname "$0")/lib.sh"
command -v named >/dev/null || skip_all "needs named"
world_enter "$@"
HOOK=bind

host_new ns1
host_new ns2
for h in ns1 ns2; do chroot_make $h; done
chroot_fill ns1
for z in a b; do
	zone_stanza $z.test >>"$T/ns1$TREE/etc/named.conf"
	zone_text $z.test 1000 'www A 10.53.0.9' >"$T/ns1$TREE/var/named/$z.test.zone"
done
# Beside it one that takes as long as it is told to, and sees what a slow one would see.
for h in ns1 ns2; do
	node_conf $h "hook \"slow\" {
  run     = { \"/bin/sh\", \"-c\", \"cat >/tmp/runs; while [ -e /tmp/block ]; do sleep 0.1; done; cat $TREE/var/named/a.test.zone >/tmp/saw\" }
  user    = \"bind\"
  match   = { \"var/named/**\" }
  timeout = 300
}"
done
for h in ns1 ns2; do node_start $h; done
check "ns2 has the configuration" wait_for 60 test -e "$T/ns2$TREE/etc/named.conf"
settle ns1 ns2
for h in ns1 ns2; do named_start $h; done
for h in ns1 ns2; do check "$h serves" wait_for 60 serves $h a.test 1000; done

A=var/named/a.test.zone B=var/named/b.test.zone
prestart() { on ns1 zonefs-prestart --timeout 60 "$@"; }
text_on() { sh_on "$1" "cat $2"; }
is_aside() { on ns1 zonefsctl held | grep -q "^$1 .*(set aside)\$"; }
# What a restart is; what is between its end and its start: "$@".
named_again() {
	named_stop ns1
	"$@"
	named_start ns1
}

# ---- nothing is held ----
is "nothing is to be done" "$(prestart 2>&1)" "nothing that is held lies in the tree"
is "nor without a zonefs.conf" "$(prestart -c /nowhere 2>&1)" "zonefs-prestart: there is no /nowhere: nothing to do"

# ---- a broken zone, a good one and a broken configuration are held ----
on ns1 zonefsctl hold -m 'not ready' >/dev/null
sh_on ns1 "echo 'www A 10.53.0.' >>$A; sed -i 's/ 1000 / 1001 /' $B; echo 'zone \"c.test\" {' >>etc/named.conf"
broken=$(text_on ns1 $A) conf=$(text_on ns1 etc/named.conf)
out=$(prestart 2>&1)
like "what was saved right before is set aside" "$out" "^3 held paths set aside: what was released last is there"
like "each is named" "$out" "^zonefs-prestart: $A is held: what was released last is in its place"
shown zonefs-prestart.8 'zonefs-prestart' "$out"
shown zonefs-prestart.8 'zonefsctl held' "$(on ns1 zonefsctl held)"
for p in $A $B etc/named.conf; do check "held lists $p as such" is_aside $p; done
same_files() {
	local p
	for p in $A $B etc/named.conf; do [ "$(text_on ns1 $p)" = "$(text_on ns2 $p)" ] || return 1; done
}
check "the tree has what the peer has" same_files
named_again true
check "the name server serves what was released last" wait_for 60 serves ns1 a.test 1000
check "of the other zone, too" wait_for 60 serves ns1 b.test 1000
check "the peer has heard of nothing" wait_for 60 serves ns2 b.test 1000
like "status says so" "$(on ns1 zonefsctl status)" "held.*set aside"
like "held says what to do" "$(on ns1 zonefsctl held 2>&1)" "3 set aside while what was released last is there: zonefsctl held --edit"

# ---- a crash and a restart of the node keep it so ----
kill -9 "$(replicator_pid ns1)"
check "after a crash" wait_for 60 is_aside $A
named_stop ns1
node_stop ns1
node_start ns1
check "after a restart" wait_for 60 is_aside $A
check "the tree has what the peer has" same_files
named_start ns1

# ---- the peer goes on; edited again, when no hook runs that began before ----
rm -f "$T/ns1/tmp/runs" "$T/ns1/tmp/saw"
touch "$T/ns1/tmp/block"
sh_on ns2 "sed -i 's/ 1000 / 1500 /' $B; zonefsctl wait --timeout 60" >/dev/null 2>&1
check "what the peer saves meanwhile comes" wait_for 60 serves ns1 b.test 1500
check "a hook runs for that" wait_for 60 test -e "$T/ns1/tmp/runs"
bind_rests() { on ns1 zonefsctl status --json | grep '"hook":"bind"' | grep -q '"running":false'; }
must wait_for 60 bind_rests
sh_on ns1 "zonefsctl held --edit $A" >"$T/edited" 2>&1 &
edits=$!
check "which is waited for" wait_for 60 grep -q '^waiting for hook slow, which is running' "$T/edited"
rm "$T/ns1/tmp/block"
wait "$edits"
R=$(tail -n 1 "$T/edited")
is "one path is edited" "$R" "1 path: brought back into the tree, and held as before"
shown zonefs-prestart.8 'zonefsctl held --edit var/named/a.test.zone' "$R"
is "the hook has seen what was released" "$(cat "$T/ns1/tmp/saw")" "$(text_on ns2 $A)"
is "as it was saved" "$(text_on ns1 $A)" "$broken"
check "nobody reloads it" wait_for 60 serves ns1 a.test 1000
# While somebody has the released file open, it cannot be brought back; a hook that runs meanwhile is told.
sh_on ns1 "exec 3<>$B; touch /tmp/open; until [ ! -e /tmp/open ]; do sleep 0.1; done" &
opens=$!
check "somebody has a file open" wait_for 60 test -e "$T/ns1/tmp/open"
sh_on ns1 "zonefsctl held --edit $B" >"$T/edited" 2>&1 &
edits=$!
check "which is waited for" wait_for 60 eval 'on ns1 zonefsctl status | grep -q "$B.*open"'
sh_on ns2 'echo x >var/named/other'
check "a hook that runs meanwhile is told that it may be there" wait_for 60 grep -qx "held	$B" "$T/ns1/tmp/runs"
rm "$T/ns1/tmp/open"
wait "$opens" "$edits"
is "closed, it is brought back" "$(cat "$T/edited")" "1 path: brought back into the tree, and held as before"
like "what is not set aside cannot be" "$(sh_on ns1 "zonefsctl held --edit $A" 2>&1)" "nothing is set aside there"
is "the rest is edited" "$(sh_on ns1 "zonefsctl held --edit")" "1 path: brought back into the tree, and held as before"
is "as it was" "$(text_on ns1 etc/named.conf)" "$conf"
check "nothing is set aside any more" fails is_aside .
is "three paths are held" "$(on ns1 zonefsctl held | grep -c '^[ev]')" 3

# ---- without it: what is held is loaded ----
sh_on ns1 "sed -i '/c.test/d' etc/named.conf; zonefsctl wait --timeout 60" >/dev/null 2>&1
named_again true
fails_to_serve() { [ "$(rcode ns1 www.a.test)" = SERVFAIL ]; }
check "without it the broken zone is not served" wait_for 60 fails_to_serve
named_again prestart
check "with it the zone is" wait_for 60 serves ns1 a.test 1000

# ---- a release brings it back first; discard ends it ----
sh_on ns1 "zonefsctl held --edit $A; sed -i -e '\$d' -e 's/ 1000 / 1002 /' $A; zonefsctl wait --timeout 60" >/dev/null 2>&1
prestart >/dev/null 2>&1
check "it is set aside again" is_aside $A
is "discarded for itself" "$(sh_on ns1 "zonefsctl discard etc/named.conf" 2>&1)" "1 path: put back as the peers have it"
like "released" "$(on ns1 zonefsctl release -m ready 2>&1)" "^2 paths: released, as one change"
for h in ns1 ns2; do check "$h serves it" wait_for 60 serves $h a.test 1002; done
like "beside what the peer did it is in conflict" "$(on ns2 zonefsctl conflicts)" "^$B"
is "nothing is held" "$(on ns1 zonefsctl held)" "nothing is held"

# ---- what cannot be done is said, and keeps no name server from starting ----
on ns1 zonefsctl hold >/dev/null
sh_on ns1 "sed -i 's/ 1002 / 1003 /' $A; zonefsctl wait --timeout 60" >/dev/null 2>&1
stopped=$(replicator_pid ns1)
kill -STOP "$stopped"
out=$(on ns1 zonefs-prestart --timeout 1 2>&1)
is "a node that hangs is no reason not to start" $? 0
like "it is said" "$out" "zonefs has not answered for 1 seconds"
like "what it means, too" "$out" "WARNING: what is held on this host may lie in the tree"
on ns1 zonefs-prestart --strict --timeout 1 >/dev/null 2>&1
is "but where it is asked to be one" $? 1
kill -CONT "$stopped" 2>/dev/null
check "it does later" wait_for 60 prestart --strict
check "it is set aside" wait_for 60 is_aside $A
named_stop ns1
node_stop ns1
out=$(on ns1 zonefs-prestart 2>&1)
is "nor is one that does not run" $? 0
like "it is said, too" "$out" "nobody answers at .*: is zonefs running"
like "wrong options are told" "$(on ns1 zonefs-prestart --timeout 0 2>&1)" "--timeout: not from 1 to 300 seconds"
finish
