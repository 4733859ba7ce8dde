"""The files for systemd: what its own tools say of them, and the daemon under the unit's rules."""

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks._pictures import distinct_jpegs
from hsid.activation import CONTROL, METRICS
from hsid.constants import EXIT_CONFIG
from hsid.model import UploadState
from tests.system.service_rig import DAEMON, service
from tests.system.under_the_unit import allowed_calls, settings_of

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "systemd"
SERVICE = UNITS / "hsid.service"
MODULE = "tests.system.under_the_unit"
LIMIT = str(2048 << 20)
"""Bytes of address space that the detector's workers have by default."""
NEWER = re.compile(r".*Unknown key '(RestartSteps|RestartMaxDelaySec)' in section \[Service\].*")
"""Keys of version 254: older ones pass over them, and restart at the same pace for ever."""


def analyze(*arguments):
    """Return what systemd-analyze says, and its exit status."""
    done = subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments],  # noqa: S607 - where it is, is the system's affair
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr, done.returncode


def copied(folder, *drop_ins):
    """Copy the units to *folder*, with *drop_ins* in force and the commands installed here."""
    for unit in UNITS.glob("hsid*.*"):
        if unit.suffix in {".service", ".socket"}:
            text = unit.read_text().replace("/usr/bin/", f"{Path(sys.executable).parent}/")
            (folder / unit.name).write_text(text)
    conf = folder / "hsid.service.d"
    conf.mkdir()
    for name in drop_ins:
        (conf / f"{name}.conf").write_text((UNITS / "examples" / f"{name}.conf").read_text())
    return folder / "hsid.service"


def test_the_exposure_of_the_service_is_small():
    """At most 1.5 of 10 by the tool's own measure."""
    said, status = analyze("security", "--offline=true", "--threshold=15", str(SERVICE))

    assert status == 0, said


@pytest.mark.parametrize("drop_in", ["camera-folder", "lan-only", "gpu"])
def test_the_exposure_stays_small_with_each_drop_in(tmp_path, drop_in):
    """What a house needs beyond the usual opens no barn door."""
    unit = copied(tmp_path)
    with unit.open("a") as file:
        file.write((UNITS / "examples" / f"{drop_in}.conf").read_text())
    said, status = analyze("security", "--offline=true", "--threshold=20", str(unit))

    assert status == 0, said


@pytest.mark.parametrize("drop_in", [(), ("camera-folder",), ("lan-only",), ("gpu",)])
@pytest.mark.parametrize("name", ["hsid.service", "hsid-control.socket", "hsid-metrics.socket"])
def test_the_units_are_written_as_systemd_reads_them(tmp_path, name, drop_in):
    """Nothing to remark but keys that are newer than this version."""
    said, status = analyze("verify", "--man=no", str(copied(tmp_path, *drop_in).parent / name))

    ours = [line for line in said.splitlines() if "hsid" in line]
    assert [line for line in ours if not NEWER.match(line)] == []
    assert status == 0


def test_the_units_say_what_the_daemon_goes_by():
    """Names of sockets, the status that ends restarts, the watchdog, and how a reload is done."""
    given = dict(settings_of(SERVICE))

    assert (given["Type"], given["NotifyAccess"]) == ("notify", "main")
    assert given["RestartPreventExitStatus"] == str(EXIT_CONFIG)
    assert given["ExecReload"].endswith("hsictl reload")
    assert float(given["WatchdogSec"]) == 30
    for name in (CONTROL, METRICS):
        assert f"FileDescriptorName={name}\n" in (UNITS / f"hsid-{name}.socket").read_text()


def test_a_worker_may_limit_its_own_memory_and_raise_nothing():
    """The call for that is in the filter; those that would give it more of the machine are not."""
    calls = allowed_calls(settings_of(SERVICE))

    assert "prlimit64" in calls
    assert calls.isdisjoint({"setrlimit", "nice", "sched_setaffinity", "chroot", "mount", "bpf"})


PROBE = """
import mmap, os, resource, socket
def tried(call):
    try:
        call()
    except OSError as error:
        return error.strerror
    return "done"
print(tried(lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32))))
print(tried(lambda: os.nice(1)))
print(tried(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)))
print(tried(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)))
print(resource.getrlimit(resource.RLIMIT_CORE))
"""


def under_the_unit(*command):
    """Return *command* as the service manager would run it."""
    return (sys.executable, "-m", MODULE, str(SERVICE), *command)


def test_the_rules_are_in_force_in_this_test():
    """Otherwise the next one would prove nothing."""
    said = subprocess.run(
        under_the_unit(sys.executable, "-c", PROBE),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout.splitlines()

    denied = "Operation not permitted"
    assert said == ["done", denied, denied, denied, "(0, 0)"]


def test_pictures_are_looked_at_under_the_rules_of_the_unit(tmp_path):
    """The embedded detector works in processes that have the rules, and limits of their own."""
    with service(tmp_path, program=under_the_unit(*DAEMON)) as daemon:
        daemon.until("READY")
        (tmp_path / "cameras" / "front").mkdir()
        for number, picture in enumerate(distinct_jpegs(3, width=640, height=480)):
            (tmp_path / "cameras" / "front" / f"{number}.jpg").write_bytes(picture)
        awaited(lambda: LIMIT in memory_limits(daemon.process.pid))
        awaited(lambda: sum(daemon.status()["uploads"][end] for end in ENDS) == 3)
        uploads = daemon.status()["uploads"]
        assert daemon.end() == 0

    assert uploads["refused"] == uploads["dead"] == 0


ENDS = [UploadState.ANALYSED, UploadState.NOTHING_SEEN, UploadState.REFUSED, UploadState.DEAD]


def memory_limits(pid):
    """Return the limits of address space of the worker processes below *pid*."""
    found = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            with vanishing():
                command = Path(f"/proc/{child}/cmdline").read_bytes()
                text = Path(f"/proc/{child}/limits").read_text()
                if b"hsid.media.child" in command:
                    found.add(re.search(r"Max address space +(\S+)", text)[1])
    return found


@contextmanager
def vanishing():
    """Pass over a process that has ended meanwhile."""
    try:
        yield
    except (FileNotFoundError, ProcessLookupError) as error:
        assert error.filename is None or error.filename.startswith("/proc/")  # noqa: PT017


def awaited(ask, patience=60):
    """Return what *ask* returns as soon as that is something."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.02)
    raise TimeoutError(f"not within {patience} s")


def test_the_lists_for_users_and_folders_are_what_the_units_lean_on():
    """The user, the group of the control socket, the daemon in it; folders with their modes."""
    users = (UNITS / "hsid.sysusers").read_text()
    folders = (UNITS / "hsid.tmpfiles").read_text()

    assert {"g hsid-admin", "u hsid", "m hsid hsid-admin"} <= {
        match[0]
        for match in re.finditer(r"^(g|u|m) hsid(-admin)?( hsid-admin)?", users, re.MULTILINE)
    }
    assert "d /etc/hsid/credentials 0700 root root" in folders
    assert "d /run/hsid 0755 hsid hsid" in folders
    assert os.path.commonpath(["/run/hsid", "/run/hsid/control.sock"]) == "/run/hsid"
