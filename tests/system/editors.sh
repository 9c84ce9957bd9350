#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Real editors and tools on one node; on the other a watcher sees the file change in one step, never
# disappear, never in part, never with another mode, and no other name beside it.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
# Some remove a file and write it anew at once, set its mode after the close, or write it in two pieces, which on a
# busy machine takes longer than the defaults.
for h in ns1 ns2; do node_conf $h $'delete-delay = 1000\nclose-delay = 1000\nsettle = 10000'; done
for h in ns1 ns2; do node_start $h; done
for h in ns1 ns2; do must wait_for 60 node_well $h; done
sh_on ns1 'mkdir -p etc/ed'
settle ns1 ns2

text() { echo "; version @$1@"; seq -f "record%g IN A 10.0.0.1" 400; echo "; end @$1@"; }
for v in 1 2 3; do text $v >"$T/ns1/tmp/v$v"; chmod 640 "$T/ns1/tmp/v$v"; done
type_in() { on ns1 typist -o "$T/ns1/screen" "$@"; }
# vim_in OPTIONS KEYS...
vim_in() {
	{ echo "see zone"; printf 'keys %s\n' "${@:2}"; } | type_in $1 "$(file)"
}

# watched NAME DIRECTORY COMMAND VERSIONS [NAMES]: from version 1 on, in a directory of its own, where the file is
# called zone.
watched() {
	local name=$1 d=$2 report=$T/report.$1 job out
	sh_on ns1 "mkdir -p $d && cd $d && cp --preserve=mode /tmp/v1 zone && zonefsctl wait zone" || bail "$name"
	on ns2 watch "$TREE/$d/zone" >"$report" 2>&1 &
	job=$!
	wait_for 60 grep -q watching "$report" || bail "watch"
	out=$(eval "$3" 2>&1) || note "$name: $3: $out"
	kill -TERM "$(pid_on ns2 watch)"
	wait $job
	out=$(grep -v '^looks\|^watching\|^saw' "$report" | tr '\n' ';')
	is "$name" "$out" "absent 0;partial 0;backwards 0;errors 0;modes 0640;versions $4;names ${5:-zone};"
}
# edited NAME COMMAND [VERSIONS]: what COMMAND does, and what comes of it.
edited() {
	watched "$1" "etc/ed/${1//[^a-z0-9]/_}" "$2; on ns1 zonefsctl wait --timeout 20 >/dev/null" "${3:-@1@ @2@}"
}
# In the directory, on ns1.
there() { sh_on ns1 "cd etc/ed/${name//[^a-z0-9]/_} && $1"; }
file() { echo "$TREE/etc/ed/${name//[^a-z0-9]/_}/zone"; }

for copy in yes no auto; do
	printf 'set nocompatible swapfile backup writebackup backupcopy=%s directory=. backupdir=. shortmess=\n' \
		$copy >"$T/ns1/tmp/vimrc.$copy"
	edited "vim backupcopy=$copy" 'vim_in "vim -u /tmp/vimrc.'$copy'" ":%s/@1@/@2@/\r" ":wq\r"'
done
# The peer has shown the first save before the last is made: or it might go to the last at once. The file's time lies
# in the future, so that the editor is shown raised ones.
cat >"$T/ns1/tmp/shown" <<END
#!/bin/sh
zonefsctl wait "\$1" && until grep -q "^saw \$2" $T/report.*second; do sleep 0.02; done
END
chmod 755 "$T/ns1/tmp/shown"
edited "vim writes twice in a second" 'there "touch -d tomorrow zone && zonefsctl wait zone"; printf "%s\n" "see zone" "keys :%s/@1@/@2@/\r" "keys :w\r" "keys :w\r" \
	"keys :!/tmp/shown % @2@\r" "see ENTER" "keys \r" "keys :%s/@2@/@3@/\r" "keys :w\r" "keys :wq\r" |
	type_in vim -u /tmp/vimrc.auto "$(file)"' "@1@ @2@ @3@"
unlike "vim sees nobody else's change" "$(tr -d '\0' <$T/ns1/screen)" "W1[0-9]: |WARNING"
# It would have been seen.
{ printf '%s\n' "see zone" "keys :!echo >>%\r" "see Options: " "keys O" "see ENTER" "keys \r" "keys :q!\r"; } |
	type_in vim -u /tmp/vimrc.auto "$TREE/etc/ed/vim_backupcopy_auto/zone" >/dev/null 2>&1
