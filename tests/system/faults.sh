#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What goes wrong: killed processes, a full disk, strangers. Edits go on, nothing is lost.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
nodes_start ns1 ns2
sh_on ns1 'mkdir -p etc/k'
settle ns1 ns2

# ---- kill -9 of the replicator, again and again, while files are saved, removed and renamed
cat >$T/tests/saves <<'END'
for i in $(seq 600); do
	echo "save $i" >f$((i % 50))
	[ $((i % 10)) != 0 ] || rm -f f$(((i + 5) % 50))
	[ $((i % 15)) != 0 ] || mv f$((i % 50)) m$i
	echo $i >"$1"
	sleep "$2"
done
echo done >done
END
sh_on ns1 "cd etc/k && bash $T/tests/saves /tmp/saved 0.01" &
job=$!
has_saved() { [ "$(cat "$T/ns1/tmp/saved" 2>/dev/null || echo 0)" -ge "$1" ]; }
slay() { local p; p=$(replicator_pid "$1") && kill -9 "$p"; }
kills=0
for i in 1 2 3 4 5 6; do
	wait_for 30 has_saved $((i * 90)) # it has got somewhere between two kills
	for h in ns1 ns2; do
		wait_for 20 slay $h || break 2
		kills=$((kills + 1))
	done
done
wait $job
is "local edits do not notice a killed replicator" $? 0
is "... which comes back, after each of twelve times" $kills 12
for h in ns1 ns2; do wait_for 60 node_well $h; done
for h in ns1 ns2 ns1 ns2; do check "after twelve kills: all that $h has is told" on $h zonefsctl wait --timeout 60; done
trees_same "after twelve kills" ns1 ns2
mkdir $T/expected
(cd $T/expected && bash $T/tests/saves $T/saved 0)
check "and complete: every save, rename and removal" diff -r $T/expected "$T/ns2$TREE/etc/k"
# A version's name stands for one change of a path, on whichever node it is looked up; two paths have one
# name where a file was renamed. (Of what came while it was down a node knows the last versions alone: these
# at least are on both.)
meanings() {
	for h in ns1 ns2; do on $h zonefsctl log --json -n 100000; done | /usr/bin/python3 -c 'import json, sys
seen, again, wrong = {}, 0, []
for v in map(json.loads, sys.stdin):
	if v["type"] != "version": continue
	named = seen.setdefault(v["version"], {})
	what = [v.get(k) for k in ("kind", "size", "mode", "hash", "what", "node", "who")]
	again += v["path"] in named
	if named.setdefault(v["path"], what) != what: wrong.append((v["version"], v["path"], named[v["path"]], what))
for name, named in seen.items():
	if len(named) > 2 or len([what for what in named.values() if what[0] != "absent"]) > 1: wrong.append((name, named))
print(again >= int(sys.argv[1]), again, wrong[:5])' "$(ls "$T/expected" | wc -l)"
}
like "no version has two meanings" "$(meanings)" '^True [0-9]+ \[\]$'
is "the mount is the same one" "$(grep -c 'detach' "$T/ns1/zonefs.log")" 0

# ---- the worker dies: everything starts afresh, and the log says who must be restarted
must kill -9 "$(worker_pid ns2)"
check "a killed worker is replaced" wait_for 20 node_usable ns2
must wait_for 60 nodes_well ns1 ns2
sh_on ns1 'echo after >etc/k/after'
settle ns1
is "and goes on" "$(sh_on ns2 'cat etc/k/after')" after

# ---- stopped, edited in the plain directory, started
settle ns1 ns2
node_stop ns1
check "the daemon ends and leaves the plain directory" test -e "$T/ns1$TREE/etc/k/done"
echo plain >"$T/ns1$TREE/etc/k/plain"
rm "$T/ns1$TREE/etc/k/after"
mv "$T/ns1$TREE/etc/k/done" "$T/ns1$TREE/etc/k/moved"
echo "meanwhile" >"$T/ns2/tmp/x"
sh_on ns2 'cp /tmp/x etc/k/meanwhile'
echo 'as long as it was' >"$T/ns1$TREE/etc/k/changed"
accessed "$T/ns1$TREE/etc/k" >"$T/accessed" 2>&1 &
job=$!
wait_for 60 grep -q watching "$T/accessed"
node_start ns1
wait_for 30 node_well ns1
settle ns1 ns2
kill $job
wait $job
# What was installed while the scan went on may have been read too: that is no unchanged file.
is "at the start it reads what has changed, and nothing else" \
	"$(grep -vE '^watching|^meanwhile$' "$T/accessed" | sort -u | tr '\n' ' ')" "changed moved plain "
