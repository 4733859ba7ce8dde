"""What hsid keeps: its folder, the room on the disks, the database. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, assert_never

from hsid.doctor.access import ENTER, READ, WRITE, Identity, Step, closed_steps
from hsid.doctor.findings import Finding, failed, passed, warned
from hsid.doctor.unit import DROP_IN_FOLDER, Unit, quoted

CONFIG_FILE = "config file"
DATA_DIR = "data folder"
DISK = "disk"
DATABASE = "database"

_GIB = 1 << 30
_MIB = 1 << 20
_FULL_BYTES = 100 * _MIB
_NEARLY_BYTES = _GIB
_NEARLY_RATIO = 0.01
_ALL = READ | WRITE | ENTER


@dataclass(frozen=True, slots=True)
class Room:
    """A disk, named by the setting that lies on it. *files* are None where they have no limit."""

    setting: str
    path: Path
    free_bytes: int
    total_bytes: int
    files_free_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class NoDatabase:
    """There is none yet."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The database could be read. *state* compares its schema with the program's, in a word."""

    state: str
    revision: str | None
    is_looked_through: bool = True


@dataclass(frozen=True, slots=True)
class DatabaseFault:
    """It can't be used; *words* say why. *is_refusal*: its owner must mend something first."""

    words: str
    is_damaged: bool = False
    is_refusal: bool = False


DatabaseFacts: TypeAlias = NoDatabase | Schema | DatabaseFault


def judge_config_file(steps: tuple[Step, ...], who: Identity) -> Iterator[Finding]:
    """Say whether the daemon's user *who* can read the file at the end of *steps*."""
    for closed in closed_steps(who, steps, READ):
        rights = "x" if closed.is_folder else "r"
        fix = f"chgrp {who.group} {closed.path} && chmod g+{rights} {closed.path}"
        yield failed(CONFIG_FILE, f"{who.name} may not read {closed.path}", fix)


def judge_data_dir(
    path: Path, steps: tuple[Step, ...], who: Identity, unit: Unit | None
) -> Finding:
    """Say whether *who* can write in the folder *path*, or make it below the last of *steps*."""
    if unit is not None and unit.keeps_from_writing(path):
        text = f"[Service]\nReadWritePaths={quoted(path)}"
        fix = f"put into {DROP_IN_FOLDER}/data-folder.conf:\n{text}\nthen: systemctl daemon-reload"
        return failed(DATA_DIR, f"the service may not write to {path}, by its unit", fix)
    if unit is not None and unit.hides(path):
        return failed(DATA_DIR, f"the service can't see {path}", "set data_dir to another folder")
    closed = closed_steps(who, steps, _ALL)
    if closed:
        fix = f"install -d -o {who.name} -m 750 {path}, or set data_dir"
        return failed(DATA_DIR, f"{who.name} may not write to {closed[0].path}", fix)
    if steps[-1].path != path:
        return passed(DATA_DIR, f"{path} is not there yet; {who.name} can make it")
    return passed(DATA_DIR, f"{path} can be written to by {who.name}")


def judge_room(room: Room, *, wanted_bytes: int | None) -> Finding:
    """Say whether there is room; *wanted_bytes* is what retention tries to keep free."""
    words = f"{_size(room.free_bytes)} of {_size(room.total_bytes)} free for {room.setting}"
    fix = f"delete something on the disk of {room.path}, or set {room.setting} to another one"
    if room.free_bytes < _FULL_BYTES:
        return failed(DISK, words, fix)
    if room.files_free_ratio is not None and room.files_free_ratio < _NEARLY_RATIO:
        return warned(DISK, f"{words}, but hardly room for new files (inodes)", fix)
    if room.free_bytes < _NEARLY_BYTES:
        return warned(DISK, words, f"{fix}; retention_min_free_bytes keeps some free")
    if wanted_bytes is not None and room.free_bytes < wanted_bytes:
        words = f"{words}, less than retention_min_free_bytes: the oldest goes early"
        return warned(DISK, words, fix)
    return passed(DISK, words)


def judge_database(
    facts: DatabaseFacts, place: str, *, is_server: bool, migrates_itself: bool
) -> Finding:
    """Say whether the database at *place* can be used; *migrates_itself*: at the next start."""
    match facts:
        case NoDatabase():
            return passed(DATABASE, f"{place} is not there yet; the first start makes it")
        case DatabaseFault(words, is_damaged=True):
            fix = "stop the daemon and put a backup in its place; `hsid db verify` says more"
            return failed(DATABASE, words, fix)
        case DatabaseFault(words, is_refusal=True):
            return failed(DATABASE, words, "do what it says, or correct database_url")
        case DatabaseFault(words):
            where = "start the server, or correct database_url" if is_server else "see its folder"
            return failed(DATABASE, words, where)
        case Schema():
            return _judge_schema(facts, place, migrates_itself=migrates_itself)
        case _:
            assert_never(facts)


def _judge_schema(schema: Schema, place: str, *, migrates_itself: bool) -> Finding:
    looked = "" if schema.is_looked_through else "; too large to look through here: hsid db verify"
    match schema.state:
        case "current":
            return passed(DATABASE, f"{place}: schema {schema.revision} is this program's{looked}")
        case "newer":
            words = f"{place} has been written by a newer hsid"
            return failed(DATABASE, words, "install that version again, or put back a backup")
        case _ if migrates_itself:
            return passed(DATABASE, f"{place}: the next start brings its schema up to date{looked}")
        case _:
            words = f"{place} has an older schema, or none yet"
            return failed(DATABASE, words, "run `hsid db migrate`, or set database_auto_migrate")


def _size(size: int) -> str:
    return f"{size / _GIB:.1f} GiB" if size >= _GIB else f"{size / _MIB:.0f} MiB"
