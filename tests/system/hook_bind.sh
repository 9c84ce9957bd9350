#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The hook for BIND and a real named in a plain chroot, without a mount.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
chroot_make ns1
chroot_fill ns1
C=$T/ns1$TREE
Z=$C/var/named
{
	zone_stanza a.test
	zone_stanza b.test
	echo 'zone "dyn.test" { type master; file "dynamic/dyn.zone"; allow-update { 127.0.0.1; }; };'
} >>"$C/etc/named.conf"
zone_text a.test 1000 >"$Z/a.test.zone"
zone_text b.test 2000 >"$Z/b.test.zone"
zone_text dyn.test 1 >"$Z/dynamic/dyn.zone"
chown -R bind:bind "$Z/dynamic"

mkfifo "$T/to" "$T/from"
# As the hook runner does: named's user, a clean environment, items on standard input.
hook_as() {
	local user=$1
	shift
	on ns1 env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin ZONEFS_HOOK=bind ZONEFS_NODE=ns1 ZONEFS_MOUNT=$TREE \
		setpriv --reuid "$user" --regid "$user" --init-groups "$BIN/hooks/bind" "$@" reload
}
# OUT is for people, PROOFS are its lines for the replicator.
hook() {
	local items=$1
	shift
	OUT=$(printf "$items" | hook_as bind "$@" 2>&1)
	STATUS=$?
	PROOFS=$(grep "^proof	" <<<"$OUT")
	OUT=$(grep -v "^proof	" <<<"$OUT")
}
proofs() { cut -f "$1" <<<"$PROOFS" | tr '\t' ' ' | sort | xargs; }
save() { cat >"$1.new" && mv "$1.new" "$1"; }

hook 'changed\tvar/named/a.test.zone\n'
is "while named is not running the hook fails" $STATUS 1
like "and says so" "$OUT" "connection refused"

named_start ns1
hook 'changed\tvar/named/a.test.zone\n'
is "a zone that is served already is served" "$STATUS $OUT" "0 served a.test 1000"

BEGUN=$(date +%s)
zone_text a.test 1001 | save "$Z/a.test.zone"
zone_text b.test 2001 | save "$Z/b.test.zone"
hook 'changed\tvar/named/a.test.zone\n'
is "a changed zone is loaded and proved" "$STATUS $OUT" "0 served a.test 1001"
is "its neighbour is left alone" "$(serial_on ns1 b.test)" 2000
is "the proof has zone, class, no view, serial and path" "$(proofs 2,3,4,5,6,8)" \
	"a.test IN served 1001 var/named/a.test.zone"
LOADED=$(proofs 7) # times of files are those of the last tick
check "and when named loaded it" test "$LOADED" -ge $((BEGUN - 1)) -a "$LOADED" -le "$(date +%s)"
hook 'changed\tvar/named/b.test.zone\nchanged\tvar/named/a.test.zone\n'
is "two at once, each has its line" "$STATUS $(sort <<<"$OUT" | xargs)" "0 served a.test 1001 served b.test 2001"

zone_text c.test 1 >"$Z/c test.zone"
printf 'zone "c.test" { type primary; file "c test.zone"; };\n' >>"$C/etc/named.conf"
hook 'changed\tetc/named.conf\n'
is "configuration: reconfigured, all are served" $STATUS 0
like "the new zone too" "$OUT" "^served c.test 1$"
zone_text c.test 2 | save "$Z/c test.zone"
hook 'changed\tvar/named/c\\040test.zone\n'
is "escaped names are understood" "$STATUS $OUT" "0 served c.test 2"

zone_stanza d.test >>"$C/etc/named.conf"
hook 'changed\tetc/named.conf\n'
is "a zone without its file is no failure" $STATUS 0
like "but is told" "$OUT" "d.test waits for its file"
zone_text d.test 7 >"$Z/d.test.zone"
hook 'changed\tvar/named/d.test.zone\n'
is "then its file comes" "$STATUS $OUT" "0 served d.test 7"

zone_stanza e.test >>"$C/etc/named.conf"
zone_text e.test 3 >"$Z/e.test.zone"
hook 'changed\tvar/named/e.test.zone\n'
is "a zone that named was not told of is made known" $STATUS 0
like "and served" "$OUT" "^served e.test 3$"

