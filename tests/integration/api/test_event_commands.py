"""`hsid events` and `hsictl events`: one set of commands, asked of a daemon or of a file."""

import json
from datetime import UTC, datetime
from functools import partial

import pytest
import trio
from click.testing import CliRunner
from sqlalchemy import select

from hsid.cli import hsictl, hsid
from hsid.store.database import open_database
from hsid.store.lock import DataDirLock
from hsid.store.schema import audit
from tests.integration.api.conftest import build_event, running
from tests.unit.store.test_event_search import judge, make

BOTH = pytest.mark.parametrize("program", ["hsid", "hsictl"])


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    """Give a data folder in a working directory without any other settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("HSID_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HSID_CONTROL_SOCKET", str(tmp_path / "data" / "control.sock"))
    return tmp_path / "data"


@pytest.fixture
def ledger(data_dir):
    """Give a database of 205 events about cats, and one about a dog in the yard."""
    with open_database(data_dir / "security.db") as database, database.transaction() as conn:
        for number in range(205):
            make(conn, number, summary="a cat")
        make(conn, 205, camera="yard", label="dog", summary="=a dog")
    return data_dir


def run(program, *arguments):
    main = {"hsid": hsid.main, "hsictl": hsictl.main}[program]
    return CliRunner().invoke(main, ["events", *arguments], prog_name=program)


async def ask(house, data_dir, program, *arguments):
    """Run a command while *house* answers on the socket."""
    data_dir.mkdir(exist_ok=True)
    async with running(house, data_dir / "control.sock"):
        return await trio.to_thread.run_sync(partial(run, program, *arguments))


def ids(done):
    assert done.exit_code == 0, done.stderr
    return [event["event_id"] for event in json.loads(done.stdout)["events"]]


@BOTH
@pytest.mark.parametrize("command", [(), ("list",)])
async def test_without_a_command_events_are_listed(house, data_dir, program, command):
    """The bare word goes on working as it did, with its options."""
    assert ids(await ask(house, data_dir, program, *command, "--limit", "1", "--json")) == [2]


@BOTH
async def test_the_filters_are_what_the_daemon_is_asked(house, data_dir, program):
    """A time without an offset is by this machine's clock."""
    filters = ["--camera", "gate", "--level", "high", "--label", "cat", "--state", "final"]
    times = ["--since", "2025-03-04 02:13", "--until", "2025-03-05T02:13+05:45"]
    done = await ask(house, data_dir, program, "search", "a b", 'OR"', *filters, *times)

    (asked,) = house.listings
    assert done.exit_code == 0
    assert (asked.camera, asked.level, asked.label, asked.state) == ("gate", "high", "cat", "final")
    assert asked.q == 'a b OR"'
    assert asked.since == datetime(2025, 3, 4, 2, 13).astimezone()
    assert asked.until == datetime(2025, 3, 4, 20, 28, tzinfo=UTC)


@BOTH
async def test_an_event_is_shown_with_its_reasons_and_what_was_seen(house, data_dir, program):
    """As text for people, as the API's document for programs."""
    text = (await ask(house, data_dir, program, "show", "1")).stdout
    document = json.loads((await ask(house, data_dir, program, "show", "1", "--json")).stdout)

    for part in ("A person at the front door", "night", "person", "90%", "30x40 at 1,2"):
        assert part in text
    assert document["detections"][0]["label"] == "person"


@BOTH
async def test_an_event_is_shown_with_what_it_said_before(house, data_dir, program):
    """Who looks at it sees that a verdict has changed, and from what."""
    text = (await ask(house, data_dir, program, "show", "1")).stdout
    document = json.loads((await ask(house, data_dir, program, "show", "1", "--json")).stdout)

    assert text.splitlines()[-1].split()[2:] == [
        "60",
        "medium",
        "rules",
        "(provisional)",
        "Somebody",
    ]
    assert document["revisions"][0]["summary"] == "Somebody"


@BOTH
@pytest.mark.parametrize("command", [("show", "9"), ("--before", "9")])
async def test_an_event_that_is_not_there_gives_exit_code_5(house, data_dir, program, command):
    """Nothing on stdout, a sentence on stderr."""
    done = await ask(house, data_dir, program, *command)

    assert (done.exit_code, done.stdout) == (5, "")
    assert "no event 9" in done.stderr


