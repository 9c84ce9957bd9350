#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Power cuts at every write. The disks of two nodes at work, one file system each with state and tree on
# it, are recorded block by block with their flushes (helpers/disks.c). Then disks are made as they would be
# had the power gone after any of the writes: what was not flushed is lost, or kept in part, in any order,
# torn (disklog.py). Of each, the stores are looked into: they are whole, and neither knows of the other
# what that one has not. Of some, both nodes are started, under another kernel: what was confirmed is
# there, trees and history are whole and identical, nothing is brought back.
#
#   SEED=n         draws the points, and what the disks keep at each
#   LOOKS=n STARTS=n   how many stores are looked into (of all points: LONG=1), and nodes started
#   POINTS="..."   these are looked into, and started from
#   RECORDING=FOLDER   keeps there what was recorded; a folder that has it is cut from again: with the same
#                  SEED each point is the same

. "$(dirname "$0")/lib.sh"
world_enter "$@"
[ -e /dev/loop-control ] && command -v mkfs.ext4 >/dev/null || skip_all "needs loop devices and mkfs.ext4"

SEED=${SEED:-$((RANDOM << 15 | RANDOM))}
LOOKS=${LOOKS:-${LONG:+1000000}} STARTS=${STARTS:-${LONG:+150}}
LOG=$T/log
DISKS=$T/disks
# Files are allocated late and without regard to renames. (Not data=writeback: ext4 then gives the blocks of a
# removed file to others before the removal is durable, and a file that was synced long ago has their bytes.)
OPTIONS=commit=300,noauto_da_alloc,nodiscard
HOSTS_OF_IT="ns1 ns2"
disklog() { /usr/bin/python3 "$LIB_DIR/disklog.py" "$@"; }
# Its figure is a disk's number.
disk_of() { echo "${1#ns}"; }

# ---- disks

loop_free() { [ -z "$(losetup -j "$1")" ]; }
disk_mount() { # HOST IMAGE: in the world, and on the host if it is there
	must mount -o loop,$OPTIONS "$2" "$T/$1/var"
	[ -z "${HOST_PID[$1]:-}" ] ||
		must nsenter -t "${HOST_PID[$1]}" -m mount "$(findmnt -no SOURCE "$T/$1/var")" /var
}
disk_unmount() { # HOST IMAGE
	must on "$1" umount -l /var
	must umount -l "$T/$1/var"
	must wait_for 60 loop_free "$2"
}
look_mount() { # HOST IMAGE: nobody's /var
	mkdir -p "$T/look.$1"
	must mount -o loop,$OPTIONS "$2" "$T/look.$1"
}
look_unmount() {
	must umount "$T/look.$1"
	must wait_for 60 loop_free "$2"
}
mark() { printf '%s' "$*" >$DISKS/mark; }
# Hosts are there already: each has mounts of its own, and none of another's disk.
record() {
	local h
	mkdir $DISKS
	for h in $HOSTS_OF_IT; do
		truncate -s 64M "$T/empty.$h"
		must mkfs.ext4 -q -F -E nodiscard "$T/empty.$h"
		look_mount $h "$T/empty.$h"
		must cp -a "$T/$h/var/." "$T/look.$h/"
		look_unmount $h "$T/empty.$h"
		cp --sparse=always "$T/empty.$h" "$T/disk.$h"
	done
	disks $DISKS $LOG $(printf "$T/disk.%s " $HOSTS_OF_IT) &
	RECORDER=$!
	must wait_for 20 test -e $DISKS/1
	for h in $HOSTS_OF_IT; do disk_mount $h $DISKS/$(disk_of $h); done
	mark begin
	for h in $HOSTS_OF_IT; do node_start $h; done
	must wait_for 60 nodes_well $HOSTS_OF_IT
	work
	mark end
	for h in $HOSTS_OF_IT; do
		node_kill $h
		disk_unmount $h $DISKS/$(disk_of $h)
	done
	must umount $DISKS
	wait $RECORDER
}
# As the power leaves them at a point; HOSTS' images are $T/cut.HOST.
cut_at() {
	local h
	for h in $HOSTS_OF_IT; do cp --sparse=always "$T/empty.$h" "$T/cut.$h"; done
	must disklog cut $LOG "$1" "$SEED" $(printf "$T/cut.%s " $HOSTS_OF_IT)
}

# ---- what is done meanwhile