hook 'changed\tvar/named/dynamic/dyn.zone\n'
is "a dynamic zone is not reloaded" $STATUS 0
like "which is said" "$OUT" "dyn.test takes updates"

printf 'www IN A 10.0.0.1\n' >"$Z/common"
zone_text a.test 1002 '$INCLUDE "common"' | save "$Z/a.test.zone"
hook 'changed\tvar/named/a.test.zone\n'
printf 'www IN A 10.0.0.2\n' | save "$Z/common"
CONF_READ=$(grep -c 'loading configuration from' "$T/ns1/named.log")
hook 'changed\tvar/named/common\n'
is "a file that a zone may include: everything is reloaded" $STATUS 0
www_is() { [ "$(ask ns1 www.a.test a)" = "$1" ]; }
check "and the record is there" wait_for 60 www_is 10.0.0.2

is "of which the configuration has nothing, so it is not read" \
	"$(grep -c 'loading configuration from' "$T/ns1/named.log")" "$CONF_READ"

zone_text a.test 1003 | tail -n +2 >"$Z/top"
printf '$INCLUDE common\n$INCLUDE top\n' >"$Z/both"
printf '$TTL 300\n$ORIGIN a.test.\n$INCLUDE both\n' | save "$Z/a.test.zone"
hook 'changed\tvar/named/a.test.zone\n'
is "its SOA record is in a file that it includes" "$STATUS $OUT" "0 served a.test 1003"
echo '$INCLUDE both' | save "$Z/both"
hook 'changed\tvar/named/a.test.zone\n'
like "one that includes itself has none" "$OUT" "^failed a.test .*no SOA"
zone_text a.test 1004 | save "$Z/a.test.zone"

ln -s /var/named/b.test.zone "$Z/link.zone"
printf 'zone "l.test" { type primary; file "link.zone"; };\n' >>"$C/etc/named.conf"
hook 'changed\tetc/named.conf\n'
zone_text b.test 2002 | sed 's/\.b\.test\././' | save "$Z/b.test.zone"
hook 'changed\tvar/named/b.test.zone\n'
like "a symbolic link inside the chroot leads to its zone" "$OUT" "^served l.test 2002$"

echo 'this is no zone' | save "$Z/b.test.zone"
hook 'changed\tvar/named/b.test.zone\n'
is "a broken zone fails" $STATUS 1
like "with words" "$OUT" "^failed b.test .*no SOA"
is "and a proof of that" "$(proofs 2,5)" "b.test failed l.test failed"
zone_text b.test 2003 'x IN A 1.2.3' | save "$Z/b.test.zone"
# It tells what its last question was answered, be it by silence.
fails_with() { hook "$1"; [ "$STATUS" = 1 ] && grep -Eq "$2" <<<"$OUT"; }
REFUSES="^failed b.test named serves 2002, the file has 2003"
wait_for 120 fails_with 'changed\tvar/named/b.test.zone\n' "$REFUSES"
like "one that named refuses fails after the bound" "$OUT" "$REFUSES"
zone_text b.test 2004 | save "$Z/b.test.zone"
hook 'changed\tvar/named/b.test.zone\n'
like "mended, it is served" "$OUT" "^served b.test 2004$"

# Its file changes between named's load and the question: whoever changed it has a run of its own.
mkdir -p "$T/ns1/tmp/bin"
cat >"$T/ns1/tmp/bin/rndc" <<-END
	#!/bin/sh
	/usr/sbin/rndc "\$@" || exit
	case "\$*" in *"reload a.test"*) ;; *) exit 0 ;; esac
	for i in \$(seq 600); do
		/usr/sbin/rndc "\$1" "\$2" zonestatus a.test | grep -qx 'serial: 1005' && break
		sleep 0.1
	done
	mv $TREE/var/named/next $TREE/var/named/a.test.zone
END
chmod 755 "$T/ns1/tmp/bin" "$T/ns1/tmp/bin/rndc"
zone_text a.test 1005 | save "$Z/a.test.zone"
zone_text a.test 1006 >"$Z/next"
OUT=$(echo 'changed	var/named/a.test.zone' | on ns1 env -i PATH=/tmp/bin:/usr/sbin:/usr/bin:/sbin:/bin ZONEFS_MOUNT=$TREE \
	setpriv --reuid bind --regid bind --init-groups "$BIN/hooks/bind" -r "-k $TREE/etc/rndc.key -y rndc-key" reload 2>&1)