trees_same "after edits in the plain directory" ns1 ns2
is "what was made there" "$(sh_on ns2 'cat etc/k/plain etc/k/moved etc/k/meanwhile' | tr '\n' ' ')" "plain done meanwhile "
check_not "what was removed there" sh_on ns2 'ls etc/k/after'

# ---- the state's disk is full
node_stop ns1
must on ns1 bash -c 'cp -a /var/lib/zonefs /tmp/state &&
	mount -t tmpfs -o mode=700,size=$(($(du -sm /tmp/state | cut -f1) + 16))m small /var/lib/zonefs &&
	chown --reference=/tmp/state /var/lib/zonefs && cp -a /tmp/state/. /var/lib/zonefs/'
node_start ns1
wait_for 30 node_well ns1
on ns1 dd if=/dev/zero of=/var/lib/zonefs/filler bs=64k 2>/dev/null
check "state's disk full: local edits go on" timeout 60 nsenter -t "${HOST_PID[ns1]}" -m -n -p bash -c \
	"cd $TREE"'; for i in $(seq 40); do head -c 20000 /dev/urandom >etc/k/full.$i || exit 1; done; ln -s f etc/k/full.link'
check "status says so" wait_for 20 fails node_well ns1
like "in the first line, in words" "$(on ns1 zonefsctl status | head -n 1)" \
	"^NOT well: .*the store cannot be written since [0-9.]+ (s|ms): .*([Nn]o space|full)"
check "the log, too" grep -q "the store cannot be written: .*; replication waits" "$T/ns1/zonefs.log"
check_not "what is not durable is not told" eval 'ls -d "$T/ns2$TREE"/etc/k/full.40 || ls -d "$T/ns2$TREE"/etc/k/full.link'
on ns1 rm /var/lib/zonefs/filler
check "it recovers by itself" wait_for 60 node_well ns1
check "and says that, too" grep -q "the store can be written again; replication goes on" "$T/ns1/zonefs.log"
settle ns1 ns2
trees_same "after the disk was full" ns1 ns2
check "with what was saved meanwhile" ls -d "$T/ns2$TREE"/etc/k/full.40 "$T/ns2$TREE"/etc/k/full.link

# ---- strangers
host_new ns3
PEERS=(ns1 ns2 ns3)
node_conf ns3 # it lists the others, they do not list it
node_start ns3
sh_on ns3 'mkdir -p etc; echo intruder >etc/intruder'
check "who is not listed is not let in: the log says from where" wait_for 20 grep -q "10\.53\.0\.3" "$T/ns1/zonefs.log"
check_not "and has no status to be proud of" node_well ns3
check_not "nothing of it arrives" test -e "$T/ns1$TREE/etc/intruder"
check_not "and it gets nothing" test -e "$T/ns3$TREE/etc/k/done"
check_not "nobody is answered without CURVE" stranger tcp://10.53.0.1:7741 plain 5a4601030000000000000000 2
node_stop ns3

# Another protocol version, with a listed key.
node_stop ns2
secret=$(sed -n "s/^secret *= *'\(.*\)'.*/\1/p" "$T/ns2/etc/zonefs/ns2.key")
OUT=$(on ns2 stranger tcp://10.53.0.1:7741 "$(node_key ns1)" "$(node_key ns2)" "$secret" 5a4663030000000000000000 10)
like "another protocol version is refused with words" "$OUT" "version"
check "on this side too" wait_for 60 grep -Eq "ns2.*version|version.*ns2" "$T/ns1/zonefs.log"
OUT=$(on ns2 stranger tcp://10.53.0.1:7741 "$(node_key ns1)" "$(node_key ns2)" "$secret" ffffffffffffffff 2)
check "bytes that are no message harm nobody" on ns1 zonefsctl peers
node_start ns2
check "and ns2 is a good peer again" wait_for 30 node_well ns2
wait_for 30 node_well ns1

# ---- a clean end
ls "$T/ns1$TREE" >/dev/null
sh_on ns1 'exec 3<etc/k/plain; touch /tmp/in; exec sleep 100' &
wait_for 60 test -e "$T/ns1/tmp/in"
node_stop ns1
like "at its end the node names who is still inside" "$(cat "$T/ns1/zonefs.log")" "sleep"
check "and nothing is mounted" fails mounted ns1
finish
