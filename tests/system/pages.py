#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages, README.md and the sample configuration against the programs that they speak of.

pages.py SOURCE TESTS: the source's folder, and that of the system tests. Runs as root on a host of its own
(lib.sh), with the programs in PATH. Prints a line a test: "+", a tab and its name; or "-" and what is wrong,
too, each line of it after another tab.

An example says what it is, in a page by a comment before it (.\\" example: KIND), in README.md by the fence:
  conf           zonefs.conf, or sections of it: `zonefs --check` takes it. "conf health": inside that section
  console        commands after "# ", and what they print: the form of that is compared where the command is
                 run, by `shown` of lib.sh
  script, sh     runs as it is; at least its syntax is right, and its zonefsctl commands exist
  named          the name server's configuration
  format, other, text     no example of anything that is here
"""
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

SOURCE, TESTS = Path(sys.argv[1]), Path(sys.argv[2])
PAGES = sorted((SOURCE / "man").glob("*.[1-8]"))
KINDS = {"conf", "conf health", "console", "script", "sh", "named", "format", "other", "text"}
CONF = Path("/etc/zonefs/zonefs.conf")
REQUIRED = {"node": "ns1", "mount": "/var/named/chroot", "state": "/var/lib/zonefs",
            "listen": "tcp://192.0.2.1:7740", "key-file": "/etc/zonefs/ns1.key"}


def test(name, mistakes):
    lines = [line for m in mistakes for line in m.splitlines()]
    print("\t".join(["-" if lines else "+", name] + lines), flush=True)


def run(*argv, **more):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False, **more)
    return done.returncode, done.stdout


def plain(text):
    """What a page shows of this piece of roff."""
    for roff, shown in ((r"\&", ""), (r"\-", "-"), (r"\(dq", '"'), (r"\[dq]", '"'), (r"\e", "\\")):
        text = text.replace(roff, shown)
    return re.sub(r"\\f.", "", text)


def section(page, name):
    """All of a page's subsections of that name."""
    return "".join(re.findall(rf"^\.Ss {name}\b.*?(?=^\.S[sh] )", page, re.M | re.S))


class Example:
    def __init__(self, file, line, kind, lines):
        self.place, self.page = f"{file.name}:{line}", file.name
        self.kind, self.lines = kind, lines
        self.text = "\n".join(lines) + "\n"


def in_page(file):
    kind, end, lines, at = "", None, [], 0
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if end is None and (line.startswith(".Bd") or line == ".EX"):
            end, lines, at = {".": ".Ed", "E": ".EE"}[line[1].replace("B", ".")], [], number
        elif line == end:
            yield Example(file, at, kind, lines)
            kind, end = "", None
        elif end is not None:
            lines.append(plain(line))
        else:
            said = re.match(r'\.\\" example: (.*)', line)
            kind = said.group(1) if said else ""


def in_readme(file):
    fence = None
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if not line.startswith("```"):
            if fence:
                fence[2].append(line)
        elif fence:
            yield Example(file, *fence)
            fence = None
        else:
            fence = (number, line[3:], [])


EXAMPLES = [e for p in PAGES for e in in_page(p)] + list(in_readme(SOURCE / "README.md"))


# ---- the configuration

def complete(text, inside):
    """With what a part of a file leaves to be said before it."""
    if inside == "health":
        text = 'probe "p" {\n address = "127.0.0.1"\n zones = { "a.test" }\n}\n' \
               f'health "h" {{\n service = {{ "192.0.2.53" }}\n{text}}}\n'
    return text + "".join(f'{name} = "{value}"\n' for name, value in REQUIRED.items()
                          if not re.search(rf"^{name}\s*=", text, re.M))


def zonefs_takes(text):
    CONF.write_text(text)
    key = re.search(r'^key-file\s*=\s*"(.*)"', text, re.M).group(1)
    if not os.path.exists(key):
        run("zonefsctl", "keygen", key)
    status, words = run("zonefs", "--check")
    return [] if status == 0 and not re.search(r":\d+:", words) else [words]


def configurations():
    for e in EXAMPLES:
        if e.kind.startswith("conf"):
            test(f"{e.place}: zonefs takes the configuration", zonefs_takes(complete(e.text, e.kind[5:])))
    sample = (SOURCE / "tools/zonefs.conf.sample").read_text()
    test("the sample is taken", zonefs_takes(sample))
    test("the sample is taken with all that is commented out",
         zonefs_takes(re.sub(r"^#(?=\S|  +\S)", "", sample, flags=re.M)))


# Where the options of each of the parser's tables are described.
DESCRIBED = {"": "Options", "peer": "Peers", "hook": "Hooks", "alert": "Alerts", "server": "The name server",
             "zone": "Zones", "probe": None, "health": None}
IN_WORDS_ONLY = {("peer", "accept"), ("probe", "view")}  # in the sample: they go with no other option there


def tables():
    source = (SOURCE / "base/conf.c").read_text()
    for kind, text in re.findall(r"^static cfg_opt_t (?:(\w+)_)?options\[\] = {(.*?)^};", source, re.M | re.S):
        yield kind, re.findall(r'\b(?:STR|LIST|INT|CFG_\w+)\("([\w-]+)"', text)


def options():
    conf, health = ((SOURCE / "man" / p).read_text() for p in ("zonefs.conf.5", "zonefs-health.8"))
    sample = (SOURCE / "tools/zonefs.conf.sample").read_text()
    test("the parser's tables are those that are known here", [] if {k for k, _ in tables()} == set(DESCRIBED)
         else [str([k for k, _ in tables()])])
    for kind, names in tables():
        page = section(conf, DESCRIBED[kind]) if DESCRIBED.get(kind) else health
        said = {w for line in re.findall(r"^\.(?:It )?Ic (.*)$", page, re.M) for w in re.split(r"[ ,]+", line)}
        if kind == "":
            said |= set(re.findall(r"^\.Ic (\w+)", conf, re.M))  # the sections
        test(f"each option of {kind or 'the node'} is described", [n for n in names if n not in said])
        own = sample
        if kind:
            found = re.search(rf'^#{kind} "[^"]*" {{\n(.*?)^#}}', sample, re.M | re.S)
            own = found.group(1) if found else ""
        test("... and in the sample", [
            n for n in names if not (re.search(rf'^#? *{n}(?:\s*=| "[^"]*" {{)', own, re.M) or
                                     ((kind, n) in IN_WORDS_ONLY and re.search(rf"\b{n} = ", sample)))])


# ---- commands

def usage():
    """Of each subcommand the line in `zonefsctl help`."""
    return dict(re.findall(r"^  ([a-z][a-z-]*)(.*)$", run("zonefsctl", "help")[1], re.M))


USAGE = usage()


def first_command(line):
    """A shell's line up to what is no part of its first command."""
    words, lexer = [], shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    for word in lexer:
        if set(word) <= set("&|;<>"):
            break
        words.append(word)
    return words


def commands_of(line):
    return [first_command(part) for part in re.split(r"&&|;", line)]


def refused(words):
    """What the program says if this is no way to call it. No node is there to answer."""
    if words[0] == "zonefsctl":
        status, said = run(*words, env={**os.environ, "LC_ALL": "C.UTF-8"})
    elif words[0] == "zonefs":
        status, said = run(*words, *([] if "--check" in words else ["--check"]))
    elif words[0] == "zonefs-prestart":
        status, said = run(*words)
    else:
        return []
    if status != 2 or (words[:2] == ["zonefsctl", "diff"] and "usage:" not in said):  # diff(1)'s "trouble"
        return []
    return [f"{' '.join(words)}: {said}"]


def command_lines():
    zonefs_takes(complete("", ""))
    for e in EXAMPLES:
        if e.kind == "console":
            lines = [line[2:] for line in e.lines if line.startswith("# ")]
        elif e.kind in ("script", "sh"):
            lines = [line for line in e.lines if line.startswith("zonefs")]
            test(f"{e.place}: the shell's syntax", [] if run("sh", "-nc", e.text)[0] == 0 else [e.text])
        else:
            continue
        calls = [c for line in lines for c in commands_of(line) if c and c[0].startswith("zonefs")]
        if calls:
            test(f"{e.place}: each command can be called like that", [m for c in calls for m in refused(c)])


def hooks_run():
    """The scripts of zonefs-hooks(7), with what they call replaced: nsd-control, sendmail."""
    stubs = Path("/tmp/stubs")
    stubs.mkdir()
    for name, words in (("nsd-control", 'echo "nsd-control $*"'), ("sendmail", "cat"), ("logger", 'echo "$*"')):
        (stubs / name).write_text(f"#!/bin/sh\n{words}\n")
        (stubs / name).chmod(0o755)
    more = {"PATH": f"{stubs}:{os.environ['PATH']}", "ZONEFS_NODE": "ns1", "ZONEFS_ALERT": "cut-off",
            "ZONEFS_ALERT_PATH": "", "ZONEFS_ALERT_PEER": "ns2", "ZONEFS_ALERT_HOOK": ""}
    calls = ((["batches"], "changed\ta\nremoved\tb\n\nall\t\n\n", r"changed: changed\ta removed\tb\ndone 0\n.*: all\ndone 0\n$"),
             (["reload"], "changed\tnsd/a.zone\n", r"^nsd-control reload\nnsd-control zonestatus\n$"),
             (["root", "begins"], "It is away.\n",
              r"^To: root\nSubject: zonefs on ns1: cut-off ns2 begins\n\nIt is away\.\n$"))
    scripts = [e for e in EXAMPLES if e.kind == "script"]
    test("each script of an example is called here", [] if len(scripts) == len(calls) else [str(len(scripts))])
    for e, (words, given, wanted) in zip(scripts, calls):
        file = Path("/tmp/script")
        file.write_text(e.text.replace("/usr/sbin/sendmail", "sendmail"))
        file.chmod(0o755)
        done = subprocess.run([file, *words], input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60, check=False, env={**os.environ, **more})
        test(f"{e.place}: the script does what is said of it",
             [] if done.returncode == 0 and re.search(wanted, done.stdout) else [f"{done.returncode}: {done.stdout}"])


def unknown(call):
    """In running text: the subcommand and its options."""
    words = call.split()
    if words[0] not in USAGE and words[0] != "help" and not words[0].startswith("-"):
        return [f"there is no zonefsctl {words[0]}"]
    return [f"zonefsctl {words[0]} has no {w}" for w in words[1:]
            if w.startswith("-") and w not in re.split(r"[][ |]+", USAGE.get(words[0], ""))]


def in_text(file):
    text = file.read_text()
    if file.name == "README.md":
        found = re.findall(r"`zonefsctl ([^`]*)`", text)
    else:
        found = re.findall(r'(?:^\.(?:Pq |It |P[oc] )*(?:Ql|Ic) |"|\b(?:Pq|and|or) Ql )zonefsctl (.*?)(?:$|")', text, re.M)
    for call in found:
        call = re.sub(r" (?:Ar|Cm|Op|Oo|Oc|No|Pq|,|\.|\)).*", "", plain(call))
        yield re.sub(r"\bFl -*(\w+)", lambda m: ("-" if len(m[1]) == 1 else "--") + m[1], call).rstrip(" .,;:)")


def running_text():
    for file in [*PAGES, SOURCE / "README.md", SOURCE / "tools/zonefs.conf.sample"]:
        calls = [c for c in in_text(file) if c]
        test(f"{file.name}: {len(calls)} commands in the text exist with their options",
             [m for c in calls for m in unknown(c)])


# ---- what is there is described

def described():
    page = (SOURCE / "man/zonefsctl.8").read_text()
    missing = []
    for name, words in USAGE.items():
        own = section(page, name)
        missing += [] if own else [f"no section for zonefsctl {name}"]
        for option in re.findall(r"(?<![\w-])-(-?[\w-]+)", words):
            if own and not re.search(rf"Fl {option}\b", own):
                missing.append(f"zonefsctl {name} -{option}")
    test(f"each of {len(USAGE)} subcommands and its options are in zonefsctl(8)", missing)
    missing = []
    for file in sorted((SOURCE / "tools/zonefsctl").glob("cmd_*.c")):
        for option in re.findall(r'\{"([a-z-]+)", (?:no|required)_argument', file.read_text()):
            if not re.search(rf"Fl -{option}\b", page):
                missing.append(f"{file.name}: --{option}")
    test("... with the long options that usage does not name", missing)
    for source, name, form in (("fs/main.c", "zonefs.8", "Fl -{}"), ("tools/health/main.c", "zonefs-health.8", "-{}"),
                               ("tools/prestart/main.c", "zonefs-prestart.8", "-{}")):
        own = (SOURCE / "man" / name).read_text()
        test(f"{name}: every option of the program",
             [f"--{o}" for o in re.findall(r'\{"([a-z-]+)", (?:no|required)_argument', (SOURCE / source).read_text())
              if o != "worker" and not re.search(form.format(o) + r"\b", own)])
    hooks = (SOURCE / "man/zonefs-hooks.7").read_text()
    kinds = re.findall(r'\[ALERT_\w+\] = "([\w-]+)"', (SOURCE / "replicator/core/alerts.c").read_text())
    test(f"zonefs-hooks(7): each of {len(kinds)} kinds of alert",
         [k for k in kinds if not re.search(rf"^\.I {k}$", hooks, re.M)] or ([] if kinds else ["none found"]))
    for source, name in (("fs/hookrun.c", "zonefs-hooks.7"), ("fs/portreq.c", "zonefs-hooks.7"),
                         ("tools/health/health_do.c", "zonefs-health.8")):
        own = (SOURCE / "man" / name).read_text()
        made = sorted(set(re.findall(r'"(ZONEFS_\w+)"', (SOURCE / source).read_text())))
        test(f"{name}: the environment that {source} makes",
             [v for v in made if not re.search(rf"\b{v}\b", own)] or ([] if made else ["none found"]))


# ---- examples are what they say, and what is shown is compared

def compared():
    test("each example says what it is",
         [f'{e.place}: "{e.kind}" is none of: {", ".join(sorted(KINDS))}' for e in EXAMPLES if e.kind not in KINDS])
    tests = "\n".join(f.read_text() for f in TESTS.glob("*.sh"))
    missing = []
    for e in EXAMPLES:
        follows = [*e.lines[1:], "# "]
        for line, after in zip(e.lines, follows):
            if e.kind == "console" and line.startswith("# ") and not after.startswith("# "):
                if not any(f"{how} {e.page} {quote}{line[2:]}{quote} " in tests
                           for how in ("shown", "shown_soon") for quote in "'\""):
                    missing.append(f"{e.place}: what is shown after {line!r}")
    test("what each command of an example prints is compared with the real thing in a system test", missing)


if __name__ == "__main__":
    compared()
    configurations()
    options()
    command_lines()
    hooks_run()
    running_text()
    described()
