#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node dies when it has durably heard of a zone's new version, and before the content has come: nothing in
# its store says that it was about to. The next one gets it all the same, and has it judged.
[ -n "${WORLD:-}" ] || B=${B:-build}/crash
. "$(dirname "$0")/lib.sh"
world_enter "$@"

SEAM=/var/lib/zonefs/crash
FILE=$T/ns2$SEAM
host_new ns1
host_new ns2
for h in ns1 ns2; do chroot_make $h; done
chroot_fill ns1
C=$T/ns1$TREE
zone_stanza a.test >>"$C/etc/named.conf"
zone_text a.test 1000 >"$C/var/named/a.test.zone"
for h in ns1 ns2; do node_conf $h 'server "named" { user = "bind" timeout = 60 }'; done
for h in ns1 ns2; do node_start $h; done
settle ns1 ns2
for h in ns1 ns2; do check "$h knows its zones" wait_for 90 sh_on $h 'zonefsctl zones | grep -q "^1 zone"'; done
check "that ns2 had no configuration at first was said once at most" \
	[ "$(grep -c 'refused by its checker' "$T/ns2/zonefs.log")" -le 1 ]

node_stop ns2
zone_text a.test 1001 >"$T/ns1/tmp/z"
sh_on ns1 'cat /tmp/z >var/named/a.test.zone'
check "saved while the other one is away" sh_on ns1 'zonefsctl wait >/dev/null 2>&1; zonefsctl held | grep -q "nothing is held"'
touch "$FILE.page-taken"
node_launch ns2 ZONEFS_CRASH=$SEAM
check "it hears of that when it is back" wait_for 60 test -e "$FILE.page-taken.here"
echo committed >"$FILE.new"
chmod 666 "$FILE.new"
mv "$FILE.new" "$FILE"
rm "$FILE.page-taken"
check "and dies as soon as that is durable" wait_for 60 test ! -e "$FILE"
wait_for 60 node_usable ns2 || bail "ns2 does not mount"
check "the next one installs it" wait_for 60 cmp -s "$T/ns1/tmp/z" "$T/ns2$TREE/var/named/a.test.zone"
check "all is well" wait_for 60 node_well ns2
unlike "and nothing was found wrong with it" "$(grep zonefs-replicator: "$T/ns2/zonefs.log")" 'could not be checked here'
finish
