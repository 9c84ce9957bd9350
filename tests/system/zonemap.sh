#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The map: which file is which zone, from the checker of a real named, on two nodes.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
for h in ns1 ns2; do chroot_make $h; done
chroot_fill ns1
E=$T/ns1$TREE/etc
cat >>"$E/named.conf" <<-END
	view "inside" {
		match-clients { 127.0.0.1; };
		include "/etc/zones.conf";
		zone "v.test" { type primary; file "v.in"; };
		zone "dyn.test" { type primary; file "own/dyn.zone"; allow-update { 127.0.0.1; }; };
		zone "sec.test" { type secondary; file "own/sec.zone"; primaries { 10.53.0.9; }; };
		zone "catz.test" { type secondary; file "own/catz.zone"; primaries { 10.53.0.9; }; };
		catalog-zones { zone "catz.test"; };
	};
	view "outside" {
		zone "a.test" { in-view "inside"; };
		zone "v.test" { type primary; file "v.in"; };
		zone "s.test" { type primary; file "s.zone"; inline-signing yes; dnssec-policy default; };
		zone "log.test" { type primary; file "/var/log/log.zone"; };
		zone "far.test" { type forward; forwarders { 10.53.0.9; }; };
	};
END
zone_stanza a.test >"$E/zones.conf"
chmod 644 "$E/zones.conf"
zone_text a.test 1 >"$T/ns1$TREE/var/named/a.test.zone"
for h in ns1 ns2; do
	node_conf $h 'server "named" { user = "bind" gate = false }'
done
check "--check has nothing to say of the checkers" on ns1 zonefs --check
for h in ns1 ns2; do node_start $h; done

zones() { OUT=$(on "$1" zonefsctl zones 2>&1); STATUS=$?; }
zones_have() { zones "$1"; grep -Eq -- "$2" <<<"$OUT"; }
zones_good() { zones "$1" && grep -Eq -- "$2" <<<"$OUT"; }
for h in ns1 ns2; do
	check "$h knows its zones" wait_for 60 zones_good $h '^10 zones, the files of 5 replicate$'
	zones $h
	like "$h: an include, and the directory" "$OUT" '^a\.test in inside: primary, var/named/a\.test\.zone, replicated$'
	like "$h: a file of two views" "$OUT" '^v\.test in inside: primary, var/named/v\.in, replicated$'
	like "$h: ... and in the other one" "$OUT" '^v\.test in outside: primary, var/named/v\.in, replicated$'
	like "$h: another view's zone" "$OUT" '^a\.test in outside: in-view inside$'
	like "$h: a dynamic zone" "$OUT" '^dyn\.test in inside: primary, var/named/own/dyn\.zone, local: .*updated'
	like "$h: a secondary" "$OUT" '^sec\.test in inside: secondary, var/named/own/sec\.zone, local: .*transfers'
	like "$h: a catalog" "$OUT" '^catz\.test in inside: secondary, catalog, var/named/own/catz\.zone, local'
	like "$h: one that named signs" "$OUT" '^s\.test in outside: primary, var/named/s\.zone, replicated; what named signs is local$'
	like "$h: one in a place that is excluded otherwise" "$OUT" '^log\.test in outside: primary, var/log/log\.zone, replicated$'
	shown zonefsctl.8 'zonefsctl zones' "$OUT"
	like "$h: one without a file" "$OUT" '^far\.test in outside: other, no file$'
done
is "as JSON" "$(on ns2 zonefsctl zones --json | /usr/bin/python3 -c 'import json, sys
for l in map(json.loads, sys.stdin):
	if l.get("type") == "map": print(l["state"], l["server"], l["version"][:3], l["zones"])
	if l.get("zone") == "s.test": print(l["view"], l["kind"], l["path"], l["place"], l["inline_signing"], l["dnssec_policy"], l["format"])
	if l.get("zone") == "dyn.test": print(l["file"], l["dynamic"])')" \
	"good named $(named-checkconf -v | cut -c1-3) 10
/var/named/own/dyn.zone True
outside primary var/named/s.zone replicated True True text"
like "status has their number" "$(on ns1 zonefsctl status)" '^  zones +10 of named$'

