#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Everything goes wrong on both mirrors at once, with real routing (BIRD) and on-data = "withdraw": whatever is
# broken, cut off, restarted or drained, one of the two goes on announcing. Only who is dead goes without being
# let; and then the other one, be it withdrawn, comes back.
. "$(dirname "$0")/lib.sh"
world_enter "$@"
command -v bird >/dev/null || skip_all "no BIRD here"
. "$LIB_DIR/anycast.sh"
install -m 755 "$B/zonefs-health" "$TOP/tools/health/route-bird" $BIN/ || bail "zonefs-health is not built"

host_new ns1
host_new ns2
LEAVE='on-data = "withdraw"
on-stop = "withdraw"'
node_conf ns1 "stop-timeout = 1
$(health_lines 10 "$LEAVE")"
node_conf ns2 "stop-timeout = 1
$(health_lines 20 "$LEAVE")"
host_new ns3
birds_start
mirrors_start
for h in ns1 ns2; do named_start $h; done
for h in ns1 ns2; do health_start $h; done
for h in ns1 ns2; do check "$h is announced" wait_for 90 health_is $h announced; done
client_start
from "the client is answered by the one that is nearer" ns1
LOST=$(lost)

# ---- the watch: whenever nobody announces, a line
announces() {
	grep -q 'ANNOUNCED = 1' "$T/$1/etc/bird/health.conf" &&
		nsenter -t "${HOST_PID[$1]}" -n ip -o address show dev lo | grep -qF " $SERVICE/"
}
# Twice over: they may take turns between two looks.
nobody() { ! announces ns1 && ! announces ns2 && ! announces ns1 && ! announces ns2; }
watch_start() {
	: >$T/nobody
	while :; do
		! nobody || echo "$EPOCHREALTIME" >>$T/nobody
		sleep 0.05
	done &
	JOB[watch]=$!
}
watch_stop() {
	kill "${JOB[watch]}"
	wait "${JOB[watch]}" 2>/dev/null
}
# and_one_stayed SENTENCE
and_one_stayed() {
	is "$1: at all times one of them announced" "$(wc -l <$T/nobody)" 0
	check "... and the client is answered" wait_for 30 told_any
	note "$(($(lost) - LOST)) queries without an answer"
	LOST=$(lost)
}
watch_start

# ---- the link: what one says to the other's replicator goes into a hole
for h in ns1 ns2; do
	must on $h ip link add hole type veth peer name hole-end
	must on $h ip link set hole up arp off
	must on $h ip link set hole-end up
	must on $h ip route add default dev hole table 77
done
# cut FROM TO
cut() { for p in dport sport; do must on "$1" ip rule add to "$(ip_of "$2")" ipproto tcp $p 7740-7741 lookup 77; done; }
mend() { for p in dport sport; do must on "$1" ip rule del to "$(ip_of "$2")" ipproto tcp $p 7740-7741 lookup 77; done; }
mirror_is() { [ "$(on "$1" zonefsctl health --json | jq -r 'select(.type=="mirror").state')" = "$2" ]; }
# Who has not heard that the other one announces asks for nothing.
hear_each_other() { for h in ns1 ns2; do must wait_for 60 mirror_is $h announced; done; }

# ---- one of them is stale
zone_hold ns1
sh_on ns2 "sed -i 's/ 1000 / 1001 /' var/named/a.test.zone"
check "ns1 is stale: it leaves, as ns2 promises to stay" wait_for 90 health_is ns1 withdrawn
check "its address is gone" wait_for 60 fails has_address ns1
promised() { on ns1 zonefsctl health | grep -Eq "^  ns2 +announced, well since .*; has promised to stay"; }
check "which is to be seen" wait_for 60 promised
from "the other one answers" ns2
check_not "that one is not drained" on ns2 zonefsctl drain
zone_let_go ns1
from "fresh again: back" ns1
and_one_stayed "one stale"

# ---- both are: the replicators don't answer
for h in ns1 ns2; do kill -STOP "$(replicator_pid $h)"; done
for h in ns1 ns2; do check "both are cut off: $h steps back, and does not leave" wait_for 60 health_is $h demoted; done
for h in ns1 ns2; do kill -CONT "$(replicator_pid $h)"; done
for h in ns1 ns2; do check "$h is announced as before" wait_for 90 health_is $h announced; done
and_one_stayed "both stale"

