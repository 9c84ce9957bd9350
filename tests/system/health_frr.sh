#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# zonefs-health with FRR's OSPF on both mirrors and the client: whoever is dead is withdrawn, whoever is stale
# steps back, and both come back. (What is asked, said and mailed: health_bird.sh.)
. "$(dirname "$0")/lib.sh"
world_enter "$@"
command -v vtysh >/dev/null || skip_all "no FRR here"
. "$LIB_DIR/anycast.sh"
install -m 755 "$B/zonefs-health" "$TOP/tools/health/route-frr" $BIN/ || bail "zonefs-health is not built"
frr_use

host_new ns1
host_new ns2
node_conf ns1 "$(health_lines 10)"
node_conf ns2 "$(health_lines 20)"
host_new ns3
for h in ns1 ns2 ns3; do frr_start $h "${HOST_NUMBER[$h]}0"; done
mirrors_start
for h in ns1 ns2; do named_start $h; done
for h in ns1 ns2; do health_start $h; done
client_start
for h in ns1 ns2; do check "$h is announced" wait_for 90 health_is $h announced; done
from "the client is answered by the one that is nearer" ns1
LOST=$(lost)

kill -KILL "$(pid_on ns1 named)"
from "named killed: the other mirror answers" ns2
check "the address is gone" wait_for 60 fails has_address ns1
check "first the route, then the address" wait_for 60 last_steps ns1 "withdraw withdrawn remove-address"
wait "${JOB[ns1.named]}" 2>/dev/null
named_start ns1
from "named is there again: back" ns1

named_freeze ns1
from "named frozen: the other mirror answers" ns2
named_thaw ns1
from "it goes on: back" ns1

zone_hold ns1
sh_on ns2 "sed -i 's/ 1000 / 1001 /' var/named/a.test.zone"
from "stale: its metric sends the client away" ns2
check "it is demoted, and announced all the same" health_is ns1 demoted
check "with its address" has_address ns1
zone_let_go ns1
from "fresh again: back" ns1

for h in ns1 ns2; do health_end $h TERM; done
for h in ns1 ns2; do named_stop $h; done
health_show
finish
