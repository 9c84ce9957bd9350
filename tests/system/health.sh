#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# zonefs-health on one host, with the address alone: five failures are noted, mail is sent with the way back
# in it, the address is removed; it comes back when the server answers. And what is asked: many zones, IPv6,
# wrong answers, no answers. No replicator runs here: that is a finding and no obstacle.
. "$(dirname "$0")/lib.sh"
world_enter "$@"
install -m 755 "$B/zonefs-health" $BIN/ || bail "zonefs-health is not built"
SERVICE=192.0.2.53

host_new ns1
chroot_make ns1
sed -i 's/listen-on {.*/listen-on { any; };/; s/listen-on-v6 {.*/listen-on-v6 { any; };/' "$T/ns1$TREE/etc/named.host.conf"
chroot_fill ns1
zones=
for i in $(seq 1 30); do
	zone_stanza z$i.test >>"$T/ns1$TREE/etc/named.conf"
	zone_text z$i.test 1 >"$T/ns1$TREE/var/named/z$i.test.zone"
	zones="$zones${zones:+, }\"z$i.test\""
done
cat >$BIN/sendmail <<'END'
#!/bin/sh
{ echo "To: $*"; env | grep ^ZONEFS_ | sort; cat; } >>/tmp/mail
END
printf '#!/bin/sh\necho "$1" >>/tmp/metric\n' >$BIN/metric
chmod 755 $BIN/sendmail $BIN/metric
# health_conf [LINES]: those for the section.
health_conf() {
	node_conf ns1 "probe \"all\" {
  address = \"127.0.0.1\"
  zones = { $zones }
  sample = 4
}
probe \"v6\" {
  address = \"::1\"
  zones = { \"z1.test\" }
  type = \"NS\"
}
health \"anycast\" {
  service = { \"$SERVICE\" }
  interval = 1
  fast-interval = 1
  timeout = 3
  rise = 2
  start-timeout = 2
  damping = 0
  add-address = { \"/sbin/ip\", \"address\", \"add\", \"$SERVICE/32\", \"dev\", \"lo\" }
  remove-address = { \"/sbin/ip\", \"address\", \"del\", \"$SERVICE/32\", \"dev\", \"lo\" }
  demote = { \"$BIN/metric\", \"worse\" }
  promote = { \"$BIN/metric\", \"good\" }
  alert = { \"$BIN/sendmail\", \"hostmaster\" }
  ${1:-}
}"
}
health_start() {
	on ns1 $BIN/zonefs-health -f --json >>"$T/ns1/records" 2>>"$T/ns1/health.log" &
	JOB[health]=$!
}
health_stop() {
	kill -TERM "$(pid_on ns1 zonefs-health)"
	wait "${JOB[health]}" 2>/dev/null
}
health_is() { on ns1 zonefsctl health --json | jq -r 'select(.type=="health").state' | grep -qx "$1"; }
has_address() { on ns1 ip -o address show dev lo | grep -qF " $SERVICE/"; }
logged() { grep -Eq "$1" "$T/ns1/health.log"; }

health_conf
check "the configuration is in order" on ns1 $BIN/zonefs-health --check
sed 's/"z1.test"/"z..1"/; s/"NS"/"NOTHING"/' "$T/ns1/etc/zonefs/zonefs.conf" >"$T/ns1/tmp/wrong"
WRONG=$(on ns1 $BIN/zonefs-health --check -c /tmp/wrong 2>&1)
like "names are checked" "$WRONG" '^/tmp/wrong:[0-9]+: "z\.\.1" is no domain name'
like "and types" "$WRONG" '^/tmp/wrong:[0-9]+: "NOTHING" is no record type'
check_not "nobody answers before it runs" on ns1 zonefsctl health

named_start ns1
health_start
check "without a replicator it is announced when start-timeout has passed" wait_for 60 has_address
check "which is said" wait_for 60 logged "announced all the same: .*has not caught up with its peers; start-timeout has passed"
check "it runs normally" wait_for 60 health_is announced
check_not "a second one is refused" on ns1 $BIN/zonefs-health -f
P=$(pid_on ns1 named)
kill -KILL "$P"
wait "${JOB[ns1.named]}" 2>/dev/null
check "the name server is dead: the address is removed" wait_for 60 fails has_address
# The check that failed last decides.
is "five failures of each check are noted until it is" \
	"$(sed '/OUT OF SERVICE:/,$d' "$T/ns1/health.log" | sed -n 's/.*out of service - \([0-9]*\) times* (of 5, \(.*\)): .*/\2 \1/p' |
		awk '{n[$1] = $2} END {for (c in n) print n[c]}' | sort -n | head -n 1)" 5
like "loopback itself is up" "$(on ns1 ip -o link show lo)" "LOOPBACK,UP"
check "mail is sent" wait_for 60 grep -q "^Subject: ns1: DNS mirror site OUT OF SERVICE" "$T/ns1/tmp/mail"
MAIL=$(cat "$T/ns1/tmp/mail")
like "to whom the configuration says" "$MAIL" "^To: hostmaster$"
like "with the failures" "$MAIL" "Z DNS mirror site out of service - 5 times \(of 5, v6/TCP\): Connection refused for z1.test over TCP at ::1 port 53"
like "and the way back" "$MAIL" "^ *ip address add|^ */sbin/ip address add $SERVICE/32 dev lo"
like "the command's environment says the state" "$MAIL" "^ZONEFS_HEALTH_STATE=withdrawn$"
like "and the reason" "$MAIL" "^ZONEFS_HEALTH_REASON=dead$"
like "each record is JSON, too" "$(jq -r 'select(.kind=="failure").words' "$T/ns1/records")" "out of service - 5 times"
check_not "it is not well" on ns1 zonefsctl health
named_start ns1
check "it answers: the address is back" wait_for 60 has_address
check "it runs normally again" wait_for 60 health_is announced

# One zone of thirty is broken: named refuses it after a restart.
# (Not asked while that takes: it is not silence that is to be seen.)
kill -STOP "$(pid_on ns1 zonefs-health)"
named_stop ns1
echo 'no zone file' >"$T/ns1$TREE/var/named/z17.test.zone"
named_start ns1
kill -CONT "$(pid_on ns1 zonefs-health)" $(pgrep -P "${JOB[health]}") # nsenter stops with it
check "one zone of many fails: demoted" wait_for 90 health_is demoted
check "with its name" logged "steps back \(data\): SERVFAIL for z17.test over (UDP|TCP)"
check "its address stays" has_address
is "the metric is worse" "$(tail -n 1 "$T/ns1/tmp/metric")" worse
zone_text z17.test 2 >"$T/ns1$TREE/var/named/z17.test.zone"
must rndc_on ns1 reload z17.test
check "mended: promoted" wait_for 60 health_is announced
is "the metric is good" "$(tail -n 1 "$T/ns1/tmp/metric")" good

health_stop
check "stopped: the address stays" has_address
health_conf 'on-stop = "withdraw"'
health_start
check "started: what was announced is found" wait_for 60 logged "anycast: found announced"
check "running" wait_for 60 health_is announced
health_stop
check_not "stopped with on-stop = withdraw: the address is gone" has_address
named_stop ns1
[ "$FAILED" -eq 0 ] || note "$(tail -80 "$T/ns1/health.log")"
finish
