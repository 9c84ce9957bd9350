#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Over a link that takes half a minute for each of them, contents come all the same, and what is saved and
# found missing meanwhile does not wait for the rest of them.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
nodes_start ns1 ns2
slow_links ns1
is_on() { file_is "$T/$1$TREE/$2" "$3"; }
fetching() { jq -en 'inputs | select(.type == "node") | .fetching != null' < <(on ns2 zonefsctl status --json); }
arrived() { local i; for i in 1 2 3; do [ ! -e "$T/ns2$TREE/big$i" ] || echo "big$i"; done; }

node_stop ns2
for i in 1 2 3; do head -c 400000 /dev/urandom >"$T/ns1$TREE.big"; on ns1 bash -c "cat >$TREE/big$i" <"$T/ns1$TREE.big"; done
check "large files are saved while the peer is away" wait_for 60 on ns1 zonefsctl wait --timeout 1
link_slow ns1 140kbit # all three at once would take longer than an answer may
node_start ns2
check "they are asked for" wait_for 60 fetching
link_down ns1
sh_on ns1 'echo meanwhile >small'
link_up ns1
check "what was saved while cut off comes" wait_for 90 is_on ns2 small meanwhile
check "... before all of them" test "$(arrived | wc -l)" -lt 3
check "they come, too" wait_for 300 eval '[ "$(arrived | wc -l)" = 3 ]'
check_not "no answer came too late" grep -q 'does not answer for contents' "$T/ns2/zonefs.log"
link_fast ns1
check "and all is well" wait_for 60 node_well ns2
trees_same "at the end" ns1 ns2
finish
