#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What stays local follows the map: named's own files wherever they are; and what people write is replicated,
# whatever its name.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
for h in ns1 ns2; do chroot_make $h; done
chroot_fill ns1
cat >>"$T/ns1$TREE/etc/named.conf" <<-'END'
	zone "sec.test" { type secondary; file "own/sec"; primaries { 10.53.0.9; }; };
	zone "dyn.test" { type primary; file "own/dyn"; allow-update { 127.0.0.1; }; };
	zone "in.test" { type primary; file "own/in"; inline-signing yes; dnssec-policy default; };
	zone "off.test" { type primary; file "off.signed"; };
	zone "data.test" { type primary; file "data/zone"; };
	zone "a.test" { type primary; file "a.zone"; };
END
for h in ns1 ns2; do node_conf $h 'server "named" { user = "bind" gate = false }'; done
for h in ns1 ns2; do node_start $h; done

zones_have() { on "$1" zonefsctl zones | grep -Eq -- "$2"; }
identical() { on "$1" zonefsctl status; }
at() { [ "$(cat "$T/$1$TREE/var/named/$2" 2>/dev/null)" = "$3" ]; }
for h in ns1 ns2; do
	check "$h: a configured .signed is not excluded by its name" wait_for 60 zones_have $h '^off\.test: .*off\.signed, replicated$'
	check "$h: nor is a file by its directory" wait_for 60 zones_have $h '^data\.test: .*data/zone, replicated$'
done
sh_on ns1 'mkdir -p var/named/own; cd var/named; for f in own/sec own/dyn own/in.signed own/in.jbk own/in.signed.jnl data/other other.signed
	do echo ns1 >$f; done; for f in own/in off.signed data/zone a.zone own/note; do echo ns1 >$f; done'
for f in own/in off.signed data/zone a.zone own/note; do check "$f goes to the other" wait_for 60 at ns2 $f ns1; done
check "all else is done" wait_for 60 on ns1 zonefsctl wait --timeout 30
for f in own/sec own/dyn own/in.signed own/in.jbk own/in.signed.jnl data/other other.signed; do
	check_not "$f does not" test -e "$T/ns2$TREE/var/named/$f"
done
sh_on ns2 'cd var/named; for f in own/sec own/dyn data/other; do echo ns2 >$f; done; echo two >a.zone'
check "the other way round" wait_for 60 at ns1 a.zone two
check "... is done" wait_for 60 on ns2 zonefsctl wait --timeout 30
for f in own/sec own/dyn data/other; do check "each has its own $f" at ns1 $f ns1; done
for h in ns1 ns2; do check "$h is well" wait_for 60 identical $h; done

# A zone changes its kind: nothing is deleted anywhere, then all have it again.
sh_on ns1 'sed "/a.test/s/type primary;/type secondary; primaries { 10.53.0.9; };/" etc/named.conf >/tmp/c; cat /tmp/c >etc/named.conf'
for h in ns1 ns2; do check "$h: now a secondary, local" wait_for 60 zones_have $h '^a\.test: secondary, .*local'; done
for h in ns1 ns2; do check "$h: the file stays" at $h a.zone two; done
for h in ns1 ns2; do sh_on $h "echo $h >var/named/a.zone; echo $h >var/named/own/note.$h"; done
for h in ns1 ns2; do check "changed here" wait_for 60 on $h zonefsctl wait --timeout 30; done
check "what else was changed goes both ways" wait_for 60 at ns1 own/note.ns2 ns2
for h in ns1 ns2; do check "$h: the secondary's file does not" at $h a.zone $h; done
for h in ns1 ns2; do check "$h is well" wait_for 60 identical $h; done
sh_on ns1 'sed "/a.test/s/type secondary; primaries { 10.53.0.9; };/type primary;/" etc/named.conf >/tmp/c; cat /tmp/c >etc/named.conf'
for h in ns1 ns2; do check "$h: a primary again" wait_for 60 zones_have $h '^a\.test: primary, .*replicated'; done
same_zone() { cmp "$T/ns1$TREE/var/named/a.zone" "$T/ns2$TREE/var/named/a.zone"; }
check "both have the same again" wait_for 60 same_zone
sh_on ns2 'echo three >var/named/a.zone'
check "and it replicates" wait_for 60 at ns1 a.zone three

# exclude and include say more than the map.
for h in ns1 ns2; do
	node_stop $h
	node_conf $h 'exclude = { "off.signed" }
include = { "var/named/own/dyn" }
server "named" { user = "bind" gate = false }'
done
sh_on ns1 'echo plain >var/named/off.signed; echo plain >var/named/own/dyn'
for h in ns1 ns2; do node_start $h; done
check "what is excluded stays so" wait_for 60 zones_have ns1 '^off\.test: .*local: excluded'
check "what is included replicates" wait_for 60 zones_have ns1 '^dyn\.test: .*own/dyn, replicated$'
same_dyn() { cmp "$T/ns1$TREE/var/named/own/dyn" "$T/ns2$TREE/var/named/own/dyn"; }
check "both have the same" wait_for 60 same_dyn
check_not "but not the other" at ns2 off.signed plain
finish
