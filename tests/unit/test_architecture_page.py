"""docs/architecture.md names every room of hsid/, and what each imports."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
BESIDE = {"actors", "supervision"}
UNNAMED = {"__version__", "model", "messages", "constants", "mime_types", "observe"}
"""What the page leaves out among imports: anybody may have records, and may log."""


def rows():
    """Yield the rooms of each row, and what its last column says."""
    table = PAGE.partition("| package | what it is for | imports |")[2].partition("\n\n")[0]
    for row in table.splitlines()[2:]:
        rooms, _, imports = row.strip("| ").split(" | ")
        names = re.findall(r"`([\w./]+)`", rooms)
        yield {re.sub(r"^hsid/|/$|\.py$", "", name) for name in names}, imports


ROWS = list(rows())


def files(room):
    """Return the modules of *room*, which is a package or a module."""
    base = ROOT / room if room in BESIDE else ROOT / "hsid" / room
    return list(base.rglob("*.py")) if base.is_dir() else [base.with_suffix(".py")]


def modules(path):
    """Yield the dotted names that the module at *path* imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def imported(rooms):
    """Return what *rooms* import of the others."""
    found = set()
    for path in (path for room in rooms for path in files(room)):
        for first, second in (name.split(".")[:2] for name in modules(path) if "." in name):
            found |= {second} if first == "hsid" else {first} & BESIDE
    return found - rooms - UNNAMED


def test_every_room_is_on_the_page_once():
    """Packages and modules of hsid/, and the two packages beside it."""
    paths = [*ROOT.glob("hsid/*.py"), *(init.parent for init in ROOT.glob("hsid/*/__init__.py"))]
    there = {path.stem for path in paths} - {"__init__"} | BESIDE

    assert sorted(room for rooms, _ in ROWS for room in rooms) == sorted(there)


@pytest.mark.parametrize(("rooms", "said"), ROWS, ids=["-".join(sorted(row)) for row, _ in ROWS])
def test_rooms_import_what_the_page_says(rooms, said):
    """No more and no less; those that may import everything keep to the exceptions."""
    names = set(re.findall(r"`(\w+)`", said))
    if said.startswith("everything"):
        assert not imported(rooms) & names
    elif "hsid" in names:
        assert imported(rooms) & BESIDE == names - {"hsid"}
    else:
        assert imported(rooms) == names
