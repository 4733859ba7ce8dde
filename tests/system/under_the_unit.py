"""Run a command as the service manager would run the daemon: same system calls, same limits.

    python -m tests.system.under_the_unit UNIT COMMAND...

Where a service manager runs, it does so itself. Elsewhere what the unit says of seccomp, memory
protection and resource limits is applied here and inherited by the command.
"""

import ctypes
import os
import re
import resource
import subprocess
import sys
from functools import cache
from pathlib import Path

ALLOW, EPERM = 0x7FFF0000, 0x00050001
PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 38, 65
MASKED_EQ, GREATER = 7, 6
PROT_EXEC, PROT_WRITE = 4, 2
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
LIMITS = {"LimitNOFILE": resource.RLIMIT_NOFILE, "LimitCORE": resource.RLIMIT_CORE}
FOR_SYSTEMD_RUN = re.compile(
    "SystemCall|Limit|Memory|Restrict|Lock|NoNew|Capability|Tasks|ProtectP|ProcSub|Ambient"
)


class Argument(ctypes.Structure):
    """`struct scmp_arg_cmp`."""

    _fields_ = [
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    ]


def settings_of(unit):
    """Return the lines of the section [Service] as pairs, in order."""
    section = Path(unit).read_text().partition("[Service]")[2].partition("\n[")[0]
    lines = [line.partition("=") for line in section.splitlines() if "=" in line]
    return [(name, value) for name, _, value in lines if not name.startswith("#")]


@cache
def calls_in(group):
    """Return the system calls of a group that systemd knows by name."""
    if not group.startswith("@"):
        return frozenset({group})
    listing = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter", group],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    members = [line.strip() for line in listing.splitlines()[1:]]
    found = [calls_in(name) for name in members if name and not name.startswith("#")]
    return frozenset().union(*found)


def allowed_calls(settings):
    """Return the system calls that the lines SystemCallFilter= leave."""
    allowed = set()
    for name, value in settings:
        if name == "SystemCallFilter":
            for group in value.removeprefix("~").split():
                change = allowed.difference_update if value[0] == "~" else allowed.update
                change(calls_in(group))
    return allowed


class Seccomp:
    """A filter on its way into the kernel."""

    def __init__(self, default):
        self._lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self._lib.seccomp_init.restype = ctypes.c_void_p
        self._filter = ctypes.c_void_p(self._lib.seccomp_init(default))

    def add(self, action, call, *arguments):
        """Add a rule; a call that this machine does not have needs none."""
        number = self._lib.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            array = (Argument * len(arguments))(*arguments)
            done = self._lib.seccomp_rule_add_array(
                self._filter, action, number, len(arguments), array
            )
            assert done == 0, (call, done)

    def load(self):
        """Put it in force, for good."""
        done = self._lib.seccomp_load(self._filter)
        assert done == 0, done


def restrict(settings):
    """Put in force what *settings* say, for this process and all that it starts."""
    given = dict(settings)
    for name, limit in LIMITS.items():
        resource.setrlimit(limit, (int(given[name]),) * 2)
    libc = ctypes.CDLL(None, use_errno=True)
    assert given["NoNewPrivileges"] == "yes"
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    calls = allowed_calls(settings)
    assert given["MemoryDenyWriteExecute"] == "yes"
    libc.prctl(PR_SET_MDWE, 1, 0, 0, 0)  # older kernels don't know it: the filter below does
    deny = Seccomp(ALLOW)
    deny.add(EPERM, "mprotect", Argument(2, MASKED_EQ, PROT_EXEC, PROT_EXEC))
    both = PROT_EXEC | PROT_WRITE
    deny.add(EPERM, "mmap", Argument(2, MASKED_EQ, both, both))
    known = {FAMILIES[name] for name in given["RestrictAddressFamilies"].split()}
    for family in range(max(known)):
        if family not in known:
            deny.add(EPERM, "socket", Argument(0, 4, family, 0))
    deny.add(EPERM, "socket", Argument(0, GREATER, max(known), 0))
    allow = Seccomp(EPERM)
    for call in calls:
        allow.add(ALLOW, call)
    deny.load()
    allow.load()


def under_systemd_run(settings, command):
    """Return the command that has a running service manager do all that."""
    chosen = [pair for pair in settings if FOR_SYSTEMD_RUN.match(pair[0])]
    properties = [f"--property={name}={value}" for name, value in chosen]
    kept = [f"--setenv={name}" for name in ("PYTHONPATH", "PATH")]
    here = f"--working-directory={Path.cwd()}"
    return ["systemd-run", "--quiet", "--pipe", "--wait", here, *kept, *properties, *command]


def main():
    """Become the command."""
    unit, command = sys.argv[1], sys.argv[2:]
    settings = settings_of(unit)
    if Path("/run/systemd/system").exists() and os.geteuid() == 0:
        command = under_systemd_run(settings, command)
    else:
        restrict(settings)
    os.execvp(command[0], command)  # noqa: S606 - the point of it


if __name__ == "__main__":
    main()
