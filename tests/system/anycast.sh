# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The ground of the tests with real routing: two mirrors that announce one address by OSPF, and a client
# that asks it all the time. Sourced after lib.sh; the hosts are ns1 and ns2 (mirrors) and ns3 (client).

SERVICE=192.0.2.53
LOST=0

# health_lines METRIC [LINES]: the sections, with the commands of $ROUTE, a script of tools/health.
health_lines() {
	cat <<-END
		log-level = "info"
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
		  lease = 5
		  add-address = { "/sbin/ip", "address", "add", "$SERVICE/32", "dev", "lo" }
		  remove-address = { "/sbin/ip", "address", "del", "$SERVICE/32", "dev", "lo" }
		  announce = { "$BIN/$ROUTE", "announce", $(route_arguments "$1") }
		  withdraw = { "$BIN/$ROUTE", "withdraw", $(route_arguments "$1") }
		  withdrawn = { "$BIN/$ROUTE", "withdrawn" }
		  demote = { "$BIN/$ROUTE", "demote", $(route_arguments "$1") }
		  promote = { "$BIN/$ROUTE", "promote", $(route_arguments "$1") }
		  ${2:-}
		}
	END
}

# ---- BIRD

ROUTE=route-bird
route_arguments() { echo "\"/etc/bird/health.conf\", \"$1\", \"10$1\""; }
# bird_conf HOST LINES [EXPORT]
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
birds_start() {
	local h filter="filter { if ANYCAST_ANNOUNCED = 1 && net = $SERVICE/32 then { ospf_metric1 = ANYCAST_METRIC; accept; } reject; }"
	for h in ns1 ns2; do
		bird_conf $h 'include "/etc/bird/health.conf";' "$filter"
		printf 'define ANYCAST_ANNOUNCED = 0;\ndefine ANYCAST_METRIC = 10;\n' >"$T/$h/etc/bird/health.conf"
	done
	bird_conf ns3 ""
	for h in ns1 ns2 ns3; do bird_start $h; done
}

# ---- FRR

frr_use() {
	ROUTE=route-frr
	route_arguments() { echo "\"zonefs-health\", \"$1\", \"10$1\""; }
}
# frr_start HOST METRIC
frr_start() {
	local d
	mkdir -p "$T/$1/run/frr" "$T/$1/etc/frr"
	: >"$T/$1/etc/frr/vtysh.conf"
	cat >"$T/$1/etc/frr/frr.conf" <<-END
		ip prefix-list zonefs-health permit $SERVICE/32
		route-map zonefs-health permit 10
		 match ip address prefix-list zonefs-health
		 set metric $2
		 set metric-type type-1
		exit
		interface eth0
		 ip ospf area 0
		 ip ospf hello-interval 1
		 ip ospf dead-interval 5
		exit
		router ospf
		 ospf router-id $(ip_of "$1")
		 timers throttle spf 10 100 1000
		 redistribute connected route-map zonefs-health
		exit
	END
	chown -R frr:frr "$T/$1/run/frr" "$T/$1/etc/frr"
	for d in zebra ospfd; do
		on "$1" /usr/lib/frr/$d -u frr -g frr -f /etc/frr/frr.conf >>"$T/$1/frr.log" 2>&1 &
		JOB[$1.$d]=$!
	done
	wait_for 60 on "$1" vtysh -c 'show ip ospf' || bail "FRR does not start on $1: $(cat "$T/$1/frr.log")"
}

# ---- mirrors

# mirrors_start: a chroot and zones on ns1, nodes on both with what node_conf wrote, both the same.
mirrors_start() {
	local h z
	chroot_make ns1
	chroot_make ns2
	for h in ns1 ns2; do sed -i 's/listen-on {.*/listen-on { any; };/' "$T/$h$TREE/etc/named.host.conf"; done
	chroot_fill ns1
	for z in a.test b.test; do
		zone_stanza $z >>"$T/ns1$TREE/etc/named.conf"
		zone_text $z 1000 >"$T/ns1$TREE/var/named/$z.zone"
	done
	for h in ns1 ns2; do node_start $h; done
	for h in ns1 ns2; do wait_for 60 node_well $h || bail "$h: $(on $h zonefsctl status)"; done
	settle ns1 ns2
	wait_for 60 test -e "$T/ns2$TREE/etc/rndc.key" || bail "ns2 has no configuration"
}
# zone_hold HOST: no version of a.test can be put in place there, since it is being written, until zone_let_go.
zone_hold() {
	on "$1" bash -c "exec 9>>$TREE/var/named/a.test.zone; echo \$\$ >/tmp/holds; exec sleep 600" &
	JOB[$1.holds]=$!
	must wait_for 60 test -s "$T/$1/tmp/holds"
}
zone_let_go() {
	on "$1" bash -c 'kill $(cat /tmp/holds); rm /tmp/holds'
	wait "${JOB[$1.holds]}" 2>/dev/null
	return 0
}
named_freeze() { kill -STOP "$(pid_on "$1" named)"; }
named_thaw() { kill -CONT "$(pid_on "$1" named)" $(pgrep -P "${JOB[$1.named]}"); } # nsenter stops with it
health_start() {
	on "$1" $BIN/zonefs-health -f >>"$T/$1/health.log" 2>&1 &
	JOB[$1.health]=$!
}
# health_end HOST SIGNAL
health_end() {
	kill "-$2" "$(pid_on "$1" zonefs-health)"
	wait "${JOB[$1.health]}" 2>/dev/null
}
health_is() { [ "$(on "$1" zonefsctl health --json | jq -r 'select(.type=="health").state')" = "$2" ]; }
health_logged() { grep -Eq "$2" "$T/$1/health.log"; }
has_address() { on "$1" ip -o address show dev lo | grep -qF " $SERVICE/"; }
health_show() { [ "$FAILED" -eq 0 ] || for h in ns1 ns2; do note "$h: $(tail -60 "$T/$h/health.log")"; done; }

# ---- the client

# Who answers, and when, all the time.
client_start() {
	on ns3 bash -c "while :; do w=\$(dig +time=1 +tries=1 +nsid @$SERVICE a.test soa 2>/dev/null | sed -n 's/.*NSID:.*\"\\(.*\\)\".*/\\1/p')
		case \$w in ns1|ns2) ;; *) w=none; sleep 0.1 ;; esac
		echo \"\$EPOCHREALTIME \$w\" >>/tmp/asked; sleep 0.05; done" &
	JOB[client]=$!
}
# What it was told lately: the last five times this one.
told() { [ "$(tail -n 5 "$T/ns3/tmp/asked" | awk '{print $2}' | sort | uniq -c | xargs)" = "5 $1" ]; }
told_any() { ! tail -n 5 "$T/ns3/tmp/asked" | grep -q none; }
lost() { grep -c none "$T/ns3/tmp/asked"; }
# from SENTENCE HOST: the client is answered by this one; how long it took and how much was lost is shown.
from() {
	local began lost_before=$LOST
	began=$(now_ms)
	check "$1" wait_for 90 told "$2"
	LOST=$(lost)
	note "$(($(now_ms) - began)) ms, $((LOST - lost_before)) queries without an answer"
}