like "but it would see one" "$(tr -d '\0' <$T/ns1/screen)" "W1[0-9]: |WARNING"
# What an editor is shown as the time of its save: while it writes, after the close, and once the save was told.
sh_on ns1 'cd etc/ed && echo "; old" >time && touch -d tomorrow time && zonefsctl wait time'
out=$(sh_on ns1 'at() { stat --cached=never -Lc %y $1; }; cd etc/ed && exec 3>>time && echo "; new" >&3 && at /dev/fd/3 &&
	exec 3>&- && at time && zonefsctl wait time >/dev/null && at time')
is "the time of a save is one, whenever it is asked for" "$(echo "$out" | uniq -c | awk '{print $1}')" 3
check "and the time of a save is later than what was before" test "$(date -d "${out%%$'\n'*}" +%s)" -gt "$(date -d "now + 23 hours" +%s)"
edited "vi as it comes" 'vim_in vi ":%s/@1@/@2@/\r" ":wq\r"'
edited "nano" 'printf "%s\n" "see zone" "keys \x1c" "see Search" "keys @1@\r" "see Replace with" "keys @2@\r" \
	"see this instance" "keys a" "see Replaced" "keys \x0f" "see Name to Write" "keys \r" "see Wrote" "keys \x18" |
	type_in nano --nowrap "$(file)"'
edited "sed -i" 'there "sed -i s/@1@/@2@/ zone"'
edited "perl -i" 'there "perl -i -pe tr/1/2/ zone"'
edited "cp" 'there "cp /tmp/v2 zone"'
edited "cp -p" 'there "cp -p /tmp/v2 zone"'
edited "cat and redirect" 'there "cat /tmp/v2 >zone"'
edited "tee" 'there "tee zone </tmp/v2 >/dev/null"'
edited "dd" 'there "dd if=/tmp/v2 of=zone bs=100 status=none"'
edited "mv over, from another file system" 'there "cp -p /tmp/v2 /tmp/m && mv /tmp/m zone"'
edited "mv over, from beside the tree's root" 'there "cp -p /tmp/v2 ../../../tmp.move && mv ../../../tmp.move zone"'
edited "install -m 640" 'there "install -m 640 /tmp/v2 zone"'
edited "rsync" 'there "rsync -a /tmp/v2 ./zone"'
edited "rsync --inplace" 'there "rsync -a --inplace /tmp/v2 ./zone"'
edited "patch" 'there "diff -u /tmp/v1 /tmp/v2 >/tmp/d; patch -s zone /tmp/d"'
edited "tar" 'there "cp -p /tmp/v2 /tmp/zone && tar -C /tmp -cf /tmp/t zone && tar xf /tmp/t --no-same-owner"'
edited "ed, a line at a time" 'there "sed -i s/@1@/@2@/ zone && sed -i 3d zone && sed -i 3d zone"'
edited "git checkout" 'there "
	export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x
	umask 027; git init -q -b master . && git add zone && git commit -qm 1 && first=\$(git symbolic-ref HEAD) &&
	git checkout -qb second && git update-index --cacheinfo 100644,\$(git hash-object -w /tmp/v2),zone &&
	git commit -qm 2 && git symbolic-ref HEAD \$first && git reset -q && git checkout -q second"'

# There and back: after each wait the peer has just what was checked out.
zone_on_ns2() { cmp "$T/ns1/tmp/v$1" <(sh_on ns2 'cat etc/ed/git_checkout/zone'); }
for branch in master:1 second:2 master:1 second:2; do
	check "git checkout ${branch%:*}, waited for" sh_on ns1 "cd etc/ed/git_checkout && git checkout -q ${branch%:*} && zonefsctl wait"
	check "... is what the peer has" zone_on_ns2 "${branch#*:}"
done

edited "tee -a" 'there "(echo more; echo \"; end @1@\") | tee -a zone >/dev/null"' "@1@"
is "and what was appended is there" "$(sh_on ns2 'tail -n 2 etc/ed/tee__a/zone | xargs')" "more ; end @1@"
settle ns1 ns2
trees_same "after all of them" ns1 ns2
unlike "no dropping of an editor arrived" "$(find "$T/ns2$TREE" -printf '%P\n')" '(~|\.sw.|/4913|sed......|\.zone\..*|\.git|\.orig|index.lock)$'

# Whoever takes a moment for each step: so long that what would be told of it has come; yet by far not as long as
# the delays that are configured now.
SLOW="delete-delay = 10000
close-delay = 10000"
for h in ns1 ns2; do node_stop $h; node_conf $h "$SLOW"; done
for h in ns1 ns2; do node_start $h; done
for h in ns1 ns2; do wait_for 20 node_well $h || bail "$h: $(on $h zonefsctl status)"; done
sh_on ns1 'mkdir etc/beat'
beat() {
	local n
	for n in 1 2; do
		BEAT=$((${BEAT:-0} + 1))
		sh_on ns1 "echo x >etc/beat/$BEAT"
		wait_for 20 test -e "$T/ns2$TREE/etc/beat/$BEAT" || echo "no beat $BEAT"
	done
}
steps() {
	local step
	for step; do
		sh_on ns1 "cd $d && $step"
		beat
	done
	wait_for 40 cmp "$T/ns1/tmp/v2" "$T/ns2$TREE/$d/zone"
}
# slowly NAME NAMES STEP...
slowly() {
	local steps
	steps=$(printf ' %q' "${@:3}")
	watched "slowly: $1" "etc/ed/slowly_${1//[^a-z0-9]/_}" "steps$steps" "@1@ @2@" "$2"
}
slowly "written beside, under a temporary name" "zone" 'cp -p /tmp/v2 .zone.Ab12Cd' 'mv .zone.Ab12Cd zone'
slowly "written beside, as sed does" "zone" 'cp -p /tmp/v2 sedAb12Cd' 'mv sedAb12Cd zone'
slowly "moved away and written anew" "zone" 'mv zone zone~' 'cp -p /tmp/v2 zone' 'rm zone~'
slowly "removed and written anew" "zone" 'rm zone' 'cp -p /tmp/v2 zone'
slowly "renamed and written anew" "zone zone.old" 'mv zone zone.old' 'cp -p /tmp/v2 zone'
slowly "made for oneself, then given its mode" "zone" 'rm zone && umask 077 && cat /tmp/v2 >zone' 'chmod 640 zone'
finish
