#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The manual pages, README.md and the sample configuration: what they show is what the programs take, and what the
# programs have is in them. pages.py says how.
. "$(dirname "$0")/lib.sh"
world_enter "$@"

host_new ns1
# What the examples name, as it is after an installation.
must mkdir $T/source
must cp -r "$TOP"/{man,README.md,base,fs,replicator,tools} $T/source/
must on ns1 mount -t tmpfs -o mode=755 none /usr/libexec
must on ns1 mount -t tmpfs -o mode=755 none /usr/local/sbin
sh_on ns1 "install -D $BIN/hooks/bind /usr/libexec/zonefs/hooks/bind
	install /bin/true /usr/local/sbin/zonefs-mail; mkdir -p /etc/bind"
on ns1 getent passwd named >/dev/null || echo 'named:x:64008:64008::/:/usr/sbin/nologin' >>"$T/ns1/etc/passwd"

on ns1 /usr/bin/python3 $LIB_DIR/pages.py $T/source $LIB_DIR >"$T/said" 2>"$T/trouble"
is "it comes to its end" "$? $(cat "$T/trouble")" "0 "
while IFS=$'\t' read -r verdict name words; do
	case $verdict in
	+) ok "$name" ;;
	*) not_ok "$name" "${words//$'\t'/$'\n'}" ;;
	esac
done <"$T/said"
finish
