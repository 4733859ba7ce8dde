"""Log lines, the record of changes, and what hangs on events: nothing is left behind."""

from datetime import timedelta

import pytest
from sqlalchemy import event, insert, select

from hsid.store import schema
from tests.integration.retention.conftest import DAY, NOW, Home, kinds


@pytest.fixture
def home(tmp_path, database_url):
    """On both databases, with something young in it."""
    home = Home(tmp_path, database_url)
    home.judged("gate/young.jpg", days=1)
    yield home
    home.database.close()


def log_lines(home, count, *, days):
    """Write lines of so many days ago, each a second after the one before."""
    rows = [
        {
            "recorded_at": NOW - days * DAY + timedelta(seconds=n),
            "level": 20,
            "logger": "hsid",
            "event": "it_happened",
            "fields": {"n": n},
        }
        for n in range(count)
    ]
    with home.database.transaction() as conn:
        conn.execute(insert(schema.logs), rows)


def change(home, *, days):
    row = {"recorded_at": NOW - days * DAY, "actor": "a", "action": "event.star", "details": {}}
    with home.database.transaction() as conn:
        conn.execute(insert(schema.audit).values(row))


def statements_of(home, sweep):
    """Return how many rows each DELETE that *sweep* makes was given to delete."""
    found = []

    def note(_conn, cursor, statement, _parameters, _context, _many):
        if statement.startswith("DELETE"):
            found.append(cursor.rowcount)

    engine = home.database._engine
    event.listen(engine, "after_cursor_execute", note)
    sweep()
    event.remove(engine, "after_cursor_execute", note)
    return found


def test_log_lines_go_by_the_limit_of_the_log(home):
    """Not by that of events."""
    log_lines(home, 3, days=8)
    log_lines(home, 2, days=6)
    result, (item,) = home.sweep()
    assert result.counts == {"log_line": 3}
    assert item.name == "3 from 2026-02-21 12:00:00+00:00 to 2026-02-21 12:00:02+00:00"
    assert len(home.ids("logs")) == 2


def test_many_log_lines_go_a_page_at_a_time(home):
    """However many there are, no statement takes more than a page of them."""
    log_lines(home, 2_500, days=8)
    deleted = []
    rows = statements_of(home, lambda: deleted.append(home.sweep()[0].counts["log_line"]))
    assert deleted == [sum(rows)] == [2_500]
    assert max(rows) <= 500


def test_the_record_of_changes_is_kept_for_a_year_at_least(home):
    """Or for as long as events are, if that is longer."""
    for days in (364, 366, 800):
        change(home, days=days)
    home.sweep(keep_for=500 * DAY)
    assert len(home.ids("audit")) == 2
    result, _ = home.sweep()
    assert result.counts["change"] == 1
    assert len(home.ids("audit")) == 1


def test_for_room_log_lines_go_before_history_and_changes_never(home):
    """The oldest of them, as many as are needed; those of today stay."""
    home.judged("gate/1.jpg", days=20)
    log_lines(home, 1_500, days=5)
    log_lines(home, 100, days=0.5)
    change(home, days=300)
    everything, _ = home.sweep(is_dry_run=True, max_bytes=1)
    assert everything.counts["log_line"] == 1_500
    used = everything.measured.situation.used_bytes
    result, items = home.sweep(max_bytes=used - 1_000)
    assert result.counts == {"log_line": 1_000}
    assert {item.reason for item in items} == {"size"}
    assert (len(home.ids("logs")), len(home.ids("audit"))) == (600, 1)


def test_a_dry_run_names_the_pages_that_go(home):
    """Too old, and then for room: item for item, and then there is no more."""
    log_lines(home, 1_200, days=8)
    log_lines(home, 1_200, days=3)
    change(home, days=400)
    before = home.contents()
    dry, foretold = home.sweep(is_dry_run=True, max_bytes=1)
    assert home.contents() == before
    real, gone = home.sweep(max_bytes=1)
    assert foretold == gone
    assert dry.counts == real.counts
    assert real.counts["log_line"] > 2_000
    assert home.sweep(is_dry_run=True)[1] == []


def hang_on(home, batch_id):
    """Give the event of a batch an earlier verdict, an alert, and its delivery."""
    with home.database.transaction() as conn:
        of_batch = select(schema.events).where(schema.events.c.batch_id == batch_id)
        found = conn.execute(of_batch).one()
        same = {c.name: getattr(found, c.name, None) for c in schema.event_revisions.c}
        conn.execute(insert(schema.event_revisions).values(same | {"event_id": found.id}))
        alert = {"event_id": found.id, "rule": "r", "state": "sent"}
        times = {"created_at": NOW, "updated_at": NOW}
        made = insert(schema.alerts).values(alert | times).returning(schema.alerts.c.id)
        delivery = {"alert_id": conn.scalar(made), "channel": "mail", "state": "delivered"}
        conn.execute(insert(schema.deliveries).values(delivery | {"due_at": NOW}))


def test_what_hangs_on_an_event_goes_with_it_and_nothing_else_does(home):
    """Earlier verdicts, alerts and deliveries, on both databases."""
    for n in range(3):
        home.judged(f"gate/{n}.jpg", days=40)
        hang_on(home, f"batch of gate/{n}.jpg")
    hang_on(home, "batch of gate/young.jpg")
    result, items = home.sweep()
    assert (result.counts["event"], kinds(items)["event"]) == (3, 3)
    for table in ("events", "event_revisions", "alerts", "deliveries"):
        assert len(home.ids(table)) == 1, table


def test_no_statement_deletes_more_than_a_page_of_anything(home, monkeypatch):
    """A transaction is as large as a page of uploads, however large the backlog is."""
    monkeypatch.setattr("hsid.retention.sweep._PAGE", 10)
    for n in range(45):
        home.judged(f"gate/{n}.jpg", days=40 - n / 100, count=2)
    rows = statements_of(home, home.sweep)
    assert max(rows) == 20
    assert sum(rows) >= 45 * 4
    assert home.ids("batches") == {"batch of gate/young.jpg"}
