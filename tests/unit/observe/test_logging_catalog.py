"""What `journalctl -x` explains is what hsid says, and systemd can read it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hsid.observe.logging_catalog import MESSAGE_IDS
from supervision import Event

ROOT = Path(__file__).parents[3]
CATALOG = ROOT / "systemd" / "hsid.catalog"


def events_in_the_code():
    """Return the names of events that are logged somewhere."""
    files = [*ROOT.glob("hsid/**/*.py"), *ROOT.glob("actors/*.py")]
    own = {file for file in files if file.name == "logging_catalog.py"}
    texts = [file.read_text() for file in files if file not in own]
    return {name for text in texts for name in re.findall(r'"([a-z_]+)"', text)}


def events_of_supervision(kind=Event):
    """Return the names of what supervision tells."""
    names = {kind.name}
    return names.union(*map(events_of_supervision, kind.__subclasses__()))


def test_every_message_of_the_catalog_is_one_that_hsid_logs():
    """A name that was changed in the code must be changed here as well."""
    assert set(MESSAGE_IDS) <= events_in_the_code() | events_of_supervision()


def test_each_message_has_an_id_of_its_own():
    """Of 128 bits, as systemd wants it."""
    assert len(set(MESSAGE_IDS.values())) == len(MESSAGE_IDS)
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in MESSAGE_IDS.values())


def test_each_id_has_its_text_under_the_name_of_its_event():
    """And no text stands there for an id that is never sent."""
    heads = re.compile(r"^# (\w+)\n-- ([0-9a-f]{32})\nSubject: .+$", re.MULTILINE)
    assert heads.findall(CATALOG.read_text()) == list(MESSAGE_IDS.items())


@pytest.mark.skipif(shutil.which("journalctl") is None, reason="no systemd on this machine")
def test_systemd_takes_the_catalog(tmp_path):
    """It finds all texts in it and has nothing to say."""
    folder = tmp_path / "usr/lib/systemd/catalog"
    folder.mkdir(parents=True)
    shutil.copy(CATALOG, folder)
    assert journalctl(tmp_path, "--update-catalog") == ""
    listed = journalctl(tmp_path, "--list-catalog").splitlines()
    assert {row.partition(" ")[0] for row in listed} == set(MESSAGE_IDS.values())


def journalctl(root, option):
    done = subprocess.run(
        ["journalctl", f"--root={root}", option],  # noqa: S607 - wherever it is installed
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout
