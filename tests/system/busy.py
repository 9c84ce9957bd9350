#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""People at work on several hosts at once, and the books that are kept of it.

    busy.py work NUMBER SEED DIRECTORY STATE    on a host, until STATE/stop is there: saves, edits with vim,
        removes, renames; after some saves it asks `zonefsctl wait`. STATE/saves counts; STATE/confirmed has
        "PATH SIZE" for each save that was confirmed: a size is given once among all hosts.
    busy.py account CONTROL... -- CONFIRMED...  each confirmed save is in some node's history, and what is
        current, and in conflict, is the same on all of them. CONTROL: a node's socket.
"""
import json
import os
import random
import socket
import subprocess
import sys
import time


class Worker:
    def __init__(self, number, seed, directory, state):
        self.number, self.state = number, state
        self.random = random.Random(seed * 100 + number)
        os.chdir(directory)
        self.saves = 0
        self.confirmed = open(state + "/confirmed", "a")

    def path(self):
        # A few names that all fight about, and some of this host's own.
        if self.random.random() < 0.3:
            return "shared.%d" % self.random.randrange(4)
        return "own%d.%d" % (self.number, self.random.randrange(10))

    def content(self):
        self.saves += 1
        size = 64 + 8 * self.saves + self.number
        return b"x" * (size - 1) + b"\n"

    def save(self, path):
        with open(path, "wb") as f:
            f.write(self.content())

    def replace(self, path):
        self.save("new.%d" % self.number)
        os.rename("new.%d" % self.number, path)

    def vim(self, path):
        size = len(self.content())
        subprocess.run(["vim", "-e", "-s", "-N", "-u", "NONE", "-i", "NONE", "-c", "%d", "-c",
                        "call setline(1, repeat('x', %d))" % (size - 1), "-c", "wq!", path],
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def wait(self, path):
        size = os.stat(path).st_size
        done = subprocess.run(["zonefsctl", "wait", "--timeout", "3", path], capture_output=True)
        if done.returncode == 0:
            self.confirmed.write("%s %d\n" % (path, size))
            self.confirmed.flush()

    def mine(self, path):
        """What is there was saved here, last."""
        size = os.stat(path).st_size
        return size == 64 + 8 * self.saves + self.number

    def step(self):
        kind, path = self.random.random(), self.path()
        if kind < 0.08:
            os.unlink(path)
        elif kind < 0.14:
            os.rename(path, self.path())
        elif kind < 0.18:
            os.chmod(path, self.random.choice((0o600, 0o640, 0o644)))
        else:
            (self.vim if kind < 0.24 else self.replace if kind < 0.5 else self.save)(path)
            if self.random.random() < 0.25 and self.mine(path):
                self.wait(path)

    def work(self):
        while not os.path.exists(self.state + "/stop"):
            try:
                self.step()
            except FileNotFoundError:
                pass  # somebody removed it, here or elsewhere
            with open(self.state + "/saves.new", "w") as f:
                f.write("%d\n" % self.saves)
            os.rename(self.state + "/saves.new", self.state + "/saves")
            time.sleep(self.random.random() * 0.05)  # people pause


def ask(control, **request):
    s = socket.socket(socket.AF_UNIX)
    s.connect(control)
    s.sendall(json.dumps(dict(request, zonefs=1)).encode() + b"\n")
    lines = []
    for line in s.makefile():
        lines.append(json.loads(line))
        if lines[-1].get("end"):
            break
    return lines


def account(controls, files):
    books = {}
    for name in files:
        for line in open(name):
            path, size = line.split()
            books.setdefault("etc/w/" + path, set()).add(int(size))
    kept, current, bad, saves = {}, {}, [], 0
    for path in books:
        for control in controls:
            for v in ask(control, command="history", path=path):
                if v.get("type") != "version":
                    continue
                kept.setdefault(path, set()).add(v.get("size"))
                if v.get("visible"):
                    current.setdefault(path, {})[control] = v["id"]
        saves += len(books[path])
        bad += ["%s, %d bytes: confirmed, and lost" % (path, s) for s in books[path] - kept.get(path, set())]
        if len(set(current.get(path, {}).values())) > 1:
            bad.append("%s: current are %s" % (path, current[path]))
    conflicts = [sorted((v["path"], v["id"]) for v in ask(c, command="conflicts") if v.get("type") == "version")
                 for c in controls]
    if any(c != conflicts[0] for c in conflicts):
        bad.append("conflicts differ: %s" % conflicts)
    print("%d confirmed saves of %d paths on %d nodes" % (saves, len(books), len(controls)))
    print("\n".join(bad))
    return 1 if bad or saves == 0 else 0


if __name__ == "__main__":
    if sys.argv[1] == "work":
        Worker(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]).work()
    else:
        cut = sys.argv.index("--")
        sys.exit(account(sys.argv[2:cut], sys.argv[cut + 1:]))
