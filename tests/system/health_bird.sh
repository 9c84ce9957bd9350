#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# zonefs-health with real routing: two mirrors announce one address by OSPF (BIRD), a client asks it all the
# time. Whoever is dead is withdrawn, whoever is stale steps back, and both come back by themselves.
. "$(dirname "$0")/lib.sh"
world_enter "$@"
command -v bird >/dev/null || skip_all "no BIRD here"
. "$LIB_DIR/anycast.sh"
install -m 755 "$B/zonefs-health" "$TOP/tools/health/route-bird" $BIN/ || bail "zonefs-health is not built"

host_new ns1
host_new ns2
cat >$BIN/sendmail <<'END'
#!/bin/sh
[ -e /tmp/mailed ] || { : >/tmp/mailed; echo "try again" >&2; exit 75; }
{ echo "To: $*"; cat; } >>/tmp/mail
END
chmod 755 $BIN/sendmail

node_conf ns1 "$(health_lines 10 "alert = { \"$BIN/sendmail\", \"hostmaster\" }")"
node_conf ns2 "$(health_lines 20)"
host_new ns3
birds_start
mirrors_start
client_start

health_start ns1
check "nothing is announced before the name server answers" \
	wait_for 60 grep -q "anycast is not announced\|nothing is known" "$T/ns1/health.log"
check_not "nor is the address there" has_address ns1
named_start ns1
from "started: the client is answered by the one that is nearer" ns1
LOST=$(lost)
check "the address is there" has_address ns1
named_start ns2
health_start ns2
check "the other one is announced as well" wait_for 60 health_is ns2 announced

P=$(pid_on ns1 named)
kill -KILL "$P"
from "named killed: the other mirror answers" ns2
check "the address is gone" wait_for 30 fails has_address ns1
LOG=$(cat "$T/ns1/health.log")
like "each failure is noted with its number" "$LOG" "DNS mirror site out of service - 1 time \(of 3, soa/UDP\): .* for a.test over UDP at 127.0.0.1 port 53"
like "... up to the last" "$LOG" "DNS mirror site out of service - 3 times \(of 3, soa/TCP\)"
like "and the decision" "$LOG" "DNS mirror site OUT OF SERVICE: anycast is withdrawn: no reply to any check, over UDP and TCP. Check the name server!"
check "first the route, then the address" wait_for 60 last_steps ns1 "withdraw withdrawn remove-address"
check "mail is sent, though the first try failed" wait_for 60 grep -q "^Subject: ns1: DNS mirror site OUT OF SERVICE" "$T/ns1/tmp/mail"
like "with the failures" "$(cat "$T/ns1/tmp/mail")" "^20.*Z DNS mirror site out of service - 3 times"
like "and the way back" "$(cat "$T/ns1/tmp/mail")" "^ *.*/sbin/ip address add $SERVICE/32 dev lo"
wait "${JOB[ns1.named]}" 2>/dev/null
named_start ns1
from "named is there again: back" ns1

named_freeze ns1
from "named frozen: the other mirror answers" ns2
named_thaw ns1
from "it goes on: back" ns1

zone_hold ns1
sh_on ns2 "sed -i 's/ 1000 / 1001 /' var/named/a.test.zone"
from "a version can't be put in place, the node is stale: its metric sends the client away" ns2
check "it is demoted, and announced all the same" health_is ns1 demoted
check "with its address" has_address ns1
zone_let_go ns1
from "fresh again: back" ns1

health_end ns1 KILL
check "a crash of zonefs-health changes nothing" has_address ns1
health_start ns1
check "and a restart finds it" wait_for 60 grep -q "anycast: found announced" "$T/ns1/health.log"
mirror() { on "$1" zonefsctl health --json | jq -r 'select(.type=="mirror") | .node + " " + .state + " " + (.announces | tostring)'; }
check "it hears what the other one is" wait_for 60 eval '[ "$(mirror ns1)" = "ns2 announced true" ]'
shown_soon zonefsctl.8 'zonefsctl health' on ns1 zonefsctl health
like "which people can read" "$SAID" "^  ns2 +announced, well since .*: runs normally"
check "drained, as the other one promises to stay" on ns1 zonefsctl drain
check_not "drained: its address is gone when that is said" has_address ns1
from "drained: the other mirror answers" ns2
check_not "the last one that announces is not drained" on ns2 zonefsctl drain
check "it stays" has_address ns2
must on ns1 touch /etc/zonefs/health.disable
check "disabled" wait_for 60 grep -q "health.disable exists" "$T/ns1/health.log"
must on ns1 zonefsctl undrain
wants() { on "$1" zonefsctl health --json | jq 'select(.type=="health") | .wants_announced and .disabled' | grep -q true; }
check "undrained: it would be announced" wait_for 60 wants ns1
check_not "disabled, nothing is changed" has_address ns1
must on ns1 rm /etc/zonefs/health.disable
from "undrained: back" ns1

for h in ns1 ns2; do kill -STOP "$(replicator_pid $h)"; done
for h in ns1 ns2; do check "both are cut off: $h steps back" wait_for 60 health_is $h demoted; done
from "and the address is routed all the same" ns1
for h in ns1 ns2; do kill -CONT "$(replicator_pid $h)"; done
for h in ns1 ns2; do check "$h is announced as before" wait_for 90 health_is $h announced; done
for h in ns1 ns2; do health_end $h TERM; done
for h in ns1 ns2; do check "zonefs-health stopped: $h stays announced" has_address $h; done
for h in ns1 ns2; do named_stop $h; done # who would be served to its end
health_show
finish
