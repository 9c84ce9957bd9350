#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who serves what: two real named with two views, as each proved it, told on every node.
. "$(dirname "$0")/lib.sh"
world_enter "$@"
HOOK=bind
HOOK_MORE="persistent = true"

host_new ns1
host_new ns2
for h in ns1 ns2; do chroot_make $h; done
chroot_fill ns1
Z=var/named
cat >>"$T/ns1$TREE/etc/named.conf" <<-END
	view "inside" { match-clients { 127.0.0.1; };
		zone "v.test" { type primary; file "v.in"; };
		zone "a.test" { type primary; file "a.zone"; }; };
	view "outside" { zone "v.test" { type primary; file "v.out"; }; };
END
zone_text v.test 10 >"$T/ns1$TREE/$Z/v.in"
zone_text v.test 20 >"$T/ns1$TREE/$Z/v.out"
zone_text a.test 1 >"$T/ns1$TREE/$Z/a.zone"
node_conf ns2 'server "named" { user = "bind" gate = false }'
node_conf ns1 "server \"named\" { user = \"bind\" gate = false }
alert \"tell\" { run = { \"$BIN/tell\" } user = \"nobody\" after = 2 }"
printf '#!/bin/sh\necho "$1 $ZONEFS_ALERT $ZONEFS_ALERT_PATH: $ZONEFS_ALERT_WORDS" >>/tmp/told\n' >$BIN/tell
chmod 755 $BIN/tell
file_has() { sh_on "$1" "grep -q '$3' $2"; }
for h in ns1 ns2; do node_start $h; done
check "ns2 has the zones" wait_for 60 test -e "$T/ns2$TREE/$Z/a.zone"
named_start ns1
check "ns2 has the configuration" wait_for 60 test -e "$T/ns2$TREE/etc/named.conf"
check "ns2 has the key" wait_for 60 test -e "$T/ns2$TREE/etc/rndc.key"

zones() { OUT=$(on "$1" zonefsctl status --zones "${@:2}" 2>&1); STATUS=$?; }
zones_are() { zones "$1"; grep -Eq -- "$2" <<<"$OUT"; }
# A zone's node lines, as they begin. of HOST ZONE-LINE
of() { on "$1" zonefsctl status --zones | awk -v z="$2" '/^[ !] [^ ]/ { on = index($0, " " z ":") == 2 } /^    / && on { print }' |
	sed 's/^ *//; s/, loaded.*//; s/ \[.*//; s/  */ /g'; }
wait_of() { of "$1" "$2" | grep -Fqx -- "$3"; }

# ns2's named does not run yet: that is what ns1 says of it.
check "ns1 has proved its own" wait_for 90 wait_of ns1 "v.test in outside" "ns1 serves 20"
zones ns1
is "not all is served: it fails" $STATUS 1
like "and says so in the end" "$(tail -1 <<<"$OUT")" '^3 of 3 zones are NOT served alike by all 2 nodes: a\.test in inside, v\.test in inside, v\.test in outside$'
like "such a zone stands out" "$OUT" '^! a\.test in inside: var/named/a\.zone \['
like "... with the serial of its file" "$OUT" '^! v\.test in outside: var/named/v\.out \[[0-9a-z]{6}\], serial 20$'
check_not "wait for a zone does not succeed" on ns1 zonefsctl wait --served --timeout 1 a.test
like "it says who lacks what" "$(on ns1 zonefsctl wait --served --timeout 1 a.test 2>&1)" \
	'^ns2: a\.test in inside: '
named_start ns2
for h in ns1 ns2; do
	for z in "a.test in inside 1" "v.test in inside 10" "v.test in outside 20"; do
		for n in ns1 ns2; do
			check "$h knows that $n serves ${z% *}" wait_for 90 wait_of $h "${z% *}" "$n serves ${z##* }"
		done
	done
	zones $h
	is "all is served: $h" "$STATUS $(tail -1 <<<"$OUT")" "0 3 zones, each served alike by all 2 nodes"
	check_not "... nothing stands out" grep -q '^!' <<<"$OUT"
	like "... with the time of loading and the version" "$OUT" '^    ns[12] +serves 20, loaded 20[0-9-]+ [0-9:]+ \[[0-9a-z]{6}\]$'
done
zones ns1 v.test.
is "one zone alone, in its views" "$(grep -c '^  v\.test in' <<<"$OUT") $STATUS $(tail -1 <<<"$OUT")" \
	"2 0 2 zones, each served alike by all 2 nodes"
