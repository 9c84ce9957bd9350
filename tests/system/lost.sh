#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A host that has lost its store, or store and tree, comes back from its peers: it takes their tree, and
# what only it has is in its history, since nobody can say whether that was deleted elsewhere. So does one
# whose store was put back from an old image while its tree went on; put back together, they are brought
# up to date.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
host_new ns3
ALL="ns1 ns2 ns3"
ctl() { on "$1" zonefsctl "${@:2}"; }
is_on() { file_is "$T/$1$TREE/$2" "$3"; } # on the disk beneath
all_well() { local h; for h in $ALL; do wait_for 30 node_well $h || { ctl $h status; return 1; }; done; }
nowhere() { local h; for h in $ALL; do [ ! -e "$T/$h$TREE/$1" ] || { echo "it is on $h"; return 1; }; done; }
store_lost() { rm -rf "$T/$1/var/lib/zonefs"; install -d -m 700 -o "$OWNER" "$T/$1/var/lib/zonefs"; }
# All versions that a node knows, the path and the dot of each first, then what it is.
versions() {
	ctl "$1" log --json -n 100000 |
		sed -n 's/.*\("path":"[^"]*","version":"[^"]*"\).*\("kind":.*\),"who".*/\1 \2/p'
}

mkdir -p "$T/ns1$TREE/etc"
echo stays >"$T/ns1$TREE/etc/stays"
nodes_start $ALL
OWNER=$(stat -c %u "$T/ns2/var/lib/zonefs")
sh_on ns2 'echo one >etc/of2; echo old >etc/changed; echo gone >etc/deleted; mkdir etc/dir; echo gone >etc/dir/in
	for i in $(seq 5); do echo $i >etc/turn; done'
settle $ALL
check "three nodes" same_trees $ALL

# ---- the store is lost, the tree is as it was; meanwhile the others went on

node_stop ns2
sh_on ns1 'rm -r etc/dir etc/deleted; echo new >etc/changed; echo later >etc/later'
settle ns1
store_lost ns2
echo "only here" >"$T/ns2$TREE/etc/only" # while nobody saw
echo "gone, and changed" >"$T/ns2$TREE/etc/deleted"
node_start ns2
check "without its store a node comes back" all_well
check "it takes the peers' tree" wait_for 30 same_trees $ALL
is "... as the others have changed it" "$(sh_on ns2 'cat etc/changed etc/later etc/of2 etc/stays' | xargs)" "new later one stays"
check "... nothing that they have deleted has come back" nowhere etc/dir
check "... nor what differs from what they have deleted" nowhere etc/deleted
check "what only it had is no longer there" nowhere etc/only
like "... but in its history" "$(ctl ns2 history etc/only)" 'ns2 .*taken in|ns2 .* 10 bytes'
V=$(ctl ns2 history etc/only | awk 'NR == 1 {print $1}')
is "... with what it held" "$(ctl ns2 show etc/only@$V)" "only here"
check "the log says so" grep -Eq '3 paths were here as on no peer: .* in the history' "$T/ns2/zonefs.log"
check "it is restored as any other" ctl ns2 restore "etc/only@$V"
check "... everywhere" wait_for 20 is_on ns3 etc/only "only here"
sh_on ns2 'for i in $(seq 6 9); do echo $i >etc/turn; done; zonefsctl wait --timeout 30 etc/turn' >/dev/null
is "its edits are taken as ever" "$(sh_on ns3 'cat etc/turn')" 9
sh_on ns1 'echo 10 >etc/turn; zonefsctl wait --timeout 30 etc/turn' >/dev/null
is "and it takes others'" "$(sh_on ns2 'cat etc/turn')" 10
check "nothing new is in conflict" test -z "$(ctl ns1 conflicts | grep -E '^etc/(turn|of2|stays|later|only)$')"

# ---- store and tree are lost

