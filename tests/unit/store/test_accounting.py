"""Accounting: arrived equals the ends plus what is pending, whatever happens in whatever order."""

from collections import Counter
from contextlib import suppress
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select, update

from hsid.model import RefusalReason, UploadState
from hsid.store import uploads
from hsid.store.database import open_database
from hsid.store.schema import upload_counts
from hsid.store.schema import uploads as table
from tests.unit.store.records import arrival, person, receive, record

IDS = st.integers(1, 12)
DONE_WHERE = {
    UploadState.RECEIVED: {"queue", "detect", "nothing", "refuse", "bury"},
    UploadState.QUEUED: {"detect", "nothing", "refuse", "bury"},
    UploadState.DETECTED: {"bury", "analyse"},
}
LEADS_TO = {
    "queue": UploadState.QUEUED,
    "detect": UploadState.DETECTED,
    "nothing": UploadState.NOTHING_SEEN,
    "refuse": UploadState.REFUSED,
    "bury": UploadState.DEAD,
    "analyse": UploadState.ANALYSED,
}
CHANGES = {
    "queue": uploads.mark_queued,
    "detect": lambda conn, id_: record(conn, id_, person()),
    "nothing": record,
    "refuse": lambda conn, id_: uploads.refuse(conn, id_, RefusalReason.CORRUPT, "bad"),
    "bury": lambda conn, id_: uploads.bury(conn, id_, "boom"),
    "analyse": lambda conn, id_: bool(uploads.mark_analysed(conn, [id_])),
}


class Ledger(RuleBasedStateMachine):
    """Any change at any time, compared with a model that is a dict of states."""

    def __init__(self, new_database_url):
        super().__init__()
        self.database = open_database(new_database_url())
        self.states = {}
        self.refused_arrivals = 0

    def teardown(self):
        self.database.close()

    @rule(number=IDS, content=st.integers(0, 3), is_refused=st.booleans())
    def receive(self, number, content, is_refused):
        refusal = RefusalReason.TRUNCATED if is_refused else None
        one = arrival(number, sha256=f"{content:064x}", refusal=refusal)
        with self.database.transaction() as conn:
            (upload,) = receive(conn, one)
        if upload is not None:
            assert upload.id not in self.states
            self.states[upload.id] = upload.state
            self.refused_arrivals += is_refused

    @rule(upload_id=IDS, name=st.sampled_from(sorted(CHANGES)))
    def change(self, upload_id, name):
        with self.database.transaction() as conn:
            is_changed = CHANGES[name](conn, upload_id)
        state = self.states.get(upload_id)
        assert is_changed == (name in DONE_WHERE.get(state, ()))
        if is_changed:
            self.states[upload_id] = LEADS_TO[name]

    @rule(upload_id=IDS, name=st.sampled_from(sorted(CHANGES)))
    def change_and_fail(self, upload_id, name):
        """A change that is rolled back takes its count with it."""
        with suppress(ZeroDivisionError), self.database.transaction() as conn:
            CHANGES[name](conn, upload_id)
            1 / 0  # noqa: B018 - undoes the change, which the invariant looks for

    @invariant()
    def it_adds_up_and_agrees_with_the_model(self):
        with self.database.transaction() as conn:
            counted = uploads.accounting(conn)
            refused = sum(uploads.refusals(conn).values())
            stored = dict(conn.execute(select(table.c.id, table.c.state)).all())
        expected = Counter(self.states.values())
        assert counted.is_balanced
        assert stored == self.states
        assert counted.arrived == len(self.states)
        assert refused == counted.refused == expected[UploadState.REFUSED]
        for end in (state for state in UploadState if state.is_end):
            assert getattr(counted, end.value) == expected[end]


def test_the_accounting_adds_up_whatever_happens(new_database_url):
    """Arrived equals the ends plus what is pending, and each end is what the model says."""
    run_state_machine_as_test(
        partial(Ledger, new_database_url),
        settings=settings(max_examples=25, stateful_step_count=25, deadline=None),
    )


def test_a_row_that_vanished_unbalances_the_accounting(conn):
    """The check can fail: pending is counted from rows, arrivals are not."""
    receive(conn, arrival(1), arrival(2))
    conn.execute(delete(table).where(table.c.id == 1).returning(table.c.id))
    assert not uploads.accounting(conn).is_balanced


def test_an_end_that_was_not_counted_unbalances_the_accounting(conn):
    """A change of state past the ledger's functions shows."""
    receive(conn, arrival(1))
    conn.execute(update(table).values(state=UploadState.ANALYSED))
    assert not uploads.accounting(conn).is_balanced


def test_counters_outlive_their_rows(conn):
    """Retention may delete an upload that has ended: the accounting still adds up."""
    (upload,) = receive(conn, arrival(1))
    record(conn, upload.id)
    conn.execute(delete(table))
    assert uploads.accounting(conn).is_balanced
    assert (
        conn.scalar(select(upload_counts.c.total).where(upload_counts.c.outcome == "arrived")) == 1
    )