is "what named was told to load is served, whatever came after it" "$? $(grep -v '^proof' <<<"$OUT")" "0 served a.test 1005"
is "... which did come" "$(grep -c ' 1006 ' "$Z/a.test.zone")" 1

rm "$Z/e.test.zone"
hook 'removed\tvar/named/e.test.zone\n'
is "a configured zone's file is removed: failed" $STATUS 1
sed -i '/e.test/d' "$C/etc/named.conf"
hook 'changed\tetc/named.conf\nremoved\tvar/named/e.test.zone\n'
is "out of the configuration as well: fine" $STATUS 0
is "and no longer served" "$(TRIES=30 rcode ns1 e.test soa)" REFUSED

hook 'all\t\n'
is "all: reloaded" $STATUS 0
is "and each zone is asked for" "$(echo "$OUT" | grep -c '^served')" 5
hook 'changed\tvar/named\n'
is "a directory by itself changes nothing" "$STATUS $OUT" "0 "

cp -a "$C/etc/named.conf" "$C/etc/good"
: >"$C/etc/named.conf"
hook 'changed\tetc/named.conf\n'
like "an empty configuration, as while it is written, is not loaded" "$STATUS $OUT" '^1 .*waits: it is empty'
is "... named goes on" "$(serial_on ns1 c.test) $(rndc_on ns1 zonestatus c.test | sed -n 's/^serial: //p')" "2 2"
cat "$C/etc/good" >"$C/etc/named.conf"
echo 'zone {' >>"$C/etc/named.conf"
hook 'changed\tetc/named.conf\n'
is "a mistake in the configuration fails" $STATUS 1
like "in the checker's words" "$OUT" "named.conf:[0-9]+:"
mv "$C/etc/good" "$C/etc/named.conf"

# Two views, of which an SOA query would see one.
sed -i '/^zone/d' "$C/etc/named.conf"
cat >>"$C/etc/named.conf" <<-END
	view "inside" { match-clients { 127.0.0.1; }; zone "v.test" { type primary; file "v.in"; }; };
	view "outside" { match-clients { any; }; zone "v.test" IN { type primary; file "v.out"; };
		zone "w.test" { in-view "inside"; }; zone "s.test" { type primary; file "s.zone";
		dnssec-policy default; inline-signing yes; key-directory "dynamic"; }; };
END
sed -i 's/zone "w.test" { in-view "inside"; };//' "$C/etc/named.conf"
zone_text v.test 10 >"$Z/v.in"
zone_text v.test 20 >"$Z/v.out"
zone_text s.test 30 >"$Z/s.zone"
chown bind:bind "$Z"/s.zone
hook 'changed\tetc/named.conf\n'
is "views: each has its proof" "$(proofs 2,4,5,6)" \
	"s.test outside served 30 v.test inside served 10 v.test outside served 20"
is "views: all of them are served" "$STATUS $(sort <<<"$OUT" | xargs)" "0 served s.test 30 served v.test 10 served v.test 20"
zone_text v.test 21 | save "$Z/v.out"
hook 'changed\tvar/named/v.out\n'
is "the view whose file changed is loaded and proved" "$STATUS $OUT" "0 served v.test 21"
zone_text s.test 31 | save "$Z/s.zone"
hook 'changed\tvar/named/s.zone\n'
is "a zone that named signs is proved by its own serial" "$STATUS $OUT" "0 served s.test 31"

# Views by key: besides what named has loaded, whoever asks with a view's key is answered from it.
cp -a "$C/etc/named.conf" "$C/etc/good"
sed -i '/^view/,$d' "$C/etc/named.conf"
cat >>"$C/etc/named.conf" <<-END
	key "in-key" { algorithm hmac-sha256; secret "$(head -c 32 /dev/urandom | base64)"; };
	key "out-key" { algorithm hmac-sha512; secret "$(head -c 64 /dev/urandom | base64)"; };
	view "inside" { match-clients { !key "out-key"; key "in-key"; 10.0.0.0/8; 127.0.0.1; };
		zone "v.test" { type primary; file "v.in"; }; };
	view "outside" { match-clients { key "out-key"; any; };
		zone "v.test" { type primary; file "v.out"; }; };