# ---- both told to end, by on-stop = withdraw (before any promise is left from elsewhere)
for _ in 1 2 3; do # where this machine stands still for too long, none
	hear_each_other
	for h in ns1 ns2; do kill -TERM "$(pid_on $h zonefs-health)"; done
	LEFT=0
	for h in ns1 ns2; do
		wait "${JOB[$h.health]}" 2>/dev/null
		has_address $h || LEFT=$((LEFT + 1))
	done
	for h in ns1 ns2; do health_start $h; done
	for h in ns1 ns2; do check "started again: $h is announced" wait_for 90 health_is $h announced; done
	[ $LEFT -eq 0 ] || break
done
is "both are told to end: one of them is withdrawn" $LEFT 1
check "the other one says why not" grep -q "what is announced stays: no other node" $T/ns1/health.log $T/ns2/health.log
and_one_stayed "both told to end"

# ---- both drained
for _ in 1 2 3; do # likewise
	hear_each_other
	on ns1 zonefsctl drain >$T/drained1 2>&1 &
	D1=$!
	on ns2 zonefsctl drain >$T/drained2 2>&1 &
	D2=$!
	wait $D1; S1=$?
	wait $D2; S2=$?
	[ $((S1 * S2)) -ne 0 ] || break
done
is "both are drained at once: one of them" "$(((S1 == 0) + (S2 == 0)))" 1
like "the other one is told why not" "$(cat $T/drained1 $T/drained2)" "have not agreed to stay|too few other nodes are known to announce"
[ $S1 -eq 0 ] && D=ns1 || D=ns2
must on $D zonefsctl undrain
for h in ns1 ns2; do check "undrained: $h is announced" wait_for 90 health_is $h announced; done
and_one_stayed "both drained"

# ---- the same broken zone on both
sh_on ns1 'echo "no zone" >var/named/broken.zone
	sed -i "s/b.test.zone/broken.zone/" etc/named.conf'
settle ns1 ns2
for h in ns1 ns2; do on $h rndc -k $TREE/etc/rndc.key reconfig >/dev/null 2>&1; done
for h in ns1 ns2; do
	check "a broken zone, everywhere: $h would like to leave" wait_for 90 health_logged $h "(steps back|is not announced).*SERVFAIL for b.test"
done
check "one leaves" wait_for 90 health_is ns1 withdrawn
check "the other one stays, demoted" wait_for 60 health_is ns2 demoted
cut ns2 ns1
check "the link is cut one way: who has left comes back" wait_for 90 health_is ns1 demoted
check "to it, the other one is unknown" wait_for 60 mirror_is ns1 unknown
cut ns1 ns2
check "both ways: likewise" wait_for 60 mirror_is ns2 unknown
for h in ns1 ns2; do check "$h is announced, demoted" health_is $h demoted; done
mend ns1 ns2
mend ns2 ns1
check "they hear each other: one leaves again" wait_for 90 health_is ns1 withdrawn
and_one_stayed "the same broken zone on both, and cuts"

for h in ns1 ns2; do health_end $h TERM; done
for h in ns1 ns2; do P=$(keeper_pid $h) && kill -TERM "$P"; done
for h in ns1 ns2; do
	wait_for 60 gone "${JOB[$h.zonefs]}" || bail "zonefs does not end on $h"
	wait "${JOB[$h.zonefs]}" 2>/dev/null
	node_start $h
	health_start $h
done
for h in ns1 ns2; do wait_for 60 node_usable $h; done
check "zonefs and zonefs-health were restarted on both: one leaves, for what is broken" wait_for 90 health_is ns1 withdrawn
check "and one stays" wait_for 60 health_is ns2 demoted
and_one_stayed "restarted"
watch_stop

kill -KILL "$(pid_on ns2 named)"
check "the one that stayed dies: it is withdrawn" wait_for 90 health_is ns2 withdrawn
from "the other one comes back, broken as it is" ns1
check "demoted" wait_for 60 health_is ns1 demoted
for h in ns1 ns2; do health_end $h TERM; done
named_stop ns1
health_show
finish
