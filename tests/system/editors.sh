#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Real editors and tools on one node; on the other a watcher sees the file change in one step, never
# disappear, never in part, never with another mode, and no other name beside it.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
nodes_start ns1 ns2
sh_on ns1 'mkdir -p etc/ed'
settle ns1 ns2

text() { echo "; version @$1@"; seq -f "record%g IN A 10.0.0.1" 400; echo "; end @$1@"; }
for v in 1 2 3; do text $v >"$T/ns1/tmp/v$v"; chmod 640 "$T/ns1/tmp/v$v"; done
type_in() { on ns1 typist -o "$T/ns1/screen" "$@"; }
# vim_in OPTIONS KEYS...
vim_in() {
	{ echo "see zone"; printf 'keys %s\n' "${@:2}"; } | type_in $1 "$(file)"
}

# edited NAME COMMAND [VERSIONS]: from version 1 to 2 in a directory of its own. COMMAND is shell on ns1, in that
# directory; the file is called zone.
edited() {
	local name=$1 d=etc/ed/${1//[^a-z0-9]/_} report=$T/report.$1 job out
	sh_on ns1 "mkdir -p $d && cd $d && cp --preserve=mode /tmp/v1 zone && zonefsctl wait zone" || bail "$name"
	on ns2 watch "$TREE/$d/zone" >"$report" 2>&1 &
	job=$!
	wait_for 10 grep -q watching "$report" || bail "watch"
	out=$(eval "$2" 2>&1) || note "$name: $2: $out"
	on ns1 zonefsctl wait --timeout 20 >/dev/null
	kill -TERM "$(pid_on ns2 watch)"
	wait $job
	out=$(grep -v '^looks\|^watching\|^saw' "$report" | tr '\n' ';')
	is "$name" "$out" "absent 0;partial 0;backwards 0;errors 0;modes 0640;versions ${3:-@1@ @2@};names zone;"
}
# In the directory, on ns1.
there() { sh_on ns1 "cd etc/ed/${name//[^a-z0-9]/_} && $1"; }
file() { echo "$TREE/etc/ed/${name//[^a-z0-9]/_}/zone"; }

for copy in yes no auto; do
	printf 'set nocompatible swapfile backup writebackup backupcopy=%s directory=. backupdir=. shortmess=\n' \
		$copy >"$T/ns1/tmp/vimrc.$copy"
	edited "vim backupcopy=$copy" 'vim_in "vim -u /tmp/vimrc.'$copy'" ":%s/@1@/@2@/\r" ":wq\r"'
done
# The peer has shown the first save before the last is made: or it might go to the last at once.
cat >"$T/ns1/tmp/shown" <<END
#!/bin/sh
zonefsctl wait "\$1" && until grep -q "^saw \$2" $T/report.*second; do sleep 0.02; done
END
chmod 755 "$T/ns1/tmp/shown"
edited "vim writes twice in a second" 'printf "%s\n" "see zone" "keys :%s/@1@/@2@/\r" "keys :w\r" "keys :w\r" \
	"keys :!/tmp/shown % @2@\r" "see ENTER" "keys \r" "keys :%s/@2@/@3@/\r" "keys :w\r" "keys :wq\r" |
	type_in vim -u /tmp/vimrc.auto "$(file)"' "@1@ @2@ @3@"
unlike "vim sees nobody else's change" "$(tr -d '\0' <$T/ns1/screen)" "W1[0-9]: |WARNING"
# It would have been seen.
{ printf '%s\n' "see zone" "keys :!echo >>%\r" "see ENTER" "keys \r" "see W11: " "keys O" "keys :q!\r"; } |
	type_in vim -u /tmp/vimrc.auto "$TREE/etc/ed/vim_backupcopy_auto/zone" >/dev/null 2>&1
like "but it would see one" "$(tr -d '\0' <$T/ns1/screen)" "W1[0-9]: |WARNING"
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
finish
