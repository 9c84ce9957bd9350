#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Alerts: each condition is told once when it begins and once when it is over, with what, since, path and
# peer; a restart tells nothing twice.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
host_new ns3
ALL="ns1 ns2 ns3"
cat >$BIN/tell <<'END'
#!/bin/sh
# One line an alert.
[ -e /tmp/mute ] && { echo "no mail today"; exit 75; }
echo "$1 $2 $ZONEFS_ALERT path=$ZONEFS_ALERT_PATH peer=$ZONEFS_ALERT_PEER hook=$ZONEFS_ALERT_HOOK since=$ZONEFS_ALERT_SINCE node=$ZONEFS_NODE uid=$(id -u): $ZONEFS_ALERT_WORDS" >>/tmp/told
cat >>/tmp/text
END
cat >$BIN/work <<'END'
#!/bin/sh
[ ! -e /tmp/broken ] || { echo "it is broken"; exit 3; }
END
chmod 755 $BIN/tell $BIN/work
LINES='hook "work" {
  run  = { "/mnt/bin/work" }
  user = "nobody"
}
alert "mail" {
  run   = { "/mnt/bin/tell", "root" }
  user  = "nobody"
  after = 2
}
delete-delay = 5000'
LINES=${LINES//\/mnt/$T}
# Up to 20 removals are told when their delete-delay is over: on a slow machine that could be before the 21st has come.
BRAKE_SHARE=25
node_conf ns1 "$LINES"
node_conf ns2
node_conf ns3
# The state of ns1 is on a small disk of its own.
must on ns1 bash -c 'touch /tmp/owner && chown --reference=/var/lib/zonefs /tmp/owner &&
	mount -t tmpfs -o mode=700,size=32m small /var/lib/zonefs && chown --reference=/tmp/owner /var/lib/zonefs'
# The one that tells comes last: its peers are there.
for h in ns2 ns3 ns1; do node_start $h; done
for h in $ALL; do wait_for 20 node_well $h || bail "$h"; done
sh_on ns1 'mkdir -p etc/many; for i in $(seq 40); do echo $i >etc/many/$i; done; echo base >etc/both; echo base >etc/busy'
settle $ALL
told() { cat "$T/ns1/tmp/told" 2>/dev/null; }
tells() { told | grep -Eq -- "$1"; }
count() { told | grep -Ec -- "$1"; }
NOW="($(date -u +%Y-%m-%dT%H)|$(date -u -d '+1 hour' +%Y-%m-%dT%H)):"

# ---- cut off from one, from all
link_down ns2
check "a peer that is away for longer than \"after\" is told" wait_for 30 tells "^root begins cut-off path= peer=ns2 hook= since=$NOW.*Z node=ns1 uid=65534: peer ns2 cannot be reached"
link_down ns1
check "all of them away is another condition" wait_for 30 tells "^root begins isolated path= peer= .*: none of 2 peers"
is "the other peer is not told as well" "$(count 'peer=ns3')" 0
node_stop ns1
node_start ns1
link_up ns1
check "back again, that is told, too" wait_for 40 tells "^root ends isolated"
link_up ns2
for h in $ALL; do wait_for 30 node_well $h; done

# ---- at once: a hook that fails, removals that are held, a change that waits
touch "$T/ns1/tmp/broken"
sh_on ns2 'echo x >etc/for-the-hook'
sh_on ns1 'mv etc/many tmp/' # all at once: local there
on ns1 bash -c "exec 3>>$TREE/etc/busy; : >/tmp/open; exec sleep 1000" &
must wait_for 60 test -e "$T/ns1/tmp/open"
sh_on ns2 'echo changed >etc/busy'
check "a hook that fails for longer is told with its words" wait_for 30 tells "begins hook-failed path= peer= hook=work .*it is broken"
check "what is held is told" wait_for 30 tells "begins held .*holds 41 removals"
check "what has waited for long is told" wait_for 30 tells "begins lag .*: 1 path has waited here"
check "meanwhile, that the other is back, too" wait_for 40 tells "^root ends cut-off path= peer=ns2"
is "each once, over a restart" "$(count isolated) $(count cut-off)" "2 2"
like "a text for people comes on standard input" "$(cat "$T/ns1/tmp/text")" "^It is over; it lasted for .*"
rm "$T/ns1/tmp/broken"
must on ns1 zonefsctl discard
kill "$(pid_on ns1 sleep)"
check "the end of each" wait_for 40 tells "ends hook-failed .* hook=work"
check "and of what was held" wait_for 40 tells "ends held "
check "and of what waited" wait_for 40 tells "ends lag "

# ---- a conflict, while the program cannot tell
touch "$T/ns1/tmp/mute"
link_down ns2
sh_on ns1 'echo "ns1 says" >etc/both'
sh_on ns2 'echo "ns2 says" >etc/both'
link_up ns2
check "an alert that fails is in the log" wait_for 40 grep -q 'alert mail failed (75): no mail today; it is tried again' "$T/ns1/zonefs.log"
rm "$T/ns1/tmp/mute"
# It is tried again a minute later; a restart tries at once.
node_stop ns1
node_start ns1
check "a conflict is told with its path, at once" wait_for 30 tells "begins conflict path=etc/both peer= hook= .*both versions"
for h in $ALL; do wait_for 30 node_well $h; done
sh_on ns3 'echo resolved >etc/both'
check "a save resolves it, which is told" wait_for 40 tells "ends conflict path=etc/both"
is "each was told once, and nothing else" \
	"$(told | awk '{print $2, $3}' | sort | uniq -c | awk '{print $1, $2, $3}' | xargs -n 3 | sort | uniq -c | awk '{print $2}' | sort -u)" 1

# ---- the store cannot be written
on ns1 dd if=/dev/zero of=/var/lib/zonefs/filler bs=64k 2>/dev/null
sh_on ns1 'for i in $(seq 40); do head -c 20000 /dev/urandom >etc/full.$i || exit 1; done'
check "a store that cannot be written is told at once" wait_for 60 tells "begins store path= peer= hook= .*: the store cannot be written, replication waits: .*([Nn]o space|full)"
on ns1 rm /var/lib/zonefs/filler
check "and when it can be again" wait_for 90 tells "ends store path="
finish
