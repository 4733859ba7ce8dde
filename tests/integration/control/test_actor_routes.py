"""The parts of the daemon, seen and steered over the socket; each change is recorded."""

import os

import pytest
import trio

from hsid.store.store import Store


async def never(*_):
    await trio.sleep_forever()


async def test_the_tree_is_listed_parents_first(house):
    """With state, incarnation, restarts, what waits in memory, and the last error."""
    async with house.served() as client:
        actors = (await client.get("/v1/actors")).json()["actors"]

    assert [each["path"] for each in actors][:3] == [
        "platform",
        "platform/store-writer",
        "pipeline",
    ]
    assert (actors[0]["kind"], actors[1]["kind"]) == ("supervisor", "worker")
    assert (actors[3]["mailbox"], actors[4]["mailbox"]) == (7, None)
    assert (actors[-1]["state"], actors[-1]["incarnation"]) == ("parked", 2)
    assert actors[-1]["last_error"]


async def test_an_actor_is_found_by_its_path_and_by_its_last_part(house):
    """Both give the same, with how it ended before, the latest first."""
    async with house.served() as client:
        by_path = (await client.get("/v1/actors/pipeline/watcher")).json()
        by_name = (await client.get("/v1/actors/watcher")).json()

    assert by_path["path"] == by_name["path"] == "pipeline/watcher"
    assert [death["incarnation"] for death in by_path["deaths"]] == [2, 1]


async def test_a_pause_holds_until_it_is_ended_and_twice_is_as_good_as_once(house):
    """The answer says how the actor is, and whether that is news."""
    async with house.served() as client:
        answers = [
            (await client.post(f"/v1/actors/detector-1/{verb}")).json()
            for verb in ("pause", "pause", "resume", "resume")
        ]

    assert [(each["actor"]["paused"], each["changed"]) for each in answers] == [
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    ]


async def test_an_actor_is_stopped_and_started_by_hand(house):
    """It stays down meanwhile; a start of one that runs changes nothing."""
    async with house.served() as client:
        stopped = (await client.post("/v1/actors/detector-2/stop")).json()
        again = (await client.post("/v1/actors/detector-2/stop")).json()
        started = (await client.post("/v1/actors/detector-2/start")).json()
        running = (await client.post("/v1/actors/detector-2/start")).json()

    assert (stopped["actor"]["state"], stopped["changed"], again["changed"]) == (
        "stopped",
        True,
        False,
    )
    assert (started["actor"]["state"], started["actor"]["incarnation"]) == ("ready", 2)
    assert (started["changed"], running["changed"]) == (True, False)


async def test_a_restart_is_another_incarnation(house):
    """Done when it is answered."""
    async with house.served() as client:
        made = (await client.post("/v1/actors/pipeline/detector-1/restart")).json()

    assert (made["actor"]["state"], made["actor"]["incarnation"]) == ("ready", 2)


async def test_a_parked_actor_is_reset_with_a_clean_record(house):
    """It runs at once, and nothing is held against it."""
    async with house.served() as client:
        made = (await client.post("/v1/actors/watcher/reset")).json()

    assert (made["actor"]["state"], made["changed"]) == ("ready", True)
    assert made["actor"]["last_error"] is None
    assert house.state_of("watcher").deaths == ()


@pytest.mark.parametrize("verb", ["stop", "pause"])
@pytest.mark.parametrize("name", ["store-writer", "platform"])
async def test_what_the_daemon_needs_is_not_taken_from_it(house, name, verb):
    """409, and nothing has changed."""
    async with house.served() as client:
        answer = await client.post(f"/v1/actors/{name}/{verb}")

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:hsid:problem:actor-needed")
    assert (house.state_of(name).state, house.state_of(name).is_paused) == ("ready", False)


async def test_a_supervisor_is_not_paused_but_its_workers(house):
    """The words of the tree itself are the answer."""
    async with house.served() as client:
        answer = await client.post("/v1/actors/pipeline/pause")

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:hsid:problem:actor-refused")
    assert "pause its children" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/v1/actors/nobody", 404),
        ("POST", "/v1/actors/nobody/pause", 404),
        ("POST", "/v1/actors/watcher/tickle", 422),
        ("POST", "/v1/actors/watcher", 405),
    ],
)
async def test_what_there_is_not_is_refused_as_a_problem(house, method, target, status):
    """A name, a verb, a method."""
    async with house.served() as client:
        answer = await client.request(method, target)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_each_change_is_recorded_with_who_and_what_came_of_it(house):
    """Done ones and failed ones; looking is no change."""
    async with house.served() as client:
        await client.get("/v1/actors")
        await client.post("/v1/actors/detector-1/pause", headers={"X-Request-Id": "abc"})
        await client.post("/v1/actors/platform/stop")
        listed = (await client.get("/v1/changes")).json()["changes"]

    done, failed = await house.changes()
    assert (done.action, done.target, done.error) == ("actor.pause", "pipeline/detector-1", None)
    assert done.details == {"request_id": "abc", "changed": True}
    assert done.actor.startswith(f"control socket: uid {os.getuid()} ")
    assert f"pid {os.getpid()} " in done.actor
    assert (failed.action, failed.target) == ("actor.stop", "platform")
    assert failed.error == "The daemon can't be without platform: it can't be stopped."
    assert [each["action"] for each in listed] == ["actor.stop", "actor.pause"]


async def test_a_change_is_made_although_it_can_not_be_recorded(house, monkeypatch, caplog):
    """An operator may act while the database is away; then the log has the record."""
    monkeypatch.setattr("hsid.api.audit._PATIENCE", 0.01)
    async with house.served() as client:
        monkeypatch.setattr(Store, "write", never)
        answer = await client.post("/v1/actors/detector-1/pause")

    assert answer.json()["changed"] is True
    assert "change_not_recorded" in caplog.text
