#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A hook sees what it is run for, also when the program that has made the change was given no processor since the
# file system replied to it (helpers/stalled.c). Likewise what a peer has made is there, although somebody who was
# told that there is no such file has not taken that up yet.
[ "$(nproc)" -ge 2 ] || { echo "1..0 # SKIP one processor: who is kept waiting would keep all waiting"; exit 77; }
[ -n "${WORLD:-}" ] || B=${B:-build}/crash
. "$(dirname "$0")/lib.sh"
world_enter "$@"
install -m 755 "${B%/crash}/helpers/stalled" $BIN/helpers/
STALL_MSEC=400
# The last processor of those that are ours is for who is stalled; all else is on the others.
numbers() { tr , '\n' | while IFS=- read -r a b; do seq "$a" "${b:-$a}"; done; }
mapfile -t CPUS < <(taskset -pc $$ | sed 's/.*: //' | numbers)
CPU=${CPUS[-1]}
must taskset -pc "$(IFS=,; echo "${CPUS[*]::${#CPUS[@]}-1}")" $$

host_new ns1
host_new ns2
cat >"$T/ns1/etc/see" <<'END'
#!/bin/bash
grep -q all && exit
{ stat -c %a "$ZONEFS_MOUNT/work/f" && cat "$ZONEFS_MOUNT/work/f"; } >/tmp/seen.new 2>&1
mv /tmp/seen.new /tmp/seen
END
chmod 755 "$T/ns1/etc/see"
node_conf ns1 'hook "see" {
  run   = { "/etc/see" }
  user  = "bind"
  match = { "work/f" }
}'
node_conf ns2
SEAM=/var/lib/zonefs/crash
node_start ns1 ZONEFS_CRASH=$SEAM
node_start ns2
settle ns1 ns2
sh_on ns1 'mkdir work'
WORKER=$(on ns1 pgrep -x zonefs-worker) || bail "no worker"

# sees SENTENCE WANTED CALL...: what the hook sees that is run for the call.
sees() {
	local sentence=$1 wanted=$2 how=$WORKER
	shift 2
	case $1 in
	rename) how=$SEAM.fs-rename ;;
	link | symlink | mkdir) how=$SEAM.fs-shown ;;
	esac
	must on ns1 zonefsctl wait --served --timeout 60
	rm -f "$T/ns1/tmp/seen"
	on ns1 stalled "$CPU" "$how" $STALL_MSEC "$@" >/dev/null &
	STALLED=$!
	wait_for 60 test -e "$T/ns1/tmp/seen" || bail "the hook is not run"
	is "$sentence" "$(cat "$T/ns1/tmp/seen")" "$wanted"
	wait $STALLED || bail "$* fails"
}
F=$TREE/work/f
GONE="stat: cannot statx '$F': No such file or directory"
for i in 1 2 3; do
	sh_on ns1 "echo new $i >work/.f.new"
	sees "a file that came to its name by a rename ($i)" "644"$'\n'"new $i" rename $TREE/work/.f.new $F
done
sees "a mode" "640"$'\n'"cat: $F: Permission denied" chmod 640 $F
sees "another mode" "644"$'\n'"new 3" chmod 644 $F
sees "that it has gone" "$GONE" unlink $F
sh_on ns1 "echo again >work/.f.new"
sees "a file that was not there" "644"$'\n'"again" rename $TREE/work/.f.new $F
sh_on ns1 "ln work/f work/.f.new"
sees "once more that it has gone" "$GONE" unlink $F
sees "a second name" "644"$'\n'"again" link $TREE/work/.f.new $F
sees "that the second name has gone" "$GONE" unlink $F
sees "a symbolic link" "777"$'\n'"again" symlink .f.new $F
sees "that the link has gone" "$GONE" unlink $F
sees "a directory" "755"$'\n'"cat: $F: Is a directory" mkdir $F
sees "that the directory has gone" "$GONE" rmdir $F
mkdir "$T/said"
for i in 1 2; do
	on ns1 stalled "$CPU" "$WORKER" $STALL_MSEC look $TREE/work/new$i >"$T/said/$i" &
	STALLED=$!
	wait_for 60 grep -q replied "$T/said/$i" || bail "nobody is stalled"
	sh_on ns2 "echo $i >work/new$i; zonefsctl wait" >/dev/null
	wait $STALLED || bail "the look fails"
	check "what a peer has made is there ($i)" wait_for 60 sh_on ns1 "grep -qx $i work/new$i"
done
finish
