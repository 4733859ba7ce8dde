"""A reload: checked first, taken up where that is possible, told to the service manager."""

import logging

import pytest
import trio

from hsid.controls import RENEWED, TAKERS, ReloadRefusedError, ReloadReport, Taker
from hsid.store import cameras

RELOADING = "RELOADING=1\nMONOTONIC_USEC="


async def test_the_start_is_told_once_it_is_over(rig):
    """READY comes with the readiness of the whole tree."""
    assert rig.heard() == ["READY=1\nSTATUS=running"]


async def test_what_can_be_taken_up_is_in_force_at_once(rig):
    """An actor made for its settings is made anew; the others go on undisturbed."""
    rig.configure(batch_window_seconds=60, settle_seconds=1.5, log_level="WARNING")

    report = await rig.steering.reload()

    assert report == ReloadReport(applied=("settle_seconds", "batch_window_seconds"))
    assert rig.house.batch_policy.window.total_seconds() == 60
    incarnations = {name: rig.node(name).incarnation for name in ("watcher", "batcher", "analyzer")}
    assert incarnations == {"watcher": 2, "batcher": 2, "analyzer": 1}
    assert {node.state for node in rig.root.tree().walk()} == {"ready", "running"}
    assert [node.restarts for node in rig.root.tree().walk() if node.restarts] == []


async def test_what_needs_a_restart_is_named_again_and_again(rig):
    """Until the daemon is started anew; nothing of it is in force."""
    rig.configure(api_port=9000, log_level="WARNING")

    for _ in range(2):
        report = await rig.steering.reload()
        assert report == ReloadReport(needs_restart=("api_port",))
    assert rig.house.settings.api_port == 8000


async def test_a_good_reload_word_for_word(rig):
    """RELOADING with its time, then READY with what came of it."""
    rig.heard()
    rig.configure(log_level="ERROR")

    await rig.steering.reload()

    begun, over = rig.heard()
    assert begun.startswith(RELOADING)
    assert over == "READY=1\nSTATUS=reloaded: took up log_level"
    assert rig.steering.last_reload[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("batch_window_seconds = 0\nlog_level = 'DEBUG'\n", "hsid.toml:1: batch_window_seconds"),
        ("log_level = 'DEBUG'\nbatch_windw_seconds = 9\n", 'did you mean "batch_window_seconds"'),
        ("log_level = \n", "hsid.toml:1:13: not valid TOML"),
        ("severity_low_max = 70\nlog_level = 'DEBUG'\n", "must rise from low to high"),
    ],
)
async def test_a_file_that_cannot_be_used_changes_nothing(rig, caplog, text, words):
    """It is said why, in the error, the log and the status; and READY follows."""
    before, level = rig.house.settings, logging.getLogger().level
    rig.heard()
    (rig.base / "hsid.toml").write_text(text)

    with pytest.raises(ReloadRefusedError, match=words.replace("[", r"\[")):
        await rig.steering.reload()

    assert rig.house.settings is before
    assert logging.getLogger().level == level
    assert {node.incarnation for node in rig.root.tree().walk()} == {1}
    begun, over = rig.heard()
    assert begun.startswith(RELOADING)
    assert over.startswith("READY=1\nSTATUS=reload refused: ")
    assert words.replace("\\", "") in over
    assert not rig.steering.last_reload[1]


async def test_a_file_that_is_gone_changes_nothing(rig):
    """Defaults in place of it would be a surprise."""
    (rig.base / "hsid.toml").unlink()

    with pytest.raises(ReloadRefusedError, match="can't be read"):
        await rig.steering.reload()


async def test_cameras_are_taken_up_in_the_database_as_well(rig):
    """A camera that is named after the start has its name, place and zone."""
    rig.configure(
        cameras=[], log_level="WARNING"
    )  # TOML: tables come last, so they are appended by hand
    table = '[[cameras]]\nid = "front"\nname = "Front door"\nplace = "entrance"\n'
    with (rig.base / "hsid.toml").open("a") as file:
        file.write(table)
    text = (rig.base / "hsid.toml").read_text().replace("cameras = []\n", "")
    (rig.base / "hsid.toml").write_text(text)

    report = await rig.steering.reload()

    assert report.applied == ("cameras",)
    assert rig.house.inspector.camera_of(b"front/a.jpg").name == "Front door"
    stored = await rig.house.store.read(lambda connection: cameras.get(connection, "front"))
    assert (stored.name, stored.place) == ("Front door", "entrance")


async def test_the_level_of_the_log_is_taken_up(rig):
    """From the next line on."""
    rig.configure(log_level="ERROR")

    await rig.steering.reload()

    assert logging.getLogger().level == logging.ERROR


async def test_two_reloads_at_once_come_one_after_the_other(rig):
    """Each RELOADING has its READY before the next."""
    rig.heard()
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(rig.steering.reload)

    assert [each[:5] for each in rig.heard()] == ["RELOA", "READY"] * 3


async def test_who_is_cancelled_in_mid_reload_leaves_a_whole_daemon_behind(rig):
    """A client that hangs up does not leave an actor down."""
    rig.configure(settle_seconds=1, log_level="WARNING")
    rig.heard()
    with trio.move_on_after(0):
        await rig.steering.reload()

    assert rig.node("watcher").incarnation == 2
    assert rig.node("watcher").state == "ready"
    assert rig.heard()[-1].startswith("READY=1")


async def test_an_actor_that_does_not_come_up_again_is_tried_until_it_does(rig):
    """Here its folder is away just when it is made anew."""
    rig.configure(settle_seconds=1, log_level="WARNING")
    (rig.base / "cameras").rename(rig.base / "elsewhere")
    await rig.until(lambda: rig.node("watcher").state in {"backoff", "ready"})
    await rig.root.get_spec("pipeline").start.terminate_child("watcher")
    rig.steering._down.add("watcher")
    await rig.steering.raise_fallen()
    assert rig.node("watcher").state == "stopped"

    (rig.base / "elsewhere").rename(rig.base / "cameras")

    await rig.until(lambda: rig.node("watcher").state == "ready")


async def test_an_actor_that_was_stopped_by_hand_stays_down(rig):
    """A reload is no reason to start it."""
    upkeep = rig.root.get_spec("upkeep").start
    await upkeep.terminate_child("retention")
    rig.configure(retention_days=3, log_level="WARNING")

    report = await rig.steering.reload()

    assert report.applied == ("retention_days",)
    assert rig.node("retention").state == "stopped"


async def test_every_actor_that_is_made_anew_for_its_settings_is_in_the_tree(rig):
    """Under the very name that the table of settings has."""
    names = {node.id for node in rig.root.tree().walk()}

    assert {taker.value for taker in RENEWED} <= names
    assert Taker.LOG in {taker for takers in TAKERS.values() for taker in takers}


async def test_a_reload_that_comes_by_signal_is_the_same(rig):
    """SIGHUP gives the notice that the steersman heeds; a refusal is no failure of his."""
    rig.heard()
    (rig.base / "hsid.toml").write_text("bogus = 1\n")

    rig.house.hangup.give()

    await rig.until(lambda: rig.steering.last_reload)
    assert rig.heard()[-1].startswith("READY=1\nSTATUS=reload refused")
    assert rig.node("steersman").incarnation == 1
