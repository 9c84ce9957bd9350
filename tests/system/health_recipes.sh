#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The recipes for ExaBGP (its process API; the client learns the route by BGP) and keepalived (its track file;
# two hosts and one address): announced, demoted, withdrawn, by zonefs-health itself. No replicator runs here.
. "$(dirname "$0")/lib.sh"
world_enter "$@"
command -v exabgp >/dev/null && command -v keepalived >/dev/null && command -v bird >/dev/null ||
	skip_all "no ExaBGP, keepalived or BIRD here"
install -m 755 "$B/zonefs-health" "$TOP"/tools/health/route-* $BIN/ || bail "zonefs-health is not built"
SERVICE=192.0.2.53

for h in ns1 ns2 ns3; do host_new $h; done
for h in ns1 ns2; do
	chroot_make $h
	sed -i 's/listen-on {.*/listen-on { any; };/' "$T/$h$TREE/etc/named.host.conf"
	chroot_fill $h
	zone_stanza a.test >>"$T/$h$TREE/etc/named.conf"
	zone_stanza b.test >>"$T/$h$TREE/etc/named.conf"
	for z in a.test b.test; do zone_text $z 1 >"$T/$h$TREE/var/named/$z.zone"; done
	named_start $h
done
# health_conf HOST LINES: those for the section.
health_conf() {
	node_conf "$1" "probe \"soa\" {
  address = \"127.0.0.1\"
  zones = { \"a.test\", \"b.test\" }
}
health \"anycast\" {
  service = { \"$SERVICE\" }
  interval = 1
  fast-interval = 1
  timeout = 3
  fall = 2
  rise = 2
  start-timeout = 1
  damping = 0
  $2
}"
}
health_start() {
	on "$1" $BIN/zonefs-health -f >>"$T/$1/health.log" 2>&1 &
	JOB[$1.health]=$!
}
health_end() {
	kill -TERM "$(pid_on "$1" zonefs-health)"
	wait "${JOB[$1.health]}" 2>/dev/null
}
has_address() { on "$1" ip -o address show dev lo | grep -qF " $SERVICE/"; }
# One zone that is refused, or not.
break_on() { sh_on "$1" 'sed -i "s/b.test.zone/none/" etc/named.conf' && must rndc_on "$1" reconfig; }
mend_on() { sh_on "$1" 'sed -i "s/none/b.test.zone/" etc/named.conf' && must rndc_on "$1" reconfig; }

# ---- ExaBGP
health_conf ns1 "$(
	echo "add-address = { \"/sbin/ip\", \"address\", \"add\", \"$SERVICE/32\", \"dev\", \"lo\" }"
	echo "remove-address = { \"/sbin/ip\", \"address\", \"del\", \"$SERVICE/32\", \"dev\", \"lo\" }"
	for s in announce withdraw withdrawn demote promote; do
		echo "  $s = { \"$BIN/route-exabgp\", \"$s\", \"/tmp/routes\" }"
	done
)"
cat >"$T/ns1/etc/exabgp.conf" <<END
process zonefs-health {
  run $BIN/route-exabgp process /tmp/routes;
  encoder text;
}
neighbor $(ip_of ns3) {
  router-id $(ip_of ns1);
  local-address $(ip_of ns1);
  local-as 65001;
  peer-as 65000;
  api { processes [ zonefs-health ]; }
}
END
mkdir -p "$T/ns3/etc/bird" "$T/ns3/run/bird"
cat >"$T/ns3/etc/bird/bird.conf" <<END
router id $(ip_of ns3);
protocol device { }
protocol bgp mirror {
  local $(ip_of ns3) as 65000;
  neighbor $(ip_of ns1) as 65001;
  ipv4 { import all; export none; };
}
END
on ns3 bird -f -c /etc/bird/bird.conf >>"$T/ns3/bird.log" 2>&1 &
JOB[bird]=$!
exabgp_start() {
	on ns1 env exabgp.daemon.user=root exabgp.api.cli=false exabgp.tcp.bind= exabgp /etc/exabgp.conf >>"$T/ns1/exabgp.log" 2>&1 &
	JOB[exabgp]=$!
}
exabgp_start
exabgp_end() {
	kill -TERM "$(pid_on ns1 exabgp)"
	wait "${JOB[exabgp]}" 2>/dev/null
}
routed() { on ns3 birdc show route all $SERVICE/32 | grep -q "BGP.med: $1$"; }
unrouted() { on ns3 birdc show route $SERVICE/32 | grep -q "Network not found"; }
check "BIRD has heard of no route" wait_for 60 unrouted
health_start ns1
check "ExaBGP: announced" wait_for 90 routed 100
check "the address is there" has_address ns1
break_on ns1
check "a broken zone: its MED is worse" wait_for 90 routed 1000
exabgp_end
check "ExaBGP has ended: no route" wait_for 90 unrouted
exabgp_start
check "it is started again: it is told anew" wait_for 90 routed 1000
mend_on ns1
check "mended: as before" wait_for 90 routed 100
P=$(pid_on ns1 named)
kill -KILL "$P"
wait "${JOB[ns1.named]}" 2>/dev/null
check "the name server is dead: no route" wait_for 90 unrouted
check "and then no address" wait_for 90 fails has_address ns1
check "in this order" wait_for 60 last_steps ns1 "withdraw withdrawn remove-address"
health_end ns1
rm "$T/ns1/var/lib/zonefs-health/state"
exabgp_end

# ---- keepalived
named_start ns1
for h in ns1 ns2; do
	health_conf $h "$(for s in announce withdraw demote promote; do
		echo "  $s = { \"$BIN/route-keepalived\", \"$s\", \"/tmp/track\" }"
	done)"
	cat >"$T/$h/etc/keepalived.conf" <<-END
		track_file zonefs-health {
		  file "/tmp/track"
		  weight 1
		  init_file -254
		}
		vrrp_instance dns {
		  state BACKUP
		  interface eth0
		  virtual_router_id 53
		  priority 1$([ $h = ns1 ] && echo 5 || echo 3)0
		  advert_int 1
		  track_file { zonefs-health }
		  virtual_ipaddress { $SERVICE/32 dev lo }
		}
	END
	on $h keepalived -n -l -P -f /etc/keepalived.conf -p /run/ka.pid -r /run/kav.pid >>"$T/$h/keepalived.log" 2>&1 &
	JOB[$h.keepalived]=$!
done
only() { has_address "$1" && ! has_address "$2"; }
logged() { grep -q "$2" "$T/$1/keepalived.log"; }
for h in ns1 ns2; do check "keepalived runs on $h, which may not be master yet" wait_for 60 logged $h FAULT; done
for h in ns1 ns2; do check_not "$h has no address" has_address $h; done
for h in ns1 ns2; do health_start $h; done
check "keepalived: who has the higher priority has the address" wait_for 90 only ns1 ns2
break_on ns1
check "a broken zone there: the other one" wait_for 90 only ns2 ns1
kill -KILL "$(pid_on ns2 named)"
wait "${JOB[ns2.named]}" 2>/dev/null
check "whose name server dies: back to the one that is only broken" wait_for 90 only ns1 ns2
for h in ns1 ns2; do health_end $h; done
for h in ns1 ns2; do
	kill -TERM "$(pid_on $h keepalived)"
	wait "${JOB[$h.keepalived]}" 2>/dev/null
done
named_stop ns1
[ "$FAILED" -eq 0 ] || note "$(tail -n 30 "$T"/ns*/health.log "$T/ns1/exabgp.log" "$T"/ns*/keepalived.log)"
finish
