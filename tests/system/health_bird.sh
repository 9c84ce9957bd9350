#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# zonefs-health with real routing: two mirrors announce one address by OSPF (BIRD), a client asks it all the
# time. Whoever is dead is withdrawn, whoever is stale steps back, and both come back by themselves.
. "$(dirname "$0")/lib.sh"
world_enter "$@"
command -v bird >/dev/null || skip_all "no BIRD here"
SERVICE=192.0.2.53
install -m 755 "$B/zonefs-health" "$TOP/tools/health/route-bird" $BIN/ || bail "zonefs-health is not built"

host_new ns1
host_new ns2
cat >$BIN/sendmail <<'END'
#!/bin/sh
[ -e /tmp/mailed ] || { : >/tmp/mailed; echo "try again" >&2; exit 75; }
{ echo "To: $*"; cat; } >>/tmp/mail
END
chmod 755 $BIN/sendmail

# health_lines METRIC
health_lines() {
	cat <<-END
		probe "soa" {
		  address = "127.0.0.1"
		  zones = { "a.test", "b.test" }
		}
		health "anycast" {
		  service = { "$SERVICE" }
		  interval = 1
		  fast-interval = 1
		  timeout = 2
		  fall = 3
		  rise = 2
		  start-timeout = 30
		  lag-limit = 2
		  cut-off-limit = 2
		  damping = 0
		  add-address = { "/sbin/ip", "address", "add", "$SERVICE/32", "dev", "lo" }
		  remove-address = { "/sbin/ip", "address", "del", "$SERVICE/32", "dev", "lo" }
		  announce = { "$BIN/route-bird", "announce", "/etc/bird/health.conf", "$1", "10$1" }
		  withdraw = { "$BIN/route-bird", "withdraw", "/etc/bird/health.conf", "$1", "10$1" }
		  withdrawn = { "$BIN/route-bird", "withdrawn" }
		  demote = { "$BIN/route-bird", "demote", "/etc/bird/health.conf", "$1", "10$1" }
		  promote = { "$BIN/route-bird", "promote", "/etc/bird/health.conf", "$1", "10$1" }
		  alert = { "$BIN/sendmail", "hostmaster" }
		}
	END
}
# bird_conf HOST LINES
bird_conf() {
	mkdir -p "$T/$1/etc/bird" "$T/$1/run/bird"
	cat >"$T/$1/etc/bird/bird.conf" <<-END
		router id $(ip_of "$1");
		$2
		protocol device { scan time 1; }
		protocol direct { ipv4; interface "lo"; }
	END
	[ "$1" = ns3 ] && echo 'protocol kernel { ipv4 { export all; import none; }; }' >>"$T/$1/etc/bird/bird.conf"
	cat >>"$T/$1/etc/bird/bird.conf" <<-END
		protocol ospf v2 anycast {
		  ipv4 { import all; export ${3:-none}; };
		  area 0 { interface "eth0" { type broadcast; hello 1; dead 5; wait 2; }; };
		}
	END
}
bird_start() {
	on "$1" bird -f -c /etc/bird/bird.conf >>"$T/$1/bird.log" 2>&1 &
	JOB[$1.bird]=$!
	wait_for 60 on "$1" birdc show status || bail "bird does not start on $1: $(cat "$T/$1/bird.log")"
}
health_start() {
	on "$1" $BIN/zonefs-health -f >>"$T/$1/health.log" 2>&1 &
	JOB[$1.health]=$!
}
health_is() { [ "$(on "$1" zonefsctl health --json | jq -r 'select(.type=="health").state')" = "$2" ]; }
has_address() { on "$1" ip -o address show dev lo | grep -qF " $SERVICE/"; }

chroot_make ns1
chroot_make ns2
for h in ns1 ns2; do sed -i 's/listen-on {.*/listen-on { any; };/' "$T/$h$TREE/etc/named.host.conf"; done
chroot_fill ns1
for z in a.test b.test; do
	zone_stanza $z >>"$T/ns1$TREE/etc/named.conf"
	zone_text $z 1000 >"$T/ns1$TREE/var/named/$z.zone"
done
node_conf ns1 "log-level = \"info\"
$(health_lines 10)"
node_conf ns2 "log-level = \"info\"
$(health_lines 20)"
host_new ns3
FILTER="filter { if ANYCAST_ANNOUNCED = 1 && net = $SERVICE/32 then { ospf_metric1 = ANYCAST_METRIC; accept; } reject; }"
for h in ns1 ns2; do
	bird_conf $h 'include "/etc/bird/health.conf";' "$FILTER"
	printf 'define ANYCAST_ANNOUNCED = 0;\ndefine ANYCAST_METRIC = 10;\n' >"$T/$h/etc/bird/health.conf"
