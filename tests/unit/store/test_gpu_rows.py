"""The history of the graphics cards in the store."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hsid.model import GpuReading
from hsid.store import gpu_stats
from tests.unit.store.records import at

FULL = GpuReading(at(0), 0, "GPU-0", "A card", 0.25, 1 << 34, 1 << 35, 40.0, 70.5)
BARE = GpuReading(at(1), 1, None, None, None, None, None, None, None)


def test_readings_come_back_as_they_were_earliest_first(conn):
    """What a card did not report is still absent, not 0."""
    gpu_stats.record(conn, [BARE, FULL])

    assert gpu_stats.history(conn, at(0)) == [FULL, BARE]


def test_history_begins_where_it_is_asked_to(conn):
    """The moment itself is included."""
    gpu_stats.record(conn, [FULL, BARE])

    assert gpu_stats.history(conn, at(1)) == [BARE]


def test_nothing_to_record_is_no_error(conn):
    """A machine without a card has no readings."""
    gpu_stats.record(conn, [])

    assert gpu_stats.history(conn, at(0)) == []


def test_a_name_that_no_database_keeps_is_cleaned(conn):
    """A driver's text is a stranger's."""
    gpu_stats.record(conn, [replace(FULL, name="A\0card")])

    assert gpu_stats.history(conn, at(0))[0].name == "A\N{REPLACEMENT CHARACTER}card"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 99), unique=True), st.integers(0, 99))
def test_pruning_deletes_what_is_older_and_nothing_else(conn, seconds, limit):
    """And says how much that was."""
    gpu_stats.record(conn, [replace(FULL, recorded_at=at(each)) for each in seconds])

    assert gpu_stats.prune(conn, at(limit)) == sum(each < limit for each in seconds)

    left = [each.recorded_at for each in gpu_stats.history(conn, at(0))]
    assert left == [at(each) for each in sorted(seconds) if each >= limit]
    gpu_stats.prune(conn, at(100))
