#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What people get wrong when they set up a pair: each is told where it is, and what to do about it, by
# `zonefs --check`, and keeps zonefs from starting; or by the log, where only the start can find it.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
host_new ns2
node_conf ns1
node_conf ns2
D=$T/ns1/etc/zonefs
C=$D/zonefs.conf
K=$D/ns1.key
cp "$C" $T/good
line() { grep -n "$1" "$C" | head -n 1 | cut -d: -f1; }
edit() { cp $T/good "$C"; sed -i "$1" "$C"; }
add() { { cat $T/good; printf '%s\n' "$@"; } >"$C"; }
checked() { on ns1 timeout 10 zonefs --check 2>&1; }

# mistake SENTENCE REGEX: with what is in $C now.
mistake() {
	local out status
	out=$(checked)
	status=$?
	like "$1" "$out" "$2"
	is "... which --check ends with" "$status" 1
}
# Likewise; LINE is that of the first match of a pattern.
mistake_at() { mistake "$1" "^/etc/zonefs/zonefs\.conf:$(line "$2"): $3"; }

check "a good one has no mistakes" on ns1 zonefs --check

edit 's#^mount.*#mount = "/var/named/chrot"#'
mistake_at "a mount that is not there" '^mount' 'mount: /var/named/chrot: No such file .*: name the directory .* or make it$'
edit 's#^mount.*#mount = "/etc/passwd"#'
mistake_at "a mount that is a file" '^mount' 'mount: /etc/passwd is not a directory'
edit 's#^state.*#state = "/var/named/chroot/var/lib/zonefs"#'
mistake_at "the state in the tree" '^state' 'state lies in the mounted tree'
mkdir "$T/ns1/var/lib/roots"
edit 's#^state.*#state = "/var/lib/roots"#'
mistake_at "a state that belongs to another" '^state' 'state: /var/lib/roots belongs to user 0, .*: chown it'
edit 's#^user.*#user = "zonfs"#'
mistake_at "a user that nobody has made" '^user' 'user: there is no user "zonfs": adduser --system'

edit 's#ns1\.key#missing.key#'
mistake "a key file that is missing" '^/etc/zonefs/missing\.key: .*zonefsctl keygen /etc/zonefs/missing\.key'
cp $T/good "$C"
chmod 640 "$K"
mistake "a key that others may read" '^/etc/zonefs/ns1\.key: .*may be read by others .*: chmod 600 /etc/zonefs/ns1\.key'
chmod 600 "$K"
like "a key is not made twice: how to see its public half" "$(on ns1 zonefsctl keygen /etc/zonefs/ns1.key 2>&1)" \
	'ns1\.key: .*stays: zonefsctl keygen -p /etc/zonefs/ns1\.key'
check "and it is as it was" on ns1 zonefs --check

key_is() {
	edit '/^  key /d'
	sed -i "/^  address/r /dev/stdin" "$C" <<<"  key     = $1"
}
key_is "\"ab\\{cd\$(xy}@Lns47E1%kR.o@n%FcmmsL/@{H8]y\""
mistake_at "a key in double quotes, with what is special there" '^  key' '.*single quotes'
key_is "'rq:rM'"
mistake_at "half a key" '^  key' 'the key is not 40 characters'
key_is "'$(node_key ns1)'"
mistake_at "the node's own key for its peer's" '^peer' 'the peer "ns2" has this node.s own key: .*keygen -p'
key_is "\"$(node_key ns2)\""
check "double quotes do no harm to a key without such characters" \
	eval '[[ "$(node_key ns2)" == *[\\\$]* ]] || on ns1 zonefs --check'

edit 's#^node .*#node = "ns2"#'
mistake_at "the name of a peer" '^peer' 'the peer "ns2" has this node.s own name'
add "$(sed -n '/^peer/,/^}/p' $T/good)"
mistake "a peer that is there twice" '^/etc/zonefs/zonefs\.conf:[0-9]+: a second peer "ns2" \(the first is on line [0-9]+\)'
add "$(sed -n '/^peer/,/^}/p' $T/good | sed 's/"ns2"/"ns3"/')"
mistake "two peers at one address" '^/etc/zonefs/zonefs\.conf:[0-9]+: the peers "ns2" and "ns3" have the same address'
for wrong in 10.53.0.2:7740 http://10.53.0.2:7740 tcp://10.53.0.2 tcp://fd53::2:7740 tcp://10.53.0.2:65535; do
	edit "s#^  address.*#  address = \"$wrong\"#"
	mistake_at "the address $wrong" '^  address' "address is tcp://HOST:PORT or tcp://\[IPV6\]:PORT, .* not \"$wrong\""