done
bird_conf ns3 ""
for h in ns1 ns2 ns3; do bird_start $h; done
for h in ns1 ns2; do node_start $h; done
for h in ns1 ns2; do wait_for 60 node_well $h || bail "$h: $(on $h zonefsctl status)"; done
settle ns1 ns2
wait_for 60 test -e "$T/ns2$TREE/etc/rndc.key" || bail "ns2 has no configuration"

# The client: who answers, and when, all the time.
on ns3 bash -c "while :; do w=\$(dig +time=1 +tries=1 +nsid @$SERVICE a.test soa 2>/dev/null | sed -n 's/.*NSID:.*\"\\(.*\\)\".*/\\1/p')
	case \$w in ns1|ns2) ;; *) w=none; sleep 0.1 ;; esac
	echo \"\$EPOCHREALTIME \$w\" >>/tmp/asked; sleep 0.05; done" &
JOB[client]=$!
# What it was told lately: the last five times this one.
told() { [ "$(tail -n 5 "$T/ns3/tmp/asked" | awk '{print $2}' | sort | uniq -c | xargs)" = "5 $1" ]; }
lost() { grep -c none "$T/ns3/tmp/asked"; }
# from SENTENCE HOST: the client is answered by this one; how long it took and how much was lost is shown.
from() {
	local began lost_before=$LOST
	began=$(now_ms)
	check "$1" wait_for 90 told "$2"
	LOST=$(lost)
	note "$(($(now_ms) - began)) ms, $((LOST - lost_before)) queries without an answer"
}
LOST=0

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
is "first the route, then the address" "$(sed -n 's/.*zonefs-health: \(withdraw\|withdrawn\|remove-address\): succeeded.*/\1/p' "$T/ns1/health.log" | tail -n 3 | xargs)" "withdraw withdrawn remove-address"
check "mail is sent, though the first try failed" wait_for 60 grep -q "^Subject: ns1: DNS mirror site OUT OF SERVICE" "$T/ns1/tmp/mail"
like "with the failures" "$(cat "$T/ns1/tmp/mail")" "^20.*Z DNS mirror site out of service - 3 times"
like "and the way back" "$(cat "$T/ns1/tmp/mail")" "^ *.*/sbin/ip address add $SERVICE/32 dev lo"
wait "${JOB[ns1.named]}" 2>/dev/null
named_start ns1
from "named is there again: back" ns1

P=$(pid_on ns1 named)
kill -STOP "$P"
from "named frozen: the other mirror answers" ns2
kill -CONT "$P" $(pgrep -P "${JOB[ns1.named]}") # nsenter stops with it
from "it goes on: back" ns1

on ns1 bash -c "exec 9>>$TREE/var/named/a.test.zone; echo \$\$ >/tmp/holds; exec sleep 600" &
HOLDS=$!
must wait_for 60 test -s "$T/ns1/tmp/holds"
sh_on ns2 "sed -i 's/ 1000 / 1001 /' var/named/a.test.zone"
from "a version can't be put in place, the node is stale: its metric sends the client away" ns2
check "it is demoted, and announced all the same" health_is ns1 demoted
check "with its address" has_address ns1
on ns1 bash -c 'kill $(cat /tmp/holds)'
wait $HOLDS 2>/dev/null
from "fresh again: back" ns1

kill -KILL "$(pid_on ns1 zonefs-health)"
wait "${JOB[ns1.health]}" 2>/dev/null
check "a crash of zonefs-health changes nothing" has_address ns1
health_start ns1
check "and a restart finds it" wait_for 60 grep -q "anycast: found announced" "$T/ns1/health.log"
check_not "who knows of no other announcer drains only by force" on ns1 zonefsctl drain
check "drained" on ns1 zonefsctl drain --force
check_not "drained: its address is gone when that is said" has_address ns1
from "drained: the other mirror answers" ns2
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
for h in ns1 ns2; do
	kill -TERM "$(pid_on $h zonefs-health)"
	wait "${JOB[$h.health]}" 2>/dev/null
done
for h in ns1 ns2; do check "zonefs-health stopped: $h stays announced" has_address $h; done
for h in ns1 ns2; do named_stop $h; done # who would be served to its end
[ "$FAILED" -eq 0 ] || for h in ns1 ns2; do note "$h: $(tail -60 "$T/$h/health.log")"; done
finish