END
zone_text v.test 11 | save "$Z/v.in"
zone_text v.test 22 | save "$Z/v.out"
hook 'changed\tetc/named.conf\nchanged\tvar/named/v.in\nchanged\tvar/named/v.out\n'
is "views by key: both are proved" "$STATUS $(proofs 2,4,5,6)" "0 v.test inside served 11 v.test outside served 22"
by_key() { dig +time=1 +tries=30 +short -k "$T/ns1/tmp/$1" @10.53.0.1 v.test soa | awk '{print $3}'; }
on ns1 bash -c "named-checkconf -p -t $TREE /etc/named.conf | sed -n '/^key \"out-key\"/,/^};/p' >/tmp/out"
is "... and answered to whoever has the key" "$(by_key out)" 22
# The zone in the view does not answer those who come with its key.
sed -i 's/file "v.out";/& allow-query { !key "out-key"; any; };/' "$C/etc/named.conf"
REFUSES='failed v.test in view outside: named has loaded 22, but asked with the view.s key out-key: named answers REFUSED'
wait_for 120 fails_with 'changed\tetc/named.conf\n' "$REFUSES"
is "a view that does not answer its key: not served" $STATUS 1
like "... in words" "$OUT" "$REFUSES"
like "... its neighbour is" "$OUT" '^served v.test 11$'
mv "$C/etc/good" "$C/etc/named.conf"
zone_text v.test 10 >"$Z/v.in"
zone_text v.test 21 >"$Z/v.out"
hook 'changed\tetc/named.conf\nchanged\tvar/named/v.in\nchanged\tvar/named/v.out\n'

# One that goes on running, batch after batch.
on ns1 env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin ZONEFS_HOOK=bind ZONEFS_NODE=ns1 ZONEFS_MOUNT=$TREE \
	setpriv --reuid bind --regid bind --init-groups "$BIN/hooks/bind" batches <"$T/to" >"$T/from" 2>&1 &
HELPER=$!
sleep 1000 >"$T/to" & # its input goes on; nobody else has it open for long
INPUT=$!
exec {FROM}<"$T/from"
# batch ITEMS: OUT, PROOFS, STATUS as of one run.
batch() {
	local line
	OUT= PROOFS= STATUS=
	printf "$1\n" >"$T/to"
	while IFS= read -r -t 60 -u $FROM line; do
		case $line in
		"done "*) STATUS=${line#done }; break ;;
		"proof	"*) PROOFS=${PROOFS:+$PROOFS$'\n'}$line ;;
		*) OUT=${OUT:+$OUT$'\n'}$line ;;
		esac
	done
}
for i in 50 51 52; do
	zone_text v.test $i | save "$Z/v.in"
	batch 'changed\tvar/named/v.in\n'
	is "batches: a change is served ($i)" "$STATUS $OUT" "0 served v.test $i"
done
is "... with its proof" "$(proofs 2,4,5,6)" "v.test inside served 52"
batch ''
is "an empty batch is one" "$STATUS $OUT" "0 "
batch 'nonsense\nchanged\tvar/named/v.in\n'
is "what is no batch is a mistake" "$STATUS" 2
batch 'changed\tvar/named/v.in\n'
is "... and the next one is none" "$STATUS $OUT" "0 served v.test 52"
sed -i 's/zone "s.test"/zone "n.test" { type primary; file "n.zone"; }; zone "s.test"/' "$C/etc/named.conf"
zone_text n.test 1 >"$Z/n.zone"
batch 'changed\tetc/named.conf\nchanged\tvar/named/n.zone\n'
like "a new configuration is seen" "$STATUS $OUT" "served n.test 1"
zone_text n.test 2 | save "$Z/n.zone"
batch 'changed\tvar/named/n.zone\n'
is "... and its zone known from then on" "$STATUS $OUT" "0 served n.test 2"
named_stop ns1
batch 'changed\tvar/named/n.zone\n'
is "named is stopped: it fails" "$STATUS" 1
like "... in words" "$OUT" "connection refused"
named_start ns1
zone_text n.test 3 | save "$Z/n.zone"
batch 'changed\tvar/named/n.zone\n'
is "it is back: served" "$STATUS $OUT" "0 served n.test 3"