zones ns1 nosuch.test
is "an unknown one fails" "$STATUS" 1
like "and is named" "$OUT" 'nosuch\.test: no such zone'

# A change: wait returns when it is served, and then it is.
save() { zone_text "$2" "$3" "${@:5}" >"$T/$1/tmp/z"; sh_on "$1" "cat /tmp/z >$4"; }
for i in 2 3 4; do
	save ns1 a.test $i $Z/a.zone
	check "changed on ns1, wait for the zone ($i)" on ns1 zonefsctl wait --served --timeout 90 a.test
	is "... both name servers are asked" "$(rndc_on ns1 zonestatus a.test in inside | sed -n 's/^serial: //p') $(
		rndc_on ns2 zonestatus a.test in inside | sed -n 's/^serial: //p')" "$i $i"
	is "... and ns1 knows" "$(of ns1 'a.test in inside' | xargs)" "ns1 serves $i ns2 serves $i"
done
check "... and ns2" on ns2 zonefsctl wait --served --timeout 90 a.test
is "as JSON" "$(on ns2 zonefsctl status --zones --json a.test | /usr/bin/python3 -c 'import json, sys
for l in map(json.loads, sys.stdin):
	if l.get("type") == "serving":
		print(l["zone"], l["view"], l["path"], l["well"], l["differs"], len(l["hash"]))
		for n in sorted(l["nodes"], key=lambda n: n["node"]):
			print(n["node"], n["state"], n["serial"], n["version"] == l["version"], 0 < n["loaded"] <= n["asked"] + 2000)')" \
	"a.test inside var/named/a.zone True False 32
ns1 served 4 True True
ns2 served 4 True True"
sh_on ns1 "touch -d 2030-01-01 $Z/a.zone"
check "only its mtime changed: it is served all the same" on ns1 zonefsctl wait --served --timeout 90 a.test
check "... for the other node too" on ns2 zonefsctl wait --served --timeout 90 a.test

# One of two views is broken. named refuses it, the SOA that anyone gets is fine.
save ns1 v.test 21 $Z/v.out "x IN A 1.2.3"
check "one view of two is broken: it is told of both nodes" wait_for 90 zones_are ns1 '^    ns2 +FAILED.*: named serves 20, the file has 21'
check "... and ns2 tells it" wait_for 90 zones_are ns2 '^    ns1 +FAILED.*: named serves 20, the file has 21'
is "the other view is fine" "$(of ns1 'v.test in inside' | xargs)" "ns1 serves 10 ns2 serves 10"
is "an SOA proves nothing of that" "$(on ns1 dig +short @127.0.0.1 v.test soa | cut -d' ' -f3)" 10
like "the summary has the view" "$(on ns1 zonefsctl status --zones | tail -1)" '^1 of 3 zones is NOT .*: v\.test in outside$'
shown_soon zonefsctl.8 'zonefsctl status --zones v.test' on ns1 zonefsctl status --zones
OUT=$(on ns1 zonefsctl wait --served --timeout 1 v.test 2>&1)
is "wait for it fails" $? 1
like "in words" "$OUT" '^ns2: v\.test in outside: named serves 20, the file has 21'
check "wait for its neighbour does not" on ns1 zonefsctl wait --served --timeout 90 a.test
save ns2 v.test 22 $Z/v.out
check "mended on the other host, all is well" on ns2 zonefsctl wait --served --timeout 90 v.test

# What is proved outlives a restart, and what is not known is not claimed.
named_stop ns2
node_stop ns2
check "ns1 notices" wait_for 60 zones_are ns1 '^    ns2 +serves 22.* CANNOT BE REACHED, as of 20'
zones ns1
is "... which is not well" $STATUS 1
check "wait does not wait for it" on ns1 zonefsctl wait --served --timeout 90 a.test
save ns1 a.test 5 $Z/a.zone
check "a change meanwhile" on ns1 zonefsctl wait --served --timeout 90 a.test
check "... it is not served there" wait_for 60 wait_of ns1 'a.test in inside' 'ns2 does NOT serve this version yet; last proved 4'
like "... the serials differ" "$(on ns1 zonefsctl status --zones a.test)" '^! a\.test in inside: .*the serials DIFFER$'
named_stop ns1
node_stop ns1
node_start ns1
is "restarted, ns1 knows what it has proved" "$(of ns1 'v.test in outside' | head -1)" "ns1 serves 22"
named_start ns1
node_start ns2
check "ns2 hears of ns1's proofs" wait_for 90 wait_of ns2 'v.test in inside' 'ns1 serves 10'
node_stop ns2
node_start ns2
check "ns2 hears of ns1's proofs anew" wait_for 90 wait_of ns2 'v.test in inside' 'ns1 serves 10'
named_start ns2
check "ns2 comes back and serves it" wait_for 90 wait_of ns1 'a.test in inside' 'ns2 serves 5'

