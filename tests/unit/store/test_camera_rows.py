"""Cameras in the store, and the column types that all tables share."""

from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import StatementError

from hsid.model import Camera, Place
from hsid.store import cameras
from tests.unit.store.records import arrival, at, receive

GATE = Camera("gate", "Front gate", Place.ENTRANCE, "Europe/Vienna")


def test_a_configured_camera_is_stored_with_all_that_is_known(conn):
    """Name, place and zone come back as configured."""
    cameras.configure(conn, [GATE])
    assert cameras.get(conn, "gate") == GATE
    assert cameras.get(conn, "yard") is None


def test_configuration_overrides_what_was_made_up_or_configured_before(conn):
    """The last configuration holds, and cameras that it does not name are kept."""
    receive(conn, arrival(1), arrival(2, camera="yard"))
    cameras.configure(conn, [GATE])
    assert cameras.list_all(conn) == [GATE, Camera("yard", "yard")]
    cameras.configure(conn, [Camera("gate", "Gate")])
    assert cameras.get(conn, "gate") == Camera("gate", "Gate")


def test_an_upload_does_not_override_the_configuration(conn):
    """A camera that is known already keeps its name."""
    cameras.configure(conn, [GATE])
    receive(conn, arrival(1))
    assert cameras.get(conn, "gate") == GATE


def test_last_seen_never_goes_back(conn):
    """An earlier arrival that is worked off late does not make the camera look silent."""
    receive(conn, arrival(1, seconds=60))
    receive(conn, arrival(2, seconds=30))
    assert cameras.last_seen(conn) == {"gate": at(60)}


def test_a_time_of_any_zone_comes_back_in_utc(conn):
    """The moment is kept, the zone is not."""
    receive(conn, arrival(1))
    local = at(90).astimezone(timezone(timedelta(hours=5)))
    cameras.mark_seen(conn, "gate", local)
    assert cameras.last_seen(conn)["gate"].isoformat() == at(90).isoformat()


def test_a_time_without_zone_is_refused(conn):
    """Nobody knows what it means, so it is not stored as something else."""
    with pytest.raises(StatementError, match="without zone"):
        cameras.mark_seen(conn, "gate", datetime(2026, 3, 1))  # noqa: DTZ001 - the point
