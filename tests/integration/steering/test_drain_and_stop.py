"""Drain, resume and stop, as the control socket would ask for them."""

import pytest

from benchmarks._pictures import distinct_jpegs
from hsid.api.app import create_app
from hsid.controls import DrainReport
from hsid.store.uploads import accounting
from supervision import SupervisionError

WORKERS = ("watcher", "reconciler", "batcher", "analyzer", "detector-1")


async def arrived(rig):
    """Return how many uploads there are."""
    return (await rig.house.store.read(accounting)).arrived


def put_picture(rig):
    folder = rig.base / "cameras" / "front"
    folder.mkdir(exist_ok=True)
    (picture,) = distinct_jpegs(1, width=64, height=48)
    (folder / "a.jpg").write_bytes(picture)


async def test_a_drained_daemon_takes_nothing_in_until_it_is_resumed(rig):
    """What comes meanwhile is not lost: the folder keeps it."""
    assert await rig.steering.drain() == DrainReport(left=0)
    assert all(rig.node(name).is_paused for name in WORKERS)
    assert not rig.node("store-writer").is_paused

    put_picture(rig)
    await rig.steering.drain(within=0.2)
    assert await arrived(rig) == 0

    await rig.steering.resume()
    assert not any(rig.node(name).is_paused for name in WORKERS)
    while not await arrived(rig):
        pass


async def test_a_drain_that_is_not_finished_in_time_says_how_much_is_left(rig):
    """It waits no longer than it was told to, and nothing is taken out of anybody's hands."""
    rig.house.detection_consumer._handling += 1

    report = await rig.steering.drain(within=0.1)
    rig.house.detection_consumer._handling -= 1  # or the stop would wait for it as well

    assert (report.left, report.is_finished) == (1, False)


async def test_what_is_stopped_as_a_whole_is_neither_drained_nor_resumed(rig):
    """That is said, in an answer with a hint: nothing there would keep the pause."""
    app = create_app(rig.house, None)
    await rig.root.terminate_child("pipeline")

    for change in (rig.steering.drain, rig.steering.resume):
        with pytest.raises(SupervisionError, match="pipeline does not run") as caught:
            await change()
    handler = next(
        app.exception_handlers[each]
        for each in type(caught.value).__mro__
        if each in app.exception_handlers
    )
    answer = await handler(None, caught.value)

    assert answer.status_code == 409
    assert b"hsictl actor start NAME" in answer.body


async def test_a_reload_does_not_end_a_drain(rig):
    """An actor that is made anew is paused as the one before it was."""
    await rig.steering.drain()
    rig.configure(settle_seconds=1, log_level="WARNING")

    await rig.steering.reload()

    assert (rig.node("watcher").incarnation, rig.node("watcher").is_paused) == (2, True)


async def test_a_stop_is_the_same_as_by_signal(rig):
    """The whole tree goes down in order, and the service manager is told."""
    rig.heard()
    rig.steering.stop()
    await rig.root.wait_stopped()

    assert rig.heard()[0] == "STOPPING=1\nSTATUS=stopping"