node_stop ns3
sh_on ns1 'rm etc/only'
settle ns1 ns2
store_lost ns3
find "$T/ns3$TREE" -mindepth 1 -delete
node_start ns3
check "with neither store nor tree" all_well
check "... all comes from the peers" wait_for 30 same_trees $ALL
check "... but what was deleted" nowhere etc/only
is "... it has what it made itself" "$(sh_on ns3 'cat etc/turn etc/stays' | xargs)" "10 stays"
sh_on ns3 'echo 11 >etc/turn; zonefsctl wait --timeout 30 etc/turn' >/dev/null
is "... and goes on" "$(sh_on ns1 'cat etc/turn')$(sh_on ns2 'cat etc/turn')" 1111

# ---- an old store under a newer tree

logged() { grep -Eq -- "$2" "$T/$1/zonefs.log"; }
image() { rm -rf "$T/image"; cp -a "$T/$1/$2" "$T/image"; }
put_back() { rm -rf "${T:?}/$1/$2"; cp -a "$T/image" "$T/$1/$2"; }
sh_on ns1 'mkdir etc/dir; echo deleted >etc/dir/later; echo one >etc/of1; echo one >etc/of3'
settle $ALL
node_stop ns3
image ns3 var/lib/zonefs
node_start ns3
all_well
sh_on ns1 'rm -r etc/dir; echo two >etc/of1; echo two >etc/of3'
settle ns1 ns3
sh_on ns3 'echo three >etc/of3; echo only >etc/only3'
settle ns3 ns1
node_stop ns3
sh_on ns1 'echo three >etc/of1; rm etc/only3'
put_back ns3 var/lib/zonefs
node_start ns3
check "an old store is noticed" wait_for 30 logged ns3 'zonefs.db is older than the tree: it is put aside as .*/old-[0-9TZ]*-zonefs.db; this node starts with an empty'
check "... the node comes back" all_well
check "... with the peers' tree" wait_for 30 same_trees $ALL
is "... of which nothing has gone back" "$(sh_on ns3 'cat etc/of1 etc/of3' | xargs)" "three three"
check "... or come back" nowhere etc/dir
check "... though it was here when the store ended" nowhere etc/only3
check "... nothing is in conflict" test -z "$(ctl ns1 conflicts | grep -E '^etc/(of1|of3|only3|dir)')"
check "... the old store is there" compgen -G "$T/ns3/var/lib/zonefs/old-*-zonefs.db" 
is "users of the mount see no mark" "$(sh_on ns3 'python3 -c "import os; print(os.listxattr(\".\"))"')" "[]"
check_not "... nor set one" sh_on ns3 'python3 -c "import os; os.setxattr(\".\", \"trusted.zonefs.mark\", b\"0000000000000001 1\")"'

# ---- store and tree of an old image

node_stop ns3
image ns3 var/lib/zonefs
mkdir "$T/images"
mv "$T/image" "$T/images/store"
image ns3 "$TREE"
mv "$T/image" "$T/images/tree"
node_start ns3
all_well
sh_on ns1 'echo four >etc/of1'
settle ns1 ns3
sh_on ns3 'echo four >etc/of3'
settle ns3 ns1
node_stop ns3
sh_on ns1 'rm etc/of1'
mv "$T/images/store" "$T/image"
put_back ns3 var/lib/zonefs
rm -rf "$T/image"
mv "$T/images/tree" "$T/image"
put_back ns3 "$TREE"
node_start ns3
check "store and tree of one image" all_well
check "... are brought up to date" wait_for 30 same_trees $ALL
is "... by what the node itself had told" "$(sh_on ns3 'cat etc/of3')" four
check "... nothing comes back" nowhere etc/of1
check_not "... no store is taken for older than its tree" test "$(ls "$T/ns3/var/lib/zonefs"/old-*-zonefs.db | wc -l)" -gt 1

for h in $ALL; do versions $h; done | sort -u >"$T/versions"
check "versions have been seen" test "$(wc -l <"$T/versions")" -gt 20
is "none has two meanings" "$(awk '{print $1}' "$T/versions" | sort | uniq -d)" ""
trees_same "at the end" $ALL
finish
