#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# join --dry-run: says on a new host what joining would change there, and why the peers would not let it
# in; changes nothing; what it says is what then happens; and nobody takes it for a node.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

for h in ns1 ns2 ns3; do host_new $h; done
D3=$T/ns3$TREE
PEERS=(ns1 ns2)
node_conf ns1
node_conf ns2
mkdir -p "$T/ns1$TREE/etc/sub"
cd "$T/ns1$TREE" && echo same >etc/same && echo theirs >etc/both && echo only >etc/sub/of1 && ln -s same etc/link &&
	echo mode >etc/mode && chmod 640 etc/mode && echo pad >"etc/a b" && cd /
node_start ns1
node_start ns2
for h in ns1 ns2; do wait_for 60 node_well $h || bail "$h: $(on $h zonefsctl status)"; done

mkdir -p "$D3/etc/sub" "$D3/var/log" "$D3/mine"
cd "$D3" && echo same >etc/same && echo ours >etc/both && echo of3 >etc/only && ln -s elsewhere etc/link &&
	echo mode >etc/mode && chmod 600 etc/mode && echo x >var/log/noise && echo m >mine/m && cd /
PEERS=(ns1 ns2 ns3)
node_conf ns3
dry() { on ns3 zonefsctl join --dry-run "$@" 2>&1; }
tree3() { cd "$D3" && find . -printf '%p %y %m %u %s %T@ %C@\n' | sort; }
BEFORE=$(tree3)
# Those of the peers that have heard ns3 since then, and what they say of it as a peer.
heard_since() {
	local h
	for h in ns1 ns2; do
		jq -r "select((.type == \"known\" and .node == \"ns3\" and .heard >= $1) or
			(.type == \"peer\" and .peer == \"ns3\" and (.state != \"unreachable\" or .heard)))" < <(on $h zonefsctl status --json)
	done
}

OUT=$(dry)
like "a key that the peers do not have is said to be one" "$OUT" "^ns1: the peer refused our key: is this node's public key in its configuration"
like "... of each" "$OUT" "^ns2: the peer refused our key"
check_not "which is a failure" dry
check_not "without --dry-run it is wrong usage" on ns3 zonefsctl join

for h in ns1 ns2; do
	node_conf $h
	node_stop $h
	node_start $h
done
for h in ns1 ns2; do wait_for 60 on $h sh -c "zonefsctl peers | grep -q 'ns[12] .*reachable'" || bail "$h"; done
wait_for 60 same_trees ns1 ns2 || bail "not the same"
KNEW=$(now_ms)
OUT=$(dry)
like "the peers would let it in" "$OUT" '^ns1: lets this node in; [0-9]+ paths$'
like "... both" "$OUT" '^ns2: lets this node in; '
like "what only they have would be taken" "$OUT" '^take +etc/sub/of1 \(5 bytes\)$'
like "... whatever its name" "$OUT" '^take +etc/a b \(4 bytes\)$'
like "what differs would be replaced" "$OUT" '^replace +etc/both: content \(5 bytes\)$'
like "... a link" "$OUT" '^replace +etc/link: target$'
like "... a mode" "$OUT" '^replace +etc/mode: mode \(5 bytes\)$'
like "what is only here would be published" "$OUT" '^publish +etc/only \(4 bytes\)$'
like "... a directory" "$OUT" '^publish +mine$'
like "... and what is in it" "$OUT" '^publish +mine/m \(2 bytes\)$'
unlike "what is the same is not listed, what is local neither" "$OUT" 'etc/same|noise|etc/sub$'
like "all in one line" "$OUT" '^[0-9]+ the same here; 2 would be taken from the peers \(9 bytes\); 3 would be replaced .* 4 only here'
like "nothing has been changed" "$OUT" '^nothing has been changed: zonefs joins when it is started$'
OUT=$(dry)
is "it is a success" $? 0
shown zonefsctl.8 'zonefsctl join --dry-run' "$OUT"
is "no file here has changed" "$(tree3)" "$BEFORE"
check_not "there is no store" test -e "$T/ns3/var/lib/zonefs/zonefs.db"
is "the peers have heard no node" "$(heard_since "$KNEW")" ""
on ns3 python3 -c 'import os, socket, time
s = [socket.create_server(("10.53.0.3", p)) for p in (7740, 7741)]
open("/tmp/taken", "w").close()
while os.path.exists("/tmp/taken"): time.sleep(0.02)' &
wait_for 60 test -e "$T/ns3/tmp/taken" || bail "the addresses are not taken"
check "it listens nowhere" dry
rm "$T/ns3/tmp/taken"
wait $!
JSON=$(dry --json)
is "JSON: who would be taken for what" "$(jq -r 'select(.type == "summary") | "\(.role) \(.take) \(.replace) \(.publish) \(.problems)"' <<<"$JSON")" "newcomer 2 3 4 0"
is "JSON: where" "$(jq -r 'select(.type == "planned" and .action == "take") | .path' <<<"$JSON" | tr '\n' ' ')" "etc/a b etc/sub/of1 "
is "JSON: the peers" "$(jq -r 'select(.type == "peer") | "\(.peer) \(.answered) \(.known)"' <<<"$JSON" | tr '\n' ' ')" "ns1 true false ns2 true false "

# ---- what is not ready

sed -i 's/^node .*/node = "ns4"/' "$T/ns3/etc/zonefs/zonefs.conf"
like "another name than the peers know" "$(dry)" "it has this node's key as that of \"ns3\", and this node is \"ns4\"$"
node_conf ns3 'exclude = { "etc/only" }'
OUT=$(dry)
like "other patterns" "$OUT" '^ns2: its "exclude" and "include" are others than here$'
unlike "and by them it is judged" "$OUT" 'etc/only'
check_not "that is not ready" dry
node_conf ns3
chmod 644 "$T/ns3/etc/zonefs/ns3.key"
like "a key that all may read" "$(dry)" 'ns3.key'
chmod 600 "$T/ns3/etc/zonefs/ns3.key"
link_down ns2
OUT=$(dry)
like "a peer that cannot be reached" "$OUT" '^ns2: (cannot connect|it could not be reached)'
like "the other one answers" "$OUT" '^take +etc/sub/of1'
link_up ns2
wait_for 60 node_usable ns2
check "all is as before" wait_for 60 dry

# ---- it happens as it was said

wait_for 60 same_trees ns1 ns2 || bail "not the same"
node_start ns3
like "running, it has joined" "$(dry)" 'zonefs is running at .*: this node has joined'
check_not "which is a failure" dry
for h in ns1 ns2 ns3; do wait_for 60 node_well $h || bail "$h: $(on $h zonefsctl status)"; done
trees_same_but_raised "after the join" ns1 ns2 ns3
is "what was to be replaced was" "$(sh_on ns3 'cat etc/both; readlink etc/link; stat -c %a etc/mode')" "$(printf 'theirs\nsame\n640')"
is "what was to be published was" "$(sh_on ns1 'cat etc/only mine/m')" "$(printf 'of3\nm')"
node_stop ns3
like "stopped, its store says so" "$(dry)" 'zonefs.db is there: zonefs was started here before'

# ---- the store is lost

rm -rf "$T"/ns3/var/lib/zonefs/*
echo since >"$D3/etc/since"
OUT=$(dry)
like "a node that was heard before is returning" "$OUT" '^the peers have heard this node before'
like "what only it has would be set aside" "$OUT" '^set aside  etc/since \(6 bytes\)$'
is "JSON says so" "$(dry --json | jq -r 'select(.type == "summary") | "\(.role) \(."set aside")"')" "returning 1"
node_start ns3
wait_for 60 node_well ns3 || bail "ns3: $(on ns3 zonefsctl status)"
check_not "and it was" sh_on ns3 '[ -e etc/since ]'
finish
