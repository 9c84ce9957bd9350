#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node is silent for some seconds, since its disk takes long; its connections live on (the daemons stop where they
# are told to: base/crash.h). Its peer takes it for away; whoever waits there is answered all the same.

[ -n "${WORLD:-}" ] || B=${B:-build}/crash
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
SEAM=/var/lib/zonefs/crash
STOP=$T/ns1$SEAM.commit
for h in ns1 ns2; do node_conf $h; done
node_start ns1 ZONEFS_CRASH=$SEAM
node_start ns2
for h in ns1 ns2; do must wait_for 30 node_well $h; done
sh_on ns1 'mkdir -p etc && echo old >etc/waited'
settle ns1 ns2
told() { [ "$(grep -c "peer ns1 is $1" "$T/ns2/zonefs.log")" -gt "$2" ]; }
times() { grep -c "peer ns1 is $1" "$T/ns2/zonefs.log"; }

# ns2 cannot install it yet, so ns1 waits.
sh_on ns2 'exec 3>>etc/waited; touch /tmp/open; exec tail -f /dev/null' &
must wait_for 60 test -e "$T/ns2/tmp/open"
sh_on ns1 'echo new >etc/waited'
sh_on ns1 'zonefsctl wait --timeout 300 etc/waited >/tmp/said 2>&1; echo $? >/tmp/status' &
job=$!
yet_to_install() { on ns1 zonefsctl status --json | grep -q '"type":"peer".*"pending":1'; }
check "the peer has yet to install it" wait_for 30 yet_to_install
away=$(times "not reachable") back=$(times reachable)
missed() { grep -c 'peer ns2 is not reachable' "$T/ns1/zonefs.log"; }
MISSED=$(missed)
touch "$STOP"
sh_on ns1 'echo more >etc/more'
check "the node stops in the middle of a commit" wait_for 30 test -e "$STOP.here"
check "its peer takes it for away" wait_for 30 told "not reachable" "$away"
rm "$STOP"
check "and hears it again" wait_for 30 told reachable "$back"
is "it has noticed nothing itself" "$(missed)" "$MISSED"
check_not "it waits still" test -e "$T/ns1/tmp/status"
kill "$(pid_on ns2 tail)"
check "what it waited for is there" wait_for 30 file_is "$T/ns2$TREE/etc/waited" new
check "and it is told so" wait_for 30 test -s "$T/ns1/tmp/status"
is "... with success" "$(cat "$T/ns1/tmp/status" "$T/ns1/tmp/said" 2>/dev/null | head -n 1)" 0
[ -s "$T/ns1/tmp/status" ] || kill $job
wait $job
settle ns1 ns2
trees_same "at the end" ns1 ns2
finish
