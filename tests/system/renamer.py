#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Renames of files to names whose versions of a peer are being installed at that moment.

    renamer.py make COUNT            here: aI, bI and cI for each I below COUNT
    renamer.py change COUNT          what the peer does with each aI: another mode for the first third,
                                     another content for the second; the others are removed. To cI just before.
    renamer.py rename COUNT BENEATH  in turn, bI becomes aI, at a random moment about the time when the peer's
                                     aI is installed: that of cI comes just before, as is seen in BENEATH, which
                                     this directory of a mount is laid over. Says "ready" at the beginning.
    renamer.py check COUNT           of each aI that is neither the local file nor a later save of the peer's

In the current directory; says what failed.
"""
import os
import random
import sys
import time

FIRST_SEC = 60
NEXT_SEC = 0.05
GAP_MAX_SEC = 0.01


def write(name, text):
    with open(name, "w") as f:
        f.write(text)


def make(i, _):
    write("a%d" % i, "old %d" % i)
    write("b%d" % i, "local %d" % i)
    write("c%d" % i, "")


def change(i, count):
    a, c = "a%d" % i, "c%d" % i
    if i < 2 * count // 3:
        os.chmod(c, 0o600)
    else:
        os.unlink(c)
    if i < count // 3:
        os.chmod(a, 0o600)
    elif i < 2 * count // 3:
        write(a, "remote %d" % i)
    else:
        os.unlink(a)


def check(i, count):
    with open("a%d" % i) as f:
        text = f.read()
    rewritten = count // 3 <= i < 2 * count // 3
    if text != "local %d" % i and not (rewritten and text == "remote %d" % i):
        print("a%d: %s" % (i, text))
    if os.path.exists("b%d" % i):
        print("b%d is still there" % i)


def state(path):
    try:
        return os.lstat(path).st_ctime_ns
    except FileNotFoundError:
        return None


def until(end, done=lambda: False):
    while time.monotonic() < end and not done():
        pass


def rename(count, beneath):
    pacers = ["%s/c%d" % (beneath, i) for i in range(count)]
    old = [state(p) for p in pacers]
    print("ready", flush=True)
    gap, last = 0, None
    for i in range(count):
        until(time.monotonic() + (NEXT_SEC if i else FIRST_SEC),
              lambda: state(pacers[i]) != old[i])
        now = time.monotonic()
        gap = min(0.9 * gap + 0.1 * (now - (last or now)), GAP_MAX_SEC)
        last = now
        until(now + random.random() * gap)
        try:
            os.rename("b%d" % i, "a%d" % i)
        except OSError as e:
            print(i, e)


def main():
    verb, count = sys.argv[1], int(sys.argv[2])
    if verb == "rename":
        rename(count, sys.argv[3])
        return
    for i in range(count):
        try:
            {"make": make, "change": change, "check": check}[verb](i, count)
        except OSError as e:
            print(i, e)


main()
