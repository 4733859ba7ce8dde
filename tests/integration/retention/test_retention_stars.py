"""What a star keeps: the event, and all that belongs to it, from every kind of retention."""

import os

import pytest
from sqlalchemy import select

from hsid.retention.deletion import delete_rows
from hsid.store import schema, space, stars
from tests.integration.retention.conftest import Home


@pytest.fixture
def home(tmp_path, database_url):
    """On both databases."""
    home = Home(tmp_path, database_url)
    yield home
    home.database.close()


def used(home):
    with home.database.transaction() as conn:
        return space.measure(conn).in_use + space.log_size(home.path)


def of_batch(home, batch_id):
    """Return the rows of a batch, from its event to its uploads."""
    with home.database.transaction() as conn:
        d, u = schema.detections.c, schema.uploads.c
        uploads = select(schema.uploads).join(schema.detections, d.upload_id == u.id)
        return [
            conn.execute(query).all()
            for query in (
                select(schema.events).where(schema.events.c.batch_id == batch_id),
                select(schema.batches).where(schema.batches.c.id == batch_id),
                select(schema.detections).where(d.batch_id == batch_id),
                uploads.where(d.batch_id == batch_id),
            )
        ]


def test_an_old_event_with_a_star_stays_as_it_is_with_its_originals(home):
    """Row by row, and the cameras' file, although that may be deleted; its neighbour goes."""
    home.judged("gate/1.jpg", days=99, count=3)
    home.judged("gate/2.jpg", days=99)
    home.judged("gate/3.jpg", days=1)
    home.star("batch of gate/1.jpg")
    before = of_batch(home, "batch of gate/1.jpg")
    home.sweep(delete_images=True)
    assert of_batch(home, "batch of gate/1.jpg") == before
    assert all(before)
    assert sorted(os.listdir(home.root / "gate")) == ["1.jpg", "3.jpg"]  # noqa: PTH208 - names
    assert home.ids("batches") == {"batch of gate/1.jpg", "batch of gate/3.jpg"}


def test_without_its_star_it_goes_with_the_next_round(home):
    """A star is no state of its own: the event is as old as it is."""
    home.judged("gate/1.jpg", days=99)
    home.judged("gate/2.jpg", days=1)
    home.star("batch of gate/1.jpg")
    home.sweep()
    with home.database.transaction() as conn:
        stars.unstar(conn, min(home_events(conn)))
    home.sweep()
    assert home.ids("batches") == {"batch of gate/2.jpg"}


def home_events(conn):
    return set(conn.scalars(select(schema.events.c.id)))


def test_a_cap_that_stars_make_impossible_takes_the_rest_and_says_so(home):
    """How much is missing, and how many events are kept by a star."""
    for n in range(20):
        home.judged(f"gate/{n:02}.jpg", days=25 - n / 10, count=30)
    for n in range(5):
        home.star(f"batch of gate/{n:02}.jpg")
    result, items = home.sweep(max_bytes=1)
    assert home.ids("batches") == {f"batch of gate/{n:02}.jpg" for n in range(5)}
    assert len([each for each in items if each.kind == "batch"]) == 15
    (remark,) = result.remarks
    assert remark.startswith("retention_max_bytes can't be kept to: about ")
    assert "has a star (5 events)" in remark


def test_a_camera_full_of_stars_leaves_the_room_to_be_made_by_the_other(home):
    """Its share is of what may go: else nobody would ever give anything."""
    for n in range(20):
        home.judged(f"busy/{n:02}.jpg", days=20, count=40)
        home.star(f"batch of busy/{n:02}.jpg")
    for n in range(10):
        home.judged(f"other/{n}.jpg", days=20 - n / 10, count=20)
    result, items = home.sweep(max_bytes=used(home) - 10_000)
    gone = [each.name for each in items if each.kind == "batch"]
    assert gone == [f"batch of other/{n}.jpg" for n in range(len(gone))]
    assert 2 <= len(gone) <= 6
    assert result.remarks == ()


def test_a_dry_run_leaves_out_what_a_star_keeps_and_has_the_same_to_say(home):
    """Item for item, remark for remark."""
    for n in range(6):
        home.judged(f"gate/{n}.jpg", days=20 + 5 * n, count=9)
    home.star("batch of gate/5.jpg")
    home.star("batch of gate/1.jpg")
    dry, foretold = home.sweep(is_dry_run=True, max_bytes=1)
    real, gone = home.sweep(max_bytes=1)
    assert foretold == gone
    assert len(home.ids("batches")) == 2
    assert [each.partition(" about ")[0] for each in dry.remarks] == [
        each.partition(" about ")[0] for each in real.remarks
    ]


def test_a_star_between_the_look_and_the_deletion_is_in_time(home, monkeypatch):
    """What was chosen is looked at again in the transaction that deletes it."""
    home.judged("gate/1.jpg", days=99)
    home.judged("gate/2.jpg", days=99)

    def star_first(conn, work, plan):
        assert stars.star(conn, min(home_events(conn)))
        return delete_rows(conn, work=work, plan=plan)

    monkeypatch.setattr("hsid.retention.sweep.delete_rows", star_first)
    _, items = home.sweep(delete_images=True)
    assert home.ids("batches") == {"batch of gate/1.jpg"}
    assert [each.name for each in items if each.kind == "file"] == ["gate/2.jpg"]
