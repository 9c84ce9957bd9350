#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Behind two nodes stand a secondary, which transfers from either, and a secondary of that one. Whichever
# node a zone is changed on, and whatever the secondary had before, both of them get every change.
. "$(dirname "$0")/lib.sh"
world_enter "$@"
HOOK=bind
HOOK_MORE="persistent = true"

for h in ns1 ns2 sec1 sec2; do host_new $h; done
PEERS=(ns1 ns2)
for h in ns1 ns2 sec1 sec2; do chroot_make $h; done
# hosts_of OPTION HOST...: as a list of addresses
hosts_of() { local h; echo "$1 { $(for h in "${@:2}"; do echo "$(ip_of $h);"; done) };"; }
chroot_fill ns1
cat >>"$T/ns1$TREE/etc/named.conf" <<-END
	zone "a.test" { type primary; file "a.test.zone"; notify explicit; $(hosts_of also-notify sec1)
		$(hosts_of allow-transfer sec1) };
END
zone_text a.test 1000 'www IN A 192.0.2.1' >"$T/ns1$TREE/var/named/a.test.zone"
for h in sec1 sec2; do
	chroot_fill $h
	sed -i 's/notify no;/notify no; notify-delay 0; request-ixfr yes;/' "$T/$h$TREE/etc/named.conf"
done
sed -i 's/notify no;/notify no; notify-delay 0;/' "$T/ns1$TREE/etc/named.conf"
cat >>"$T/sec1$TREE/etc/named.conf" <<-END
	zone "a.test" { type secondary; file "slaves/a"; $(hosts_of primaries ns1 ns2) notify explicit;
		$(hosts_of also-notify sec2) $(hosts_of allow-transfer sec2) min-refresh-time 1; max-refresh-time 2; };
END
cat >>"$T/sec2$TREE/etc/named.conf" <<-END
	zone "a.test" { type secondary; file "slaves/a"; $(hosts_of primaries sec1)
		min-refresh-time 1; max-refresh-time 2; };
END
for h in ns1 ns2; do node_conf $h 'server "named" { user = "bind" }'; done
for h in ns1 ns2; do node_start $h; done
check "ns2 has the key" wait_for 60 test -e "$T/ns2$TREE/etc/rndc.key"
check "ns2 has the zone" wait_for 60 test -e "$T/ns2$TREE/var/named/a.test.zone"
settle ns1 ns2
for h in ns1 ns2 sec1 sec2; do named_start $h; done
for h in sec1 sec2; do check "$h has the zone" wait_for 90 serves $h a.test 1000; done

has() { [ "$(ask "$1" www.a.test a)" = "$2" ]; }
I=1000
# change HOST ADDRESS: a save there; the secondaries end with it.
change() {
	local h
	I=$((I + 1))
	zone_text a.test $I "www IN A $2" >"$T/$1/tmp/z"
	sh_on "$1" 'cat /tmp/z >var/named/a.test.zone'
	check "$I, saved on $1: the nodes serve it" on "$1" zonefsctl wait --served --timeout 90 a.test
	for h in sec1 sec2; do
		check "... $h has it" wait_for 90 serves $h a.test $I
		check "... with its record" wait_for 90 has $h "$2"
	done
}
for i in 1 2 3; do
	change ns1 192.0.2.1$i
	change ns2 192.0.2.2$i
done

# An edit that undoes another: the content of before under a serial of its own.
change ns2 192.0.2.11
is "all four are the same" "$(for h in ns1 ns2 sec1 sec2; do echo "$(serial_on $h a.test) $(TRIES=30 ask $h www.a.test a)"; done | sort -u)" "$I 192.0.2.11"
finish