# A change that is held is nobody's.
on ns1 zonefsctl hold >/dev/null
save ns1 a.test 6 $Z/a.zone
OUT=$(on ns1 zonefsctl wait --served --timeout 30 a.test 2>&1)
is "held: wait fails at once" $? 1
like "in words" "$OUT" 'is held, and told to no peer'
like "status has it" "$(of ns1 'a.test in inside' | head -1)" '^ns1 holds a change of it'

# ... but of who loads it by hand.
check_not "so far nobody has loaded it" grep -q 'SERVE' <<<"$(on ns1 zonefsctl held)"
save ns1 v.test 23 $Z/v.out
check "its neighbour's change, held as well" wait_for 60 eval 'on ns1 zonefsctl held | grep -q v.out'
rndc_on ns1 reload a.test in inside >/dev/null
check "loaded by hand, status says that it is served" wait_for 60 wait_of ns1 'a.test in inside' \
	'ns1 SERVES WHAT IS HELD there (it was loaded by hand); serial 6'
like "... held, too, with serial and time" "$(on ns1 zonefsctl held)" \
	'^  IT IS SERVED HERE: zone a\.test in inside, serial 6, was loaded by hand, 20[0-9-]+ [0-9:]+$'
unlike "... and not of what nobody has loaded" "$(on ns1 zonefsctl held)" 'IS SERVED HERE: zone v'
like "... the log" "$(cat "$T/ns1/zonefs.log")" \
	'zone a\.test in view inside: what is held of var/named/a\.zone was loaded by hand, .*serial 6'
check "... the other node knows" wait_for 60 wait_of ns2 'a.test in inside' \
	'ns1 SERVES WHAT IS HELD there (it was loaded by hand); serial 6'
check "... somebody is told" wait_for 60 grep -q '^begins held-served var/named/a.zone: .*zone a.test in view inside, serial 6' \
	"$T/ns1/tmp/told"
is "the other serves what was released" "$(rndc_on ns2 zonestatus a.test in inside | sed -n 's/^serial: //p')" 5
sh_on ns1 "zonefsctl discard $Z/a.zone" >/dev/null
check "discarded, what was released is served again, by nobody's hand" wait_for 90 wait_of ns1 'a.test in inside' 'ns1 serves 5'

# The name server starts on what was set aside, which is brought back: nobody's hand was in that.
named_stop ns1
on ns1 zonefs-prestart --timeout 90 >/dev/null
named_start ns1
sh_on ns1 "zonefsctl held --edit" >/dev/null
check "set aside, started, brought back" wait_for 60 file_has ns1 $Z/v.out 23
for i in 1 2 3; do unlike "... which is no load by hand ($i)" "$(on ns1 zonefsctl held)" 'IS SERVED HERE'; done
# With the same serial: by the time alone, which has seconds. (A draft's first second tells nothing.)
save ns1 v.test 22 $Z/v.out 'same IN A 10.0.0.1'
check "another draft, with the serial of what was released" wait_for 60 eval 'on ns1 zonefsctl status --zones v.test | grep -q "ns1 *holds"'
draft_loaded() {
	rndc_on ns1 reload v.test in outside >/dev/null
	on ns1 zonefsctl held | grep -q 'IT IS SERVED HERE: zone v\.test in outside, serial 22,' || {
		sh_on ns1 "touch $Z/v.out"
		return 1
	}
}
check "loaded by hand, its time says so" wait_for 60 draft_loaded
on ns1 zonefsctl release >/dev/null
check "released, it is served" on ns1 zonefsctl wait --served --timeout 90 v.test
save ns1 a.test 6 $Z/a.zone
check "and all else" on ns1 zonefsctl wait --served --timeout 90 a.test

# A zone goes.
sh_on ns1 "sed -i '/a.test/s/.*/};/' etc/named.conf"
check "taken out of the configuration, it is no zone any more" wait_for 90 zones_are ns1 '^2 zones, each served alike by all 2 nodes$'
check "... nowhere" wait_for 90 zones_are ns2 '^2 zones, each served alike by all 2 nodes$'
finish
