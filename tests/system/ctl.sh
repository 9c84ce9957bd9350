#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# zonefsctl, each subcommand with its options: what it says, and its exit status.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
# A hook that fails, with words, while /tmp/fail is there.
cat >$BIN/hooks/words <<'E2'
#!/bin/sh
cat >/dev/null
[ -e /tmp/fail ] || exit 0
echo "/etc/named.conf:17: unknown option 'zonne'"
echo "the configuration cannot be used: named-checkconf refuses it"
exit 3
E2
chmod 755 $BIN/hooks/words
CONF="hook \"words\" {
  run   = { \"$BIN/hooks/words\" }
  user  = \"nobody\"
  match = { \"etc/**\" }
}"
for h in ns1 ns2; do
	node_conf $h "$CONF"
	mkdir -p "$T/$h$TREE/etc"
done

# ctl HOST ARGUMENT... (not within `check`, which keeps no variables): $OUT, what it says on both outputs; $STATUS; $FIRST line.
ctl() {
	OUT=$(on "$1" bash -c "cd $TREE && exec timeout 60 zonefsctl \"\$@\"" - "${@:2}" 2>&1)
	STATUS=$?
	FIRST=${OUT%%$'\n'*}
}
status_is() { ctl "${@:2}"; [ "$STATUS" -eq "$1" ]; }
says() { ctl "${@:2}"; grep -Eq -- "$1" <<<"$OUT"; }
begins() { ctl "${@:2}"; grep -Eq -- "^$1" <<<"$FIRST"; }
# Paths of the versions in a log, in its order.
paths_in() { sed -n 's/^[0-9-]* [0-9:.]*  .*  \([^ ]*\): .*/\1/p' <<<"$OUT" | xargs; }
# holds HOST FILE: a process has it open for writing; $HOLDER.
holds() {
	rm -f "$T/$1/tmp/holds"
	sh_on "$1" "exec 3<>$2; touch /tmp/holds; exec tail -f /dev/null" &
	must wait_for 60 test -e "$T/$1/tmp/holds"
	must wait_for 60 pid_on "$1" tail
	HOLDER=$(pid_on "$1" tail)
}
release() { kill "$HOLDER"; wait_for 60 gone "$HOLDER"; }

# ---- usage, and nobody there

for a in "" nonsense --nonsense "status x" "status --nonsense" "log x" "log -n" "log -n many" \
	"log --since yore" "log --nonsense" "peers x" "wait --timeout long" "wait --nonsense" "verify x" \
	"start-alone x" keygen "keygen a b"; do
	ctl ns1 $a
	is "\"zonefsctl $a\" is wrong usage" "$STATUS" 2
done
for a in --help --version help; do
	ctl ns1 $a
	is "\"zonefsctl $a\" ends with 0" "$STATUS" 0
done
for a in status log peers wait verify start-alone; do
	ctl ns1 $a
	is "no node runs: $a fails" "$STATUS" 1
	words="zonefs running|not mounted"
	[ $a != log ] || words="was zonefs ever started here" # it would read the store
	like "... in words" "$OUT" "$words"
done
ctl ns1 -c /nowhere status
like "a configuration that is not there is named" "$STATUS $OUT" "^1 .*/nowhere"
ctl ns1 keygen /tmp/new.key
like "keygen prints the public key" "$STATUS $OUT" "^0 key = '.{40}'$"
shown zonefsctl.8 'zonefsctl keygen /etc/zonefs/ns1.key' "$OUT"
is "... and keeps the pair from others" "$(stat -c %a "$T/ns1/tmp/new.key")" 600
KEY=$OUT
ctl ns1 keygen -p /tmp/new.key
is "... prints it again" "$STATUS $OUT" "0 $KEY"
ctl ns1 keygen /tmp/new.key
is "... and never replaces it" "$STATUS $(on ns1 zonefsctl keygen -p /tmp/new.key)" "1 $KEY"

# ---- one node, which waits for the other

node_start ns1
check "joining: status says for whom it waits, first of all" wait_for 60 begins "NOT well: .*waits for ns2" ns1 status
check "... and by its exit status" status_is 1 ns1 status
ctl ns1 peers
like "peers: name, address, key, state" "$STATUS $OUT" \
	"^0 ns2 +tcp://10\.53\.0\.2:7740 +$(node_key ns2 | sed 's/[][\.*^$(){}?+|]/\\&/g') unreachable"
ctl ns1 verify
like "verify cannot know" "$STATUS $OUT" "^1 ns2: not compared|could not be asked"
is "... and fails" "$STATUS" 1
sh_on ns1 'echo mine >etc/mine'
ctl ns1 start-alone
is "start-alone" "$STATUS" 0
check "... it waits for nobody now" wait_for 60 eval '! says "waits for" ns1 status'
check "... and publishes what it has" wait_for 60 says etc/mine ns1 log --path etc/mine

# ---- status

node_start ns2
for h in ns1 ns2; do check "$h: all is well" wait_for 30 status_is 0 $h status; done
check "status: its first line" wait_for 60 begins "all well: 1 peer identical$" ns1 status
check "status: what the store takes, and may take" wait_for 20 says \
	'current contents .*, history .*, log .* \(at most 10 GiB of these two\)' ns1 status
check "... its hook" wait_for 60 says 'hook +words: ok' ns1 status
ctl ns1 status
like "... then this node" "$OUT" "^ns1 \(this node\), $TREE, up since"
like "... and each peer" "$OUT" "^ns2, tcp://10.53.0.2:7740: reachable"
ctl ns1 peers
like "peers: reachable" "$OUT" "^ns2 .* reachable$"
shown zonefsctl.8 'zonefsctl peers' "$OUT"
ctl ns1 status --json
is "as JSON: the same, a line each" "$STATUS $(/usr/bin/python3 -c 'import json, sys
lines = [json.loads(l) for l in sys.stdin]
print(lines[0]["type"], lines[0]["state"], {l["type"] for l in lines} >= {"summary", "node", "fs", "hook", "peer"},
	[(l["peer"], l["reachable"], l["identical"]) for l in lines if l["type"] == "peer"])' <<<"$OUT")" \
	"0 summary well True [('ns2', True, True)]"

# ---- log

sh_on ns1 'mkdir -p etc/log etc/log2; zonefsctl wait; echo 1 >etc/log/one; zonefsctl wait; echo 2 >etc/log2/two; zonefsctl wait' >/dev/null
SINCE=$(date +%s)
wait_for 60 eval '[ $(date +%s) -gt $SINCE ]' # to the second is as exact as --since is
SINCE=$(date +%s)
sh_on ns2 'echo 3 >etc/log/three; zonefsctl wait; chmod 600 etc/log/three; zonefsctl wait' >/dev/null
sh_on ns1 'mv etc/log/one etc/log/four; zonefsctl wait' >/dev/null
ctl ns1 log --path etc/log
is "log --path: what lies below it, oldest first" "$STATUS $(paths_in)" \
	"0 etc/log etc/log/one etc/log/three etc/log/three etc/log/four etc/log/one"
ctl ns1 log --path $TREE/etc/log/three
is "... a path through the mount" "$(paths_in)" "etc/log/three etc/log/three"
OUT=$(on ns1 bash -c "cd $TREE/etc/log && zonefsctl log --path three")
is "... one relative to the working directory" "$(paths_in)" "etc/log/three etc/log/three"
ctl ns1 log --path /etc/passwd
like "... one outside is refused" "$STATUS $OUT" "^1 .*not in the tree"
ctl ns1 log -n 2
is "log -n: the newest" "$STATUS $(paths_in)" "0 etc/log/four etc/log/one"
ctl ns1 log --origin ns2
is "log --origin: that node's" "$STATUS $(paths_in)" "0 etc/log/three etc/log/three"
ctl ns1 log --since @$SINCE
is "log --since: what came after" "$STATUS $(paths_in)" "0 etc/log/three etc/log/three etc/log/four etc/log/one"
ctl ns1 log --since 1h --path etc/log2 -n 1
is "... all together" "$STATUS $(paths_in)" "0 etc/log2/two"
ctl ns1 log --path etc/log/three
check "log: what became of it" wait_for 60 says '^    ns1: hook words ok after [0-9.]+ (ms|s|min)' ns1 log --path etc/log/three
like "log says when, where, who, what and how much" "$OUT" \
	'^20[0-9-]+ [0-9:.]+  ns2  root \(bash\)  etc/log/three: created, 2 bytes  \[[0-9a-z:]+\]$'
like "... and a change of mode" "$OUT" '\(chmod\)  etc/log/three: mode 0600'
like "... a rename" "$(on ns1 zonefsctl log --path etc/log/four)" 'etc/log/four: renamed from etc/log/one'
ctl ns2 log --path etc/log/four
like "the other node has it in its log as well" "$STATUS $OUT" "ns1  root \(mv\)  etc/log/four"
ctl ns1 log --path etc/log/three --json
is "log --json" "$STATUS $(/usr/bin/python3 -c 'import json, sys
for l in map(json.loads, sys.stdin): print(l["type"], l["node"], l["path"], l["who"]["command"], l["what"])' <<<"$OUT" | tail -n 1)" \
	"0 version ns2 etc/log/three chmod ['mode']"

on ns1 zonefsctl log -f -n 0 >"$T/follow" 2>&1 &
job=$!
must wait_for 60 eval 'on ns1 bash -c "ls -l /proc/[0-9]*/exe 2>/dev/null" | grep -q "bin/zonefsctl"'
follows() { sh_on ns1 'echo more >>etc/follow'; wait_for 1 grep -q "$1" "$T/follow"; }
check "log -f goes on with what comes" wait_for 20 follows 'etc/follow: '
check "... and with what becomes of it elsewhere" wait_for 60 grep -Eq 'ns2: (etc/follow: )?installed after [0-9.]+ (ms|s|min)' "$T/follow"
check "... hooks as well" wait_for 60 grep -Eq 'ns2: (etc/follow: )?hook words ok' "$T/follow"
p=$(pid_on ns1 zonefsctl) && kill "$p"
wait $job

# ---- a hook that fails on the other node

settle ns1
touch "$T/ns2/tmp/fail"
sh_on ns1 'echo x >etc/hooked'
check "a hook fails on the peer: status says so first" wait_for 20 begins "NOT well: .*hook.*ns2" ns1 status
check "... and by its exit status" status_is 1 ns1 status
check "log says with which status" wait_for 60 says '^    ns2: hook words FAILED \(exit status 3\)' ns1 log --path etc/hooked
check "... and that here it was well" wait_for 60 says '^    ns1: hook words ok' ns1 log --path etc/hooked
ctl ns1 log --path etc/hooked
like "... and its words" "$OUT" '^        the configuration cannot be used'
ctl ns1 wait --served --timeout 2
is "wait --served fails" "$STATUS" 1
check "... and says where" wait_for 60 says '^ns2: .*(words|zonne)' ns1 wait --served --timeout 2
ctl ns1 wait --timeout 20
is "wait does not ask for hooks" "$STATUS" 0
like "... ns2 has it" "$OUT" "^ns2: has it$"
rm "$T/ns2/tmp/fail"
check "mended, it is tried again" wait_for 60 status_is 0 ns1 status
ctl ns1 wait --served
like "wait --served is content" "$STATUS $OUT" "^0 ns2: serves it$"
shown README.md 'zonefsctl wait --served' "$OUT"
shown zonefsctl.8 'zonefsctl wait --served /var/named/chroot/var/named/a.test.zone && echo done' "$OUT"$'\ndone'

# ---- wait names who keeps it waiting; verify finds what differs

echo old | sh_on ns1 'tee etc/held etc/removed >/dev/null'
settle ns1
holds ns1 etc/held
ctl ns1 wait --timeout 1 etc/held
is "wait for a path that somebody writes fails" "$STATUS" 1
check "... and says who" wait_for 60 says 'held.*still open for writing by tail \(pid [0-9]+\)' ns1 wait --timeout 1 etc/held
release
ctl ns1 wait etc/held
is "without the writer it is exact" "$STATUS" 0
ctl ns1 verify
like "verify: identical" "$STATUS $OUT" "identical: [0-9]+ paths on 1 peer"
is "... by its exit status too" "$STATUS" 0

# What is in use on ns2 is not replaced there: as long, the nodes differ.
holds ns2 etc/held
IN_USE=$HOLDER
holds ns2 etc/removed
sh_on ns1 'echo new >etc/held; rm etc/removed; echo other >etc/fine'
ctl ns1 wait --timeout 2 etc/held
is "a peer that has it in use: wait fails" "$STATUS" 1
check "... and names it" wait_for 60 says '^ns2: ' ns1 wait --timeout 2 etc/held
check "verify finds what differs" wait_for 60 says '^ns2: differs: etc/held$' ns1 verify
check "... what is only there" wait_for 60 says '^ns2: only there: etc/removed$' ns1 verify
must on ns1 zonefsctl wait --timeout 60 etc/fine
ctl ns1 verify
is "... nothing else" "$(grep -c '^ns2: \(differs\|only\)' <<<"$OUT")" 2
like "... and says it in a sentence" "$OUT" "^NOT identical: 2 differences; 1 of 1 peers compared$"
shown zonefsctl.8 'zonefsctl verify' "$OUT"
is "... and by its exit status" "$STATUS" 1
check "seen from ns2 it is only here" wait_for 60 says '^ns1: only here: etc/removed$' ns2 verify
kill "$IN_USE" "$(pgrep -x tail -n)"
check "no longer in use, all are identical" wait_for 30 status_is 0 ns1 verify
is "... with the new content" "$(cat "$T/ns2$TREE/etc/held") $(ls "$T/ns2$TREE/etc/removed" 2>/dev/null)" "new "

# ---- the other one goes

node_stop ns2
sh_on ns1 'echo later >etc/later'
check "a peer is gone: status" wait_for 20 begins "NOT well: ns2 cannot be reached since [0-9.]+ (s|ms)" ns1 status
check "... fails" status_is 1 ns1 status
ctl ns1 peers
like "... peers: unreachable, and why" "$STATUS $OUT" "^0 ns2 .* unreachable: .*connect"
ctl ns1 verify
like "... verify does not know" "$STATUS $OUT" "not known: 1 of 1 peers could not be asked"
is "... and fails" "$STATUS" 1
ctl ns1 wait --timeout 5 etc/later
like "... wait names it" "$OUT" "^ns2: .*reached"
touch "$T/ns1/tmp/fail"
sh_on ns1 'echo again >etc/later'
check "... and a hook fails here" wait_for 60 begins "NOT well: hook words fails on ns1; ns2 cannot be reached" ns1 status
shown_soon zonefsctl.8 'zonefsctl status' on ns1 zonefsctl status
finish