done
edit 's#^listen#lisen#'
mistake_at "a word with a letter too few" '^lisen' ".lisen. is no option"
edit '$d'
mistake_at "a section without its end" '^peer' 'the section peer "ns2" isn.t closed'
edit 's#^node .*#node = "ns1#'
mistake_at "a string without its end" '^node' 'the string isn.t closed'

add 'hook "h" {' '  run = { "/bin/true" }' '  user = "nobodyknows"' '}'
mistake_at "a hook's user that nobody has made" '^hook' 'hook "h": user "nobodyknows": there is no such user'
add 'hook "h" {' '  run = { "/usr/sbin/no-such-hook", "reload" }' '  user = "bind"' '}'
mistake_at "a hook that is not there" '^hook' 'hook "h": /usr/sbin/no-such-hook: No such file'
rm "$C"
mistake "no configuration at all" '^/etc/zonefs/zonefs\.conf: can.t be opened: .*zonefs\.conf\(5\)'
cp $T/good "$C"

# What only root sees is not asked of others' eyes.
as_nobody() { on ns1 setpriv --reuid 65534 --regid 65534 --clear-groups "$@" 2>&1; }
like "--check by somebody" "$(as_nobody zonefs --check)" '^/etc/zonefs/zonefs\.conf: zonefs has to be started by root'
like "a start by somebody" "$(as_nobody zonefs -f)" 'zonefs has to be started by root'
unlike "of which no file is said to be wrong" "$(as_nobody zonefs --check)" 'ns1\.key|belongs to'
like "zonefsctl by somebody" "$(as_nobody zonefsctl status)" 'only root and the user'
like "no /dev/fuse" "$(on ns1 unshare --mount sh -c 'mount -t tmpfs none /dev && zonefs --check' 2>&1)" \
	'^/dev/fuse: is not there: modprobe fuse'
like "nobody to ask" "$(on ns1 zonefsctl status 2>&1)" 'nobody answers at .*: is zonefs running\?'

# What the start finds. The mount is usable all the same.
said() { grep -Eq "$1" "$T/ns1/zonefs.log"; }
for port in 7740 7741; do
	on ns1 python3 -c "import socket
s = socket.create_server(('10.53.0.1', $port))
open('/tmp/taken', 'w')
s.accept()" &
	job=$!
	wait_for 60 test -e "$T/ns1/tmp/taken"
	node_start ns1
	check "port $port is in use" wait_for 60 said "cannot listen at tcp://10\.53\.0\.1:$port: Address already in use"
	on ns1 python3 -c "import socket; socket.create_connection(('10.53.0.1', $port))"
	wait $job
	check "and when it is free the node goes on" wait_for 20 on ns1 zonefsctl peers
	node_stop ns1
	rm "$T/ns1/tmp/taken"
done
edit 's#^listen.*#listen = "tcp://10.53.0.77:7740"#; s#tcp://10.53.0.2:#tcp://nosuch.invalid:#'
node_start ns1
check "an address of no interface" wait_for 60 said 'cannot listen at tcp://10\.53\.0\.77:7740: .*no interface has it'
node_stop ns1
edit 's#tcp://10.53.0.2:#tcp://nosuch.invalid:#'
node_start ns1
check "a name without an address" wait_for 20 said 'nosuch\.invalid:7740: cannot connect: has that name an address here,'
# The commands of a set-up come one after the other: the mount is there before the replicator answers.
for i in 1 2 3; do # each time the next one comes later
	must wait_for 20 replicator_pid ns1
	R=$(replicator_pid ns1)
	kill -9 "$R"
	must wait_for 60 gone "$R"
	check "who asks a moment too early is answered ($i)" on ns1 zonefsctl peers
done
is "a second start is refused" "$(on ns1 zonefs -f 2>&1 | grep -c 'a zonefs is running here already')" 1
finish
