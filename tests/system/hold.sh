#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A change set by hand on real mounts: five files are edited with vim, nothing travels, a restart keeps it,
# a peer saves in between; released, it arrives as one change and one run of the hook on either side.
. "$(dirname "$0")/lib.sh"
command -v vim >/dev/null || skip_all "needs vim"
world_enter "$@"

host_new ns1
host_new ns2
mkdir -p "$T/ns1$TREE/etc" "$T/ns1$TREE/zones"
for i in 1 2 3 4 5 6; do echo "serial 1 of $i" >"$T/ns1$TREE/zones/$i"; done
for h in ns1 ns2; do
	node_conf $h "hook \"reload\" {
  run   = { \"/bin/sh\", \"-c\", \"echo run >>/tmp/runs\" }
  user  = \"bind\"
  match = { \"zones/**\" }
  quiet = 300
}"
done
for h in ns1 ns2; do node_start $h; done
for h in ns1 ns2; do must wait_for 30 node_well $h; done
settle ns1 ns2

runs() { cat "$T/$1/tmp/runs" 2>/dev/null | wc -l; }
peer_has() { [ "$(sh_on ns2 "cat zones/$1" 2>/dev/null)" = "$2" ]; }
# Each with a vim of its own, as a person would.
vim_sets() { # HOST TEXT FILE...
	local h=$1 text=$2
	shift 2
	for f; do sh_on "$h" "vim -u NONE -n -es -c '%s/serial [0-9]*/serial $text/' -c wq zones/$f" || return 1; done
}
held_count() { on "$1" zonefsctl held | grep -c '^zones/'; }
held_versions() { on "$1" zonefsctl held --json | jq -r 'select(.type == "held") | "\(.path) \(.version)"' | sort; }

# ---- nothing travels ----
# Much of it, so that it is not dealt with yet.
R=$(sh_on ns1 "mkdir zones/early; for i in \$(seq 300); do echo early >zones/early/\$i; done; zonefsctl hold -m 'mail moves' zones/")
like "a set begins" "$R" "what is saved on this node from now on under these patterns is held"
check "what was saved right before goes" wait_for 60 peer_has early/300 early
like "a second one does not" "$(on ns1 zonefsctl hold 2>&1)" "a change set is open already"
check "five files are edited" vim_sets ns1 2 1 2 3 4 5
is "wait says that they are held, at once" "$(sh_on ns1 'zonefsctl wait --timeout 3600 2>&1 | head -1')" \
	"ns1: 5 paths are held, and told to no peer: zonefsctl held"
out=$(on ns1 zonefsctl held 2>&1)
shown zonefsctl.8 "zonefsctl hold -m 'new mail server' var/named/" "$R"
shown zonefsctl.8 'zonefsctl held' "$out"
like "held shows the set" "$out" "^change set since .*: mail moves; only: zones/$"
like "and each path" "$out" "^zones/3  .*held, content"
is "five of them" "$(held_count ns1)" 5
check_not "its exit status says so" on ns1 zonefsctl held
like "diff shows what would go" "$(sh_on ns1 'zonefsctl diff zones/3')" "^\+serial 2 of 3"
like "from what the peers have" "$(sh_on ns1 'zonefsctl diff zones/3')" "^-serial 1 of 3"
like "status speaks of it" "$(on ns1 zonefsctl status)" "a change set is open since .*5 paths are held here"
sh_on ns1 'echo told >etc/other; zonefsctl wait --timeout 60 etc/other' >/dev/null
is "what does not match goes" "$(sh_on ns2 'cat etc/other')" told
check "the peer has nothing of the set" peer_has 3 "serial 1 of 3"

# ---- a restart keeps it, and so does a crash ----
VERSIONS=$(held_versions ns1)
node_stop ns1
node_start ns1
must wait_for 60 node_usable ns1
check "after a restart" wait_for 60 eval '[ "$(held_count ns1)" = 5 ]'
like "after a restart the set is open" "$(on ns1 zonefsctl held)" "^change set since .*: mail moves; only: zones/$"
is "with the same versions" "$(held_versions ns1)" "$VERSIONS"
kill -9 "$(replicator_pid ns1)"
check "after a crash" wait_for 60 eval '[ "$(held_count ns1)" = 5 ]'
check "and a save joins them" vim_sets ns1 3 1
is "still five" "$(sh_on ns1 'zonefsctl wait --timeout 60 >/dev/null; zonefsctl held' | grep -c '^zones/')" 5
check "the peer has nothing" peer_has 1 "serial 1 of 1"

# ---- the peer saves in between ----
check "the peer edits one of them, and another one" vim_sets ns2 7 5 6
check "the other one arrives" wait_for 60 eval '[ "$(sh_on ns1 "cat zones/6")" = "serial 7 of 6" ]'
is "the draft is not overwritten" "$(sh_on ns1 'cat zones/5')" "serial 2 of 5"

# ---- released: one change, one run ----
check "the hooks have run for that" sh_on ns2 "zonefsctl wait --served --timeout 90 zones/6"
before1=$(runs ns1) before2=$(runs ns2)
is "release says what it does" "$(on ns1 zonefsctl release -m 'mail has moved')" "5 paths: released, as one change"
shown zonefsctl.8 'zonefsctl release' "5 paths: released, as one change"
for i in 2 3 4; do check "zones/$i is there" wait_for 60 peer_has $i "serial 2 of $i"; done
check "the last save of zones/1, too" wait_for 60 peer_has 1 "serial 3 of 1"
check "and zones/5, as the later one" wait_for 60 peer_has 5 "serial 2 of 5"
like "beside which the peer's is listed" "$(on ns2 zonefsctl conflicts)" "^zones/5"
check "the hooks have run" sh_on ns1 'zonefsctl wait --served --timeout 90'
is "once here" "$(($(runs ns1) - before1))" 1
# There it waits for the rest for a second at most.
check "not for each of them there" [ $(($(runs ns2) - before2)) -le 2 ]
ids=$(for i in 1 2 3 4; do sh_on ns2 "zonefsctl history --json zones/$i" | sed -n 's/.*"version":"\([^"]*\)".*/\1/p' | tail -1; done | sort -u | wc -l)
is "one change" "$ids" 1
is "nothing is held any more" "$(on ns1 zonefsctl held)" "nothing is held"
sh_on ns1 'zonefsctl resolve zones/5 --take "$(zonefsctl conflicts --json | sed -n "s/.*\"id\":\"\([^\"]*\)\".*/\1/p" | head -1)"' >/dev/null
settle ns1 ns2
check "the trees are identical" on ns1 zonefsctl verify

# ---- discarded ----
on ns1 zonefsctl hold >/dev/null
check "edited again" vim_sets ns1 9 1 2
sh_on ns1 'rm zones/3; echo new >zones/new; zonefsctl wait --timeout 60' >/dev/null 2>&1
is "held" "$(held_count ns1)" 4
# More than the store keeps within its database.
sh_on ns1 'seq 60000 >zones/big; zonefsctl wait --timeout 60' >/dev/null 2>&1
kill -9 "$(replicator_pid ns1)"
check "a big one, too, after a crash" wait_for 60 eval '[ "$(held_count ns1)" = 5 ]'
is "one can be put back for itself" "$(sh_on ns1 'zonefsctl discard zones/2')" "1 path: put back as the peers have it"
is "as it was" "$(sh_on ns1 'cat zones/2')" "serial 2 of 2"
is "discard of the rest" "$(on ns1 zonefsctl discard)" "4 paths: put back as the peers have it"
check "what was saved is as before" wait_for 60 eval '[ "$(sh_on ns1 "cat zones/1")" = "serial 3 of 1" ]'
check "what was removed is back" wait_for 60 eval '[ "$(sh_on ns1 "cat zones/3")" = "serial 2 of 3" ]'
check "what was new is gone" wait_for 60 sh_on ns1 '[ ! -e zones/new ]'
like "and in the history" "$(sh_on ns1 'zonefsctl history zones/new')" "held, created"
draft=$(sh_on ns1 'zonefsctl history --json zones/new' | sed -n 's/.*"version":"\([^"]*\)".*/\1/p' | head -1)
is "with what it held" "$(sh_on ns1 "zonefsctl show zones/new@$draft")" new
big=$(sh_on ns1 'zonefsctl history --json zones/big' | sed -n 's/.*"version":"\([^"]*\)".*/\1/p' | head -1)
is "and so is the big one" "$(sh_on ns1 "zonefsctl show zones/big@$big | cksum")" "$(seq 60000 | cksum)"
check "an edit goes as ever" sh_on ns1 'echo last >zones/6; zonefsctl wait --timeout 60'
check "and arrives" wait_for 60 peer_has 6 last
check "all is well" wait_for 60 nodes_well ns1 ns2
check "the trees are identical at the end" on ns1 zonefsctl verify
finish