# What is held back lies in the zone's file, and is not to be loaded.
has() { rndc_on ns1 zonestatus "$1" in "$2" | sed -n 's/^serial: //p'; }
zone_text n.test 4 | save "$Z/n.zone"
zone_text v.test 53 | save "$Z/v.in"
batch 'held\tvar/named/n.zone\nchanged\tvar/named/n.zone\nchanged\tvar/named/v.in\n'
is "what is held is not loaded, its neighbour is" "$STATUS $(echo $OUT)" \
	"0 zone n.test is not loaded: what its file has now is held served v.test 53"
is "... and what named has of it is said" "$(proofs 2,5,6)" "n.test held 3 v.test served 53"
batch 'held\tvar/named/n.zone\nall\t\n'
is "... nor when all are" "$STATUS $(has n.test outside)" "0 3"
batch 'held\t\nchanged\tvar/named/v.in\nall\t\n'
is "anything may be held: nothing is loaded, nor the configuration, which fails" "$STATUS $(has n.test outside)" "1 3"
rndc_on ns1 reload n.test in outside >/dev/null
check "it is loaded by hand" wait_for 60 eval '[ "$(has n.test outside)" = 4 ]'
batch 'held\tvar/named/n.zone\n'
is "... which is said" "$STATUS$OUT $(proofs 2,5,6)" "0 n.test held 4"
cp -a "$C/etc/named.conf" "$C/etc/good"
echo 'zone {' >>"$C/etc/named.conf"
zone_text v.test 54 | save "$Z/v.in"
batch 'changed\tvar/named/v.in\n'
is "a broken configuration that named was not told of: it goes on, and so do its zones" "$STATUS $OUT" "0 served v.test 54"
batch 'changed\tetc/named.conf\n'
like "... told of, it fails" "$STATUS $OUT" "^1 .*named.conf:[0-9]+:"
mv "$C/etc/good" "$C/etc/named.conf"

# What is held is the configuration: named does not read it.
cp -a "$C/etc/named.conf" "$C/etc/good"
sed -i 's/view "outside" {/& zone "draft.test" { type primary; file "v.out"; };/' "$C/etc/named.conf"
zone_text v.test 55 | save "$Z/v.in"
batch 'held\tetc/named.conf\nchanged\tetc/named.conf\nchanged\tvar/named/v.in\n'
like "a configuration that is held waits, in words" "$STATUS $OUT" '^1 the configuration is not loaded, and waits: '
like "... and its zones are loaded all the same" "$OUT" '^served v\.test 55$'
batch 'held\tetc/named.conf\nchanged\tvar/named/v.in\nall\t\n'
is "... also when all are" "$(has draft.test outside)" ""
batch 'changed\tetc/named.conf\n'
is "released, it is loaded" "$STATUS $(has draft.test outside | wc -l)" "0 1"
mv "$C/etc/good" "$C/etc/named.conf"
batch 'changed\tvar/named/v.in\n'
mv "$Z/n.zone" "$Z/real"
ln -s real "$Z/n.zone"
batch 'changed\tvar/named/n.zone\n'
zone_text n.test 5 | save "$Z/real"
batch 'changed\tvar/named/real\n'
is "a link that has come since leads to its zone" "$STATUS $OUT" "0 served n.test 5"
ln "$Z/v.in" "$Z/hard"
zone_text v.test 55 >"$Z/hard"
batch 'changed\tvar/named/hard\n'
is "... a hard one, too" "$STATUS $OUT" "0 served v.test 55"
kill $INPUT
wait $INPUT 2>/dev/null
check "the end of its input is its end" wait_for 60 gone $HELPER

OUT=$(echo | hook_as bind -x 2>&1); is "an unknown option is a mistake" $? 2
hook 'changed\t../etc/passwd\n'; is "a path that leads out is a mistake" $STATUS 2
OUT=$(printf 'changed\tvar/named/v.in\n' | hook_as root 2>&1 | grep -v ^proof)
is "root needs no namespace" "$OUT" "served v.test 55"
finish
