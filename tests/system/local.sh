#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What stays on its host: by the built-in list, by exclude and include, by its size, by its kind; and what
# a peer does that would have to remove it.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
LISTS='max-file-size = 100K
exclude = { "data/**", "*.secret", "/top" }
include = { "data/public/*.zone", "var/named/slaves/shared", "*.kept" }'
for h in ns1 ns2; do node_conf $h "$LISTS"; done
for h in ns1 ns2; do node_start $h; done
for h in ns1 ns2; do wait_for 20 node_well $h || bail "$h: $(on $h zonefsctl status)"; done

there() { test -e "$T/ns2$TREE/$1"; }
logged() { grep -Eq "$2" "$T/$1/zonefs.log"; }

# ---- lists

LOCAL='etc/named.host.conf var/named/a.jnl var/named/a.jbk var/named/a.mkeys var/named/managed-keys.bind
	var/named/x.nzd var/named/x.nzf var/named/Ka.+013+00001.state var/named/Ka.+013+00001.key var/named/a.signed
	var/named/__catz__x.db var/named/session.key var/named/named.pid var/named/named.run.0
	dev/f run/f tmp/f proc/f var/run/f var/tmp/f var/log/f var/named/data/f var/named/slaves/f
	var/named/dynamic/f etc/.git/HEAD etc/.zone.swp etc/zone~ etc/4913 etc/.#zone etc/#zone#
	data/f data/deep/er/f data/public/f tmp/a.kept etc/a.secret top'
SENT='var/named/zone etc/named.conf var/named/tmp-0123456789 sub/dev/f sub/top var/named/a.jnl.kept var/named/4913.kept
	data/public/a.zone var/named/slaves/shared'
for f in $LOCAL $SENT; do echo "mkdir -p $(dirname $f) && echo x >$f"; done >"$T/ns1/tmp/make"
must sh_on ns1 '. /tmp/make'
settle ns1
is "what the lists name stays, built-in or configured" \
	"$(for f in $LOCAL; do there $f && echo $f; done)" ""
is "what they do not name, or include takes back, is sent" \
	"$(for f in $SENT; do there $f || echo $f; done)" ""
is "and nothing else has come" "$(cd "$T/ns2$TREE" && find . -type f | sed 's,^\./,,' | sort | xargs)" \
	"$(printf '%s\n' $SENT | sort | xargs)"
unlike "equal lists are no matter for the log" "$(cat "$T"/ns?/zonefs.log)" "excludes other paths"
sh_on ns1 'mv var/named/zone var/named/zone.jnl; mv etc/a.secret etc/a.public'
settle ns1
check_not "renamed to a local name it is gone elsewhere" there var/named/zone
check_not "and not there under that name" there var/named/zone.jnl
check "renamed from a local name it comes" there etc/a.public
sh_on ns2 'echo other >etc/named.host.conf; rm etc/a.public'
settle ns2
is "local names are each host's own" "$(sh_on ns1 'cat etc/named.host.conf')" x

# Names that are local only where named itself gave them: what gets another name afterwards is sent.
mkdir "$T/ns1/tmp/bin"
cp /usr/bin/touch "$T/ns1/tmp/bin/named"
sh_on ns1 '/tmp/bin/named var/named/tmp-abcdefghij var/named/db-12345678 var/named/kept.db
	echo x >var/named/db-abcdefgh; zonefsctl wait' >/dev/null
check_not "names of its own that named itself has given stay" eval 'there var/named/tmp-abcdefghij || there var/named/db-12345678'
check "others of named are sent" there var/named/kept.db
check "as are these names by anybody else" there var/named/db-abcdefgh
sh_on ns1 'mv var/named/tmp-abcdefghij var/named/whole.db; zonefsctl wait'
check "and what gets another name" there var/named/whole.db
# named lets the kernel write one of any size, in its working directory, with all keys that it had in memory.
sh_on ns1 '/tmp/bin/named var/named/core.1234 etc/core; mkdir sub/core; echo x >sub/core/zone; echo x >sub/core.db
	cp /bin/sleep /tmp/bin/named; cd var/named; ulimit -c unlimited; /tmp/bin/named 60 &
	until grep -qx named /proc/$!/comm; do :; done; kill -ABRT $!; wait $!
	zonefsctl wait' >/dev/null 2>&1
check_not "named's core dumps stay" eval 'there var/named/core || there var/named/core.1234 || there etc/core'
check "as no other core does" eval 'there sub/core/zone && there sub/core.db'
case $(ulimit -H -c):$(cat /proc/sys/kernel/core_pattern) in
0:*) ;; # none is allowed here
*:core*) check "(the kernel has made one)" test "$(find "$T/ns1$TREE/var/named" -name 'core*' -size +0 | wc -l)" = 1 ;;
esac

# ---- kinds and sizes

sh_on ns1 'mkfifo etc/fifo; mknod etc/device c 1 3; mknod dev/null c 1 3; echo sent >etc/sent'
sh_on ns1 'head -c 102400 /dev/zero >etc/most; head -c 102401 /dev/zero >etc/huge; zonefsctl wait --timeout 20' >/dev/null
check "files and directories beside devices are sent" there etc/sent
check_not "a FIFO is not" there etc/fifo
check_not "nor a device" there etc/device
check "a file of max-file-size is sent" there etc/most
check_not "one byte more stays" there etc/huge
like "status names it" "$(on ns1 zonefsctl status)" "etc/huge.*max-file-size"
check "and so does the log" logged ns1 "etc/huge.*max-file-size"
wait_for 60 node_well ns1
check "which is no trouble" node_well ns1
sh_on ns1 'echo x >>etc/most; zonefsctl wait'
is "what outgrows the limit stays as it was elsewhere" "$(stat -c %s "$T/ns2$TREE/etc/most")" 102400
sh_on ns1 'truncate -s 5 etc/huge; zonefsctl wait'
is "below the limit again it is sent" "$(stat -c %s "$T/ns2$TREE/etc/huge" 2>&1)" 5
unlike "and named no longer" "$(on ns1 zonefsctl status)" "etc/huge"

# ---- a directory goes that holds local files elsewhere

sh_on ns1 'mkdir -p var/named/keys/in; echo 1 >var/named/keys/in/zone; zonefsctl wait'
sh_on ns2 'echo journal >var/named/keys/in/zone.jnl'
sh_on ns1 'rm -r var/named/keys; zonefsctl wait --timeout 3' >/dev/null
check "what was replicated in it goes" wait_for 60 fails there var/named/keys/in/zone
is "what is local in it stays" "$(sh_on ns2 'cat var/named/keys/in/zone.jnl')" journal
check "status says why the directory is still there" wait_for 60 eval 'on ns2 zonefsctl status | grep -q var/named/keys'
sh_on ns2 'rm var/named/keys/in/zone.jnl'
check "without it the directory goes" wait_for 20 fails there var/named/keys
check_not "and does not come back" test -e "$T/ns1$TREE/var/named/keys"

# ---- other lists on the other node

settle ns1 ns2
node_stop ns2
node_conf ns2 'exclude = { "else/**" }'
node_start ns2
for h in ns1 ns2; do
	check "$h: lists that differ are warned of" wait_for 20 logged $h "excludes other paths"
done
finish
