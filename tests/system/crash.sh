#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The crash matrix: one of two nodes, both at work, is killed at a labelled point between two steps
# (base/crash.h) of save, broadcast, stage, install, removal, hook, catch-up, and what the store does on
# its own; the keeper puts another process in its place. Afterwards the trees are identical, every
# save that was reported is there, and none was made into two versions.
#
#   LONG=1         every label, with rests in which the store is cut and moved; else the usual ones
#   LABELS="..."   these

[ -n "${WORLD:-}" ] || B=${B:-build}/crash
. "$(dirname "$0")/lib.sh"
world_enter "$@"

REPLICATOR="looked commit committed broadcast broadcasted ack ask answer-page page page-taken op op-taken
	stage-asked staged install-asked installed removed hook-due hook-ended hook-noted object object-named"
WORKER="fs-saved fs-hints fs-acknowledged fs-stage fs-staged fs-install fs-moved-in fs-invalidate
	fs-invalidated fs-attributes fs-attributes-set fs-remove fs-removed fs-rename fs-hook fs-hook-ended"
RESTING="prune pruned checkpoint checkpointed" # reached when there is nothing else to do
USUAL="committed broadcasted answer-page page-taken installed object fs-saved fs-moved-in fs-removed"
if [ -z "${LABELS:-}" ]; then
	if [ -n "${LONG:-}" ]; then LABELS="$REPLICATOR $WORKER $RESTING"; else LABELS=$USUAL; fi
fi
SEAM=/var/lib/zonefs/crash
FILE=$T/ns1$SEAM
declare -A SAVED # path -> what was saved last and reported; "" for a file that was removed
declare -A ONCE  # paths that were saved once
ROUND=0
WORKERS=0 # of ns1's keeper that have died

HOOK_LINES='hook "told" {
  run   = { "/bin/true" }
  user  = "bind"
  match = { "work/**" }
}'

# do_on HOST SHELL: what it changes counts only if it succeeded.
do_on() { sh_on "$1" "$2" 2>/dev/null; }

save() { # HOST PATH TEXT
	do_on "$1" "printf %s '$3' >work/$2" || return 0
	[ -n "${SAVED[$2]+x}" ] && unset "ONCE[$2]" || ONCE[$2]=$1
	SAVED[$2]=$3
}
big() { # HOST PATH: more than the store keeps within its database
	do_on "$1" "yes '$2 $ROUND' | head -c 200000 >work/$2.new && mv work/$2.new work/$2" || return 0
	SAVED[$2]=$(yes "$2 $ROUND" | head -c 200000 | sha256sum)
}

# Something of every kind, on both; one of them is away for a while.
load() {
	local h r=$ROUND
	for h in ns1 ns2; do
		save $h "$r-$h-a" "one $r"
		save $h "$r-$h-gone" "to be removed"
		big $h "$r-$h-big"
	done
	do_on ns2 "chmod 600 work/seen; touch work/seen"
	for h in ns1 ns2; do wait_for 5 on $h test -e "$TREE/work/$r-ns1-gone" -a -e "$TREE/work/$r-ns2-gone"; done
	for h in ns1 ns2; do
		do_on $h "rm work/$r-$h-gone" && SAVED[$r-$h-gone]=
		unset "ONCE[$r-$h-gone]"
	done
	kill -KILL "$(replicator_pid ns2)" # what is told meanwhile is caught up with
	for h in ns1 ns2; do
		save $h "$r-$h-apart" "apart $r"
		do_on $h "mkdir -p work/$r-$h-dir"
		save $h "$r-$h-dir/in" "in $r"
	done
	for h in ns1 ns2; do save $h "$r-$h-last" "last $r"; done
	do_on ns2 "chmod 640 work/seen"
}

both_usable() { node_usable ns1 && node_usable ns2; }
both_well() { node_well ns1 && node_well ns2; }
taken() { [ ! -e "$FILE" ]; }

nothing_lost() {
	local p got
	for p in "${!SAVED[@]}"; do
		if [ -z "${SAVED[$p]}" ]; then
			[ ! -e "$T/ns1$TREE/work/$p" ] || { echo "$p has come back"; return 1; }
			continue
		fi
		case $p in
		*-big) got=$(sha256sum <"$T/ns1$TREE/work/$p") ;;
		*) got=$(cat "$T/ns1$TREE/work/$p") ;;
		esac
		[ "$got" = "${SAVED[$p]}" ] || { echo "$p: is \"$got\", was saved as \"${SAVED[$p]}\""; return 1; }
	done
}

nothing_twice() {
	local h n
	for h in ns1 ns2; do
		on $h zonefsctl log --json -n 100000 >"$T/log.json" || return 1
		for p in "${!ONCE[@]}"; do
			n=$(grep -c "\"type\":\"version\".*\"path\":\"work/$p\"" "$T/log.json")
			[ "$n" -eq 1 ] || { echo "$h: $p has $n versions"; grep "\"work/$p\"" "$T/log.json"; return 1; }
		done
	done
}

# A keeper whose worker has died too often in a minute ends, as it should: it is started anew before.
crash_at() {
	local label=$1
	case $label in fs-*) WORKERS=$((WORKERS + 1)) ;; esac
	if [ "$WORKERS" -gt 3 ]; then
		node_stop ns1
		node_start ns1 ZONEFS_CRASH=$SEAM
		WORKERS=1
		wait_for 30 both_well || bail "ns1 does not come back"
	fi
	ROUND=$((ROUND + 1))
	echo "$label" >"$FILE.new"
	chmod 666 "$FILE.new"
	mv "$FILE.new" "$FILE"
	load
	case $label in
	prune*) wait_for 60 taken ;;
	checkpoint*) # when its log has grown by some megabytes, and then in a quiet moment
		do_on ns1 "for i in {1..100}; do head -c 45000 /dev/urandom | base64 -w 0 >work/$ROUND-filling-\$i; done"
		wait_for 60 taken
		;;
	esac
	wait_for 30 taken || { not_ok "$label: is reached"; rm -f "$FILE"; return; }
	wait_for 30 both_usable || { not_ok "$label: both nodes are there again" "$(on ns1 zonefsctl status 2>&1)"; return; }
	if ! wait_for 60 both_well; then
		not_ok "$label: both nodes are well again" "$(on ns1 zonefsctl status 2>&1; on ns2 zonefsctl status 2>&1)"
		return
	fi
	on ns1 zonefsctl wait --timeout 60 >/dev/null && on ns2 zonefsctl wait --timeout 60 >/dev/null
	check "$label: the trees are identical" same_trees ns1 ns2
	check "$label: nothing is lost" nothing_lost
	check "$label: nothing is there twice" nothing_twice
}

host_new ns1
host_new ns2
for h in ns1 ns2; do
	mkdir -p "$T/$h$TREE/work"
	node_conf $h "$HOOK_LINES
keep-versions = 2"
done
node_start ns1 ZONEFS_CRASH=$SEAM
node_start ns2
wait_for 20 both_well || bail "the nodes do not meet"
must sh_on ns1 "echo seen >work/seen"
settle ns1 ns2
ONCE=()
for label in $LABELS; do crash_at "$label"; done
finish