# Kept fresh: what is included, and what is this host's alone.
zone_stanza b.test >"$T/ns1/tmp/b"
sh_on ns1 'cat /tmp/b >>etc/zones.conf'
for h in ns1 ns2; do check "a zone more in an include: $h" wait_for 60 zones_good $h '^b\.test in inside: '; done
sh_on ns2 'echo "check-names primary nonsense;" >>etc/named.host.conf'
check "a mistake in a local include is noticed on its host" wait_for 60 zones_have ns2 'broken.*/etc/named\.host\.conf:[0-9]+'
zones ns2
is "and fails" $STATUS 1
like "the zones from before are there" "$OUT" '^b\.test in inside: primary'
check "the other host has nothing to complain of" zones_good ns1 '^11 zones'
like "status says so first, in the checker's words" "$(on ns2 zonefsctl status | head -1)" \
	"^NOT well: .*configuration is broken: /etc/named\.host\.conf:[0-9]+: "
like "and how old the zones are" "$(on ns2 zonefsctl status)" '^  zones +11 of named, as they were .*: the configuration is broken$'

# With a broken configuration through a restart.
node_stop ns2
node_start ns2
check "restarted, it is found broken again" wait_for 60 zones_have ns2 'broken'
zones ns2
like "with the zones from before" "$OUT" '^b\.test in inside: primary, var/named/b\.test\.zone, replicated$'
sh_on ns2 'sed -i "/nonsense/d" etc/named.host.conf'
check "mended, all is well" wait_for 60 zones_good ns2 '^11 zones'
zones ns2

# What the checker says of a configuration that it takes is no part of the zones.
sh_on ns1 'sed -i "s/^options {/options { max-cache-size 90%; max-zone-ttl 1d;/" etc/named.conf'
sh_on ns1 'sed -i "s/dnssec-policy default;/dnssec-policy default; max-zone-ttl 2d;/" etc/named.conf'
said() { [ -n "$(on ns1 zonefsctl zones --json | sed -n 's/.*"type":"map".*"words":"\([^"]*\)".*/\1/p')" ]; }
check "words of a good configuration are told" wait_for 60 said
check "and its zones are all there" zones_good ns1 '^a\.test in inside: primary, var/named/a\.test\.zone, replicated'

# A checker that is not there, or hangs, says nothing of the configuration.
node_stop ns1
node_conf ns1 'server "named" { user = "bind" gate = false checkconf = "/usr/local/bin/no-such-checkconf" }'
OUT=$(on ns1 zonefs --check 2>&1)
is "--check finds a checker that is not there" $? 1
like "and names it" "$OUT" 'server "named": /usr/local/bin/no-such-checkconf'
node_conf ns2 'server "named" { user = "bind" verify = "/usr/local/bin/no-such-verify" }'
like "so it does where signatures could not be checked" "$(on ns2 zonefs --check 2>&1)" \
	'server "named": /usr/local/bin/no-such-verify'
node_conf ns2 'server "named" { user = "bind" gate = false verify = "" }'
check "unless they are not to be" on ns2 zonefs --check
node_start ns1
check "without it, nothing could be checked" wait_for 60 zones_have ns1 'could not be checked.*no-such-checkconf'
zones ns1
like "the zones from before are there" "$OUT" '^a\.test in inside: primary'
like "status says so" "$(on ns1 zonefsctl status)" '^NOT well: .*could not be checked: .*no-such-checkconf'
node_stop ns1
cat >$BIN/hang <<-'END'
	#!/bin/sh
	[ "$1" = -v ] || exec sleep 1000
END
chmod 755 $BIN/hang
node_conf ns1 "server \"named\" { user = \"bind\" checkconf = \"$BIN/hang\" timeout = 1 }"
node_start ns1
check "one that hangs is ended" wait_for 60 zones_have ns1 'could not be checked.* not ended within its time limit'
left() { pgrep -f '^sleep 1000$'; }
check "and leaves nothing behind" wait_for 60 fails left
zones ns1
node_stop ns1
node_conf ns1 'server "named" { user = "bind" gate = false }'
node_start ns1

# Ten thousand.
for ((i = 0; i < 10000; i++)); do echo "zone \"z$i.test\" { type primary; file \"z/z$i\"; };"; done >"$T/ns1/tmp/many"
sh_on ns1 'cat /tmp/many >>etc/zones.conf'
for h in ns1 ns2; do
	check "10,000 zones: $h" wait_for 90 zones_good $h '^10011 zones'
	zones $h
	like "... each of them" "$OUT" '^z9999\.test in inside: primary, var/named/z/z9999, replicated$'
	is "... once" "$(grep -c '^z[0-9]*\.test' <<<"$OUT")" 10000
done
node_stop ns2
node_start ns2
check "and after a restart" wait_for 90 zones_good ns2 '^10011 zones'
zones ns2
node_stop ns1
node_conf ns1
node_start ns1
zones ns1
is "without a server there is no map" $STATUS 1
like "which says what to do" "$OUT" 'names no server, and no zones by their files: see zonefs.conf'
finish
