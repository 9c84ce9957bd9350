#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The crash matrix: one of two nodes, both at work, is killed at a labelled point between two steps
# (base/crash.h) of save, broadcast, stage, install, removal, hook, catch-up, of what the store does on
# its own when there is nothing else to do (log and history are cut, objects swept and packed, tombstones
# collected), and of a start after an unclean stop; the keeper puts another process in its place.
# Afterwards the trees are identical, every save that was reported is there, and none was made into two
# versions. Each label in the source has to be in the lists below.
#
#   LONG=1         every label; else the usual ones
#   LABELS="..."   these

[ -n "${WORLD:-}" ] || B=${B:-build}/crash
. "$(dirname "$0")/lib.sh"
world_enter "$@"

REPLICATOR="looked commit committed broadcast broadcasted ack ask answer-page page page-taken op op-taken
	stage-asked staged install-asked installed removed hook-due hook-ended hook-noted object object-named"
WORKER="fs-shown fs-release fs-saved fs-hints fs-acknowledged fs-stage fs-staged fs-install fs-moved-in fs-invalidate
	fs-invalidated fs-attributes fs-attributes-set fs-remove fs-removed fs-rename fs-hook fs-hook-ended"
# Reached when there is nothing else to do: after a rest, for objects of an hour ago, a day later.
RESTING="prune pruned checkpoint checkpointed past-kept cut-content"
AGED="sweep swept pack packed pack-named left-plain"
LATER="collect collecting cut-outcome cut-version"
# At the start: after a power cut, with something damaged, with a damaged database.
STARTING="unclean damage-found put-aside"
ALL="$REPLICATOR $WORKER $RESTING $AGED $LATER $STARTING"
USUAL="committed broadcasted answer-page page-taken installed object fs-saved fs-moved-in fs-removed damage-found"
if [ -z "${LABELS:-}" ]; then
	if [ -n "${LONG:-}" ]; then LABELS=$ALL; else LABELS=$USUAL; fi
fi
among() { case " $(echo $2) " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }
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

# do_on HOST SHELL: what it changes counts only if it succeeded, in the mount: until a dead one is made afresh, the
# plain directory is there.
do_on() { sh_on "$1" "[ \"\$(stat -f -c %t .)\" = 65735546 ] && { $2; }" 2>/dev/null; }

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
	for h in ns1 ns2; do
		[ -z "${SAVED[$r-$h-gone]+x}" ] || wait_for 60 on ns1 test -e "$TREE/work/$r-$h-gone"
		[ -z "${SAVED[$r-$h-gone]+x}" ] || wait_for 60 on ns2 test -e "$TREE/work/$r-$h-gone"
	done
	for h in ns1 ns2; do
		# Who was killed in between may have removed it all the same.
		{ do_on $h "rm work/$r-$h-gone" || [ ! -e "$T/$h$TREE/work/$r-$h-gone" ]; } && SAVED[$r-$h-gone]=
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
begin() { node_start $1 ZONEFS_CRASH=$SEAM ZONEFS_CLOCK_FILE=/etc/clock; }
arm() { echo "$1" >"$FILE.new" && chmod 666 "$FILE.new" && mv "$FILE.new" "$FILE"; }
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
		begin ns1
		WORKERS=1
		wait_for 60 nodes_well ns1 ns2 || bail "ns1 does not come back"
	fi
	ROUND=$((ROUND + 1))
	among "$label" "$AGED $LATER $STARTING" || arm "$label"
	load
	among "$label" "$REPLICATOR $WORKER" || lead_to "$label"
	wait_for 30 taken || { not_ok "$label: is reached"; rm -f "$FILE"; return; }
	wait_for 60 both_usable || { not_ok "$label: both nodes are there again" "$(on ns1 zonefsctl status 2>&1)"; return; }
	if ! wait_for 90 nodes_well ns1 ns2; then
		not_ok "$label: both nodes are well again" "$(on ns1 zonefsctl status 2>&1; on ns2 zonefsctl status 2>&1)"
		return
	fi
	on ns1 zonefsctl wait --timeout 60 >/dev/null && on ns2 zonefsctl wait --timeout 60 >/dev/null
	local same=same_trees
	case $label in
	unclean | damage-found) same=same_but_raised ;; # what is put back is later than what was found
	esac
	check "$label: the trees are identical" $same ns1 ns2
	check "$label: nothing is lost" nothing_lost
	if [ "$label" = put-aside ]; then # its log went with the database
		ONCE=()
	else
		check "$label: nothing is there twice" nothing_twice
	fi
	case $label in
	collect*) check "$label: tombstones go" wait_for 240 woken no_tombstones ;;
	pack*) check "$label: the object is packed" wait_for 240 woken something_packed ;;
	swe*) check "$label: what nobody needs is gone" wait_for 240 woken unneeded_gone ;;
	esac
	check "$label: the store is whole" on ns1 zonefsctl check
	COVERED=$((COVERED + 1))
}

