#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is a zone where the name server has no checker that could say so (NSD, Knot): sections of zonefs.conf
# tell the name from the path.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
Z=$T/ns1$TREE/nsd
mkdir -p "$Z/zones" "$Z/reverse"
for z in a.test b.test; do zone_text $z 1 >"$Z/zones/$z.zone"; done
zone_text 2.0.192.in-addr.arpa 1 >"$Z/reverse/2.0.192.in-addr.arpa"
echo 'server:' >"$Z/nsd.conf"
echo old >"$Z/zones/a.test.zone.orig"
for h in ns1 ns2; do
	node_conf $h 'zone "*.arpa" { file = "nsd/reverse/%s" }
zone "*" { file = "nsd/zones/%s.zone" }'
done
check "--check has nothing to say" on ns1 zonefs --check
for h in ns1 ns2; do node_start $h; done
for h in ns1 ns2; do must wait_for 60 node_well $h; done
settle ns1 ns2

zones_are() { [ "$(on "$1" zonefsctl zones 2>&1)" = "$2" ]; }
three='2.0.192.in-addr.arpa: primary, nsd/reverse/2.0.192.in-addr.arpa, replicated
a.test: primary, nsd/zones/a.test.zone, replicated
b.test: primary, nsd/zones/b.test.zone, replicated
3 zones, the files of 3 replicate'
for h in ns1 ns2; do check "$h knows its zones" wait_for 60 zones_are $h "$three"; done
is "as JSON" "$(on ns2 zonefsctl zones --json | sed -n 's/.*"zone": *"a.test".*"place": *"\([a-z]*\)".*/\1/p')" replicated
like "status has their number" "$(on ns1 zonefsctl status)" '^  zones +3 of patterns$'
like "lint says what it would need" "$(on ns1 zonefsctl lint 2>&1)" 'names no server'

# ---- a zone's name instead of its file's, and the name for its records ----
zone_text a.test 2 'www A 192.0.2.7' >"$T/ns1/tmp/z"
sh_on ns1 'cat /tmp/z >nsd/zones/a.test.zone; zonefsctl wait --timeout 60' >/dev/null 2>&1
records='+ www A 192.0.2.7
+1 -0, serial 1 -> 2'
for a in A.test. nsd/zones/a.test.zone; do
	is "diff --records $a" "$(sh_on ns2 "zonefsctl diff --records $a" 2>&1)" "$records"
done
first=$(sh_on ns1 'zonefsctl history nsd/zones/a.test.zone' | cut -d' ' -f1 | head -1)
is "... since a version" "$(sh_on ns1 "zonefsctl diff --records a.test@$first" 2>&1)" "$records"
is "log has them, too, below the version" \
	"$(sh_on ns2 'zonefsctl log --records -n 1 --path nsd/zones/a.test.zone' | sed -n '1s/.*: \(content\),.*/\1/p; 2,3p')" \
	"content
$(sed 's/^/    /' <<<"$records")"
sh_on ns1 'seq -f "h%g A 192.0.2.1" 12 >>nsd/zones/a.test.zone; zonefsctl wait --timeout 60' >/dev/null 2>&1
is "... ten lines of them" "$(sh_on ns1 'zonefsctl log --records -n 1 --path nsd/zones/a.test.zone' | grep -c '^    + h') $(
	sh_on ns1 'zonefsctl log --records -n 1 --path nsd/zones/a.test.zone' | sed -n '/more/,/^    +/p' | xargs)" "10 ... and 2 more +12 -0"
unlike "... without being asked" "$(sh_on ns1 'zonefsctl log -n 2 --path nsd/zones/a.test.zone')" '\+12|www A'
is "... and not of what is no zone's" "$(sh_on ns1 'echo more >>nsd/nsd.conf; zonefsctl wait --timeout 60 >/dev/null
	zonefsctl log --records -n 1 --path nsd/nsd.conf' | grep -c '^    [+-]')" 0
like "diff of no zone" "$(sh_on ns1 'zonefsctl diff --records nosuch.test' 2>&1)" 'nothing is known of nosuch.test'

# ---- kept fresh ----
zone_text c.test 1 >"$T/ns2/tmp/z"
sh_on ns2 'cat /tmp/z >nsd/zones/c.test.zone; rm nsd/zones/b.test.zone; zonefsctl wait --timeout 60' >/dev/null 2>&1
other='2.0.192.in-addr.arpa: primary, nsd/reverse/2.0.192.in-addr.arpa, replicated
a.test: primary, nsd/zones/a.test.zone, replicated
c.test: primary, nsd/zones/c.test.zone, replicated
3 zones, the files of 3 replicate'
for h in ns1 ns2; do check "$h: a new file is a zone, one that is gone is none" wait_for 60 zones_are $h "$other"; done
sh_on ns1 'mkdir keep; mv nsd/zones keep/; zonefsctl wait --timeout 60' >/dev/null 2>&1
one='2.0.192.in-addr.arpa: primary, nsd/reverse/2.0.192.in-addr.arpa, replicated
1 zone, the files of 1 replicate'
for h in ns1 ns2; do check "$h: nor are those of a directory that has moved" wait_for 60 zones_are $h "$one"; done
sh_on ns1 'mv keep/zones nsd/; zonefsctl wait --timeout 60' >/dev/null 2>&1
for h in ns1 ns2; do check "$h: it is back" wait_for 60 zones_are $h "$other"; done
kill -9 "$(replicator_pid ns1)"
check "after a crash" wait_for 60 zones_are ns1 "$other"
finish