sum_of() { sha256sum | cut -d' ' -f1; }
save() { # HOST PATH TEXT
	mark "saving $2 $(printf %s "$3" | sum_of)"
	sh_on "$1" "printf %s '$3' >$2"
}
save_synced() { # HOST PATH TEXT: as a careful program does
	mark "saving $2 $(printf %s "$3" | sum_of)"
	sh_on "$1" "printf %s '$3' | dd of=$2 conv=fsync status=none" && mark "kept $2"
}
save_large() { # HOST PATH WORD: more than the store keeps within its database, by way of another name
	mark "saving $2 $(yes "$3" | head -c 150000 | sum_of)"
	sh_on "$1" "yes '$3' | head -c 150000 >$2.new~ && mv $2.new~ $2"
}
remove() { # HOST PATH
	mark "saving $2 -"
	sh_on "$1" "rm $2"
}
confirm() { # HOST PATH...
	local p
	for p in "${@:2}"; do on "$1" zonefsctl wait --timeout 60 "$TREE/$p" >/dev/null && mark "kept $p"; done
}
work() {
	sh_on ns1 'mkdir w w/sub'
	save ns1 w/confirmed "first" && confirm ns1 w/confirmed
	save ns1 w/again "one" && save ns1 w/again "two, which is longer" && save ns1 w/plain "never synced"
	save_synced ns1 w/synced "synced" && save_synced ns1 w/empty ""
	save ns2 w/theirs "of ns2" && save_large ns2 w/large "large" && confirm ns2 w/theirs w/large
	save_large ns1 w/large-too "large, too" && save ns1 w/gone "to be removed" && confirm ns1 w/gone
	remove ns2 w/gone && sh_on ns2 'chmod 600 w/confirmed; mv w/sub w/moved'
	save ns1 w/theirs "edited by ns1" && confirm ns2 w/gone && confirm ns1 w/theirs
	sh_on ns1 'for i in 1 2 3 4 5 6; do echo $i >w/many.$i; done; ln -s confirmed w/link'
	kill -KILL "$(replicator_pid ns2)" # what is told meanwhile is caught up with
	save ns1 w/apart "apart" && save_large ns1 w/large "edited by ns1" && save ns2 w/apart-too "apart, too"
	save_synced ns2 w/synced-too "synced on ns2"
	must wait_for 60 nodes_well $HOSTS_OF_IT
	confirm ns1 w/apart w/large
	remove ns1 w/again && save ns2 w/last "last" && confirm ns2 w/last && confirm ns1 w/again
	save ns1 w/plain "never synced, either"
}

# ---- what is looked at

stores() { # POINT
	local h folders=
	cut_at "$1"
	for h in $HOSTS_OF_IT; do
		look_mount $h "$T/cut.$h"
		folders+=" $T/look.$h/lib/zonefs"
	done
	disklog stores $folders
	local status=$?
	for h in $HOSTS_OF_IT; do look_unmount $h "$T/cut.$h"; done
	return $status
}
# What was cut off before any version was made of it is not told: it stays where it is, and is named.
untold() { on "$1" zonefsctl status | sed -n 's/^ *\([^ ]*\): not told.*/\1/p'; }
kept() { # POINT
	local h p untold= TIMES= # what is put back is later than what the power cut had left there
	for h in $HOSTS_OF_IT; do
		for p in $(untold $h); do
			untold+=" $p"
			[ -z "$(tr -d '\0' <"$T/$h$TREE/$p" | head -c 1)" ] && sh_on $h "rm $p" || return 1
		done
	done
	same_trees $HOSTS_OF_IT && UNTOLD=$untold disklog owe $LOG "$1" $(printf "$T/%s$TREE " $HOSTS_OF_IT)
}
objects_whole() { for h in $HOSTS_OF_IT; do on $h zonefsctl check || return 1; done; }
start_at() { # POINT
	local h failed=$FAILED
	cut_at "$1"
	for h in $HOSTS_OF_IT; do
		disk_mount $h "$T/cut.$h"
		node_boot $h
		: >"$T/$h/zonefs.log"
		[ -d "$T/$h$TREE" ] || mkdir -p "$T/$h$TREE"
	done
	for h in $HOSTS_OF_IT; do node_launch $h; done
	if wait_for 90 nodes_well $HOSTS_OF_IT; then
		for h in $HOSTS_OF_IT; do on $h zonefsctl wait --timeout 60 >/dev/null; done
		for h in $HOSTS_OF_IT; do on $h zonefsctl wait --timeout 60 >/dev/null; done
		check "point $1: what was confirmed is there, all is whole, the trees are identical" kept "$1"
		check "point $1: so is what the stores hold" objects_whole
	else
		not_ok "point $1: both nodes are well again" "$(for h in $HOSTS_OF_IT; do on $h zonefsctl status; done 2>&1)"
	fi
	[ "$FAILED" -eq $failed ] || { show_logs; for h in $HOSTS_OF_IT; do tree_of $h | head -40; on $h zonefsctl log | tail -40; done | sed 's/^/# /'; }
	for h in $HOSTS_OF_IT; do
		node_kill $h
		disk_unmount $h "$T/cut.$h"
	done
}

# ---- recording

note "SEED=$SEED"
for h in $HOSTS_OF_IT; do
	host_new $h
	node_boots $h
done
if [ -e "${RECORDING:-}/log" ]; then
	must cp -r --sparse=always "$RECORDING"/{log,empty.ns1,empty.ns2} $T/
	for h in $HOSTS_OF_IT; do must cp "$RECORDING/$h.key" "$T/$h/etc/zonefs/"; done
	for h in $HOSTS_OF_IT; do node_conf $h "keep-versions = 2"; done
else
	for h in $HOSTS_OF_IT; do node_conf $h "keep-versions = 2"; done
	record
	if [ -n "${RECORDING:-}" ]; then
		must cp -r --sparse=always $LOG $T/empty.ns1 $T/empty.ns2 "$T"/ns?/etc/zonefs/ns?.key "$RECORDING"
	fi
fi

# ---- and cutting
ALL=$(disklog points $LOG)
check "there are hundreds of points to cut at ($ALL)" test "$ALL" -gt 300
[ -z "${POINTS:-}" ] || LOOKED=$POINTS STARTED=$POINTS
bad=
n=0
for p in ${LOOKED:-$(disklog draw $LOG "$SEED" "${LOOKS:-25}")}; do
	n=$((n + 1))
	out=$(stores "$p" 2>&1) || bad+="point $p: $out"$'\n'
done
is "at $n of them, stores are whole, and nobody has heard of what its author has not" "$bad" ""
for p in ${STARTED:-$(disklog draw $LOG "$SEED." "${STARTS:-4}")}; do start_at "$p"; done
finish