# What reaches a label that a node at work does not come by.
lead_to() {
	local i
	case $1 in
	checkpoint*) # when its log has grown by some megabytes, and then in a quiet moment
		do_on ns1 "for i in {1..100}; do head -c 45000 /dev/urandom | base64 -w 0 >work/$ROUND-filling-\$i; done"
		;;
	cut-content) # of versions that are cut, by a process that does not remember them
		for i in 1 2 3 4; do do_on ns1 "echo $ROUND $i >work/cut"; done
		do_on ns1 "zonefsctl wait --timeout 60 >/dev/null"
		kill -KILL "$(replicator_pid ns1)"
		;;
	unclean | damage-found | put-aside)
		wait_for 60 nodes_well ns1 ns2
		node_kill ns1
		node_boot ns1
		if [ "$1" = put-aside ]; then
			rm -f "$DB-wal" "$DB-shm" # or what is damaged is not what is read
			dd if=/dev/zero of="$DB" bs=4096 seek=2 count=10 conv=notrunc status=none
		else
			truncate -s 0 "$T/ns1$TREE/work/$ROUND-ns1-a" "$T/ns1$TREE/work/$ROUND-ns1-big"
			unset "ONCE[$ROUND-ns1-a]" # what is put back has its damage in the history
		fi
		arm "$1"
		begin ns1
		;;
	esac
	among "$1" "$AGED" && age "$1"
	if among "$1" "$LATER"; then
		DAYS=$((DAYS + 1))
		wait_for 60 nodes_well ns1 ns2
		arm "$1"
		for h in ns1 ns2; do echo $((DAYS * 100000)) >"$T/$h/etc/clock"; done
		kill -KILL "$(replicator_pid ns1)"
	fi
	wait_for 240 woken taken
}
# A node at rest does what is left to do when something wakes it: status does.
woken() { "$@" || { on ns1 zonefsctl status >/dev/null; false; }; }
# Objects of a while ago: some that no version refers to, one that can be packed, one that cannot.
age() {
	local i
	for i in 1 2 3; do do_on ns1 "yes '$ROUND $i' | head -c 150000 >work/aged"; done
	do_on ns1 "head -c 150000 /dev/urandom >work/random"
	UNNEEDED=$(yes "$ROUND 1" | head -c 150000 | sha256sum)
	do_on ns1 "zonefsctl wait --timeout 60 >/dev/null"
	wait_for 60 nodes_well ns1 ns2
	find "$T/ns1/var/lib/zonefs/objects" -type f -exec touch -d '3 hours ago' {} +
	arm "$1"
	kill -KILL "$(replicator_pid ns1)"
}
no_tombstones() { on ns1 zonefsctl status --json | grep -q '"tombstones":0,'; }
something_packed() { find "$T/ns1/var/lib/zonefs/objects" -type f -size -40k | grep -q .; }
unneeded_gone() {
	local o
	for o in "$T"/ns1/var/lib/zonefs/objects/??/*; do
		[ "$(tail -c +2 "$o" | sha256sum)" != "$UNNEEDED" ] || return 1
	done
}

# ---- each label that the source has
labels_of_source() {
	grep -rhoE 'crash_point\([^;]*' "$TOP/fs" "$TOP/replicator" --include=*.c | grep -oE '"[a-z-]+"' | tr -d '"' | sort -u
}
is "the matrix has each label of the source, and no other" "$(printf '%s\n' $ALL | sort)" "$(labels_of_source)"

DB=$T/ns1/var/lib/zonefs/zonefs.db
DAYS=0 COVERED=0 UNNEEDED=
host_new ns1
host_new ns2
node_boots ns1
for h in ns1 ns2; do
	mkdir -p "$T/$h$TREE/work"
	node_conf $h "$HOOK_LINES
keep-versions = 2
keep-age = 1"
	echo 0 >"$T/$h/etc/clock"
	begin $h
done
wait_for 60 nodes_well ns1 ns2 || bail "the nodes do not meet"
must sh_on ns1 "echo seen >work/seen"
settle ns1 ns2
ONCE=()
for label in $LABELS; do crash_at "$label"; done
note "killed at $COVERED of $(echo $ALL | wc -w) labels"
finish