@BOTH
@pytest.mark.parametrize("form", ["csv", "json", "ndjson"])
async def test_an_export_holds_every_event_once(house, data_dir, program, form):
    """More than one page of them, in the form that was asked for."""
    house.stored = {number: build_event(number) for number in range(1, 404)}
    written = (await ask(house, data_dir, program, "export", "--format", form)).stdout
    found = {
        "csv": lambda: [int(line.split(",")[0]) for line in written.splitlines()[1:]],
        "json": lambda: [event["event_id"] for event in json.loads(written)],
        "ndjson": lambda: [json.loads(line)["event_id"] for line in written.splitlines()],
    }[form]()

    assert found == list(range(403, 0, -1))
    assert [listing.limit for listing in house.listings] == [200, 200, 200]


async def test_an_export_that_breaks_off_fails_and_leaves_json_open(house, data_dir):
    """A part is never taken for the whole."""
    house.stored = {number: build_event(number) for number in range(1, 404)}
    listed = house.events

    async def lose_one(listing):
        page = await listed(listing)
        house.stored.pop(page.next_before, None)
        return page

    house.events = lose_one
    done = await ask(house, data_dir, "hsid", "export", "--format", "json")

    assert done.exit_code == 5
    with pytest.raises(json.JSONDecodeError):
        json.loads(done.stdout)


@BOTH
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--level", "dire"], "'dire' is not one of 'low', 'medium', 'high', 'critical'"),
        (["--state", "done"], "'done' is not one of"),
        (["--since", "yesterday"], "'yesterday' is no time; write 2026-11-25"),
        (["--since", "0001-01-01"], "is no time"),
        (["--since", "2026-01-02", "--until", "2026-01-02"], "must be later than --since"),
        (["search"], "Missing argument"),
        (["show", "0"], "0 is not in the range"),
        (["export", "--format", "xls"], "'xls' is not one of"),
        (["--level", "high", "export"], "options of 'export' are written behind it"),
    ],
)
def test_a_question_that_makes_no_sense_gives_exit_code_2(data_dir, program, options, words):
    """Said in words before anybody is asked."""
    done = run(program, *options)

    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr


@BOTH
async def test_what_only_the_api_refuses_gives_exit_code_2_as_well(house, data_dir, program):
    """A name longer than any name."""
    done = await ask(house, data_dir, program, "--camera", "x" * 401)

    assert (done.exit_code, done.stdout) == (2, "")
    assert "camera: String should have at most 400 characters" in done.stderr


def test_without_a_daemon_the_same_is_read_from_the_file(ledger):
    """Filters, words, one event, a position that is not there."""
    assert ids(run("hsid", "search", "DOG", "--json")) == [206]
    assert ids(run("hsid", "--label", "person", "--before", "2", "--json")) == [1]
    assert ids(run("hsid", "list", "--camera", "yard", "--words", "cat", "--json")) == []
    assert json.loads(run("hsid", "show", "206", "--json").stdout)["camera_id"] == "yard"
    assert [run("hsid", *gone).exit_code for gone in (["show", "999"], ["--before", "999"])] == [
        5,
        5,
    ]


@BOTH
async def test_the_counts_are_those_of_the_daemon(house, data_dir, program):
    """The filters are what it is asked, and the document is the API's."""
    done = await ask(house, data_dir, program, "stats", "--words", "cat", "--camera", "gate")
    document = json.loads((await ask(house, data_dir, program, "stats", "--json")).stdout)

    assert (house.listings[0].q, house.listings[0].camera) == ("cat", "gate")
    assert done.stdout.splitlines()[0] == "events: 1"
    assert document["by_camera"] == {"gate": 1}


def test_without_a_daemon_the_events_of_the_file_are_counted(ledger, monkeypatch):
    """On the clock of the house, which the settings name; what is not asked for is not counted."""
    monkeypatch.setenv("HSID_TIMEZONE", "Asia/Kathmandu")
    document = json.loads(run("hsid", "stats", "--words", "cat", "--json").stdout)

    assert document["total"] == 205
    assert document["by_hour"] == {"17": 205}  # 12:00 UTC
    assert run("hsid", "stats", "--camera", "x" * 401).exit_code == 2


