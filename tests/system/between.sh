#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The install of a peer's version is stopped between two of its steps (base/crash.h), and a local program opens or
# renames what it is about, as far as it can: the paths are never mixed up, nothing that was saved is lost, and nobody
# waits for ever. Nor after keeper and worker were killed there.

[ -n "${WORLD:-}" ] || B=${B:-build}/crash
. "$(dirname "$0")/lib.sh"
world_enter "$@"

SEAM=/var/lib/zonefs/crash
FILE=$T/ns1$SEAM
both_well() { node_well ns1 && node_well ns2; }

host_new ns1
host_new ns2
for h in ns1 ns2; do node_conf $h; done
node_start ns1 ZONEFS_CRASH=$SEAM
node_start ns2
wait_for 20 both_well || bail "the nodes do not meet"
# Whoever hangs in the kernel cannot be killed: nor would the world end then.
CONNECTION=$(on ns1 awk -v d=$TREE '$5 == d && / fuse.zonefs / {sub(".*:", "", $3); print $3}' /proc/self/mountinfo)
mkdir $T/fusectl
must mount -t fusectl fusectl $T/fusectl
must test -w "$T/fusectl/$CONNECTION/abort"
abort_mount() { echo 1 >"$T/fusectl/$CONNECTION/abort"; }

# between LABEL CHANGE SHELL: the peer's CHANGE comes to the label here and stops; then SHELL is run, both in etc/r.
# Where it must wait for the install, so be it: that goes on after a second. A rename is let as far as to the worker
# before the change is made: the kernel asks for its target first.
between() {
	local job renames=
	case $3 in mv*) renames=yes ;; esac
	sh_on ns1 'rm -rf etc/r && mkdir -p etc/r/d && cd etc/r && echo old >a && echo local >b && echo old >d/f'
	settle ns1 ns2
	rm -f "$T/ns1/tmp/done"
	if [ $renames ]; then
		touch "$FILE.fs-rename"
		sh_on ns1 "cd etc/r && $3; touch /tmp/done" &
		job=$!
		wait_for 20 test -e "$FILE.fs-rename.here" || bail "the rename is not reached"
	fi
	touch "$FILE.$1"
	sh_on ns2 "cd etc/r && $2"
	wait_for 20 test -e "$FILE.$1.here" || bail "$1 is not reached"
	if [ $renames ]; then
		rm "$FILE.fs-rename"
	else
		sh_on ns1 "cd etc/r && $3; touch /tmp/done" &
		job=$!
	fi
	wait_for 1 test -e "$T/ns1/tmp/done"
	rm "$FILE.$1"
	wait_for 30 test -e "$T/ns1/tmp/done" || { abort_mount; bail "a local program hangs: $3"; }
	wait $job
	settle ns1 ns2
}
# What is there, everywhere, and beneath.
shown() { # NAME...
	local h
	for h in ns1 ns2; do sh_on $h "cd etc/r; stat -c '%n %a' $*; cat $*" 2>&1; done | xargs
	diff -r "$T/ns1$TREE" "$T/ns2$TREE"
}

between fs-install 'echo remote >a' 'echo mine >>a'
is "what is opened then is what has come: nothing is written into what was replaced" "$(shown a)" \
	"a 644 remote mine a 644 remote mine"
trees_same "after that" ns1 ns2

between fs-remove 'rm a' 'echo mine >>a'
is "or is made anew" "$(shown a)" "a 644 mine a 644 mine"
trees_same "after that" ns1 ns2

between fs-attributes 'chmod 600 a' 'echo mine >>a; chmod 640 a'
is "or has what was done to it" "$(shown a)" "a 640 old mine a 640 old mine"
trees_same "after that" ns1 ns2

between fs-remove 'rm a' 'mv b a'
is "renamed to a name that a peer has removed: what was renamed is there" "$(shown a)" "a 644 local a 644 local"
trees_same "after that" ns1 ns2

between fs-attributes 'chmod 600 a' 'mv b a'
is "renamed to one whose mode it has changed: with its own mode" "$(shown a)" "a 644 local a 644 local"
trees_same "after that" ns1 ns2

between fs-install 'echo remote >a' 'mv b a'
is "renamed to one that it has rewritten: the later save is there" "$(shown a)" "a 644 local a 644 local"
trees_same "after that" ns1 ns2

between fs-install 'echo remote >a' 'mv a c'
is "of one that it has rewritten: that moved" "$(shown '[ac]')" "c 644 remote c 644 remote"
trees_same "after that" ns1 ns2

between fs-install 'echo remote >d/f' 'mv d e'
is "of a directory in which it has rewritten something: that moved with it" "$(shown '?/f')" "e/f 644 remote e/f 644 remote"
trees_same "after that" ns1 ns2

between fs-remove 'rm d/f' 'mv b d/f'
is "into another directory" "$(shown d/f)" "d/f 644 local d/f 644 local"
trees_same "after that" ns1 ns2

# ---- killed in between

state_is() { grep -q "^State:.$2" "/proc/$1/status"; }
# The keeper's thread that tells the kernel waits for the directory, which the rename has.
invalidation_waits() {
	local t
	for t in "/proc/$KEEPER"/task/*; do
		if file_is "$t/comm" zonefs-inval && grep -q '^State:.D' "$t/status"; then return 0; fi
	done
	return 1
}
mounts_told() { [ "$(grep -c 'node ns1: .* is mounted' "$T/ns1/zonefs.log")" -eq "$1" ]; }

sh_on ns1 'rm -rf etc/r && mkdir -p etc/r && cd etc/r && echo old >a && echo local >b'
settle ns1 ns2
rm -f "$T/ns1/tmp/done"
touch "$FILE.fs-rename"
sh_on ns1 'cd etc/r && mv b c; echo $? >/tmp/done' &
job=$!
wait_for 20 test -e "$FILE.fs-rename.here" || bail "the rename is not reached"
sh_on ns2 'cd etc/r && echo remote >a'
KEEPER=$(keeper_pid ns1) WORKER=$(worker_pid ns1)
wait_for 20 invalidation_waits || { rm "$FILE.fs-rename"; bail "the invalidation does not wait for the rename"; }
kill -9 "$KEEPER" "$WORKER"
check "keeper and worker killed in the middle of an invalidation: the keeper cannot die" wait_for 60 state_is "$KEEPER" Z
check "... the worker is dead" wait_for 60 state_is "$WORKER" Z
check "... and the thread still waits" invalidation_waits
check_not "... like the rename" test -e "$T/ns1/tmp/done"
rm -f "$FILE.fs-rename" "$FILE.fs-rename.here"
on ns1 zonefs --check >"$T/checked" 2>&1 &
check "zonefs --check does not hang there" wait_for 60 grep -q 'no mistakes' "$T/checked"
on ns1 zonefs -f >>"$T/ns1/zonefs.log" 2>&1 &
started=$!
wait_for 20 mounts_told 2 || { abort_mount; bail "the next start hangs"; }
wait "${JOB[ns1.zonefs]}" 2>/dev/null
JOB[ns1.zonefs]=$started
ok "the next start mounts"
like "... and says what it has cleared away" "$(cat "$T/ns1/zonefs.log")" 'a killed zonefs hangs in its mount'
check "... who waited has an error" wait_for 60 grep -qx 1 "$T/ns1/tmp/done"
wait $job
check "... what was killed is gone" wait_for 60 gone "$KEEPER"
wait_for 20 both_well || bail "the nodes do not meet again"
settle ns1 ns2
is "... and nothing is lost" "$(shown '[abc]')" "a 644 b 644 remote local a 644 b 644 remote local"
trees_same "after that" ns1 ns2
finish