def test_without_a_daemon_an_event_tells_what_it_said_before(ledger):
    """From the same rows."""
    with open_database(ledger / "security.db") as database, database.transaction() as conn:
        judge(conn, 205, "a wolf", revision=2)
    document = json.loads(run("hsid", "show", "206", "--json").stdout)

    assert [said["summary"] for said in document["revisions"]] == ["=a dog"]
    assert document["summary"] == "a wolf"


def test_without_a_daemon_all_of_the_file_is_exported(ledger):
    """Page after page, and no cell is a formula."""
    lines = run("hsid", "export").stdout.splitlines()

    assert len(lines) == 1 + 206
    assert "'=a dog" in lines[1]


def test_words_that_are_not_text_find_nothing(ledger):
    """What a terminal hands over need not be UTF-8."""
    assert ids(run("hsid", "search", "caf\udce9", "--json")) == []


@BOTH
async def test_stars_are_given_and_taken_by_number(house, data_dir, program):
    """Several at once; what was so already is said to be."""
    given = await ask(house, data_dir, program, "star", "1", "2", "1")
    taken = await ask(house, data_dir, program, "unstar", "1", "--json")

    assert given.stdout.splitlines() == [
        "event 1 has a star",
        "event 2 has a star",
        "event 1 has a star already",
    ]
    assert json.loads(taken.stdout) == {
        "events": [{"event_id": 1, "starred": False, "changed": True}]
    }
    assert {number: event.starred for number, event in house.stored.items()} == {1: False, 2: True}


@BOTH
async def test_a_star_for_an_event_that_is_not_there_gives_exit_code_5(house, data_dir, program):
    """Those before it have theirs, and that is told."""
    done = await ask(house, data_dir, program, "star", "1", "9", "2")

    assert (done.exit_code, done.stdout) == (5, "event 1 has a star\n")
    assert "no event 9" in done.stderr
    assert not house.stored[2].starred


@BOTH
async def test_a_star_is_seen_in_lists_details_and_exports(house, data_dir, program):
    """As a mark for people, as a field for programs, as a filter for the daemon."""
    await ask(house, data_dir, program, "star", "1")
    listed = (await ask(house, data_dir, program)).stdout.splitlines()
    shown = (await ask(house, data_dir, program, "show", "1")).stdout.splitlines()
    exported = (await ask(house, data_dir, program, "export")).stdout.splitlines()
    await ask(house, data_dir, program, "list", "--starred")

    assert [line.split()[:2] for line in (listed[2], shown[1])] == [["1", "*"]] * 2
    assert "*" not in listed[1]
    assert [line.rsplit(",", 1)[1] for line in exported] == ["starred", "False", "True"]
    assert [each.starred for each in house.listings] == [None, None, True]


def test_without_a_daemon_stars_are_given_in_the_file_and_the_change_is_recorded(ledger):
    """Both the change and the one that was not possible, with who asked."""
    assert run("hsid", "star", "7", "206").exit_code == 0
    missing = run("hsid", "unstar", "999")
    assert ids(run("hsid", "--starred", "--json")) == [206, 7]
    assert (missing.exit_code, missing.stderr) == (5, "hsid: there is no event 999\n")
    assert json.loads(run("hsid", "show", "7", "--json").stdout)["starred"]

    with open_database(ledger / "security.db") as database, database.transaction() as conn:
        rows = conn.execute(select(audit).order_by(audit.c.id)).all()
    assert [(row.actor, row.action, row.target, row.error) for row in rows] == [
        ("hsid events", "event.star", "event:7", None),
        ("hsid events", "event.star", "event:206", None),
        ("hsid events", "event.unstar", "event:999", "there is no event 999"),
    ]


def test_beside_a_daemon_that_does_not_answer_the_file_is_left_alone(ledger):
    """Two writers of one file are one too many."""
    with DataDirLock(ledger):
        done = run("hsid", "star", "7")
    assert done.exit_code == 3
    assert ids(run("hsid", "--starred", "--json")) == []


def test_where_nothing_is_stored_no_star_makes_a_database(data_dir):
    """A mistyped folder must not become a house."""
    done = run("hsid", "star", "7")
    assert done.exit_code == 1
    assert "there is no database" in done.stderr
    assert not data_dir.exists()
